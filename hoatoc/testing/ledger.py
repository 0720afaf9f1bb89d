"""The books in memory: a fake of the port `hoatoc.ports.Ledger`.

It keeps what PostgreSQL keeps and honours what the ledger relies on: a transaction is all or
nothing, positions move only from where a stretch began, a line of history stands once. It passes
the same contract suite as `hoatoc.postgres.ledger.LedgerTables`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from hoatoc.domain.book import Account, Alert, running, wake_ms
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Delivery, Position
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DispatchRegistered
from hoatoc.domain.lifecycle import SETTLED, state
from hoatoc.domain.walk import Line, PartitionBook, Walk
from hoatoc.domain.working_due import CalendarVersion
from hoatoc.ports import Announced, Document, PositionTaken
from hoatoc.testing.database import Rows, statement


class LineTwice(OurFault):
    """A line of history stands already where another is written."""


class MemoryLedger(Rows):
    """Reads and writes of the ledger, as `LedgerTables` has them."""

    @statement
    def positions(self, partitions: Iterable[int]) -> dict[int, PartitionBook]:
        """Return how far these partitions are booked, as far as they are."""
        return {p: self.tables.books[p] for p in partitions if p in self.tables.books}

    @statement
    def open_books(self, partitions: Iterable[int]) -> None:
        """Begin the books of partitions that have none."""
        for partition in partitions:
            if partition not in self.tables.books:
                self.database.put(self.tables.books, partition, PartitionBook())

    @statement
    def move(self, walks: Mapping[int, Walk]) -> None:
        """Move the positions from where the stretches began; raises PositionTaken."""
        for partition, walked in walks.items():
            book = self.tables.books.get(partition)
            if book is None or book.next_offset != walked.before.next_offset:
                raise PositionTaken(f"partitions [{partition}] were booked by another ledger")
            self.database.put(self.tables.books, partition, walked.after)

    @statement
    def accounts(self, deliveries: Iterable[UUID]) -> dict[UUID, Account]:
        """Return the accounts of these deliveries, as far as they are known."""
        known = (of for of in deliveries if of in self.tables.deliveries)
        return {
            of: Account(self._delivery(of), self._alerts(of), self.tables.working[of])
            for of in known
        }

    def _delivery(self, of: UUID) -> Delivery:
        _, delivery = self.tables.deliveries[of]
        dispatch = self.tables.dispatches.get(delivery.dispatch_id)
        return replace(delivery, limits=dispatch.limits if dispatch else None)

    def _alerts(self, of: UUID) -> dict[Kind, Alert]:
        found = ((kind, self.tables.alerts.get((of, kind))) for kind in Kind)
        return {kind: alert for kind, alert in found if alert is not None}

    @statement
    def past_wake(self, partition: int, service_ms: int) -> list[UUID]:
        """Return the deliveries to be settled because service time has passed their `wake_ms`."""
        return [
            of
            for of, wake in self.tables.wakes.items()
            if wake < service_ms and self.tables.deliveries[of][0] == partition
        ]

    @statement
    def by_calendar(self, partition: int) -> list[UUID]:
        """Return the deliveries with a running deadline by a working calendar."""
        return [
            of
            for of in self.tables.wakes
            if self.tables.working.get(of) and self.tables.deliveries[of][0] == partition
        ]

    @statement
    def calendars(self, versions: Iterable[int]) -> dict[int, CalendarVersion]:
        """Return these versions of the calendars, as far as they are adopted."""
        adopted = self.tables.calendars
        return {version: adopted[version] for version in versions if version in adopted}

    @statement
    def add_dispatches(self, registrations: Sequence[tuple[int, int, DispatchRegistered]]) -> None:
        """Write (partition, offset, registration) of dispatches; known ones stay as they are."""
        for partition, offset, event in registrations:
            if event.dispatch_id not in self.tables.dispatches:
                self.database.put(self.tables.dispatches, event.dispatch_id, event)
                place = partition, offset
                self.database.put(self.tables.registered, event.dispatch_id, place)

    @statement
    def put_accounts(self, accounts: Sequence[tuple[int, Account]]) -> None:
        """Write (partition, account) as they stand, but for their alerts."""
        for partition, account in accounts:
            of = account.delivery.delivery_id
            first, _ = self.tables.deliveries.get(of, (partition, None))
            self.database.put(self.tables.deliveries, of, (first, account.delivery))
            self.database.put(self.tables.working, of, account.working)
            wake = wake_ms(account, running(account))
            if wake is not None:
                self.database.put(self.tables.wakes, of, wake)
            else:
                self.database.drop(self.tables.wakes, [of])

    @statement
    def put_alerts(self, alerts: Sequence[tuple[int, Alert]]) -> None:
        """Write (partition, alert): new ones, and how far known ones have come."""
        for _, alert in alerts:
            at = alert.subject_id, alert.kind
            known = self.tables.alerts.get(at)
            again = {n: getattr(alert, n) for n in ("closing", "start", "raised_offset", "episode")}
            self.database.put(self.tables.alerts, at, replace(known, **again) if known else alert)

    @statement
    def unnamed(self, answers: Iterable[UUID]) -> list[Alert]:
        """Return the alerts about these unreadable answers that named no dispatch."""
        found = (self.tables.alerts.get((of, Kind.UNREADABLE)) for of in answers)
        return [alert for alert in found if alert and alert.dispatch_id is None]

    @statement
    def put_backs(self, answers: Iterable[UUID]) -> dict[UUID, Position]:
        """Return where the history says first that these parked answers were put back."""
        asked, found = {str(of): of for of in answers}, dict[UUID, Position]()
        for _, line in sorted(self.tables.history.items()) if asked else ():
            if line.type == "AnswerPutBack" and line.code in asked:
                at = Position(line.offset, line.service_ms, line.append_ms)
                found.setdefault(asked[line.code], at)
        return found

    @statement
    def documents(self, dispatches: Iterable[UUID]) -> dict[UUID, Document]:
        """Return what pages say of these dispatches."""
        known = (self.tables.dispatches.get(of) for of in dispatches)
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

    @statement
    def add_history(self, lines: Sequence[tuple[int, Line]]) -> None:
        """Write (partition, line) of history; raises LineTwice."""
        for partition, line in lines:
            if (partition, line.offset) in self.tables.history:
                raise LineTwice(f"partition {partition}, offset {line.offset} is written already")
            self.database.put(self.tables.history, (partition, line.offset), line)

    @statement
    def announce(self, records: Sequence[Announced]) -> None:
        """Queue records for the world, in this order."""
        for record in records:
            number = len(self.tables.ever_announced) + 1
            self.database.put(self.tables.announcements, number, record)
            self.database.put(self.tables.ever_announced, number, record)
        self.database.notify("hoatoc_announcement")

    @statement
    def tracked_accounts(self, partitions: Iterable[int]) -> list[tuple[int, Account]]:
        """Return (partition, account), without alerts, of what is not settled or has a due."""
        asked = set(partitions)
        return [
            (partition, Account(self._delivery(of), {}, self.tables.working[of]))
            for of, (partition, delivery) in self.tables.deliveries.items()
            if partition in asked
            and delivery.dispatch_id in self.tables.dispatches
            and (state(delivery.facts) not in SETTLED or of in self.tables.wakes)
        ]
