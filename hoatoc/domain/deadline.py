"""Deadlines and alerts: what is due by when, and what a person must be told.

A deadline runs from the fact that starts it to the fact that closes it, in service time:

    publish   from registration to publication (ours)
    arrive    from publication to done, fail, or any of 01-06
    accept    from the first of 01, done, 03-06 to fail, or any of 02-06

It is due at start + limit + allowance. It is kept if the closing fact's service time is at or
before due; broken if it is later, or if nothing closes it and the partition's service time has
passed due. Skips are normal (01 then 06), so a status closes wherever it stands. An answer that
could not be read closes what an answer could close: the recipient did answer, and the fault is
ours. Whatever the answer, it closes `arrive` even if it overtook the publication: it is about a
copy that was there. `accept` is closed by `fail` and by an unreadable answer only if it had
started before them: a copy that is taken after all is a new wait.

Besides broken deadlines, three failures are alerts at once: receive-failed, send-failed (the
broker refused the copy), unreadable. A failure that comes again after it was over stands again, as
the same alert: what ends a deadline without an answer that counts has a person behind it.

Limits come with the registration; legal clocks and calendars will enter behind `due_of`, and
nowhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hoatoc.domain.delivery import (
    ACCEPTANCES,
    TAKEN,
    Fact,
    Facts,
    Position,
    first,
    first_after,
)
from hoatoc.domain.event import Limits


class Kind(StrEnum):
    """The kinds of alert; the first three are deadlines."""

    PUBLISH = "publish"
    ARRIVE = "arrive"
    ACCEPT = "accept"
    RECEIVE_FAILED = "receive-failed"
    SEND_FAILED = "send-failed"
    UNREADABLE = "unreadable"
    UNSENT = "unsent"


_ANYWHERE = {
    Kind.PUBLISH: (Fact.PUBLISHED, Fact.SEND_REFUSED),
    Kind.ARRIVE: (*TAKEN, Fact.REFUSED, Fact.FAIL, Fact.UNREADABLE),
    Kind.ACCEPT: (*ACCEPTANCES, Fact.REFUSED),
}
_ONLY_AFTER_START = {
    Kind.PUBLISH: (),
    Kind.ARRIVE: (),
    Kind.ACCEPT: (Fact.FAIL, Fact.UNREADABLE),
}


_LIMIT = {Kind.PUBLISH: "publish_ms", Kind.ARRIVE: "arrive_ms", Kind.ACCEPT: "accept_ms"}


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


def due_of(kind: Kind, start: Position, limits: Limits) -> int:
    """Return the instant of service time by which the next stage must be reached, ms."""
    limit: int = getattr(limits, _LIMIT[kind])
    return start.service_ms + limit + limits.allowance_ms


def deadlines(facts: Facts, limits: Limits | None) -> Iterator[Deadline]:
    """Yield every deadline that has started."""
    if limits is None:
        return
    starts = (
        (Kind.PUBLISH, first(facts, Fact.REGISTERED)),
        (Kind.ARRIVE, first(facts, Fact.PUBLISHED)),
        (Kind.ACCEPT, first(facts, *TAKEN)),
    )
    for kind, start in starts:
        if start is not None:
            due = due_of(kind, start, limits)
            yield Deadline(kind, start, due, due + limits.grace_ms, _closing(kind, start, facts))


def _closing(kind: Kind, start: Position, facts: Facts) -> Position | None:
    anywhere = first(facts, *_ANYWHERE[kind])
    after = first_after(facts, start, *_ONLY_AFTER_START[kind])
    return min(anywhere, after) if anywhere and after else anywhere or after


def judge(deadline: Deadline, service_ms: int) -> Judgement:
    """Judge a deadline at an instant of the partition's service time (ms)."""
    if deadline.closing is not None:
        late = deadline.closing.service_ms > deadline.due_ms
        return Judgement.BROKEN if late else Judgement.KEPT
    return Judgement.BROKEN if service_ms > deadline.due_ms else Judgement.RUNNING


def failures(facts: Facts) -> Iterator[Failure]:
    """Yield what is an alert at once, as it stands after the last of its kind.

    A decision (02-06) before a `fail` makes it void; so does, of a copy sent again after a crash,
    a confirmation before the refusal.
    """
    if Fact.FAIL in facts:
        decided = first(facts, Fact.REFUSED, *ACCEPTANCES)
        failed = [p for p in facts[Fact.FAIL] if not (decided and decided < p)]
        if failed:
            yield _receive_failed(facts, failed)
    refused, published = first(facts, Fact.SEND_REFUSED), first(facts, Fact.PUBLISHED)
    if refused and not (published and published < refused):
        yield Failure(Kind.SEND_FAILED, refused, published)
    if Fact.UNREADABLE in facts:
        yield _unreadable(facts)


def _receive_failed(facts: Facts, failed: list[Position]) -> Failure:
    """Return the failure of the last episode: each begins with a `fail` behind a taking."""
    start, episode = failed[0], 0
    for again in failed[1:]:
        taken = first_after(facts, start, *TAKEN)
        if taken is not None and taken < again:
            start, episode = again, episode + 1
    closing = first_after(facts, start, *TAKEN, Fact.REFUSED)
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
