"""A record of a small real run: saved by independent readers, and found good."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid5

import pytest

from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    DeliveriesUpdated,
    DocumentDispatched,
)
from hoatoc.history.check import check_files
from hoatoc.history.note import POISON, Alerted, Answered, HandedOver, Received, Told
from hoatoc.history.report import Guarantee, Report, Verdict
from hoatoc.history.save import BOOKS_FOLDER, LOG_FILE, Notebook, now_ms, save_books, save_log
from hoatoc.testing.agency import letter, said
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(240)

A, B, C, D = (organ.code for organ in ORGANS)
ANSWERS: dict[str, tuple[str, ...]] = {B: ("done", "03"), C: (POISON,), D: ()}


@dataclass(frozen=True, slots=True)
class Acting:
    """One sender and three recipients of a line, who note what they do."""

    line: Line
    notes: Notebook

    async def hand_over(self, number: int) -> None:
        """Hand a document over to all three."""
        data = letter(A, [B, C, D], str(number))
        taken = await self.line.hand_over(data)
        self.notes.write(
            HandedOver(
                at_ms=now_ms(),
                document_id=taken.packet.document_id,
                sender=A,
                recipients=list(taken.recipients),
                sha256=hashlib.sha256(data).hexdigest(),
                door="cli",
                dispatch_id=taken.dispatch_id,
            )
        )

    async def take(self, organ: str) -> None:
        """Take what came for an organ, and answer it."""
        for one in await self.line.log(f"documents.{organ}"):
            copy = one.event
            assert isinstance(copy, DocumentDispatched)
            self.notes.write(
                Received(
                    at_ms=now_ms(),
                    organ=organ,
                    recipient=copy.recipient,
                    dispatch_id=copy.dispatch_id,
                    delivery_id=copy.delivery_id,
                    document_id=copy.document_id,
                    sha256=hashlib.sha256(copy.content or b"").hexdigest(),
                    offset=one.offset,
                )
            )
            for word in ANSWERS[organ]:
                await self._answer(copy, word)

    async def _answer(self, copy: DocumentDispatched, word: str) -> None:
        organ, topic = copy.recipient, f"reports.{copy.recipient}"
        value = said(word, copy.dispatch_id, organ)
        stands = await self.line.write(topic, value, key=copy.dispatch_id)
        self.notes.write(
            Answered(
                at_ms=now_ms(),
                organ=organ,
                recipient=organ,
                dispatch_id=copy.dispatch_id,
                delivery_id=uuid5(copy.dispatch_id, organ),
                word=word,
                topic=topic,
                offset=stands.offset,
            )
        )

    async def hear(self) -> None:
        """Note what the world was told."""
        for one in await self.line.log("alerts"):
            event = one.event
            assert isinstance(event, AlertRaised | AlertResolved)
            self.notes.write(
                Alerted(
                    at_ms=one.append_ms,
                    partition=one.partition,
                    offset=one.offset,
                    subject_id=event.subject_id,
                    kind=event.kind,
                    version=event.version,
                )
            )
        for one in await self.line.log(f"statuses.{A}"):
            assert isinstance(one.event, DeliveriesUpdated)
            for update in one.event.updates:
                self.notes.write(
                    Told(
                        at_ms=one.append_ms,
                        sender=A,
                        delivery_id=update.delivery_id,
                        state=update.state,
                        version=update.version,
                        offset=one.offset,
                    )
                )

    async def settled(self) -> bool:
        """Tell whether nothing is due any more, and all was told."""
        query = (
            "SELECT (SELECT count(*) FROM delivery WHERE wake_ms IS NOT NULL) = 0"
            " AND (SELECT count(*) FROM delivery) = 9"
            " AND (SELECT count(*) FROM announcement) = 0"
        )
        return bool(await self.line.database.fetchval(query))

    async def booked(self) -> bool:
        """Tell whether the books have every record of the log."""
        query = "SELECT coalesce(sum(next_offset), 0) FROM partition_book"
        return int(await self.line.database.fetchval(query)) == len(await self.line.log())


async def sent(line: Line) -> bool:
    """Tell whether every document has left."""
    query = "SELECT count(*) = 3 FROM outbox WHERE state = 'sent'"
    return bool(await line.database.fetchval(query))


@pytest.fixture(scope="module")
async def report(new_line: NewLine, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Let nine copies go their way, save the record, and check it."""
    folder = tmp_path_factory.mktemp("record")
    async with new_line() as line, AsyncExitStack() as programs:
        with Notebook(folder / "notes.jsonl") as notes:
            acting = Acting(line, notes)
            for program in ("relay", "ledger", "alerts"):
                await programs.enter_async_context(line.program(program))
            async with line.program("intake"):
                for number in range(1, 4):
                    await acting.hand_over(number)
                await eventually(lambda: sent(line))
                for organ in ANSWERS:
                    await acting.take(organ)
                await eventually(acting.settled, 90)
            await eventually(acting.booked)
            await acting.hear()
        await save(line, folder)
    return await asyncio.to_thread(check_files, folder, None, webhook=False)


async def save(line: Line, folder: Path) -> None:
    """Save the log and the books."""
    records = await save_log(line.servers, folder / LOG_FILE)
    assert records == len(await line.log())
    (folder / BOOKS_FOLDER).mkdir()
    await save_books(line.settings.postgres.dsn, folder / BOOKS_FOLDER)


def test_nothing_is_violated(report: Report) -> None:
    assert [one.sentence for one in report.counter_examples] == []


def test_all_but_outages_and_secrets_was_exercised(report: Report) -> None:
    quiet = {each for each, f in report.findings.items() if f.verdict is Verdict.NOT_EXERCISED}
    assert quiet == {Guarantee.G9, Guarantee.G10}


def test_every_copy_is_judged(report: Report) -> None:
    looked_at = report.findings[Guarantee.G1].looked_at
    assert (9, 9, 9) == tuple(
        looked_at[what] for what in ("copies handed over", "answers", "states")
    )
    judged = report.findings[Guarantee.G3].looked_at
    assert judged["failures"] == 3
    assert judged["deadlines broken"] >= 3  # a slow machine breaks some more
