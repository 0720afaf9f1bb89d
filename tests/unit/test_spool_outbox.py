"""The outbox of a spool and who empties it: answers out of turn, clocks set back, odd packets."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock
from uuid import UUID

import pytest

from hoatoc.client.trying import Backoff
from hoatoc.domain.event import HandOverAnswered
from hoatoc.spool.door import Handed, LineDown
from hoatoc.spool.forwarder import KNOCKS, Forwarder, Line
from hoatoc.spool.outbox import Arrival, Named, Outbox, Queued, State, open_outbox

PACKET = Arrival(content=b"<packet/>", document_id="A,1", sender="A", priority=0, name="a.edxml")
DISPATCH = UUID(int=7)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with open_outbox(tmp_path / "spool.sqlite", 10**6) as opened:
        yield opened


async def claimed(outbox: Outbox) -> Queued:
    """Take a packet and claim it: it is about to be handed to the broker."""
    await outbox.take(PACKET)
    (row,) = await outbox.claim((), 1)
    return row


def answer(row: Queued, outcome: str, dispatch_id: UUID | None, reason: str) -> HandOverAnswered:
    return HandOverAnswered(
        event_id=row.handover_id,
        handover_id=row.handover_id,
        partition=0,
        offset=0,
        outcome=outcome,
        dispatch_id=dispatch_id,
        reason=reason or None,
    )


@pytest.mark.parametrize(
    ("outcome", "dispatch_id", "reason", "state", "kept"),
    [
        ("taken", DISPATCH, "", State.SENT, None),
        ("refused", None, "check-failed", State.REFUSED, PACKET.content),
        ("refused", None, "secret-suspected", State.REFUSED, None),
    ],
)
async def test_an_answer_that_overtakes_the_confirmation_of_the_broker_stands(
    outbox: Outbox,
    outcome: str,
    dispatch_id: UUID | None,
    reason: str,
    state: State,
    kept: bytes | None,
) -> None:
    row = await claimed(outbox)
    await outbox.book("kafka", "1", [], [answer(row, outcome, dispatch_id, reason)])
    await outbox.mark_handed(row.id, {"offset": 0})
    fate = await outbox.fate(row.id)
    assert fate
    assert (state, dispatch_id) == (fate.state, fate.dispatch_id)
    assert kept == await outbox.content(row.id)
    assert 0 == (await outbox.standing()).unanswered
    assert [] == await outbox.claim((), 1)


async def test_what_was_never_answered_is_given_back_and_an_answer_after_all_stands(
    outbox: Outbox,
) -> None:
    row = await claimed(outbox)
    await outbox.mark_handed(row.id, {"offset": 0})
    handed = await outbox.fate(row.id)
    assert handed
    assert handed.ended_ms
    assert 0 == await outbox.give_back_unanswered(handed.ended_ms)
    assert 1 == await outbox.give_back_unanswered(handed.ended_ms + 1)
    back = await outbox.fate(row.id)
    assert back
    assert (State.REFUSED, "answer-expired") == (back.state, back.answer["reason"])
    assert PACKET.content == await outbox.content(row.id)
    await outbox.book("kafka", "1", [], [answer(row, "taken", DISPATCH, "")])
    found = await outbox.fate(row.id)
    assert found
    assert (State.SENT, DISPATCH) == (found.state, found.dispatch_id)
    assert 0 == await outbox.give_back_unanswered(handed.ended_ms + 1)


async def test_a_refusal_that_comes_after_all_says_why(outbox: Outbox) -> None:
    row = await claimed(outbox)
    await outbox.mark_handed(row.id, {"offset": 0})
    await outbox.give_back_unanswered(2**62)
    await outbox.given_back(row.id)
    await outbox.book("kafka", "1", [], [answer(row, "refused", None, "check-failed")])
    await outbox.book("kafka", "2", [], [answer(row, "refused", None, "another")])
    fate = await outbox.fate(row.id)
    assert fate
    assert (State.REFUSED, "check-failed") == (fate.state, fate.answer["reason"])


async def test_a_state_that_was_asked_for_is_booked_beside_the_same_version(outbox: Outbox) -> None:
    def told(state: str, version: int) -> Named:
        return Named(UUID(int=1), DISPATCH, "B", state, version)

    for state, version in (("unsent", -1), ("cancelled", -1), ("published", 0), ("unsent", -1)):
        await outbox.book("gateway", "1", [told(state, version)])
    (copy,) = (await outbox.told(DISPATCH))["copies"]
    assert ("published", 0) == (copy["state"], copy["version"])


async def test_a_clock_that_was_set_back_strands_nothing(tmp_path: Path) -> None:
    clock = Mock(return_value=1_000_000_000)
    with open_outbox(tmp_path / "spool.sqlite", 10**6, now_ms=clock) as outbox:
        row = await claimed(outbox)
        for seconds in (0, 30):
            clock.return_value += 7 * 3_600_000
            await outbox.put_off(row.id, seconds, "down")
            clock.return_value -= 7 * 3_600_000
            assert [row.id] == [each.id for each in await outbox.claim((), 1)]
        await outbox.put_off(row.id, 30, "down")
        assert [] == await outbox.claim((), 1)


async def test_what_a_process_had_claimed_that_is_gone_waits_again(
    tmp_path: Path,
) -> None:
    with open_outbox(tmp_path / "spool.sqlite", 10**6) as outbox:
        row = await claimed(outbox)
    with open_outbox(tmp_path / "spool.sqlite", 10**6) as outbox:
        assert [row.id] == [each.id for each in await outbox.claim((), 1)]


class Picky:
    """A door that something stands before which does not let one packet pass."""

    def __init__(self, stopped: bytes, down_for: int = 0) -> None:
        self.stopped, self.down_for, self.passed = stopped, down_for, list[bytes]()

    async def hand_over(self, packet: Queued, content: bytes) -> Handed:
        del packet
        self.down_for -= 1
        if content == self.stopped or self.down_for >= 0:
            raise LineDown("HTTP 403: text/html")
        self.passed.append(content)
        return Handed(DISPATCH, {})


@pytest.mark.parametrize("down_for", [0, 4 * KNOCKS + 3])
async def test_a_packet_that_something_on_the_way_stops_holds_up_no_other(
    outbox: Outbox, down_for: int
) -> None:
    door = Picky(b"stopped", down_for)
    for number, content in enumerate((b"stopped", b"a", b"b", b"c")):
        urgency = 4 if content == b"stopped" else 0
        await outbox.take(replace(PACKET, content=content, priority=urgency, name=str(number)))
    line = Line(backoff=Backoff(0.001, 0.002))
    forwarder = Forwarder(outbox, door, 1, line)
    running = asyncio.create_task(forwarder.run())
    try:
        async with asyncio.timeout(20):
            while len(door.passed) < 3:
                await forwarder.changed.wait()
                forwarder.changed.clear()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert {b"a", b"b", b"c"} == set(door.passed)
    assert 1 == (await outbox.standing()).packets


async def test_what_was_never_answered_is_not_forgotten(tmp_path: Path) -> None:
    clock = Mock(return_value=1_000_000_000)
    with open_outbox(tmp_path / "spool.sqlite", 10**6, now_ms=clock) as outbox:
        row = await claimed(outbox)
        await outbox.mark_handed(row.id, {})
        other = Named(UUID(int=1), UUID(int=2), "B", "taken", 3)
        await outbox.book("kafka", "1", [other])
        clock.return_value += 48 * 3_600_000
        assert 0 == await outbox.forget(24 * 3600)
        assert [] == (await outbox.told(other.dispatch_id))["copies"]
        await outbox.book("kafka", "2", [], [answer(row, "taken", DISPATCH, "")])
        assert 1 == await outbox.forget(24 * 3600)


class Slow:
    """A door at which packets stay until it is told."""

    def __init__(self) -> None:
        self.there, self.go = list[bytes](), asyncio.Event()

    async def hand_over(self, packet: Queued, content: bytes) -> Handed:
        del packet
        self.there.append(content)
        await self.go.wait()
        return Handed(DISPATCH, {})


async def test_an_urgent_packet_waits_for_no_others_that_are_under_way(outbox: Outbox) -> None:
    door = Slow()
    for content in (b"a", b"b", b"c"):
        await outbox.take(replace(PACKET, content=content))
    forwarder = Forwarder(outbox, door, 2)
    running = asyncio.create_task(forwarder.run())

    async def until(number: int) -> None:
        async with asyncio.timeout(20):
            while len(door.there) < number:
                await asyncio.sleep(0.01)

    try:
        await until(2)
        for content, priority in ((b"urgent", 4), (b"urgent too", 1)):
            await outbox.take(replace(PACKET, content=content, priority=priority))
        forwarder.wake.set()
        await until(3)
        assert b"urgent" == door.there[2]
        door.go.set()
        await until(5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert b"urgent too" == door.there[3]
