"""The ledger against its floor: the same log, the same tables, in turns."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import floor, sample
from bench.section import Bench, Report, Row
from bench.stage import fresh
from consumers.ledger import Booking, decode, seek
from hoatoc import codec
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.policy import Policy
from hoatoc.domain.registry import Organ
from hoatoc.kafka.client import Outgoing, consumer, producer, send_all
from hoatoc.policy_file import load_policy
from hoatoc.postgres.connection import pool
from hoatoc.prepare import first_registry

DISPATCHES, TURNS = 400, 3
_CHUNK = 2_000
_BOOKS = "partition_book, dispatch, delivery, history, alert, announcement"
Book = Callable[[Settings, AIOKafkaConsumer, asyncpg.Pool, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """Events a second, in turns, of the ledger and of its floor."""

    events: int
    real: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The ledger's rate by the floor's: the median of the turns."""
        return median(real / bare for real, bare in zip(self.real, self.floor, strict=True))


async def report(bench: Bench) -> Report:
    """Compare the ledger with its floor on empty books."""
    async with fresh(bench.console) as running:
        settings = running.settings
        await asyncio.sleep(1)  # the broker has just made its topics
        dispatches = bench.size(DISPATCHES, 4)
        events = await fill(settings, first_registry(), load_policy(settings), dispatches)
        bench.say(f"a log of {events:,} events, in {TURNS} turns")
        found = await compare(settings, events, TURNS)
    row = Row(
        "events booked a second (best turn), one process",
        f"{max(found.real):,.0f}",
        f"{max(found.floor):,.0f}",
        f"{found.ratio:.0%}",
        "60 % of its floor",
    )
    turns = zip(found.real, found.floor, strict=True)
    note = ", ".join(f"{real:,.0f} of {bare:,.0f}" for real, bare in turns)
    figures = {
        "events": events,
        "events_per_s": round(max(found.real)),
        "floor_events_per_s": round(max(found.floor)),
        "ratio": round(found.ratio, 3),
    }
    return Report([row], figures, [f"The ratio is the median of the turns: {note}."])


async def fill(
    settings: Settings,
    organs: tuple[Organ, ...],
    policy: Policy,
    dispatches: int,
    *,
    answered: bool = True,
) -> int:
    """Write a log behind what `deliveries` holds, and return how many records it has."""
    count, partitions = 0, settings.kafka.partitions
    async with producer(settings.kafka, [topic.DELIVERIES]) as to:
        chunk: list[Outgoing] = []
        for placed in sample.log(organs, policy, dispatches, partitions, answered=answered):
            value = codec.encode(placed.event)
            chunk.append(Outgoing(topic.DELIVERIES, b"bench", value, [], placed.partition))
            count += 1
            if len(chunk) == _CHUNK:
                await send_all(to, chunk)
                chunk = []
        await send_all(to, chunk)
    return count


async def compare(settings: Settings, events: int, turns: int) -> LedgerFigures:
    """Book the log by the ledger and by the floor, in turns."""
    real: list[float] = []
    bare: list[float] = []
    async with ready(settings) as (reader, database):
        for _ in range(turns):
            for rates, way in ((bare, book_bare), (real, book)):
                await _emptied(settings, reader, database)
                rates.append(events / await timed(settings, reader, database, events, way))
    return LedgerFigures(events, tuple(real), tuple(bare))


@asynccontextmanager
async def ready(settings: Settings) -> AsyncIterator[tuple[AIOKafkaConsumer, asyncpg.Pool]]:
    """Open a reader of every partition of `deliveries`, and the database."""
    async with (
        pool(settings.postgres.dsn, 2) as database,
        consumer(settings.kafka, fetch_max_wait_ms=250) as reader,
    ):
        reader.assign(_places(settings))
        yield reader, database


def _places(settings: Settings) -> list[TopicPartition]:
    return [TopicPartition(topic.DELIVERIES, p) for p in range(settings.kafka.partitions)]


async def _emptied(settings: Settings, reader: AIOKafkaConsumer, database: asyncpg.Pool) -> None:
    await database.execute(f"TRUNCATE {_BOOKS}")
    await database.execute("CHECKPOINT")
    for place in _places(settings):
        reader.seek(place, 0)


async def timed(
    settings: Settings,
    reader: AIOKafkaConsumer,
    database: asyncpg.Pool,
    events: int,
    book: Book,
) -> float:
    """Return the seconds that one way takes to book so many events."""
    began = time.perf_counter()
    await book(settings, reader, database, events)
    return time.perf_counter() - began


async def book(
    settings: Settings, reader: AIOKafkaConsumer, database: asyncpg.Pool, events: int
) -> None:
    """Book so many events by the ledger, from where the books end."""
    booking = Booking(settings.kafka.partitions)
    await seek(reader, database, booking, set(range(settings.kafka.partitions)))
    while events:
        fetched = await reader.getmany(timeout_ms=1000, max_records=settings.ledger.batch)
        batch = decode(fetched)
        walks = booking.walk(batch)
        async with database.acquire() as connection:
            await booking.book(connection, walks, batch.parked)
        events -= sum(map(len, fetched.values()))


async def book_bare(
    settings: Settings, reader: AIOKafkaConsumer, database: asyncpg.Pool, events: int
) -> None:
    """Book so many events by the floor, from where the reader stands."""
    partitions = list(range(settings.kafka.partitions))
    await database.execute(floor.SQL["open_books"], partitions)
    ticks: dict[int, int] = {}
    while events:
        fetched = await reader.getmany(timeout_ms=1000, max_records=settings.ledger.batch)
        async with database.acquire() as connection:
            await floor.book(connection, fetched, ticks)
        events -= sum(map(len, fetched.values()))
