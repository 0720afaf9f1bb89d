"""Recalls: counter-examples 13 and 21, which killed earlier drafts (design, section 9)."""

from dataclasses import replace

from hoatoc.domain.lifecycle import State, state
from hoatoc.testing.booking import Verdicts, agreed, booked
from hoatoc.testing.oracle import Verdict
from hoatoc.testing.scenario import LIMITS, Log, delivery

OF = delivery(1, "R1")
ARRIVE_S = 25  # limit and allowance
GRACE_S = 10
RECALLED = replace(LIMITS, recall_ms=20_000)
RECALL_S = 25


def alerts(log: Log) -> Verdicts:
    """Return the alerts of a log, which are the same however it is cut."""
    return agreed(log.entries)


def recalled(answer: str = "") -> Log:
    """Write a log in which a copy is asked back, and answered or not."""
    log = Log(limits=RECALLED)
    log.tick()
    log.registered()
    log.published()
    log.recall_requested()
    log.recall_published()
    if answer:
        log.answered(answer)
    return log


def test_13_a_recall_without_an_answer_stops_no_clock_and_is_somebodys_business() -> None:
    log = recalled()
    log.ticks(RECALL_S + GRACE_S + 1)
    assert {(OF, "arrive"), (OF, "recall")} == set(alerts(log))
    (_, found), *_ = booked(log.entries).deliveries.values()
    assert State.PUBLISHED == state(found.facts)


def test_13_an_agreed_recall_ends_every_wait_and_a_declined_one_its_own() -> None:
    agreed, declined = recalled("15"), recalled("16")
    for log in (agreed, declined):
        log.ticks(ARRIVE_S + GRACE_S + 1)
    assert {} == alerts(agreed)
    assert {(OF, "arrive")} == set(alerts(declined))
    (_, found), *_ = booked(agreed.entries).deliveries.values()
    assert State.RECALLED == state(found.facts)


def test_13_an_answer_that_nobody_asked_for_ends_nothing() -> None:
    log = Log()
    log.tick()
    log.registered()
    log.published()
    log.answered("15")
    log.ticks(ARRIVE_S + GRACE_S + 1)
    assert {(OF, "arrive")} == set(alerts(log))
    log.recall_requested()
    assert Verdict(log.entries[-2].offset, "backstop", None) == alerts(log)[OF, "arrive"]


def test_21_nobody_is_late_to_answer_a_recall_that_never_left() -> None:
    log = Log(limits=RECALLED)
    log.tick()
    log.registered()
    log.published()
    log.answered("03")
    log.recall_requested()  # and the relay is dead
    log.ticks(100)
    assert {} == alerts(log)
    log.recall_published()
    log.ticks(RECALL_S)
    assert {} == alerts(log)
    log.tick()
    log.proposed("recall")
    assert {(OF, "recall")} == set(alerts(log))


def test_21_a_recall_that_the_broker_refused_is_our_failure_until_it_is_mended() -> None:
    log = Log(limits=RECALLED)
    log.tick()
    log.registered()
    log.published()
    log.answered("03")
    log.recall_requested()
    refused = log.recall_published(1, (), {"R1": "TopicAuthorizationFailedError"})
    log.ticks(100)
    assert {(OF, "recall-failed"): Verdict(refused, "fact", None)} == alerts(log)
    mended = log.recall_published()
    assert {(OF, "recall-failed"): Verdict(refused, "fact", mended)} == alerts(log)
