"""Telling: what waits to be announced to the topics of the world, and to be paged."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID


class Queued(NamedTuple):
    """An announcement that the broker has not confirmed yet."""

    id: int
    topic: str
    key: bytes
    event_id: UUID
    type: str
    traceparent: str
    value: bytes


class PageDue(NamedTuple):
    """A page that was claimed to be delivered; `alert` is its encoded event."""

    subject_id: UUID
    kind: str
    version: int
    alert: bytes
    attempts: int


class Announcements(Protocol):
    """What the books have to tell, in order."""

    async def lead(self) -> bool:
        """Become the one that announces; False while another is."""
        ...

    async def next(self, limit: int) -> list[Queued]:
        """Return the next announcements, in order."""
        ...

    async def told(self, ids: Sequence[int]) -> None:
        """Forget what the broker has confirmed."""
        ...


class Pages(Protocol):
    """Pages, kept apart from the books."""

    async def take(self, subject_id: UUID, kind: str, version: int, alert: bytes) -> None:
        """Take an alert in; a repeat changes nothing.

        What comes after a greater version pages nobody, nor does an alert that is over (its version
        is even) before its page was ever tried.
        """
        ...

    async def claim(self, limit: int, lease_s: float) -> list[PageDue]:
        """Claim pages that are due; the attempt is counted before anything is sent."""
        ...

    async def delivered(self, page: PageDue) -> None:
        """Note that the receiver has taken a page."""
        ...

    async def failed(self, page: PageDue, fault: str, pause_s: float) -> None:
        """Note that the receiver has not taken a page: it is tried again after a pause."""
        ...

    async def pending(self) -> int:
        """Return how many pages wait."""
        ...
