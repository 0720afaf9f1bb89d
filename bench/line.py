"""The whole line: complete deliveries a second, with everything on one machine.

A delivery is complete when it was handed over, registered, copied, published, answered with `done`,
01 and 05, and stands accepted in the books with nothing due.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from bench import sample, use
from bench.helping import helper
from bench.load import Doors, doors, letters
from bench.section import Bench, Unmeasured
from bench.stage import ALL, Crew, crew, fresh
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.kafka.client import consumer
from hoatoc.kafka.topic import admin
from hoatoc.postgres.connection import pool
from streams import tracker

SCALED = ("relay", "ledger", "tracker")
DISPATCHES, WARM_UP = 600, 40
MOST_S = 300.0
_PAUSE_S = 0.2
_COMPLETE = "SELECT count(*) FROM delivery WHERE state = 'accepted' AND due_ms IS NULL"


@dataclass(frozen=True, slots=True)
class LineFigures:
    """How many deliveries; when all were handed over, complete, and read by the tracker (s).

    `spent_s` is the processor time of each part until then, `senders` and `recipients` included.
    """

    workers: int
    deliveries: int
    handed_over_s: float
    seconds: float
    tracked_s: float
    alerts: int
    spent_s: dict[str, float]

    @property
    def rate(self) -> float:
        """Complete deliveries a second, from the first hand-over to the last one complete."""
        return self.deliveries / self.seconds

    @property
    def spent_ms(self) -> dict[str, float]:
        """Processor time of one delivery by part, milliseconds."""
        return {name: s / self.deliveries * 1000 for name, s in self.spent_s.items()}


async def measure(bench: Bench, workers: int) -> LineFigures:
    """Run a line with so many processes of each program that can be scaled."""
    numbers = {name: workers if name in SCALED else 1 for name in ALL}
    async with (
        fresh(bench.console) as running,
        crew(running, numbers) as team,
        doors(team.settings) as opened,
    ):
        await complete(team, opened, letters(1, bench.size(WARM_UP, 2)))
        packets = letters(WARM_UP + 1, bench.size(DISPATCHES, 4))
        return await complete(team, opened, packets, workers)


async def complete(
    team: Crew, opened: Doors, packets: Sequence[bytes], workers: int = 1
) -> LineFigures:
    """Hand the packets over; return when every delivery is complete and tracked.

    Raises Unmeasured after five minutes.
    """
    wanted = len(packets) * sample.RECIPIENTS
    async with (
        pool(team.settings.postgres.dsn, 1) as database,
        answering(team.settings) as recipients,
    ):
        parts = {**team.pids, "recipients": [recipients]}
        before, spent = await database.fetchval(_COMPLETE), _spent(parts)
        began = time.perf_counter()
        handing = asyncio.create_task(_timed(opened, packets))
        await until_complete(database, before + wanted)
        seconds = time.perf_counter() - began
        handed_over = await handing
        await until_tracked(team.settings)
        tracked = time.perf_counter() - began
        spent = {name: s - spent[name] for name, s in _spent(parts).items()}
        alerts = await database.fetchval("SELECT count(*) FROM alert")
    return LineFigures(workers, wanted, handed_over, seconds, tracked, alerts, spent)


async def _timed(opened: Doors, packets: Sequence[bytes]) -> float:
    began = time.perf_counter()
    await opened.all(packets)
    return time.perf_counter() - began


def _spent(parts: use.Parts) -> dict[str, float]:
    """Return the processor time so far of each part; the bench itself plays the senders."""
    return {**use.spent(parts), "senders": use.own_spent(parts)}


async def until_complete(database: asyncpg.Pool, wanted: int, most_s: float = MOST_S) -> None:
    """Return when so many deliveries are complete; raises Unmeasured."""
    deadline = time.monotonic() + most_s
    while (found := await database.fetchval(_COMPLETE)) < wanted:
        if time.monotonic() > deadline:
            raise Unmeasured(f"{found} of {wanted} deliveries are complete after {most_s:g} s")
        await asyncio.sleep(_PAUSE_S)


async def until_tracked(settings: Settings, most_s: float = MOST_S) -> None:
    """Return when the trackers have done with all that the log holds now; raises Unmeasured."""
    places = [TopicPartition(topic.DELIVERIES, p) for p in range(settings.kafka.partitions)]
    async with consumer(settings.kafka) as reader, admin(settings.kafka) as client:
        ends = await reader.end_offsets(places)
        deadline = time.monotonic() + most_s
        committed = client.list_consumer_group_offsets  # type: ignore[attr-defined]
        while left := _left(ends, await committed(tracker.GROUP)):
            if time.monotonic() > deadline:
                raise Unmeasured(f"the trackers have {left} records to read after {most_s:g} s")
            await asyncio.sleep(_PAUSE_S)


def _left(
    ends: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, OffsetAndMetadata]
) -> int:
    done = {place: committed[place].offset if place in committed else 0 for place in ends}
    return sum(max(end - max(done[place], 0), 0) for place, end in ends.items())


@asynccontextmanager
async def answering(settings: Settings, *silent: str) -> AsyncIterator[int]:
    """Have the recipients answer meanwhile, but for some; yield their pid."""
    async with helper(settings, "bench.recipients", *silent) as process:
        yield process.pid
