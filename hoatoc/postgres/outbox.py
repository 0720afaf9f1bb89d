"""The transactional outbox: what the relay claims, and what it has sent."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from hoatoc.domain.event import Limits
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("outbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An outbox row claimed by a relay, with all that is published of it.

    `connections` holds, beside each recipient, whose topic its copy goes to.
    """

    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    packet: bytes
    packet_sha256: bytes
    limits: Limits
    handed_over_at: datetime
    recipients: tuple[str, ...]
    connections: tuple[str, ...]
    business_type: int = 0
    legal_value: str = ""
    resend_of: UUID | None = None
    sender_connection: str = ""


class OutboxTables:
    """Reads and writes of the outbox on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` rows, urgent first; committed before the caller sends anything."""
        rows = await self._connection.fetch(
            SQL["claim"], relay, timedelta(seconds=lease_s), list(in_flight), limit
        )
        claimed = [
            Claimed(
                **{
                    **dict(row),
                    "limits": Limits(**json.loads(row["limits"])),
                    "recipients": tuple(row["recipients"]),
                    "connections": tuple(row["connections"]),
                }
            )
            for row in rows
        ]
        return sorted(claimed, key=lambda row: (-row.priority, row.handed_over_at))

    async def mark_sent(self, sent: Sequence[tuple[UUID, int, int]]) -> None:
        """Mark (dispatch, partition, offset of its DispatchPublished) as sent."""
        rows = sorted(sent)
        await self._connection.execute(
            SQL["mark_sent"],
            [r[0] for r in rows],
            [r[1] for r in rows],
            [r[2] for r in rows],
        )

    async def waiting(self) -> tuple[int, float]:
        """Return how many rows wait in the outbox, and the age of the oldest in seconds."""
        row = await self._connection.fetchrow(SQL["waiting"])
        return row["rows"], max(row["oldest_s"] or 0.0, 0.0)

    async def aged(self, after_s: float) -> list[asyncpg.Record]:
        """Mark and return the rows that have waited longer than this."""
        return list(await self._connection.fetch(SQL["aged"], timedelta(seconds=after_s)))

    async def aged_over(self) -> list[asyncpg.Record]:
        """Mark and return the rows that waited too long and have been sent since."""
        return list(await self._connection.fetch(SQL["aged_over"]))
