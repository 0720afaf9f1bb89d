"""Hand-over: one transaction reserves the identity and writes dispatch, recipients, outbox row."""

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

import asyncpg

from hoatoc.admission import Admitted
from hoatoc.domain.check import Finding
from hoatoc.domain.error import PeerFault
from hoatoc.domain.examination import Examination
from hoatoc.domain.identity import (
    DispatchId,
    Namesake,
    OrganCode,
    delivery_id,
    dispatch_id_from,
    document_digest,
    may_repeat,
)
from hoatoc.domain.packet import NEW_DOCUMENT, REPLACEMENT, Packet
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.domain.sending import AskedBack
from hoatoc.ports import Asking, Copy, Recalled, Speaker
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.earlier import act_of, alarm_of, dispatch_of, finding_of
from hoatoc.postgres.query import queries
from hoatoc.postgres.recall import RecallTables

SQL = queries("handover")
OUTBOX_CHANNEL = "hoatoc_outbox"
MOST_ALARMS = 20
SENT_AGAIN = ("receive-failed", "parked", "refused", "recalled")
"""States from which a copy may be sent again: the recipient does not have it, or gave it back."""


async def _nobody(_handed: "HandedOver") -> None:
    """Write nothing more."""


class EarlierUnknown(PeerFault):
    """A recall, an update or a replacement names a document or a copy that was not sent here."""


class NotResent(PeerFault):
    """A copy cannot be sent again as it stands; the message says how each of them stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What became of a hand-over: a new dispatch, or the one that the document already has.

    `dispatch_id` is None when nothing is to be sent: a recall, or an update that removes.
    """

    dispatch_id: UUID | None
    new: bool
    packet: Packet
    recipients: tuple[str, ...]
    findings: tuple[Finding, ...]
    legal_value: str
    recalls: tuple[Recalled, ...] = ()

    @property
    def sent_as(self) -> UUID:
        """Return the dispatch; raises ValueError where nothing is to be sent."""
        if self.dispatch_id is None:
            raise ValueError("nothing is to be sent")
        return self.dispatch_id


Note = Callable[[HandedOver], Awaitable[None]]


