"""What a deadline by a working calendar costs, beside a bare bisection over the same closes."""

import statistics
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from hoatoc.calendar_file import shipped_text
from hoatoc.domain.calendar import VIETNAM, Calendar, ms_of
from hoatoc.domain.calendar_text import parse_calendars
from hoatoc.domain.legal_clock import acknowledge, send

Value = TypeVar("Value")
GOAL_NS = 5_000
_AT_ONCE = timedelta(minutes=2)
_TURNS = 5


@dataclass(frozen=True, slots=True)
class ClockFigures:
    """Nanoseconds a call (median of the turns) by function; the floor; seconds to read the data."""

    nanoseconds: dict[str, float]
    floor_ns: float
    parse_s: float

    @property
    def worst_ns(self) -> float:
        """The slowest function of the hot path."""
        return max(ns for name, ns in self.nanoseconds.items() if name.endswith("_ms"))


def measure(calls: int = 100_000) -> ClockFigures:
    """Measure the hot path on instants spread at random over the covered days, and beyond."""
    began = time.perf_counter()
    calendar = parse_calendars(shipped_text(), 1).of("H33")
    parse_s = time.perf_counter() - began
    at = _instants(calls, (2019, 2028))
    late = _instants(calls, (2028, 2030))
    table = calendar._table.closes  # noqa: SLF001 - the floor is the same search
    hot = {
        "end_of_receipt_day_ms": calendar.end_of_receipt_day_ms,
        "end_of_next_working_day_ms": calendar.end_of_next_working_day_ms,
        "next_open_ms": calendar.next_open_ms,
        "is_open_ms": calendar.is_open_ms,
        "add_working_ms": lambda ms: calendar.add_working_ms(ms, 8 * 3_600_000),
    }
    figures = {name: _each(function, at) for name, function in hot.items()}
    figures["not_announced_year_ms"] = _each(calendar.end_of_receipt_day_ms, late)
    figures |= _explained(calendar, at[: calls // 10])
    return ClockFigures(figures, _each(lambda ms: bisect_right(table, ms), at), parse_s)


def _explained(calendar: Calendar, at: Sequence[int]) -> dict[str, float]:
    """Measure a due with its article and rows, as a page or a command asks for it."""
    starts = [datetime.fromtimestamp(ms / 1000, VIETNAM) for ms in at]
    return {
        "acknowledge": _each(lambda start: acknowledge(calendar, start), starts),
        "send": _each(lambda start: send(calendar, start, at_once=_AT_ONCE), starts),
    }


def _instants(number: int, years: tuple[int, int]) -> list[int]:
    first, last = (ms_of(datetime(year, 1, 1, tzinfo=VIETNAM)) for year in years)
    drawn = Random(number)
    return [drawn.randrange(first, last) for _ in range(number)]


def _each(function: Callable[[Value], object], values: Sequence[Value]) -> float:
    turns = []
    for _ in range(_TURNS):
        began = time.perf_counter_ns()
        for value in values:
            function(value)
        turns.append((time.perf_counter_ns() - began) / len(values))
    return statistics.median(turns)
