"""Failures met in real integrations that lifecycle and deadlines prevent; F: the number there."""

from dataclasses import replace

import pytest

from hoatoc.domain.book import Account, announcement, settle
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Fact
from hoatoc.domain.event import Limits
from hoatoc.domain.lifecycle import Handling, State, axes, state
from hoatoc.domain.packet import RECALL, REPLACEMENT, UPDATE, Party, ReceiverChange, Replacement
from hoatoc.domain.sending import sending_of
from hoatoc.domain.walk import PartitionBook, Walk, walk
from hoatoc.testing.booking import booked
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.letter import LETTER
from hoatoc.testing.scenario import LIMITS, Log, delivery, dispatch

OF = delivery(1, "R1")
DAY_S = 24 * 3600
DAY_BY_TICKS = DAY_S // 60


def waiting(*recipients: str, limits: Limits = LIMITS) -> Log:
    """Write a log in which one document is published; a tick may be a minute."""
    log = Log(limits, max_gap_ms=60_000)
    log.tick()
    log.registered(1, recipients or ("R1",))
    log.published(1, recipients or ("R1",))
    return log


def read(log: Log) -> Walk:
    """Read a log."""
    return walk(PartitionBook(), log.entries)


def account_of(log: Log, recipient: str = "R1") -> Account:
    """Return the account of a recipient's copy at the end of a log."""
    account = settle(None, delivery(1, recipient), read(log), {1: EveryDay()})
    assert account
    return account


def test_f3_an_alert_of_yesterday_is_still_open_today() -> None:
    log = waiting()
    for _ in range(2 * DAY_BY_TICKS):
        log.tick(60)
    alert = account_of(log).alerts[Kind.ARRIVE]
    assert alert.closing is None
    assert log.append_ms - alert.start.append_ms > DAY_S * 1000


def test_f4_that_the_line_took_a_document_is_not_that_it_arrived() -> None:
    account = account_of(waiting())
    assert state(account.delivery.facts) is State.PUBLISHED
    assert axes(account.delivery.facts).handling is Handling.NONE


def test_f4_a_failure_of_the_line_is_no_status_of_the_recipient() -> None:
    log = waiting()
    log.answered("999")
    account = account_of(log)
    assert state(account.delivery.facts) is State.PUBLISHED
    assert account.alerts == {}


def test_f5_a_copy_that_comes_again_is_the_same_fact_and_no_failure() -> None:
    log = waiting()
    log.answered("done")
    log.append(log.entries[-1].event)
    log.published()
    log.registered()
    account = account_of(log)
    assert state(account.delivery.facts) is State.TAKEN
    assert [1] == [len(places) for fact, places in account.delivery.facts.items() if fact == "done"]
    assert account.alerts == {}


def test_f6_what_failed_for_one_recipient_is_sent_again_to_that_one_only() -> None:
    log = waiting("R1", "R2")
    log.answered("fail", recipient="R1")
    log.answered("03", recipient="R2")
    log.resent(1, ("R1",), again=2)
    log.registered(2, ("R1",))
    touched = read(log).touched
    assert Fact.RESENT in touched[OF].facts
    assert Fact.RESENT not in touched[delivery(1, "R2")].facts
    assert delivery(2, "R2") not in touched
    assert account_of(log).alerts[Kind.RECEIVE_FAILED].closing is not None


def canonical(code: str) -> str:
    """Return the code as written."""
    return code


@pytest.mark.parametrize(
    ("packet", "copies", "back"),
    [
        (replace(LETTER, business_type=RECALL), 0, 1),
        (
            replace(
                LETTER,
                business_type=UPDATE,
                receiver_changes=(ReceiverChange(code="H20", added=True),),
            ),
            1,
            0,
        ),
        (
            replace(
                LETTER,
                business_type=REPLACEMENT,
                recipients=(Party(code="H16"),),
                replacements=(Replacement(document_id="D1", organs=("H16",)),),
            ),
            1,
            1,
        ),
    ],
    ids=["recall", "update", "replacement"],
)
def test_f7_every_business_type_asks_for_something(packet, copies: int, back: int) -> None:  # type: ignore[no-untyped-def]
    asked = sending_of(packet, canonical)  # type: ignore[arg-type]
    assert (copies, back) == (len(asked.copies), len(asked.asked_back))


