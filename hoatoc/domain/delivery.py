"""A delivery's state is the join of the facts seen about it.

Theory. A fact is a kind and a position in the partition's log. A delivery knows, of each kind,
the lowest positions seen: one, or for the kinds that repeat and mean something each time
(`REPEATED`) the eight lowest, each with its event, so that a record written twice counts once, at
its lowest offset. Merging takes the lowest of the union, so it is commutative, associative and
idempotent: duplicates, replays and any order give the same state. Because service
time never falls along a log, the lowest offset is also the earliest service time.

What a person calls the state is read off the facts in `lifecycle`. An answer to a recall counts
only behind the request for it, so of 15 and 16 several are kept.

What must change together: `Fact`, `facts_of`, the tables of `lifecycle`, the CHECK of table
`delivery`.
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
    RESENT = "resent"
    RECALL_REQUESTED = "recall-requested"
    RECALL_PUBLISHED = "recall-published"
    RECALL_UNSENT = "recall-unsent"
    RECALL_AGREED = "15"
    RECALL_DECLINED = "16"


REPEATED = dict.fromkeys(
    (
        Fact.DONE,
        Fact.FAIL,
        Fact.UNREADABLE,
        Fact.PUT_BACK,
        Fact.ARRIVED,
        Fact.RECALL_AGREED,
        Fact.RECALL_DECLINED,
    ),
    8,
)
ACCEPTANCES = (Fact.ACCEPTED, Fact.ASSIGNED, Fact.IN_PROGRESS, Fact.COMPLETED)
TAKEN = (Fact.ARRIVED, Fact.DONE, *ACCEPTANCES)
RECALL_ANSWERS = (Fact.RECALL_AGREED, Fact.RECALL_DECLINED)
STATUSES = {f.value: f for f in (Fact.ARRIVED, Fact.REFUSED, *ACCEPTANCES, *RECALL_ANSWERS)}
OUTCOMES = {f.value: f for f in (Fact.DONE, Fact.FAIL)}

Facts = Mapping[Fact, tuple[Position, ...]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One dispatch to one recipient, as far as the log has told.

    `limits` is None until its registration is seen, or a recall of it: without them nothing can be
    due.
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


def recall_answer(facts: Facts) -> tuple[Fact, Position] | None:
    """Return the answer to a recall that stands: the first 15 or 16 behind the request for it."""
    if Fact.RECALL_REQUESTED not in facts:
        return None
    asked = facts[Fact.RECALL_REQUESTED][0]
    found = [(at, fact) for fact in RECALL_ANSWERS if (at := first_after(facts, asked, fact))]
    if not found:
        return None
    at, fact = min(found)
    return fact, at


def canonical(code: str) -> str:
    """Return a status code in two digits: some systems report 3 for 03 (QCVN 102:2016)."""
    return code.zfill(2) if code.isascii() and code.isdigit() else code


def facts_of(answer: Answer) -> tuple[Fact, ...]:
    """Return the kinds of fact that an answer states; none for an unknown or processing one."""
    known = (
        STATUSES.get(canonical(answer.code))
        if isinstance(answer, StatusReported)
        else OUTCOMES.get(answer.outcome)
    )
    put_back = (Fact.PUT_BACK,) if answer.put_back_of is not None else ()
    return (*((known,) if known else ()), *put_back)
