"""A recipient's inbox over a real broker: each document once, in order, poison put aside."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hoatoc import codec
from hoatoc.client import Inbox, Poison, Received, Status, TryLater
from hoatoc.client.inbox import Handler
from hoatoc.client.source import Item, KafkaSource
from hoatoc.domain import topic
from hoatoc.domain.event import (
    DocumentDispatched,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.sqlite import FileInUse
from hoatoc.testing.agency import letter
from hoatoc.testing.line import ORGANS, Line, eventually

pytestmark = pytest.mark.timeout(120)
A, B, *_ = (organ.code for organ in ORGANS)


def copy(number: int, dispatch: UUID | None = None) -> DocumentDispatched:
    """Return the copy for B of a letter."""
    packet = letter(A, (B,), str(number))
    dispatch_id = DispatchId(dispatch or UUID(int=number))
    return DocumentDispatched(
        event_id=uuid4(),
        dispatch_id=dispatch_id,
        delivery_id=delivery_id(dispatch_id, OrganCode(B)),
        sender=A,
        recipient=B,
        document_id=f"{A},2021/03/02,{number}/UBND-VP",
        issuer=A,
        year=2021,
        number=str(number),
        notation="UBND-VP",
        subject="",
        priority=0,
        content_type="application/edxml+xml",
        content_bytes=len(packet),
        content_sha256=sha256(packet).digest(),
        content=packet,
    )


async def arrive(line: Line, *copies: DocumentDispatched | RecallIssued) -> None:
    for each in copies:
        await line.write(topic.documents(B), each, each.dispatch_id)


def inbox(line: Line, folder: Path, **more: Any) -> Inbox:
    source = KafkaSource(line.settings.kafka, B, wait_s=1)
    return Inbox(source, folder, owned=[source], **more)


@asynccontextmanager
async def running(
    opened: Inbox, handle: Handler, recall: Callable[[Received], bool] | None = None
) -> AsyncIterator[Inbox]:
    async with opened:
        task = asyncio.create_task(opened.run(handle, recall))
        try:
            yield opened
        finally:
            task.cancel()
            await asyncio.wait([task])


async def words(line: Line) -> list[tuple[int, str]]:
    """Return (dispatch, word) of what B has answered, in order."""
    answers = await line.events(topic.reports(B), TransportAcknowledged, StatusReported)
    return [
        (a.dispatch_id.int, a.outcome if isinstance(a, TransportAcknowledged) else a.code)
        for a in answers
    ]


def said(line: Line, *expected: tuple[int, str]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return sorted(await words(line)) == sorted(expected)

    return check


async def test_each_document_is_handed_over_once_and_answered_in_order(
    fresh: Line, tmp_path: Path
) -> None:
    handed: list[int] = []

    async def handle(received: Received) -> list[Status]:
        handed.append(received.entry.dispatch_id.int)
        assert received.packet.document_id == received.entry.document_id
        return [Status("01"), Status("03", "vào sổ")]

    first, second = copy(1), copy(2)
    await arrive(fresh, first, second, replace(first, event_id=uuid4()))
    expected = [(n, word) for n in (1, 2) for word in ("done", "01", "03")]
    async with running(inbox(fresh, tmp_path), handle):
        await eventually(said(fresh, *expected), what="all answers")
    assert [1, 2] == handed
    assert expected == await words(fresh)

    await arrive(fresh, second, copy(3))  # a repeat, and a new one, after a restart
    async with running(inbox(fresh, tmp_path), handle) as opened:
        await eventually(
            said(fresh, *expected, (3, "done"), (3, "01"), (3, "03")), what="the third's answers"
        )
        assert [1, 2, 3] == handed
        assert 0 == await opened.journal.waiting()


async def test_a_poison_document_is_put_aside_and_the_others_go_on(
    fresh: Line, tmp_path: Path
) -> None:
    attempts: list[int] = []

    def handle(received: Received) -> None:
        if received.entry.number == "1":
            attempts.append(received.attempt)
            raise ValueError("no such type")
        if received.entry.number == "2":
            raise Poison("không phải của chúng tôi")

    altered = replace(copy(3), content_sha256=bytes(32))
    await arrive(fresh, copy(1), copy(2), altered, copy(4))
    torn = codec.encode(copy(5))[:20]
    await fresh.write(topic.documents(B), torn, UUID(int=5))
    async with running(inbox(fresh, tmp_path, attempts=3), handle):
        expected = [(1, "fail"), (2, "fail"), (3, "fail"), (4, "done"), (5, "fail")]
        await eventually(said(fresh, *expected), what="all answers")
    assert [1, 2, 3] == attempts
    aside = tmp_path / "quarantine"
    reasons = {
        json.loads(f.read_text("utf-8"))["reason"].split(":")[0] for f in aside.glob("*.json")
    }
    assert {"ValueError", "Poison", "ContentAltered"} == reasons
    assert copy(1).content in [file.read_bytes() for file in aside.glob("*.edxml")]
    assert [torn] == [file.read_bytes() for file in aside.glob("*.bin")]


async def test_what_is_not_its_fault_does_not_count_against_a_document(
    fresh: Line, tmp_path: Path
) -> None:
    attempts: list[int] = []

    async def handle(received: Received) -> None:
        attempts.append(received.attempt)
        if len(attempts) < 5:
            raise TryLater("our own database is away")

    await arrive(fresh, copy(1))
    async with running(inbox(fresh, tmp_path, attempts=2), handle):
        await eventually(said(fresh, (1, "done")), what="the acknowledgement")
    assert [1] * 5 == attempts


async def test_a_document_that_kills_the_process_each_time_becomes_poison(
    fresh: Line, tmp_path: Path
) -> None:
    await arrive(fresh, copy(1), copy(2))
    subject = f"document/{copy(1).delivery_id}"
    async with inbox(fresh, tmp_path) as opened:
        for _ in range(3):
            await opened.journal.begin(subject)  # and the process was gone

    async def handle(received: Received) -> None:
        assert received.entry.number == "2"

    async with running(inbox(fresh, tmp_path, attempts=3), handle):
        await eventually(said(fresh, (1, "fail"), (2, "done")), what="both answers")


async def test_a_recall_is_answered_by_what_its_handler_says_or_by_a_person(
    fresh: Line, tmp_path: Path
) -> None:
    document = copy(1)
    names = set(DocumentDispatched.__slots__) & set(RecallIssued.__slots__)
    recall = RecallIssued(
        recall_id=UUID(int=9),
        form="status-13",
        reason="gửi nhầm",
        **{
            **{name: getattr(document, name) for name in names},
            "event_id": uuid4(),
            "content": None,
            "content_sha256": None,
        },
    )
    waiting = replace(recall, recall_id=UUID(int=10), event_id=uuid4())
    seen: list[str | None] = []

    async def handle(_: Received) -> None:
        return None

    def agree(received: Received) -> bool:
        seen.append(received.entry.reason)
        return True

    await arrive(fresh, document, recall)
    async with running(inbox(fresh, tmp_path), handle, agree):
        await eventually(said(fresh, (1, "done"), (1, "15")), what="the answer to the recall")
    assert ["gửi nhầm"] == seen
    await arrive(fresh, waiting)
    async with running(inbox(fresh, tmp_path), handle) as opened:

        async def read() -> bool:
            return await opened.journal.cursor("kafka") == "3"

        await eventually(read, what="the second recall read")
        source = opened.source
        assert isinstance(source, KafkaSource)

        async def again() -> list[Item]:  # the inbox itself reads on there meanwhile
            return [item for item in (await source.next("2"))[0] if item.entry]

        (item,) = await eventually(again, what="the recall read again")
        assert item.entry is not None
        await opened.report(item.entry, "16", "đã vào sổ")
        await eventually(said(fresh, (1, "done"), (1, "15"), (1, "16")), what="the person's answer")


async def test_two_readers_never_share_a_journal(fresh: Line, tmp_path: Path) -> None:
    async with inbox(fresh, tmp_path):
        with pytest.raises(FileInUse, match="Another process works"):
            await inbox(fresh, tmp_path).__aenter__()
