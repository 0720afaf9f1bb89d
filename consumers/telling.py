"""Telling: what the world hears of an alert, and a sender of its deliveries."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from hoatoc.domain import topic
from hoatoc.domain.book import Account, Alert, Announcement, version
from hoatoc.domain.event import AlertRaised, AlertResolved, DeliveriesUpdated, DeliveryUpdate
from hoatoc.domain.lifecycle import state
from hoatoc.domain.walk import Walk, answer_words
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Announced, Document
from hoatoc.postgres.ledger import version_of

SOURCE = "ledger"


def reason_of(walked: Walk | None, alert: Alert) -> str | None:
    """Return what was said of a failure, if this stretch holds it."""
    if walked is None:
        return None
    touched = walked.touched.get(alert.subject_id)
    if touched is not None:
        return touched.reasons.get(alert.start.offset) if alert.due_ms is None else None
    unread = (e.reason for e, _ in walked.unnamed if e.event_id == alert.subject_id)
    return next(unread, None)


def alert_event(
    alert: Alert, change: Announcement, document: Document | None, reason: str | None
) -> AlertRaised | AlertResolved:
    """Return what the world is told of an alert; times are log time, ms since 1970 UTC."""
    raised = change is Announcement.RAISED
    due = alert.due_ms
    return (AlertRaised if raised else AlertResolved)(
        event_id=uuid5(alert.subject_id, f"{alert.kind}/{version(alert)}"),
        subject_id=alert.subject_id,
        kind=alert.kind,
        version=version(alert),
        dispatch_id=alert.dispatch_id,
        sender=document.sender if document else None,
        recipient=alert.recipient,
        number=document.number if document else None,
        notation=document.notation if document else None,
        subject=document.subject if document else None,
        priority=document.priority if document else 0,
        reason=reason,
        since_ms=alert.start.append_ms,
        due_ms=None if due is None else alert.start.append_ms + due - alert.start.service_ms,
    )


def tell_alert(
    alert: Alert,
    change: Announcement,
    document: Document | None,
    reason: str | None,
    partitions: int,
) -> Announced:
    """Return the record of `alerts` that tells a change of an alert."""
    event = alert_event(alert, change, document, reason)
    key = alert.recipient.encode()
    record = outgoing(
        event,
        topic=topic.ALERTS,
        key=key,
        source=SOURCE,
        dispatch_id=alert.dispatch_id,
        partition=topic.partition_of_key(key, partitions),
    )
    return record, event.event_id, type(event).__name__


def tell_sender(
    dispatch_id: UUID, connection: str, walked: Walk, accounts: Sequence[Account]
) -> Announced:
    """Return the record of `statuses.<sender>` that tells what became of some deliveries."""
    event = DeliveriesUpdated(
        event_id=uuid5(dispatch_id, f"updated/{walked.after.next_offset}"),
        dispatch_id=dispatch_id,
        updates=[_update(walked, account) for account in accounts],
    )
    record = outgoing(
        event,
        topic=topic.statuses(connection),
        key=str(dispatch_id).encode(),
        source=SOURCE,
        dispatch_id=dispatch_id,
        partition=0,
    )
    return record, event.event_id, type(event).__name__


def _update(walked: Walk, account: Account) -> DeliveryUpdate:
    delivery = account.delivery
    touched = walked.touched.get(delivery.delivery_id)
    code, said = answer_words(touched.answer) if touched and touched.answer else (None, None)
    return DeliveryUpdate(
        delivery_id=delivery.delivery_id,
        recipient=delivery.recipient,
        state=state(delivery.facts),
        version=version_of(delivery.facts),
        code=code,
        description=said,
    )
