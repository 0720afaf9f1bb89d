"""Reading a stretch of the log, and settling what it touches."""

from dataclasses import replace
from uuid import UUID

import pytest

from hoatoc.domain.book import (
    Alert,
    Announcement,
    Finder,
    announcement,
    next_due,
    running,
    settle,
    unnamed_alerts,
    wake_ms,
)
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Fact, Position
from hoatoc.domain.walk import LogGap, PartitionBook, walk
from hoatoc.domain.working_due import CalendarUnknown
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.scenario import LIMITS, Log, delivery, dispatch

OF = delivery(1, "R1")
CALENDARS = {1: EveryDay(), 2: EveryDay(closes_h=18)}
BY_CALENDAR = replace(LIMITS, accept_clock="receipt-day")


def waiting() -> Log:
    """Write a log in which one document is published."""
    log = Log()
    log.tick()
    log.registered()
    log.published()
    return log


@pytest.mark.parametrize("offset", [2, 4])
def test_a_record_that_is_missing_or_comes_again_is_an_error(offset: int) -> None:
    log = waiting()
    book = walk(PartitionBook(), log.entries).after
    assert 3 == book.next_offset
    with pytest.raises(LogGap, match=f"end at offset 3, the log goes on at {offset}"):
        walk(book, [log.entries[0]._replace(offset=offset)])


def test_a_stretch_moves_the_book_by_as_many_records_as_it_holds() -> None:
    log = waiting()
    log.append(None)
    log.ticks(2)
    after = walk(PartitionBook(), log.entries).after
    assert (6, 3, 2_000) == (after.next_offset, after.ticks, after.clock.service_ms)


def test_every_record_but_the_ticks_is_a_line_of_history() -> None:
    log = waiting()
    log.append(None)
    log.answered("03", said="đã tiếp nhận")
    log.answered("99")
    log.tick()
    lines = walk(PartitionBook(), log.entries).lines
    assert [
        (1, "DispatchRegistered", None, True),
        (2, "DispatchPublished", None, True),
        (3, "undecodable", None, False),
        (4, "StatusReported", "03", True),
        (5, "StatusReported", "99", False),
    ] == [(line.offset, line.type, line.code, line.known) for line in lines]


def test_a_fact_stands_at_the_service_time_of_the_tick_before_it() -> None:
    log = waiting()
    log.ticks(2)
    log.answered("01")
    log.tick()
    touched = walk(PartitionBook(), log.entries).touched[OF]
    assert {
        Fact.REGISTERED: (1, 0),
        Fact.PUBLISHED: (2, 0),
        Fact.ARRIVED: (5, 2_000),
    } == {fact: places[0][:2] for fact, places in touched.facts.items()}


def test_what_is_not_known_and_not_told_has_no_account() -> None:
    assert settle(None, OF, walk(PartitionBook(), []), {}) is None


def test_the_first_registration_gives_the_limits() -> None:
    log = waiting()
    walked = walk(PartitionBook(), log.entries)
    account = settle(None, OF, walked, {})
    assert account
    assert log.limits == account.delivery.limits
    other = Log(limits=replace(log.limits, arrive_ms=1))
    other.entries, other.append_ms = list(log.entries), log.append_ms
    other.registered()
    again = settle(account, OF, walk(walked.after, other.entries[3:]), {})
    at_once = settle(None, OF, walk(PartitionBook(), other.entries), {})
    assert again
    assert at_once
    assert [log.limits] * 2 == [again.delivery.limits, at_once.delivery.limits]


def test_settling_the_same_stretch_twice_changes_nothing() -> None:
    log = waiting()
    log.ticks(60)
    log.answered("fail")
    walked = walk(PartitionBook(), log.entries)
    once = settle(None, OF, walked, {})
    assert once == settle(once, OF, walked, {})


def test_the_next_due_is_the_earliest_that_runs_and_has_no_verdict() -> None:
    log = waiting()
    log.answered("01")
    account = settle(None, OF, walk(PartitionBook(), log.entries), {})
    assert account
    due = next_due(running(account))
    assert due
    assert (Kind.ACCEPT, 35_000) == (due.kind, due.due_ms)
    log.ticks(46)
    broken = settle(None, OF, walk(PartitionBook(), log.entries), {})
    assert broken
    assert {Kind.ACCEPT} == set(broken.alerts)
    assert next_due(running(broken)) is None


def test_an_answer_that_names_no_dispatch_is_an_alert_about_the_organ() -> None:
    log = Log()
    log.unreadable(None, "R7", parked=UUID(int=5))
    (alert,) = unnamed_alerts(walk(PartitionBook(), log.entries))
    assert (UUID(int=5), None, "R7", Finder.FACT) == (
        alert.subject_id,
        alert.dispatch_id,
        alert.recipient,
        alert.found_by,
    )


@pytest.mark.parametrize("code", ["", "0", "999", "07", "14", "13", "null"])
def test_an_unknown_status_is_a_line_of_history_marked_unknown_and_nothing_else(code: str) -> None:
    log = waiting()
    log.answered(code, said="?")
    walked = walk(PartitionBook(), log.entries)
    assert (code, False, "?") == walked.lines[-1][7:]
    assert {Fact.REGISTERED, Fact.PUBLISHED} == set(walked.touched[OF].facts)


