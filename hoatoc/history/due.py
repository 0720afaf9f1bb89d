"""What was due of a copy, and what a person had to be told, told anew from the design.

A deadline runs from the fact that starts it to the fact that closes it, in service time. It is
kept if its closing fact stands at or before the due, else broken; a broken one is an alert where
the first of these stands: a proposal that finds it broken, its closing fact, the tick beyond due
and grace. Failures are alerts where they stand; what was over before is no failure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from hoatoc.domain.event import Limits
from hoatoc.history.clock import Clock
from hoatoc.history.fact import (
    ACCEPTING,
    ARRIVING,
    COMPLETED,
    DECIDING,
    FAIL,
    NOT_SENT,
    PUBLISHED,
    PUT_BACK,
    RECALL_NOT_SENT,
    RECALL_SENT,
    REFUSED,
    REGISTERED,
    RESENT,
    TAKING,
    UNREADABLE,
    Copy,
    Fact,
    agreed,
    earliest,
    first,
    named,
    recall_answer,
)
from hoatoc.history.row import Place

FAILURES = frozenset((FAIL, NOT_SENT, RECALL_NOT_SENT, UNREADABLE))
DEADLINES = ("publish", "arrive", "accept", "handle", "reply", "recall")


class Expected(NamedTuple):
    """An alert that the books must hold of a (delivery, kind)."""

    start: Place
    due_ms: int | None
    raised_offset: int
    found_by: str
    closing: Place | None
    episode: int = 0


class Deadline(NamedTuple):
    """One deadline that has started; `due_ms` is None where a legal clock sets it."""

    kind: str
    start: Fact
    closing: Fact | None
    due_ms: int | None


class Proposal(NamedTuple):
    """The tracker's word that a deadline has passed."""

    offset: int
    service_ms: int
    kind: str


def _spans(limits: Limits) -> Mapping[str, int | None]:
    """Return the limit of each deadline that there is: ms, or None by a legal clock."""
    spans: dict[str, int | None] = {
        "publish": limits.publish_ms,
        "arrive": limits.arrive_ms,
        "accept": None if limits.accept_clock else limits.accept_ms,
        "handle": None if limits.handle_clock else limits.handle_ms,
        "reply": None if limits.reply_by else 0,
        "recall": limits.recall_ms,
    }
    return {kind: span for kind, span in spans.items() if span != 0}


class Spans(dict[int, tuple[Limits, Mapping[str, int | None]]]):
    """The limits of each deadline by the identity of a dispatch's limits, computed once."""

    def of(self, limits: Limits) -> Mapping[str, int | None]:
        """Return the limit of each deadline that there is."""
        known = self.get(id(limits))
        if known is None:
            known = self[id(limits)] = limits, _spans(limits)
        return known[1]


def deadlines(copy: Copy, spans: Mapping[str, int | None]) -> Iterator[Deadline]:
    """Yield every deadline of a copy that has started."""
    if copy.limits is None:
        return
    allowance = copy.limits.allowance_ms
    for kind, start, closing in _runs(copy.facts):
        if kind in spans:
            span = spans[kind]
            due = None if span is None else start.service_ms + span + allowance
            yield Deadline(kind, start, closing, due)


def _runs(facts: Sequence[Fact]) -> Iterator[tuple[str, Fact, Fact | None]]:
    """Yield (kind, start, closing) of what has started, whoever may limit it."""
    over = earliest(agreed(facts), named(facts, RESENT))
    if start := named(facts, REGISTERED):
        yield "publish", start, first(facts, (PUBLISHED, NOT_SENT))
    if start := named(facts, PUBLISHED):
        yield "arrive", start, earliest(first(facts, ARRIVING), named(facts, UNREADABLE), over)
    if start := first(facts, TAKING):
        unread = first(facts, (UNREADABLE,), start.offset)
        failed = first(facts, (FAIL,), start.offset)
        yield "accept", start, earliest(first(facts, DECIDING), failed, unread, over)
        yield "reply", start, earliest(first(facts, (REFUSED, COMPLETED)), unread, over)
    if start := first(facts, ACCEPTING):
        unread = first(facts, (UNREADABLE,), start.offset)
        handled = first(facts, ("04", "05", COMPLETED, REFUSED))
        yield "handle", start, earliest(handled, unread, over)
    if start := named(facts, RECALL_SENT):
        unread = first(facts, (UNREADABLE,), start.offset)
        yield "recall", start, earliest(recall_answer(facts), unread)


