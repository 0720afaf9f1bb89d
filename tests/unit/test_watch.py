"""The tracker's view of one partition."""

from hoatoc.domain.book import Account, settle
from hoatoc.domain.deadline import Kind
from hoatoc.domain.walk import PartitionBook, walk
from hoatoc.domain.watch import Passed, Watch
from hoatoc.testing.scenario import Log, delivery

OF = delivery(1, "R1")


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
    read(watch, log)
    assert {"R1": 1, "R2": 1} == watch.by_recipient
    assert {"R2": log.append_ms} == watch.heard_ms


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
