"""Publishing one dispatch: registered, copied, published, each step confirmed before the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer
from prometheus_client import Counter

from hoatoc.domain import topic
from hoatoc.domain.event import (
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    DocumentDispatched,
    Refusal,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.kafka.client import offer_all, outgoing, send_all
from hoatoc.kafka.dead_letter import unsent
from hoatoc.ports import Outgoing
from hoatoc.postgres.outbox import Claimed

NAME = "relay"
CONTENT_TYPE = "application/edxml+xml"

COPIES = Counter("hoatoc_relay_copies_total", "Copies offered to the broker", ["outcome"])


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
        content_bytes=len(row.packet),
        content_sha256=row.packet_sha256,
        content=row.packet,
        business_type=row.business_type,
        legal_value=row.legal_value,
    )


async def offer(
    to: AIOKafkaProducer,
    dispatch_id: UUID,
    recipients: Sequence[str],
    records: Sequence[Outgoing],
    parked_as: str,
) -> list[Refusal]:
    """Offer each recipient its record; park and return those that the broker refused."""
    refused = []
    answers = await offer_all(to, records)
    for recipient, record, refusal in zip(recipients, records, answers, strict=True):
        if refusal is not None:
            of = delivery_id(DispatchId(dispatch_id), OrganCode(recipient))
            await send_all(to, [unsent(record, NAME, refusal, uuid5(of, parked_as))])
            refused.append(Refusal(recipient=recipient, reason=type(refusal).__name__))
    return refused


@dataclass(slots=True)
class Publisher:
    """Publishes claimed rows through one producer."""

    to: AIOKafkaProducer
    partitions: int

    async def publish(self, row: Claimed) -> tuple[UUID, int, int]:
        """Publish a row; return (dispatch, partition, offset) of its DispatchPublished.

        Raises KafkaError when the broker as a whole does not confirm: the row stays claimed.
        """
        if sha256(row.packet).digest() != row.packet_sha256:
            raise RuntimeError(f"the packet of {row.dispatch_id} is not what was handed over")
        await send_all(self.to, [self._about(row, registration(row))])
        if row.resend_of is not None:
            await send_all(self.to, [self._resent(row, row.resend_of)])
        refused = await self._offer_copies(row)
        names = {refusal.recipient for refusal in refused}
        published = DispatchPublished(
            event_id=uuid5(row.dispatch_id, "published"),
            dispatch_id=row.dispatch_id,
            confirmed=[r for r in row.recipients if r not in names],
            refused=refused,
        )
        (place,) = await send_all(self.to, [self._about(row, published)])
        return row.dispatch_id, place.partition, place.offset

    def _resent(self, row: Claimed, earlier: UUID) -> Outgoing:
        """Say of the earlier dispatch that these copies go on in this one."""
        event = DispatchResent(
            event_id=uuid5(row.dispatch_id, "resent"),
            dispatch_id=earlier,
            recipients=list(row.recipients),
            resent_as=row.dispatch_id,
        )
        return outgoing(
            event,
            topic=topic.DELIVERIES,
            key=str(earlier).encode(),
            source=NAME,
            dispatch_id=earlier,
            partition=topic.partition_of_dispatch(earlier, self.partitions),
        )

    def _about(self, row: Claimed, event: DispatchRegistered | DispatchPublished) -> Outgoing:
        return outgoing(
            event,
            topic=topic.DELIVERIES,
            key=str(row.dispatch_id).encode(),
            source=NAME,
            dispatch_id=row.dispatch_id,
            partition=topic.partition_of_dispatch(row.dispatch_id, self.partitions),
        )

    async def _offer_copies(self, row: Claimed) -> list[Refusal]:
        """Offer every copy to the broker; park and return those that it refused."""
        copies = [
            outgoing(
                copy(row, recipient),
                topic=topic.documents(connection),
                key=str(row.dispatch_id).encode(),
                source=NAME,
                dispatch_id=row.dispatch_id,
                partition=0,
            )
            for recipient, connection in zip(row.recipients, row.connections, strict=True)
        ]
        refused = await offer(self.to, row.dispatch_id, row.recipients, copies, "parked")
        COPIES.labels("refused").inc(len(refused))
        COPIES.labels("confirmed").inc(len(copies) - len(refused))
        return refused
