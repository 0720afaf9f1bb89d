"""Shapes: what the gateway answers, as its OpenAPI tells it."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from hoatoc.domain.text import is_kept

Priority = Literal[0, 1, 2, 3, 4]


class Shape(BaseModel):
    """A value of the interface."""

    model_config = ConfigDict(frozen=True)


def _kept(value: object) -> object:
    """Return what was asked as it is; raises ValueError for a text that cannot be kept."""
    if isinstance(value, str) and not is_kept(value):
        raise ValueError(
            "có ký tự U+0000 hoặc nửa cặp thay thế, hãy bỏ đi / holds U+0000 or half of a "
            "surrogate pair: leave it out"
        )
    return value


Words = Annotated[str, BeforeValidator(_kept)]
"""A text of a request."""


class Problem(Shape):
    """Why something was refused or failed (RFC 9457), in Vietnamese / English."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None


class Finding(Shape):
    """What a check found, with its remedy and the rule that it comes from."""

    severity: str
    code: str
    path: str
    text_vi: str
    text_en: str
    remedy_vi: str
    remedy_en: str
    article: str


class Copy(Shape):
    """The copy for one recipient, and how it stands.

    `state` is `unsent` or `cancelled` while nothing has left, then a state of the lifecycle.
    `version` grows with each change, as in the news; -1 until the books have it.
    `due_in_s`: seconds of service time to its next deadline, negative where it has passed.
    """

    delivery_id: UUID
    recipient: str
    connection: str
    state: str
    version: int
    handling: str
    recall: str
    overdue: bool
    recovered: bool
    due_kind: str | None
    due_in_s: float | None
    alerts: list[str]
    resent_as: UUID | None


class Recall(Shape):
    """Copies of a dispatch that were asked back."""

    recall_id: UUID
    dispatch_id: UUID
    form: str
    reason: str
    requested_by: str
    requested_at: datetime
    state: str
    asked: list[str]


class Dispatch(Shape):
    """An act of sending: what was handed over, and how each copy stands."""

    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str
    issuer_name: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    business_type: int
    legal_value: str
    promulgated: date | None
    door: str
    handed_over_at: datetime
    resend_of: UUID | None
    outbox: str = Field(description="unsent, claimed, sent or cancelled")
    sent_at: datetime | None
    content_sha256: str
    findings: list[Finding]
    recipients: list[Copy]
    recalls: list[Recall]


class AskedBack(Shape):
    """What became of asking copies of one dispatch back.

    `again` were asked back before; `unsent`: the dispatch had not left, and never will.
    """

    recall_id: UUID | None
    dispatch_id: UUID
    asked: list[str]
    again: list[str]
    unsent: bool


class HandedOver(Shape):
    """What became of a hand-over.

    `new` is false where the same was handed over before. Of what sends nothing (a recall, an update
    that only removes) `dispatch_id` is null.
    """

    dispatch_id: UUID | None
    new: bool
    sender: str
    document_id: str
    number: str
    notation: str
    subject: str
    priority: int
    business_type: int
    legal_value: str
    findings: list[Finding]
    recipients: list[Copy]
    asked_back: list[AskedBack]


class Standing(Shape):
    """Whether the gateway is ready, and how each part stands: `ready`, or why not."""

    ready: bool
    parts: dict[str, str]


class Entry(Shape):
    """What came in: a document, or a recall of one (`recall_id`, `reason`, `form`)."""

    cursor: str = Field(description="the cursor behind this entry")
    type: Literal["document", "recall"]
    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    content_type: str | None
    content_bytes: int | None = None
    content_sha256: str | None
    business_type: int = 0
    legal_value: str = ""
    recall_id: UUID | None = None
    reason: str | None = None
    form: str | None = None


class Inbox(Shape):
    """What came in from a cursor on; `next` is the cursor to go on from."""

    entries: list[Entry]
    next: str


class Delivery(Shape):
    """A copy, for its recipient or its sender."""

    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    connection: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    business_type: int
    legal_value: str
    content_bytes: int
    content_sha256: str
    state: str
    handling: str
    recall: str


