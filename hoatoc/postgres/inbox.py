"""What the gateway reads: dispatches, copies and numbers of the organs that ask."""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from uuid import UUID

from hoatoc.domain.error import OurFault
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("gateway")
COPIES_CHANNEL = "hoatoc_copies"
"""Where a NOTIFY names the connections that something came to; none named: any."""


class ContentAltered(OurFault):
    """A packet is not what was handed over."""


class InboxTables:
    """Reads on one connection; who may see what is decided by the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sender_of(self, dispatch_id: UUID) -> str | None:
        """Return who handed a dispatch over; None if there is no such dispatch."""
        found: str | None = await self._connection.fetchval(SQL["sender_of"], dispatch_id)
        return found

    async def dispatch(self, dispatch_id: UUID) -> dict[str, Any]:
        """Return a dispatch that is there, with its copies and recalls."""
        row = await self._connection.fetchrow(SQL["dispatch"], dispatch_id)
        copies = await self._connection.fetch(SQL["copies"], dispatch_id)
        recalls = await self._connection.fetch(SQL["recalls"], dispatch_id)
        return {
            **dict(row),
            "findings": json.loads(row["findings"]),
            "recipients": [dict(copy) for copy in copies],
            "recalls": [dict(recall) for recall in recalls],
        }

    async def copy(self, delivery_id: UUID) -> dict[str, Any] | None:
        """Return a copy; None if there is none."""
        row = await self._connection.fetchrow(SQL["copy"], delivery_id)
        return dict(row) if row else None

    async def content(self, dispatch_id: UUID) -> bytes:
        """Return the packet of a dispatch that is there; raises ContentAltered."""
        row = await self._connection.fetchrow(SQL["content"], dispatch_id)
        packet: bytes = row["packet"]
        if sha256(packet).digest() != row["packet_sha256"]:
            raise ContentAltered(
                f"Nội dung của lần gửi {dispatch_id} không còn như khi nhận; báo đơn vị vận hành. "
                f"/ The content of dispatch {dispatch_id} is not what was handed over: tell the "
                "operators."
            )
        return packet

    async def copy_of(self, delivery_id: UUID) -> dict[str, Any] | None:
        """Return whose a copy is, as one answers for it; None if there is none."""
        row = await self._connection.fetchrow(SQL["copy_of"], delivery_id)
        return dict(row) if row else None

    async def is_answered(self, event_id: UUID) -> bool:
        """Tell whether the broker has confirmed this answer."""
        return bool(await self._connection.fetchval(SQL["is_answered"], event_id))

    async def answered(self, event_id: UUID, delivery_id: UUID, what: str, via: str) -> None:
        """Note an answer that the broker has confirmed."""
        await self._connection.execute(SQL["answered"], event_id, delivery_id, what, via)

    async def senders(self, dispatches: Iterable[UUID]) -> dict[UUID, str]:
        """Return whose dispatches these are, as far as they are known."""
        rows = await self._connection.fetch(SQL["senders"], list(dispatches))
        return {row["dispatch_id"]: row["sender"] for row in rows}
