"""Working calendars: when an agency is at work, to the millisecond.

A calendar is data (`hoatoc/data/calendar.toml`, read by `calendar_text.py`). What decides a day, in
this order:

1. its own row: closed (a public holiday, a day given up in a swap), an extra workday, a half day
   (which never opens a day off). A day has one row at most; the reader refuses two;
2. the hours of the season that the day lies in, if the calendar has seasons;
3. the weekly hours.

A row that is `OPEN` (planned, not enacted) decides nothing; it is kept, and named to whoever asks
about its days.

Beyond the days that the data covers, the week alone decides and every answer about such a day is
marked `NOT_ANNOUNCED`: the line must not stop because next year's schedule is late, and nobody may
take the guess for a fact.

Working time is half-open: at 07:30:00.000 the office is open, at 17:00:00.000 it is closed, so
whatever arrives at 17:00 sharp counts from the next opening and no recipient is given a deadline
of no length. A deadline is inclusive: one at 17:00 is met by what happens at 17:00:00.000. An
instant at which a deadline may stand is therefore any of [open, close] (`may_fall_due_ms`).

The zone is UTC+07:00 all year (QĐ 28/2018/QĐ-TTg, Điều 14.4). Times of day are whole minutes, so
that comparing instants floored to the millisecond is exact.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

VIETNAM = timezone(timedelta(hours=7))
Hours = tuple[tuple[time, time], ...]
"""The stretches of a day that are worked, in order: (open, close); none of a day off."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_OFFSET_MS = 7 * 3_600_000
_DAY = timedelta(days=1)
_FIRST = date(1970, 1, 1).toordinal()
_MARGIN = timedelta(days=3 * 366)


class Certainty(StrEnum):
    """How well a row is attested."""

    ANNOUNCED = "announced"
    DERIVED = "derived"
    MEMORY = "memory"
    LOCAL = "local"
    OPEN = "open"
    NOT_ANNOUNCED = "not-announced"


class RowKind(StrEnum):
    """What a row makes of its days; the last two are not rows of the data but of the week."""

    CLOSED = "closed"
    EXTRA_WORKDAY = "extra_workday"
    HALF_DAY = "half_day"
    WEEKLY_OFF = "weekly-off"
    WEEKLY_WORK = "weekly-work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Why a day is open or closed; a row of the week has no `first` and `last`.

    `instead_of` is the day given up for an extra workday: its weekday's hours are worked, unless
    the row has hours of its own.
    """

    kind: RowKind
    name_vi: str
    name_en: str
    certainty: Certainty
    source: str
    first: date | None = None
    last: date | None = None
    instead_of: date | None = None
    hours: Hours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The hours of a week, Monday first; a season's is in force every year from `first` to `last`.

    These are (month, day), and may go over the new year; the week of the whole year has none.
    """

    hours: tuple[Hours, ...]
    name_vi: str
    name_en: str
    certainty: Certainty
    source: str
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None

    def holds(self, day: date) -> bool:
        """Tell whether these hours are in force on a day."""
        if self.first is None or self.last is None:
            return True
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


