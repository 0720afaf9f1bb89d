"""Saving what a run leaves: the log by a consumer of its own, the books as PostgreSQL prints them.

Nothing here is shared with the programs that are judged, but the names of topic and tables.
"""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import asyncpg
import fastavro
import msgspec
from aiokafka import AIOKafkaConsumer
from fastavro.types import Schema

from hoatoc.history.note import Note

LOG_FILE, BOOKS_FOLDER, REPLAYED_FOLDER = "deliveries.avro", "books", "replayed"
LOG_SCHEMA: Schema = {
    "type": "record",
    "name": "LogRecord",
    "fields": [
        {"name": "partition", "type": "int"},
        {"name": "offset", "type": "long"},
        {"name": "append_ms", "type": "long"},
        {"name": "value", "type": ["null", "bytes"]},
    ],
}
LEDGER_QUERIES = {
    "partition_book": "SELECT partition, next_offset, service_ms, ticks, clock"
    " FROM partition_book ORDER BY partition",
    "dispatch": "SELECT dispatch_id, partition, log_offset, sender, document_id, recipients, limits"
    " FROM dispatch ORDER BY dispatch_id",
    "delivery": "SELECT delivery_id, dispatch_id, recipient, partition, state, handling, recall,"
    " open, overdue, recovered, version, due_kind, due_ms, wake_ms, facts, working"
    " FROM delivery ORDER BY delivery_id",
    "alert": "SELECT subject_id, kind, dispatch_id, recipient, partition, start, due_ms,"
    " raised_offset, found_by, closing, episode FROM alert ORDER BY subject_id, kind",
    "history": "SELECT partition, log_offset, append_ms, service_ms, type, dispatch_id,"
    " delivery_id, recipient, code FROM history ORDER BY partition, log_offset",
}
OTHER_QUERIES = {
    "handover": "SELECT dispatch_id, document_id, sender, encode(packet_sha256, 'hex')"
    " AS packet_sha256, door FROM handover ORDER BY dispatch_id",
    "handover_recipient": "SELECT delivery_id, dispatch_id, recipient, connection"
    " FROM handover_recipient ORDER BY delivery_id",
    "outbox": "SELECT dispatch_id, state FROM outbox ORDER BY dispatch_id",
    "recall": "SELECT recall_id, dispatch_id, state FROM recall ORDER BY recall_id",
    "recall_recipient": "SELECT delivery_id, recall_id FROM recall_recipient ORDER BY delivery_id",
    "page": "SELECT subject_id, kind, version, state FROM page ORDER BY subject_id, kind, version",
    "announcement": "SELECT id, topic, event_id, type FROM announcement ORDER BY id",
}


def now_ms() -> int:
    """Return the wall clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Notebook:
    """Writes notes to a file of its own, each line whole and at once.

    A process that is killed loses no note that it has written, and leaves no half of one.
    """

    def __init__(self, file: Path) -> None:
        self._out: TextIO = file.open("a", encoding="utf-8", buffering=1)
        self._encode = msgspec.json.Encoder().encode

    def write(self, note: Note, **further: Any) -> None:
        """Write a note; `further` fields are for people, no checker reads them."""
        line = self._encode(msgspec.to_builtins(note) | further if further else note)
        self._out.write(line.decode() + "\n")

    def close(self) -> None:
        """Close the file."""
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


async def save_log(servers: str, file: Path, topic: str = "deliveries") -> int:
    """Write a topic, whole up to its present end; return how many records there are."""
    count = 0
    with file.open("wb") as out:
        writer = fastavro.write.Writer(out, LOG_SCHEMA, codec="deflate")
        async for record in _records(servers, topic):
            writer.write(record)
            count += 1
        writer.flush()
    return count


async def _records(servers: str, topic: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the records of a topic, partition by partition, by offset."""
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
    ) as reader:
        ends = await reader.end_offsets(reader.assignment())
        for place, end in sorted(ends.items()):
            while await reader.position(place) < end:
                for r in (await reader.getmany(place, timeout_ms=500)).get(place, ()):
                    if r.offset < end:
                        yield {
                            "partition": r.partition,
                            "offset": r.offset,
                            "append_ms": r.timestamp,
                            "value": r.value,
                        }


async def save_books(dsn: str, folder: Path, *, whole: bool = True) -> None:
    """Write the tables of a database into a folder that is there; not `whole`: the ledger's only.

    All of them are of one instant.
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for table, query in (LEDGER_QUERIES | (OTHER_QUERIES if whole else {})).items():
                await connection.copy_from_query(
                    query, output=folder / f"{table}.csv", format="csv", header=True
                )
    finally:
        await connection.close()
