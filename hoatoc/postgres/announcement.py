"""Announcements: what the books have to tell to the topics of the world."""

from collections.abc import Sequence

from hoatoc.ports import Queued
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("announcement")
LOCK = 807_002


class AnnouncementTables:
    """Reads and writes of announcements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lead(self) -> bool:
        """Become the one that announces, while the connection lives; False while another is."""
        return bool(await self._connection.fetchval(SQL["lead"], LOCK))

    async def next(self, limit: int) -> list[Queued]:
        """Return the next announcements, in order."""
        return [Queued(*row) for row in await self._connection.fetch(SQL["next"], limit)]

    async def told(self, ids: Sequence[int]) -> None:
        """Forget what the broker has confirmed."""
        await self._connection.execute(SQL["told"], list(ids))
