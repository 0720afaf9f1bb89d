"""How a command reaches the stores: those that are configured, else those of a running `up`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from hoatoc import config
from hoatoc.config import Settings
from hoatoc.domain.error import Unavailable
from hoatoc.embedded.stack import running
from hoatoc.postgres.connection import AWAY, DatabaseAway

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder (default: HOATOC_DATA).", file_okay=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


class NotRunning(Unavailable):
    """Nothing runs on the data folder, and no stores are configured."""


def settings_of(data: Path | None) -> Settings:
    """Return the settings with the addresses of the stores; raises NotRunning.

    The policy is that of the running stack, unless another is named.
    """
    settings = config.load()
    if data is not None:
        settings = settings.model_copy(update={"data": data.resolve()})
    if settings.postgres.dsn and settings.kafka.bootstrap_servers:
        return settings
    state = running(settings.data)
    if state is None:
        raise NotRunning(
            f"nothing runs on {settings.data}: start it with `hoatoc up`, name another folder by "
            "--data, or set HOATOC_POSTGRES_DSN and HOATOC_KAFKA_BOOTSTRAP_SERVERS"
        )
    kafka = settings.kafka.bootstrap_servers or state.bootstrap_servers
    dsn = settings.postgres.dsn or state.dsn
    return settings.model_copy(
        update={
            "policy": settings.policy or state.policy,
            "kafka": settings.kafka.model_copy(update={"bootstrap_servers": kafka}),
            "postgres": settings.postgres.model_copy(update={"dsn": dsn}),
        }
    )


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database; raises DatabaseAway."""
    try:
        connection = await asyncpg.connect(settings.postgres.dsn, timeout=10)
    except (*AWAY, TimeoutError) as error:
        raise DatabaseAway(f"the database does not answer: {error!r}") from error
    try:
        yield connection
    finally:
        connection.terminate()
