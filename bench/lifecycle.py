"""What a fact costs: joining it, reading the state off, settling; beside a bare union."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hoatoc.domain.book import Account, settle
from hoatoc.domain.delivery import Fact, Position, merge
from hoatoc.domain.lifecycle import axes
from hoatoc.domain.walk import PartitionBook, walk
from hoatoc.domain.working_due import Calendars
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.scenario import LIMITS, Log, delivery

GOAL_NS = 3_000
_TURNS = 7
_CALENDARS: Calendars = {1: EveryDay()}
_OF = delivery(1, "R1")


@dataclass(frozen=True, slots=True)
class LifecycleFigures:
    """Nanoseconds a call (median of the turns), by function; `floor_ns` is `{**facts, **new}`."""

    nanoseconds: dict[str, float]
    floor_ns: float

    @property
    def merge_ns(self) -> float:
        """What joining one more fact costs."""
        return self.nanoseconds["merge"]


def measure(calls: int = 50_000) -> LifecycleFigures:
    """Measure on a delivery that arrived and is being handled, by spans and by a calendar."""
    spans = replace(LIMITS, handle_ms=3_600_000, recall_ms=3_600_000)
    by_clock = replace(
        spans,
        accept_clock="receipt-day",
        handle_clock="next-working-day",
        reply_by="2025-10-31",
    )
    log = _log(Log(spans))
    account = _account(log)
    facts = account.delivery.facts
    known = {Fact.ARRIVED: (Position(4, 1, 1, "event"),)}
    new = {Fact.COMPLETED: (Position(99, 1, 1),)}
    functions: dict[str, Callable[[], object]] = {
        "merge": lambda: merge(facts, new),
        "merge, a repeat": lambda: merge(facts, known),
        "axes": lambda: axes(facts),
        "settle an answer": _settling(Log(spans)),
        "settle an answer, by a calendar": _settling(Log(by_clock)),
    }
    figures = {name: _each(function, calls) for name, function in functions.items()}
    return LifecycleFigures(figures, _each(lambda: {**facts, **new}, calls))


def _log(log: Log) -> Log:
    log.tick()
    log.registered()
    log.published()
    for word in ("done", "01", "03", "05"):
        log.answered(word)
        log.tick()
    return log


def _account(log: Log) -> Account:
    account = settle(None, _OF, walk(PartitionBook(), log.entries), _CALENDARS)
    if account is None:
        raise RuntimeError("the log of the bench tells nothing of its delivery")
    return account


def _settling(log: Log) -> Callable[[], object]:
    """Return the settling of one more answer to a delivery that is in the books."""
    account = _account(_log(log))
    book = walk(PartitionBook(), log.entries).after
    log.answered("06")
    walked = walk(book, log.entries[book.next_offset :])
    return lambda: settle(account, _OF, walked, _CALENDARS)


def _each(function: Callable[[], object], calls: int) -> float:
    turns = []
    for _ in range(_TURNS):
        began = time.perf_counter_ns()
        for _ in range(calls):
            function()
        turns.append((time.perf_counter_ns() - began) / calls)
    return statistics.median(turns)
