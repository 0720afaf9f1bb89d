"""What a spool makes of the answer when it asks how a dispatch stands, and of none."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import AsyncMock
from uuid import UUID

import pytest

from hoatoc.client.error import NotFound
from hoatoc.client.value import Copy, Dispatch, Happening, Stretch, Timeline, Told
from hoatoc.domain.error import Unavailable
from hoatoc.domain.event import HandOverAnswered
from hoatoc.spool.door import LineDown
from hoatoc.spool.folder import Folder
from hoatoc.spool.forwarder import Line
from hoatoc.spool.outbox import open_outbox
from hoatoc.spool.telling import GatewayStatuses, Teller

DISPATCH, DELIVERY = UUID(int=1), UUID(int=2)


def statuses(*events: tuple[str, str | None, str | None]) -> GatewayStatuses:
    client = AsyncMock()
    copy = Copy(delivery_id=DELIVERY, recipient="B", state="accepted", version=9)
    client.dispatch.return_value = Dispatch(
        dispatch_id=DISPATCH, sender="A", document_id="A,1", recipients=(copy,)
    )
    client.timeline.return_value = Timeline(events=tuple(_happening(*each) for each in events))
    return GatewayStatuses(client)


def _happening(kind: str, code: str | None, detail: str | None) -> Happening:
    return Happening(
        at=datetime.now(UTC), type=kind, delivery_id=DELIVERY, code=code, detail=detail
    )


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], (None, None)),
        ([("StatusReported", "03", "Đã tiếp nhận")], ("03", "Đã tiếp nhận")),
        (
            [("StatusReported", "03", "Đã tiếp nhận"), ("DeadlinePassed", "handle", None)],
            ("03", "Đã tiếp nhận"),
        ),
        ([("TransportAcknowledged", "done", None), ("StatusReported", "01", "")], ("01", "")),
        ([("DeadlinePassed", "arrive", None)], (None, None)),
    ],
)
async def test_the_words_of_a_copy_are_what_its_recipient_said_last(
    events: Sequence[tuple[str, str | None, str | None]], words: tuple[str | None, str | None]
) -> None:
    told = await statuses(*events).standing(DISPATCH)
    assert told
    (update,) = told.updates
    assert ("accepted", 9, *words) == (
        update.state,
        update.version,
        update.code,
        update.description,
    )


async def test_only_the_gateway_says_that_a_dispatch_is_not_there() -> None:
    asked = statuses()
    asked.client.dispatch.side_effect = NotFound({"code": "not-found"}, 404, None)  # type: ignore[attr-defined]
    assert await asked.standing(DISPATCH) is None
    asked.client.dispatch.side_effect = NotFound({}, 404, None)  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        await asked.standing(DISPATCH)


class Closed(Unavailable):
    """Asks for an hour."""

    retry_after_s = 3600


class Away:
    """Statuses that cannot be had at first, and are not to be asked for soon."""

    name, can_ask = "gateway", False

    def __init__(self, line: Line) -> None:
        self.line, self.asked = line, list[float]()

    async def next(self, cursor: str | None, wait_s: float) -> Stretch[Told | HandOverAnswered]:
        del cursor
        self.asked.append(wait_s)
        if len(self.asked) == 1:
            asyncio.get_running_loop().call_soon(self.line.works)
            raise Closed("away")
        if len(self.asked) == 2:
            return Stretch(entries=(), next="1")
        raise asyncio.CancelledError

    async def standing(self, dispatch_id: UUID) -> Told | None:
        raise AssertionError(dispatch_id)


async def test_statuses_are_asked_for_as_soon_as_the_line_is_back(tmp_path: Path) -> None:
    line = Line()
    line.broke(LineDown("away"))
    statuses = Away(line)
    with open_outbox(tmp_path / "spool.sqlite", 10**6) as outbox:
        teller = Teller(outbox, Folder(tmp_path), line, asyncio.Event())
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(teller.follow(statuses), 20)
        assert ("1", "") == (await outbox.cursor("gateway"), teller.fault)
