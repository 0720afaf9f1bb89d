"""Versions of the working calendars: each is kept for ever, the greatest is current."""

from collections.abc import Iterable
from hashlib import sha256

import asyncpg

from hoatoc.domain.calendar import Calendars
from hoatoc.domain.calendar_text import parse_calendars
from hoatoc.domain.error import OurFault
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("calendar")


class CalendarMissing(OurFault):
    """No calendar was adopted, or a version is named that this database does not have."""


class CalendarTables:
    """Reads and adoptions of calendars on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def current(self) -> int:
        """Return the current version; raises CalendarMissing."""
        row = await self._newest()
        if row is None:
            raise CalendarMissing(
                "chưa có lịch làm việc trong cơ sở dữ liệu: chạy `hoatoc up` hoặc `hoatoc calendar "
                "import TỆP` / the database has no calendar: run `hoatoc up`, or `hoatoc calendar "
                "import FILE`"
            )
        return int(row["version"])

    async def versions(self, wanted: Iterable[int]) -> dict[int, Calendars]:
        """Return these versions; raises CalendarMissing, naming those that are not there."""
        asked = sorted(set(wanted))
        rows = await self._connection.fetch(SQL["versions"], asked)
        found = {row["version"]: row["document"] for row in rows}
        if missing := [version for version in asked if version not in found]:
            raise CalendarMissing(
                f"không có phiên bản lịch {missing} trong cơ sở dữ liệu; kiểm tra địa chỉ"
                f" / calendar versions {missing} are not in this database; is it the one "
                "that belongs to the log?"
            )
        return {version: parse_calendars(text, version) for version, text in found.items()}

    async def history(self) -> list[asyncpg.Record]:
        """Return (version, sha256, adopted_at, adopted_by) of all versions, newest first."""
        return await self._connection.fetch(SQL["history"])

    async def adopt(self, text: str, by: str) -> int:
        """Make a text the current version and return its number.

        The text that is current keeps its number. An older text again is a new version, for
        versions only grow. Raises CalendarInvalid; nothing is written then.
        """
        parse_calendars(text)
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"])
            newest = await self._newest()
            if newest is not None and newest["document"] == text:
                return int(newest["version"])
            return await self._add(text, by)

    async def adopt_first(self, text: str, by: str) -> None:
        """Adopt a text if there is no version yet: one that was adopted here is never replaced."""
        parse_calendars(text)
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"])
            if await self._newest() is None:
                await self._add(text, by)

    async def _newest(self) -> asyncpg.Record | None:
        return await self._connection.fetchrow(SQL["current"])

    async def _add(self, text: str, by: str) -> int:
        digest = sha256(text.encode()).digest()
        return int(await self._connection.fetchval(SQL["adopt"], text, digest, by))
