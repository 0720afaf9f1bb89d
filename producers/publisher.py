"""Publishing one dispatch: registered, copied, published, each step confirmed before the next."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol
from uuid import UUID, uuid5

from aiokafka.structs import RecordMetadata
from prometheus_client import Counter

from hoatoc.content.error import ContentAltered, ContentMissing, ContentUnreachable
from hoatoc.domain import topic
from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.event import (
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    DocumentDispatched,
    RecallIssued,
    RecallPublished,
    RecallRequested,
    Refusal,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.kafka.client import offer_all, outgoing, send_all
from hoatoc.kafka.dead_letter import unsent
from hoatoc.ports import Claimed, Producer

NAME = "relay"
CONTENT_TYPE = "application/edxml+xml"

COPIES = Counter("hoatoc_relay_copies_total", "Copies offered to the broker", ["outcome"])
UNREACHABLE = Counter(
    "hoatoc_relay_content_unreachable_total", "Tries at a store of content that was away"
)


def registration(row: Claimed) -> DispatchRegistered:
    """Return the registration of a row: the same at every try."""
    return DispatchRegistered(
        event_id=uuid5(row.dispatch_id, "registered"),
        dispatch_id=row.dispatch_id,
        sender=row.sender,
        document_id=row.document_id,
        issuer=row.issuer,
        year=row.year,
        number=row.number,
        notation=row.notation,
        subject=row.subject,
        priority=row.priority,
        recipients=list(row.recipients),
        content_sha256=row.packet_sha256,
        limits=row.limits,
        handed_over_ms=round(row.handed_over_at.timestamp() * 1000),
        business_type=row.business_type,
        legal_value=row.legal_value,
        sender_connection=row.sender_connection,
    )


def copy(row: Claimed, recipient: str) -> DocumentDispatched:
    """Return the copy of a row for one recipient: the same at every try."""
    of = delivery_id(DispatchId(row.dispatch_id), OrganCode(recipient))
    return DocumentDispatched(
        event_id=uuid5(of, "dispatched"),
        dispatch_id=row.dispatch_id,
        delivery_id=of,
        sender=row.sender,
        recipient=recipient,
        document_id=row.document_id,
        issuer=row.issuer,
        year=row.year,
        number=row.number,
        notation=row.notation,
        subject=row.subject,
        priority=row.priority,
        content_type=CONTENT_TYPE,
        content_bytes=row.packet_bytes,
        content_sha256=row.packet_sha256,
        content=row.packet,
        claim=row.claim.name if row.claim else None,
        business_type=row.business_type,
        legal_value=row.legal_value,
    )


About = DispatchRegistered | DispatchPublished | DispatchResent | RecallRequested | RecallPublished


class Contents(Protocol):
    """The store of large content, as the relay sees it."""

    async def verify(self, claim: ClaimCheck) -> None:
        """Raise ContentMissing, ContentAltered or ContentUnreachable."""
        ...


Lost = ContentMissing | ContentAltered
_PAUSE_S = 1.0
_VERIFIED_AT_A_TIME = 4


@dataclass(slots=True)
class Publisher:
    """Publishes claimed rows through one producer; large content is verified before."""

    to: Producer
    partitions: int
    contents: Contents
    verifying: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(_VERIFIED_AT_A_TIME)
    )

    async def publish(self, row: Claimed) -> tuple[UUID, int, int]:
        """Publish a row; return (dispatch, partition, offset) of its DispatchPublished.

        Raises KafkaError when the broker as a whole does not confirm: the row stays claimed.
        Content that is not there, or not what it was, is refused for every recipient.
        """
        if row.packet is not None and sha256(row.packet).digest() != row.packet_sha256:
            raise RuntimeError(f"the packet of {row.dispatch_id} is not what was handed over")
        lost = await self.lost(row.claim)
        await self.log(registration(row))
        if row.resend_of is not None:
            await self.log(resent(row, row.resend_of))
        copies = [copy(row, each) for each in row.recipients]
        refused = await self.offer(copies, row.connections, lost)
        COPIES.labels("refused").inc(len(refused))
        COPIES.labels("confirmed").inc(len(row.recipients) - len(refused))
        place = await self.log(published(row, refused))
        return row.dispatch_id, place.partition, place.offset

    async def lost(self, claim: ClaimCheck | None) -> Lost | None:
        """Return why content cannot be claimed; a store that is away is waited for."""
        while claim is not None:
            try:
                async with self.verifying:
                    await self.contents.verify(claim)
            except (ContentMissing, ContentAltered) as fault:
                return fault
            except ContentUnreachable:
                UNREACHABLE.inc()
                await asyncio.sleep(_PAUSE_S)
            else:
                return None
        return None

    async def log(self, event: About) -> RecordMetadata:
        """Append an event about a dispatch to `deliveries`."""
        record = outgoing(
            event,
            topic=topic.DELIVERIES,
            key=str(event.dispatch_id).encode(),
            source=NAME,
            dispatch_id=event.dispatch_id,
            partition=topic.partition_of_dispatch(event.dispatch_id, self.partitions),
        )
        (place,) = await send_all(self.to, [record])
        return place

    async def offer(
        self,
        copies: Sequence[DocumentDispatched | RecallIssued],
        connections: Sequence[str],
        lost: Lost | None = None,
    ) -> list[Refusal]:
        """Offer each recipient its copy; park and return those that the broker refused.

        Where its content is `lost` no copy is offered: all are parked.
        """
        records = [
            outgoing(
                one,
                topic=topic.documents(connection),
                key=str(one.dispatch_id).encode(),
                source=NAME,
                dispatch_id=one.dispatch_id,
                partition=0,
            )
            for one, connection in zip(copies, connections, strict=True)
        ]
        refused = []
        answers = await offer_all(self.to, records) if lost is None else [lost] * len(records)
        for one, record, refusal in zip(copies, records, answers, strict=True):
            if refusal is not None:
                parked = uuid5(one.event_id, "parked")
                await send_all(self.to, [unsent(record, NAME, refusal, parked)])
                reason = type(refusal).__name__
                refused.append(Refusal(recipient=one.recipient, reason=reason))
        return refused


def resent(row: Claimed, earlier: UUID) -> DispatchResent:
    """Return, about the earlier dispatch, that these copies go on in this one."""
    return DispatchResent(
        event_id=uuid5(row.dispatch_id, "resent"),
        dispatch_id=earlier,
        recipients=list(row.recipients),
        resent_as=row.dispatch_id,
    )


def published(row: Claimed, refused: list[Refusal]) -> DispatchPublished:
    """Return that every copy of a row was offered: the same at every try, but for refusals."""
    return DispatchPublished(
        event_id=uuid5(row.dispatch_id, "published"),
        dispatch_id=row.dispatch_id,
        confirmed=confirmed(row.recipients, refused),
        refused=refused,
    )


def confirmed(recipients: Sequence[str], refused: Sequence[Refusal]) -> list[str]:
    """Return the recipients whose copy the broker did not refuse."""
    names = {refusal.recipient for refusal in refused}
    return [recipient for recipient in recipients if recipient not in names]
