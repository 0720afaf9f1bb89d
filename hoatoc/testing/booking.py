"""Booking a written log with the ledger's own code, cut into batches in any way."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID

from consumers.ledger import Booking
from hoatoc.domain.error import OurFault
from hoatoc.domain.walk import Entry, Walk, walk
from hoatoc.domain.watch import Passed, Watch
from hoatoc.domain.working_due import Calendars
from hoatoc.ports import Announced, Ledger
from hoatoc.testing.database import MemoryDatabase, Tables
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.oracle import EVERY_DAY, Verdict, must_be_alerted

PARTITION = 0
T = TypeVar("T")
Verdicts = dict[tuple[UUID, str], Verdict]
"""The verdict of each (delivery, kind)."""


def at_once(coroutine: Coroutine[object, None, T]) -> T:
    """Run a coroutine that waits for nothing: books in memory need no event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("the coroutine waits for something")


def stretches(log: Sequence[Entry], cuts: Iterable[int]) -> list[Sequence[Entry]]:
    """Cut a log before each of these offsets."""
    places = sorted({0, len(log), *(c for c in cuts if 0 < c < len(log))})
    return [log[a:b] for a, b in pairwise(places)]


def one_by_one(log: Sequence[Entry]) -> range:
    """Return the cuts that make each record a batch of its own."""
    return range(1, len(log))


class BooksDiffer(OurFault):
    """Two ways to cut one log give two books, or the books say other than the oracle."""


class Ledgers:
    """Any number of ledgers over one database; each goes on from the books when it begins."""

    def __init__(
        self,
        ledger: Callable[[Any], Ledger] = MemoryLedger,
        calendars: Calendars | None = None,
    ) -> None:
        self.database = MemoryDatabase()
        self.database.tables.calendars |= calendars or {}
        self._ledger = ledger

    @property
    def tables(self) -> Tables:
        """What is in the books."""
        return self.database.tables

    async def begin(self) -> Booking:
        """Return a ledger to which the partition has just been assigned."""
        ledger = self._ledger(self.database.connect())
        await ledger.open_books([PARTITION])
        return Booking(16, await ledger.positions([PARTITION]), ledger=self._ledger)

    def read(self, booking: Booking, entries: Sequence[Entry]) -> dict[int, Walk]:
        """Let a ledger read a stretch without booking it yet."""
        return {PARTITION: walk(booking.books[PARTITION], entries)}

    async def write(
        self, booking: Booking, walks: dict[int, Walk], parked: Sequence[Announced] = ()
    ) -> None:
        """Let a ledger book what it has read."""
        await booking.book(self.database.connect(), walks, parked)


def booked(
    log: Sequence[Entry],
    cuts: Iterable[int] | None = None,
    ledger: Callable[[Any], Ledger] = MemoryLedger,
    calendars: Calendars | None = None,
) -> Tables:
    """Return the books of a log cut before these offsets (None: record by record)."""

    async def book() -> Tables:
        ledgers = Ledgers(ledger, calendars)
        booking = await ledgers.begin()
        for stretch in stretches(log, one_by_one(log) if cuts is None else cuts):
            await ledgers.write(booking, ledgers.read(booking, stretch))
        return ledgers.tables

    return at_once(book())


def books(tables: Tables) -> dict[str, object]:
    """Return the part of the tables that must be a function of the log."""
    parts = ("books", "dispatches", "deliveries", "working", "wakes", "alerts", "history")
    return {name: getattr(tables, name) for name in parts}


def verdicts(tables: Tables) -> Verdicts:
    """Return the alerts of the books as the oracle tells them."""
    return {
        (of, str(kind)): Verdict(
            alert.raised_offset,
            str(alert.found_by),
            alert.closing.offset if alert.closing else None,
        )
        for (of, kind), alert in tables.alerts.items()
    }


def agreed(log: Sequence[Entry], calendars: Calendars = EVERY_DAY) -> Verdicts:
    """Return the alerts of a log, the same in one batch, record by record and in any two parts.

    Raises BooksDiffer when they are not the same, or not what the oracle says.
    """
    cuts: list[Iterable[int] | None] = [[], *([at] for at in range(1, len(log)))]
    whole = booked(log, calendars=calendars)
    for cut in cuts:
        if books(booked(log, cut, calendars=calendars)) != books(whole):
            raise BooksDiffer(f"cut before {cut}, this log gives other books than record by record")
    if verdicts(whole) != must_be_alerted(log, calendars):
        raise BooksDiffer(f"{verdicts(whole)} != {must_be_alerted(log, calendars)}")
    return verdicts(whole)


def proposals(
    log: Sequence[Entry], calendars: Calendars | None = None, watch: Watch | None = None
) -> list[tuple[int, Passed]]:
    """Return (offset, proposal) of what a tracker that reads the whole log proposes."""
    watch = watch or Watch(calendars or Tables().calendars)
    return [(entry.offset, passed) for entry in log for passed in watch.observe(entry)]


def watching(tables: Tables) -> Watch:
    """Return a tracker that begins from the books as they stand."""
    watch = Watch(tables.calendars)
    database = MemoryDatabase()
    database.tables = tables
    tracked = at_once(MemoryLedger(database.connect()).tracked_accounts([PARTITION]))
    watch.begin(tables.books[PARTITION], (account for _, account in tracked))
    return watch
