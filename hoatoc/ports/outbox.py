"""The outbox: what a relay claims, publishes and marks; dispatches, and recalls behind them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.event import Limits


class Aged(NamedTuple):
    """What an alert says of a row that waited too long, or did."""

    subject_id: UUID
    dispatch_id: UUID
    sender: str
    number: str
    notation: str
    subject: str
    priority: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An outbox row claimed by a relay, with all that is published of it.

    `packet` is None when it lies in the store. `connections` holds, beside each recipient, whose
    topic its copy goes to.
    """

    dispatch_id: UUID
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    packet: bytes | None
    packet_sha256: bytes
    packet_bytes: int
    limits: Limits
    handed_over_at: datetime
    recipients: tuple[str, ...]
    connections: tuple[str, ...]
    business_type: int = 0
    legal_value: str = ""
    resend_of: UUID | None = None
    sender_connection: str = ""

    @property
    def claim(self) -> ClaimCheck | None:
        """Return by what the packet is claimed from the store; None when it is here."""
        return ClaimCheck(self.packet_sha256, self.packet_bytes) if self.packet is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRecall:
    """A recall claimed by a relay, with all that is published of it.

    There may be no packet that asks; `packet` is None when it lies in the store, too.
    """

    recall_id: UUID
    dispatch_id: UUID
    form: str
    reason: str
    requested_by: str
    requested_at: datetime
    packet: bytes | None
    packet_sha256: bytes | None
    packet_bytes: int | None
    sender: str
    document_id: str
    issuer: str
    year: int
    number: str
    notation: str
    subject: str
    priority: int
    limits: Limits
    recipients: tuple[str, ...]
    connections: tuple[str, ...]

    @property
    def claim(self) -> ClaimCheck | None:
        """Return by what the packet is claimed from the store, if it lies there."""
        if self.packet is not None or self.packet_sha256 is None or self.packet_bytes is None:
            return None
        return ClaimCheck(self.packet_sha256, self.packet_bytes)


class Outbox(Protocol):
    """Dispatches on their way out."""

    async def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` rows, urgent first; committed before the caller sends anything."""
        ...

    async def mark_sent(self, sent: Sequence[tuple[UUID, int, int]]) -> None:
        """Mark (dispatch, partition, offset of its DispatchPublished) as sent."""
        ...

    async def waiting(self) -> tuple[int, float]:
        """Return how many rows wait, and the age of the oldest in seconds."""
        ...

    async def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the rows that have waited longer than this."""
        ...

    async def aged_over(self) -> list[Aged]:
        """Mark and return the rows that waited too long and have been sent since."""
        ...


class Recalls(Protocol):
    """Recalls on their way out, behind what they recall."""

    async def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[ClaimedRecall]:
        """Claim recalls whose dispatch was sent; committed before the caller sends anything."""
        ...

    async def mark_sent(self, recalls: Iterable[UUID]) -> None:
        """Mark recalls that every recipient was offered."""
        ...

    async def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the recalls that have waited longer than this."""
        ...

    async def aged_over(self) -> list[Aged]:
        """Mark and return the recalls that waited too long and have been sent since."""
        ...
