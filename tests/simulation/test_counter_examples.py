"""The counter-examples that killed earlier drafts (design, section 9), by number."""

from itertools import product
from uuid import UUID

import pytest

from hoatoc import codec
from hoatoc.domain.deadline import Kind
from hoatoc.domain.lifecycle import State, state
from hoatoc.domain.watch import Watch
from hoatoc.ports import PositionTaken
from hoatoc.testing.booking import (
    Ledgers,
    Verdicts,
    agreed,
    booked,
    books,
    proposals,
    stretches,
    verdicts,
)
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.oracle import Verdict, must_be_alerted
from hoatoc.testing.scenario import Log, delivery

OF = delivery(1, "R1")
ARRIVE_S, ACCEPT_S = 25, 35  # limit and allowance
GRACE_S = 10


def waiting() -> Log:
    """Write a log in which one document is published and the clock runs."""
    log = Log()
    log.tick()
    log.registered()
    log.published()
    return log


def alerts(log: Log) -> Verdicts:
    """Return the alerts of a log, which are the same however it is cut."""
    return agreed(log.entries)


def test_01_a_ledger_that_lags_behind_the_wall_clock_alerts_nothing() -> None:
    log = waiting()
    log.wait(3600)  # what the wall says meanwhile
    assert {} == verdicts(booked(log.entries))
    log.answered("03")
    log.tick()
    assert {} == alerts(log)


def test_01_with_every_tracker_dead_the_ticks_of_the_paths_still_bring_the_alert() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S)
    assert {} == alerts(log)
    tick = log.tick()
    assert {(OF, "arrive"): Verdict(tick, "backstop", None)} == alerts(log)


def test_02_a_proposal_is_judged_at_its_own_place_however_far_the_judge_lags() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + 1)
    proposed = log.proposed("arrive")
    assert {(OF, "arrive"): Verdict(proposed, "tracker", None)} == alerts(log)


def test_02_a_proposal_that_comes_too_early_changes_nothing_and_blocks_nothing() -> None:
    log = waiting()
    log.ticks(ARRIVE_S)
    log.proposed("arrive")
    log.answered("01")
    assert {} == alerts(log)


def test_03_the_acknowledgement_wins_by_service_time_not_by_commit_order() -> None:
    in_time, late = waiting(), waiting()
    in_time.ticks(ARRIVE_S)
    in_time.answered("03")
    in_time.ticks(GRACE_S + 2)
    assert {} == alerts(in_time)
    late.ticks(ARRIVE_S + 1)
    answer = late.answered("03")
    assert {(OF, "arrive"): Verdict(answer, "answer", answer)} == alerts(late)


def test_05_the_recipient_is_not_blamed_while_its_topic_is_empty() -> None:
    log = Log()
    log.tick()
    log.registered()
    log.ticks(100)
    assert {(OF, "publish")} == set(alerts(log))
    log.published()
    log.ticks(ARRIVE_S)
    assert {(OF, "publish")} == set(alerts(log))


def test_05_an_answer_that_overtakes_the_publication_counts() -> None:
    for word in ("01", "done", "fail"):
        log = Log()
        log.tick()
        log.registered()
        log.answered(word)
        log.published()
        log.ticks(ARRIVE_S + GRACE_S + 1)
        assert (OF, "arrive") not in alerts(log)


def test_06_of_a_repeated_registration_and_publication_the_first_counts() -> None:
    log = waiting()
    log.ticks(ARRIVE_S - 5)
    log.registered()
    log.published()
    log.ticks(6)
    answer = log.answered("03")
    assert {(OF, "arrive"): Verdict(answer, "answer", answer)} == alerts(log)


def test_07_a_broker_clock_that_steps_back_makes_nobody_late_and_nobody_early() -> None:
    log = waiting()
    log.ticks(ARRIVE_S)
    log.tick(-7200, 1)
    log.answered("03")
    assert {} == alerts(log)
    late = waiting()
    late.ticks(ARRIVE_S + 1)
    late.wait(-7200)
    answer = late.answered("03")
    assert {(OF, "arrive"): Verdict(answer, "answer", answer)} == alerts(late)


