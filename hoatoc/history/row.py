"""Rows of the books: of each table the columns that a checker needs, under their own names.

Times are ms of service time where they are a due or a start's, of 1970 UTC where `append_ms`.
"""

from typing import NamedTuple
from uuid import UUID


class Place(NamedTuple):
    """Where a fact stands: its offset, its service time and its append time (ms)."""

    offset: int
    service_ms: int
    append_ms: int


class PositionRow(NamedTuple):
    """How far a partition is booked (`partition_book`)."""

    partition: int
    next_offset: int
    service_ms: int
    ticks: int
    clock: str = ""


class DispatchRow(NamedTuple):
    """A dispatch that the log registered."""

    dispatch_id: UUID
    partition: int
    log_offset: int
    sender: str
    document_id: str
    recipients: int
    limits: str = ""


class DeliveryRow(NamedTuple):
    """One dispatch to one recipient; `facts` and `working` are compared, never read."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    partition: int
    state: str
    handling: str
    recall: str
    open: bool
    overdue: bool
    recovered: bool
    version: int
    due_kind: str | None = None
    due_ms: int | None = None
    wake_ms: int | None = None
    facts: str = ""
    working: str = ""


class AlertRow(NamedTuple):
    """A verdict or a failure, one a (subject, kind)."""

    subject_id: UUID
    kind: str
    dispatch_id: UUID | None
    recipient: str
    partition: int
    start: Place
    due_ms: int | None
    raised_offset: int
    found_by: str
    closing: Place | None
    episode: int = 0


class HistoryRow(NamedTuple):
    """One record of the log other than a tick; ids are text, compared and never read."""

    partition: int
    log_offset: int
    append_ms: int
    service_ms: int
    type: str
    dispatch_id: str = ""
    delivery_id: str = ""
    recipient: str = ""
    code: str = ""


class HandoverRow(NamedTuple):
    """A document that a door has taken."""

    dispatch_id: UUID
    document_id: str
    sender: str
    packet_sha256: str
    door: str


class HandoverRecipientRow(NamedTuple):
    """A copy that was handed over; `connection` is whose topic it goes to."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    connection: str


class OutboxRow(NamedTuple):
    """Whether a dispatch has left: unsent, claimed, sent or cancelled."""

    dispatch_id: UUID
    state: str


class RecallRow(NamedTuple):
    """A recall: unsent, claimed, sent or not needed."""

    recall_id: UUID
    dispatch_id: UUID
    state: str


class RecallRecipientRow(NamedTuple):
    """A copy that is asked back."""

    delivery_id: UUID
    recall_id: UUID


class PageRow(NamedTuple):
    """A page: pending, delivered or superseded."""

    subject_id: UUID
    kind: str
    version: int
    state: str


class AnnouncementRow(NamedTuple):
    """What the world has not been told yet."""

    id: int
    topic: str
    event_id: UUID
    type: str
