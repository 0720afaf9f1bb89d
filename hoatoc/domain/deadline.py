"""Deadlines and alerts: what is due by when, and what a person must be told.

A deadline runs from the fact that starts it to the fact that closes it, in service time:

    publish   from registration to publication (ours)
    arrive    from publication to done, fail, or any of 01-06
    accept    from the first of 01, done, 03-06 to fail, or any of 02-06
    handle    from acceptance (the first of 03-06) to 02, or any of 04-06
    reply     from the first of 01, done, 03-06 to 02 or 06, where the sender asks for a reply
    recall    from the recall's publication to its answer, 15 or 16

Its limit is a span of service time, or a legal clock by the recipient's working calendar
(`working_due`); every due has the allowance in hand. It is kept if the closing fact's service time
is at or before due; broken if it is later, or if nothing closes it and the partition's service time
has passed due. Skips are normal (01 then 06), so a status closes wherever it stands. An answer that
could not be read closes what an answer could close: the recipient did answer, and the fault is
ours. Whatever the answer, it closes `arrive` even if it overtook the publication: it is about a
copy that was there. A later deadline is closed by an unreadable answer, and `accept` by `fail`,
only if it had started before them: a copy that is taken after all is a new wait.

A recall stops no clock; once the recipient agrees to it (15), nothing of the delivery is due any
more. Nor is it once its copy was sent again as another dispatch: it goes on there.

Besides broken deadlines, four failures are alerts at once: receive-failed, send-failed and
recall-failed (the broker refused the copy, or the recall), unreadable. A failure that comes again
after it was over stands again, as the same alert: what ends a deadline without an answer that
counts has a person behind it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from hoatoc.domain.delivery import (
    ACCEPTANCES,
    RECALL_ANSWERS,
    TAKEN,
    Fact,
    Facts,
    Position,
    first,
    first_after,
    recall_answer,
)
from hoatoc.domain.event import Limits
from hoatoc.domain.working_due import DUE_DATE, WorkingDue


class Kind(StrEnum):
    """The kinds of alert; the first six are deadlines, the last three stand in no books."""

    PUBLISH = "publish"
    ARRIVE = "arrive"
    ACCEPT = "accept"
    HANDLE = "handle"
    REPLY = "reply"
    RECALL = "recall"
    RECEIVE_FAILED = "receive-failed"
    SEND_FAILED = "send-failed"
    RECALL_FAILED = "recall-failed"
    UNREADABLE = "unreadable"
    UNSENT = "unsent"
    SECRET_SUSPECTED = "secret-suspected"  # noqa: S105 - a kind of alert
    CONTENT_LOST = "content-lost"


_STARTS = {
    Kind.PUBLISH: (Fact.REGISTERED,),
    Kind.ARRIVE: (Fact.PUBLISHED,),
    Kind.ACCEPT: TAKEN,
    Kind.HANDLE: ACCEPTANCES,
    Kind.REPLY: TAKEN,
    Kind.RECALL: (Fact.RECALL_PUBLISHED,),
}
_ANYWHERE = {
    Kind.PUBLISH: (Fact.PUBLISHED, Fact.SEND_REFUSED),
    Kind.ARRIVE: (*TAKEN, Fact.REFUSED, Fact.FAIL, Fact.UNREADABLE, Fact.RESENT),
    Kind.ACCEPT: (*ACCEPTANCES, Fact.REFUSED, Fact.RESENT),
    Kind.HANDLE: (Fact.REFUSED, *ACCEPTANCES[1:], Fact.RESENT),
    Kind.REPLY: (Fact.REFUSED, Fact.COMPLETED, Fact.RESENT),
    Kind.RECALL: (),
}
_ONLY_AFTER_START = {
    Kind.ACCEPT: (Fact.FAIL, Fact.UNREADABLE),
    Kind.HANDLE: (Fact.UNREADABLE,),
    Kind.REPLY: (Fact.UNREADABLE,),
    Kind.RECALL: (Fact.UNREADABLE,),
}
_FAILURES = frozenset((Fact.FAIL, Fact.SEND_REFUSED, Fact.RECALL_UNSENT, Fact.UNREADABLE))
_ENDED_BY_RECALL = (Kind.ARRIVE, Kind.ACCEPT, Kind.HANDLE, Kind.REPLY)


class Judgement(StrEnum):
    """What can be said of a deadline at an instant of service time."""

    KEPT = "kept"
    RUNNING = "running"
    BROKEN = "broken"


class Deadline(NamedTuple):
    """One deadline of one delivery; `due_ms` and `backstop_ms` in service time."""

    kind: Kind
    start: Position
    due_ms: int
    backstop_ms: int
    closing: Position | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that is an alert at once, and what ends it.

    `episode` counts from 0 how often it has stood again after it was over; `start` and `closing`
    are of the last episode.
    """

    kind: Kind
    start: Position
    closing: Position | None
    episode: int = 0


def clock_of(kind: Kind, limits: Limits) -> str:
    """Return the legal clock by which a deadline runs; "" if it is a span of service time."""
    if kind is Kind.ACCEPT:
        return limits.accept_clock
    if kind is Kind.HANDLE:
        return limits.handle_clock
    return DUE_DATE if kind is Kind.REPLY and limits.reply_by else ""


