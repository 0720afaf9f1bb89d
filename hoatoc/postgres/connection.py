"""Connections to PostgreSQL 15 and later, and the migrations of its schema."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

import asyncpg

from hoatoc.domain.error import OurFault, Unavailable

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
_MIGRATION = re.compile(r"^(\d{4})_\w+\.sql$")
_LOCK = 807_001

# What a client meets while the server is away, starting or shutting down.
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class SchemaNewer(OurFault):
    """The database was written by a newer Hoatoc."""


class DatabaseAway(Unavailable):
    """The database does not answer."""


@asynccontextmanager
async def pool(
    dsn: str, size: int = 4, *, keeps_sessions: bool = True
) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool of connections; raises DatabaseAway when the server does not answer.

    Whoever never locks, listens or sets anything beyond a transaction says so by `keeps_sessions`,
    and the server is not asked to forget it whenever a connection comes back.
    """
    reset = None if keeps_sessions else _nothing_to_forget
    try:
        opened = await asyncpg.create_pool(
            dsn, min_size=1, max_size=size, command_timeout=60, reset=reset
        )
    except AWAY as error:
        raise DatabaseAway(f"the database does not answer: {error!r}") from error
    try:
        yield opened
    finally:
        opened.terminate()


async def _nothing_to_forget(_connection: asyncpg.Connection) -> None:
    """Leave the session as it is."""


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection for the block; raises DatabaseAway when the server does not answer."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (*AWAY, TimeoutError) as error:
        raise DatabaseAway(f"the database does not answer: {error!r}") from error
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def listening(
    connection: Connection, channel: str, wake: asyncio.Event
) -> AsyncIterator[None]:
    """Set `wake` at every NOTIFY of a channel."""

    def woken(*_: object) -> None:
        wake.set()

    await connection.add_listener(channel, woken)
    try:
        yield
    finally:
        with suppress(*AWAY):  # a connection that is gone listens no more
            await connection.remove_listener(channel, woken)


def migrations() -> list[tuple[int, str, str]]:
    """Return (number, file name, SQL) of every migration, in order."""
    found = files("hoatoc.postgres.migrations").iterdir()
    named = ((_MIGRATION.match(file.name), file) for file in found)
    return sorted((int(m[1]), file.name, file.read_text("utf-8")) for m, file in named if m)


async def migrate(connection: Connection) -> int:
    """Bring the schema up to date and return its version.

    Each migration is one transaction with a lock timeout of five seconds. Raises SchemaNewer when
    the database knows migrations that this program does not.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (version integer PRIMARY KEY,"
            " name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = await connection.fetchval(
            "SELECT coalesce(max(version), 0) FROM schema_migration"
        )
        known = migrations()
        if applied > known[-1][0]:
            raise SchemaNewer(
                f"the database is at schema {applied}, this program knows {known[-1][0]}: "
                "upgrade Hoatoc, or use the folder it belongs to"
            )
        for version, name, sql in known:
            if version > applied:
                async with connection.transaction():
                    await connection.execute("SET LOCAL lock_timeout = '5s'")
                    await connection.execute(sql)
                    await connection.execute(
                        "INSERT INTO schema_migration (version, name) VALUES ($1, $2)",
                        version,
                        name,
                    )
        return known[-1][0]
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
