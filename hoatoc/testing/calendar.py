"""A calendar that a test can reckon by heart: the same hours every day, but for days off."""

from collections.abc import Collection
from dataclasses import dataclass

_ZONE_MS = 7 * 3_600_000


@dataclass(frozen=True, slots=True)
class EveryDay:
    """Open from `opens_h` to `closes_h` (hours, UTC+7) on every day whose number is not off.

    Days are numbered from 1970-01-01; every agency has these hours. As in the real calendar, the
    office is closed at the closing hour itself. With an hour of a second (`hour_ms`) a day passes
    in 24 ticks.
    """

    opens_h: int = 8
    closes_h: int = 17
    off: Collection[int] = ()
    hour_ms: int = 3_600_000

    def of(self, organ: str) -> "EveryDay":
        """Return the calendar of an agency."""
        del organ
        return self

    def day(self, at_ms: int) -> int:
        """Return the number of the day of an instant."""
        return (at_ms + _ZONE_MS) // (24 * self.hour_ms)

    def instant(self, day: int, hour: float) -> int:
        """Return the instant (ms) of an hour of a day."""
        return round((day * 24 + hour) * self.hour_ms) - _ZONE_MS

    def _worked(self, day: int) -> int:
        """Return a day itself if it is worked, else the next that is."""
        while day in self.off:
            day += 1
        return day

    def is_open_ms(self, at_ms: int) -> bool:
        """Tell whether an instant is working time."""
        day = self.day(at_ms)
        opens, closes = self.instant(day, self.opens_h), self.instant(day, self.closes_h)
        return day not in self.off and opens <= at_ms < closes

    def next_open_ms(self, at_ms: int) -> int:
        """Return the next instant of working time, `at_ms` itself if it is one."""
        if self.is_open_ms(at_ms):
            return at_ms
        day = self.day(at_ms)
        over = at_ms >= self.instant(day, self.closes_h)
        return self.instant(self._worked(day + over), self.opens_h)

    def end_of_receipt_day_ms(self, at_ms: int) -> int:
        """Return the end of the working day to which a receipt counts."""
        return self.instant(self.day(self.next_open_ms(at_ms)), self.closes_h)

    def end_of_next_working_day_ms(self, at_ms: int) -> int:
        """Return the end of the first working day after the day of an instant."""
        return self.instant(self._worked(self.day(at_ms) + 1), self.closes_h)

    def add_working_ms(self, at_ms: int, span_ms: int) -> int:
        """Return the instant by which a span of working time has gone by."""
        at_ms = self.next_open_ms(at_ms)
        while (left := self.end_of_receipt_day_ms(at_ms) - at_ms) < span_ms:
            span_ms -= left
            at_ms = self.next_open_ms(at_ms + left)
        return at_ms + span_ms