def _limit_ms(kind: Kind, limits: Limits) -> int:
    """Return the limit of a deadline that is a span of service time; 0: there is no such one."""
    limit: int = getattr(limits, f"{kind}_ms", 0)
    return limit


def start_of(kind: Kind, facts: Facts) -> Position | None:
    """Return the fact that starts a deadline."""
    return first(facts, *_STARTS[kind])


@lru_cache(4096)
def kinds_of(limits: Limits) -> tuple[tuple[Kind, str, int], ...]:
    """Return the deadlines that a delivery can have: (kind, its legal clock, its limit in ms)."""
    every = ((kind, clock_of(kind, limits), _limit_ms(kind, limits)) for kind in _STARTS)
    return tuple((kind, clock, limit) for kind, clock, limit in every if clock or limit)


def deadlines(
    facts: Facts, limits: Limits | None, working: Mapping[Kind, WorkingDue]
) -> Iterator[Deadline]:
    """Yield every deadline that has started; `working` holds the dues of those by a calendar."""
    if limits is None:
        return
    for kind, clock, limit_ms in kinds_of(limits):
        start = start_of(kind, facts)
        if start is None:
            continue
        elapsed = start.service_ms + limit_ms + limits.allowance_ms
        due = working[kind].due_ms if clock else elapsed
        yield Deadline(kind, start, due, due + limits.grace_ms, closing_of(kind, start, facts))


def closing_of(kind: Kind, start: Position, facts: Facts) -> Position | None:
    """Return the fact that closes a deadline."""
    answered = None
    if kind in _ENDED_BY_RECALL:
        answered = _recalled(facts, RECALL_ANSWERS[:1])
    elif kind is Kind.RECALL:
        answered = _recalled(facts, RECALL_ANSWERS)
    return _earliest(
        first(facts, *_ANYWHERE[kind]),
        first_after(facts, start, *_ONLY_AFTER_START.get(kind, ())),
        answered,
    )


def _recalled(facts: Facts, answers: tuple[Fact, ...]) -> Position | None:
    """Return the answer to a recall that stands, if it is one of these."""
    answer = recall_answer(facts)
    return answer[1] if answer and answer[0] in answers else None


def judge(deadline: Deadline, service_ms: int) -> Judgement:
    """Judge a deadline at an instant of the partition's service time (ms)."""
    if deadline.closing is not None:
        late = deadline.closing.service_ms > deadline.due_ms
        return Judgement.BROKEN if late else Judgement.KEPT
    return Judgement.BROKEN if service_ms > deadline.due_ms else Judgement.RUNNING


def failures(facts: Facts) -> Iterator[Failure]:
    """Yield what is an alert at once, as it stands after the last of its kind.

    What is over before it fails is no failure: a copy that was decided (02-06), recalled or sent
    again before a `fail`, or confirmed before the refusal, as after a crash.
    """
    if _FAILURES.isdisjoint(facts):
        return
    agreed, again = _recalled(facts, RECALL_ANSWERS[:1]), first(facts, Fact.RESENT)
    over = _earliest(agreed, again, first(facts, Fact.REFUSED, *ACCEPTANCES))
    failed = [p for p in facts.get(Fact.FAIL, ()) if not (over and over < p)]
    if failed:
        yield _receive_failed(facts, failed, over)
    sent = _earliest(agreed, again, first(facts, Fact.PUBLISHED))
    yield from _unsent(facts, Kind.SEND_FAILED, Fact.SEND_REFUSED, sent)
    asked = _earliest(_recalled(facts, RECALL_ANSWERS), first(facts, Fact.RECALL_PUBLISHED))
    yield from _unsent(facts, Kind.RECALL_FAILED, Fact.RECALL_UNSENT, asked)
    if Fact.UNREADABLE in facts:
        yield _unreadable(facts)


def _earliest(*positions: Position | None) -> Position | None:
    found: Position | None = None
    for position in positions:
        if position is not None and (found is None or position < found):
            found = position
    return found


def _unsent(facts: Facts, kind: Kind, refusal: Fact, mended: Position | None) -> Iterator[Failure]:
    """Yield that the broker refused a record, unless that was mended before."""
    refused = first(facts, refusal)
    if refused and not (mended and mended < refused):
        yield Failure(kind, refused, mended)


def _receive_failed(facts: Facts, failed: list[Position], over: Position | None) -> Failure:
    """Return the failure of the last episode: each begins with a `fail` behind a taking."""
    start, episode = failed[0], 0
    for again in failed[1:]:
        taken = first_after(facts, start, *TAKEN)
        if taken is not None and taken < again:
            start, episode = again, episode + 1
    closing = _earliest(first_after(facts, start, *TAKEN), over)
    return Failure(Kind.RECEIVE_FAILED, start, closing, episode)


def _unreadable(facts: Facts) -> Failure:
    """Return the failure of the last episode: each ends when all that was parked is put back."""
    back = {p.event: p for p in facts.get(Fact.PUT_BACK, ())}
    start: Position | None = None
    closing: Position | None = None
    episode = -1
    for parked in facts[Fact.UNREADABLE]:
        if start is None or (closing is not None and closing < parked):
            start, closing, episode = parked, back.get(parked.event), episode + 1
        else:
            repaired = back.get(parked.event)
            closing = max(closing, repaired) if closing and repaired else None
    return Failure(Kind.UNREADABLE, start or facts[Fact.UNREADABLE][0], closing, episode)
