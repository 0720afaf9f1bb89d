"""The transactional outbox: what the relay claims, and what it has sent."""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from hoatoc.domain.event import Limits
from hoatoc.ports import Aged, Claimed
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("outbox")


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

    async def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the rows that have waited longer than this."""
        rows = await self._connection.fetch(SQL["aged"], timedelta(seconds=after_s))
        return [Aged(**dict(row)) for row in rows]

    async def aged_over(self) -> list[Aged]:
        """Mark and return the rows that waited too long and have been sent since."""
        return [Aged(**dict(row)) for row in await self._connection.fetch(SQL["aged_over"])]
