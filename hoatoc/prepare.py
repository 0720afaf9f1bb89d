"""Preparing a broker and a database: schema, first registry, topics."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files

import asyncpg

from hoatoc.calendar_file import shipped_text
from hoatoc.config import Settings
from hoatoc.domain.registry import Organ, parse_organs
from hoatoc.domain.registry.file import read_csv
from hoatoc.domain.registry.group import parse_groups
from hoatoc.kafka import topic
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import AWAY, Connection, DatabaseAway, migrate
from hoatoc.postgres.registry import Origin, RegistryTables

_SHIPPED = files("hoatoc.data")
_ORGANS, _GROUPS = "organs.csv", "groups.toml"


def first_registry() -> tuple[Organ, ...]:
    """Return the level-1 organs that ship with Hoatoc."""
    return parse_organs((_SHIPPED / _ORGANS).read_text("utf-8"))


async def prepare(settings: Settings) -> None:
    """Migrate the schema, fill an empty registry, create the topics that are missing."""
    try:
        connection = await asyncpg.connect(settings.postgres.dsn)
    except AWAY as error:
        raise DatabaseAway(f"the database does not answer: {error!r}") from error
    try:
        await migrate(connection)
        await adopt_first_calendar(connection)
        organs = await fill_registry(connection)
    finally:
        await connection.close()
    await create_topics(settings, organs)


async def adopt_first_calendar(connection: Connection) -> None:
    """Adopt the calendar that ships, where none was adopted."""
    await CalendarTables(connection).adopt_first(shipped_text(), "hoatoc")


async def fill_registry(connection: Connection) -> tuple[Organ, ...]:
    """Fill an empty registry and groups that are missing with what ships; return the organs."""
    tables = RegistryTables(connection)
    if not await tables.organs():
        data = (_SHIPPED / _ORGANS).read_bytes()
        origin = Origin(who="hoatoc", file=_ORGANS, sha256=sha256(data).digest())
        today = datetime.now(UTC).date()  # no organ of this file begins or ends
        await tables.change(read_csv(data.decode()), origin, complete=False, today=today)
    if not await tables.groups():
        await tables.put_groups(parse_groups((_SHIPPED / _GROUPS).read_text("utf-8")))
    return await tables.organs()


def plan_topics(settings: Settings, organs: Iterable[Organ]) -> dict[str, topic.Plan]:
    """Return every topic that must exist; an organ with a hub has none, its hub speaks for it."""
    return topic.plan(settings.kafka, [organ.code for organ in organs if not organ.hub])


async def create_topics(settings: Settings, organs: Iterable[Organ]) -> list[str]:
    """Create the topics that these organs need and return the names of the new ones."""
    plans = plan_topics(settings, organs)
    async with topic.admin(settings.kafka) as client:
        return await topic.create(client, settings.kafka, plans)