@pytest.mark.parametrize("code", ["", "0", "07", "14", "999", "null"])
def test_f8_an_unknown_status_moves_nothing_and_is_kept_apart(code: str) -> None:
    log = waiting()
    log.answered("03")
    before = account_of(log).delivery
    log.answered(code)
    assert before == account_of(log).delivery
    line = read(log).lines[-1]
    assert (code, False) == (line.code, line.known)


@pytest.mark.parametrize("code", ["15", "16"])
def test_f8_an_answer_to_a_recall_is_never_taken_for_an_arrival(code: str) -> None:
    log = waiting()
    log.answered("06")
    before = axes(account_of(log).delivery.facts)
    log.answered(code)
    assert before == axes(account_of(log).delivery.facts)


def test_f9_a_status_that_comes_late_moves_nothing_back() -> None:
    log = waiting()
    for code in ("06", "05", "01", "02", "03"):
        log.answered(code)
        assert axes(account_of(log).delivery.facts).handling is Handling.COMPLETED


def test_f9_a_repeated_status_stands_in_the_history_each_time() -> None:
    log = waiting()
    for said in ("phòng A", "phòng B", "phòng C"):
        log.answered("05", said=said)
    lines = [(line.code, line.detail) for line in read(log).lines if line.code]
    assert [("05", "phòng A"), ("05", "phòng B"), ("05", "phòng C")] == lines


def test_f11_a_status_counts_from_where_it_stands_and_waits_for_no_nightly_run() -> None:
    log = waiting()
    answer = log.answered("03")
    tables = booked(log.entries)
    told = [name for *_, name in tables.announced if name == "DeliveriesUpdated"]
    assert answer == tables.books[0].next_offset - 1
    assert 3 == len(told)  # one behind each record about the delivery, in its own batch


def test_f15_a_dispatch_written_twice_after_a_crash_is_one_delivery_with_one_answer() -> None:
    log = waiting()
    log.answered("03")
    once = account_of(log)
    log.registered()
    log.published()
    assert once == account_of(log)
    assert [OF] == list(read(log).touched)


def test_f17_what_was_sent_is_told_by_the_facts_alone() -> None:
    tables = booked(waiting().entries)
    ((_, kept),) = tables.deliveries.values()
    assert state(kept.facts) is State.PUBLISHED
    assert account_of(waiting()).delivery == kept


def test_f18_a_document_accepted_and_never_handled_is_somebodys_business() -> None:
    log = waiting(limits=replace(LIMITS, handle_ms=60_000))
    log.answered("03")
    for _ in range(2):
        log.tick(60)
    alert = account_of(log).alerts[Kind.HANDLE]
    assert announcement(None, alert) == "raised"
    log.answered("06")
    assert account_of(log).alerts[Kind.HANDLE].closing is not None


def test_f19_the_reason_of_a_recall_goes_into_the_log_and_its_history() -> None:
    log = waiting()
    log.recall_requested(reason="gửi nhầm phụ lục 2")
    event = log.entries[-1].event
    assert "gửi nhầm phụ lục 2" == getattr(event, "reason", None)
    assert "R1: gửi nhầm phụ lục 2" == read(log).lines[-1].detail


def test_f19_the_reason_of_a_refusal_goes_to_the_sender() -> None:
    log = waiting()
    log.answered("02", said="sai thẩm quyền")
    at = len(log.entries) - 1
    assert "sai thẩm quyền" == read(log).touched[OF].reasons[at]


def test_f20_a_failure_is_one_alert_however_often_it_comes_and_nothing_is_retried_unseen() -> None:
    log = waiting()
    for _ in range(20):
        log.answered("fail")
    account = account_of(log)
    assert {Kind.RECEIVE_FAILED} == set(account.alerts)
    assert 0 == account.alerts[Kind.RECEIVE_FAILED].episode
    assert 20 == sum(line.code == "fail" for line in read(log).lines)
    assert dispatch(1) == account.delivery.dispatch_id
