"""A delivery's state is the join of the facts seen about it.

Theory. A fact is a kind and a position in the partition's log. A delivery knows, of each kind,
the lowest positions seen: one, or for the kinds that repeat and mean something each time
(`REPEATED`) the eight lowest, each with its event, so that a record written twice counts once, at
its lowest offset. Merging takes the lowest of the union, so it is commutative, associative and
idempotent: duplicates, replays and any order give the same state. Because service
time never falls along a log, the lowest offset is also the earliest service time.

Three axes that never mix: carriage (registered, published, taken, failed), handling (01 03 04 05
06, or 02), recall (13, 15, 16). What a person calls the state is read off them in `state`. Of an
acceptance and a refusal the first in the log stands; the other is history. Nothing leads back,
but for one named way: a failed or overdue delivery that is answered after all is recovered.

What must change together: `Fact`, `facts_of`, `state`, the CHECK of table `delivery`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from hoatoc.domain.event import Answer, Limits, StatusReported


class Position(NamedTuple):
    """Where a fact stands: its offset, its service time and its append time (ms).

    `event` tells facts that repeat apart: the event's id, or of a put-back the id of what it
    repairs; empty for all others.
    """

    offset: int
    service_ms: int
    append_ms: int
    event: str = ""


class Fact(StrEnum):
    """The kinds of fact that a state is made of."""

    REGISTERED = "registered"
    PUBLISHED = "published"
    SEND_REFUSED = "send-refused"
    DONE = "done"
    FAIL = "fail"
    UNREADABLE = "unreadable"
    PUT_BACK = "put-back"
    ARRIVED = "01"
    REFUSED = "02"
    ACCEPTED = "03"
    ASSIGNED = "04"
    IN_PROGRESS = "05"
    COMPLETED = "06"


REPEATED = dict.fromkeys((Fact.DONE, Fact.FAIL, Fact.UNREADABLE, Fact.PUT_BACK, Fact.ARRIVED), 8)
ACCEPTANCES = (Fact.ACCEPTED, Fact.ASSIGNED, Fact.IN_PROGRESS, Fact.COMPLETED)
TAKEN = (Fact.ARRIVED, Fact.DONE, *ACCEPTANCES)
STATUSES = {f.value: f for f in (Fact.ARRIVED, Fact.REFUSED, *ACCEPTANCES)}
OUTCOMES = {f.value: f for f in (Fact.DONE, Fact.FAIL)}

Facts = Mapping[Fact, tuple[Position, ...]]


class State(StrEnum):
    """What a person calls the state of a delivery."""

    REGISTERED = "registered"
    PUBLISHED = "published"
    TAKEN = "taken"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RECEIVE_FAILED = "receive-failed"
    PARKED = "parked"


OPEN = (State.REGISTERED, State.PUBLISHED, State.TAKEN)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One dispatch to one recipient, as far as the log has told.

    `limits` is None until its registration is seen: without it nothing can be due.
    """

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    limits: Limits | None
    facts: Facts


def merge(one: Facts, other: Facts) -> Facts:
    """Return the join of two sets of facts about the same delivery."""
    joined = dict(one)
    for fact, positions in other.items():
        known = joined.get(fact)
        if known is None:
            joined[fact] = positions
        elif known != positions:
            joined[fact] = _lowest(known + positions, REPEATED.get(fact, 1))
    return joined


def _lowest(positions: tuple[Position, ...], keep: int) -> tuple[Position, ...]:
    """Return the lowest positions, each event once."""
    once: dict[str | int, Position] = {}
    for position in sorted(positions):
        once.setdefault(position.event or position.offset, position)
    return tuple(once.values())[:keep]


def first(facts: Facts, *kinds: Fact) -> Position | None:
    """Return the lowest position at which any of these kinds stands."""
    found: Position | None = None
    for kind in kinds:
        positions = facts.get(kind)
        if positions is not None and (found is None or positions[0] < found):
            found = positions[0]
    return found


def first_after(facts: Facts, start: Position, *kinds: Fact) -> Position | None:
    """Return the lowest position behind `start` at which any of these kinds stands."""
    found: Position | None = None
    for kind in kinds:
        for position in facts.get(kind, ()):
            if position.offset > start.offset and (found is None or position < found):
                found = position
    return found


def facts_of(answer: Answer) -> tuple[Fact, ...]:
    """Return the kinds of fact that an answer states; none for an unknown or processing one."""
    known = (
        STATUSES.get(answer.code)
        if isinstance(answer, StatusReported)
        else OUTCOMES.get(answer.outcome)
    )
    put_back = (Fact.PUT_BACK,) if answer.put_back_of is not None else ()
    return (*((known,) if known else ()), *put_back)


def state(facts: Facts) -> State:
    """Read the state off the facts."""
    accepted, refused = first(facts, *ACCEPTANCES), first(facts, Fact.REFUSED)
    if accepted and (not refused or accepted < refused):
        return State.ACCEPTED
    if refused:
        return State.REFUSED
    if failed := facts.get(Fact.FAIL):
        return State.TAKEN if first_after(facts, failed[-1], *TAKEN) else State.RECEIVE_FAILED
    if first(facts, *TAKEN):
        return State.TAKEN
    if Fact.PUBLISHED in facts:
        return State.PUBLISHED
    return State.PARKED if Fact.SEND_REFUSED in facts else State.REGISTERED
