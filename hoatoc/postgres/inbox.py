"""What the gateway reads: dispatches, copies and numbers of the organs that ask."""

import json
from typing import Any
from uuid import UUID

from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("gateway")


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
