"""Reports: what a record of `reports.<organ>` says, who says it, and whether it may."""

from dataclasses import dataclass
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.answering import takes_back
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


class NotAnAnswer(PeerFault):
    """A record of a report topic is neither an acknowledgement nor a status."""


@dataclass(frozen=True, slots=True)
class Report:
    """A record of a report topic: who speaks, and the answer or why it cannot be read."""

    record: ConsumerRecord
    organ: str
    answer: Answer | None
    fault: PeerFault | None

    @property
    def copy(self) -> tuple[UUID, str] | None:
        """The (dispatch, recipient) that it speaks of, as far as it says so."""
        if self.answer is not None:
            return self.answer.dispatch_id, self.answer.recipient
        dispatch_id = _key_id(self.record)
        return (dispatch_id, self.organ) if dispatch_id is not None else None

    @property
    def own(self) -> tuple[UUID, str] | None:
        """The copy of the speaker itself, of the same dispatch."""
        return (self.copy[0], self.organ) if self.copy is not None else None

    @property
    def takes_back(self) -> bool:
        """Tell whether it asks a copy back."""
        return takes_back(self.answer)


def read_report(record: ConsumerRecord) -> Report:
    """Read a record of `reports.<organ>`; what cannot be read keeps its fault."""
    organ = topic.organ_of(record.topic)
    try:
        event = codec.decode(record.value)
        if not isinstance(event, TransportAcknowledged | StatusReported):
            raise NotAnAnswer(f"{type(event).__name__} stands where an answer is expected")
    except PeerFault as fault:
        return Report(record, organ, None, fault)
    return Report(record, organ, event, None)
