"""The lifecycle of a delivery: three axes that never mix.

    carriage   is the copy on its way, there, or failed?        told by Hoatoc and done / fail
    handling   what does the recipient do with the document?    statuses 01 to 06
    recall     was it asked back, and what was the answer?      status 13, answered by 15 or 16

Each axis is a table of every state and every event; what an event does not change is written down
as such, with its reason. A state is the fold of a delivery's facts in the order of the log, so it
does not depend on the order in which they were read: skips, repeats and overtaking are in the
tables. Codes that no table names (0, 07, 999, none at all) are history and change nothing.

Rules behind the tables (QĐ 28/2018, Điều 5.4, 9; NĐ 30/2020, Điều 21; status codes of QCVN 102):
handling only goes up, 01 < 03 < 04 < 05 < 06; of an acceptance and a refusal the first stands. Any
status says that the copy was there. `fail` puts a copy back that was taken; a later taking recovers
it. 13 alone stops nothing; an answer to it counts only once it was asked, and the first counts.

The diagrams in docs/lifecycle.md are drawn from these tables.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from hoatoc.domain.delivery import Fact, Facts


class Carriage(StrEnum):
    """Where the copy is."""

    UNKNOWN = "unknown"
    REGISTERED = "registered"
    PUBLISHED = "published"
    PARKED = "parked"
    TAKEN = "taken"
    FAILED = "failed"


class Handling(StrEnum):
    """What the recipient does with the document."""

    NONE = "none"
    ARRIVED = "arrived"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"


class Recall(StrEnum):
    """Whether the copy was asked back, and what came of it."""

    NOT_ASKED = "not-asked"
    REQUESTED = "requested"
    UNSENT = "unsent"
    ASKED = "asked"
    RECALLED = "recalled"
    DECLINED = "declined"


class Stays(StrEnum):
    """Why an event leaves an axis where it is."""

    REPEAT = "a repeat"
    OVERTAKEN = "overtaken: the later stage is reached already"
    DECIDED = "decided: the first decision stands"
    NOT_ASKED = "nobody asked for it"


Axis = Carriage | Handling | Recall
Table = Mapping[tuple[Axis, Fact], Axis | Stays]

_F, _C, _H, _R, _S = Fact, Carriage, Handling, Recall, Stays
_ON_CARRIAGE = (_F.REGISTERED, _F.PUBLISHED, _F.SEND_REFUSED, _F.FAIL)
_TAKES = (_F.DONE, _F.ARRIVED, _F.REFUSED, _F.ACCEPTED, _F.ASSIGNED, _F.IN_PROGRESS, _F.COMPLETED)


def _carriage() -> dict[tuple[Axis, Fact], Axis | Stays]:
    rows: dict[Carriage, tuple[Axis | Stays, ...]] = {
        #               registered      published     send-refused   fail       taken
        _C.UNKNOWN: (_C.REGISTERED, _C.PUBLISHED, _C.PARKED, _C.FAILED, _C.TAKEN),
        _C.REGISTERED: (_S.REPEAT, _C.PUBLISHED, _C.PARKED, _C.FAILED, _C.TAKEN),
        _C.PUBLISHED: (_S.OVERTAKEN, _S.REPEAT, _S.OVERTAKEN, _C.FAILED, _C.TAKEN),
        _C.PARKED: (_S.OVERTAKEN, _C.PUBLISHED, _S.REPEAT, _C.FAILED, _C.TAKEN),
        _C.TAKEN: (_S.OVERTAKEN, _S.OVERTAKEN, _S.OVERTAKEN, _C.FAILED, _S.REPEAT),
        _C.FAILED: (_S.OVERTAKEN, _S.OVERTAKEN, _S.OVERTAKEN, _S.REPEAT, _C.TAKEN),
    }
    return {
        (state, fact): row[min(column, 4)]
        for state, row in rows.items()
        for column, fact in enumerate((*_ON_CARRIAGE, *_TAKES))
    }


def _handling() -> dict[tuple[Axis, Fact], Axis | Stays]:
    up: tuple[tuple[Handling, Fact], ...] = (
        (_H.ARRIVED, _F.ARRIVED),
        (_H.ACCEPTED, _F.ACCEPTED),
        (_H.ASSIGNED, _F.ASSIGNED),
        (_H.IN_PROGRESS, _F.IN_PROGRESS),
        (_H.COMPLETED, _F.COMPLETED),
    )
    ranks = {_H.NONE: -1} | {state: rank for rank, (state, _) in enumerate(up)}
    table: dict[tuple[Axis, Fact], Axis | Stays] = {}
    for state, at in ranks.items():
        for rank, (to, fact) in enumerate(up):
            behind = _S.REPEAT if rank == at else _S.OVERTAKEN
            table[state, fact] = to if rank > at else behind
        table[state, _F.REFUSED] = _S.DECIDED if at > 0 else _H.REFUSED
    table |= {(_H.REFUSED, fact): _S.DECIDED for _, fact in up}
    return table | {(_H.REFUSED, _F.REFUSED): _S.REPEAT}


def _recall() -> dict[tuple[Axis, Fact], Axis | Stays]:
    events = (_F.RECALL_REQUESTED, _F.RECALL_PUBLISHED, _F.RECALL_UNSENT)
    answers = (_F.RECALL_AGREED, _F.RECALL_DECLINED)
    rows: dict[Recall, tuple[Axis | Stays, ...]] = {
        #              requested      published     unsent         15           16
        _R.NOT_ASKED: (_R.REQUESTED, *4 * (_S.NOT_ASKED,)),
        _R.REQUESTED: (_S.REPEAT, _R.ASKED, _R.UNSENT, _R.RECALLED, _R.DECLINED),
        _R.UNSENT: (_S.OVERTAKEN, _R.ASKED, _S.REPEAT, _R.RECALLED, _R.DECLINED),
        _R.ASKED: (_S.OVERTAKEN, _S.REPEAT, _S.OVERTAKEN, _R.RECALLED, _R.DECLINED),
        _R.RECALLED: (_S.OVERTAKEN, _S.OVERTAKEN, _S.OVERTAKEN, _S.REPEAT, _S.DECIDED),
        _R.DECLINED: (_S.OVERTAKEN, _S.OVERTAKEN, _S.OVERTAKEN, _S.DECIDED, _S.REPEAT),
    }
    return {
        (state, fact): row[column]
        for state, row in rows.items()
        for column, fact in enumerate((*events, *answers))
    }


CARRIAGE: Table = _carriage()
HANDLING: Table = _handling()
RECALL: Table = _recall()


class Axes(NamedTuple):
    """Where a delivery stands on each axis."""

    carriage: Carriage = Carriage.UNKNOWN
    handling: Handling = Handling.NONE
    recall: Recall = Recall.NOT_ASKED


class State(StrEnum):
    """What a person calls the state of a delivery: the three axes in one word."""

    REGISTERED = "registered"
    PUBLISHED = "published"
    TAKEN = "taken"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    RECEIVE_FAILED = "receive-failed"
    PARKED = "parked"
    RECALLED = "recalled"


OPEN = (State.REGISTERED, State.PUBLISHED, State.TAKEN)
SETTLED = (State.ACCEPTED, State.REFUSED, State.RECALLED)

_STATES = {
    Carriage.UNKNOWN: State.REGISTERED,
    Carriage.REGISTERED: State.REGISTERED,
    Carriage.PUBLISHED: State.PUBLISHED,
    Carriage.PARKED: State.PARKED,
    Carriage.TAKEN: State.TAKEN,
    Carriage.FAILED: State.RECEIVE_FAILED,
}


def _steps(table: Table) -> Mapping[Axis, Mapping[Fact, Axis]]:
    steps: dict[Axis, dict[Fact, Axis]] = {}
    for (axis, fact), to in table.items():
        row = steps.setdefault(axis, {})
        if not isinstance(to, Stays):
            row[fact] = to
    return steps


_CARRIAGE, _HANDLING, _RECALL = _steps(CARRIAGE), _steps(HANDLING), _steps(RECALL)


def axes(facts: Facts) -> Axes:
    """Fold the facts of a delivery in the order of the log."""
    carriage: Axis = Carriage.UNKNOWN
    handling: Axis = Handling.NONE
    recall: Axis = Recall.NOT_ASKED
    for _, fact in sorted((at.offset, fact) for fact, places in facts.items() for at in places):
        carriage = _CARRIAGE[carriage].get(fact, carriage)
        handling = _HANDLING[handling].get(fact, handling)
        recall = _RECALL[recall].get(fact, recall)
    return Axes(Carriage(carriage), Handling(handling), Recall(recall))


def state_of(stands: Axes) -> State:
    """Return the one word for where a delivery stands."""
    if stands.recall is Recall.RECALLED:
        return State.RECALLED
    if stands.handling is Handling.REFUSED:
        return State.REFUSED
    if stands.handling in (Handling.NONE, Handling.ARRIVED):
        return _STATES[stands.carriage]
    return State.ACCEPTED


def state(facts: Facts) -> State:
    """Read the state off the facts."""
    return state_of(axes(facts))
