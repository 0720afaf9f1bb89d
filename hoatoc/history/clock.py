"""The clock of a partition, computed anew from its ticks (design, section 3).

At a tick service time advances by the smaller of two steps: the broker's append time since the
previous tick, and the writer's clock since the writer's previous tick. Both must lie in
(0, max_gap], and every shard of every path in force must have ticked within max_gap of append
time; else it does not advance. A writer that was away for longer begins anew.
"""

from array import array
from bisect import bisect_left, bisect_right

from hoatoc.domain.event import Tick


class Clock:
    """Service time along one partition, with all its ticks."""

    __slots__ = (
        "_last",
        "_shards",
        "_writers",
        "appends",
        "begin",
        "is_back",
        "lines",
        "max_gap_ms",
        "next_offset",
        "offsets",
        "service_ms",
        "services",
    )

    def __init__(self, begin: int = 0) -> None:
        self.begin = self.next_offset = begin
        self.lines = 0
        """records other than ticks"""
        self.service_ms = 0
        self.max_gap_ms = 0
        self.offsets, self.appends, self.services = array("q"), array("q"), array("q")
        self.is_back = False
        """whether the broker's clock went back: no append time from there on is kept"""
        self._last: int | None = None
        self._writers: dict[str, tuple[int, int]] = {}
        self._shards: dict[str, tuple[int, dict[int, int]]] = {}

    def tick(self, offset: int, append_ms: int, tick: Tick) -> None:
        """Let a tick carry time into the partition."""
        gap = self.max_gap_ms = tick.max_gap_ms
        known = self._shards.get(tick.path)
        last = known[1] if known else {}
        last[tick.shard] = append_ms
        self._shards[tick.path] = tick.shards, last
        before = self._writers.get(tick.writer)
        if self._last is not None and before is not None and abs(append_ms - before[0]) <= gap:
            appended, clocked = append_ms - self._last, tick.clock_ms - before[1]
            if 0 < appended <= gap and 0 < clocked <= gap and self._served(tick, append_ms):
                self.service_ms += min(appended, clocked)
        self.is_back = self.is_back or (self._last is not None and append_ms < self._last)
        self._last = append_ms
        self._writers[tick.writer] = append_ms, tick.clock_ms
        self.offsets.append(offset)
        if not self.is_back:
            self.appends.append(append_ms)
        self.services.append(self.service_ms)

    def _served(self, tick: Tick, append_ms: int) -> bool:
        """Tell whether every shard of every path in force has ticked lately."""
        for path in tick.paths:
            shards, last = self._shards.get(path, (1, {}))
            for shard in range(shards):
                at = last.get(shard)
                if at is None or abs(append_ms - at) > tick.max_gap_ms:
                    return False
        return True

    def passing(self, service_ms: int) -> int | None:
        """Return the offset of the first tick at which service time is beyond an instant."""
        at = bisect_right(self.services, service_ms)
        return self.offsets[at] if at < len(self.offsets) else None

    def append_at(self, offset: int) -> int | None:
        """Return the append time of the last tick at or before an offset.

        None before the first tick, and where the broker's clock has gone back.
        """
        at = bisect_right(self.offsets, offset)
        return self.appends[at - 1] if 0 < at <= len(self.appends) else None

    def silences(self, from_ms: int, until_ms: int) -> list[tuple[int, int]]:
        """Return the spans of append time without a tick, longer than max_gap, that touch a window.

        They are cut to the window.
        """
        at = max(bisect_left(self.appends, from_ms) - 1, 0)
        found: list[tuple[int, int]] = []
        while at + 1 < len(self.appends) and self.appends[at] < until_ms:
            begin, end = self.appends[at], self.appends[at + 1]
            if end - begin > self.max_gap_ms and end > from_ms:
                found.append((max(begin, from_ms), min(end, until_ms)))
            at += 1
        return found
