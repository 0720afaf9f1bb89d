"""What was stopped at a door because it may hold a state secret: metadata, never content."""

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Self
from uuid import UUID, uuid5

import asyncpg

from hoatoc.domain.deadline import Kind
from hoatoc.domain.error import PeerFault
from hoatoc.domain.secret import SecretSuspected
from hoatoc.kafka.door_alert import door_alert
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.query import queries

SQL = queries("secret")
_NAMESPACE = UUID("4a1c6d0e-5a86-5a0f-9a34-0c5b3e0a1473")


class NoteUnknown(PeerFault):
    """No document was stopped under this id, or it was dealt with already."""


class Place(NamedTuple):
    """Where a record stands in Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A document that a door stopped: who handed it over, why, and its digest."""

    note_id: UUID
    door: str
    organ: str
    sha256: str
    size: int
    marks: tuple[tuple[str, str, str], ...]
    place: Place | None = None

    @classmethod
    def of(
        cls, suspected: SecretSuspected, *, door: str, organ: str, place: Place | None = None
    ) -> Self:
        """Return the note about a suspected document; the same document gives the same note."""
        where = f"{organ}/{suspected.sha256}" if place is None else "/".join(map(str, place))
        return cls(
            note_id=uuid5(_NAMESPACE, where),
            door=door,
            organ=organ,
            sha256=suspected.sha256,
            size=suspected.size,
            marks=tuple((s.code, s.where, s.mark) for s in suspected.suspicions),
            place=place,
        )

    @property
    def reason(self) -> str:
        """Return what the page says: codes, places and marks."""
        marks = "; ".join(" ".join(filter(None, mark)) for mark in self.marks)
        return f"{marks}; sha256 {self.sha256}, {self.size} bytes, cửa · door {self.door}"


class SecretTables:
    """Reads and writes of such notes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def stop(self, note: Stopped, partitions: int) -> None:
        """Write a note and queue its page; the same document again changes nothing."""
        async with self._connection.transaction():
            new = await self._connection.fetchval(
                SQL["add"],
                note.note_id,
                note.door,
                note.organ,
                note.sha256,
                note.size,
                json.dumps(note.marks, ensure_ascii=False),
                *(note.place or (None, None, None)),
            )
            if new is None:
                return
            kind, now_ms = Kind.SECRET_SUSPECTED, time.time_ns() // 1_000_000
            alert = door_alert(
                kind, note.note_id, note.organ, note.reason, partitions, since_ms=now_ms
            )
            await LedgerTables(self._connection).announce([alert])

    async def undeleted(self) -> list[tuple[UUID, Place]]:
        """Return the records that must still be deleted from their topics."""
        rows = await self._connection.fetch(SQL["undeleted"])
        return [(r["note_id"], Place(r["topic"], r["partition"], r["log_offset"])) for r in rows]

    async def unmarked(self, segment_ms: int) -> list[tuple[str, int]]:
        """Return (topic, partition) whose segment with a deleted record is due to be closed."""
        rows = await self._connection.fetch(SQL["unmarked"], timedelta(milliseconds=segment_ms))
        return [(row["topic"], row["partition"]) for row in rows]

    async def mark_ended(self, topic: str, partition: int, marker: int) -> None:
        """Note where a marker ended the segment of deleted records."""
        await self._connection.execute(SQL["mark_ended"], topic, partition, marker)

    async def taken_to_marker(self) -> list[Place]:
        """Return the markers before which all was taken, so that all may be deleted."""
        return [Place(*row) for row in await self._connection.fetch(SQL["taken_to_marker"])]

    async def mark_erased(self, marker: Place) -> None:
        """Note that all before a marker is deleted, whole segments with it."""
        await self._connection.execute(SQL["mark_erased"], *marker)

    async def mark_deleted(self, note_id: UUID) -> None:
        """Note that a record is gone from its topic."""
        await self._connection.execute(SQL["mark_deleted"], note_id)

    async def notes(self, *, everything: bool) -> list[asyncpg.Record]:
        """Return the notes that nobody has dealt with, or all, newest first."""
        return list(await self._connection.fetch(SQL["notes"], everything))

    async def close(self, note_id: UUID, by: str, how: str, partitions: int) -> None:
        """Note who dealt with it and how, and resolve its page; raises NoteUnknown."""
        async with self._connection.transaction():
            organ = await self._connection.fetchval(SQL["close"], note_id, by, how)
            if organ is None:
                raise NoteUnknown(
                    f"không có ghi nhận {note_id} nào đang mở; xem `hoatoc secrets` / no open note "
                    f"{note_id}: see `hoatoc secrets`"
                )
            over = door_alert(Kind.SECRET_SUSPECTED, note_id, organ, None, partitions)
            await LedgerTables(self._connection).announce([over])
