"""One suite of facts for the books: the fake in memory and PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from consumers.ledger import Booking
from hoatoc.domain.book import Account, Alert, Finder, settle
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Position
from hoatoc.domain.event import DispatchRegistered
from hoatoc.domain.walk import PartitionBook, Walk, walk
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Announced, Document, Ledger, PositionTaken, Transactional
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.prepare import adopt_first_calendar
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.database import MemoryDatabase
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.scenario import LIMITS, Log, delivery, dispatch

OF = delivery(1, "R1")


@dataclass(slots=True)
class Place:
    """A place where books are kept, and two connections to it."""

    one: Transactional
    other: Transactional
    ledger: Callable[[Any], Ledger]
    announced: Callable[[], Any]

    @property
    def tables(self) -> Ledger:
        """The books, through the first connection."""
        return self.ledger(self.one)


@pytest_asyncio.fixture
async def memory() -> Place:
    database = MemoryDatabase()

    async def told() -> list[tuple[str, bytes, UUID, str]]:
        return [(r.topic, r.key, of, name) for r, of, name in database.tables.announced]

    return Place(database.connect(), database.connect(), MemoryLedger, told)


@pytest_asyncio.fixture
async def postgres(database_dsn: str) -> AsyncIterator[Place]:
    one, other = [await asyncpg.connect(database_dsn) for _ in "12"]
    await adopt_first_calendar(one)

    async def told() -> list[tuple[str, bytes, UUID, str]]:
        query = "SELECT topic, key, event_id, type FROM announcement ORDER BY id"
        return [tuple(row) for row in await one.fetch(query)]

    try:
        yield Place(one, other, LedgerTables, told)
    finally:
        await one.close()
        await other.close()


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Place)
    return found


def waiting(*recipients: str) -> Log:
    """Write a log in which one document is published."""
    log = Log()
    log.tick()
    log.registered(1, recipients or ("R1",))
    log.published(1, recipients or ("R1",))
    return log


def read(log: Log, begin: PartitionBook | None = None) -> Walk:
    """Read what a log holds behind a book."""
    book = begin or PartitionBook()
    return walk(book, log.entries[book.next_offset :])


def account_of(log: Log, of: UUID = OF) -> Account:
    """Return the account of a delivery at the end of a log."""
    account = settle(None, of, read(log), {1: EveryDay()})
    assert account
    return account


def registrations(log: Log, partition: int = 3) -> list[tuple[int, int, DispatchRegistered]]:
    """Return the registrations of a log as they are written."""
    return [(partition, at, event) for at, event in read(log).registrations.values()]


async def test_a_partition_has_no_books_before_they_are_opened(place: Place) -> None:
    assert {} == await place.tables.positions([3])
    await place.tables.open_books([3, 5])
    assert {3: PartitionBook(), 5: PartitionBook()} == await place.tables.positions([3, 4, 5])


async def test_opening_books_again_leaves_them_as_they_are(place: Place) -> None:
    await place.tables.open_books([3])
    walked = read(waiting())
    await place.tables.move({3: walked})
    await place.tables.open_books([3])
    assert {3: walked.after} == await place.tables.positions([3])


async def test_a_position_comes_back_with_its_clock(place: Place) -> None:
    log = waiting()
    log.ticks(3)
    log.tick(1, path="gateway", paths=("gateway", "intake"), shard=1, shards=2)
    walked = read(log)
    await place.tables.open_books([3])
    await place.tables.move({3: walked})
    (book,) = (await place.tables.positions([3])).values()
    assert walked.after == book


async def test_a_position_moves_only_from_where_the_stretch_began(place: Place) -> None:
    log = waiting()
    await place.tables.open_books([3, 5])
    await place.tables.move({3: read(log)})
    with pytest.raises(PositionTaken, match=r"\[3\]"):
        async with place.one.transaction():
            await place.tables.move({3: read(log), 5: read(log)})
    assert 0 == (await place.tables.positions([5]))[5].next_offset


async def test_a_partition_without_books_cannot_be_moved(place: Place) -> None:
    with pytest.raises(PositionTaken):
        await place.tables.move({9: read(waiting())})


async def test_moving_nothing_is_nothing(place: Place) -> None:
    await place.tables.move({})


async def test_a_transaction_that_fails_leaves_nothing(place: Place) -> None:
    log = waiting()
    await place.tables.open_books([3])

    async def crashing() -> None:
        async with place.one.transaction():
            await place.tables.move({3: read(log)})
            await place.tables.add_dispatches(registrations(log))
            await place.tables.put_accounts([(3, account_of(log))])
            await place.tables.add_history([(3, line) for line in read(log).lines])
            await place.tables.announce([announcement()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await crashing()
    assert {3: PartitionBook()} == await place.tables.positions([3])
    assert {} == await place.tables.accounts([OF])
    assert {} == await place.tables.documents([dispatch(1)])
    assert [] == await place.announced()
    await place.tables.add_history([(3, line) for line in read(log).lines])


async def test_an_account_comes_back_as_it_was_written(place: Place) -> None:
    log = waiting()
    for word in ("01", "fail", "done", "fail", "03", "99"):
        log.answered(word, said="vì sao")
    log.unreadable()
    account = account_of(log)
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account)])
    await place.tables.put_alerts([(3, alert) for alert in account.alerts.values()])
    assert {OF: account} == await place.tables.accounts([OF, delivery(2, "R1")])


async def test_an_account_without_a_registration_has_no_limits(place: Place) -> None:
    log = Log()
    log.answered("03")
    await place.tables.put_accounts([(3, account_of(log))])
    (account,) = (await place.tables.accounts([OF])).values()
    assert account.delivery.limits is None


async def test_of_two_registrations_the_first_stays(place: Place) -> None:
    log = waiting()
    await place.tables.add_dispatches(registrations(log))
    ((partition, at, event),) = registrations(log)
    later = replace(event, limits=replace(event.limits, arrive_ms=1), subject="khác")
    await place.tables.add_dispatches([(partition, at + 9, later)])
    await place.tables.put_accounts([(3, account_of(log))])
    (account,) = (await place.tables.accounts([OF])).values()
    assert event.limits == account.delivery.limits
    marks = (event.number, event.notation, event.subject, event.priority)
    expected = Document(event.sender, *marks, event.sender)
    assert {dispatch(1): expected} == await place.tables.documents([dispatch(1), dispatch(2)])


async def test_the_backstop_finds_what_lies_before_an_instant_in_its_partition(
    place: Place,
) -> None:
    log = waiting()
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account_of(log))])
    assert [OF] == await place.tables.past_wake(3, 35_001)
    assert [] == await place.tables.past_wake(3, 35_000)
    assert [] == await place.tables.past_wake(4, 35_001)


async def test_the_backstop_finds_no_deadline_that_has_its_verdict(place: Place) -> None:
    log = waiting()
    log.ticks(40)
    account = account_of(log)
    assert {Kind.ARRIVE} == set(account.alerts)
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account_of(waiting()))])
    await place.tables.put_accounts([(3, account)])
    assert [] == await place.tables.past_wake(3, 10**9)


async def test_a_due_by_a_working_calendar_is_kept_and_wakes_at_its_due(place: Place) -> None:
    log = Log(limits=replace(LIMITS, accept_ms=0, accept_clock="receipt-day"))
    log.tick()
    log.registered()
    log.published()
    log.answered("01")
    account = account_of(log)
    due_ms = account.working[Kind.ACCEPT].due_ms
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account)])
    assert {OF: account} == await place.tables.accounts([OF])
    assert [OF] == await place.tables.by_calendar(3)
    assert [] == await place.tables.by_calendar(4)
    assert [] == await place.tables.past_wake(3, due_ms)
    assert [OF] == await place.tables.past_wake(3, due_ms + 1)


async def test_an_accepted_delivery_is_tracked_while_something_is_due(place: Place) -> None:
    log = Log(limits=replace(LIMITS, handle_ms=60_000))
    log.tick()
    log.registered()
    log.published()
    log.answered("03")
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account_of(log))])
    assert [(3, OF)] == [
        (partition, one.delivery.delivery_id)
        for partition, one in await place.tables.tracked_accounts([3])
    ]
    log.answered("05")
    await place.tables.put_accounts([(3, account_of(log))])
    assert [] == await place.tables.tracked_accounts([3])


async def test_a_known_alert_learns_only_how_far_it_has_come(place: Place) -> None:
    first = alert(None)
    await place.tables.put_alerts([(3, first)])
    further: Any = {"raised_offset": 77, "start": Position(5, 5, 5), "episode": 1}
    other = replace(alert(Position(9, 9, 9)), recipient="?", **further)
    await place.tables.put_alerts([(3, other)])
    (stored,) = await place.tables.unnamed([first.subject_id])
    assert replace(first, closing=Position(9, 9, 9), **further) == stored


def alert(closing: Position | None) -> Alert:
    """Return an alert about an answer that named no dispatch."""
    start = Position(1, 2, 3)
    return Alert(UUID(int=807), Kind.UNREADABLE, None, "R1", start, None, 1, Finder.FACT, closing)


async def test_alerts_about_a_dispatch_are_not_among_the_unnamed(place: Place) -> None:
    log = waiting()
    log.unreadable()
    await place.tables.put_alerts([(3, a) for a in account_of(log).alerts.values()])
    assert [] == await place.tables.unnamed([OF])


async def test_a_line_of_history_stands_once(place: Place) -> None:
    lines = [(3, line) for line in read(waiting()).lines]
    await place.tables.add_history(lines)
    await place.tables.add_history([(4, line) for _, line in lines])
    with pytest.raises(Exception, match=r"."):  # each adapter has its own
        await place.tables.add_history(lines[:1])


def announcement(number: int = 1) -> Announced:
    """Return a record for the world."""
    event = registrations(waiting())[0][2]
    record = outgoing(event, topic="alerts", key=b"R1", source="test", dispatch_id=dispatch(number))
    return record, UUID(int=number), "DispatchRegistered"


async def test_announcements_keep_their_order(place: Place) -> None:
    await place.tables.announce([announcement(2), announcement(1)])
    await place.tables.announce([announcement(3)])
    expected = [("alerts", b"R1", UUID(int=n), "DispatchRegistered") for n in (2, 1, 3)]
    assert expected == await place.announced()


async def test_what_is_neither_accepted_nor_refused_is_tracked(place: Place) -> None:
    log = waiting("R1", "R2", "R3")
    log.answered("03", recipient="R1")
    log.answered("02", recipient="R2")
    log.answered("fail", recipient="R3")
    accounts = [account_of(log, delivery(1, recipient)) for recipient in ("R1", "R2", "R3")]
    await place.tables.add_dispatches(registrations(log))
    await place.tables.put_accounts([(3, account) for account in accounts])
    assert [(3, Account(accounts[2].delivery))] == await place.tables.tracked_accounts([3, 4])
    assert [] == await place.tables.tracked_accounts([4])


async def booked(place: Place, log: Log, every: int) -> dict[str, object]:
    """Book a log in batches of so many records and return what the books then say."""
    await place.tables.open_books([3])
    booking = Booking(16, await place.tables.positions([3]), ledger=place.ledger)
    for begin in range(0, len(log.entries), every):
        walks = {3: walk(booking.books[3], log.entries[begin : begin + every])}
        await booking.book(place.one, walks, [])
    ids = [delivery(1, recipient) for recipient in ("R1", "R2")]
    return {
        "positions": await place.tables.positions([3]),
        "accounts": await place.tables.accounts(ids),
        "unnamed": await place.tables.unnamed([UUID(int=807), UUID(int=808)]),
        "put back": await place.tables.put_backs([UUID(int=807), UUID(int=809)]),
    }


def eventful() -> Log:
    """Write a log in which much happens."""
    log = waiting("R1", "R2")
    log.ticks(20)
    log.answered("fail", recipient="R2", said="hết chỗ")
    log.unreadable(None, parked=UUID(int=807))
    log.ticks(10)
    log.proposed("arrive")
    log.append(None)
    log.answered("done", recipient="R2", put_back_of=UUID(int=807))
    log.put_back(UUID(int=807))
    log.tick(3600)
    log.unreadable(None, parked=UUID(int=807))
    log.put_back(UUID(int=808))
    log.unreadable(None, parked=UUID(int=808))
    log.ticks(60)
    log.answered("03")
    return log


@pytest.mark.parametrize("every", [1, 7, 1000])
async def test_the_ledger_books_the_same_here_and_there_and_however_it_is_cut(
    place: Place, every: int
) -> None:
    memory = MemoryDatabase()
    model = Place(memory.connect(), memory.connect(), MemoryLedger, lambda: None)
    assert await booked(model, eventful(), 1) == await booked(place, eventful(), every)


async def test_a_zombie_ledger_books_nothing(place: Place) -> None:
    log = waiting()
    await place.tables.open_books([3])
    stale = Booking(16, await place.tables.positions([3]), ledger=place.ledger)
    fresh = Booking(16, await place.tables.positions([3]), ledger=place.ledger)
    held: Mapping[int, Walk] = {3: walk(stale.books[3], log.entries[:2])}
    await fresh.book(place.other, {3: walk(fresh.books[3], log.entries)}, [])
    told = await place.announced()
    with pytest.raises(PositionTaken):
        await stale.book(place.one, held, [])
    assert 3 == (await place.tables.positions([3]))[3].next_offset
    assert told == await place.announced()
    assert 0 == stale.books[3].next_offset
