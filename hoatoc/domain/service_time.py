"""Service time: how long Hoatoc has served a partition, told by the log alone.

The paths that recipients depend on append a tick a second to every partition. At a tick, service
time advances by the smaller of two steps: the broker's append time since the previous tick, and
the writer's clock since its own previous tick; but only if both lie in (0, max_gap] and every
shard of every path in force has ticked within max_gap of append time; otherwise by nothing. So
while a path or the broker was away no recipient's clock ran, whichever clock is wrong, and a
replay gives the same. A running maximum would freeze behind one clock that was ahead; a cap on
each gap would still blame a recipient for an outage (docs/discussions/service-time.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hoatoc.domain.event import Tick

NEVER = 0


@dataclass(frozen=True, slots=True)
class PartitionClock:
    """What a partition knows of time; all in milliseconds.

    `lost_ms` is log time that did not count: while a path or the broker was away. `shards` holds
    the append time of the last tick of each shard of each path, `NEVER` of one that has not ticked
    yet; `writers` holds (append time, writer's clock) of each writer's last tick.
    """

    service_ms: int = 0
    log_ms: int = 0
    calendar_version: int = 0
    lost_ms: int = 0
    shards: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    writers: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def advance(clock: PartitionClock, tick: Tick, append_ms: int) -> PartitionClock:
    """Return the clock after a tick that the broker appended at `append_ms` (1970 UTC)."""
    known = clock.shards.get(tick.path, {})
    seen = {n: known.get(n, NEVER) for n in range(tick.shards)}
    shards = {**clock.shards, tick.path: {**seen, tick.shard: append_ms}}
    writers = {  # one that was away for longer begins anew, whatever its clock says
        name: last
        for name, last in clock.writers.items()
        if abs(append_ms - last[0]) <= tick.max_gap_ms
    }
    step = 0
    if tick.writer in writers and _all_served(shards, tick, append_ms):
        step = _step(clock, tick, append_ms)
    return replace(
        clock,
        service_ms=clock.service_ms + step,
        log_ms=append_ms,
        calendar_version=max(clock.calendar_version, tick.calendar_version),
        lost_ms=clock.lost_ms + _lost(clock, step, append_ms),
        shards=shards,
        writers={**writers, tick.writer: (append_ms, tick.clock_ms)},
    )


def _step(clock: PartitionClock, tick: Tick, append_ms: int) -> int:
    """Return the smaller of the two steps, or 0 if one of them cannot be believed."""
    appended = append_ms - clock.log_ms
    clocked = tick.clock_ms - clock.writers[tick.writer][1]
    believable = 0 < appended <= tick.max_gap_ms and 0 < clocked <= tick.max_gap_ms
    return min(appended, clocked) if believable else 0


def _lost(clock: PartitionClock, step: int, append_ms: int) -> int:
    """Return how much log time passed without service, if the step was not believed."""
    if step or not clock.log_ms:
        return 0
    return max(append_ms - clock.log_ms, 0)


def _all_served(shards: Mapping[str, Mapping[int, int]], tick: Tick, append_ms: int) -> bool:
    """Tell whether each shard of each path in force ticked within max_gap of append time.

    Either way: when the broker's clock has stepped back, an earlier tick proves nothing.
    """
    last = [shards.get(path, {0: NEVER}).values() for path in tick.paths]
    return all(abs(append_ms - at) <= tick.max_gap_ms for path in last for at in path)
