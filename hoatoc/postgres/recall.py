"""Recalls: copies asked back, on their way out behind the copies themselves."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import asyncpg

from hoatoc.domain.event import Limits
from hoatoc.domain.sending import Form
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("recall")


@dataclass(frozen=True, slots=True)
class Recalled:
    """What became of asking back copies of one dispatch.

    `again` were asked back before; `unsent`: the dispatch had not left and never will.
    """

    recall_id: UUID | None
    dispatch_id: UUID
    asked: tuple[str, ...]
    again: tuple[str, ...]
    unsent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy handed over, and where it stands; `state` is None while the books do not have it."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    outbox: str
    state: str | None
    resent: bool
    recall_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRecall:
    """A recall claimed by a relay, with all that is published of it."""

    recall_id: UUID
    dispatch_id: UUID
    form: str
    reason: str
    requested_by: str
    requested_at: datetime
    packet: bytes | None
    packet_sha256: bytes | None
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    limits: Limits
    recipients: tuple[str, ...]
    connections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks copies back, how and why; `packet` is the edXML that asks, if there is one."""

    form: Form
    reason: str
    requested_by: str
    packet: bytes | None = None


class RecallTables:
    """Reads and writes of recalls on one connection, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, dispatch_id: UUID) -> None:
        """Wait until no other transaction acts on the copies of a dispatch."""
        await self._connection.execute(SQL["lock"], dispatch_id)

    async def ask(self, recall_id: UUID, copies: Sequence[Copy], asking: Asking) -> Recalled:
        """Ask back copies of one dispatch; one that was asked back before is left as it is."""
        (dispatch_id,) = {copy.dispatch_id for copy in copies}
        await self.lock(dispatch_id)
        rows = await self._connection.fetch(SQL["asked"], [copy.delivery_id for copy in copies])
        asked_before = {row["delivery_id"] for row in rows}
        new = [copy for copy in copies if copy.delivery_id not in asked_before]
        again = tuple(copy.recipient for copy in copies if copy.delivery_id in asked_before)
        if not new:
            return Recalled(None, dispatch_id, (), again, unsent=False)
        packet = asking.packet
        await self._connection.execute(
            SQL["add"],
            recall_id,
            dispatch_id,
            asking.form,
            asking.reason,
            asking.requested_by,
            packet,
            sha256(packet).digest() if packet is not None else None,
        )
        ids = [copy.delivery_id for copy in new]
        await self._connection.execute(SQL["add_copies"], ids, recall_id)
        unsent = await self._connection.fetchval(SQL["cancel"], dispatch_id) is not None
        if unsent:
            await self._connection.execute(SQL["not_needed"], dispatch_id)
        asked = tuple(copy.recipient for copy in new)
        return Recalled(recall_id, dispatch_id, asked, again, unsent)

    async def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[ClaimedRecall]:
        """Claim recalls whose dispatch was sent; committed before the caller sends anything."""
        rows = await self._connection.fetch(
            SQL["claim"], relay, timedelta(seconds=lease_s), list(in_flight), limit
        )
        return [
            ClaimedRecall(
                **{
                    **dict(row),
                    "limits": Limits(**json.loads(row["limits"])),
                    "recipients": tuple(row["recipients"]),
                    "connections": tuple(row["connections"]),
                }
            )
            for row in rows
        ]

    async def aged(self, after_s: float) -> list[asyncpg.Record]:
        """Mark and return the recalls that have waited longer than this."""
        return list(await self._connection.fetch(SQL["aged"], timedelta(seconds=after_s)))

    async def aged_over(self) -> list[asyncpg.Record]:
        """Mark and return the recalls that waited too long and have been sent since."""
        return list(await self._connection.fetch(SQL["aged_over"]))

    async def mark_sent(self, recalls: Iterable[UUID]) -> None:
        """Mark recalls that every recipient was offered."""
        await self._connection.execute(SQL["mark_sent"], sorted(recalls))
