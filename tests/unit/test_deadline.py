"""Which deadlines run, what closes them, and what is an alert at once."""

import pytest

from hoatoc.domain.deadline import Deadline, Judgement, Kind, deadlines, failures, judge
from hoatoc.domain.delivery import Fact, Facts, Position, merge
from hoatoc.domain.event import Limits

LIMITS = Limits(
    policy="test", publish_ms=10, arrive_ms=20, accept_ms=30, allowance_ms=5, grace_ms=7
)
R, P, X = Fact.REGISTERED, Fact.PUBLISHED, Fact.SEND_REFUSED


def at(offset: int) -> Position:
    """Return a place in the log; an offset is a hundred milliseconds."""
    return Position(offset, offset * 100, 0)


def told(*log: Fact) -> Facts:
    """Return the facts of a log that says these, in this order."""
    joined: Facts = {}
    for offset, fact in enumerate(log):
        joined = merge(joined, {fact: (at(offset),)})
    return joined


def closings(*log: Fact) -> dict[Kind, int | None]:
    """Return where each deadline that has started is closed."""
    found = deadlines(told(*log), LIMITS, {})
    return {d.kind: d.closing.offset if d.closing else None for d in found}


def test_nothing_is_due_before_the_registration_told_the_limits() -> None:
    assert [] == list(deadlines(told(P, Fact.ARRIVED), None, {}))


def test_a_due_is_start_and_limit_and_allowance_and_the_backstop_is_the_grace_later() -> None:
    publish, arrive, accept = deadlines(told(R, P, Fact.DONE), LIMITS, {})
    assert (15, 22) == (publish.due_ms, publish.backstop_ms)
    assert (125, 132) == (arrive.due_ms, arrive.backstop_ms)
    assert (235, 242) == (accept.due_ms, accept.backstop_ms)


ANSWERS = [Fact.DONE, Fact.FAIL, Fact.UNREADABLE, Fact.ARRIVED, Fact.REFUSED, Fact.ACCEPTED]
DECISIONS = [Fact.REFUSED, Fact.ACCEPTED, Fact.ASSIGNED, Fact.IN_PROGRESS, Fact.COMPLETED]


@pytest.mark.parametrize("fact", [P, X])
def test_a_publication_is_closed_by_confirmation_and_by_refusal(fact: Fact) -> None:
    assert 1 == closings(R, fact)[Kind.PUBLISH]


@pytest.mark.parametrize("answer", ANSWERS)
def test_any_answer_closes_the_arrival(answer: Fact) -> None:
    assert 2 == closings(R, P, answer)[Kind.ARRIVE]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_overtook_the_publication_closes_the_arrival(answer: Fact) -> None:
    assert 1 == closings(R, answer, P)[Kind.ARRIVE]


@pytest.mark.parametrize("decision", [*DECISIONS, Fact.FAIL, Fact.UNREADABLE])
def test_a_decision_or_a_failure_closes_the_acceptance(decision: Fact) -> None:
    assert 3 == closings(R, P, Fact.ARRIVED, decision)[Kind.ACCEPT]


@pytest.mark.parametrize("again", [Fact.DONE, Fact.ARRIVED])
def test_being_taken_again_does_not_close_the_acceptance(again: Fact) -> None:
    assert closings(R, P, Fact.ARRIVED, again)[Kind.ACCEPT] is None


def test_skips_are_normal() -> None:
    assert {Kind.PUBLISH: 1, Kind.ARRIVE: 2, Kind.ACCEPT: 2} == closings(R, P, Fact.COMPLETED)


@pytest.mark.parametrize("earlier", [Fact.FAIL, Fact.UNREADABLE])
def test_a_copy_taken_after_all_is_a_new_wait(earlier: Fact) -> None:
    assert closings(R, P, earlier, Fact.DONE)[Kind.ACCEPT] is None


def test_no_acceptance_is_waited_for_before_the_copy_is_taken() -> None:
    assert {Kind.PUBLISH, Kind.ARRIVE} == set(closings(R, P, Fact.FAIL))


def deadline(closing_ms: int | None) -> Deadline:
    """Return a deadline due at 100, closed at an instant or not."""
    closing = None if closing_ms is None else Position(9, closing_ms, 0)
    return Deadline(Kind.ARRIVE, at(0), 100, 110, closing)


@pytest.mark.parametrize(
    ("closing_ms", "service_ms", "expected"),
    [
        (None, 100, Judgement.RUNNING),
        (None, 101, Judgement.BROKEN),
        (100, 100, Judgement.KEPT),
        (100, 10_000, Judgement.KEPT),
        (101, 101, Judgement.BROKEN),
    ],
)
def test_a_deadline_is_judged_by_service_time_alone(
    closing_ms: int | None, service_ms: int, expected: Judgement
) -> None:
    assert expected == judge(deadline(closing_ms), service_ms)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ((R, P, Fact.FAIL), {Kind.RECEIVE_FAILED: None}),
        ((R, P, Fact.FAIL, Fact.DONE), {Kind.RECEIVE_FAILED: 3}),
        ((R, P, Fact.DONE, Fact.FAIL), {Kind.RECEIVE_FAILED: None}),
        ((R, P, Fact.FAIL, Fact.REFUSED), {Kind.RECEIVE_FAILED: 3}),
        ((R, P, Fact.ACCEPTED, Fact.FAIL), {}),
        ((R, P, Fact.REFUSED, Fact.FAIL), {}),
        ((R, P, Fact.REFUSED), {}),
        ((R, X), {Kind.SEND_FAILED: None}),
        ((R, X, P), {Kind.SEND_FAILED: 2}),
        ((R, P, X), {}),
        ((R, P, Fact.UNREADABLE), {Kind.UNREADABLE: None}),
        ((R, P, Fact.UNREADABLE, Fact.DONE), {Kind.UNREADABLE: None}),
        ((R, P, Fact.UNREADABLE, Fact.PUT_BACK), {Kind.UNREADABLE: 3}),
        ((R, P, Fact.PUT_BACK, Fact.UNREADABLE), {Kind.UNREADABLE: 2}),
    ],
)
def test_what_is_an_alert_at_once_and_what_ends_it(
    log: tuple[Fact, ...], expected: dict[Kind, int | None]
) -> None:
    found = failures(told(*log))
    assert expected == {f.kind: f.closing.offset if f.closing else None for f in found}
