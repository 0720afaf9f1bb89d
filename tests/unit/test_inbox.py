"""The inbox: what counts against a document, and what is the fault of something on the way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
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
)
from hoatoc.client import inbox as module
from hoatoc.client.journal import Waiting
from hoatoc.client.source import Item
from hoatoc.client.value import Entry
from hoatoc.domain.error import HoatocError

ENTRY = Entry(
    cursor="1",
    type="document",
    delivery_id=UUID(int=1),
    dispatch_id=UUID(int=2),
    sender="A",
    recipient="B",
)


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
