"""Dues by a working calendar: counter-examples 14, 20 and 22 (design, section 9), and beyond."""

from dataclasses import replace

import pytest

from hoatoc.domain.deadline import Kind
from hoatoc.domain.working_due import Calendars
from hoatoc.testing.booking import (
    Ledgers,
    Verdicts,
    agreed,
    booked,
    books,
    proposals,
    stretches,
    watching,
)
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.oracle import Verdict
from hoatoc.testing.scenario import LIMITS, Log, delivery

OF = delivery(1, "R1")
WORKDAY = EveryDay(hour_ms=1_000)  # a day in 24 seconds
MIDNIGHT_MS = 1_760_029_200_000
TODAY = WORKDAY.day(MIDNIGHT_MS)
OFFICE: Calendars = {
    1: WORKDAY,
    2: replace(WORKDAY, off=frozenset({TODAY})),
    3: replace(WORKDAY, off=frozenset({TODAY + 1})),
}
NOON, CLOSES, OPENS = 12, 17, 8


def arrived(version: int = 1) -> Log:
    """Write a log at noon in which a document arrives that is to be accepted the same day."""
    limits = replace(LIMITS, accept_clock="receipt-day", allowance_ms=1_000, grace_ms=3_000)
    begin_ms = WORKDAY.instant(TODAY, NOON)
    log = Log(limits=limits, append_ms=begin_ms, max_gap_ms=2_000, version=version)
    log.tick()
    log.registered()
    log.published()
    log.answered("01")
    return log


def alerts(log: Log) -> Verdicts:
    """Return the alerts of a log, which are the same however it is cut."""
    return agreed(log.entries, OFFICE)


def late_at(log: Log) -> float:
    """Return the hour, counted from today's midnight, past which the acceptance is late."""
    while not (found := alerts(log)):
        log.tick()
        log.proposed("accept")
        assert log.append_ms < MIDNIGHT_MS + 100_000
    proposed = log.entries[found[OF, "accept"].raised_offset]
    return (proposed.append_ms - WORKDAY.instant(TODAY, 0)) / 1000 - 1


ALLOWANCE_H = 1


def test_14_the_due_is_the_ledgers_alone_and_a_proposal_by_another_calendar_is_harmless() -> None:
    log, other = arrived(), {**OFFICE, 1: replace(WORKDAY, closes_h=14)}
    log.ticks(3)
    (proposed,) = {passed.kind for _, passed in proposals(log.entries, other)}
    log.proposed(proposed)
    assert {} == alerts(log)
    log.answered("03")
    log.ticks(20)
    assert {} == alerts(log)


def test_14_ledger_and_tracker_use_the_version_that_the_tick_names() -> None:
    log = arrived()
    log.version = 2
    log.ticks(60)
    found = alerts(log)[OF, "accept"]
    ((at, passed),) = proposals(log.entries, OFFICE)
    assert Kind.ACCEPT is passed.kind
    assert at < found.raised_offset
    assert passed.due_ms == booked(log.entries, calendars=OFFICE).working[OF][passed.kind].due_ms


def test_20_a_version_counts_from_its_own_tick_and_never_for_what_has_passed() -> None:
    served = CLOSES - NOON + ALLOWANCE_H - 1  # at noon a second had passed
    before, behind = arrived(), arrived()
    before.ticks(served - 1)
    before.version = 2
    before.ticks(3)
    before.proposed("accept")
    behind.ticks(served)
    behind.tick(0.5, 0.5)
    behind.version = 2
    behind.ticks(2)
    late = behind.proposed("accept")
    assert {(OF, "accept"): Verdict(late, "tracker", None)} == alerts(behind)
    assert {} == alerts(before)


def test_20_time_first_and_then_the_version_at_one_tick() -> None:
    log = arrived()
    log.ticks(CLOSES - NOON + ALLOWANCE_H - 1)
    log.version = 2
    log.tick(2, 2)  # passes the due, and names the version that would have deferred it
    late = log.proposed("accept")
    assert {(OF, "accept"): Verdict(late, "tracker", None)} == alerts(log)


