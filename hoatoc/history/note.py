"""Notes: what those who acted in a run say of it, one JSON object a line.

Each class is one kind of note; the tag `what` names it in a file. `at_ms` is the wall clock of who
writes it (ms since 1970 UTC). Fields that no class names are ignored; an unknown `what` is not.
"""

from uuid import UUID

import msgspec

POISON = "poison"
"""The word of an answer whose bytes cannot be read."""


class _Note(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="what"):
    at_ms: int


class HandedOver(_Note, frozen=True, kw_only=True, tag="handed-over"):
    """A door has accepted a document for these recipients.

    `dispatch_id` is None where the door does not say it at once, as Kafka and a spool.
    """

    document_id: str
    sender: str
    recipients: list[str]
    sha256: str
    door: str
    dispatch_id: UUID | None = None


class TurnedAway(_Note, frozen=True, kw_only=True, tag="turned-away"):
    """A door refused a document: it may stand in no book and reach nobody."""

    document_id: str
    sender: str
    sha256: str
    reason: str


class Stopped(_Note, frozen=True, kw_only=True, tag="stopped"):
    """A door stopped a suspected state secret; the text `marker` may be found nowhere."""

    document_id: str
    sender: str
    marker: str


class Recalled(_Note, frozen=True, kw_only=True, tag="recalled"):
    """A door has accepted a recall."""

    dispatch_id: UUID
    recipients: list[str]


class Received(_Note, frozen=True, kw_only=True, tag="received"):
    """Who reads the topic of `organ` took a copy, or a repeat of it."""

    organ: str
    recipient: str
    dispatch_id: UUID
    delivery_id: UUID
    document_id: str
    sha256: str
    offset: int


class Answered(_Note, frozen=True, kw_only=True, tag="answered"):
    """The broker has confirmed an answer.

    `word` is `done`, `fail`, `processing`, a status code, or `POISON`; topic, partition and offset
    are where it stands.
    """

    organ: str
    recipient: str
    dispatch_id: UUID
    delivery_id: UUID
    word: str
    topic: str
    offset: int
    partition: int = 0


class Told(_Note, frozen=True, kw_only=True, tag="told"):
    """A sender read what became of a copy."""

    sender: str
    delivery_id: UUID
    state: str
    version: int
    offset: int


class Alerted(_Note, frozen=True, kw_only=True, tag="alerted"):
    """A record of the topic `alerts`; odd versions raise, even ones resolve."""

    partition: int
    offset: int
    subject_id: UUID
    kind: str
    version: int


class Paged(_Note, frozen=True, kw_only=True, tag="paged"):
    """A page came to the webhook receiver; `taken`: whether the receiver kept it."""

    id: str
    subject_id: UUID
    kind: str
    version: int
    taken: bool


class Fault(_Note, frozen=True, kw_only=True, tag="fault"):
    """A fault from `at_ms` to `until_ms`; `applied`: whether it was seen to be really there."""

    until_ms: int
    fault: str
    target: str
    applied: bool
    detail: str = ""


class Load(_Note, frozen=True, kw_only=True, tag="load"):
    """How many deliveries were handed over in how many seconds; `rate` (1/s) is what was meant."""

    seconds: float
    deliveries: int
    rate: float


Note = (
    HandedOver
    | TurnedAway
    | Stopped
    | Recalled
    | Received
    | Answered
    | Told
    | Alerted
    | Paged
    | Fault
    | Load
)
