"""What an event costs with ever more deliveries in the books: the same batches, in turns.

The books are filled to each size, then ledger and floor book fresh logs of the same mix, each event
new to the books. What the floor's cost grows by is PostgreSQL's growth; the rest is ours.
"""

import shutil
from dataclasses import dataclass
from statistics import median

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import filling, ledger
from bench.section import Bench, Plot, Report, Row
from bench.stage import fresh
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.policy_file import load_policy
from hoatoc.prepare import first_registry

SIZES = (10_000, 1_000_000, 10_000_000)
DISPATCHES, TURNS = 160, 3
FILL_S = 600.0
SPARE_BYTES = 20 * 10**9
GOAL = 0.2
_PER_DELIVERY = 2_500
"""Bytes of disk for a delivery while it is filled in: rows, indexes, write-ahead log."""
_REWIND = """
    UPDATE partition_book b SET next_offset = n.o, service_ms = 0, clock = '{}', ticks = 0
    FROM unnest($1::int[], $2::bigint[]) AS n (p, o) WHERE b.partition = n.p"""


@dataclass(frozen=True, slots=True)
class SizeFigures:
    """Microseconds an event in books of one size: the ledger's and its floor's, by turn."""

    size: int
    real: list[float]
    floor: list[float]


async def report(bench: Bench) -> Report:
    """Fill the books to each size that fits and measure there."""
    found: list[SizeFigures] = []
    async with fresh(bench.console) as running:
        settings = running.settings
        async with ledger.ready(settings) as (reader, database):
            held = await filling.seed(settings, answered=True)
            for book in (ledger.book_bare, ledger.book):  # once unmeasured: everything is cold
                await _turn(bench, settings, reader, database, book)
            for size in _fitting(bench, settings):
                held = await filling.multiply(bench, database, held, size, FILL_S)
                found.append(await _measure(bench, settings, reader, database, held))
                if held < size:
                    break
    return _report(bench, found)


def _fitting(bench: Bench, settings: Settings) -> list[int]:
    """Return the sizes, the last one cut to what the disk holds."""
    room = max(shutil.disk_usage(settings.data).free - SPARE_BYTES, 0) // _PER_DELIVERY
    sizes = [bench.size(size, filling.SEED * 38 * (1 + n)) for n, size in enumerate(SIZES)]
    return [min(size, room) for size in sizes]


async def _measure(
    bench: Bench,
    settings: Settings,
    reader: AIOKafkaConsumer,
    database: asyncpg.Pool,
    size: int,
) -> SizeFigures:
    real, bare = [], []
    for _ in range(TURNS):
        bare.append(await _turn(bench, settings, reader, database, ledger.book_bare))
        real.append(await _turn(bench, settings, reader, database, ledger.book))
    bench.say(f"{size:,}: {median(real):.0f} µs an event, floor {median(bare):.0f}")
    return SizeFigures(size, real, bare)


async def _turn(
    bench: Bench,
    settings: Settings,
    reader: AIOKafkaConsumer,
    database: asyncpg.Pool,
    book: ledger.Book,
) -> float:
    """Book a fresh log and return the microseconds of an event; what it wrote goes again."""
    places = [TopicPartition(topic.DELIVERIES, p) for p in range(settings.kafka.partitions)]
    ends = await reader.end_offsets(places)
    dispatches = bench.size(DISPATCHES, 16)
    events = await ledger.fill(settings, first_registry(), load_policy(settings), dispatches)
    begins = {place.partition: end for place, end in ends.items()}
    await database.execute(_REWIND, list(begins), list(begins.values()))
    for place, end in ends.items():
        reader.seek(place, end)
    last = await database.fetchval("SELECT coalesce(max(id), 0) FROM announcement")
    seconds = await ledger.timed(settings, reader, database, events, book)
    await _undo(database, begins, last)
    return seconds / events * 1e6


async def _undo(database: asyncpg.Pool, begins: dict[int, int], last: int) -> None:
    """Take out again what a turn has written, so that the books keep their size."""
    rows = await database.fetch(
        "DELETE FROM dispatch d USING unnest($1::int[], $2::bigint[]) AS n (p, o)"
        " WHERE d.partition = n.p AND d.log_offset >= n.o RETURNING dispatch_id",
        list(begins),
        list(begins.values()),
    )
    gone = [row["dispatch_id"] for row in rows]
    for table in ("delivery", "history"):
        query = f"DELETE FROM {table} WHERE dispatch_id = ANY($1)"  # noqa: S608
        await database.execute(query, gone)
    await database.execute("DELETE FROM announcement WHERE id > $1", last)
    for table in ("partition_book", "dispatch", "delivery", "history", "announcement"):
        await database.execute(f"VACUUM {table}", timeout=600)
    await database.execute("CHECKPOINT", timeout=300)


def _report(bench: Bench, found: list[SizeFigures]) -> Report:
    least = found[0]
    rows = [_row(each, least) for each in found]
    notes = []
    if found[-1].size < bench.size(SIZES[-1]):
        notes.append(
            f"{found[-1].size:,} deliveries is what was filled in {FILL_S:g} s and the disk at "
            "hand."
        )
    plot = Plot(
        "growth",
        "Cost of an event by the size of the books",
        "deliveries in the books",
        "µs an event",
        {
            "ledger": [(each.size, round(median(each.real), 1)) for each in found],
            "floor": [(each.size, round(median(each.floor), 1)) for each in found],
        },
        log="x",
    )
    figures = {f"us_per_event_{each.size}": round(median(each.real), 1) for each in found}
    figures |= {f"floor_us_per_event_{each.size}": round(median(each.floor), 1) for each in found}
    return Report(rows, figures, notes, [plot])


def _row(each: SizeFigures, least: SizeFigures) -> Row:
    real, bare = median(each.real), median(each.floor)
    grown = real / median(least.real) - 1
    bare_grown = bare / median(least.floor) - 1
    return Row(
        f"an event with {each.size:,} deliveries in the books",
        f"{real:.0f} µs ({grown:+.0%})",
        f"{bare:.0f} µs ({bare_grown:+.0%})",
        f"{real / bare:.1f} ×",
        f"within {GOAL:.0%}",
    )
