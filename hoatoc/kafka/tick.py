"""Ticks: what a path appends to every partition of `deliveries`, once a second, while it serves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from prometheus_client import Counter

from hoatoc import telemetry
from hoatoc.domain import topic
from hoatoc.domain.event import Tick
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Outgoing

TICK_S = 1.0

TICKS = Counter("hoatoc_ticks_total", "Ticks confirmed")
TICKS_HELD = Counter("hoatoc_ticks_held_total", "Seconds without a tick: the path did not serve")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """Who ticks: one writer of a path that has one shard, and the paths in force."""

    path: str
    paths: Sequence[str]
    writer: str
    partitions: int
    max_gap_ms: int

    def ticks(self, now_ms: int, calendar_version: int) -> list[Outgoing]:
        """Return a tick for each partition, at an instant of the writer's clock (1970 UTC)."""
        return [
            outgoing(
                self._tick(partition, now_ms, calendar_version),
                topic=topic.DELIVERIES,
                key=b"tick",
                source=self.path,
                dispatch_id=None,
                partition=partition,
            )
            for partition in range(self.partitions)
        ]

    def _tick(self, partition: int, now_ms: int, calendar_version: int) -> Tick:
        return Tick(
            event_id=uuid5(NAMESPACE_OID, f"{self.writer}/{partition}/{now_ms}"),
            path=self.path,
            shard=0,
            shards=1,
            paths=list(self.paths),
            writer=self.writer,
            clock_ms=now_ms,
            max_gap_ms=self.max_gap_ms,
            calendar_version=calendar_version,
        )


Append = Callable[[Sequence[Outgoing]], Awaitable[int | None]]
"""Appends records; returns the broker's clock (ms) at the first, None if it did not confirm."""


async def tick(
    ticker: Ticker,
    append: Append,
    serves: Callable[[], bool],
    calendar_version: Callable[[], int],
    now_ns: Callable[[], int],
) -> None:
    """Append a tick a second to every partition, while the path serves."""
    loop = asyncio.get_running_loop()
    while True:
        began, now_ms = loop.time(), now_ns() // 1_000_000
        confirmed_ms = None
        if serves():
            confirmed_ms = await append(ticker.ticks(now_ms, calendar_version()))
        if confirmed_ms is None:
            TICKS_HELD.inc()
        else:
            TICKS.inc(ticker.partitions)
            telemetry.CLOCK_SKEW.labels(ticker.path, "broker").set((now_ms - confirmed_ms) / 1000)
        # Not by the wall clock: one that steps back an hour would hold time up for an hour.
        await asyncio.sleep(max(began + TICK_S - loop.time(), 0))