class Acknowledgement(Shape):
    """What the recipient's system says of the packet."""

    outcome: Literal["done", "fail", "processing"]
    reason: Words | None = Field(None, max_length=4000)


class Status(Shape):
    """A business status (QCVN 102:2016): 01 to 06, 15 and 16 of the recipient, 13 of the sender."""

    code: Literal["01", "02", "03", "04", "05", "06", "13", "15", "16"]
    description: Words | None = Field(
        None, max_length=4000, description="mandatory for a refusal (02) and a recall (13)"
    )
    reported_at: AwareDatetime | None = Field(
        None, description="when, with its zone (RFC 3339); default: now"
    )


class Answered(Shape):
    """An answer that the log holds; the same again is the same event."""

    event_id: UUID


class Update(Shape):
    """What became of one copy."""

    delivery_id: UUID
    recipient: str
    state: str
    version: int
    code: str | None
    description: str | None


class StatusEntry(Shape):
    """What became of copies of a dispatch."""

    cursor: str
    event_id: UUID
    dispatch_id: UUID
    updates: list[Update]


class Statuses(Shape):
    """What became of one's documents from a cursor on; `next` is the cursor to go on from."""

    entries: list[StatusEntry]
    next: str


class DispatchSummary(Shape):
    """A dispatch in a list: what it is, and how many copies stand in which state."""

    dispatch_id: UUID
    document_id: str
    number: str
    notation: str
    subject: str
    priority: int
    business_type: int
    handed_over_at: datetime
    resend_of: UUID | None
    outbox: str
    states: dict[str, int]


class Dispatches(Shape):
    """Dispatches, the newest first; `next` is what `after` goes on from, null at the end."""

    items: list[DispatchSummary]
    next: UUID | None


class Happening(Shape):
    """What a record of the log says; `at` is when the broker appended it."""

    at: datetime
    type: str
    recipient: str | None
    delivery_id: UUID | None
    code: str | None
    known: bool
    detail: str | None
    partition: int
    offset: int


class Timeline(Shape):
    """Everything that the log says of a dispatch, in its order."""

    events: list[Happening]


class Organs(BaseModel):
    """Organs, as the registry has them."""

    model_config = ConfigDict(frozen=True)
    items: list["OrganShown"]


class OrganShown(Shape):
    """An organ; `connection` is the one whose inbox its documents come into."""

    code: str
    code102: str
    name: str
    aliases: list[str]
    parent: str
    connection: str
    valid_from: date | None
    valid_to: date | None
    successor: str
    locked: bool
    test: bool


class RecallWanted(Shape):
    """Copies to be asked back: of all recipients, or of some."""

    reason: Words = Field(min_length=1, max_length=4000)
    recipients: list[Words] = Field([], max_length=10_000)


class ResendWanted(Shape):
    """To whom a document is sent again."""

    recipients: list[Words] = Field(min_length=1, max_length=10_000)


class Resent(Shape):
    """The dispatch by which a document was sent again."""

    dispatch_id: UUID
    recipients: list[str]


class Left(Shape):
    """A copy that somebody waits for; `since` it was sent (handed over, where it is one's own)."""

    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    number: str
    notation: str
    subject: str
    priority: int
    state: str
    overdue: bool
    since: datetime
    due_kind: str | None
    due_in_s: float | None


class Backlog(Shape):
    """What an organ is missing: as recipient, not yet taken or answered for; as sender, not well.

    Each list holds 500 copies at most, urgent ones first, then the oldest; `more`: one of them does
    not hold all.
    """

    organ: str
    as_recipient: list[Left]
    as_sender: list[Left]
    more: bool


class Counted(Shape):
    """Copies by state, and how many of them are overdue."""

    states: dict[str, int]
    overdue: int


class Counts(Shape):
    """Numbers of an organ."""

    organ: str
    as_sender: Counted
    as_recipient: Counted