def test_an_unknown_status_is_marked_unknown_though_it_repairs_another_answer() -> None:
    log = waiting()
    log.answered("99", put_back_of=UUID(int=5))
    line = walk(PartitionBook(), log.entries).lines[-1]
    assert not line.known


def test_processing_is_known_and_states_nothing() -> None:
    log = waiting()
    log.answered("processing")
    assert walk(PartitionBook(), log.entries).lines[-1].known


def test_a_recall_is_told_with_its_reason_and_whom_it_asks() -> None:
    log = waiting()
    log.recall_requested(1, ("R1", "R2"), reason="nhầm phụ lục")
    line = walk(PartitionBook(), log.entries).lines[-1]
    assert ("RecallRequested", "status-13", "R1, R2: nhầm phụ lục") == (
        line.type,
        line.code,
        line.detail,
    )


def test_a_resend_touches_those_alone_that_it_names() -> None:
    log = Log()
    log.registered(1, ("R1", "R2", "R3"))
    log.resent(1, ("R2",))
    touched = walk(PartitionBook(), log.entries).touched.values()
    assert ["R2"] == [each.recipient for each in touched if Fact.RESENT in each.facts]


def test_a_refused_recall_keeps_its_reason() -> None:
    log = waiting()
    log.recall_requested()
    at = log.recall_published(1, (), {"R1": "TopicAuthorizationFailedError"})
    walked = walk(PartitionBook(), log.entries)
    assert "TopicAuthorizationFailedError" == walked.touched[OF].reasons[at]
    account = settle(None, OF, walked, {})
    assert account
    assert {Kind.RECALL_FAILED} == set(account.alerts)


def test_the_version_and_the_lost_time_are_those_of_the_tick_before() -> None:
    log = Log()
    log.tick()
    log.version = 2
    log.tick(60)
    log.version = 5
    log.tick()
    walked = walk(PartitionBook(), log.entries)
    assert [(0, 0), (2, 60_000), (5, 60_000)] == [walked.in_force(at) for at in (0, 1, 2)]
    assert {1, 2, 5} == walked.versions
    assert walked.new_version
    assert not walk(walked.after, []).new_version


def test_a_due_by_a_calendar_is_kept_in_the_account_and_wakes_the_ledger_when_it_passes() -> None:
    log = Log(limits=BY_CALENDAR)
    log.tick()
    log.registered()
    log.published()
    log.answered("01")
    account = settle(None, OF, walk(PartitionBook(), log.entries), CALENDARS)
    assert account
    due = account.working[Kind.ACCEPT]
    closing = EveryDay().end_of_receipt_day_ms(log.append_ms)
    assert closing - log.append_ms + LIMITS.allowance_ms == due.due_ms
    assert due.due_ms == wake_ms(account, running(account))
    passed = replace(account, working={Kind.ACCEPT: due._replace(passed=True)})
    assert due.due_ms + LIMITS.grace_ms == wake_ms(passed, running(passed))


def test_a_calendar_that_is_not_at_hand_stops_the_booking() -> None:
    log = Log(limits=BY_CALENDAR, version=7)
    log.tick()
    log.registered()
    log.answered("01")
    with pytest.raises(CalendarUnknown, match="version 7"):
        settle(None, OF, walk(PartitionBook(), log.entries), CALENDARS)


def test_a_due_is_settled_by_the_ticks_up_to_its_answer_and_by_none_behind_it() -> None:
    log = Log(limits=BY_CALENDAR)
    log.tick()
    log.registered()
    log.answered("01")
    log.answered("03")
    log.version = 2
    log.tick()
    account = settle(None, OF, walk(PartitionBook(), log.entries), CALENDARS)
    assert account
    closing = EveryDay().end_of_receipt_day_ms(log.append_ms)
    began = log.entries[2].append_ms
    assert closing - began + LIMITS.allowance_ms == account.working[Kind.ACCEPT].due_ms


def test_of_a_recall_alone_the_limits_are_known_too() -> None:
    log = Log(limits=replace(LIMITS, recall_ms=60_000))
    log.recall_requested()
    log.recall_published()
    account = settle(None, OF, walk(PartitionBook(), log.entries), {})
    assert account
    due = next_due(running(account))
    assert due
    assert (Kind.RECALL, 65_000) == (due.kind, due.due_ms)


PLACE = Position(1, 2, 3)


def alert(closing: Position | None) -> Alert:
    """Return an alert that is open or closed."""
    return Alert(OF, Kind.ARRIVE, dispatch(1), "R1", PLACE, 9, 8, Finder.TRACKER, closing)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, alert(None), Announcement.RAISED),
        (None, alert(PLACE), None),
        (alert(None), alert(None), None),
        (alert(None), alert(PLACE), Announcement.RESOLVED),
        (alert(PLACE), alert(PLACE), None),
    ],
)
def test_what_is_announced_of_an_alert(
    before: Alert | None, after: Alert, expected: Announcement | None
) -> None:
    assert expected == announcement(before, after)