def test_20_a_version_that_adds_a_holiday_defers_the_due() -> None:
    assert CLOSES + ALLOWANCE_H == late_at(arrived())
    log = arrived()
    log.version = 2
    log.tick()
    assert 24 + CLOSES + ALLOWANCE_H == late_at(log)


def test_20_a_version_that_cancels_a_holiday_brings_the_due_forward() -> None:
    assert 24 + CLOSES + ALLOWANCE_H == late_at(arrived(2))
    log = arrived(2)
    log.version = 3
    log.tick()
    assert CLOSES + ALLOWANCE_H == late_at(log)


def test_20_a_due_is_never_brought_forward_to_before_the_present() -> None:
    log = arrived(2)
    log.ticks(9)  # it is 21 o'clock: the day that is no holiday after all is over
    log.version = 3
    named = log.tick()
    assert {} == alerts(log)
    log.tick()
    log.proposed("accept")
    assert {(OF, "accept"): Verdict(named + 2, "tracker", None)} == alerts(log)


def test_22_a_due_that_an_outage_moved_out_of_hours_goes_on_the_next_working_day() -> None:
    log, lost = arrived(), 3
    log.ticks(2)
    log.tick(lost)
    assert 24 + OPENS + lost + ALLOWANCE_H == late_at(log)


def test_22_an_outage_that_ends_within_hours_moves_the_due_by_its_length_only() -> None:
    log, lost = arrived(), 20
    log.tick(lost)  # it is 8 o'clock of the next day
    assert CLOSES + lost + ALLOWANCE_H == late_at(log)


def test_22_what_the_allowance_holds_in_hand_moves_nothing() -> None:
    log = arrived()
    log.ticks(2)
    log.tick(0.5, -1)
    assert CLOSES + ALLOWANCE_H <= late_at(log) <= CLOSES + ALLOWANCE_H + 0.5


def test_22_a_moved_due_is_not_brought_forward_by_a_later_version() -> None:
    log, lost = arrived(), 3
    log.ticks(2)
    log.tick(lost)
    log.ticks(5)
    (due,) = booked(log.entries, calendars=OFFICE).working[OF].values()
    assert due.moved
    log.version = 3  # tomorrow is a day off, so the day of receipt would be today's
    log.tick()
    (again,) = booked(log.entries, calendars=OFFICE).working[OF].values()
    assert due == again
    assert {} == alerts(log)


def test_22_a_due_that_passed_is_final_whatever_is_lost_or_named_afterwards() -> None:
    log = arrived()
    late = late_at(log)
    found = alerts(log)
    log.tick(30)
    log.version = 2
    log.ticks(30)
    assert CLOSES + ALLOWANCE_H == late
    assert found == alerts(log)


def test_22_a_due_that_passed_is_final_before_anybody_asked() -> None:
    log = arrived()
    log.ticks(CLOSES - NOON + ALLOWANCE_H + 1)  # past due, within the grace
    log.tick(10)
    log.version = 2
    log.ticks(3)
    assert {(OF, "accept")} == set(alerts(log))


@pytest.mark.parametrize("begin", range(4, 26, 3))
def test_22_a_tracker_that_begins_in_the_middle_knows_the_same_dues(begin: int) -> None:
    log = arrived()
    log.ticks(2)
    log.tick(3)
    log.ticks(20)
    log.version = 2
    log.ticks(60)
    whole = proposals(log.entries, OFFICE)
    watch = watching(booked(log.entries[:begin], calendars=OFFICE))
    assert 1 == len(whole)
    assert whole == proposals(log.entries, watch=watch)


async def test_a_replay_record_by_record_agrees_with_a_ledger_that_restarts_all_the_time() -> None:
    log = arrived()
    log.ticks(2)
    log.tick(3)
    log.recall_requested()
    log.recall_published()
    log.ticks(10)
    log.version = 3
    log.ticks(40)
    log.answered("16")
    ledgers = Ledgers(calendars=OFFICE)
    for stretch in stretches(log.entries, range(0, len(log.entries), 7)):
        booking = await ledgers.begin()
        await ledgers.write(booking, ledgers.read(booking, stretch))
    assert books(booked(log.entries, calendars=OFFICE)) == books(ledgers.tables)
    assert books(booked(log.entries, [], calendars=OFFICE)) == books(ledgers.tables)