async def zombie(kind: type[MemoryLedger]) -> tuple[Log, Ledgers]:
    """Let one ledger read [0, 1), another book [0, 2), and the first come back and book."""
    log = Log()
    log.tick()
    log.registered()
    ledgers = Ledgers(kind)
    stale, fresh = await ledgers.begin(), await ledgers.begin()
    held = ledgers.read(stale, log.entries[:1])
    await ledgers.write(fresh, ledgers.read(fresh, log.entries))
    await ledgers.write(stale, held)
    return log, ledgers


class Unguarded(MemoryLedger):
    """Moves a position wherever it stands: the guard is removed."""

    async def move(self, walks: object) -> None:
        """Move without looking."""
        assert isinstance(walks, dict)
        self.tables.books |= {p: walked.after for p, walked in walks.items()}


async def test_08_a_zombie_ledger_cannot_move_a_position_twice() -> None:
    with pytest.raises(PositionTaken):
        await zombie(MemoryLedger)


async def test_08_without_the_guard_the_position_goes_back() -> None:
    log, ledgers = await zombie(Unguarded)
    assert len(log.entries) > ledgers.tables.books[0].next_offset


async def test_08_what_a_zombie_could_not_book_leaves_no_trace() -> None:
    log = waiting()
    ledgers = Ledgers()
    stale, fresh = await ledgers.begin(), await ledgers.begin()
    held = ledgers.read(stale, log.entries[:2])
    await ledgers.write(fresh, ledgers.read(fresh, log.entries))
    before = books(ledgers.tables)
    told = len(ledgers.tables.announced)
    with pytest.raises(PositionTaken):
        await ledgers.write(stale, held)
    assert before == books(ledgers.tables)
    assert told == len(ledgers.tables.announced)
    assert 0 == stale.books[0].next_offset


def test_09_the_tracker_waits_for_nobody() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + 1)
    assert [Kind.ARRIVE] == [passed.kind for _, passed in proposals(log.entries)]


def test_09_the_tracker_passes_over_what_its_snapshot_holds_and_over_gaps() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + 1)
    tables = booked(log.entries[:10])
    watch = Watch({})
    watch.begin(tables.books[0], [])
    found = [passed for entry in log.entries for passed in watch.observe(entry)]
    assert [] == found
    assert len(log.entries) == watch.book.next_offset
    watch.observe(log.entries[0]._replace(offset=1000))
    assert 1001 == watch.book.next_offset


def test_10_one_recipient_who_answers_does_not_hide_another_who_does_not() -> None:
    log = Log()
    log.tick()
    for number in (1, 2):
        log.registered(number)
        log.published(number)
    for _ in range(ARRIVE_S + GRACE_S + 1):
        log.tick()
        log.answered("01", 1)
    assert {(delivery(2, "R1"), "arrive")} == set(alerts(log))


async def test_12_resolved_has_a_greater_version_than_raised_and_comes_after_it() -> None:
    log = waiting()
    log.answered("fail", said="hết chỗ")
    log.answered("done")
    told = [name for *_, name in booked(log.entries[:3]).announced if "Alert" in name]
    assert [] == told
    ledgers = Ledgers()
    booking = await ledgers.begin()
    for stretch in stretches(log.entries, [4]):
        await ledgers.write(booking, ledgers.read(booking, stretch))
    names = [name for *_, name in ledgers.tables.announced if "Alert" in name]
    assert ["AlertRaised", "AlertResolved"] == names


async def test_12_a_failure_mended_within_one_batch_pages_nobody_and_is_in_the_books() -> None:
    log = waiting()
    failed = log.answered("fail")
    mended = log.answered("done")
    ledgers = Ledgers()
    booking = await ledgers.begin()
    await ledgers.write(booking, ledgers.read(booking, log.entries))
    assert [] == [name for *_, name in ledgers.tables.announced if "Alert" in name]
    assert {(OF, "receive-failed"): Verdict(failed, "fact", mended)} == verdicts(ledgers.tables)


def test_16_an_unreadable_answer_blames_nobody_and_raises_an_alert_of_ours() -> None:
    log = waiting()
    unread = log.unreadable()
    log.ticks(100)
    assert {(OF, "unreadable"): Verdict(unread, "fact", None)} == alerts(log)


