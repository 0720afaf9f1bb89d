"""Booking the whole log anew, from its copy on disk, in other batches, into another database."""

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import asyncpg
import fastavro
from aiokafka import TopicPartition

from consumers.ledger import Booking, decode
from hoatoc.domain.walk import PartitionBook
from hoatoc.postgres.connection import migrate
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.prepare import adopt_first_calendar

_MOST = 2000


class _Record(NamedTuple):
    """As much of a consumer's record as booking reads."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


async def replay(dsn: str, log: Path, partitions: int, chance: random.Random) -> str:
    """Book a log into a fresh database of the same server and return its DSN."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE DATABASE replayed")
    await connection.close()
    other = dsn.replace("/hoatoc?", "/replayed?")
    connection = await asyncpg.connect(other)
    try:
        await migrate(connection)
        await adopt_first_calendar(connection)
        await LedgerTables(connection).open_books(range(partitions))
        booking = Booking(partitions, dict.fromkeys(range(partitions), PartitionBook()))
        for part in _batches(log, chance):
            batch = decode(part)
            await booking.book(connection, booking.walk(batch), batch.parked)
    finally:
        await connection.close()
    return other


def _batches(log: Path, chance: random.Random) -> Iterator[dict[TopicPartition, list[Any]]]:
    """Cut a log, which is ordered by partition, into batches of any size."""
    batch: dict[TopicPartition, list[Any]] = defaultdict(list)
    room = chance.randint(1, _MOST)
    with log.open("rb") as file:
        for found in fastavro.reader(file):
            row = cast("dict[str, Any]", found)
            place = TopicPartition("deliveries", row["partition"])
            record = _Record(
                place.topic, place.partition, row["offset"], row["append_ms"], row["value"]
            )
            batch[place].append(record)
            room -= 1
            if not room:
                yield batch
                batch = defaultdict(list)
                room = chance.randint(1, _MOST)
    if batch:
        yield batch
