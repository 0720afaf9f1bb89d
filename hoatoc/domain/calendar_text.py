"""The text of the calendars: TOML in, `Calendars` out, or what is wrong where.

Nothing is filled in silently: an unknown key, a day with two rows, an extra workday that is worked
anyway or a swap with only one half is refused.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hoatoc.domain.calendar import (
    Calendar,
    Calendars,
    Certainty,
    Hours,
    Row,
    RowKind,
    Week,
    calendar,
)
from hoatoc.domain.error import PeerFault

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONE = "UTC+07:00"
_STRETCH = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_LEAP = 2024
_CENTURY = timedelta(days=36_525)
_NAMED = frozenset({"name_vi", "name_en", "certainty", "source"})
_ROWS = {
    RowKind.CLOSED: {*_NAMED, "first", "last", "calendars"},
    RowKind.EXTRA_WORKDAY: {*_NAMED, "day", "instead_of", "hours", "calendars"},
    RowKind.HALF_DAY: {*_NAMED, "day", "hours", "calendars"},
}
_TOP = {"zone", "first_day", "last_day", "default", "organ", "calendar", *_ROWS}
_WRITTEN = [each for each in Certainty if each is not Certainty.NOT_ANNOUNCED]


class CalendarInvalid(PeerFault):
    """The calendars cannot be taken; the message names key, found, expected and remedy.

    `expected` and `remedy` are pairs of the same text in Vietnamese and English.
    """

    def __init__(
        self, key: str, found: object, expected: tuple[str, str], remedy: tuple[str, str]
    ) -> None:
        self.key, self.found = key, str(found)[:80]
        self.expected, self.remedy = expected, remedy
        super().__init__(
            f"Lịch làm việc, {key}: «{self.found}» không hợp lệ; cần {expected[0]}; {remedy[0]}."
            f" / Calendar, {key}: “{self.found}” is not valid; expected {expected[1]}; {remedy[1]}."
        )


_CORRECT = ("sửa lại rồi nhập lần nữa", "correct it and import again")


@dataclass(frozen=True, slots=True)
class _Reader:
    """A table of the text, and its key, so that an error can say where it is."""

    key: str
    table: Mapping[str, Any]

    def at(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key

    def fault(self, key: str, expected: tuple[str, str]) -> CalendarInvalid:
        found = self.table.get(key, "không có · missing")
        return CalendarInvalid(self.at(key), found, expected, _CORRECT)

    def only(self, known: set[str] | frozenset[str]) -> None:
        for key in sorted(self.table.keys() - known):
            listed = ", ".join(sorted(known))
            expected = (f"một trong các khóa {listed}", f"one of the keys {listed}")
            remedy = ("bỏ khóa này hoặc sửa tên khóa", "remove this key or correct its name")
            raise CalendarInvalid(self.at(key), key, expected, remedy)

    def text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(key, ("một chuỗi không rỗng", "a text that is not empty"))
        return value

    def day(self, key: str) -> date:
        value = self.table.get(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fault(key, ("một ngày, như 2027-02-04", "a day, as 2027-02-04"))
        return value

    def certainty(self) -> Certainty:
        value = self.table.get("certainty")
        if value not in _WRITTEN:
            listed = ", ".join(_WRITTEN)
            raise self.fault("certainty", (f"một trong {listed}", f"one of {listed}"))
        return Certainty(value)

    def inner(self, key: str) -> "_Reader":
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            raise self.fault(key, ("một bảng", "a table"))
        return _Reader(self.at(key), value)

    def list_of_tables(self, key: str) -> "list[_Reader]":
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fault(key, ("một dãy bảng [[…]]", "an array of tables [[…]]"))
        return [_Reader(f"{self.at(key)}[{n}]", each) for n, each in enumerate(value, start=1)]

    def hours(self, key: str) -> Hours:
        value = self.table.get(key)
        if not isinstance(value, list):
            raise self.fault(key, _HOURS)
        stretches = tuple(_stretch(each) for each in value)
        edges = [edge for stretch in stretches if stretch for edge in stretch]
        if None in stretches or edges != sorted(set(edges)):
            raise self.fault(key, _HOURS)
        return tuple(stretch for stretch in stretches if stretch)

    def month_day(self, key: str) -> tuple[int, int]:
        value = self.table.get(key)
        match = _MONTH_DAY.fullmatch(value) if isinstance(value, str) else None
        if match is None or not _is_day(int(match[1]), int(match[2])):
            raise self.fault(key, ("tháng-ngày, như 04-16", "month-day, as 04-16"))
        return int(match[1]), int(match[2])


_HOURS = (
    'các khoảng giờ nối tiếp, như ["07:30-11:30", "13:30-17:00"], hoặc []',
    'stretches one after another, as ["07:30-11:30", "13:30-17:00"], or []',
)


def _stretch(value: object) -> tuple[time, time] | None:
    match = _STRETCH.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    hour, minute, to_hour, to_minute = (int(part) for part in match.groups())
    return time(hour, minute), time(to_hour, to_minute)


def _is_day(month: int, day: int) -> bool:
    first_of_next = date(_LEAP + month // 12, month % 12 + 1, 1)
    return day <= (first_of_next - timedelta(days=1)).day


def parse_calendars(text: str, version: int = 0) -> Calendars:
    """Read the calendars from TOML; raises `CalendarInvalid`.

    `version` is the number under which the text was adopted, 0 of one that was not.
    """
    try:
        top = _Reader("", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        expected = ("một tệp TOML", "a TOML file")
        raise CalendarInvalid("*", error, expected, _CORRECT) from error
    top.only(_TOP)
    if top.text("zone") != _ZONE:
        raise top.fault("zone", (f'"{_ZONE}", giờ Việt Nam', f'"{_ZONE}", the time of Vietnam'))
    first_day, last_day = top.day("first_day"), top.day("last_day")
    if not timedelta() <= last_day - first_day <= _CENTURY:
        raise top.fault("last_day", ("một ngày sau first_day", "a day after first_day"))
    tables = top.inner("calendar")
    rows = [named for kind in _ROWS for named in _rows(top, kind, tables.table)]
    calendars = {
        name: _calendar(tables.inner(name), name, (first_day, last_day), rows)
        for name in tables.table
    }
    for at, row, names in rows:
        _check_row(at, row, [calendars[each] for each in sorted(names)])
    return Calendars(
        version=version,
        default=_known(top, "default", calendars),
        first_day=first_day,
        last_day=last_day,
        calendars=calendars,
        organs=_organs(top.inner("organ"), calendars),
    )


def _known(reader: _Reader, key: str, calendars: Mapping[str, Any]) -> str:
    name = reader.text(key)
    if name not in calendars:
        listed = ", ".join(sorted(calendars)) or "—"
        raise reader.fault(key, (f"tên một lịch: {listed}", f"the name of a calendar: {listed}"))
    return name


def _organs(reader: _Reader, calendars: Mapping[str, Any]) -> dict[str, str]:
    return {code: _known(reader, code, calendars) for code in reader.table}


_Named = tuple[_Reader, Row, frozenset[str]]
"""A row, where it stands in the text, and the calendars that it is for."""


def _rows(top: _Reader, kind: RowKind, calendars: Mapping[str, Any]) -> Iterator[_Named]:
    for reader in top.list_of_tables(kind):
        reader.only(_ROWS[kind])
        yield reader, _row(reader, kind), _row_calendars(reader, calendars)


def _row(reader: _Reader, kind: RowKind) -> Row:
    closed = kind is RowKind.CLOSED
    first = reader.day("first" if closed else "day")
    last = reader.day("last") if "last" in reader.table else first
    if last < first:
        raise reader.fault("last", ("một ngày sau first", "a day after first"))
    given = kind is RowKind.HALF_DAY or "hours" in reader.table
    hours: Hours | None = reader.hours("hours") if given else None
    if hours == ():
        raise reader.fault("hours", ("ít nhất một khoảng giờ", "at least one stretch of hours"))
    return Row(
        kind=kind,
        name_vi=reader.text("name_vi"),
        name_en=reader.text("name_en"),
        certainty=reader.certainty(),
        source=reader.text("source"),
        first=first,
        last=last,
        instead_of=reader.day("instead_of") if kind is RowKind.EXTRA_WORKDAY else None,
        hours=() if closed else hours,
    )


def _row_calendars(reader: _Reader, calendars: Mapping[str, Any]) -> frozenset[str]:
    named = reader.table.get("calendars", list(calendars))
    if not isinstance(named, list) or not named or not set(named) <= set(calendars):
        listed = ", ".join(sorted(calendars))
        raise reader.fault("calendars", (f"tên các lịch: {listed}", f"names among {listed}"))
    return frozenset(named)


def _calendar(
    reader: _Reader, name: str, covered: tuple[date, date], named: Sequence[_Named]
) -> Calendar:
    reader.only(_NAMED | {"morning_ends", "hours", "season"})
    morning_ends = reader.table.get("morning_ends")
    if not isinstance(morning_ends, time) or morning_ends.second or morning_ends.microsecond:
        raise reader.fault("morning_ends", ("giờ, như 12:00:00", "a time, as 12:00:00"))
    seasons = [_week(each, morning_ends, season=True) for each in reader.list_of_tables("season")]
    weeks = (*seasons, _week(reader, morning_ends, season=False))
    mine = [(at, row) for at, row, calendars in named if name in calendars]
    rows = _by_day(covered, ((at, row) for at, row in mine if row.certainty is not Certainty.OPEN))
    doubts = _by_day(covered, ((at, row) for at, row in mine if row.certainty is Certainty.OPEN))
    return calendar(
        name=name,
        morning_ends=morning_ends,
        first_day=covered[0],
        last_day=covered[1],
        weeks=weeks,
        rows=rows,
        doubts=doubts,
    )


def _week(reader: _Reader, morning_ends: time, *, season: bool) -> Week:
    if season:
        reader.only(_NAMED | {"first", "last", "hours"})
    by_weekday = reader.inner("hours")
    by_weekday.only(set(_WEEKDAYS))
    hours = tuple(by_weekday.hours(weekday) for weekday in _WEEKDAYS)
    if not any(stretch[0] < morning_ends for day in hours for stretch in day):
        raise reader.fault(
            "hours",
            ("ít nhất một buổi sáng làm việc mỗi tuần", "at least one working morning a week"),
        )
    return Week(
        hours=hours,
        name_vi=reader.text("name_vi"),
        name_en=reader.text("name_en"),
        certainty=reader.certainty(),
        source=reader.text("source"),
        first=reader.month_day("first") if season else None,
        last=reader.month_day("last") if season else None,
    )


def _by_day(covered: tuple[date, date], rows: Iterator[tuple[_Reader, Row]]) -> dict[date, Row]:
    """Index rows by day; each day has one at most, and lies in what the text covers."""
    found: dict[date, Row] = {}
    for reader, row in rows:
        for day in _days(row):
            if not covered[0] <= day <= covered[1]:
                expected = ("ngày trong first_day … last_day", "a day in first_day … last_day")
                raise CalendarInvalid(reader.key, day, expected, _CORRECT)
            if found.setdefault(day, row) is not row:
                remedy = ("bỏ một trong hai dòng", "remove one of the two rows")
                expected = ("mỗi ngày một dòng", "one row a day")
                raise CalendarInvalid(reader.key, f"{day} ({row.name_vi})", expected, remedy)
    return found


def _days(row: Row) -> Iterator[date]:
    if row.first is not None and row.last is not None:
        for n in range((row.last - row.first).days + 1):
            yield row.first + timedelta(days=n)


def _check_row(reader: _Reader, row: Row, made: Sequence[Calendar]) -> None:
    """Refuse a swap of one half, and a row that changes nothing in any of its calendars."""
    day, given_up = row.first, row.instead_of
    if day is None or row.kind is RowKind.CLOSED:
        return
    for each in made:
        if given_up and each.covers(given_up) and not _closed(each, given_up):
            expected = ("một ngày có dòng [[closed]]", "a day that has a row [[closed]]")
            raise reader.fault("instead_of", expected)
    applied = (replace(each, rows={day: row}).hours(day) for each in made)
    if all(
        replace(each, rows={}).hours(day) == hours
        for each, hours in zip(made, applied, strict=True)
    ):
        raise reader.fault("day", _CHANGES[row.kind])


_CHANGES = {
    RowKind.EXTRA_WORKDAY: ("một ngày nghỉ hằng tuần", "a weekly day off"),
    RowKind.HALF_DAY: ("một ngày làm việc cả ngày", "a day that is worked in full"),
}


def _closed(made: Calendar, day: date) -> bool:
    return (made.doubts.get(day) or made.row(day)).kind is RowKind.CLOSED
