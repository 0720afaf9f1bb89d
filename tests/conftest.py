"""Real stores for the tests that ask for them: started once, in a scratch folder."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest_asyncio

from hoatoc.config import Settings
from hoatoc.embedded.stack import stack
from hoatoc.postgres.connection import migrate


@asynccontextmanager
async def _started(*parts: str) -> AsyncIterator[Settings]:
    """Start parts of a stack; the database's user must be able to reach the folder."""
    with tempfile.TemporaryDirectory(prefix="hoatoc-test-") as folder:
        Path(folder).chmod(0o755)
        async with stack(Settings(data=Path(folder)), parts=parts) as running:
            yield running.settings


@pytest_asyncio.fixture(scope="session")
async def stack_settings() -> AsyncIterator[Settings]:
    """Settings that reach a prepared database and broker."""
    async with _started("database", "broker") as settings:
        yield settings


@pytest_asyncio.fixture(scope="session")
async def _database() -> AsyncIterator[str]:
    async with _started("database") as settings:
        connection = await asyncpg.connect(settings.postgres.dsn)
        await migrate(connection)
        await connection.close()
        yield settings.postgres.dsn


@pytest_asyncio.fixture
async def database_dsn(_database: str) -> str:
    """Reach a migrated database whose tables are empty."""
    connection = await asyncpg.connect(_database)
    try:
        tables = await connection.fetch(
            "SELECT quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> 'schema_migration'"
        )
        await connection.execute(f"TRUNCATE {', '.join(row[0] for row in tables)} RESTART IDENTITY")
    finally:
        await connection.close()
    return _database
