"""The inbox: what counts against a document, and what is the fault of something on the way."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from hoatoc.client import (
    Busy,
    ContentAltered,
    ContentGone,
    GatewayAway,
    GatewayFault,
    Inbox,
    NotFound,
    NotServed,
    Received,
    Refused,
    ReplyUnreadable,
    Status,
)
from hoatoc.client import inbox as module
from hoatoc.client.journal import Waiting
from hoatoc.client.source import Item
from hoatoc.domain.error import HoatocError
from hoatoc.testing.entry import ENTRY


@dataclass(slots=True)
class Scripted:
    """A source with one document, whose content and answers fail as they are told to."""

    faults: list[HoatocError]
    refusals: list[HoatocError] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = "scripted"
    organ: str = "B"

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        if cursor is None:
            return [Item(cursor="1", entry=ENTRY)], "1"
        await asyncio.Event().wait()
        raise AssertionError

    async def content(self, item: Item) -> bytes:
        del item
        if self.faults:
            raise self.faults.pop(0)
        return b"<packet/>"

    async def answer(self, answer: Waiting) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.said.append(answer.word)
        self.done.set()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_S", 0.001)


async def read(source: Scripted, folder: Path) -> list[int]:
    """Read the one document; return the attempts that its handler saw, once it is answered."""
    attempts: list[int] = []

    async def handle(received: Received) -> None:
        attempts.append(received.attempt)

    async with Inbox(source, folder) as inbox:
        running = asyncio.create_task(inbox.run(handle))
        async with asyncio.timeout(10):
            await source.done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return attempts


@pytest.mark.parametrize(
    "fault",
    [
        ReplyUnreadable("a page"),
        GatewayAway("cut"),
        NotFound({}, 404, None),
        GatewayFault({}, 500, None),
        NotServed({}, 504, None),
        Busy({"code": "many-at-once"}, 429, 0),
        Refused({"code": "request-invalid"}, 422, None),
    ],
)
async def test_what_something_on_the_way_says_counts_nothing(
    fault: HoatocError, tmp_path: Path
) -> None:
    source = Scripted([fault] * 8)
    assert [1] == await read(source, tmp_path)
    assert ["done"] == source.said
    assert [] == list((tmp_path / "quarantine").iterdir())


@pytest.mark.parametrize(
    "fault",
    [
        ContentAltered("other bytes"),
        ContentGone({"code": "content-missing"}, 503, 0),
        GatewayFault({"code": "internal-error"}, 500, None),
    ],
)
async def test_what_is_said_of_the_document_itself_counts_to_the_last_attempt(
    fault: HoatocError, tmp_path: Path
) -> None:
    mended, lost = Scripted([fault] * 4), Scripted([fault] * 9)
    assert [5] == await read(mended, tmp_path / "mended")
    assert [] == await read(lost, tmp_path / "lost")
    assert (["done"], ["fail"]) == (mended.said, lost.said)
    assert 1 == len(list((tmp_path / "lost" / "quarantine").iterdir()))


@pytest.mark.parametrize(
    "refusal",
    [ReplyUnreadable("a page"), NotFound({"code": "route-unknown"}, 404, None), GatewayAway("cut")],
)
async def test_an_answer_that_was_not_understood_is_given_again(
    refusal: HoatocError, tmp_path: Path
) -> None:
    source = Scripted([], [refusal] * 3)
    assert [1] == await read(source, tmp_path)
    assert ["done"] == source.said


@pytest.mark.parametrize(
    ("code", "description"),
    [("07", ""), ("", ""), ("13", ""), ("03", "x" * 4001), ("03", "a\0"), ("03", "\ud800")],
)
def test_a_status_that_no_gateway_takes_is_refused_where_it_is_made(
    code: str, description: str
) -> None:
    with pytest.raises(ValueError, match=r"code: |description: "):
        Status(code, description)


@dataclass(slots=True)
class Two(Scripted):
    """A source with two documents; what is said of the first is never understood."""

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        if cursor is None:
            other = replace(ENTRY, cursor="2", delivery_id=UUID(int=3))
            return [Item(cursor=each.cursor, entry=each) for each in (ENTRY, other)], "2"
        await asyncio.Event().wait()
        raise AssertionError

    async def answer(self, answer: Waiting) -> None:
        if answer.delivery_id == ENTRY.delivery_id:
            raise Refused({"code": "request-invalid", "field": "body.reason"}, 422, None)
        self.said.append(answer.word)
        self.done.set()


async def test_an_answer_that_is_not_understood_holds_up_none_of_another_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_S", 30.0)
    source = Two([])
    await read(source, tmp_path)
    assert ["done"] == source.said


async def test_a_handler_whose_own_task_was_cancelled_is_called_again(tmp_path: Path) -> None:
    source, attempts = Scripted([]), list[int]()

    async def handle(received: Received) -> None:
        attempts.append(received.attempt)
        if received.attempt == 1:
            raise asyncio.CancelledError

    async with Inbox(source, tmp_path) as inbox, asyncio.timeout(10):
        running = asyncio.create_task(inbox.run(handle))
        await source.done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert ([1, 2], ["done"]) == (attempts, source.said)


async def test_what_a_thread_ends_while_the_reader_is_stopped_is_noted(tmp_path: Path) -> None:
    source, begun, go, calls = Scripted([]), threading.Event(), threading.Event(), list[int]()

    def handle(received: Received) -> None:
        calls.append(received.attempt)
        begun.set()
        go.wait(10)

    async with Inbox(source, tmp_path) as inbox, asyncio.timeout(20):
        running = asyncio.create_task(inbox.run(handle))
        await asyncio.to_thread(begun.wait)
        running.cancel()
        asyncio.get_running_loop().call_later(0.1, go.set)
        with pytest.raises(asyncio.CancelledError):
            await running
        running = asyncio.create_task(inbox.run(handle))
        await source.done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert ([1], ["done"]) == (calls, source.said)
