"""Alerts of the doors: about what was not taken, so that no books hold it."""

from uuid import UUID, uuid5

from hoatoc.domain import topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import AlertRaised, AlertResolved
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Announced


def door_alert(
    kind: Kind,
    subject_id: UUID,
    organ: str,
    reason: str | None,
    partitions: int,
    *,
    since_ms: int | None = None,
) -> Announced:
    """Return the alert about a hand-over of an organ; resolved when there is no reason."""
    raised = reason is not None
    event = (AlertRaised if raised else AlertResolved)(
        event_id=uuid5(subject_id, f"{kind}/{'raised' if raised else 'resolved'}"),
        subject_id=subject_id,
        kind=kind,
        version=1 if raised else 2,
        sender=organ,
        reason=reason,
        since_ms=since_ms,
    )
    record = outgoing(
        event,
        topic=topic.ALERTS,
        key=organ.encode(),
        source="door",
        dispatch_id=None,
        partition=topic.partition_of_key(organ.encode(), partitions),
    )
    return record, event.event_id, type(event).__name__
