"""The record of a run: beside the notes, what stands in the topics and in the books at its end."""

import random
from collections.abc import Sequence
from pathlib import Path

from structlog.testing import capture_logs

from hoatoc.config import Settings
from hoatoc.domain.event import AlertRaised, AlertResolved, DeliveriesUpdated
from hoatoc.history.note import Alerted, Told
from hoatoc.history.save import (
    BOOKS_FOLDER,
    LOG_FILE,
    REPLAYED_FOLDER,
    Notebook,
    save_books,
    save_log,
)
from hoatoc.testing.audit import decoded, records
from tests.chaos.replay import replay


async def complete(settings: Settings, codes: Sequence[str], folder: Path, seed: int) -> int:
    """Write what the notes of a run still lack; return how many records the log has."""
    servers, dsn = settings.kafka.bootstrap_servers, settings.postgres.dsn
    count = await save_log(servers, folder / LOG_FILE)
    books, replayed = folder / BOOKS_FOLDER, folder / REPLAYED_FOLDER
    books.mkdir()
    await save_books(dsn, books)
    with Notebook(folder / "told.jsonl") as notes:
        await _alerted(servers, notes)
        for code in codes:
            await _told(servers, code, notes)
    with capture_logs():
        other = await replay(dsn, folder / LOG_FILE, settings.kafka.partitions, random.Random(seed))
    replayed.mkdir()
    await save_books(other, replayed, whole=False)
    return count


async def _alerted(servers: str, notes: Notebook) -> None:
    for record in await records(servers, "alerts"):
        event = decoded(record.value)
        if not isinstance(event, AlertRaised | AlertResolved):
            raise TypeError(f"{type(event).__name__} at {record.partition}/{record.offset}")
        notes.write(
            Alerted(
                at_ms=record.timestamp,
                partition=record.partition,
                offset=record.offset,
                subject_id=event.subject_id,
                kind=event.kind,
                version=event.version,
            )
        )


async def _told(servers: str, code: str, notes: Notebook) -> None:
    for record in await records(servers, f"statuses.{code}"):
        event = decoded(record.value)
        if not isinstance(event, DeliveriesUpdated):
            raise TypeError(f"{type(event).__name__} in statuses.{code} at {record.offset}")
        for update in event.updates:
            notes.write(
                Told(
                    at_ms=record.timestamp,
                    sender=code,
                    delivery_id=update.delivery_id,
                    state=update.state,
                    version=update.version,
                    offset=record.offset,
                )
            )
