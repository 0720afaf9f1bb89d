"""Large content in the books: what is put into the store, what names it, what can be let go.

A sweep and a hand-over may meet at any moment, and either may end at any moment. So content leaves
in two steps. First its row goes, if nothing names it, and a row of `content_leaving` takes its
place; the foreign keys of `handover` and `recall` decide between that and whoever names it at the
same moment. Then it is taken from the store, while no row of it is in `content`, and the row that
is leaving goes with it. A door first announces what it is about to put, which keeps it from
leaving, and gets the edition that its hand-over names; then it puts what is not there. An edition
that has gone never comes back, so whatever is committed names content that was in the store after
its row was written, and that row has stood ever since. What is done about one content is done one
after another, by a lock of the database.

The time of grace spares doors to put again what they have just put; nothing relies on it, but for a
removal that is still on its way to the store when its sweep has lost the database.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg

from hoatoc.content.error import ContentAltered, ContentMissing
from hoatoc.content.store import Store
from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.deadline import Kind
from hoatoc.kafka.door_alert import door_alert
from hoatoc.ports import Database
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.query import queries

SQL = queries("content")
_PART = 1_000
_WRITING = timedelta(hours=1)
"""No writer takes that long: what is unfinished then was left."""
Lost = ContentMissing | ContentAltered


class ContentTables:
    """Reads and writes of what is known of content, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def touch(self, claim: ClaimCheck) -> int:
        """Announce that this is about to be put, before it is; return as which edition.

        Never call it inside a transaction. It waits for a sweep that is taking it away.
        """
        async with self._locked(claim):
            await self._connection.execute(SQL["stays"], claim.sha256)
            return int(await self._connection.fetchval(SQL["touch"], claim.sha256, claim.size))

    @asynccontextmanager
    async def _locked(self, claim: ClaimCheck) -> AsyncIterator[None]:
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"], claim.sha256)
            yield

    async def adopt(self, claims: Sequence[ClaimCheck]) -> int:
        """Note what lies in the store and no row knows of; return how many those are."""
        digests, sizes = [c.sha256 for c in claims], [c.size for c in claims]
        unknown = await self._connection.fetch(SQL["unknown"], digests, sizes)
        for row in unknown:
            async with self._locked(ClaimCheck(row["sha256"], row["bytes"])):
                await self._connection.execute(SQL["adopt"], row["sha256"], row["bytes"])
        return len(unknown)

    async def unnamed(self, grace: timedelta) -> list[ClaimCheck]:
        """Return what nothing names, and no door was about to put for so long."""
        rows = await self._connection.fetch(SQL["unnamed"], grace)
        return [ClaimCheck(row["sha256"], row["bytes"]) for row in rows]

    async def leave(self, claim: ClaimCheck, grace: timedelta) -> None:
        """Let content go if nothing names it; what names it at this moment has it stay."""
        try:
            async with self._locked(claim):
                await self._connection.execute(SQL["leave"], claim.sha256, grace)
        except asyncpg.ForeignKeyViolationError:
            return

    async def leaving(self, grace: timedelta) -> list[ClaimCheck]:
        """Return what is due to be taken from the store."""
        rows = await self._connection.fetch(SQL["leaving"], grace)
        return [ClaimCheck(row["sha256"], row["bytes"]) for row in rows]

    async def remove(self, claim: ClaimCheck, store: Store) -> bool:
        """Take what is leaving from the store; tell whether it was still to go."""
        async with self._locked(claim):
            if not await self._connection.fetchval(SQL["is_leaving"], claim.sha256):
                return False
            await store.remove(claim)
            await self._connection.execute(SQL["stays"], claim.sha256)
            return True

    async def named(self) -> AsyncIterator[ClaimCheck]:
        """Yield what hand-overs and recalls name, in order."""
        after = b""
        while rows := await self._connection.fetch(SQL["named"], after, _PART):
            for row in rows:
                yield ClaimCheck(row["sha256"], row["bytes"])
            after = rows[-1]["sha256"]

    async def lose(self, claim: ClaimCheck, fault: Lost, partitions: int) -> None:
        """Note that content can no longer be had, and queue its alert; once, until it is mended."""
        why = type(fault).__name__
        async with self._connection.transaction():
            row = await self._connection.fetchrow(SQL["lose"], claim.sha256, why)
            if row is not None:
                await self._announce(claim, row, f"{why}: {fault}", partitions)

    async def mend(self, claim: ClaimCheck, partitions: int) -> None:
        """Note that content can be had, and resolve its alert if it was lost."""
        async with self._connection.transaction():
            row = await self._connection.fetchrow(SQL["mend"], claim.sha256)
            if row is not None:
                await self._announce(claim, row, None, partitions)

    async def _announce(
        self, claim: ClaimCheck, row: asyncpg.Record, reason: str | None, partitions: int
    ) -> None:
        subject = _subject(claim, row["episode"])
        since_ms = time.time_ns() // 1_000_000 if reason is not None else None
        alert = door_alert(
            Kind.CONTENT_LOST, subject, row["sender"], reason, partitions, since_ms=since_ms
        )
        await LedgerTables(self._connection).announce([alert])

    async def of_dispatch(self, dispatch_id: UUID) -> "Kept | None":
        """Return the packet of a dispatch, or by what it is claimed; None if there is none."""
        row = await self._connection.fetchrow(SQL["kept_by_dispatch"], dispatch_id)
        return Kept(**dict(row)) if row else None

    async def counts(self) -> tuple[int, int, int]:
        """Return how many contents lie in the store, their bytes, and how many of them are lost."""
        row = await self._connection.fetchrow(SQL["counts"])
        return row["objects"], row["bytes"], row["lost"]


