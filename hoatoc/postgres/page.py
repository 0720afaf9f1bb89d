"""Pages on their way to a person, kept apart from the books."""

from datetime import timedelta
from uuid import UUID

from hoatoc.ports import PageDue
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("page")


class PageTables:
    """Reads and writes of pages on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take(self, subject_id: UUID, kind: str, version: int, alert: bytes) -> None:
        """Take an alert in; a repeat changes nothing.

        What comes after a greater version pages nobody, nor does an alert that is over (its version
        is even) before its page was ever tried.
        """
        await self._connection.execute(SQL["take"], subject_id, kind, version, alert)
        if version % 2 == 0:
            await self._connection.execute(SQL["hold"], subject_id, kind)
            await self._connection.execute(SQL["supersede"], subject_id, kind, version)

    async def claim(self, limit: int, lease_s: float) -> list[PageDue]:
        """Claim pages that are due; the attempt is counted before anything is sent."""
        rows = await self._connection.fetch(SQL["claim"], limit, timedelta(seconds=lease_s))
        return [PageDue(**dict(row)) for row in rows]

    async def delivered(self, page: PageDue) -> None:
        """Note that the receiver has taken a page."""
        await self._connection.execute(SQL["delivered"], *page[:3])

    async def failed(self, page: PageDue, fault: str, pause_s: float) -> None:
        """Note that the receiver has not taken a page: it is tried again after a pause."""
        pause = timedelta(seconds=pause_s)
        await self._connection.execute(SQL["failed"], *page[:3], fault, pause)

    async def pending(self) -> int:
        """Return how many pages wait."""
        return int(await self._connection.fetchval(SQL["pending"]))
