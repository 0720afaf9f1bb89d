"""The three axes of a delivery, and the one word for them."""

from collections.abc import Sequence
from functools import reduce
from itertools import chain, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.delivery import Fact, Facts, Position, merge, recall_answer
from hoatoc.domain.lifecycle import (
    CARRIAGE,
    HANDLING,
    OPEN,
    RECALL,
    SETTLED,
    Axes,
    Axis,
    Carriage,
    Handling,
    Recall,
    State,
    Stays,
    Table,
    axes,
    state,
    state_of,
)

STATUSES = (
    Fact.ARRIVED,
    Fact.REFUSED,
    Fact.ACCEPTED,
    Fact.ASSIGNED,
    Fact.IN_PROGRESS,
    Fact.COMPLETED,
)
ON_CARRIAGE = (
    Fact.REGISTERED,
    Fact.PUBLISHED,
    Fact.SEND_REFUSED,
    Fact.DONE,
    Fact.FAIL,
    *STATUSES,
)
ON_RECALL = (
    Fact.RECALL_REQUESTED,
    Fact.RECALL_PUBLISHED,
    Fact.RECALL_UNSENT,
    Fact.RECALL_AGREED,
    Fact.RECALL_DECLINED,
)
ON_NO_AXIS = {Fact.UNREADABLE, Fact.PUT_BACK, Fact.RESENT}
NOTHING: Facts = {}
AXES: list[tuple[Table, type[Axis], tuple[Fact, ...]]] = [
    (CARRIAGE, Carriage, ON_CARRIAGE),
    (HANDLING, Handling, STATUSES),
    (RECALL, Recall, ON_RECALL),
]


def at(offset: int) -> Position:
    """Return a place in the log."""
    return Position(offset, offset * 100, 0)


def read(stated: Sequence[Facts]) -> Facts:
    """Return the facts as they are known after reading these, one by one."""
    return reduce(merge, stated, NOTHING)


def told(*log: Fact) -> Facts:
    """Return the facts of a log that says these, in this order."""
    return read([{fact: (at(offset),)} for offset, fact in enumerate(log)])


@pytest.mark.parametrize(("table", "states", "events"), AXES)
def test_every_pair_of_state_and_event_is_in_the_table_and_no_other(
    table: Table, states: type[Axis], events: tuple[Fact, ...]
) -> None:
    assert set(product(states, events)) == set(table)


def test_every_fact_stands_on_an_axis_or_is_known_to_stand_on_none() -> None:
    named = set(chain(ON_CARRIAGE, ON_RECALL))
    assert set(Fact) - named == ON_NO_AXIS


@pytest.mark.parametrize(("table", "states", "events"), AXES)
def test_what_stays_is_written_with_its_reason_and_never_as_the_state_itself(
    table: Table, states: type[Axis], events: tuple[Fact, ...]
) -> None:
    for (before, _), after in table.items():
        assert isinstance(after, states | Stays)
        assert before is not after


@pytest.mark.parametrize(("table", "states", "events"), AXES)
def test_every_state_but_the_first_is_reached(
    table: Table, states: type[Axis], events: tuple[Fact, ...]
) -> None:
    first, *others = states
    assert set(others) <= {to for to in table.values() if not isinstance(to, Stays)}
    assert first not in table.values()


def reached(table: Table, begin: Axis) -> set[Axis]:
    """Return the states that a state leads to."""
    found: set[Axis] = set()
    waiting = [begin]
    while waiting:
        state = waiting.pop()
        steps = [to for (at, _), to in table.items() if at is state and not isinstance(to, Stays)]
        waiting += [to for to in steps if to not in found]
        found.update(steps)
    return found


def test_no_fact_leads_from_recalled_nor_from_declined() -> None:
    assert reached(RECALL, Recall.RECALLED) == set()
    assert reached(RECALL, Recall.DECLINED) == set()


def test_a_refusal_and_a_completion_are_the_last_of_handling() -> None:
    assert reached(HANDLING, Handling.REFUSED) == set()
    assert reached(HANDLING, Handling.COMPLETED) == set()


def test_only_a_failure_puts_a_copy_back_and_only_a_taking_recovers_it() -> None:
    circle = {
        (before, fact)
        for (before, fact), after in CARRIAGE.items()
        if not isinstance(after, Stays) and before in reached(CARRIAGE, after)
    }
    takes = {(Carriage.FAILED, fact) for fact in (Fact.DONE, *STATUSES)}
    assert circle == {(Carriage.TAKEN, Fact.FAIL), *takes}


@pytest.mark.parametrize("table", [HANDLING, RECALL])
def test_handling_and_recall_never_come_back(table: Table) -> None:
    assert not [state for state, _ in table if state in reached(table, state)]


