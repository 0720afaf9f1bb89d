"""The events: what has happened, in the past tense; one class for each schema in `schemas/avro`.

Fields and types follow the schemas to the letter (a test compares them), so that encoding is a
matter of names. Times are integers of milliseconds: `…_ms` of 1970 UTC where it is a clock's,
of service time where it is a limit or a due.
"""

from dataclasses import dataclass
from typing import get_args
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The policy in force at hand-over; the log carries its own, so a replay needs no file.

    A clock, where one is named, is a legal one by the recipient's working calendar, and stands
    instead of the milliseconds beside it. `reply_by` is a date (ISO 8601) or empty. With a factor
    above 1, calendar time runs that much faster than the log's, from `factor_log_ms`, where it is
    `factor_calendar_ms`.
    """

    policy: str
    publish_ms: int
    arrive_ms: int
    accept_ms: int
    allowance_ms: int
    grace_ms: int
    accept_clock: str = ""
    handle_ms: int = 0
    handle_clock: str = ""
    reply_by: str = ""
    recall_ms: int = 0
    factor: int = 1
    factor_log_ms: int = 0
    factor_calendar_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRegistered:
    """A document was handed over for these recipients; its publication is due."""

    event_id: UUID
    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    recipients: list[str]
    content_sha256: bytes
    limits: Limits
    handed_over_ms: int
    business_type: int = 0
    legal_value: str = ""
    sender_connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A copy that the broker refused."""

    recipient: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPublished:
    """Every copy was offered to the broker: these were confirmed, those refused."""

    event_id: UUID
    dispatch_id: UUID
    confirmed: list[str]
    refused: list[Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchResent:
    """The copies of these recipients were sent again, as another dispatch: they go on there."""

    event_id: UUID
    dispatch_id: UUID
    recipients: list[str]
    resent_as: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRequested:
    """The sender asks for its copies back at these recipients."""

    event_id: UUID
    dispatch_id: UUID
    recall_id: UUID
    recipients: list[str]
    form: str
    reason: str
    requested_by: str
    limits: Limits
    requested_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallPublished:
    """Every recipient was offered the recall: for these the broker confirmed it."""

    event_id: UUID
    dispatch_id: UUID
    recall_id: UUID
    confirmed: list[str]
    refused: list[Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallIssued:
    """What a recipient gets of a recall: to be answered with status 15 or 16."""

    event_id: UUID
    recall_id: UUID
    dispatch_id: UUID
    delivery_id: UUID
    sender: str
    recipient: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    form: str
    reason: str
    content_type: str | None = None
    content_sha256: bytes | None = None
    content: bytes | None = None
    claim: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDispatched:
    """The copy of a document for one recipient."""

    event_id: UUID
    dispatch_id: UUID
    delivery_id: UUID
    sender: str
    recipient: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    content_type: str
    content_bytes: int
    content_sha256: bytes
    content: bytes | None = None
    claim: str | None = None
    business_type: int = 0
    legal_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHandedOver:
    """A sender that speaks Kafka hands a document over."""

    event_id: UUID
    document_id: str
    packet: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverAnswered:
    """What became of a hand-over by Kafka, for whoever wrote it.

    `outcome` is `taken`, `known` (it was taken before), or `refused`, with the reason; `partition`
    and `offset` tell which record of `handovers.<organ>` it was, `handover_id` its event. The
    document's id is told once the packet has passed the gate against state secrets.
    """

    event_id: UUID
    handover_id: UUID | None = None
    document_id: str = ""
    partition: int
    offset: int
    outcome: str
    dispatch_id: UUID | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportAcknowledged:
    """The recipient's system says what became of the packet."""

    event_id: UUID
    dispatch_id: UUID
    recipient: str
    outcome: str
    reason: str | None = None
    reported_ms: int | None = None
    put_back_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReported:
    """The recipient reports a business status."""

    event_id: UUID
    dispatch_id: UUID
    recipient: str
    code: str
    description: str | None = None
    reported_ms: int | None = None
    put_back_of: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnreadable:
    """A report could not be read and was parked: the fault is ours until shown otherwise."""

    event_id: UUID
    organ: str
    dispatch_id: UUID | None = None
    source_topic: str
    source_partition: int
    source_offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPutBack:
    """A parked answer was put back: where its alert stands, this says that it is over."""

    event_id: UUID
    organ: str
    put_back_of: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed:
    """The tracker proposes that a deadline has passed; the ledger decides."""

    event_id: UUID
    delivery_id: UUID
    kind: str
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time is carried into a partition."""

    event_id: UUID
    path: str
    shard: int
    shards: int
    paths: list[str]
    writer: str
    clock_ms: int
    max_gap_ms: int
    calendar_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    """A deadline was broken or a delivery failed: a person must know."""

    event_id: UUID
    subject_id: UUID
    kind: str
    version: int
    dispatch_id: UUID | None = None
    sender: str | None = None
    recipient: str | None = None
    number: str | None = None
    notation: str | None = None
    subject: str | None = None
    priority: int = 0
    reason: str | None = None
    since_ms: int | None = None
    due_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertResolved:
    """An alert that was raised is over."""

    event_id: UUID
    subject_id: UUID
    kind: str
    version: int
    dispatch_id: UUID | None = None
    sender: str | None = None
    recipient: str | None = None
    number: str | None = None
    notation: str | None = None
    subject: str | None = None
    priority: int = 0
    reason: str | None = None
    since_ms: int | None = None
    due_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdate:
    """What became of one delivery."""

    delivery_id: UUID
    recipient: str
    state: str
    version: int
    code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesUpdated:
    """What became of some deliveries of a dispatch, for its sender."""

    event_id: UUID
    dispatch_id: UUID
    updates: list[DeliveryUpdate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header of a record."""

    name: str
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettered:
    """A record could not be read or handled: here it is, as it was."""

    event_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None = None
    value: bytes | None = None
    headers: list[Header]
    reason: str
    detail: str
    stack: str | None = None
    parked_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPutBack:
    """A parked record was put back into its topic, by a person."""

    event_id: UUID
    dead_letter_id: UUID
    operator: str
    put_back_ms: int
    offset: int


Event = (
    DispatchRegistered
    | DispatchPublished
    | DispatchResent
    | RecallRequested
    | RecallPublished
    | RecallIssued
    | DocumentDispatched
    | DocumentHandedOver
    | HandOverAnswered
    | TransportAcknowledged
    | StatusReported
    | AnswerUnreadable
    | AnswerPutBack
    | DeadlinePassed
    | Tick
    | AlertRaised
    | AlertResolved
    | DeliveriesUpdated
    | DeadLettered
    | DeadLetterPutBack
)
Answer = TransportAcknowledged | StatusReported
EVENTS: dict[str, type[Event]] = {event.__name__: event for event in get_args(Event)}
