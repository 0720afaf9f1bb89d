"""Recalls: copies asked back, on their way out behind the copies themselves."""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.domain.event import Limits
from hoatoc.ports import Aged, Asking, ClaimedRecall, Copy, Recalled
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("recall")


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
        inline, sha256, claim = _packet(asking)
        await self._connection.execute(
            SQL["add"],
            recall_id,
            dispatch_id,
            asking.form,
            asking.reason,
            asking.requested_by,
            inline,
            sha256,
            claim and claim.sha256,
            claim and claim.size,
            asking.edition,
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

    async def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the recalls that have waited longer than this."""
        rows = await self._connection.fetch(SQL["aged"], timedelta(seconds=after_s))
        return [Aged(**dict(row)) for row in rows]

    async def aged_over(self) -> list[Aged]:
        """Mark and return the recalls that waited too long and have been sent since."""
        return [Aged(**dict(row)) for row in await self._connection.fetch(SQL["aged_over"])]

    async def mark_sent(self, recalls: Iterable[UUID]) -> None:
        """Mark recalls that every recipient was offered."""
        await self._connection.execute(SQL["mark_sent"], sorted(recalls))


def _packet(asking: Asking) -> tuple[bytes | None, bytes | None, ClaimCheck | None]:
    """Return the packet that asks if it is carried along, its digest, and its claim if it lies."""
    packet = asking.packet
    if packet is None or isinstance(packet, ClaimCheck):
        return None, packet.sha256 if packet else None, packet
    return packet, claim_of(packet).sha256, None