def test_16_a_put_back_claims_no_time_and_resolves_the_alert() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S + 1)
    before = alerts(log)
    unread = log.unreadable(parked=UUID(int=1))
    back = log.answered("done", put_back_of=UUID(int=1))
    after = alerts(log)
    assert {(OF, "arrive"), (OF, "unreadable")} == set(after)
    assert before[OF, "arrive"]._replace(closing_offset=unread) == after[OF, "arrive"]
    assert Verdict(unread, "fact", back) == after[OF, "unreadable"]


@pytest.mark.parametrize("pattern", list(product((1, 4, 30), repeat=4)))
def test_17_an_outage_runs_no_recipients_clock(pattern: tuple[int, ...]) -> None:
    log = waiting()
    served = 0
    for pause in pattern:
        log.ticks(3)
        log.tick(pause)
        served += 3 + (pause if pause <= 5 else 0)
    assert served * 1000 == booked(log.entries, []).books[0].clock.service_ms
    assert {} == alerts(log)


def test_17_another_path_that_is_away_stops_the_clock_as_well() -> None:
    log = Log()
    both = ("gateway", "intake")
    for _ in range(3):
        log.tick(0.5, 1, path="gateway", paths=both)
        log.tick(0.5, 1, path="intake", paths=both)
    served = booked(log.entries).books[0].clock.service_ms
    for _ in range(100):
        log.tick(1, path="intake", paths=both)
    ran = booked(log.entries).books[0].clock.service_ms - served
    assert ran <= log.max_gap_ms


def test_17_a_shard_that_never_ticked_stops_the_clock_of_the_other_paths_too() -> None:
    log = Log()
    both = ("gateway", "intake")
    for _ in range(20):
        log.tick(0.5, 1, path="gateway", paths=both)
        log.tick(0.5, 1, path="intake", paths=both, shard=0, shards=2)
    assert 0 == booked(log.entries).books[0].clock.service_ms


def test_17_a_broker_clock_that_steps_back_hides_no_path_that_is_away() -> None:
    log = Log()
    both = ("gateway", "intake")
    log.tick(1, path="gateway", paths=both)
    log.tick(1, path="intake", paths=both)
    log.wait(-7200)
    log.ticks(0)
    for _ in range(100):
        log.tick(1, path="intake", paths=both)
    assert booked(log.entries).books[0].clock.service_ms <= log.max_gap_ms


def test_18_ticks_buffered_through_an_outage_do_not_run_the_clock_of_the_outage() -> None:
    log = waiting()
    log.ticks(5)
    log.wait(120)
    for _ in range(120):
        log.tick(0.001, 1)
    served_ms = booked(log.entries, []).books[0].clock.service_ms
    assert 5_000 <= served_ms <= 5_000 + log.max_gap_ms
    log.ticks(10)
    assert served_ms + 10_000 == booked(log.entries, []).books[0].clock.service_ms


def test_18_a_clock_that_was_ahead_freezes_nothing() -> None:
    log = waiting()
    log.ticks(5)
    log.tick(1, 86_400)
    log.tick(1, -86_400)
    log.ticks(5)
    assert 10_000 == booked(log.entries, []).books[0].clock.service_ms


async def test_19_a_ledger_that_restarts_all_the_time_stretches_no_limit() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S + 1)
    ledgers = Ledgers()
    for stretch in stretches(log.entries, range(1, len(log.entries))):
        booking = await ledgers.begin()
        await ledgers.write(booking, ledgers.read(booking, stretch))
    assert books(booked(log.entries, [])) == books(ledgers.tables)
    assert {(OF, "arrive")} == set(verdicts(ledgers.tables))


def test_23_who_found_it_is_told_by_position_and_not_by_who_came_first() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S)
    proposed = log.proposed("arrive")
    log.tick()
    log.answered("03")
    assert Verdict(proposed, "tracker", proposed + 2) == alerts(log)[OF, "arrive"]
    missed = waiting()
    missed.ticks(ARRIVE_S + GRACE_S)
    tick = missed.tick()
    missed.proposed("arrive")
    assert Verdict(tick, "backstop", None) == alerts(missed)[OF, "arrive"]