some = st.lists(st.sampled_from(Fact), max_size=14)
positions = st.lists(st.tuples(st.sampled_from(Fact), st.integers(0, 40)), max_size=24)


@given(positions, st.randoms(use_true_random=False))
def test_every_order_of_reading_gives_one_place_on_the_axes(log, random) -> None:  # type: ignore[no-untyped-def]
    stated = [{fact: (at(offset),)} for fact, offset in log]
    again = stated + [random.choice(stated) for _ in stated]
    random.shuffle(again)
    cut = random.randint(0, len(again))
    merged = merge(read(again[cut:]), read(again[:cut]))
    assert axes(read(stated)) == axes(merged)
    assert state(read(stated)) is state(merged)


def moves(before: Axes, after: Axes) -> list[tuple[Table, Axis, Axis]]:
    """Return (table, where it was, where it is) of each axis."""
    return [
        (CARRIAGE, before.carriage, after.carriage),
        (HANDLING, before.handling, after.handling),
        (RECALL, before.recall, after.recall),
    ]


@given(some)
def test_a_log_moves_each_axis_along_the_arrows_of_its_table_only(log: list[Fact]) -> None:
    before = Axes()
    for end, fact in enumerate(log, 1):
        after = axes(told(*log[:end]))
        for table, one, other in moves(before, after):
            assert one is other or table[one, fact] is other
        before = after


@given(some)
def test_a_fact_of_one_axis_moves_no_other(log: list[Fact]) -> None:
    on_recall = [fact for fact in log if fact in ON_RECALL]
    others = [fact for fact in log if fact not in ON_RECALL]
    assert axes(told(*log)).recall is axes(told(*on_recall)).recall
    assert axes(told(*log))[:2] == axes(told(*others))[:2]


@pytest.mark.parametrize("stands", [Axes(*each) for each in product(Carriage, Handling, Recall)])
def test_the_one_word_agrees_with_the_axes(stands: Axes) -> None:
    word = state_of(stands)
    assert (word is State.RECALLED) == (stands.recall is Recall.RECALLED)
    if word is State.REFUSED:
        assert stands.handling is Handling.REFUSED
    if word in OPEN or word in (State.PARKED, State.RECEIVE_FAILED):
        assert stands.handling in (Handling.NONE, Handling.ARRIVED)
    if word is State.ACCEPTED:
        assert stands.handling not in (Handling.NONE, Handling.ARRIVED, Handling.REFUSED)


def test_every_word_is_open_settled_or_waits_for_a_repair() -> None:
    assert {*OPEN, *SETTLED, State.RECEIVE_FAILED, State.PARKED} == set(State)
    assert set(OPEN) & set(SETTLED) == set()


@pytest.mark.parametrize("decision", STATUSES[1:])
def test_a_recall_that_is_asked_or_declined_changes_no_word(decision: Fact) -> None:
    before = (Fact.REGISTERED, Fact.PUBLISHED, decision)
    asked = (*before, Fact.RECALL_REQUESTED, Fact.RECALL_PUBLISHED)
    assert state(told(*before)) is state(told(*asked))
    assert state(told(*before)) is state(told(*asked, Fact.RECALL_DECLINED))
    assert state(told(*asked, Fact.RECALL_AGREED)) is State.RECALLED


R, P, C = Fact.RECALL_REQUESTED, Fact.RECALL_PUBLISHED, Fact.RECALL_UNSENT
YES, NO = Fact.RECALL_AGREED, Fact.RECALL_DECLINED


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ((), Recall.NOT_ASKED),
        ((YES,), Recall.NOT_ASKED),
        ((YES, R), Recall.REQUESTED),
        ((R, P), Recall.ASKED),
        ((R, C), Recall.UNSENT),
        ((R, C, P), Recall.ASKED),
        ((R, P, YES), Recall.RECALLED),
        ((R, YES, P), Recall.RECALLED),
        ((R, C, YES), Recall.RECALLED),
        ((R, P, YES, NO), Recall.RECALLED),
        ((R, P, NO, YES), Recall.DECLINED),
        ((NO, R, P, YES), Recall.RECALLED),
    ],
)
def test_the_first_answer_behind_the_request_counts(
    log: tuple[Fact, ...], expected: Recall
) -> None:
    assert axes(told(*log)).recall is expected


@given(some)
def test_the_recall_axis_and_the_answer_that_stands_agree(log: list[Fact]) -> None:
    answer = recall_answer(told(*log))
    words = {YES: Recall.RECALLED, NO: Recall.DECLINED}
    recall = axes(told(*log)).recall
    assert (words[answer[0]] if answer else None) == (recall if recall in words.values() else None)
