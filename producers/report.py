"""Reports: what a record of `reports.<organ>` says, and who says it."""

from dataclasses import dataclass
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.domain import topic
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import Answer, StatusReported, TransportAcknowledged
from hoatoc.kafka.dead_letter import PUT_BACK_HEADER


def put_back_of(record: ConsumerRecord) -> UUID | None:
    """Return the dead letter that a record repairs, if it says so."""
    for name, value in record.headers:
        if name == PUT_BACK_HEADER:
            try:
                return UUID(value.decode("ascii"))
            except ValueError:
                return None
    return None


def _key_id(record: ConsumerRecord) -> UUID | None:
    try:
        return UUID((record.key or b"").decode("ascii"))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Report:
    """A record of a report topic: who speaks, and the answer or why it cannot be read."""

    record: ConsumerRecord
    organ: str
    answer: Answer | None
    fault: PeerFault | None

    @property
    def claims(self) -> UUID | None:
        """The dispatch that it says it answers."""
        return self.answer.dispatch_id if self.answer else _key_id(self.record)


class NotAnAnswer(PeerFault):
    """A record of a report topic is neither an acknowledgement nor a status."""


class UnknownDelivery(PeerFault):
    """An answer to a document that was never handed over for the organ that answers."""


def read_report(record: ConsumerRecord) -> Report:
    """Read a record of `reports.<organ>`; what cannot be read keeps its fault."""
    organ = topic.organ_of(record.topic)
    try:
        event = codec.decode(record.value)
        if not isinstance(event, TransportAcknowledged | StatusReported):
            raise NotAnAnswer(f"{type(event).__name__} stands where an answer is expected")
        if event.recipient != organ:
            raise UnknownDelivery(f"{organ} answers in the name of {event.recipient}")
    except PeerFault as fault:
        return Report(record, organ, None, fault)
    return Report(record, organ, event, None)
