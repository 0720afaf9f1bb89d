"""The books in memory: a fake of the port `hoatoc.ports.Ledger`.

It keeps what PostgreSQL keeps and honours what the ledger relies on: a transaction is all or
nothing, positions move only from where a stretch began, a line of history stands once. It passes
the same contract suite as `hoatoc.postgres.ledger.LedgerTables`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from uuid import UUID

from hoatoc.domain.book import Account, Alert, wake_ms
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Delivery
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DispatchRegistered
from hoatoc.domain.lifecycle import SETTLED, state
from hoatoc.domain.walk import Line, PartitionBook, Walk
from hoatoc.domain.working_due import CalendarVersion, WorkingDue
from hoatoc.ports import Announced, Document, PositionTaken
from hoatoc.testing.calendar import EveryDay


class LineTwice(OurFault):
    """A line of history stands already where another is written."""


@dataclass(slots=True)
class Tables:
    """What is written."""

    books: dict[int, PartitionBook] = field(default_factory=dict)
    dispatches: dict[UUID, DispatchRegistered] = field(default_factory=dict)
    deliveries: dict[UUID, tuple[int, Delivery]] = field(default_factory=dict)
    working: dict[UUID, Mapping[Kind, WorkingDue]] = field(default_factory=dict)
    wakes: dict[UUID, int] = field(default_factory=dict)
    alerts: dict[tuple[UUID, Kind], Alert] = field(default_factory=dict)
    history: dict[tuple[int, int], Line] = field(default_factory=dict)
    announced: list[Announced] = field(default_factory=list)
    calendars: dict[int, CalendarVersion] = field(default_factory=lambda: {1: EveryDay()})

    def copy(self) -> "Tables":
        """Return the tables as they stand now; what is in them never changes."""
        return Tables(*(copy(getattr(self, name)) for name in Tables.__slots__))


class MemoryDatabase:
    """Tables shared by any number of connections; transactions come one after another."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.lock = asyncio.Lock()

    def connect(self) -> "MemoryConnection":
        """Open a connection."""
        return MemoryConnection(self)


