"""What time it is in a log, and when a due by a calendar stands: the oracle's own reckoning."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from hoatoc.domain.event import Limits, Tick
from hoatoc.domain.walk import Entry
from hoatoc.domain.working_due import WorkingCalendar

Log = Sequence[Entry]
Of = Mapping[int, WorkingCalendar]
"""The calendar of one agency by version."""


class Moment(NamedTuple):
    """What is known of time at a record of the log."""

    offset: int
    is_tick: bool
    append_ms: int
    service_ms: int
    lost_ms: int
    version: int


def moments(log: Log) -> list[Moment]:
    """Return what is known of time at every record."""
    found: list[Moment] = []
    lost_ms, version = 0, 1
    for at, (entry, service_ms) in enumerate(zip(log, service_times(log), strict=True)):
        if isinstance(entry.event, Tick):
            before = _ticks(log, at)
            if before and _step(log, at) == 0:
                lost_ms += max(entry.append_ms - before[0][0], 0)
            version = max(version, entry.event.calendar_version)
        is_tick = isinstance(entry.event, Tick)
        found.append(Moment(at, is_tick, entry.append_ms, service_ms, lost_ms, version))
    return found


def service_times(log: Log) -> list[int]:
    """Return the service time at every record, ms."""
    times: list[int] = []
    for at in range(len(log)):
        times.append((times[-1] if times else 0) + _step(log, at))
    return times


def _ticks(log: Log, before: int) -> list[tuple[int, Tick]]:
    """Return (append time, tick) of the ticks before an offset, the latest first."""
    found = [(e.append_ms, e.event) for e in log[:before] if isinstance(e.event, Tick)]
    return found[::-1]


def _step(log: Log, at: int) -> int:
    tick = log[at].event
    if not isinstance(tick, Tick):
        return 0
    now = log[at].append_ms
    earlier = _ticks(log, at)
    same = [(when, t) for when, t in earlier if t.writer == tick.writer]
    if not same or abs(now - same[0][0]) > tick.max_gap_ms:  # away for longer: it begins anew
        return 0
    appended = now - earlier[0][0]
    clocked = tick.clock_ms - same[0][1].clock_ms
    if not 0 < appended <= tick.max_gap_ms or not 0 < clocked <= tick.max_gap_ms:
        return 0
    for path in tick.paths:
        of_path = [(when, t) for when, t in [(now, tick), *earlier] if t.path == path]
        for shard in range(of_path[0][1].shards if of_path else 1):
            last = next((when for when, t in of_path if t.shard == shard), None)
            if last is None or abs(now - last) > tick.max_gap_ms:
                return 0
    return min(appended, clocked)


def working_due(clock: str, limits: Limits, of: Of, past: Sequence[Moment]) -> int:
    """Return where a due by a working calendar stands, from its start to its closing.

    `past` begins with the record that starts it, and ends before the one that closes it.
    """
    start, before, moved = past[0], past[0], False
    due, lost_ms = _calendar_due(clock, limits, of, start, start.version), start.lost_ms
    for now in past[1:]:
        if not now.is_tick:
            continue
        if now.service_ms > due:
            gone = now.lost_ms - lost_ms
            closed = not of[before.version].is_open_ms(now.append_ms)
            if gone <= limits.allowance_ms or not closed or limits.factor != 1:
                return due
            back = of[before.version].add_working_ms(now.append_ms, gone)
            due = now.service_ms + back - now.append_ms + limits.allowance_ms
            lost_ms, moved = now.lost_ms, True
        if now.version > before.version:
            anew = _calendar_due(clock, limits, of, start, now.version)
            due = max(anew, due if moved else now.service_ms)
        before = now
    return due


def _calendar_due(clock: str, limits: Limits, of: Of, start: Moment, version: int) -> int:
    """Return the due of a deadline that starts here, in one version of the calendar."""
    begun = start.append_ms
    if limits.factor != 1:
        begun = limits.factor_calendar_ms + limits.factor * (begun - limits.factor_log_ms)
    if clock == "due-date":
        day = datetime.fromisoformat(f"{limits.reply_by}T00:00:00+07:00")
        ends = of[version].end_of_receipt_day_ms(int(day.timestamp()) * 1000)
    elif clock == "next-working-day":
        ends = of[version].end_of_next_working_day_ms(begun)
    else:
        ends = of[version].end_of_receipt_day_ms(begun)
    away = max(ends - begun, 0) // limits.factor
    return start.service_ms + away + limits.allowance_ms
