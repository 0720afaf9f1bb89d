"""A delivery's state is the join of its facts."""

from itertools import pairwise, permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.delivery import (
    REPEATED,
    Fact,
    Facts,
    Position,
    canonical,
    facts_of,
    first,
    first_after,
    merge,
    recall_answer,
)
from hoatoc.domain.event import Answer, StatusReported, TransportAcknowledged
from hoatoc.domain.lifecycle import State, state


def at(offset: int) -> Position:
    """Return a place in the log; service time never falls along it."""
    return Position(offset, offset // 3, 1_000 - offset)


def told(*facts: Fact | tuple[Fact, int]) -> Facts:
    """Return the facts of a log that says these, in this order or at these offsets."""
    joined: Facts = {}
    for place, fact in enumerate(facts):
        kind, offset = fact if isinstance(fact, tuple) else (fact, place)
        joined = merge(joined, {kind: (at(offset),)})
    return joined


logs = st.lists(st.tuples(st.sampled_from(Fact), st.integers(0, 60)), max_size=30)


@given(logs, logs)
def test_merging_is_commutative(one: list[tuple[Fact, int]], other: list[tuple[Fact, int]]) -> None:
    assert merge(told(*one), told(*other)) == merge(told(*other), told(*one))


@given(logs, logs, logs)
def test_merging_is_associative(
    a: list[tuple[Fact, int]], b: list[tuple[Fact, int]], c: list[tuple[Fact, int]]
) -> None:
    left = merge(merge(told(*a), told(*b)), told(*c))
    assert left == merge(told(*a), merge(told(*b), told(*c)))


@given(logs)
def test_merging_is_idempotent(log: list[tuple[Fact, int]]) -> None:
    assert told(*log) == merge(told(*log), told(*log))


@given(logs, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_the_facts_gives_one_state(log, random) -> None:  # type: ignore[no-untyped-def]
    again = log + [random.choice(log) for _ in log]
    random.shuffle(again)
    assert told(*log) == told(*again)
    assert state(told(*log)) == state(told(*again))


def test_of_equal_facts_the_lowest_offset_counts() -> None:
    assert (at(2),) == told((Fact.PUBLISHED, 7), (Fact.PUBLISHED, 2))[Fact.PUBLISHED]


@pytest.mark.parametrize("kind", REPEATED)
def test_of_answers_that_repeat_the_eight_lowest_count(kind: Fact) -> None:
    facts = told(*((kind, offset) for offset in range(20, 0, -1)))
    assert tuple(at(offset) for offset in range(1, 9)) == facts[kind]


R, P, X = Fact.REGISTERED, Fact.PUBLISHED, Fact.SEND_REFUSED
DONE, FAIL, ARRIVED = Fact.DONE, Fact.FAIL, Fact.ARRIVED
NO, YES, ASSIGNED, FINISHED = Fact.REFUSED, Fact.ACCEPTED, Fact.ASSIGNED, Fact.COMPLETED


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ((), State.REGISTERED),
        ((R,), State.REGISTERED),
        ((R, P), State.PUBLISHED),
        ((R, X), State.PARKED),
        ((R, X, P), State.PUBLISHED),
        ((R, P, DONE), State.TAKEN),
        ((R, P, ARRIVED), State.TAKEN),
        ((R, ARRIVED, P), State.TAKEN),
        ((R, P, FAIL), State.RECEIVE_FAILED),
        ((R, P, DONE, FAIL), State.RECEIVE_FAILED),
        ((R, P, FAIL, DONE), State.TAKEN),
        ((R, P, FAIL, YES), State.ACCEPTED),
        ((R, P, YES, FAIL), State.ACCEPTED),
        ((R, P, FINISHED), State.ACCEPTED),
        ((R, P, FINISHED, ARRIVED), State.ACCEPTED),
        ((R, P, NO), State.REFUSED),
        ((R, P, NO, YES), State.REFUSED),
        ((R, P, ASSIGNED, NO), State.ACCEPTED),
        ((R, P, Fact.UNREADABLE), State.PUBLISHED),
    ],
)
def test_the_state_is_read_off_the_facts(log: tuple[Fact, ...], expected: State) -> None:
    assert expected == state(told(*log))


BACK = State.RECALLED
FORWARD = {
    State.REGISTERED: set(State) - {State.REGISTERED},
    State.PUBLISHED: {State.TAKEN, State.ACCEPTED, State.REFUSED, State.RECEIVE_FAILED, BACK},
    State.PARKED: set(State) - {State.REGISTERED, State.PARKED},
    State.TAKEN: {State.ACCEPTED, State.REFUSED, State.RECEIVE_FAILED, BACK},
    State.RECEIVE_FAILED: {State.TAKEN, State.ACCEPTED, State.REFUSED, BACK},  # the one named way
    State.ACCEPTED: {BACK},
    State.REFUSED: {BACK},
    State.RECALLED: set[State](),
}


