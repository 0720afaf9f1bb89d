"""Publishing one recall: requested, issued to each recipient, published."""

from uuid import uuid5

from hoatoc.domain import topic
from hoatoc.domain.event import RecallIssued, RecallPublished, RecallRequested
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.kafka.client import outgoing, send_all
from hoatoc.ports import Outgoing
from hoatoc.postgres.recall import ClaimedRecall
from producers.publisher import CONTENT_TYPE, NAME, Publisher, offer


async def publish_recall(publisher: Publisher, row: ClaimedRecall) -> None:
    """Publish a recall, each step confirmed by the broker before the next.

    A crash in between repeats the row with the same ids. Raises KafkaError when the broker as a
    whole does not confirm: the row stays claimed.
    """
    await send_all(publisher.to, [_about(publisher, row, requested(row))])
    copies = [
        outgoing(
            issued(row, recipient),
            topic=topic.documents(connection),
            key=str(row.dispatch_id).encode(),
            source=NAME,
            dispatch_id=row.dispatch_id,
            partition=0,
        )
        for recipient, connection in zip(row.recipients, row.connections, strict=True)
    ]
    refused = await offer(publisher.to, row.dispatch_id, row.recipients, copies, "recall-parked")
    names = {refusal.recipient for refusal in refused}
    published = RecallPublished(
        event_id=uuid5(row.recall_id, "published"),
        dispatch_id=row.dispatch_id,
        recall_id=row.recall_id,
        confirmed=[recipient for recipient in row.recipients if recipient not in names],
        refused=refused,
    )
    await send_all(publisher.to, [_about(publisher, row, published)])


def requested(row: ClaimedRecall) -> RecallRequested:
    """Return that a recall was asked for: the same at every try."""
    return RecallRequested(
        event_id=uuid5(row.recall_id, "requested"),
        dispatch_id=row.dispatch_id,
        recall_id=row.recall_id,
        recipients=list(row.recipients),
        form=row.form,
        reason=row.reason,
        requested_by=row.requested_by,
        limits=row.limits,
        requested_ms=round(row.requested_at.timestamp() * 1000),
    )


def issued(row: ClaimedRecall, recipient: str) -> RecallIssued:
    """Return what one recipient gets of a recall: the same at every try."""
    of = delivery_id(DispatchId(row.dispatch_id), OrganCode(recipient))
    return RecallIssued(
        event_id=uuid5(of, "recall-issued"),
        recall_id=row.recall_id,
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
        form=row.form,
        reason=row.reason,
        content_type=CONTENT_TYPE if row.packet is not None else None,
        content_sha256=row.packet_sha256,
        content=row.packet,
    )


def _about(
    publisher: Publisher, row: ClaimedRecall, event: RecallRequested | RecallPublished
) -> Outgoing:
    return outgoing(
        event,
        topic=topic.DELIVERIES,
        key=str(row.dispatch_id).encode(),
        source=NAME,
        dispatch_id=row.dispatch_id,
        partition=topic.partition_of_dispatch(row.dispatch_id, publisher.partitions),
    )
