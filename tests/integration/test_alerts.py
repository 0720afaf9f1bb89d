"""Alerts: what the books have to tell is told in order, at least once, under the same ids."""

from collections import defaultdict
from uuid import UUID, uuid4

import pytest

from hoatoc.config import Relay
from hoatoc.domain import topic
from hoatoc.domain.event import AlertRaised, AlertResolved, DeadLettered
from hoatoc.kafka.client import outgoing
from hoatoc.kafka.topic import admin
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.testing.agency import letter
from hoatoc.testing.line import ORGANS, Line, eventually, killed

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


def alert(recipient: str, subject_id: UUID, version: int = 1) -> AlertRaised | AlertResolved:
    return (AlertRaised if version == 1 else AlertResolved)(
        event_id=uuid4(),
        subject_id=subject_id,
        kind="arrive",
        version=version,
        recipient=recipient,
        sender=A,
    )


async def announce(line: Line, *events: AlertRaised | AlertResolved, to: str = "alerts") -> None:
    partitions = line.settings.kafka.partitions
    records = [
        outgoing(
            event,
            topic=to,
            key=(event.recipient or "").encode(),
            source="ledger",
            dispatch_id=None,
            partition=topic.partition_of_key((event.recipient or "").encode(), partitions),
        )
        for event in events
    ]
    ids = [(r, e.event_id, type(e).__name__) for r, e in zip(records, events, strict=True)]
    await LedgerTables(line.database).announce(ids)


async def told(line: Line) -> bool:
    return not await line.database.fetchval("SELECT count(*) FROM announcement")


async def test_what_concerns_one_recipient_is_told_in_the_order_of_the_books(fresh: Line) -> None:
    codes = (B, C, D)
    events = [alert(codes[n % 3], uuid4()) for n in range(300)]
    async with fresh.program("alerts"):
        for start in range(0, 300, 50):
            await announce(fresh, *events[start : start + 50])
        await eventually(lambda: told(fresh))
    found: dict[str, list[UUID]] = defaultdict(list)
    for one in await fresh.log("alerts"):
        assert isinstance(one.event, AlertRaised)
        found[one.event.recipient or ""].append(one.event.event_id)
    assert {code: [e.event_id for e in events if e.recipient == code] for code in codes} == found


async def test_a_crash_after_sending_repeats_it_under_the_same_ids(fresh: Line) -> None:
    events = [alert(B, uuid4()) for _ in range(5)]
    ids = [event.event_id for event in events]
    await announce(fresh, *events)
    async with fresh.held("announcement", "DELETE"), fresh.program("alerts") as program:
        await eventually(fresh.is_holding)
        await killed(program)
    assert not await told(fresh)
    async with fresh.program("alerts"):
        await eventually(lambda: told(fresh))
    found = await fresh.events("alerts", AlertRaised)
    assert ids + ids == [event.event_id for event in found]
    assert events + events == found


async def test_what_the_broker_refuses_is_parked_and_the_rest_goes_on(fresh: Line) -> None:
    async with admin(fresh.settings.kafka) as client:
        await client.delete_topics([f"statuses.{D}"])
    refused, taken = alert(B, uuid4()), alert(C, uuid4())
    await announce(fresh, refused, to=f"statuses.{D}")
    await announce(fresh, taken)
    async with fresh.program("alerts"):
        await eventually(lambda: told(fresh))
    assert [taken] == await fresh.events("alerts", AlertRaised)
    (parked,) = await fresh.events("dead-letters", DeadLettered)
    assert (f"statuses.{D}", "send-refused") == (parked.topic, parked.reason)


async def test_a_second_instance_stands_by_until_the_first_is_gone(fresh: Line) -> None:
    async with fresh.program("alerts") as first, fresh.program("alerts") as second:
        leading = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        (one,) = await fresh.database.fetch(leading)
        await killed(first)
        event = alert(B, uuid4())
        await announce(fresh, event)
        await eventually(lambda: told(fresh))
        (other,) = await fresh.database.fetch(leading)
        assert one != other
        assert second.returncode is None
    assert [event] == await fresh.events("alerts", AlertRaised)


async def test_a_hand_over_that_waits_too_long_is_alerted_and_resolved_when_sent(
    fresh: Line,
) -> None:
    fresh.settings = fresh.settings.model_copy(update={"relay": Relay(unsent_after_s=0.5)})
    of = (await fresh.hand_over(letter(A, [B], "1"))).sent_as
    async with fresh.program("alerts"):

        async def alerts(least: int) -> bool:
            return len(await fresh.events("alerts", AlertRaised, AlertResolved)) >= least

        await eventually(lambda: alerts(1))
        async with fresh.program("relay"):
            await eventually(lambda: alerts(2))
    raised, resolved = await fresh.events("alerts", AlertRaised, AlertResolved)
    assert isinstance(raised, AlertRaised)
    assert isinstance(resolved, AlertResolved)
    assert (of, "unsent", 1, A) == about(raised)
    assert (of, "unsent", 2, A) == about(resolved)


def about(event: AlertRaised | AlertResolved) -> tuple[UUID, str, int, str | None]:
    return event.subject_id, event.kind, event.version, event.sender