@pytest.mark.parametrize("after", Fact)
def test_no_fact_leads_back(after: Fact) -> None:
    for log in permutations([f for f in Fact if f is not after], 3):
        before, then = state(told(*log)), state(told(*log, after))
        assert before == then or then in FORWARD[before]


@given(st.lists(st.sampled_from(Fact), max_size=12))
def test_no_log_leads_back(log: list[Fact]) -> None:
    states = [state(told(*log[:end])) for end in range(len(log) + 1)]
    assert all(a == b or b in FORWARD[a] for a, b in pairwise(states))


def test_the_first_of_some_kinds_is_the_lowest() -> None:
    facts = told((DONE, 5), (FAIL, 3))
    assert at(3) == first(facts, DONE, FAIL)
    assert first(facts, YES) is None


def test_the_first_after_a_place_may_be_a_repeated_one() -> None:
    facts = told((DONE, 1), (FAIL, 3), (DONE, 5))
    assert at(5) == first_after(facts, at(3), DONE)
    assert first_after(facts, at(5), DONE) is None


def acknowledged(outcome: str) -> Answer:
    """Return a transport acknowledgement."""
    return TransportAcknowledged(
        event_id=UUID(int=1), dispatch_id=UUID(int=2), recipient="R1", outcome=outcome
    )


def reported(code: str, put_back_of: UUID | None = None) -> Answer:
    """Return a business status."""
    return StatusReported(
        event_id=UUID(int=1),
        dispatch_id=UUID(int=2),
        recipient="R1",
        code=code,
        put_back_of=put_back_of,
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (acknowledged("done"), (Fact.DONE,)),
        (acknowledged("fail"), (Fact.FAIL,)),
        (acknowledged("processing"), ()),
        (acknowledged("01"), ()),
        (reported("01"), (Fact.ARRIVED,)),
        (reported("06"), (Fact.COMPLETED,)),
        (reported("99"), ()),
        (reported("done"), ()),
        (reported("03", UUID(int=3)), (Fact.ACCEPTED, Fact.PUT_BACK)),
        (reported("99", UUID(int=3)), (Fact.PUT_BACK,)),
        (reported("3"), (Fact.ACCEPTED,)),
        (reported("15"), (Fact.RECALL_AGREED,)),
        (reported("16"), (Fact.RECALL_DECLINED,)),
        (reported("13"), ()),  # 13 is the sender's to say: as a recipient's answer it is nothing
    ],
)
def test_an_unknown_word_states_no_fact(answer: Answer, expected: tuple[Fact, ...]) -> None:
    assert expected == facts_of(answer)


@pytest.mark.parametrize(
    "code", ["", "0", "00", "7", "07", "12", "14", "999", "003", "null", "３", " 3", "03 ", "-1"]
)
def test_an_unknown_code_is_never_taken_for_a_known_one(code: str) -> None:
    assert facts_of(reported(code)) == ()


@pytest.mark.parametrize(
    ("code", "expected"), [("3", "03"), ("03", "03"), ("15", "15"), ("", ""), ("null", "null")]
)
def test_a_code_of_one_digit_is_one_of_two(code: str, expected: str) -> None:
    assert expected == canonical(code)


ASK, AGREE, DECLINE = Fact.RECALL_REQUESTED, Fact.RECALL_AGREED, Fact.RECALL_DECLINED


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ((AGREE, DECLINE), None),
        ((ASK,), None),
        ((AGREE, ASK), None),
        ((ASK, AGREE, DECLINE), (AGREE, at(1))),
        ((ASK, DECLINE, AGREE), (DECLINE, at(1))),
        ((AGREE, ASK, DECLINE), (DECLINE, at(2))),
    ],
)
def test_of_the_answers_to_a_recall_the_first_behind_the_request_stands(
    log: tuple[Fact, ...], expected: tuple[Fact, Position] | None
) -> None:
    assert expected == recall_answer(told(*log))


def test_a_record_written_twice_counts_once_at_its_lowest_place() -> None:
    twice = [{Fact.FAIL: (Position(offset, 0, 0, "one event"),)} for offset in (9, 4)]
    other = {Fact.FAIL: (Position(6, 0, 0, "another"),)}
    assert [4, 6] == [p.offset for p in merge(merge(*twice), other)[Fact.FAIL]]
