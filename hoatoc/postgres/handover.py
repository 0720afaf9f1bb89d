"""Hand-over: one transaction reserves the identity and writes dispatch, recipients, outbox row."""

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import asyncpg

from hoatoc.domain.check import CheckFailed, Finding, Severity, check
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import Limits
from hoatoc.domain.identity import (
    OrganCode,
    content_digest,
    delivery_id,
    dispatch_id_from,
    document_key,
)
from hoatoc.domain.packet import Packet
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.domain.registry import Certainty, Organ, by_code
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("handover")
OUTBOX_CHANNEL = "hoatoc_outbox"
VIETNAM = timezone(timedelta(hours=7))


class DocumentConflict(PeerFault):
    """The number is taken by another content; the message shows both."""


class SenderMismatch(PeerFault):
    """The packet names another sender than the organ that hands it over."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of a hand-over: a new dispatch, or the one that the document already has."""

    dispatch_id: UUID
    new: bool
    packet: Packet
    recipients: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """An outbox row claimed by a relay, with all that is published of it."""

    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    packet: bytes
    packet_sha256: bytes
    limits: Limits
    handed_over_at: datetime
    recipients: tuple[str, ...]


class HandoverTables:
    """Reads and writes of hand-over and outbox on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def organs(self) -> tuple[Organ, ...]:
        """Return the registry."""
        rows = await self._connection.fetch(SQL["organs"])
        return tuple(
            Organ(**{**dict(row), "certainty": Certainty(row["certainty"])}) for row in rows
        )

    async def add_organs(self, organs: Sequence[Organ]) -> list[str]:
        """Add organs that are new and return their codes."""
        columns = [
            [getattr(organ, name) for organ in organs]
            for name in ("code", "code102", "name", "email", "telephone", "certainty")
        ]
        rows = await self._connection.fetch(SQL["add_organs"], *columns)
        return [row["code"] for row in rows]

    async def hand_over(
        self, data: bytes, policy: Policy, door: str, sender: str | None = None
    ) -> HandedOver:
        """Take a packet: check it, reserve its identity, write what the relay will publish.

        The same content again gives the dispatch that it already has. `sender` is the organ that
        the door has authenticated, if it has. Raises PacketFault, CheckFailed, SenderMismatch or
        DocumentConflict; nothing is written then.
        """
        packet = read_packet(data)
        registry = by_code(await self.organs())
        findings = check(packet, registry, datetime.now(VIETNAM).date())
        if any(finding.severity is Severity.REFUSE for finding in findings):
            raise CheckFailed(findings)
        issuer = registry[packet.sender.code].code
        if sender is not None and sender != issuer:
            raise SenderMismatch(
                f"MessageHeader/From/OrganId: cơ quan gửi là {issuer} nhưng gói tin do {sender} "
                f"chuyển đến / the packet names {issuer} as sender, {sender} hands it over"
            )
        async with self._connection.transaction():
            return await self._reserve(data, packet, registry, findings, policy, door)

    async def _reserve(
        self,
        data: bytes,
        packet: Packet,
        registry: dict[str, Organ],
        findings: tuple[Finding, ...],
        policy: Policy,
        door: str,
    ) -> HandedOver:
        issuer = registry[packet.sender.code].code
        key = replace(document_key(packet), issuer=issuer)
        digest = content_digest(packet)
        recipients = tuple(sorted(registry[p.code].code for p in packet.recipients))
        dispatch_id = dispatch_id_from(time.time_ns() // 1_000_000, os.urandom(10))
        limits = limits_for(policy, packet.priority)
        reserved = await self._connection.fetchval(
            SQL["reserve"],
            dispatch_id,
            key.issuer,
            key.year,
            key.number,
            key.notation,
            digest,
            packet.document_id,
            packet.number,
            packet.notation,
            issuer,
            packet.subject,
            packet.priority,
            data,
            sha256(data).digest(),
            json.dumps(asdict(limits)),
            door,
        )
        if reserved is None:
            earlier = await self._connection.fetchrow(SQL["earlier"], *astuple(key))
            return _again(earlier, digest, packet, recipients, findings)
        ids = [delivery_id(dispatch_id, OrganCode(recipient)) for recipient in recipients]
        await self._connection.execute(SQL["add_recipients"], ids, dispatch_id, list(recipients))
        await self._connection.execute(SQL["add_outbox"], dispatch_id, packet.priority)
        await self._connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
        return HandedOver(dispatch_id, True, packet, recipients, findings)

    async def intake_positions(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return how far intake has taken these hand-over topics."""
        rows = await self._connection.fetch(SQL["intake_positions"], list(topics))
        return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    async def move_intake(self, topic: str, partition: int, offset: int) -> bool:
        """Move intake past a record; False when it was taken before."""
        return (
            await self._connection.fetchval(SQL["move_intake"], topic, partition, offset)
        ) is not None

    async def recipients(self, pairs: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
        """Return those of the (dispatch, organ) pairs that were handed over."""
        rows = await self._connection.fetch(
            SQL["recipients"], [d for d, _ in pairs], [r for _, r in pairs]
        )
        return {(row["dispatch_id"], row["recipient"]) for row in rows}

    async def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` rows, urgent first; committed before the caller sends anything."""
        rows = await self._connection.fetch(
            SQL["claim"], relay, timedelta(seconds=lease_s), list(in_flight), limit
        )
        claimed = [
            Claimed(
                **{
                    **dict(row),
                    "limits": Limits(**json.loads(row["limits"])),
                    "recipients": tuple(row["recipients"]),
                }
            )
            for row in rows
        ]
        return sorted(claimed, key=lambda row: (-row.priority, row.handed_over_at))

    async def mark_sent(self, sent: Sequence[tuple[UUID, int, int]]) -> None:
        """Mark (dispatch, partition, offset of its DispatchPublished) as sent."""
        rows = sorted(sent)
        await self._connection.execute(
            SQL["mark_sent"],
            [r[0] for r in rows],
            [r[1] for r in rows],
            [r[2] for r in rows],
        )

    async def waiting(self) -> tuple[int, float]:
        """Return how many rows wait in the outbox, and the age of the oldest in seconds."""
        row = await self._connection.fetchrow(SQL["waiting"])
        return row["rows"], max(row["oldest_s"] or 0.0, 0.0)

    async def aged(self, after_s: float) -> list[asyncpg.Record]:
        """Mark and return the rows that have waited longer than this."""
        return list(await self._connection.fetch(SQL["aged"], timedelta(seconds=after_s)))

    async def aged_over(self) -> list[asyncpg.Record]:
        """Mark and return the rows that waited too long and have been sent since."""
        return list(await self._connection.fetch(SQL["aged_over"]))


def _again(
    earlier: asyncpg.Record,
    digest: bytes,
    packet: Packet,
    recipients: tuple[str, ...],
    findings: tuple[Finding, ...],
) -> HandedOver:
    """Return the dispatch of a document handed over before, or refuse another content."""
    if earlier["content_digest"] == digest:
        return HandedOver(earlier["dispatch_id"], False, packet, recipients, findings)
    at = earlier["handed_over_at"].astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
    mark = f"{packet.number}/{packet.notation}"
    raise DocumentConflict(
        f"MessageHeader/Code: số {mark} đã dùng cho văn bản khác: {earlier['subject']!r}, gửi lúc "
        f"{at}, mã {earlier['dispatch_id']}; văn bản này: {packet.subject!r}. Sửa số, ký hiệu rồi "
        f"gửi lại. / number {mark} was used for another content: dispatch "
        f"{earlier['dispatch_id']} of {at}. Correct the number and send again."
    )
