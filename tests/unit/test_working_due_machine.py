"""Dues by a working calendar, record by record, against the oracle's reckoning over the whole log.

Ticks serve or lose time, name versions of the calendar and follow a clock that steps back;
deadlines start and close in between, in any order. Each due is read twice: tick by tick, and later
in portions of any size, as by a ledger that lags.
"""

from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hoatoc.domain.delivery import Position
from hoatoc.domain.working_due import CLOCKS, Calendars, Course, TickRead, WorkingDue
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.oracle_time import Moment, working_due
from hoatoc.testing.profile import DOMAIN
from hoatoc.testing.scenario import LIMITS

HOUR = 1_000
WORKDAY = EveryDay(hour_ms=HOUR)  # a day in 24 seconds
MIDNIGHT_MS = 1_760_029_200_000  # of the day by which a reply is due
TODAY = WORKDAY.day(MIDNIGHT_MS)
YEARS = [
    WORKDAY,
    replace(WORKDAY, off=frozenset({TODAY})),
    replace(WORKDAY, off=frozenset({TODAY + 1, TODAY + 2})),
    replace(WORKDAY, closes_h=12),
]
OFFICE = {version: YEARS[(version - 1) % len(YEARS)] for version in range(1, 100)}
GAP_MS, ALLOWANCE_MS = 5 * HOUR, 2 * HOUR
STEPS = st.sampled_from([HOUR, HOUR, 1, HOUR // 2, GAP_MS, 9 * HOUR, 30 * HOUR, -3 * HOUR])
NEWER = st.sampled_from([0, 0, 0, -1, 1, 2])
LOST = st.sampled_from([0, 1, ALLOWANCE_MS, ALLOWANCE_MS + 1, 6 * HOUR, 13 * HOUR])
FACTORS = st.sampled_from([1, 1, 1, 60])


@dataclass(slots=True)
class Running:
    """A deadline, as it is known at once and as a ledger that lags knows it."""

    course: Course
    start: int
    due: WorkingDue
    late: WorkingDue
    read: int
    """how far the one that lags has read"""
    end: int | None = None
    """where it was closed"""
    was: WorkingDue | None = None
    """as it stood before the latest record, if that is a tick"""


class Dues(RuleBasedStateMachine):
    """A partition, and the deadlines that run in it."""

    def __init__(self) -> None:
        super().__init__()
        self.past = [Moment(0, False, WORKDAY.instant(TODAY, 14), 0, 0, 1)]
        self.named = 0
        """the greatest version that a tick has named"""
        self.running: list[Running] = []

    @initialize(clock=st.sampled_from(CLOCKS), hour=st.integers(-30, 23))
    def begin(self, clock: str, hour: int) -> None:
        self.past = [self.past[0]._replace(append_ms=WORKDAY.instant(TODAY, hour))]
        self.start(clock, 1)

    def record(self) -> int:
        """Append a record that is no tick."""
        self.past.append(self.past[-1]._replace(offset=len(self.past), is_tick=False))
        return len(self.past) - 1

    @rule(clock=st.sampled_from(CLOCKS), factor=FACTORS)
    def start(self, clock: str, factor: int) -> None:
        at = self.past[self.record()]
        limits = replace(
            LIMITS,
            allowance_ms=ALLOWANCE_MS,
            reply_by="2025-10-10",
            factor=factor,
            factor_log_ms=MIDNIGHT_MS,
            factor_calendar_ms=MIDNIGHT_MS,
        )
        position = Position(at.offset, at.service_ms, at.append_ms)
        calendars: Calendars = OFFICE
        course = Course(clock, position, limits, "H33", calendars)
        due = course.fixed(self.named, at.lost_ms)
        self.running.append(Running(course, at.offset, due, due, at.offset + 1))

    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        still = [each for each in self.running if each.end is None]
        if still:
            data.draw(st.sampled_from(still)).end = self.record()

    @rule(step=STEPS, served=st.sampled_from([1.0, 1.0, 0.5, 0.0]), newer=NEWER)
    def tick(self, step: int, served: float, newer: int) -> None:
        """Append a tick that serves some of its step, or loses it."""
        before, last = self.past[-1], self.named
        gained = round(step * served) if 0 < step <= GAP_MS else 0
        self.named = max(last, last + newer)
        self.past.append(
            Moment(
                offset=len(self.past),
                is_tick=True,
                append_ms=before.append_ms + step,
                service_ms=before.service_ms + gained,
                lost_ms=before.lost_ms + (0 if gained else max(step, 0)),
                version=max(self.named, 1),
            )
        )
        tick = self.tick_at(len(self.past) - 1)
        for each in self.running:
            if each.end is None:
                each.was = each.due
                each.due = each.course.through(each.due, last, [tick])

    def serve(self, span_ms: int, newer: int = 0) -> None:
        """Append ticks until so much was served; the last one may name a newer version."""
        while span_ms > GAP_MS:
            self.tick(HOUR * 4, 1.0, 0)
            self.moves_never_to_before_the_present_nor_once_passed()
            span_ms -= HOUR * 4
        self.tick(span_ms, 1.0, newer)

    @rule(hours=st.integers(2, 24))
    def serve_on(self, hours: int) -> None:
        self.serve(hours * HOUR)

    @rule(data=st.data(), lost=LOST, past=st.sampled_from([0, 1, HOUR]), newer=NEWER)
    def reach(self, data: st.DataObject, lost: int, past: int, newer: int) -> None:
        """Lose time, and serve until a due is reached or passed."""
        still = [each for each in self.running if each.end is None and not each.due.passed]
        if not still:
            return
        self.tick(lost, 0, 0)
        due = data.draw(st.sampled_from(still)).due
        if (span_ms := due.due_ms + past - self.past[-1].service_ms) > 0:
            self.serve(span_ms, newer)

    def tick_at(self, offset: int) -> TickRead:
        at = self.past[offset]
        return TickRead(offset, at.service_ms, at.append_ms, at.lost_ms, at.version)

    @rule(data=st.data())
    def read_on(self, data: st.DataObject) -> None:
        """Let the ledger that lags read a portion of what has come."""
        for each in self.running:
            self.read(each, data.draw(st.integers(each.read, len(self.past))))

    def read(self, each: Running, upto: int) -> None:
        end = len(self.past) if each.end is None else each.end
        offsets = [n for n in range(each.read, min(upto, end)) if self.past[n].is_tick]
        ticks = map(self.tick_at, offsets)
        each.late = each.course.through(each.late, self.past[each.read - 1].version, ticks)
        each.read = max(each.read, upto)

    @invariant()
    def stands_where_the_oracle_says(self) -> None:
        for each in self.running:
            course = each.course
            past = self.past[each.start : each.end]
            assert working_due(course.clock, course.limits, OFFICE, past) == each.due.due_ms
            assert each.due.passed == self.has_passed(each)

    def has_passed(self, each: Running) -> bool:
        return self.past[: each.end][-1].service_ms > each.due.due_ms

    @invariant()
    def moves_never_to_before_the_present_nor_once_passed(self) -> None:
        for each in self.running:
            before, after, each.was = each.was, each.due, None
            if before is not None and before != after:
                assert not before.passed
                assert after.due_ms >= self.past[-1].service_ms or after.passed
                assert after.due_ms >= before.due_ms or not before.moved

    def teardown(self) -> None:
        for each in self.running:
            self.read(each, len(self.past))
            assert each.due == each.late


Dues.TestCase.settings = DOMAIN
TestDues = Dues.TestCase
