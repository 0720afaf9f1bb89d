"""The books: PostgreSQL and memory hold the same, whatever is booked, by whomever.

Two partitions grow; any number of ledgers book what they have read. A ledger may lag behind the
others (a zombie: it reads on from where it believes the books to be), and may die in the middle of
a transaction. Each does the same to both sides, and all that the port can read is the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from consumers.ledger import Booking
from hoatoc import codec
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import DeliveriesUpdated, Event
from hoatoc.domain.walk import Walk, walk
from hoatoc.ports import PositionTaken
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.prepare import adopt_first_calendar
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.profile import BOUNDED
from hoatoc.testing.scenario import LIMITS, Log, delivery, dispatch
from hoatoc.testing.twin import Twins

TABLES = ("announcement", "alert", "history", "delivery", "dispatch", "partition_book")
ORGANS = ("R1", "R2")
NUMBERS = (1, 2)
PARTITIONS = range(2)
DELIVERIES = [delivery(100 * p + n, organ) for p in PARTITIONS for n in NUMBERS for organ in ORGANS]
WORDS = ("done", "fail", "processing", "01", "02", "03", "05", "15", "16", "99")
SHORT = replace(LIMITS, publish_ms=1000, arrive_ms=1000, accept_ms=1000, allowance_ms=1000)
SHORT = replace(SHORT, grace_ms=1000)
SIDES = st.integers(0, 1)
PLACES = st.sampled_from(PARTITIONS)
COPIES = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(ORGANS))


class Crash(Exception):
    """The ledger dies."""


@dataclass(slots=True)
class Dying:
    """Books in which the ledger dies at a method, having done what it asks for."""

    tables: Any
    method: str

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.tables, name)
        return self._dies(found) if name == self.method else found

    def _dies(self, method: Any) -> Any:
        async def dies(*arguments: Any) -> None:
            await method(*arguments)
            raise Crash

        return dies


class Books(RuleBasedStateMachine):
    """Two ledgers, each over both sides."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(TABLES)
        calendars = self.twins.run(LedgerTables(self.twins.real[0]).calendars([1]))
        self.twins.fake[0].database.tables.calendars = calendars
        self.logs = [Log(limits=SHORT) for _ in PARTITIONS]
        self.unread: list[UUID] = []
        self.ledgers = [[self.begun(side, at) for at in range(2)] for side in range(2)]

    def teardown(self) -> None:
        self.twins.close()

    def tables(self, side: int, at: int) -> Any:
        twins = self.twins
        return MemoryLedger(twins.fake[at]) if side else LedgerTables(twins.real[at])

    def begun(self, side: int, at: int) -> Booking:
        tables = self.tables(side, at)
        self.twins.run(tables.open_books(PARTITIONS))
        books = self.twins.run(tables.positions(PARTITIONS))
        return Booking(16, books, ledger=MemoryLedger if side else LedgerTables)

    @rule(at=SIDES)
    def assigned(self, at: int) -> None:
        for side in range(2):
            self.ledgers[side][at] = self.begun(side, at)

    @rule(at=SIDES, place=PLACES, most=st.integers(1, 12))
    def book(self, at: int, place: int, most: int) -> None:
        self._book(at, {place: most})

    @rule(at=SIDES, most=st.integers(1, 12))
    def book_all(self, at: int, most: int) -> None:
        self._book(at, dict.fromkeys(PARTITIONS, most))

    @rule(
        at=SIDES,
        place=PLACES,
        method=st.sampled_from(["move", "put_accounts", "add_history", "announce"]),
    )
    def die(self, at: int, place: int, method: str) -> None:
        """Die in the middle of a transaction; the next life begins from the books."""
        self._book(at, {place: 12}, method)
        self.assigned(at)

    def _book(self, at: int, most: Mapping[int, int], method: str = "") -> None:
        outcomes = [self._one(side, at, most, method) for side in range(2)]
        assert outcomes[0] == outcomes[1]
        if PositionTaken in outcomes:
            self.assigned(at)

    def _one(self, side: int, at: int, most: Mapping[int, int], method: str) -> object:
        booking = self.ledgers[side][at]
        walks = {p: self._walk(booking, p, many) for p, many in most.items()}
        if method:
            ledger = booking.ledger
            booking = replace(booking, ledger=lambda c: Dying(ledger(c), method))
        connection = self.twins.fake[at] if side else self.twins.real[at]
        try:
            self.twins.run(booking.book(connection, walks, ()))
        except (Crash, PositionTaken) as error:
            return type(error)
        return None

    def _walk(self, booking: Booking, partition: int, many: int) -> Walk:
        book = booking.books[partition]
        entries = self.logs[partition].entries
        return walk(book, entries[book.next_offset : book.next_offset + many])

    @rule(place=PLACES, number=st.sampled_from(NUMBERS), calendar=st.booleans())
    def register(self, place: int, number: int, calendar: bool) -> None:
        limits = replace(SHORT, accept_ms=0, accept_clock="receipt-day") if calendar else SHORT
        self.logs[place].registered(100 * place + number, ORGANS, limits)

    @rule(place=PLACES, number=st.sampled_from(NUMBERS), refused=st.booleans())
    def publish(self, place: int, number: int, refused: bool) -> None:
        confirmed = ORGANS[:1] if refused else ORGANS
        said = {ORGANS[1]: "RecordTooLarge"} if refused else {}
        self.logs[place].published(100 * place + number, confirmed, said)

    @rule(place=PLACES, copy=COPIES, word=st.sampled_from(WORDS))
    def answer(self, place: int, copy: tuple[int, str], word: str) -> None:
        self.logs[place].answered(word, 100 * place + copy[0], copy[1], said="vì sao")

    @rule(place=PLACES, copy=COPIES, named=st.booleans())
    def mumble(self, place: int, copy: tuple[int, str], named: bool) -> None:
        parked = UUID(int=1 << 90 | place << 80 | len(self.logs[place].entries))
        number = 100 * place + copy[0] if named else None
        self.logs[place].unreadable(number, copy[1], parked=parked)
        self.unread.append(parked)

    @rule(place=PLACES, copy=COPIES, data=st.data())
    def put_back(self, place: int, copy: tuple[int, str], data: st.DataObject) -> None:
        if self.unread:
            of = data.draw(st.sampled_from(self.unread))
            self.logs[place].answered("03", 100 * place + copy[0], copy[1], put_back_of=of)

    @rule(place=PLACES, number=st.sampled_from(NUMBERS), published=st.booleans())
    def recall(self, place: int, number: int, published: bool) -> None:
        log, of = self.logs[place], 100 * place + number
        log.recall_published(of, ORGANS) if published else log.recall_requested(of, ORGANS)

    @rule(place=PLACES, copy=COPIES, kind=st.sampled_from(Kind))
    def propose(self, place: int, copy: tuple[int, str], kind: Kind) -> None:
        self.logs[place].proposed(kind, 100 * place + copy[0], copy[1])

    @rule(place=PLACES, seconds=st.integers(1, 6), version=st.integers(0, 1))
    def tick(self, place: int, seconds: int, version: int) -> None:
        self.logs[place].version = version
        for _ in range(seconds):
            self.logs[place].tick()

    @invariant()
    def the_same_is_read(self) -> None:
        real, fake = ([*self._read(self.tables(side, 0))] for side in range(2))
        assert real == fake

    def _read(self, tables: Any) -> Sequence[object]:
        run = self.twins.run
        services = (1, 3000, 9000, 10**12)
        return (
            run(tables.positions(PARTITIONS)),
            run(tables.accounts(DELIVERIES)),
            [sorted(run(tables.past_wake(p, at))) for p in PARTITIONS for at in services],
            [sorted(run(tables.by_calendar(p))) for p in PARTITIONS],
            run(tables.documents([dispatch(100 * p + n) for p in PARTITIONS for n in NUMBERS])),
            sorted(run(tables.tracked_accounts(PARTITIONS)), key=lambda a: str(a[1].delivery)),
            sorted(run(tables.unnamed(self.unread)), key=lambda alert: alert.subject_id),
        )

    @invariant()
    def the_same_is_written(self) -> None:
        connection, fake = self.twins.real[0], self.twins.fake[0].database.tables
        lines = self.twins.run(connection.fetch("SELECT partition, log_offset FROM history"))
        assert {tuple(line) for line in lines} == fake.history.keys()
        query = "SELECT topic, key, event_id, value FROM announcement"
        real = [told(*row) for row in self.twins.run(connection.fetch(query))]
        fakes = [told(r.topic, r.key, of, r.value) for r, of, _ in fake.announced]
        assert sorted(real, key=str) == sorted(fakes, key=str)


def told(topic: str, key: bytes, of: UUID, value: bytes) -> tuple[str, bytes, UUID, Event]:
    """Return what is told; what is told of several deliveries at once comes in no set order."""
    event = codec.decode(value)
    if isinstance(event, DeliveriesUpdated):
        event = replace(event, updates=sorted(event.updates, key=lambda u: u.delivery_id))
    return topic, key, of, event


async def with_calendar(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await adopt_first_calendar(connection)
    await connection.close()


@pytest.mark.timeout(200)
def test_postgresql_and_memory_book_the_same(database_dsn: str) -> None:
    asyncio.run(with_calendar(database_dsn))
    machine = type("BooksHere", (Books,), {"dsn": database_dsn})
    run_state_machine_as_test(machine, settings=BOUNDED)
