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

from hoatoc.domain.book import Account, Alert, Line, PartitionBook, Walk, next_due
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Delivery, State, state
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DispatchRegistered
from hoatoc.ports import Announced, Document, PositionTaken


class LineTwice(OurFault):
    """A line of history stands already where another is written."""


@dataclass(slots=True)
class Tables:
    """What is written."""

    books: dict[int, PartitionBook] = field(default_factory=dict)
    dispatches: dict[UUID, DispatchRegistered] = field(default_factory=dict)
    deliveries: dict[UUID, tuple[int, Delivery]] = field(default_factory=dict)
    backstops: dict[UUID, int] = field(default_factory=dict)
    alerts: dict[tuple[UUID, Kind], Alert] = field(default_factory=dict)
    history: dict[tuple[int, int], Line] = field(default_factory=dict)
    announced: list[Announced] = field(default_factory=list)

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
        return {of: Account(self._delivery(of), self._alerts(of)) for of in known}

    def _delivery(self, of: UUID) -> Delivery:
        _, delivery = self._tables.deliveries[of]
        dispatch = self._tables.dispatches.get(delivery.dispatch_id)
        return replace(delivery, limits=dispatch.limits if dispatch else None)

    def _alerts(self, of: UUID) -> dict[Kind, Alert]:
        found = ((kind, self._tables.alerts.get((of, kind))) for kind in Kind)
        return {kind: alert for kind, alert in found if alert is not None}

    async def past_backstop(self, partition: int, service_ms: int) -> list[UUID]:
        """Return the deliveries whose backstop lies before this instant of service time."""
        return [
            of
            for of, backstop_ms in self._tables.backstops.items()
            if backstop_ms < service_ms and self._tables.deliveries[of][0] == partition
        ]

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
            self._tables.backstops.pop(of, None)
            if due := next_due(account):
                self._tables.backstops[of] = due.backstop_ms

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
            d.dispatch_id: Document(d.sender, d.number, d.notation, d.subject, d.priority)
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
        """Return (partition, account), without alerts, of what is neither accepted nor refused."""
        asked = set(partitions)
        return [
            (partition, Account(self._delivery(of)))
            for of, (partition, delivery) in self._tables.deliveries.items()
            if partition in asked
            and delivery.dispatch_id in self._tables.dispatches
            and state(delivery.facts) not in (State.ACCEPTED, State.REFUSED)
        ]
