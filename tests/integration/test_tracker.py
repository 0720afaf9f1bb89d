"""The tracker: it says at once that a deadline has passed, through kills and behind any ledger."""

from uuid import UUID, uuid5

import pytest
from aiokafka import TopicPartition

from hoatoc.domain.event import DeadlinePassed, DispatchPublished, DispatchRegistered
from hoatoc.kafka.client import consumer
from hoatoc.testing.agency import letter, said
from hoatoc.testing.audit import Read, audit, service_times
from hoatoc.testing.line import ORGANS, Line, eventually, killed

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
TICKS_MS = 2_500
"""two ticks, and what a loaded machine adds"""


async def proposals(line: Line, *dispatches: UUID) -> list[Read]:
    """Return the proposals about copies to B of these dispatches, once there is one for each."""
    wanted = {uuid5(of, B) for of in dispatches}
    log = [one for one in await line.log() if _about(one, wanted)]
    found = {one.event.delivery_id for one in log if isinstance(one.event, DeadlinePassed)}
    return log if found == wanted else []


def _about(one: Read, wanted: set[UUID]) -> bool:
    return isinstance(one.event, DeadlinePassed) and one.event.delivery_id in wanted


async def hand_over(line: Line, number: int, priority: int = 0) -> UUID:
    return (await line.hand_over(letter(A, [B], str(number), priority=priority))).sent_as


async def late_ms(line: Line, proposal: Read) -> int:
    """Return the time from the tick that first passed a due to its proposal (append times)."""
    assert isinstance(proposal.event, DeadlinePassed)
    log = [one for one in await line.log() if one.partition == proposal.partition]
    due = proposal.event.due_ms
    timed = service_times(log, line.policy.max_gap_ms)
    passed = next(one for one, service in timed if service > due)
    return proposal.append_ms - passed.append_ms


async def test_a_passed_deadline_is_proposed_within_a_tick_or_two_and_no_other(
    fresh: Line,
) -> None:
    async with (
        fresh.program("ledger"),
        fresh.program("tracker"),
        fresh.program("intake"),
        fresh.program("relay"),
    ):
        late = [await hand_over(fresh, n) for n in range(1, 9)]
        patient = await hand_over(fresh, 100, priority=1)
        answered = await hand_over(fresh, 101)
        await fresh.write(f"reports.{B}", said("03", answered, B), answered)
        found = await eventually(lambda: proposals(fresh, *late))
    assert max([await late_ms(fresh, one) for one in found]) <= TICKS_MS
    every = await fresh.events("deliveries", DeadlinePassed)
    assert {uuid5(of, B) for of in late} == {e.delivery_id for e in every}
    assert uuid5(patient, B) not in {e.delivery_id for e in every}
    broken = audit(await fresh.log(), fresh.policy.max_gap_ms).broken()
    assert broken == {(e.delivery_id, e.kind): e.due_ms for e in every}


async def test_a_killed_tracker_goes_on_from_a_snapshot_of_the_books(fresh: Line) -> None:
    async with fresh.program("ledger"), fresh.program("intake"), fresh.program("relay"):
        async with fresh.program("tracker") as tracker:
            first = await hand_over(fresh, 1)
            await eventually(lambda: proposals(fresh, first))
            second = await hand_over(fresh, 2)
            await eventually(lambda: registered(fresh, second))
            await killed(tracker)
        third = await hand_over(fresh, 3)
        async with fresh.program("tracker"):
            fourth = await hand_over(fresh, 4)
            await eventually(lambda: proposals(fresh, second, third, fourth))
            await eventually(lambda: verdicts(fresh, 4))
    broken = audit(await fresh.log(), fresh.policy.max_gap_ms).broken()
    assert {(uuid5(of, B), "arrive") for of in (first, second, third, fourth)} == broken.keys()


async def registered(line: Line, of: UUID) -> bool:
    found = await line.events("deliveries", DispatchRegistered)
    return of in {event.dispatch_id for event in found}


async def verdicts(line: Line, least: int) -> bool:
    return bool(await line.database.fetchval("SELECT count(*) >= $1 FROM alert", least))


async def test_what_lies_between_the_books_and_its_own_offset_is_read_from_the_log(
    fresh: Line,
) -> None:
    async with fresh.program("intake"), fresh.program("relay"):
        async with fresh.program("ledger"), fresh.program("tracker"):
            before = await hand_over(fresh, 1)
            await eventually(lambda: proposals(fresh, before))
        # Without a ledger the books stand still, while the tracker's own offset moves on.
        async with fresh.program("tracker") as tracker:
            between = await hand_over(fresh, 2)
            await eventually(lambda: published(fresh, between))
            await eventually(lambda: committed_past(fresh, between))
            await killed(tracker)
        assert await fresh.database.fetchval("SELECT count(*) FROM dispatch") == 1
        async with fresh.program("tracker"):
            found = await eventually(lambda: proposals(fresh, between))
    assert {"arrive"} == {one.event.kind for one in found if isinstance(one.event, DeadlinePassed)}


async def published(line: Line, of: UUID) -> bool:
    found = await line.events("deliveries", DispatchPublished)
    return of in {event.dispatch_id for event in found}


async def committed_past(line: Line, of: UUID) -> bool:
    """Tell whether the tracker has committed an offset behind a publication."""
    (place,) = {
        (one.partition, one.offset)
        for one in await line.log()
        if isinstance(one.event, DispatchPublished) and one.event.dispatch_id == of
    }
    async with consumer(line.settings.kafka, group="hoatoc-tracker") as reader:
        reader.assign([TopicPartition("deliveries", place[0])])
        committed = await reader.committed(TopicPartition("deliveries", place[0]))
    return committed is not None and committed > place[1]