def verdict(
    deadline: Deadline, grace_ms: int, clock: Clock, proposals: Sequence[Proposal]
) -> Expected | None:
    """Return the alert about a deadline whose due is known, if it is broken and was asked for."""
    due, closing = deadline.due_ms, deadline.closing
    if due is None or (closing.service_ms if closing else clock.service_ms) <= due:
        return None
    asked = [(p.offset, "tracker") for p in proposals if p.kind == deadline.kind
             and p.service_ms > due][:1]  # fmt: skip
    if closing:
        asked.append((closing.offset, "answer"))
    tick = clock.passing(due + grace_ms)
    if tick is not None:
        asked.append((tick, "backstop"))
    if not asked:
        return None
    at, finder = min(asked)
    return Expected(deadline.start.place, due, at, finder, closing.place if closing else None)


def failures(facts: Sequence[Fact]) -> Iterator[tuple[str, Expected]]:
    """Yield (kind, alert) of what failed, as it stands after the last of its kind."""
    if not any(fact.word in FAILURES for fact in facts):
        return
    over = earliest(agreed(facts), named(facts, RESENT))
    if failed := _receive_failed(facts, earliest(over, first(facts, DECIDING))):
        yield "receive-failed", failed
    sent = earliest(over, named(facts, PUBLISHED))
    if refused := _not_sent(named(facts, NOT_SENT), sent):
        yield "send-failed", refused
    asked = earliest(recall_answer(facts), named(facts, RECALL_SENT))
    if refused := _not_sent(named(facts, RECALL_NOT_SENT), asked):
        yield "recall-failed", refused
    if parked := _parked(facts):
        yield "unreadable", parked


def failure(start: Place, closing: Place | None, episode: int = 0) -> Expected:
    """Return the alert about something that failed."""
    return Expected(start, None, start.offset, "fact", closing, episode)


def _failure(start: Fact, closing: Fact | None, episode: int = 0) -> Expected:
    return failure(start.place, closing.place if closing else None, episode)


def _not_sent(refused: Fact | None, mended: Fact | None) -> Expected | None:
    if refused is None or (mended and mended.offset < refused.offset):
        return None
    return _failure(refused, mended)


def _receive_failed(facts: Sequence[Fact], over: Fact | None) -> Expected | None:
    """Return the last episode: it begins with a `fail`, and ends when the copy is taken or over."""
    start: Fact | None = None
    closing: Fact | None = None
    episode = -1
    for fact in facts:
        if over and fact.offset >= over.offset:
            closing = closing or (over if start else None)
            break
        if fact.word == FAIL and (start is None or closing):
            start, closing, episode = fact, None, episode + 1
        elif fact.word in TAKING and start and not closing:
            closing = fact
    return _failure(start, closing, episode) if start else None


def _parked(facts: Sequence[Fact]) -> Expected | None:
    """Return the last episode: it begins with a parked answer, and ends when all are put back."""
    start: Fact | None = None
    closing: Fact | None = None
    waiting: set[UUID | None] = set()
    episode = -1
    for fact in facts:
        if fact.word == UNREADABLE:
            if not waiting:
                start, closing, episode = fact, None, episode + 1
            waiting.add(fact.key)
        elif fact.word == PUT_BACK and fact.key in waiting:
            waiting.discard(fact.key)
            closing = None if waiting else fact
    return _failure(start, closing, episode) if start else None
