"""The books: what the ledger and the tracker ask of them, inside a transaction of the caller."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from hoatoc.domain.book import Account, Alert
from hoatoc.domain.delivery import Position
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DispatchRegistered
from hoatoc.domain.walk import Line, PartitionBook, Walk
from hoatoc.domain.working_due import CalendarVersion
from hoatoc.ports.log import Outgoing

Announced = tuple[Outgoing, UUID, str]
"""A record for the world, its event's id and its type's name."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a page says of a dispatch; `connection` is whose topic tells the sender."""

    sender: str
    number: str
    notation: str
    subject: str
    priority: int
    connection: str


class PositionTaken(OurFault):
    """Another ledger has booked this stretch: what was read must be dropped and read again."""

    retriable = True


class Transactional(Protocol):
    """A connection that opens transactions: all of it is written, or nothing."""

    def transaction(
        self, *, isolation: Literal["repeatable_read"] | None = None
    ) -> AbstractAsyncContextManager[object]:
        """Open a transaction; an exception that leaves it takes everything back."""
        ...


class Database(Protocol):
    """A pool of connections."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Take a connection for a while."""
        ...


class CalendarInForce(Protocol):
    """The versions of the working calendars."""

    async def current(self) -> int:
        """Return the current version."""
        ...


class Ledger(Protocol):
    """The books, inside a transaction of the caller."""

    async def positions(self, partitions: Iterable[int]) -> dict[int, PartitionBook]:
        """Return how far these partitions are booked, as far as they are."""
        ...

    async def open_books(self, partitions: Iterable[int]) -> None:
        """Begin the books of partitions that have none."""
        ...

    async def move(self, walks: Mapping[int, Walk]) -> None:
        """Move the positions from where the stretches began to where they end.

        Raises PositionTaken when one is no longer where its stretch began.
        """
        ...

    async def accounts(self, deliveries: Iterable[UUID]) -> dict[UUID, Account]:
        """Return the accounts of these deliveries, as far as they are known."""
        ...

    async def past_wake(self, partition: int, service_ms: int) -> list[UUID]:
        """Return the deliveries to be settled because service time has passed their `wake_ms`."""
        ...

    async def by_calendar(self, partition: int) -> list[UUID]:
        """Return the deliveries with a running deadline by a working calendar."""
        ...

    async def add_dispatches(
        self, registrations: Sequence[tuple[int, int, DispatchRegistered]]
    ) -> None:
        """Write (partition, offset, registration) of dispatches; known ones stay as they are."""
        ...

    async def calendars(self, versions: Iterable[int]) -> dict[int, CalendarVersion]:
        """Return these versions of the calendars, as far as they are adopted."""
        ...

    async def put_accounts(self, accounts: Sequence[tuple[int, Account]]) -> None:
        """Write (partition, account) as they stand, but for their alerts."""
        ...

    async def put_alerts(self, alerts: Sequence[tuple[int, Alert]]) -> None:
        """Write (partition, alert): new ones, and how far known ones have come."""
        ...

    async def unnamed(self, answers: Iterable[UUID]) -> list[Alert]:
        """Return the alerts about these unreadable answers that named no dispatch."""
        ...

    async def put_backs(self, answers: Iterable[UUID]) -> dict[UUID, Position]:
        """Return where the history says first that these parked answers were put back."""
        ...

    async def documents(self, dispatches: Iterable[UUID]) -> dict[UUID, Document]:
        """Return what pages say of these dispatches."""
        ...

    async def add_history(self, lines: Sequence[tuple[int, Line]]) -> None:
        """Write (partition, line) of history; a line that is there already is an error."""
        ...

    async def announce(self, records: Sequence[Announced]) -> None:
        """Queue records for the world, in this order."""
        ...

    async def tracked_accounts(self, partitions: Iterable[int]) -> list[tuple[int, Account]]:
        """Return (partition, account), without alerts, of what is not settled or has a due."""
        ...
