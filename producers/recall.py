"""Publishing one recall: requested, issued to each recipient, published."""

from uuid import uuid5

from hoatoc.domain.event import RecallIssued, RecallPublished, RecallRequested
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.ports import ClaimedRecall
from producers.publisher import CONTENT_TYPE, Publisher, confirmed


async def publish_recall(publisher: Publisher, row: ClaimedRecall) -> None:
    """Publish a recall, each step confirmed by the broker before the next.

    A crash in between repeats the row with the same ids. Raises KafkaError when the broker as a
    whole does not confirm: the row stays claimed.
    """
    await publisher.log(requested(row))
    copies = [issued(row, recipient) for recipient in row.recipients]
    refused = await publisher.offer(copies, row.connections)
    published = RecallPublished(
        event_id=uuid5(row.recall_id, "published"),
        dispatch_id=row.dispatch_id,
        recall_id=row.recall_id,
        confirmed=confirmed(row.recipients, refused),
        refused=refused,
    )
    await publisher.log(published)


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
        content_type=CONTENT_TYPE if row.packet_sha256 is not None else None,
        content_sha256=row.packet_sha256,
        content=row.packet,
        claim=row.claim.name if row.claim else None,
    )
