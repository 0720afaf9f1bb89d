"""The doors: when they were open, and what was handed over then.

Load. What must be reached is `LEAST_RATE` copies a second, handed over at the two doors, over the
time in which both doors were open. A door is not open from the beginning of a fault that takes its
store (the broker for Kafka, the database for the API) or the way to it away, until the first second
in which documents are handed over through that door again; that time is shown, and neither it nor a
burst counts. Every copy counted is one that the checker finds received and judged, or the run is
violated.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from hoatoc.history.note import Fault
from tests.chaos.deployment import STORES
from tests.chaos.sample import Sample

LEAST_RATE = 200.0
_TAKES_AWAY = ("kill -9", "pause", "disk full")
_WAYS = ("organs/broker", "door/database")


class Reached(NamedTuple):
    """The load that a run had: seconds of open and of closed doors, copies taken at open ones."""

    open_s: float
    closed_s: float
    copies: int

    @property
    def rate(self) -> float:
        """Copies a second while the doors were open."""
        return self.copies / self.open_s if self.open_s else 0.0


def closings(
    faults: Sequence[Fault], samples: Sequence[Sample], end_ms: int
) -> list[tuple[int, int]]:
    """Return from when till when the doors were closed, in ms, in order."""
    found = []
    for fault in faults:
        whole = fault.target in STORES and fault.fault in _TAKES_AWAY
        if fault.applied and (whole or fault.target in _WAYS):
            found.append((fault.at_ms, _reopened(fault, samples, end_ms)))
    return sorted(found)


def _reopened(fault: Fault, samples: Sequence[Sample], end_ms: int) -> int:
    door = "kafka" if "broker" in fault.target else "api"
    behind = [s for s in samples if s.at_ms >= fault.until_ms and s.through(door) is not None]
    for earlier, later in pairwise(behind):
        if (later.through(door) or 0) > (earlier.through(door) or 0):
            return earlier.at_ms
    return end_ms


def reached(
    faults: Sequence[Fault], samples: Sequence[Sample], load_ms: tuple[int, int]
) -> Reached:
    """Return the load between two instants."""
    begin, end = load_ms
    closed = closings(faults, samples, end)
    open_s = closed_s = 0.0
    copies = 0
    loaded = [s for s in samples if begin <= s.at_ms <= end and s.copies is not None]
    for earlier, later in pairwise(loaded):
        seconds = (later.at_ms - earlier.at_ms) / 1000
        if any(at < later.at_ms and earlier.at_ms < until for at, until in closed):
            closed_s += seconds
            continue
        open_s += seconds
        copies += (later.copies or 0) - (earlier.copies or 0)
    return Reached(open_s, closed_s, copies)
