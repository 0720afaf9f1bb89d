"""Dues by a working calendar: instants of service time that no calendar knows.

A legal clock says by which instant of calendar time something is due (`legal_clock`). The pipeline
counts in service time, which stands still while Hoatoc is away. So a working due is fixed when its
deadline starts, as start + (calendar due - log time of the start) + allowance, and moves in two
cases only, each at a tick, so that every reader of the log finds the same:

1. The tick names a greater calendar version. A due that is neither closed nor passed there is
   computed anew from its start; it never moves before the present service time.
2. The tick passes the due, more than the allowance was lost since the start, and the office is
   closed: the recipient would be blamed for our outage. The due moves to where the lost time has
   been given back as working time.

A due that has passed in another way is final. Time first, then the version, at one tick.

In a demonstration calendar time runs faster than the log's by a factor that the limits declare;
there nothing is moved into working hours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple, Protocol

from hoatoc.domain.delivery import Position
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import Limits

RECEIPT_DAY = "receipt-day"
"""By the end of the working day of receipt (NĐ 30/2020, Điều 21.2.c)."""
NEXT_WORKING_DAY = "next-working-day"
"""By the end of the working day after the day of receipt (NĐ 30/2020, Điều 4.2.c, 23.1)."""
DUE_DATE = "due-date"
"""By the end of a named working day, or of the next (Bộ luật Dân sự 2015, Điều 148.5)."""
CLOCKS = (RECEIPT_DAY, NEXT_WORKING_DAY, DUE_DATE)

_VIETNAM = timezone(timedelta(hours=7))


class CalendarUnknown(OurFault):
    """The log names a version of the calendar that is not at hand."""


class WorkingCalendar(Protocol):
    """What is asked of a calendar; instants are ms since 1970 UTC."""

    def end_of_receipt_day_ms(self, at_ms: int) -> int:
        """Return the end of the working day to which a receipt counts."""
        ...

    def end_of_next_working_day_ms(self, at_ms: int) -> int:
        """Return the end of the first working day after the day of an instant."""
        ...

    def add_working_ms(self, at_ms: int, span_ms: int) -> int:
        """Return the instant by which a span of working time has gone by."""
        ...

    def is_open_ms(self, at_ms: int) -> bool:
        """Tell whether an instant is working time."""
        ...


class CalendarVersion(Protocol):
    """One version of the calendars of all agencies."""

    def of(self, organ: str) -> WorkingCalendar:
        """Return the calendar of an agency."""
        ...


Calendars = Mapping[int, CalendarVersion]
"""Calendars by version; before the first tick version 1 is in force."""


class TickRead(NamedTuple):
    """A tick of the log: the service time, log time, lost time and version that it brings."""

    offset: int
    service_ms: int
    log_ms: int
    lost_ms: int
    version: int


class WorkingDue(NamedTuple):
    """A due by a working calendar; `lost_ms` as it stood when the due was fixed.

    `passed`: service time has passed it while it could be met, and it is final. `moved`: into
    working hours after an outage, so that no version of the calendar may bring it forward.
    """

    due_ms: int
    lost_ms: int
    passed: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """A deadline that runs by a legal clock and one recipient's calendar."""

    clock: str
    start: Position
    limits: Limits
    organ: str
    calendars: Calendars

    def _calendar(self, version: int) -> WorkingCalendar:
        try:
            return self.calendars[max(version, 1)].of(self.organ)
        except KeyError as error:
            raise CalendarUnknown(
                f"the log names calendar version {max(version, 1)}, which is not in the database: "
                "restore the table calendar from a backup"
            ) from error

    def fixed(self, version: int, lost_ms: int) -> WorkingDue:
        """Fix the due at the start, in the version in force there."""
        start = self.start
        due = due_log_ms(self.clock, start.append_ms, self.limits, self._calendar(version))
        away = due - start.append_ms
        return WorkingDue(start.service_ms + away + self.limits.allowance_ms, lost_ms)

    def through(self, due: WorkingDue, version: int, ticks: Iterable[TickRead]) -> WorkingDue:
        """Take a due through ticks, from the version in force before them."""
        for tick in ticks:
            if due.passed:
                break
            if due.due_ms < tick.service_ms:
                due = self._passing(due, version, tick)
            if tick.version != version and not due.passed:
                due = self._recomputed(due, tick)
            version = tick.version
        return due

    def _recomputed(self, due: WorkingDue, tick: TickRead) -> WorkingDue:
        anew = self.fixed(tick.version, due.lost_ms)
        earliest = due.due_ms if due.moved else tick.service_ms
        return due._replace(due_ms=max(anew.due_ms, earliest))

    def _passing(self, due: WorkingDue, version: int, tick: TickRead) -> WorkingDue:
        lost = tick.lost_ms - due.lost_ms
        if lost <= self.limits.allowance_ms or self.limits.factor != 1:
            return due._replace(passed=True)
        calendar = self._calendar(version)
        if calendar.is_open_ms(tick.log_ms):
            return due._replace(passed=True)
        away = calendar.add_working_ms(tick.log_ms, lost) - tick.log_ms
        due_ms = tick.service_ms + away + self.limits.allowance_ms
        return WorkingDue(due_ms, tick.lost_ms, moved=True)


def due_log_ms(clock: str, start_log_ms: int, limits: Limits, calendar: WorkingCalendar) -> int:
    """Return when a legal clock that starts at an instant of log time is due, in log time."""
    begin = calendar_ms(start_log_ms, limits)
    if clock == DUE_DATE:
        day = date.fromisoformat(limits.reply_by)
        midnight = datetime.combine(day, time(), _VIETNAM)
        due = calendar.end_of_receipt_day_ms(round(midnight.timestamp() * 1000))
    else:
        next_day = clock == NEXT_WORKING_DAY
        ends = calendar.end_of_next_working_day_ms if next_day else calendar.end_of_receipt_day_ms
        due = ends(begin)
    return start_log_ms + max(due - begin, 0) // limits.factor


def calendar_ms(log_ms: int, limits: Limits) -> int:
    """Return the calendar time at an instant of log time."""
    if limits.factor == 1:
        return log_ms
    return limits.factor_calendar_ms + (log_ms - limits.factor_log_ms) * limits.factor
