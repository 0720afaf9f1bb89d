"""Dues by a working calendar: fixed at the start, moved at ticks only."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.calendar import VIETNAM, Calendar, Certainty, Week, calendar
from hoatoc.domain.delivery import Position
from hoatoc.domain.event import Limits
from hoatoc.domain.working_due import (
    CLOCKS,
    DUE_DATE,
    NEXT_WORKING_DAY,
    RECEIPT_DAY,
    Calendars,
    CalendarUnknown,
    Course,
    TickRead,
    WorkingDue,
    calendar_ms,
    due_log_ms,
)
from hoatoc.testing.calendar import EveryDay

SECOND, HOUR = 1_000, 3_600_000
OFFICE = EveryDay()
FRIDAY = OFFICE.day(1_760_000_000_000) + 1
ALLOWANCE = 5 * SECOND
LIMITS = Limits(
    policy="test",
    publish_ms=1,
    arrive_ms=1,
    accept_ms=1,
    allowance_ms=ALLOWANCE,
    grace_ms=10 * SECOND,
    reply_by="2025-10-10",
)
CALENDARS: Calendars = {
    1: OFFICE,
    2: replace(OFFICE, off=frozenset({FRIDAY})),
    3: replace(OFFICE, off=frozenset({FRIDAY + 1})),
}


def clock(hour: float, day: int = FRIDAY) -> int:
    """Return an instant of calendar time."""
    return OFFICE.instant(day, hour)


def course(hour: float = 14, of: str = RECEIPT_DAY, limits: Limits = LIMITS) -> Course:
    """Return a deadline that starts at an hour of Friday, at service time 0."""
    return Course(of, Position(7, 0, clock(hour)), limits, "H33", CALENDARS)


def tick(log_ms: int, *, lost_h: float = 0, version: int = 1, begin: float = 14) -> TickRead:
    """Return a tick at an instant, when so many hours since the start were lost."""
    lost_ms = round(lost_h * HOUR)
    return TickRead(9, log_ms - clock(begin) - lost_ms, log_ms, lost_ms, version)


def test_friday_is_the_day_that_the_reply_is_due() -> None:
    assert timedelta(milliseconds=clock(0) + 7 * HOUR) + date(1970, 1, 1) == date(2025, 10, 10)


@pytest.mark.parametrize(
    ("of", "hour", "expected"),
    [
        (RECEIPT_DAY, 14, clock(17)),
        (RECEIPT_DAY, 17, clock(17, FRIDAY + 1)),
        (RECEIPT_DAY, 6, clock(17)),
        (NEXT_WORKING_DAY, 14, clock(17, FRIDAY + 1)),
        (NEXT_WORKING_DAY, 23, clock(17, FRIDAY + 1)),
        (DUE_DATE, 14, clock(17)),
        (DUE_DATE, -30, clock(17)),
        (DUE_DATE, 20, clock(20)),  # the day is over: at once
    ],
)
def test_by_when_each_clock_is_due(of: str, hour: float, expected: int) -> None:
    assert expected == due_log_ms(of, clock(hour), LIMITS, OFFICE)


def test_a_reply_due_on_a_day_off_is_due_on_the_next_working_day() -> None:
    assert due_log_ms(DUE_DATE, clock(14), LIMITS, CALENDARS[2].of("")) == clock(17, FRIDAY + 1)


def test_a_due_is_as_far_from_the_start_in_service_time_and_has_the_allowance_in_hand() -> None:
    started = Course(RECEIPT_DAY, Position(7, 900, clock(14)), LIMITS, "H33", CALENDARS)
    assert started.fixed(1, 40) == WorkingDue(900 + 3 * HOUR + ALLOWANCE, 40)


def test_before_the_first_tick_the_first_version_is_in_force() -> None:
    assert course().fixed(0, 0) == course().fixed(1, 0)


def test_a_version_that_is_not_at_hand_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(CalendarUnknown, match=r"version 9, .*restore the table calendar"):
        course().fixed(9, 0)


def through(due: WorkingDue, *ticks: TickRead, version: int = 1, hour: float = 14) -> WorkingDue:
    """Take a due through ticks."""
    return course(hour).through(due, version, ticks)


FIXED = course().fixed(1, 0)


def test_a_tick_before_the_due_or_at_it_changes_nothing() -> None:
    assert through(FIXED, tick(clock(16)), tick(clock(17) + ALLOWANCE)) == FIXED


def test_a_due_that_the_service_time_passes_is_final() -> None:
    passed = through(FIXED, tick(clock(17) + ALLOWANCE + 1))
    assert passed == FIXED._replace(passed=True)
    assert through(passed, tick(clock(22), lost_h=3)) == passed
    assert through(passed, tick(clock(22), version=2)) == passed


def test_a_version_that_adds_a_holiday_defers() -> None:
    moved = through(FIXED, tick(clock(16), version=2))
    assert moved.due_ms == FIXED.due_ms + 24 * HOUR
    assert not moved.moved


def test_a_version_that_cancels_a_holiday_brings_forward_but_never_before_the_present() -> None:
    late = course().fixed(2, 0)
    assert through(late, tick(clock(16), version=3), version=2) == FIXED
    present = tick(clock(18), version=3)
    assert through(late, present, version=2).due_ms == present.service_ms


def test_the_same_version_again_changes_nothing() -> None:
    assert through(FIXED, *(tick(clock(h)) for h in (15, 16))) == FIXED


@pytest.mark.parametrize("lost_s", [6, 3600, 3 * 3600])
def test_an_outage_that_ends_the_due_out_of_hours_gives_the_lost_time_back(lost_s: int) -> None:
    at = clock(17) + ALLOWANCE + lost_s * SECOND + 1
    now = tick(at, lost_h=lost_s / 3600)
    moved = through(FIXED, now)
    in_hours = clock(8, FRIDAY + 1) + lost_s * SECOND
    assert moved.moved
    assert moved.lost_ms == lost_s * SECOND
    assert moved.due_ms - ALLOWANCE - now.service_ms == in_hours - at


def test_what_was_lost_within_the_allowance_is_in_hand_already() -> None:
    now = tick(clock(17) + ALLOWANCE + 5 * SECOND + 1, lost_h=5 / 3600)
    assert through(FIXED, now).passed


def test_an_outage_that_ends_the_due_within_hours_moves_nothing() -> None:
    morning = course(9).fixed(1, 0)
    at = clock(17, FRIDAY) + 16 * HOUR + ALLOWANCE + 1  # 09:00 of the next day
    passed = through(morning, tick(at, lost_h=16, begin=9), hour=9)
    assert passed == morning._replace(passed=True)


def test_a_moved_due_is_not_brought_forward_and_may_be_deferred() -> None:
    moved = through(FIXED, tick(clock(20) + ALLOWANCE + 1, lost_h=3))
    assert moved.moved
    assert through(moved, tick(clock(21), lost_h=3, version=3)) == moved
    holidays: Calendars = {**CALENDARS, 2: replace(OFFICE, off=range(FRIDAY, FRIDAY + 5))}
    deferring = replace(course(), calendars=holidays)
    later = deferring.through(moved, 1, [tick(clock(21), lost_h=3, version=2)])
    assert later.due_ms > moved.due_ms


def test_a_due_moves_again_only_if_more_was_lost_since() -> None:
    moved = through(FIXED, tick(clock(20) + ALLOWANCE + 1, lost_h=3))
    evening = clock(19, FRIDAY + 1)
    again = TickRead(9, moved.due_ms + 1, evening, moved.lost_ms + 8 * HOUR, 1)
    assert through(moved, again).moved
    quiet = TickRead(9, moved.due_ms + 1, evening, moved.lost_ms, 1)
    assert through(moved, quiet) == moved._replace(passed=True)


def test_time_comes_first_and_then_the_version() -> None:
    both = tick(clock(17) + ALLOWANCE + 1, version=2)
    assert through(FIXED, both).passed


ticks = st.lists(
    st.tuples(st.integers(0, 20 * HOUR), st.integers(0, 6 * HOUR), st.integers(0, 1)), max_size=8
)


def ran(steps: list[tuple[int, int, int]]) -> list[TickRead]:
    """Return ticks after steps of (served, lost, versions adopted)."""
    found: list[TickRead] = []
    service_ms = lost_ms = 0
    version = 1
    for served, lost, adopted in steps:
        service_ms, lost_ms = service_ms + served, lost_ms + lost
        version = min(version + adopted, 3)
        log_ms = clock(14) + service_ms + lost_ms
        found.append(TickRead(len(found), service_ms, log_ms, lost_ms, version))
    return found


@given(ticks, st.integers(0, 8), st.sampled_from(CLOCKS))
def test_ticks_may_be_read_in_any_portions(
    steps: list[tuple[int, int, int]], cut: int, of: str
) -> None:
    log, started = ran(steps), course(of=of)
    whole = started.through(started.fixed(1, 0), 1, log)
    before = log[cut - 1].version if 0 < cut <= len(log) else 1
    half = started.through(started.fixed(1, 0), 1, log[:cut])
    assert whole == started.through(half, before, log[cut:])


@given(ticks, st.sampled_from(CLOCKS))
def test_a_due_that_has_not_passed_lies_at_the_present_or_behind_it(
    steps: list[tuple[int, int, int]], of: str
) -> None:
    log, started = ran(steps), course(of=of)
    due = started.through(started.fixed(1, 0), 1, log)
    assert due.passed or not log or due.due_ms >= log[-1].service_ms


@given(ticks)
def test_without_a_new_version_a_due_is_never_earlier(steps: list[tuple[int, int, int]]) -> None:
    log = ran([(served, lost, 0) for served, lost, _ in steps])
    assert course().through(FIXED, 1, log).due_ms >= FIXED.due_ms


FAST = replace(LIMITS, factor=60, factor_log_ms=clock(14), factor_calendar_ms=clock(8))


def test_in_a_demonstration_calendar_time_runs_faster_from_its_own_hour() -> None:
    assert calendar_ms(clock(14) + SECOND, FAST) == clock(8) + 60 * SECOND
    assert due_log_ms(RECEIPT_DAY, clock(14), FAST, OFFICE) == clock(14) + 9 * HOUR // 60


def test_in_a_demonstration_nothing_is_moved_into_working_hours() -> None:
    shown = course(limits=FAST)
    due = shown.fixed(1, 0)
    late = TickRead(9, due.due_ms + 1, clock(22), 4 * HOUR, 1)
    assert shown.through(due, 1, [late]) == due._replace(passed=True)


def same_hours() -> Calendar:
    """Return a real calendar with the hours of the one for tests."""
    first = date(2025, 10, 6)
    every = ((time(8), time(17)),)
    week = Week(
        name_vi="mọi ngày",
        name_en="every day",
        hours=(every,) * 7,
        certainty=Certainty.LOCAL,
        source="",
    )
    return calendar(
        name="every day",
        morning_ends=time(12),
        first_day=first,
        last_day=first + timedelta(days=30),
        weeks=(week,),
        rows={},
        doubts={},
    )


REAL = same_hours()


@given(st.integers(clock(0) - 48 * HOUR, clock(0) + 72 * HOUR), st.integers(1, 40 * HOUR))
def test_the_calendar_of_the_tests_reckons_as_the_real_one_does(at_ms: int, span_ms: int) -> None:
    for instant in (at_ms, at_ms // HOUR * HOUR):
        assert OFFICE.is_open_ms(instant) == REAL.is_open_ms(instant)
        assert OFFICE.end_of_receipt_day_ms(instant) == REAL.end_of_receipt_day_ms(instant)
        next_day = REAL.end_of_next_working_day_ms(instant)
        assert OFFICE.end_of_next_working_day_ms(instant) == next_day
        assert OFFICE.add_working_ms(instant, span_ms) == REAL.add_working_ms(instant, span_ms)
    assert VIETNAM.utcoffset(None) == timedelta(hours=7)
