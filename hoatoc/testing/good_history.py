"""A small record of a run in which every guarantee was exercised and holds, and how to spoil it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from hoatoc.history.note import Fault, Load, Stopped, TurnedAway
from hoatoc.history.record import History
from hoatoc.testing.booking import booked
from hoatoc.testing.history import history_of
from hoatoc.testing.scenario import Log


def good_history() -> History:
    """Return a small record in which every guarantee was exercised and holds."""
    log, organs = Log(), tuple(f"R{n}" for n in range(1, 9))
    parked = UUID(int=807)
    log.ticks(2)
    log.registered(1, organs)
    log.published(1, organs[:-1], {"R8": "RecordTooLargeError"})
    log.registered(2, organs[:2])
    log.published(2, organs[:2])
    log.ticks(3)
    for word, recipient in (("done", "R1"), ("3", "R1"), ("fail", "R2"), ("07", "R1")):
        log.answered(word, 1, recipient)
    log.unreadable(1, "R3", parked=parked)
    log.answered("01", 1, "R4")
    log.answered("02", 1, "R4")
    log.answered("06", 2, "R1")
    away_ms = log.append_ms
    log.wait(20)
    back_ms = log.append_ms
    log.ticks(40)
    log.answered("done", 1, "R2")
    log.answered("05", 1, "R5")
    log.unreadable(None, "R6")
    log.answered("done", 1, "R3", put_back_of=parked)
    log.recall_requested(1, ("R1", "R7"))
    log.recall_published(1, ("R1", "R7"))
    log.answered("15", 1, "R1")
    log.ticks(45)
    found = history_of(log.entries, booked(log.entries))
    further = (
        Fault(at_ms=away_ms + 500, until_ms=back_ms, fault="stop", target="broker", applied=True),
        TurnedAway(at_ms=back_ms, document_id="D8", sender="S1", sha256="08", reason="form"),
        Stopped(at_ms=back_ms, document_id="D9", sender="S1", marker="tuyệt mật 807"),
        Load(at_ms=back_ms, seconds=10, deliveries=10, rate=1),
    )
    return replace(found, notes=[*found.notes, *further])


def changed(history: History, table: str, change: Callable[[list[Any]], Iterable[Any]]) -> History:
    """Return the record with other rows in a table, other notes, or another log."""
    books = history.books
    if table in ("notes", "log"):
        return replace(history, **_with(history, table, change))
    if hasattr(books.ledger, table):
        ledger = replace(books.ledger, **_with(books.ledger, table, change))
        return replace(history, books=replace(books, ledger=ledger))
    return replace(history, books=replace(books, **_with(books, table, change)))


def _with(of: object, table: str, change: Callable[[list[Any]], Iterable[Any]]) -> dict[str, Any]:
    return {table: [*change([*getattr(of, table)])]}
