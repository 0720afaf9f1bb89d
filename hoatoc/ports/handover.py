"""Hand-over, as intake sees it: who may speak of a copy, what was taken, what is asked back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.sending import Form


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who may speak of a copy: the connection point that answers, and the sender."""

    connection: str
    sender: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """What became of asking back copies of one dispatch.

    `again` were asked back before; `unsent`: the dispatch had not left and never will.
    """

    recall_id: UUID | None
    dispatch_id: UUID
    asked: tuple[str, ...]
    again: tuple[str, ...]
    unsent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy handed over, and where it stands; `state` is None while the books do not have it."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    outbox: str
    state: str | None
    resent: bool
    recall_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks copies back, how and why; `packet` is the edXML that asks, or its claim, if any.

    `edition` is that of what is claimed, as it was put into the store.
    """

    form: Form
    reason: str
    requested_by: str
    packet: bytes | ClaimCheck | None = None
    edition: int | None = None


class Handovers(Protocol):
    """What was handed over, on one connection."""

    async def hand_over(self, admitted: Any, policy: Any, door: str) -> Any:
        """Take a packet that was admitted; the same again gives the dispatch that it has."""
        ...

    async def copies(self, dispatch_id: UUID) -> list[Copy]:
        """Return the copies of a dispatch, and where each stands."""
        ...

    async def ask_back(self, copies: Sequence[Copy], asking: Asking) -> list[Recalled]:
        """Ask copies back, each dispatch by a recall of its own; all in one transaction."""
        ...

    async def intake_positions(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return how far intake has taken these hand-over topics."""
        ...

    async def move_intake(self, topic: str, partition: int, offset: int) -> bool:
        """Move intake past a record; False when it was taken before."""
        ...

    async def speakers(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Speaker]:
        """Return who may speak of those (dispatch, recipient) that were handed over."""
        ...
