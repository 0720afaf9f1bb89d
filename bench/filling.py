"""Books filled in PostgreSQL: a small log is booked by the ledger, and its rows multiplied.

So every row is as the ledger writes it, and the positions fit the log. Copies have ids of their
own; their lines of history stand at negative offsets, as of a log that was cut off before 0.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from bench import ledger, sample
from bench.section import Bench
from hoatoc.config import Settings
from hoatoc.policy_file import load_policy
from hoatoc.prepare import first_registry

SEED = 64
"""Dispatches of the log that is multiplied."""
CHUNK = 500_000
_TABLES = ("dispatch", "delivery", "history")
_RENEWED = {
    "delivery_id": "md5(t.delivery_id::text || g)::uuid",
    "dispatch_id": "md5(t.dispatch_id::text || g)::uuid",
}


async def seed(settings: Settings, *, answered: bool) -> int:
    """Write and book a small log on an empty `deliveries`; return how many deliveries it has."""
    policy = load_policy(settings)
    events = await ledger.fill(settings, first_registry(), policy, SEED, answered=answered)
    async with ledger.ready(settings) as (reader, database):
        await ledger.book(settings, reader, database, events)
        for table in _TABLES:
            await database.execute(f"CREATE UNLOGGED TABLE seed_{table} AS TABLE {table}")
    return SEED * sample.RECIPIENTS


async def multiply(
    bench: Bench, database: asyncpg.Pool, before: int, wanted: int, most_s: float
) -> int:
    """Multiply the seed until the books hold so many deliveries, or time is up; return how many."""
    seeded = SEED * sample.RECIPIENTS
    turn, last = before // seeded, -(-wanted // seeded)
    step = max(CHUNK // seeded, 1)
    deadline = time.monotonic() + most_s
    async with _bare(database):
        while turn < last and time.monotonic() < deadline:
            upto = min(turn + step, last)
            for table in _TABLES:
                await _copy(database, table, turn, upto - 1)
            turn = upto
            bench.say(f"{turn * seeded:,} deliveries in the books")
    await database.execute("VACUUM ANALYZE", timeout=600)
    await database.execute("CHECKPOINT", timeout=600)
    return turn * seeded


async def _copy(database: asyncpg.Pool, table: str, first: int, last: int) -> None:
    """Add one copy of the seed's rows for each number; number 0 is the seed itself."""
    columns = await _columns(database, table)
    values = [_value(table, name) for name in columns]
    await database.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608
        f"FROM seed_{table} t, generate_series($1::bigint, $2::bigint) g",
        max(first, 1),
        last,
        timeout=600,
    )


def _value(table: str, column: str) -> str:
    if table == "history" and column == "log_offset":
        return "-1 - t.log_offset - g * 1000000"
    return _RENEWED.get(column, f"t.{column}")


async def _columns(database: asyncpg.Pool, table: str) -> Sequence[str]:
    rows = await database.fetch(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = $1 AND table_schema = 'public' ORDER BY ordinal_position",
        table,
    )
    return [row["column_name"] for row in rows]


@asynccontextmanager
async def _bare(database: asyncpg.Pool) -> AsyncIterator[None]:
    """Take indexes and constraints off the tables meanwhile; CHECKs come back for new rows only."""
    constraints = await database.fetch(
        "SELECT conrelid::regclass::text AS tab, conname, contype::text,"
        " pg_get_constraintdef(oid) AS def FROM pg_constraint"
        " WHERE conrelid::regclass::text = ANY($1) AND contype IN ('p', 'u', 'c')",
        list(_TABLES),
    )
    for row in constraints:
        await database.execute(f'ALTER TABLE {row["tab"]} DROP CONSTRAINT "{row["conname"]}"')
    indexes = await database.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1)", list(_TABLES)
    )
    for row in indexes:
        await database.execute(f'DROP INDEX "{row["indexname"]}"')
    try:
        yield
    finally:
        async with database.acquire() as connection:
            await connection.execute("SET maintenance_work_mem = '1GB'")
            for row in constraints:
                later = " NOT VALID" if row["contype"] == "c" else ""
                await connection.execute(
                    f'ALTER TABLE {row["tab"]} ADD CONSTRAINT "{row["conname"]}"'
                    f" {row['def']}{later}",
                    timeout=600,
                )
            for row in indexes:
                await connection.execute(row["indexdef"], timeout=600)
