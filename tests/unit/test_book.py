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
    settle,
    unnamed_alerts,
)
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Fact, Position
from hoatoc.domain.walk import LogGap, PartitionBook, walk
from hoatoc.testing.scenario import Log, delivery, dispatch

OF = delivery(1, "R1")


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
    due = next_due(account)
    assert due
    assert (Kind.ACCEPT, 35_000) == (due.kind, due.due_ms)
    log.ticks(46)
    broken = settle(None, OF, walk(PartitionBook(), log.entries), {})
    assert broken
    assert {Kind.ACCEPT} == set(broken.alerts)
    assert next_due(broken) is None


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
