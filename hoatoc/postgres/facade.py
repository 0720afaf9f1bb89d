"""What the façade keeps and reads: lists of what waits, packets by id, what was said of them.

Three kinds of packet stand in the lists: the copy of a document, the recall of a copy, a status. An
id tells its kind by its version (RFC 9562): a copy's is that of its delivery (5), a status has a
random one (4), and a recall's is its copy's under version 8, so that each leads to the other.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from hoatoc.domain.access import Caller
from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.edxml import write_status
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.sending import Form
from hoatoc.domain.vxp.entry import MessageType, Received, Sending, Sent, Taking
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("facade")
STRETCH = 20_000
STRETCHES = 10
MOST = 1_000_000
_LOCK = 807_017
_SAFE = timedelta(hours=1)
_LONGEST_WAY = timedelta(days=7)
_VERSION_BITS = 0xF << 76


class Kind(StrEnum):
    """What a packet of the lists is."""

    DOCUMENT = "document"
    RECALL = "recall"
    STATUS = "status"


_KINDS = {4: Kind.STATUS, 5: Kind.DOCUMENT, 8: Kind.RECALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edoc:
    """A packet of the lists: whose it is, what it says, what was said of it.

    `packet_id` is what answers are kept under. A large packet lies in the store: `claim`.
    """

    kind: Kind
    packet_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    packet: bytes | None
    packet_sha256: bytes | None
    claim: ClaimCheck | None
    outcome: Taking
    sender_name: str = ""
    notation: str = ""
    subject: str = ""

    @property
    def receiver(self) -> str:
        """Whose lists it stands in: a status goes to who sent the document."""
        return self.sender if self.kind is Kind.STATUS else self.recipient

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.claim.size if self.claim else len(self.packet or b"")


def recall_entry_id(delivery_id: UUID) -> UUID:
    """Return the id under which the recall of a copy stands in the lists."""
    return _with_version(delivery_id, 8)


def kind_of(entry_id: UUID) -> Kind | None:
    """Tell what stands under an id; None if nothing can."""
    return _KINDS.get(entry_id.version or 0)


def _with_version(one: UUID, version: int) -> UUID:
    return UUID(int=one.int & ~_VERSION_BITS | version << 76)


class FacadeTables:
    """Reads and writes of the façade on one connection; who may see what the caller decides."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def note(self, connection_point: str) -> None:
        """Note that a connection point speaks this interface: from now on it has lists."""
        if await self._connection.fetchval(SQL["is_noted"], connection_point):
            return
        async with self._connection.transaction():
            await self._connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await self._connection.execute(SQL["begin"])
            await self._connection.execute(SQL["note"], connection_point)

    async def documents(self, point: str, caller: Caller, limit: int) -> list[Received]:
        """Return the copies that wait for a connection point, of whatever day, urgent first."""
        floor = await self._floor(point)
        rows = await self._connection.fetch(
            SQL["documents"], point, list(caller.scope), limit, floor
        )
        await self._raise_floor(point, floor)
        return [_received(row, MessageType.EDOC) for row in rows]

    async def statuses(self, point: str, caller: Caller, limit: int) -> list[Received]:
        """Return the statuses that wait for a connection point, in their order."""
        await self._draw()
        rows = await self._connection.fetch(SQL["statuses"], point, list(caller.scope), limit)
        return [_received(row, MessageType.STATUS) for row in rows]

    async def recalls(self, point: str, caller: Caller, kind: MessageType) -> list[Received]:
        """Return the copies asked back that wait for an answer, by packets of a kind."""
        rows = await self._connection.fetch(SQL["recalls"], point, list(caller.scope))
        found = [row for row in rows if (row["form"] in _AS_PACKETS) is (kind is MessageType.EDOC)]
        return [_received(row, kind, recall_entry_id(row["id"])) for row in found]

    async def count(self, point: str, caller: Caller, kind: MessageType) -> int:
        """Return how many documents or statuses wait."""
        listed, values = SQL["statuses"], [point, list(caller.scope), MOST]
        if kind is MessageType.STATUS:
            await self._draw()
        else:
            listed, values = SQL["documents"], [*values, await self._floor(point)]
        query = f"SELECT count(*) FROM ({listed}) waiting"  # noqa: S608 - a query of ours
        return int(await self._connection.fetchval(query, *values))

    async def between(
        self, point: str, caller: Caller, begin: datetime, end: datetime, limit: int
    ) -> list[Received]:
        """Return the copies of some days, taken or not, and whatever else waits."""
        scope, least = list(caller.scope), _dispatch_floor(begin - _LONGEST_WAY)
        floor = await self._floor(point)
        rows = await self._connection.fetch(
            SQL["documents_between"], point, scope, limit, begin, end, least, floor
        )
        await self._raise_floor(point, floor)
        return [_received(row, MessageType.EDOC) for row in rows]

    async def _floor(self, point: str) -> UUID:
        found: UUID | None = await self._connection.fetchval(SQL["floor"], point)
        return found or UUID(int=0)

    async def _raise_floor(self, point: str, floor: UUID) -> None:
        least = _dispatch_floor(datetime.now(UTC) - _SAFE)
        await self._connection.execute(SQL["raise_floor"], point, least, floor)

    async def _draw(self) -> None:
        """Draw statuses from the history, as far as it is booked or as one call may."""
        for _ in range(STRETCHES):
            async with self._connection.transaction():
                locked = "SELECT pg_try_advisory_xact_lock($1)"
                if not await self._connection.fetchval(locked, _LOCK):
                    return  # another call is at it
                behind = await self._connection.fetch(SQL["behind"])
                for row in behind:
                    end = min(row["next_offset"] + STRETCH, row["booked"])
                    stretch = row["partition"], row["next_offset"], end
                    await self._connection.execute(SQL["draw"], *stretch)
                    await self._connection.execute(SQL["drawn"], row["partition"], end)
            if not any(row["booked"] - row["next_offset"] > STRETCH for row in behind):
                return

    async def edoc(self, entry_id: UUID) -> Edoc | None:
        """Return the packet of an id; None if there is none, or it has not left."""
        kind = kind_of(entry_id)
        if kind is Kind.DOCUMENT:
            row = await self._connection.fetchrow(SQL["copy"], entry_id)
            return _edoc(row, kind, entry_id) if row else None
        if kind is Kind.RECALL:
            of = _with_version(entry_id, 5)
            row = await self._connection.fetchrow(SQL["asked_back"], of)
            return _asked_back(row, of) if row else None
        if kind is Kind.STATUS:
            row = await self._connection.fetchrow(SQL["status"], entry_id)
            if row:
                return _edoc(row, kind, entry_id, _status_packet(row))
        return None

    async def answer(self, edoc: Edoc, outcome: Taking) -> None:
        """Keep what was said of a packet; after `done` nothing else counts."""
        await self._connection.execute(SQL["answer"], edoc.packet_id, edoc.kind, outcome)

    async def sent(
        self, caller: Caller, dispatch_id: UUID | None, since: datetime, limit: int
    ) -> list[Sent]:
        """Return how each copy stands of what the caller sent: of one dispatch, or of late."""
        rows = await self._connection.fetch(
            SQL["sent"], list(caller.scope), dispatch_id, _dispatch_floor(since), limit
        )
        return [_sent(row) for row in rows]

    async def is_dispatch(self, caller: Caller, dispatch_id: UUID) -> bool:
        """Tell whether the caller sent a dispatch."""
        found = await self._connection.fetchval(SQL["is_dispatch"], dispatch_id, list(caller.scope))
        return bool(found)

    async def is_for(self, caller: Caller, entry_id: UUID) -> bool:
        """Tell whether an id stands in one of the caller's own lists of what came."""
        of = _with_version(entry_id, 5) if kind_of(entry_id) is Kind.RECALL else entry_id
        return bool(await self._connection.fetchval(SQL["is_for"], of, list(caller.scope)))