class MemoryConnection:
    """A connection that opens transactions."""

    def __init__(self, database: MemoryDatabase) -> None:
        self.database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a transaction; an exception that leaves it takes everything back."""
        async with self.database.lock:
            before = self.database.tables.copy()
            try:
                yield
            except BaseException:
                self.database.tables = before
                raise


class MemoryLedger:
    """Reads and writes of the ledger, as `LedgerTables` has them."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._database = connection.database

    @property
    def _tables(self) -> Tables:
        return self._database.tables

    async def positions(self, partitions: Iterable[int]) -> dict[int, PartitionBook]:
        """Return how far these partitions are booked, as far as they are."""
        return {p: self._tables.books[p] for p in partitions if p in self._tables.books}

    async def open_books(self, partitions: Iterable[int]) -> None:
        """Begin the books of partitions that have none."""
        for partition in partitions:
            self._tables.books.setdefault(partition, PartitionBook())

    async def move(self, walks: Mapping[int, Walk]) -> None:
        """Move the positions from where the stretches began; raises PositionTaken."""
        for partition, walked in walks.items():
            book = self._tables.books.get(partition)
            if book is None or book.next_offset != walked.before.next_offset:
                raise PositionTaken(f"partitions [{partition}] were booked by another ledger")
            self._tables.books[partition] = walked.after

    async def accounts(self, deliveries: Iterable[UUID]) -> dict[UUID, Account]:
        """Return the accounts of these deliveries, as far as they are known."""
        known = (of for of in deliveries if of in self._tables.deliveries)
        return {
            of: Account(self._delivery(of), self._alerts(of), self._tables.working[of])
            for of in known
        }

    def _delivery(self, of: UUID) -> Delivery:
        _, delivery = self._tables.deliveries[of]
        dispatch = self._tables.dispatches.get(delivery.dispatch_id)
        return replace(delivery, limits=dispatch.limits if dispatch else None)

    def _alerts(self, of: UUID) -> dict[Kind, Alert]:
        found = ((kind, self._tables.alerts.get((of, kind))) for kind in Kind)
        return {kind: alert for kind, alert in found if alert is not None}

    async def past_wake(self, partition: int, service_ms: int) -> list[UUID]:
        """Return the deliveries to be settled because service time has passed their `wake_ms`."""
        return [
            of
            for of, wake in self._tables.wakes.items()
            if wake < service_ms and self._tables.deliveries[of][0] == partition
        ]

    async def by_calendar(self, partition: int) -> list[UUID]:
        """Return the deliveries with a running deadline by a working calendar."""
        return [
            of
            for of in self._tables.wakes
            if self._tables.working.get(of) and self._tables.deliveries[of][0] == partition
        ]

    async def calendars(self, versions: Iterable[int]) -> dict[int, CalendarVersion]:
        """Return these versions of the calendars, as far as they are adopted."""
        adopted = self._tables.calendars
        return {version: adopted[version] for version in versions if version in adopted}

    async def add_dispatches(
        self, registrations: Sequence[tuple[int, int, DispatchRegistered]]
    ) -> None:
        """Write (partition, offset, registration) of dispatches; known ones stay as they are."""
        for _, _, event in registrations:
            self._tables.dispatches.setdefault(event.dispatch_id, event)

    async def put_accounts(self, accounts: Sequence[tuple[int, Account]]) -> None:
        """Write (partition, account) as they stand, but for their alerts."""
        for partition, account in accounts:
            of = account.delivery.delivery_id
            first, _ = self._tables.deliveries.get(of, (partition, None))
            self._tables.deliveries[of] = first, account.delivery
            self._tables.working[of] = account.working
            self._tables.wakes.pop(of, None)
            wake = wake_ms(account)
            if wake is not None:
                self._tables.wakes[of] = wake

    async def put_alerts(self, alerts: Sequence[tuple[int, Alert]]) -> None:
        """Write (partition, alert): new ones, and how far known ones have come."""
        for _, alert in alerts:
            at = alert.subject_id, alert.kind
            known = self._tables.alerts.get(at)
            again = {n: getattr(alert, n) for n in ("closing", "start", "raised_offset", "episode")}
            self._tables.alerts[at] = replace(known, **again) if known else alert

    async def unnamed(self, answers: Iterable[UUID]) -> list[Alert]:
        """Return the alerts about these unreadable answers that named no dispatch."""
        found = (self._tables.alerts.get((of, Kind.UNREADABLE)) for of in answers)
        return [alert for alert in found if alert and alert.dispatch_id is None]

    async def documents(self, dispatches: Iterable[UUID]) -> dict[UUID, Document]:
        """Return what pages say of these dispatches."""
        known = (self._tables.dispatches.get(of) for of in dispatches)
        return {
            d.dispatch_id: Document(
                d.sender,
                d.number,
                d.notation,
                d.subject,
                d.priority,
                d.sender_connection or d.sender,
            )
            for d in known
            if d is not None
        }

    async def add_history(self, lines: Sequence[tuple[int, Line]]) -> None:
        """Write (partition, line) of history; raises LineTwice."""
        for partition, line in lines:
            if (partition, line.offset) in self._tables.history:
                raise LineTwice(f"partition {partition}, offset {line.offset} is written already")
            self._tables.history[partition, line.offset] = line

    async def announce(self, records: Sequence[Announced]) -> None:
        """Queue records for the world, in this order."""
        self._tables.announced += records

    async def tracked_accounts(self, partitions: Iterable[int]) -> list[tuple[int, Account]]:
        """Return (partition, account), without alerts, of what is not settled or has a due."""
        asked = set(partitions)
        return [
            (partition, Account(self._delivery(of), {}, self._tables.working[of]))
            for of, (partition, delivery) in self._tables.deliveries.items()
            if partition in asked
            and delivery.dispatch_id in self._tables.dispatches
            and (state(delivery.facts) not in SETTLED or of in self._tables.wakes)
        ]