_Interval = tuple[int, int, int]
"""One stretch of work: open, close, and the last close of its day; ms since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Every stretch of the covered days and some years more: a question is one bisection."""

    first_ms: int
    closes: tuple[int, ...]
    intervals: tuple[_Interval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One named working calendar; `weeks` are its seasons, and last the week of the whole year.

    Make one by `calendar`, which lays out the table.
    """

    name: str
    morning_ends: time
    first_day: date
    last_day: date
    weeks: tuple[Week, ...]
    rows: Mapping[date, Row]
    doubts: Mapping[date, Row]
    _table: _Table = field(default=_Table(0, (), ()), repr=False, compare=False)

    def covers(self, day: date) -> bool:
        """Tell whether the data speaks of a day; if not, the week alone decides it."""
        return self.first_day <= day <= self.last_day

    def hours(self, day: date) -> Hours:
        """Return the stretches that are worked on a day."""
        row = self.rows.get(day)
        week = self._week(day)
        usual = week.hours[day.weekday()]
        if row is None or (row.kind is RowKind.HALF_DAY and not usual):
            return usual
        if row.hours is not None:
            return row.hours
        return week.hours[(row.instead_of or day).weekday()]

    def is_working_day(self, day: date) -> bool:
        """Tell whether any of a day is worked."""
        return bool(self.hours(day))

    def row(self, day: date) -> Row:
        """Return what makes a day open or closed: its own row, or that of the week."""
        if day in self.rows:
            return self.rows[day]
        week = self._week(day)
        off = not week.hours[day.weekday()]
        return Row(
            kind=RowKind.WEEKLY_OFF if off else RowKind.WEEKLY_WORK,
            name_vi="nghỉ hằng tuần" if off else week.name_vi,
            name_en="weekly day off" if off else week.name_en,
            certainty=week.certainty if self.covers(day) else Certainty.NOT_ANNOUNCED,
            source=week.source,
        )

    def rows_between(self, first: date, last: date) -> tuple[Row, ...]:
        """Return, once each, what made the days of a stretch other than plain working days."""
        days = (first + _DAY * n for n in range((last - first).days + 1))
        found = {self.row(day): None for day in days}
        return tuple(row for row in found if row.kind is not RowKind.WEEKLY_WORK)

    def doubts_between(self, first: date, last: date) -> tuple[Row, ...]:
        """Return, once each, the rows of a stretch that decide nothing because they are open."""
        return tuple({r: None for day, r in self.doubts.items() if first <= day <= last})

    def next_working_day(self, day: date) -> date:
        """Return the first working day after a day."""
        return next(d for d in _days_after(day) if self.hours(d))

    def next_morning(self, day: date) -> datetime:
        """Return the end of the first morning after a day that is worked."""
        worked = (d for d in _days_after(day) if self._has_morning(d))
        return datetime.combine(next(worked), self.morning_ends, VIETNAM)

    def end_of_day(self, day: date) -> datetime:
        """Return when work ends on a day (or on that of an instant); if closed, the next one."""
        if isinstance(day, datetime):
            day = day.astimezone(VIETNAM).date()
        if not self.hours(day):
            day = self.next_working_day(day)
        return datetime.combine(day, self.hours(day)[-1][1], VIETNAM)

    def is_open(self, at: datetime) -> bool:
        """Tell whether an aware instant lies in working time."""
        return self.is_open_ms(ms_of(at))

    def next_open(self, at: datetime) -> datetime:
        """Return an aware instant itself if it lies in working time, else the next opening."""
        at_ms = ms_of(at)
        return at if self.is_open_ms(at_ms) else instant_of(self.next_open_ms(at_ms))

    def end_of_receipt_day(self, at: datetime) -> datetime:
        """Return when the working day ends in which an arrival counts."""
        return instant_of(self.end_of_receipt_day_ms(ms_of(at)))

    def is_open_ms(self, at_ms: int) -> bool:
        """Tell whether an instant (ms since 1970 UTC) lies in working time."""
        return self._interval(at_ms)[0] <= at_ms

    def next_open_ms(self, at_ms: int) -> int:
        """Return an instant itself if it lies in working time, else the next opening; ms."""
        opened = self._interval(at_ms)[0]
        return max(at_ms, opened)

    def end_of_receipt_day_ms(self, at_ms: int) -> int:
        """Return when the working day ends in which an arrival counts; ms since 1970 UTC.

        An arrival outside working time counts from the next opening.
        """
        return self._interval(at_ms)[2]

    def end_of_next_working_day_ms(self, at_ms: int) -> int:
        """Return when the first working day after the day of an instant ends; ms since 1970 UTC."""
        days = (at_ms + _OFFSET_MS) // _DAY_MS + 1
        return self._interval(days * _DAY_MS - _OFFSET_MS)[2]

    def may_fall_due_ms(self, at_ms: int) -> bool:
        """Tell whether a deadline may stand at an instant: working time, its ends included."""
        return self.is_open_ms(at_ms) or self.is_open_ms(at_ms - 1)

    def add_working_ms(self, at_ms: int, span_ms: int) -> int:
        """Return the instant by which a span (ms, 1 at least) of working time has gone by."""
        if span_ms < 1:
            raise ValueError(f"a span of working time is {span_ms} ms; expected 1 at least")
        opened, close, _ = self._interval(at_ms)
        start = max(at_ms, opened)
        while close - start < span_ms:
            span_ms -= close - start
            start, close, _ = self._interval(close)
        return start + span_ms

    def _week(self, day: date) -> Week:
        return next(week for week in self.weeks if week.holds(day))

    def _has_morning(self, day: date) -> bool:
        hours = self.hours(day)
        return bool(hours) and hours[0][0] < self.morning_ends

    def _interval(self, at_ms: int) -> _Interval:
        """Return the stretch of work that an instant lies in, else the next one."""
        table = self._table
        if at_ms >= table.first_ms:
            index = bisect_right(table.closes, at_ms)
            if index < len(table.closes):
                return table.intervals[index]
        return self._walk(at_ms)

    def _walk(self, at_ms: int) -> _Interval:
        """Return the same day by day: the definition, and the way beyond the table."""
        day = date.fromordinal(_FIRST + (at_ms + _OFFSET_MS) // _DAY_MS)
        while True:
            for interval in self._intervals(day):
                if interval[1] > at_ms:
                    return interval
            day += _DAY

    def _intervals(self, day: date) -> Iterator[_Interval]:
        hours = self.hours(day)
        for opened, close in hours:
            yield _at(day, opened), _at(day, close), _at(day, hours[-1][1])


def calendar(
    *,
    name: str,
    morning_ends: time,
    first_day: date,
    last_day: date,
    weeks: tuple[Week, ...],
    rows: Mapping[date, Row],
    doubts: Mapping[date, Row],
) -> Calendar:
    """Make a calendar and lay out its table: as fast in the years that are not announced yet."""
    bare = Calendar(
        name=name,
        morning_ends=morning_ends,
        first_day=first_day,
        last_day=last_day,
        weeks=weeks,
        rows=rows,
        doubts=doubts,
    )
    days = (first_day + _DAY * n for n in range((last_day + _MARGIN - first_day).days + 1))
    intervals = tuple(each for day in days for each in bare._intervals(day))  # noqa: SLF001
    closes = tuple(close for _, close, _ in intervals)
    return replace(bare, _table=_Table(_at(first_day, time()), closes, intervals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """One version of all calendars; version 0 is a text that has not been adopted.

    `organs` says which calendar an organ has, with all codes below its own (`H16` for `H16.05`).
    Codes of QCVN 102:2016 are read in the other direction and stand for themselves alone.
    """

    version: int
    default: str
    first_day: date
    last_day: date
    calendars: Mapping[str, Calendar]
    organs: Mapping[str, str]

    def of(self, organ: str) -> Calendar:
        """Return the calendar of an organ: the one named for the longest part of its code."""
        code = organ
        while code and code not in self.organs:
            code = code.rpartition(".")[0]
        return self.calendars[self.organs.get(code, self.default)]


def ms_of(at: datetime) -> int:
    """Return ms since 1970 UTC, floored; raises TypeError of an instant without a zone."""
    return (at - _EPOCH) // _MS


def instant_of(at_ms: int) -> datetime:
    """Return an instant in the time of Vietnam."""
    return (_EPOCH + at_ms * _MS).astimezone(VIETNAM)


def _at(day: date, at: time) -> int:
    """Return the instant of a time of day in Vietnam, ms since 1970 UTC."""
    minutes = at.hour * 60 + at.minute
    return (day.toordinal() - _FIRST) * _DAY_MS - _OFFSET_MS + minutes * 60_000


def _days_after(day: date) -> Iterator[date]:
    while True:
        day += _DAY
        yield day
