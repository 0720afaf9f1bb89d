"""What the parts alone can do that all else is made of: broker, client, faust, index, wheel."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from uuid import UUID, uuid4

import asyncpg
import faust
from aiokafka import TopicPartition

from bench import floor
from bench.section import Bench, Report, Row, Unmeasured
from bench.stage import fresh
from hoatoc import codec
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.event import StatusReported
from hoatoc.domain.wheel import Wheel
from hoatoc.kafka.client import Outgoing, consumer, producer, send_all
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import SQL

RECORDS = 200_000
OPEN, DUE = 500_000, 1_000
ENTRIES = 1_000_000
GATHERED = 5_000
TURNS = 9
FAUST_S = 60.0
_MINUTES = 240
_DELIVERIES = """
    INSERT INTO delivery (delivery_id, dispatch_id, recipient, partition, state, facts, open,
                          overdue, recovered, due_kind, due_ms, wake_ms, version)
    SELECT md5(g::text)::uuid, md5((g / 38)::text)::uuid, 'R', g % 16, 'registered', '{}', true,
           false, false, 'arrive', due, due, 0
    FROM generate_series(1, $1::int) g,
         LATERAL (SELECT CASE WHEN g <= 16 * $2::int THEN 0 ELSE 1000000 + g END AS due) d"""


@dataclass(frozen=True, slots=True)
class WheelFigures:
    """A wheel: bytes of each entry, the worst tick (ms of processor time)."""

    bytes_each: float
    worst_tick_ms: float


@dataclass(frozen=True, slots=True)
class PartsFigures:
    """Records a second of each way; the partial index over so many rows (ms); a wheel."""

    produced: float
    bare: float
    decoded: float
    faust: float
    held: int
    due_ms: float
    entries: int
    wheel: WheelFigures


async def report(bench: Bench) -> Report:
    """Measure each part by itself, one process each."""
    number, entries = bench.size(RECORDS, GATHERED), bench.size(ENTRIES, 10_000)
    held = bench.size(OPEN, 20 * DUE)
    async with fresh(bench.console) as running:
        settings = running.settings
        await _produce(settings, settings.kafka.partitions)  # the topic has leaders from now on
        produced = number / await _seconds(lambda: _produce(settings, number))
        bare = number / await _seconds(lambda: _read(settings, number))
        decoded = number / await _seconds(lambda: _read(settings, number, codec.decode))
        bench.say("faust")
        through_faust = number / await _faust(settings, number)
        bench.say("partial index")
        async with pool(settings.postgres.dsn, 1) as database:
            due_ms = await _due(database, held)
    wheel = await asyncio.to_thread(wheel_of, entries)
    found = PartsFigures(produced, bare, decoded, through_faust, held, due_ms, entries, wheel)
    note = "Goals are what the parts gave when the design was made."
    return Report(_rows(found), _figures(found), [note])


def _rows(found: PartsFigures) -> list[Row]:
    produced, due_ms = f"{found.produced:,.0f}", f"{found.due_ms:.1f} ms"
    wheel = f"minute wheel of {found.entries:,}"
    return [
        Row("idempotent produce, gathered, records/s", produced, goal="97,000"),
        Row(
            "`getmany` and our decoding, events/s",
            f"{found.decoded:,.0f}",
            f"{found.bare:,.0f} (fastavro alone)",
            f"{found.decoded / found.bare:.0%}",
        ),
        Row(
            "faust agent, raw bytes and fastavro, events/s",
            f"{found.faust:,.0f}",
            f"{found.bare:,.0f} (`getmany`)",
            f"{found.faust / found.bare:.0%}",
            "12,300",
        ),
        Row(f"{DUE:,} due rows of {found.held:,} by partial index", due_ms, goal="4.5 ms"),
        Row(f"{wheel}: each entry", f"{found.wheel.bytes_each:.0f} bytes", goal="55"),
        Row(f"{wheel}: worst tick", f"{found.wheel.worst_tick_ms:.2f} ms", goal="1 ms"),
    ]


def _figures(found: PartsFigures) -> dict[str, float]:
    return {
        "produce_per_s": round(found.produced),
        "decode_per_s": round(found.decoded),
        "fastavro_per_s": round(found.bare),
        "faust_per_s": round(found.faust),
        "due_ms": round(found.due_ms, 2),
        "wheel_bytes": round(found.wheel.bytes_each, 1),
        "wheel_worst_tick_ms": round(found.wheel.worst_tick_ms, 2),
    }


async def _seconds(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _produce(settings: Settings, number: int) -> None:
    event = StatusReported(
        event_id=uuid4(), dispatch_id=uuid4(), recipient="H14", code="01", description="Đã đến"
    )
    value, partitions = codec.encode(event), settings.kafka.partitions
    async with producer(settings.kafka, [topic.DELIVERIES]) as to:
        for begin in range(0, number, GATHERED):
            some = range(begin, min(begin + GATHERED, number))
            await send_all(
                to, [Outgoing(topic.DELIVERIES, b"k", value, [], n % partitions) for n in some]
            )


async def _read(
    settings: Settings, number: int, decode: Callable[[bytes | None], object] = floor.decode
) -> None:
    async with consumer(settings.kafka) as reader:
        reader.assign(
            [TopicPartition(topic.DELIVERIES, p) for p in range(settings.kafka.partitions)]
        )
        while number > 0:
            fetched = await reader.getmany(timeout_ms=1000, max_records=5_000)
            for records in fetched.values():
                for record in records:
                    decode(record.value)
                number -= len(records)


async def _faust(settings: Settings, number: int) -> float:
    """Return the seconds in which a faust agent reads so many records, from its first one on."""
    app = faust.App(
        "bench-faust",
        broker=f"kafka://{settings.kafka.bootstrap_servers}",
        datadir=str(settings.data / "faust"),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
    )
    log = app.topic(topic.DELIVERIES, key_serializer="raw", value_serializer="raw")
    seen: list[float] = []
    ended = asyncio.Event()

    async def count(stream: faust.StreamT[bytes]) -> None:
        read = 0
        async for value in stream:
            floor.decode(value)
            read += 1
            if read in (1, number):
                seen.append(time.perf_counter())
            if read == number:
                ended.set()

    app.agent(log, concurrency=1)(count)
    await app.start()
    try:
        await asyncio.wait_for(ended.wait(), FAUST_S)
    except TimeoutError:
        raise Unmeasured(f"faust has not read {number:,} records in {FAUST_S:g} s") from None
    finally:
        await app.stop()
    return seen[-1] - seen[0]


async def _due(database: asyncpg.Pool, number: int) -> float:
    """Return the milliseconds of the backstop's query that finds a thousand of so many."""
    await database.execute(_DELIVERIES, number, DUE, timeout=300)
    await database.execute("VACUUM ANALYZE delivery", timeout=300)
    times = []
    async with database.acquire() as connection:
        for turn in range(TURNS):
            began = time.perf_counter()
            rows = await connection.fetch(SQL["past_wake"], turn, 1_000)
            times.append((time.perf_counter() - began) * 1000)
            if len(rows) != DUE:
                raise Unmeasured(f"{len(rows)} rows are due, not {DUE}")
    return median(times)


def wheel_of(entries: int) -> WheelFigures:
    """Fill a wheel and let it pass; its entries' ids are counted with whoever holds them."""
    import tracemalloc  # noqa: PLC0415 - only here, for it slows what runs under it

    ids = [UUID(int=n) for n in range(entries)]
    dues = [n * 7_919 % (_MINUTES * 60_000) for n in range(entries)]
    tracemalloc.start()
    wheel = Wheel()
    for of, due_ms in zip(ids, dues, strict=True):
        wheel.put(of, due_ms)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    worst = 0.0
    for service_ms in range(0, _MINUTES * 60_000, 1_000):
        began = time.thread_time()
        wheel.pop_passed(service_ms)
        worst = max(worst, time.thread_time() - began)
    return WheelFigures(held / entries, worst * 1000)