def _subject(claim: ClaimCheck, episode: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"content/{claim.name}/{episode}")


@dataclass(frozen=True, slots=True)
class Kept:
    """The packet of a dispatch: its digest, its size in bytes, and itself if it is in the books."""

    sha256: bytes
    size: int
    packet: bytes | None

    @property
    def claim(self) -> ClaimCheck:
        """Return by what it is claimed from the store, if it lies there."""
        return ClaimCheck(self.sha256, self.size)


@dataclass(frozen=True, slots=True)
class Contents:
    """What recipients take, of the books and of the store; what is lost there is alerted."""

    store: Store
    database: Database
    partitions: int

    async def open(
        self, kept: Kept, first: int = 0, last: int | None = None
    ) -> AsyncIterator[bytes]:
        """Return the pieces of a packet, or of its bytes from `first` to `last`, both included.

        Raises ContentMissing, ContentAltered (another size) and ContentUnreachable before the first
        byte; the pieces raise ContentAltered at the end of a whole packet with other bytes. It
        holds no connection to the database meanwhile.
        """
        if kept.packet is not None:
            return _one(kept.packet[first : None if last is None else last + 1])
        pieces = self.stored(kept.claim, first, last)
        return _after(await anext(pieces, b""), pieces)

    async def verify(self, claim: ClaimCheck) -> None:
        """Read content of the store through; raises as `stored` does."""
        async for _piece in self.stored(claim):
            pass

    async def stored(
        self, claim: ClaimCheck, first: int = 0, last: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield content of the store, or its bytes from `first` to `last`; what is lost is alerted.

        Raises ContentMissing, ContentAltered and ContentUnreachable, when `Store.get` does.
        """
        try:
            async for piece in self.store.get(claim, first, last):
                yield piece
        except (ContentMissing, ContentAltered) as fault:
            async with self.database.acquire() as connection:
                await ContentTables(connection).lose(claim, fault, self.partitions)
            raise


async def _one(packet: bytes) -> AsyncGenerator[bytes, None]:
    yield packet


async def _after(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: contents and bytes removed, contents adopted, unfinished files removed."""

    removed: int
    bytes: int
    adopted: int
    unfinished: int


async def sweep(connection: Connection, store: Store, grace: timedelta) -> Swept:
    """Take from the store what nothing names; ended at any moment, the next one goes on with it."""
    tables = ContentTables(connection)
    adopted = 0
    lying = [each.claim async for each in store.lying()]
    for some in _parts(lying):
        adopted += await tables.adopt(some)
    for claim in await tables.unnamed(grace):
        await tables.leave(claim, grace)
    gone = [claim for claim in await tables.leaving(grace) if await tables.remove(claim, store)]
    unfinished = await store.tidy(max(grace, _WRITING))
    return Swept(len(gone), sum(claim.size for claim in gone), adopted, unfinished)


def _parts(claims: Sequence[ClaimCheck]) -> list[Sequence[ClaimCheck]]:
    return [claims[begin : begin + _PART] for begin in range(0, len(claims), _PART)]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: how many contents are named, and what is wrong with which of them."""

    named: int
    lost: tuple[tuple[ClaimCheck, Lost], ...]


async def check(connection: Connection, store: Store, partitions: int) -> Checked:
    """Read through all that is named; what is missing or altered is alerted, what is back resolved.

    Raises ContentUnreachable.
    """
    tables = ContentTables(connection)
    lost: list[tuple[ClaimCheck, Lost]] = []
    claims = [claim async for claim in tables.named()]
    for claim in claims:
        try:
            await store.verify(claim)
        except (ContentMissing, ContentAltered) as fault:
            await tables.lose(claim, fault, partitions)
            lost.append((claim, fault))
        else:
            await tables.mend(claim, partitions)
    return Checked(len(claims), tuple(lost))
