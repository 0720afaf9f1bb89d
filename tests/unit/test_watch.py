"""The tracker's view of one partition."""

from dataclasses import replace

from hoatoc.domain.book import Account, settle
from hoatoc.domain.deadline import Kind
from hoatoc.domain.walk import PartitionBook, walk
from hoatoc.domain.watch import Passed, Watch
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.scenario import LIMITS, Log, delivery

OF = delivery(1, "R1")
WHOLE = replace(LIMITS, handle_ms=40_000, recall_ms=20_000)
WORKDAY = EveryDay(hour_ms=1_000)  # a day in 24 seconds
NOON_MS = WORKDAY.instant(WORKDAY.day(1_760_029_200_000), 12)


def waiting(number: int = 1) -> Log:
    """Write a log in which one document is published."""
    log = Log()
    log.tick()
    log.registered(number)
    log.published(number)
    return log


def read(watch: Watch, log: Log, begin: int = 0) -> list[Passed]:
    """Let a watch read a log from an offset."""
    return [passed for entry in log.entries[begin:] for passed in watch.observe(entry)]


def account_of(log: Log) -> Account:
    """Return the account of the delivery at the end of a log."""
    account = settle(None, OF, walk(PartitionBook(), log.entries), {})
    assert account
    return account


def test_a_deadline_is_proposed_once_at_the_first_tick_past_due() -> None:
    watch, log = Watch({}), waiting()
    log.ticks(25)
    assert [] == read(watch, log)
    log.tick()
    assert [Passed(OF, Kind.ARRIVE, 25_000)] == watch.observe(log.entries[-1])
    log.ticks(100)
    assert [] == read(watch, log, 29)


def test_an_answer_in_time_leaves_nothing_to_propose_but_the_acceptance() -> None:
    watch, log = Watch({}), waiting()
    log.answered("01")
    log.ticks(36)
    assert [Passed(OF, Kind.ACCEPT, 35_000)] == read(watch, log)


def test_an_accepted_delivery_is_let_go() -> None:
    watch, log = Watch({}), waiting()
    log.answered("03")
    log.ticks(100)
    assert [] == read(watch, log)
    assert {} == watch.accounts
    assert 0 == watch.by_recipient["R1"]
    assert 0 == len(watch.wheel)


def test_a_second_deadline_of_the_same_delivery_is_proposed_behind_the_first() -> None:
    watch, log = Watch({}), Log()
    log.tick()
    log.registered()
    log.answered("01")  # and the publication never comes
    log.ticks(16)
    assert [Passed(OF, Kind.PUBLISH, 15_000)] == read(watch, log)
    log.proposed("publish")
    log.ticks(20)
    assert [Passed(OF, Kind.ACCEPT, 35_000)] == read(watch, log, 19)


def test_deadlines_that_pass_at_one_tick_are_proposed_at_it() -> None:
    watch, log = Watch({}), Log(limits=replace(LIMITS, arrive_ms=10_000))
    log.tick()
    log.registered()
    log.answered("done")
    log.registered(2)
    log.published(2)
    log.ticks(15)
    log.recall_requested(2, limits=replace(LIMITS, recall_ms=1))
    assert [] == read(watch, log)
    log.tick()
    found = watch.observe(log.entries[-1])
    assert {(OF, Kind.PUBLISH), (delivery(2, "R1"), Kind.ARRIVE)} == {p[:2] for p in found}


def test_a_later_deadline_is_proposed_in_time_though_the_earlier_proposal_is_on_its_way() -> None:
    watch, log = Watch({}), Log()
    log.tick()
    log.registered()
    log.answered("01")
    log.ticks(100)
    assert [Kind.PUBLISH, Kind.ACCEPT] == [passed.kind for passed in read(watch, log)]


def test_an_accepted_delivery_is_watched_as_long_as_its_handling_is_due() -> None:
    watch, log = Watch({}), Log(limits=WHOLE)
    log.tick()
    log.registered()
    log.published()
    log.answered("03")
    log.tick()
    assert [] == read(watch, log)
    assert {OF} == set(watch.accounts)
    log.answered("04")
    log.tick()
    assert [] == read(watch, log, 5)
    assert {} == watch.accounts
    assert 0 == watch.by_recipient["R1"]


def test_a_recall_of_a_delivery_that_was_let_go_is_watched() -> None:
    for answer, left in (("15", 0), ("16", 0), ("01", 1)):
        watch, log = Watch({}), Log(limits=replace(LIMITS, recall_ms=20_000))
        log.tick()
        log.registered()
        log.published()
        log.answered("03")
        log.recall_requested()
        log.recall_published()
        log.ticks(26)
        assert [Passed(OF, Kind.RECALL, 25_000)] == read(watch, log)
        log.answered(answer)
        log.tick()
        assert [] == read(watch, log, 32)
        assert left == len(watch.accounts) == watch.by_recipient["R1"]


def test_a_recall_on_its_way_keeps_a_decided_delivery() -> None:
    watch, log = Watch({}), Log(limits=replace(LIMITS, recall_ms=20_000))
    log.tick()
    log.registered()
    log.published()
    log.recall_requested()
    log.answered("02")
    log.recall_published()
    log.ticks(26)
    assert [Passed(OF, Kind.RECALL, 25_000)] == read(watch, log)