def test_23_an_unreadable_answer_that_comes_again_is_one_alert() -> None:
    log = waiting()
    parked = UUID(int=807)
    unread = log.unreadable(None, parked=parked)
    log.answered("done", put_back_of=parked)
    back = log.put_back(parked)
    log.unreadable(None, parked=parked)
    assert {(parked, "unreadable"): Verdict(unread, "fact", back)} == alerts(log)


def test_23_a_put_back_that_overtakes_the_unreadable_answer_resolves_its_alert() -> None:
    log = waiting()
    parked = UUID(int=807)
    back = log.put_back(parked)
    unread = log.unreadable(None, parked=parked)
    log.put_back(parked)
    assert {(parked, "unreadable"): Verdict(unread, "fact", back)} == alerts(log)


def test_24_one_refused_copy_does_not_hold_back_the_others() -> None:
    log = Log()
    log.tick()
    log.registered(1, ("R1", "R2", "R3"))
    published = log.published(1, ("R1", "R2"), {"R3": "RecordTooLargeError"})
    log.answered("03", recipient="R1")
    log.answered("03", recipient="R2")
    log.ticks(100)
    refused = delivery(1, "R3")
    assert {(refused, "send-failed"): Verdict(published, "fact", None)} == alerts(log)
    tables = booked(log.entries)
    found = {d.recipient: state(d.facts) for _, d in tables.deliveries.values()}
    assert {"R1": State.ACCEPTED, "R2": State.ACCEPTED, "R3": State.PARKED} == found
    (told,) = (codec.decode(r.value) for r, _, name in tables.announced if name == "AlertRaised")
    assert "RecordTooLargeError" == getattr(told, "reason", None)


def test_24_a_copy_confirmed_before_it_was_refused_is_no_failure() -> None:
    log = waiting()
    log.published(1, (), {"R1": "TopicAuthorizationFailedError"})
    assert {} == alerts(log)


class WithoutBackstop(MemoryLedger):
    """Finds nothing by itself: the backstop is removed."""

    async def past_wake(self, *_: int) -> list[UUID]:
        """Find nothing."""
        return []


def test_no_alert_is_missed_with_the_tracker_dead() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S + 1)
    assert {(OF, "arrive")} == set(must_be_alerted(log.entries))
    assert must_be_alerted(log.entries) == verdicts(booked(log.entries))


def test_without_the_backstop_and_the_tracker_an_alert_is_missed() -> None:
    log = waiting()
    log.ticks(ARRIVE_S + GRACE_S + 1)
    assert must_be_alerted(log.entries) != verdicts(booked(log.entries, ledger=WithoutBackstop))


def test_an_answer_in_a_later_batch_is_not_judged_by_the_tick_it_was_read_with() -> None:
    log = waiting()
    log.answered("01")
    log.ticks(ACCEPT_S)
    answer = log.answered("03")
    log.ticks(GRACE_S + 5)
    assert {} == alerts(log)
    assert answer < len(log.entries)


def test_an_answer_forwarded_twice_is_one_answer() -> None:
    log = waiting()
    log.answered("01")
    log.answered("fail")
    once = booked(log.entries).deliveries[OF][1]
    for entry in log.entries[-2:]:  # intake was killed before it committed its offset
        log.append(entry.event)
    twice = booked(log.entries).deliveries[OF][1]
    assert state(once.facts) == state(twice.facts)


def test_a_copy_that_fails_again_after_it_was_taken_is_still_watched() -> None:
    log = waiting()
    for word in ("fail", "done", "fail"):
        log.answered(word)
    log.ticks(100)
    assert any(verdict.closing_offset is None for verdict in alerts(log).values())


def test_a_second_unreadable_answer_is_somebodys_business_too() -> None:
    log = waiting()
    log.unreadable(parked=UUID(int=1))
    log.answered("done", put_back_of=UUID(int=1))
    log.unreadable(parked=UUID(int=2))
    log.ticks(100)
    assert any(verdict.closing_offset is None for verdict in alerts(log).values())
