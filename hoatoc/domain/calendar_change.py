"""What a new version of the calendars changes: shown before it is adopted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from hoatoc.domain.calendar import Calendar, Calendars, Hours, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """One day of one calendar; the hours are the same when only its reason changed."""

    calendar: str
    day: date
    old_hours: Hours
    new_hours: Hours
    old_row: Row
    new_row: Row

    @property
    def moves_deadlines(self) -> bool:
        """Tell whether other hours are worked."""
        return self.old_hours != self.new_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that differs between two versions; `settings` are (key, old, new)."""

    settings: tuple[tuple[str, str, str], ...]
    days: tuple[DayChange, ...]

    def __bool__(self) -> bool:
        return bool(self.settings or self.days)


def difference(old: Calendars, new: Calendars) -> Difference:
    """Compare two versions, day by day over all that either of them covers."""
    return Difference(settings=tuple(_settings(old, new)), days=tuple(_days(old, new)))


def _settings(old: Calendars, new: Calendars) -> Iterator[tuple[str, str, str]]:
    before, after = _plain(old), _plain(new)
    for key in sorted(before.keys() | after.keys()):
        pair = (before.get(key, "—"), after.get(key, "—"))
        if pair[0] != pair[1]:
            yield (key, *pair)


def _plain(of: Calendars) -> dict[str, str]:
    """Return all that is not about single days, as text by key."""
    return {
        "first_day": f"{of.first_day:%d/%m/%Y}",
        "last_day": f"{of.last_day:%d/%m/%Y}",
        "default": of.default,
        **{f"organ.{code}": name for code, name in of.organs.items()},
        **{
            f"calendar.{name}.morning_ends": f"{each.morning_ends:%H:%M}"
            for name, each in of.calendars.items()
        },
    }


def _days(old: Calendars, new: Calendars) -> Iterator[DayChange]:
    first = min(old.first_day, new.first_day)
    last = max(old.last_day, new.last_day)
    for name in sorted(old.calendars.keys() & new.calendars.keys()):
        before, after = old.calendars[name], new.calendars[name]
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            if _of(before, day) != _of(after, day):
                yield _change(name, day, before, after)


def _of(calendar: Calendar, day: date) -> tuple[Hours, Row | None, Row | None]:
    return calendar.hours(day), calendar.rows.get(day), calendar.doubts.get(day)


def _change(name: str, day: date, before: Calendar, after: Calendar) -> DayChange:
    return DayChange(
        calendar=name,
        day=day,
        old_hours=before.hours(day),
        new_hours=after.hours(day),
        old_row=before.doubts.get(day) or before.row(day),
        new_row=after.doubts.get(day) or after.row(day),
    )