def by_calendar() -> Log:
    """Write a log at noon in which a document arrived that is to be accepted the same day."""
    limits = replace(LIMITS, accept_clock="receipt-day", allowance_ms=1_000)
    log = Log(limits=limits, append_ms=NOON_MS, max_gap_ms=2_000)
    log.tick()
    log.registered()
    log.published()
    log.answered("01")
    return log


def test_a_due_by_a_calendar_is_proposed_when_it_has_passed() -> None:
    watch, log = Watch({1: WORKDAY}), by_calendar()
    log.ticks(10)
    assert [Passed(OF, Kind.ACCEPT, 5_000)] == read(watch, log)


def test_a_due_that_an_outage_ended_out_of_hours_is_proposed_where_it_moved_to() -> None:
    watch, log = Watch({1: WORKDAY}), by_calendar()
    log.tick(7)  # lost; it is 20 o'clock
    log.ticks(40)
    (passed,) = read(watch, log)
    assert log.append_ms > NOON_MS + 24_000
    served_before = 6_000  # at the tick that passed the first due
    at_ms = log.entries[4].append_ms + served_before
    away = WORKDAY.add_working_ms(at_ms, 7_000) - at_ms
    assert served_before + away + 1_000 == passed.due_ms


def test_a_new_version_at_a_tick_that_passes_a_due_long_gone_harms_nothing() -> None:
    log = by_calendar()
    log.answered("03")
    accepted = account_of_calendar(log)
    watch = Watch({1: WORKDAY, 2: WORKDAY})
    watch.begin(walk(PartitionBook(), log.entries).after, [accepted])
    log.ticks(30)
    log.version = 2
    log.tick()
    assert [] == read(watch, log)


def account_of_calendar(log: Log) -> Account:
    """Return the account of the delivery at the end of a log, by a calendar."""
    account = settle(None, OF, walk(PartitionBook(), log.entries), {1: WORKDAY})
    assert account
    return account


def test_a_publication_that_is_late_is_ours_even_when_the_copy_was_accepted() -> None:
    watch, log = Watch({}), Log()
    log.tick()
    log.registered()
    log.answered("03")
    log.ticks(16)
    assert [Passed(OF, Kind.PUBLISH, 15_000)] == read(watch, log)


def test_a_watch_that_begins_from_the_books_proposes_what_one_from_the_log_proposes() -> None:
    for begin in (3, 10, 28):
        log = waiting()
        log.ticks(26)
        watch, head = Watch({}), Log(entries=log.entries[:begin])
        watch.begin(walk(PartitionBook(), head.entries).after, [account_of(head)])
        assert [Passed(OF, Kind.ARRIVE, 25_000)] == read(watch, log)


def test_records_before_the_snapshot_are_passed_over() -> None:
    watch, log = Watch({}), waiting()
    watch.begin(walk(PartitionBook(), log.entries).after, [])
    assert [] == read(watch, log)
    assert {} == watch.accounts


def test_open_deliveries_are_counted_by_recipient_and_silence_from_the_last_answer() -> None:
    watch, log = Watch({}), Log()
    log.tick()
    log.registered(1, ("R1", "R2"))
    log.published(1, ("R1", "R2"))
    log.wait(7)
    log.answered("01", recipient="R2")
    answered_ms = log.append_ms
    log.tick()
    read(watch, log)
    assert {"R1": 1, "R2": 1} == watch.by_recipient
    assert {"R2": answered_ms} == watch.heard_ms


def test_what_comes_between_two_ticks_is_noted_up_to_a_stretch_and_settled_at_once() -> None:
    watch, log = Watch({}, stretch=2), waiting()
    log.answered("01")
    log.answered("03")
    assert [] == read(watch, log)
    assert (5, [3, 4]) == (watch.next_offset, [entry.offset for entry in watch.noted])
    assert {OF} == set(watch.accounts)
    log.tick()
    assert [] == watch.observe(log.entries[-1])
    assert ([], {}) == (watch.noted, watch.accounts)


def test_a_record_that_comes_again_is_noted_once() -> None:
    watch, log = Watch({}), waiting()
    read(watch, log)
    assert [] == read(watch, log)
    assert 3 == watch.next_offset


def test_behind_a_gap_it_goes_on_with_what_it_has() -> None:
    watch, log = Watch({}), waiting()
    log.answered("03", number=2)  # is not read
    log.ticks(26)
    del log.entries[3]
    assert [Passed(OF, Kind.ARRIVE, 25_000)] == read(watch, log)


def test_the_oldest_open_delivery_is_known_from_a_snapshot_in_any_order() -> None:
    old, young = waiting(), Log()
    young.wait(60)
    young.registered(2)
    walked = walk(PartitionBook(), young.entries)
    later = settle(None, delivery(2, "R1"), walked, {})
    assert later
    for accounts in ([later, account_of(old)], [account_of(old), later]):
        watch = Watch({})
        watch.begin(PartitionBook(), accounts)
        assert old.entries[1].append_ms == watch.oldest_ms()


def test_without_an_open_delivery_none_is_the_oldest() -> None:
    assert Watch({}).oldest_ms() is None