class HandoverTables:
    """Reads and writes of hand-over on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def hand_over(
        self, admitted: Admitted, policy: Policy, door: str, note: Note = _nobody
    ) -> HandedOver:
        """Take a packet that was admitted: reserve its identity, write what is to be published.

        The same content again gives the dispatch that it already has. `note` writes more in the
        same transaction. Raises DocumentConflict or EarlierUnknown; nothing is written then.
        """
        async with self._connection.transaction():
            handed = await self._handed_over(admitted, policy, door)
            await note(handed)
        return handed

    async def _handed_over(self, admitted: Admitted, policy: Policy, door: str) -> HandedOver:
        taken = await self._taken(admitted)
        act = act_of(admitted, taken)
        if earlier := dispatch_of(admitted, act, taken):
            copies = admitted.sending.copies
            return _handed(admitted, earlier, copies, admitted.findings, (), new=False)
        findings = (*admitted.findings, *await self._namesakes(admitted))
        recalls = await self._ask_back(admitted)
        copies = await self._copies(admitted)
        if not copies:
            new = any(recall.asked for recall in recalls)
            return _handed(admitted, None, (), findings, recalls, new=new)
        now_ms = time.time_ns() // 1_000_000
        dispatch_id = dispatch_id_from(now_ms, os.urandom(10))
        if not await self._reserve(admitted, findings, policy, door, act, dispatch_id, now_ms):
            earlier = dispatch_of(admitted, act, await self._taken(admitted))
            return _handed(admitted, earlier, copies, findings, recalls, new=False)
        await self._send(dispatch_id, admitted.packet.priority, copies, admitted.connections, {})
        return _handed(admitted, dispatch_id, copies, findings, recalls, new=True)

    async def _namesakes(self, admitted: Admitted) -> tuple[Finding, ...]:
        """Return the two duplicate alarms of the law (NĐ 30/2020, Phụ lục VI, I.III.1.h)."""
        packet, key = admitted.packet, admitted.key
        rows = await self._connection.fetch(
            SQL["namesakes"], packet.document_id, key.year, key.number, key.notation
        )
        found: list[Finding] = []
        for row in rows:
            namesake = Namesake(*(row[name] for name in Namesake._fields))
            if len(found) < MOST_ALARMS and may_repeat(packet, key, admitted.digest, namesake):
                earlier = await self._connection.fetchrow(SQL["packet"], row["dispatch_id"])
                if alarm := alarm_of(packet, earlier):
                    found.append(finding_of(alarm, row, key.issuer))
        return tuple(found)

    async def _ask_back(self, admitted: Admitted) -> tuple[Recalled, ...]:
        packet = admitted.packet
        reason = packet.business_reason or packet.subject
        recalls: list[Recalled] = []
        for back in admitted.sending.asked_back:
            copies = await self._earlier_copies(admitted, back)
            asking = Asking(
                form=back.form,
                reason=reason,
                requested_by=admitted.issuer.code,
                packet=admitted.inline or admitted.claim,
                edition=admitted.edition,
            )
            recalls += await self.ask_back(copies, asking)
        return tuple(recalls)

    async def ask_back(self, copies: Sequence[Copy], asking: Asking) -> list[Recalled]:
        """Ask copies back, each dispatch by a recall of its own; all in one transaction."""
        tables = RecallTables(self._connection)
        of_dispatch = sorted(copies, key=lambda copy: copy.dispatch_id)
        recalls = []
        async with self._connection.transaction():
            for _, some in groupby(of_dispatch, key=lambda copy: copy.dispatch_id):
                recall_id = dispatch_id_from(time.time_ns() // 1_000_000, os.urandom(10))
                recalls.append(await tables.ask(recall_id, list(some), asking))
            await self._connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
        return recalls

    async def _earlier_copies(self, admitted: Admitted, back: AskedBack) -> list[Copy]:
        """Return the copies that a packet asks back: of each organ those that still count."""
        found = await self._copies_of(admitted, back.document_id)
        asked = [copy for copy in found if copy.recipient in back.organs and not copy.resent]
        missing = set(back.organs) - {copy.recipient for copy in asked}
        if missing:
            of = back.document_id or f"{admitted.packet.number}/{admitted.packet.notation}"
            raise EarlierUnknown(
                f"TraceHeaderList/Bussiness: văn bản {of} chưa được gửi qua đây cho "
                f"{', '.join(sorted(missing))}; kiểm tra mã văn bản và nơi nhận. / document {of} "
                f"was not sent here to {', '.join(sorted(missing))}: check the document id and the "
                "recipients."
            )
        return asked

    async def _copies_of(self, admitted: Admitted, document_id: str) -> list[Copy]:
        """Return every copy of a document; "" is the packet's own."""
        key = admitted.key
        own = (key.year, key.number, key.notation) if not document_id else (0, "", "")
        named = document_id or admitted.packet.document_id
        rows = await self._connection.fetch(SQL["copies_of"], key.issuer, named, *own)
        return [Copy(**dict(row)) for row in rows]

    async def _copies(self, admitted: Admitted) -> tuple[OrganCode, ...]:
        """Return whom a copy goes to: of an update that adds, those who do not have it yet."""
        packet, copies = admitted.packet, admitted.sending.copies
        if packet.business_type in (NEW_DOCUMENT, REPLACEMENT) or not copies:
            return copies
        found = await self._copies_of(admitted, "")
        if not found:
            mark = f"{packet.number}/{packet.notation}"
            raise EarlierUnknown(
                f"MessageHeader/Code: văn bản {mark} chưa được gửi qua đây nên không thể cập nhật; "
                f"gửi văn bản mới (loại 0). / document {mark} was not sent here, so it cannot be "
                "updated: send it as a new document (type 0)."
            )
        if packet.document_changed:
            return copies
        have = {copy.recipient for copy in found if not copy.resent and copy.recall_id is None}
        return tuple(organ for organ in copies if organ not in have)

    async def _taken(self, admitted: Admitted) -> list[asyncpg.Record]:
        key = admitted.key
        return list(
            await self._connection.fetch(
                SQL["taken"], key.issuer, key.year, key.number, key.notation
            )
        )

    async def _reserve(
        self,
        admitted: Admitted,
        findings: tuple[Finding, ...],
        policy: Policy,
        door: str,
        act: str,
        dispatch_id: UUID,
        now_ms: int,
    ) -> bool:
        packet, key = admitted.packet, admitted.key
        limits = limits_for(policy, packet.priority, packet.due, packet.promulgated, now_ms)
        reserved = await self._connection.fetchval(
            SQL["reserve"],
            dispatch_id,
            key.issuer,
            key.year,
            key.number,
            key.notation,
            act,
            admitted.digest,
            packet.document_id,
            packet.number,
            packet.notation,
            admitted.issuer.code,
            packet.subject,
            packet.priority,
            admitted.inline,
            admitted.sha256,
            json.dumps(asdict(limits)),
            door,
            packet.business_type,
            packet.promulgated,
            packet.sender.name or admitted.issuer.name,
            admitted.legal_value,
            _signatures(admitted.examination),
            json.dumps([asdict(finding) for finding in findings], ensure_ascii=False),
            admitted.cleared_by,
            datetime.fromtimestamp(now_ms / 1000, UTC),
            admitted.sender_connection,
            *_claimed(admitted),
        )
        return reserved is not None

    async def _send(
        self,
        dispatch_id: DispatchId,
        priority: int,
        recipients: Sequence[str],
        connections: Mapping[OrganCode, OrganCode],
        resends: Mapping[OrganCode, UUID],
    ) -> None:
        ids = [delivery_id(dispatch_id, OrganCode(each)) for each in recipients]
        topics = [connections.get(OrganCode(each), each) for each in recipients]
        again = [resends.get(OrganCode(each)) for each in recipients]
        columns = (ids, dispatch_id, list(recipients), topics, again)
        await self._connection.execute(SQL["send"], *columns, priority, OUTBOX_CHANNEL)

    async def copies(self, dispatch_id: UUID) -> list[Copy]:
        """Return the copies of a dispatch, and where each stands."""
        rows = await self._connection.fetch(SQL["copies"], dispatch_id)
        return [Copy(**dict(row)) for row in rows]

    async def resend(
        self,
        dispatch_id: UUID,
        recipients: Sequence[OrganCode],
        connections: Mapping[OrganCode, OrganCode],
        policy: Policy,
        door: str,
    ) -> UUID:
        """Send a document again to some of its recipients, as another dispatch.

        Raises NotResent when one of them has the copy, or may still get it; nothing is written
        then, so nobody gets it twice.
        """
        async with self._connection.transaction():
            await RecallTables(self._connection).lock(dispatch_id)
            copies = {copy.recipient: copy for copy in await self.copies(dispatch_id)}
            faults = [fault for each in recipients if (fault := _not_resent(copies, each))]
            if faults:
                raise NotResent("\n".join(faults))
            now_ms = time.time_ns() // 1_000_000
            new_id = dispatch_id_from(now_ms, os.urandom(10))
            earlier = await self._connection.fetchrow(SQL["limits"], dispatch_id)
            due = json.loads(earlier["limits"]).get("reply_by")
            reply_by = datetime.fromisoformat(due).date() if due else None
            limits = limits_for(
                policy, earlier["priority"], reply_by, earlier["promulgated"], now_ms
            )
            handed_over = datetime.fromtimestamp(now_ms / 1000, UTC)
            out = json.dumps(asdict(limits))
            priority = await self._connection.fetchval(
                SQL["resend"], dispatch_id, new_id, out, door, handed_over
            )
            again = {each: copies[each].delivery_id for each in recipients}
            await self._send(new_id, priority, sorted(recipients), connections, again)
            return new_id

    async def sender(self, dispatch_id: UUID) -> str | None:
        """Return who handed a dispatch over; None if nobody did."""
        row = await self._connection.fetchrow(SQL["limits"], dispatch_id)
        return row["sender"] if row else None

    async def intake_positions(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return how far intake has taken these hand-over topics."""
        rows = await self._connection.fetch(SQL["intake_positions"], list(topics))
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def move_intake(self, topic: str, partition: int, offset: int) -> bool:
        """Move intake past a record; False when it was taken before."""
        return (
            await self._connection.fetchval(SQL["move_intake"], topic, partition, offset)
        ) is not None

    async def speakers(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Speaker]:
        """Return who may speak of those (dispatch, recipient) that were handed over."""
        rows = await self._connection.fetch(
            SQL["speakers"], [d for d, _ in pairs], [r for _, r in pairs]
        )
        return {
            (row["dispatch_id"], row["recipient"]): Speaker(row["connection"], row["sender"])
            for row in rows
        }


def _claimed(admitted: Admitted) -> tuple[bytes | int | None, ...]:
    """Return how a packet in the store is named: digest, size, edition, document digest."""
    if admitted.inline is not None:
        return (None,) * 4
    digest = document_digest(admitted.packet)
    return admitted.sha256, admitted.size, admitted.edition, digest


def _signatures(examination: Examination) -> str:
    """Write down what was found of the signatures, file by file; the packet's own under ""."""
    files = [(file.name, file.signatures) for file in examination.files]
    found = [
        {"file": name, "signatures": [asdict(each) for each in signatures]}
        for name, signatures in (("", examination.packet_signatures), *files)
        if signatures
    ]
    return json.dumps(found, ensure_ascii=False, default=str)


def _not_resent(copies: Mapping[str, Copy], recipient: str) -> str | None:
    """Return why a copy cannot be sent again, with the remedy; None if it can."""
    copy = copies.get(recipient)
    if copy is None:
        return (
            f"{recipient}: không có trong nơi nhận của lần gửi này; dùng gói cập nhật (loại 2) để "
            "thêm nơi nhận / not among the recipients: add one by an update packet (type 2)"
        )
    if copy.resent:
        return (
            f"{recipient}: đã gửi lại rồi; xem `hoatoc show` / was sent again before: see "
            "`hoatoc show`"
        )
    if copy.recall_id is not None and copy.state != "recalled" and copy.outbox != "cancelled":
        return (
            f"{recipient}: đang thu hồi, chưa có trả lời; đợi nơi nhận trả lời 15 / was asked back "
            "and has not agreed: wait for its answer 15"
        )
    if copy.state not in SENT_AGAIN and copy.outbox != "cancelled":
        return (
            f"{recipient}: đang ở trạng thái «{copy.state or 'unsent'}», gửi lại sẽ trùng; đợi kết "
            f"quả hoặc thu hồi trước (`hoatoc recall`) / stands at “{copy.state or 'unsent'}”, so "
            "it would get it twice: wait, or recall it first (`hoatoc recall`)"
        )
    return None


def _handed(
    admitted: Admitted,
    dispatch_id: UUID | None,
    copies: Sequence[str],
    findings: tuple[Finding, ...],
    recalls: tuple[Recalled, ...],
    *,
    new: bool,
) -> HandedOver:
    return HandedOver(
        dispatch_id=dispatch_id,
        new=new,
        packet=admitted.packet,
        recipients=tuple(copies),
        findings=findings,
        legal_value=admitted.legal_value,
        recalls=recalls,
    )
