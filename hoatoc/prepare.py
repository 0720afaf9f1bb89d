"""Preparing a broker and a database: schema, first registry, topics."""

from collections.abc import Sequence
from importlib.resources import files

import asyncpg

from hoatoc.config import Settings
from hoatoc.domain.registry import Organ, parse_organs
from hoatoc.kafka import topic
from hoatoc.postgres.connection import AWAY, DatabaseAway, migrate
from hoatoc.postgres.handover import HandoverTables


def first_registry() -> tuple[Organ, ...]:
    """Return the level-1 organs that ship with Hoatoc."""
    return parse_organs((files("hoatoc.data") / "organs.csv").read_text("utf-8"))


async def prepare(settings: Settings) -> None:
    """Migrate the schema, fill an empty registry, create the topics that are missing."""
    try:
        connection = await asyncpg.connect(settings.postgres.dsn)
    except AWAY as error:
        raise DatabaseAway(f"the database does not answer: {error!r}") from error
    try:
        await migrate(connection)
        tables = HandoverTables(connection)
        organs = await tables.organs()
        if not organs:
            await tables.add_organs(first_registry())
            organs = await tables.organs()
    finally:
        await connection.close()
    await create_topics(settings, organs)


async def create_topics(settings: Settings, organs: Sequence[Organ]) -> list[str]:
    """Create the topics that these organs need and return the names of the new ones."""
    plans = topic.plan(settings.kafka, [organ.code for organ in organs])
    async with topic.admin(settings.kafka) as client:
        return await topic.create(client, settings.kafka, plans)
