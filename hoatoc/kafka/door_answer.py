"""Answers of the door that is a topic: whoever wrote a hand-over is told what became of it."""

from uuid import UUID, uuid5

from aiokafka.structs import ConsumerRecord

from hoatoc.domain import topic
from hoatoc.domain.error import PeerFault, name_of
from hoatoc.domain.event import DocumentHandedOver, HandOverAnswered
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Announced

TAKEN, KNOWN, REFUSED = "taken", "known", "refused"
_NAMESPACE = UUID("4c7d4a1e-5b8f-5d5a-9a53-2f8f8d1c0807")


def door_answer(
    record: ConsumerRecord,
    said: DocumentHandedOver | None,
    *,
    document_id: str = "",
    new: bool = True,
    dispatch_id: UUID | None = None,
    fault: PeerFault | None = None,
    detail: str | None = None,
) -> Announced:
    """Return the answer to a record of `handovers.<organ>`, for `statuses.<organ>`.

    `said` is what the record says, None where it cannot be read; `fault` is why it was refused, and
    `detail` what a person is told of it. `document_id` is known once the gate against state secrets
    has let the packet through: nothing else of what its writer wrote is repeated.
    """
    place = f"{record.topic}/{record.partition}/{record.offset}"
    event = HandOverAnswered(
        event_id=uuid5(_NAMESPACE, place),
        handover_id=said.event_id if said else None,
        document_id=document_id,
        partition=record.partition,
        offset=record.offset,
        outcome=REFUSED if fault else TAKEN if new else KNOWN,
        dispatch_id=dispatch_id,
        reason=name_of(type(fault)) if fault else None,
        detail=detail,
    )
    sent = outgoing(
        event,
        topic=topic.statuses(topic.organ_of(record.topic)),
        key=str(dispatch_id or event.handover_id or "").encode(),
        source="door",
        dispatch_id=dispatch_id,
        partition=0,
    )
    return sent, event.event_id, type(event).__name__