_AS_PACKETS = (Form.REVOCATION, Form.REMOVED)
"""Recalls that reach the recipient as the packet that asks; the others as a status 13."""

_CODES = {
    "arrived": "01",
    "refused": "02",
    "accepted": "03",
    "assigned": "04",
    "in-progress": "05",
    "completed": "06",
}
_RECALL_CODES = {"recalled": "15", "declined": "16"}
_TAKEN = ("taken", "accepted", "refused", "recalled")


def _dispatch_floor(at: datetime) -> UUID:
    """Return the least id that a dispatch of an instant can have (UUID version 7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _received(row: asyncpg.Record, kind: MessageType, entry_id: UUID | None = None) -> Received:
    return Received(
        id=entry_id or row["id"],
        message_type=kind,
        created=row["created"],
        updated=row["updated"],
        sender=row["sender"],
        recipient=row["recipient"],
        taking=Taking(row["taking"]),
    )


def _edoc(row: asyncpg.Record, kind: Kind, packet_id: UUID, made: bytes | None = None) -> Edoc:
    """Return a packet that was kept, or one that was made of what is kept."""
    size = None if made else row["content_bytes"]
    return Edoc(
        kind=kind,
        packet_id=packet_id,
        dispatch_id=row["dispatch_id"],
        sender=row["sender"],
        recipient=row["recipient"],
        packet=made or row["packet"],
        packet_sha256=None if made else row["packet_sha256"],
        claim=None if size is None else ClaimCheck(row["packet_sha256"], size),
        outcome=Taking(row["outcome"] or Taking.INITIAL),
        sender_name=row["issuer_name"],
        notation=f"{row['number']}/{row['notation']}",
        subject=row["subject"],
    )


def _asked_back(row: asyncpg.Record, of: UUID) -> Edoc:
    if row["form"] in _AS_PACKETS and row["packet_sha256"] is not None:
        return _edoc(row, Kind.RECALL, of)
    packet = StatusPacket(
        sender=Party(code=row["sender"], name=row["issuer_name"]),
        response_for=_response(row, row["recipient"]),
        code="13",
        description=row["reason"],
        at=_stamp(row["sent_at"]),
    )
    return _edoc(row, Kind.RECALL, of, write_status(packet))


def _status_packet(row: asyncpg.Record) -> bytes:
    packet = StatusPacket(
        sender=Party(code=row["recipient"], name=row["recipient_name"] or row["recipient"]),
        response_for=_response(row, row["sender"]),
        code=row["code"],
        description=row["description"],
        at=_stamp(row["told_at"]),
    )
    return write_status(packet)


def _response(row: asyncpg.Record, organ: str) -> ResponseFor:
    return ResponseFor(
        organ=organ,
        code=f"{row['number']}/{row['notation']}",
        promulgated=row["promulgated"],
        document_id=row["document_id"],
    )


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y/%m/%d %H:%M:%S}"


def _sent(row: asyncpg.Record) -> Sent:
    return Sent(
        dispatch_id=row["dispatch_id"],
        delivery_id=row["delivery_id"],
        sender=row["sender"],
        recipient=row["recipient"],
        notation=row["notation"],
        title=row["title"],
        sent=row["sent"],
        received=_received_at(row),
        sending=_sending(row["outbox"], row["state"]),
        taking=_taking(row["state"], row["outcome"]),
        status=_RECALL_CODES.get(row["recall"] or "") or _CODES.get(row["handling"] or "", ""),
    )


def _sending(outbox: str, state: str | None) -> Sending:
    if outbox == "cancelled":
        return Sending.CANCELLED
    if state == "parked":
        return Sending.FAIL
    return Sending.DONE if outbox == "sent" else Sending.PROCESSING


def _taking(state: str | None, outcome: str | None) -> Taking:
    """Return what is known of a copy's taking: from the books, or sooner from what was said."""
    if state in _TAKEN:
        return Taking.DONE
    if state == "receive-failed":
        return Taking.FAIL
    return Taking(outcome or Taking.INITIAL)


def _received_at(row: asyncpg.Record) -> datetime | None:
    """Return when a copy was first taken, as the log has it, or as it was said here."""
    facts: dict[str, Any] = json.loads(row["facts"]) if row["facts"] else {}
    taken = [facts[name][0][2] for name in ("done", "01", "03", "04", "05", "06") if name in facts]
    if taken:
        return datetime.fromtimestamp(min(taken) / 1000, UTC)
    answered: datetime | None = row["answered"]
    return answered if row["outcome"] == Taking.DONE else None
