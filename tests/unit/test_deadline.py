"""Which deadlines run, what closes them, and what is an alert at once."""

from dataclasses import replace

import pytest

from hoatoc.domain.deadline import (
    Deadline,
    Judgement,
    Kind,
    clock_of,
    deadlines,
    failures,
    judge,
    kinds_of,
)
from hoatoc.domain.delivery import Fact, Facts, Position, merge
from hoatoc.domain.event import Limits
from hoatoc.domain.working_due import WorkingDue

LIMITS = Limits(
    policy="test", publish_ms=10, arrive_ms=20, accept_ms=30, allowance_ms=5, grace_ms=7
)
WHOLE = replace(LIMITS, handle_ms=40, recall_ms=50, reply_by="2025-10-10")
REPLY_DUE = WorkingDue(9_000, 0)
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
    found = deadlines(told(*log), WHOLE, {Kind.REPLY: REPLY_DUE})
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
    every = (Kind.ARRIVE, Kind.ACCEPT, Kind.HANDLE, Kind.REPLY)
    assert {Kind.PUBLISH: 1, **dict.fromkeys(every, 2)} == closings(R, P, Fact.COMPLETED)


@pytest.mark.parametrize("earlier", [Fact.FAIL, Fact.UNREADABLE])
def test_a_copy_taken_after_all_is_a_new_wait(earlier: Fact) -> None:
    assert closings(R, P, earlier, Fact.DONE)[Kind.ACCEPT] is None


def test_no_acceptance_is_waited_for_before_the_copy_is_taken() -> None:
    assert {Kind.PUBLISH, Kind.ARRIVE} == set(closings(R, P, Fact.FAIL))


@pytest.mark.parametrize("code", [Fact.REFUSED, *DECISIONS[2:]])
def test_an_accepted_document_waits_for_its_handling_or_its_return(code: Fact) -> None:
    assert closings(R, P, Fact.ACCEPTED)[Kind.HANDLE] is None
    assert closings(R, P, Fact.ACCEPTED, code)[Kind.HANDLE] == 3


def test_a_refusal_before_an_acceptance_leaves_nothing_to_handle() -> None:
    assert closings(R, P, Fact.REFUSED, Fact.ACCEPTED)[Kind.HANDLE] == 2


@pytest.mark.parametrize("code", [Fact.REFUSED, Fact.COMPLETED])
def test_a_reply_is_waited_for_from_arrival_to_completion_or_refusal(code: Fact) -> None:
    assert closings(R, P, Fact.DONE, Fact.IN_PROGRESS)[Kind.REPLY] is None
    assert closings(R, P, Fact.DONE, code)[Kind.REPLY] == 3


ASK, ASKED, UNASKED = Fact.RECALL_REQUESTED, Fact.RECALL_PUBLISHED, Fact.RECALL_UNSENT
YES, NO = Fact.RECALL_AGREED, Fact.RECALL_DECLINED
OF_THE_COPY = (Kind.ARRIVE, Kind.ACCEPT, Kind.HANDLE, Kind.REPLY)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ((ASK, ASKED), None),
        ((YES, ASK, ASKED), None),
        ((ASK, ASKED, YES), 2),
        ((ASK, ASKED, NO, YES), 2),
        ((ASK, NO, ASKED), 1),
        ((ASK, ASKED, Fact.UNREADABLE, YES), 2),
        ((Fact.UNREADABLE, ASK, ASKED), None),
    ],
)
def test_a_recall_is_waited_for_from_its_publication_to_its_answer(
    log: tuple[Fact, ...], expected: int | None
) -> None:
    assert expected == closings(*log)[Kind.RECALL]


def test_a_recall_that_nobody_was_told_of_has_no_deadline() -> None:
    assert Kind.RECALL not in closings(R, P, ASK, UNASKED)


WAITING = (R, P, Fact.ACCEPTED)


def test_asking_back_stops_no_clock_and_declining_neither() -> None:
    assert closings(*WAITING) == {
        kind: closing
        for kind, closing in closings(*WAITING, ASK, ASKED, NO).items()
        if kind is not Kind.RECALL
    }


