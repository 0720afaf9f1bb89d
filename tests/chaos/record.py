"""The record of a run: beside the notes, what stands in the topics and in the books at its end."""

import random
from collections.abc import Sequence
from pathlib import Path

import asyncpg
from structlog.testing import capture_logs

from hoatoc.config import Settings
from hoatoc.domain.event import AlertRaised, AlertResolved, DeliveriesUpdated, HandOverAnswered
from hoatoc.history.note import Alerted, Told
from hoatoc.history.save import (
    BOOKS_FOLDER,
    LOG_FILE,
    REPLAYED_FOLDER,
    Notebook,
    save_books,
    save_log,
)
from hoatoc.kafka.deletion import is_marker
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


async def unanswered(settings: Settings, codes: Sequence[str]) -> list[str]:
    """Return which hand-overs by Kafka were taken up and never answered, of those that remain."""
    servers = settings.kafka.bootstrap_servers
    connection = await asyncpg.connect(settings.postgres.dsn)
    try:
        rows = await connection.fetch("SELECT topic, next_offset FROM intake_position")
    finally:
        await connection.close()
    taken = {row["topic"]: row["next_offset"] for row in rows}
    missing = []
    for code in codes:
        told = [decoded(record.value) for record in await records(servers, f"statuses.{code}")]
        answered = {one.offset for one in told if isinstance(one, HandOverAnswered)}
        name = f"handovers.{code}"
        missing += [
            f"{name}, offset {record.offset}"
            for record in await records(servers, name)
            if record.offset < taken.get(name, 0)
            and record.offset not in answered
            and not is_marker(record)
        ]
    return missing


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
        if isinstance(event, HandOverAnswered):
            continue
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
