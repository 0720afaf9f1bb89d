"""What the gateway answers, typed. Fields that a later gateway adds are passed over."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found, with its remedy and the rule that it comes from."""

    code: str
    severity: str = ""
    path: str = ""
    text_vi: str = ""
    text_en: str = ""
    remedy_vi: str = ""
    remedy_en: str = ""
    article: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The copy for one recipient, and how it stands; `due_in_s` counts service time.

    Of two that speak of one copy the greater `version` is right.
    """

    delivery_id: UUID
    recipient: str
    state: str
    version: int = -1
    connection: str = ""
    handling: str = ""
    recall: str = ""
    overdue: bool = False
    recovered: bool = False
    due_kind: str | None = None
    due_in_s: float | None = None
    alerts: tuple[str, ...] = ()
    resent_as: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBack:
    """What became of asking copies back: `again` were asked before, `unsent` never leaves."""

    dispatch_id: UUID
    recall_id: UUID | None = None
    asked: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    unsent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What became of a hand-over; `new` is false if the same was handed over before.

    Of what sends nothing (a recall) `dispatch_id` is None.
    """

    dispatch_id: UUID | None
    new: bool
    document_id: str
    sender: str = ""
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    business_type: int = 0
    legal_value: str = ""
    findings: tuple[Finding, ...] = ()
    recipients: tuple[Copy, ...] = ()
    asked_back: tuple[AskedBack, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A packet that a spool has taken, and will forward; `state` as of `hoatoc.spool`."""

    id: UUID
    new: bool
    document_id: str
    sha256: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Copies of a dispatch that were asked back."""

    recall_id: UUID
    dispatch_id: UUID
    form: str = ""
    reason: str = ""
    requested_by: str = ""
    requested_at: datetime | None = None
    state: str = ""
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """An act of sending: what was handed over, and how each copy stands."""

    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str = ""
    issuer_name: str = ""
    year: int = 0
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    business_type: int = 0
    legal_value: str = ""
    promulgated: date | None = None
    handed_over_at: datetime | None = None
    resend_of: UUID | None = None
    outbox: str = ""
    sent_at: datetime | None = None
    content_sha256: str = ""
    findings: tuple[Finding, ...] = ()
    recipients: tuple[Copy, ...] = ()
    recalls: tuple[Recall, ...] = ()

    def copy(self, recipient: str) -> Copy:
        """Return the copy for a recipient; raises KeyError."""
        for each in self.recipients:
            if each.recipient == recipient:
                return each
        raise KeyError(recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A dispatch in a list."""

    dispatch_id: UUID
    document_id: str = ""
    sender: str = ""
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    business_type: int = 0
    handed_over_at: datetime | None = None
    resend_of: UUID | None = None
    outbox: str = ""
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """A page of a list; `next` begins the one after it, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document, or a recall of one, in an inbox; `cursor` is the place behind it."""

    cursor: str
    type: str
    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    document_id: str = ""
    issuer: str = ""
    year: int = 0
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    content_type: str | None = None
    content_bytes: int | None = None
    content_sha256: str | None = None
    business_type: int = 0
    legal_value: str = ""
    recall_id: UUID | None = None
    reason: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What became of one copy; of two that speak of one copy the greater version is right."""

    delivery_id: UUID
    recipient: str
    state: str
    version: int
    code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of some copies of a dispatch; `cursor` is the place behind it."""

    cursor: str
    dispatch_id: UUID
    event_id: UUID | None = None
    updates: tuple[Update, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch(Generic[T]):
    """Entries in their order; `next` is the cursor to go on with."""

    entries: tuple[T, ...]
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that is in the log."""

    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """An organ of the registry."""

    code: str
    code102: str = ""
    name: str = ""
    aliases: tuple[str, ...] = ()
    parent: str = ""
    connection: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str = ""
    locked: bool = False
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What a record of the log says; `at` is when the broker appended it."""

    at: datetime
    type: str
    recipient: str | None = None
    delivery_id: UUID | None = None
    code: str | None = None
    known: bool = True
    detail: str | None = None
    partition: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that the log says of a dispatch, in its order."""

    events: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """The dispatch by which a document was sent again."""

    dispatch_id: UUID
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A copy, for its recipient or its sender."""

    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    connection: str = ""
    document_id: str = ""
    issuer: str = ""
    year: int = 0
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    business_type: int = 0
    legal_value: str = ""
    content_bytes: int = 0
    content_sha256: str = ""
    state: str = ""
    handling: str = ""
    recall: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A copy that somebody waits for; `since` it was sent, or handed over."""

    delivery_id: UUID
    dispatch_id: UUID
    sender: str
    recipient: str
    number: str = ""
    notation: str = ""
    subject: str = ""
    priority: int = 0
    state: str = ""
    overdue: bool = False
    since: datetime | None = None
    due_kind: str | None = None
    due_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What an organ is missing: not taken or answered for, as recipient; not well, as sender.

    `more`: one of the two does not hold all.
    """

    organ: str
    as_recipient: tuple[Left, ...] = ()
    as_sender: tuple[Left, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Copies by state, and how many of them are overdue."""

    states: dict[str, int] = field(default_factory=dict)
    overdue: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of an organ."""

    organ: str
    as_sender: Counted = field(default_factory=Counted)
    as_recipient: Counted = field(default_factory=Counted)