def test_once_the_recall_is_agreed_nothing_of_the_copy_is_due() -> None:
    agreed = closings(R, P, ASK, ASKED, YES)
    assert agreed == {Kind.PUBLISH: 1, Kind.ARRIVE: 4, Kind.RECALL: 4}
    late = closings(R, P, ASK, YES, Fact.ACCEPTED)
    assert {late[kind] for kind in OF_THE_COPY} == {3}


def test_once_the_copy_was_sent_again_nothing_of_the_old_one_is_due() -> None:
    again = closings(R, P, Fact.RESENT, Fact.DONE, Fact.ACCEPTED)
    assert {again[kind] for kind in OF_THE_COPY} == {2}


@pytest.mark.parametrize("kind", [Kind.ACCEPT, Kind.HANDLE, Kind.REPLY])
def test_an_answer_that_we_could_not_read_blames_nobody_for_what_it_may_have_said(
    kind: Kind,
) -> None:
    started = (R, P, Fact.ACCEPTED if kind is Kind.HANDLE else Fact.DONE)
    assert closings(*started, Fact.UNREADABLE)[kind] == 3
    assert closings(R, P, Fact.UNREADABLE, started[-1])[kind] is None


def test_a_deadline_by_a_calendar_stands_where_its_due_was_fixed() -> None:
    found = {d.kind: d for d in deadlines(told(R, P, Fact.DONE), WHOLE, {Kind.REPLY: REPLY_DUE})}
    assert (9_000, 9_007) == (found[Kind.REPLY].due_ms, found[Kind.REPLY].backstop_ms)


def test_a_limit_is_a_span_or_a_clock_and_without_either_nothing_is_due() -> None:
    assert [kind for kind, _, _ in kinds_of(LIMITS)] == [Kind.PUBLISH, Kind.ARRIVE, Kind.ACCEPT]
    by_clock = replace(WHOLE, accept_clock="receipt-day", handle_clock="next-working-day")
    assert {kind: clock_of(kind, by_clock) for kind, _, _ in kinds_of(by_clock)} == {
        Kind.PUBLISH: "",
        Kind.ARRIVE: "",
        Kind.ACCEPT: "receipt-day",
        Kind.HANDLE: "next-working-day",
        Kind.REPLY: "due-date",
        Kind.RECALL: "",
    }


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
        ((R, P, Fact.FAIL, ASK, YES), {Kind.RECEIVE_FAILED: 4}),
        ((R, P, Fact.FAIL, ASK, NO), {Kind.RECEIVE_FAILED: None}),
        ((R, P, ASK, YES, Fact.FAIL), {}),
        ((R, P, Fact.FAIL, Fact.RESENT), {Kind.RECEIVE_FAILED: 3}),
        ((R, P, Fact.FAIL, Fact.RESENT, Fact.FAIL), {Kind.RECEIVE_FAILED: 3}),
        ((R, P, Fact.RESENT, Fact.FAIL), {}),
        ((R, X, Fact.RESENT), {Kind.SEND_FAILED: 2}),
        ((R, X, ASK, YES), {Kind.SEND_FAILED: 3}),
        ((R, P, ASK, UNASKED), {Kind.RECALL_FAILED: None}),
        ((R, P, ASK, UNASKED, ASKED), {Kind.RECALL_FAILED: 4}),
        ((R, P, ASK, UNASKED, NO), {Kind.RECALL_FAILED: 4}),
        ((R, P, ASK, ASKED, UNASKED), {}),
        ((R, P, Fact.RESENT, ASK, UNASKED), {Kind.RECALL_FAILED: None}),
    ],
)
def test_what_is_an_alert_at_once_and_what_ends_it(
    log: tuple[Fact, ...], expected: dict[Kind, int | None]
) -> None:
    found = failures(told(*log))
    assert expected == {f.kind: f.closing.offset if f.closing else None for f in found}
