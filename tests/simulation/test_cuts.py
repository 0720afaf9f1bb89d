"""The books are a function of the log, however it is cut; and they say what the prose says."""

from collections import Counter
from dataclasses import replace
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.event import (
    AnswerUnreadable,
    DeadlinePassed,
    DispatchRegistered,
    Event,
    Limits,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.lifecycle import axes, state_of
from hoatoc.domain.walk import Entry
from hoatoc.domain.watch import Watch
from hoatoc.domain.working_due import Calendars
from hoatoc.testing.booking import booked, books, proposals, verdicts, watching
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.database import Tables
from hoatoc.testing.oracle import (
    Stands,
    Verdict,
    must_be_alerted,
    stands,
)
from hoatoc.testing.oracle_time import moments, service_times
from hoatoc.testing.scenario import Log, dispatch

MIDNIGHT_MS = 1_760_029_200_000  # of 2025-10-10 in Vietnam
BEGIN_MS = MIDNIGHT_MS - 12_000
WORKDAY = EveryDay(hour_ms=1_000)  # a day in 24 seconds: the log begins at its noon
TODAY = WORKDAY.day(BEGIN_MS)
CALENDARS: Calendars = {
    1: WORKDAY,
    2: replace(WORKDAY, off=frozenset({TODAY + 1, TODAY + 3})),
    3: replace(WORKDAY, off=frozenset({TODAY + 2}), opens_h=6, closes_h=14),
}
RECIPIENTS = ("R1", "R2")
DEADLINES = ("publish", "arrive", "accept", "handle", "reply", "recall")
KINDS = (*DEADLINES, "receive-failed", "nonsense")
OUTCOMES = ("done", "fail", "processing")
CODES = ("01", "02", "03", "04", "05", "06", "3", "13", "15", "16", "99", "")
LIMITS = Limits(
    policy="short",
    publish_ms=2_000,
    arrive_ms=3_000,
    accept_ms=4_000,
    handle_ms=3_000,
    recall_ms=3_000,
    allowance_ms=2_000,
    grace_ms=4_000,
)
BY_CALENDAR = replace(
    LIMITS,
    policy="by calendar",
    accept_clock="receipt-day",
    handle_clock="next-working-day",
    reply_by="2025-10-10",
)
POLICIES = {
    1: LIMITS,
    2: BY_CALENDAR,
    3: replace(BY_CALENDAR, handle_clock="receipt-day", reply_by="2025-10-09"),
    4: replace(BY_CALENDAR, factor=2, factor_log_ms=BEGIN_MS, factor_calendar_ms=BEGIN_MS - 9_000),
}
ANSWERS = (AnswerUnreadable, StatusReported, TransportAcknowledged)
PARKED = UUID(int=807)
KEPT_OF_A_KIND = 8  # of answers that repeat, a delivery keeps so many places

numbers = st.sampled_from((1, 2, 2, 3, 4))
recipients = st.sampled_from(RECIPIENTS)
some = st.sets(recipients, min_size=1)
words = st.sampled_from((*OUTCOMES, *CODES))
handed_over = st.tuples(
    st.just("handed over"), numbers, st.sampled_from(("done", "01", "03", "03", "processing"))
)
told = st.one_of(
    st.tuples(st.just("registered"), numbers),
    st.tuples(st.just("recalled"), numbers, st.sampled_from(("15", "16", "15", "03"))),
    st.tuples(st.just("published"), numbers, st.sets(recipients)),
    st.tuples(st.just("answered"), words, numbers, recipients),
    st.tuples(st.just("put back"), words, numbers, recipients),
    st.tuples(st.just("unreadable"), numbers, recipients),
    st.tuples(st.just("resent"), numbers, some),
    st.tuples(st.just("asked back"), numbers),
    st.tuples(st.just("recall published"), numbers, st.sets(recipients)),
)
noise = st.one_of(
    st.tuples(st.just("again"), st.integers(1, 4)),
    st.tuples(st.just("proposed"), st.sampled_from(KINDS), numbers, recipients),
    st.tuples(st.just("unnamed"), recipients),
    st.tuples(st.just("undecodable")),
)
passing = st.one_of(
    st.tuples(st.just("ticks"), st.integers(1, 10)),
    st.tuples(st.just("away"), st.sampled_from((3, 5, 9, 14, 20, 3600))),
    st.tuples(st.just("version"), st.integers(1, len(CALENDARS))),
    st.tuples(
        st.just("tick"),
        st.sampled_from((1, 0.4, 2, 2.5, 3600, 0, -2, -7200)),
        st.sampled_from((1, 0, 2, 3, 86_400, -30)),
        st.sampled_from(("gateway", "intake")),
        st.sampled_from((("intake",), ("gateway", "intake"))),
    ),
)
begun = st.lists(handed_over, max_size=2)
steps = st.lists(st.one_of(told, passing, passing, noise), min_size=6, max_size=36)


def written(script: list[tuple[object, ...]]) -> Log:
    """Write a log; what the programs cannot append, before a registration, is left out."""
    log, known, said = Log(LIMITS, 2_000, append_ms=BEGIN_MS), set[int](), Counter[object]()
    log.tick()
    for verb, *rest in script:
        _write(log, known, said, str(verb), rest)
    return log


def _write(  # noqa: C901 - one case a verb
    log: Log, known: set[int], said: Counter[object], verb: str, rest: list[object]
) -> None:
    match verb, rest:
        case "registered", [int(number)]:
            known.add(number)
            log.registered(number, RECIPIENTS, POLICIES[number])
        case "handed over", [int(number), str(word)] if number not in known:
            known.add(number)
            log.registered(number, RECIPIENTS, POLICIES[number])
            log.published(number, RECIPIENTS)
            log.answered(word, number)
        case "unnamed", [str(recipient)]:
            said[PARKED] += 1
            log.unreadable(None, recipient, parked=PARKED)
        case "again", [int(back)]:
            answers = [e.event for e in log.entries if isinstance(e.event, ANSWERS)]
            if len(answers) >= back:
                log.append(answers[-back])
        case "ticks", [int(count)]:
            log.ticks(count)
        case "away", [int(seconds)]:
            log.tick(seconds)
        case "version", [int(version)]:
            log.version = version
            log.tick()
        case "tick", [int() | float() as seconds, int(clock), str(path), tuple(paths)]:
            log.tick(seconds, clock, path=path, paths=paths)
        case "undecodable", []:
            log.append(None)
        case _, [int(number), *_] | [str(), int(number), *_] if number in known:
            _write_about(log, said, verb, rest)


def _write_about(  # noqa: C901 - one case a verb
    log: Log, said: Counter[object], verb: str, rest: list[object]
) -> None:
    """Write what is said of a dispatch that is registered."""
    match verb, rest:
        case "published" | "recall published", [int(number), set(confirmed)]:
            refused = {r: "RecordTooLargeError" for r in RECIPIENTS if r not in confirmed}
            offered = log.published if verb == "published" else log.recall_published
            offered(number, sorted(confirmed), refused)
        case "resent", [int(number), set(again)]:
            log.resent(number, sorted(again))
        case "recalled", [int(number), str(word)]:
            log.recall_requested(number, RECIPIENTS, limits=POLICIES[number])
            log.recall_published(number, RECIPIENTS)
            _write_about(log, said, "answered", [word, number, "R1"])
        case "asked back", [int(number)]:
            log.recall_requested(number, RECIPIENTS, limits=POLICIES[number])
        case "answered" | "put back", [str(word), int(number), str(recipient)]:
            said[word, number, recipient] += 1
            if said[word, number, recipient] <= KEPT_OF_A_KIND:
                of = last_parked(log, number, recipient) if verb == "put back" else None
                log.answered(word, number, recipient, said=word, put_back_of=of)
                if of is not None:
                    log.put_back(of, recipient)
        case "unreadable", [int(number), str(recipient)]:
            said["unreadable", number, recipient] += 1
            if said["unreadable", number, recipient] <= KEPT_OF_A_KIND:
                log.unreadable(number, recipient)
        case "proposed", [str(kind), int(number), str(recipient)]:
            log.proposed(kind, number, recipient)


def recalled_in_order(script: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Leave out what the relay never does: ask a copy back twice, or publish what nobody asked."""
    asked, lawful = Counter[object](), []
    for verb, *rest in script:
        match verb, rest:
            case "recalled" | "asked back", [number, *_]:
                asked[number] += 1
                if asked[number] > 1:
                    continue
            case "recall published", [number, _] if not asked[number]:
                continue
        lawful.append((verb, *rest))
    return lawful


def last_parked(log: Log, number: int, recipient: str) -> UUID:
    """Return the answer that was parked last, of this delivery or of none."""
    mine = (dispatch(number), None)
    parked = [
        e.event.event_id
        for e in log.entries
        if isinstance(e.event, AnswerUnreadable)
        and e.event.organ == recipient
        and e.event.dispatch_id in mine
    ]
    return parked[-1] if parked else uuid5(PARKED, "never parked")


scripts = st.tuples(begun, steps).map(lambda parts: [*parts[0], *parts[1]])
logs = scripts.map(written)
lawful = scripts.map(recalled_in_order).map(written)
cuts = st.lists(st.integers(0, 200), max_size=12)


def booked_by(log: Log, at: list[int] | None = None) -> Tables:
    """Return the books of a log, with the calendars of these tests."""
    return booked(log.entries, at, calendars=CALENDARS)


def stands_of(tables: Tables) -> dict[UUID, Stands]:
    """Return where each delivery in the books stands."""
    found = {of: axes(delivery.facts) for of, (_, delivery) in tables.deliveries.items()}
    return {of: Stands(state_of(at), at.handling, at.recall) for of, at in found.items()}


@given(logs, cuts)
def test_the_books_are_the_same_for_every_way_of_cutting_the_log(log: Log, at: list[int]) -> None:
    assert books(booked_by(log)) == books(booked_by(log, at))


@given(logs)
def test_the_books_of_one_batch_are_those_of_single_records(log: Log) -> None:
    assert books(booked_by(log)) == books(booked_by(log, []))


@given(logs, cuts)
def test_what_must_be_alerted_is_alerted_and_nothing_else_is(log: Log, at: list[int]) -> None:
    assert must_be_alerted(log.entries, CALENDARS) == verdicts(booked_by(log, at))


@given(logs)
def test_deliveries_stand_where_a_person_reads_it_off_the_log(log: Log) -> None:
    assert stands(log.entries) == stands_of(booked_by(log, []))


@given(logs)
def test_time_is_what_the_prose_says(log: Log) -> None:
    clock, last = booked_by(log).books[0].clock, moments(log.entries)[-1]
    assert (last.service_ms, last.lost_ms) == (clock.service_ms, clock.lost_ms)
    assert last.version == max(clock.calendar_version, 1)


@given(logs)
def test_service_time_never_falls(log: Log) -> None:
    times = service_times(log.entries)
    assert sorted(times) == times


@given(logs)
def test_every_open_alert_was_announced_and_none_twice(log: Log) -> None:
    ways: tuple[list[int] | None, ...] = (None, [])
    for at in ways:
        tables = booked_by(log, at)
        told = Counter(event_id for _, event_id, name in tables.announced if "Alert" in name)
        assert set() == {event_id for event_id, times in told.items() if times > 1}
        raised = sum(name == "AlertRaised" for *_, name in tables.announced)
        resolved = sum(name == "AlertResolved" for *_, name in tables.announced)
        still_open = sum(alert.closing is None for alert in tables.alerts.values())
        assert still_open == raised - resolved


def with_tracker(log: Log, lag: int = 0, begin: int = 0) -> Log:
    """Write the log again with a tracker at work, which begins from the books at an offset.

    Its proposals stand behind what brought them, or so many records later.
    """
    again = Log(LIMITS, 2_000, list(log.entries[:begin]))
    watch = watching(booked(again.entries, calendars=CALENDARS))
    waiting: list[tuple[int, Event]] = []

    def append(event: Event | None) -> None:
        at = again.append(event)
        for passed in watch.observe(again.entries[at]):
            proposal = DeadlinePassed(
                event_id=uuid5(passed.delivery_id, passed.kind),
                delivery_id=passed.delivery_id,
                kind=passed.kind,
                due_ms=passed.due_ms,
            )
            waiting.append((lag, proposal))

    for entry in log.entries[begin:]:
        if isinstance(entry.event, DeadlinePassed):
            continue
        again.append_ms = entry.append_ms
        append(entry.event)
        while waiting and waiting[0][0] <= 0:
            append(waiting.pop(0)[1])
        waiting = [(left - 1, event) for left, event in waiting]
    return again


def by_backstop(log: Log, begin: int = 0) -> dict[object, Verdict]:
    """Return the alerts that no tracker found, from an offset."""
    found = must_be_alerted(log.entries, CALENDARS)
    return {
        at: verdict
        for at, verdict in found.items()
        if verdict.found_by == "backstop" and verdict.raised_offset >= begin
    }


@given(lawful)
def test_with_a_tracker_at_work_nothing_is_left_to_the_backstop(log: Log) -> None:
    assert {} == by_backstop(with_tracker(log))


@given(lawful, st.integers(1, 60))
def test_a_tracker_that_takes_over_in_the_middle_leaves_nothing_to_the_backstop(
    log: Log, begin: int
) -> None:
    first = with_tracker(log)
    assert {} == by_backstop(with_tracker(first, begin=begin), begin)


@given(lawful, st.integers(0, 4))
def test_a_tracker_finds_no_deadline_broken_that_is_not(log: Log, lag: int) -> None:
    with_it = with_tracker(log, lag).entries
    found = must_be_alerted(with_it, CALENDARS)
    assert found == verdicts(booked(with_it, [], calendars=CALENDARS))
    missed = must_be_alerted(log.entries, CALENDARS).keys() - found.keys()
    assert set() == {at for at in missed if at[1] in DEADLINES}


@given(lawful, st.integers(1, 5))
def test_a_tracker_that_settles_by_stretches_proposes_what_it_does_record_by_record(
    log: Log, stretch: int
) -> None:
    log = once(log)
    single = proposals(log.entries, watch=Watch(CALENDARS, stretch=1))
    for watch in (Watch(CALENDARS), Watch(CALENDARS, stretch=stretch)):
        assert Counter(single) == Counter(proposals(log.entries, watch=watch))


@given(lawful)
def test_a_tracker_keeps_what_is_open_or_due_and_nothing_else(log: Log) -> None:
    watch, whole = Watch(CALENDARS), with_tracker(once(log))
    whole.tick()
    for entry in whole.entries:
        watch.observe(entry)
    tables = booked_by(whole)
    standing = stands_of(tables).items()
    decided = {of for of, at in standing if at.state in {"accepted", "refused", "recalled"}}
    asked = {of for of, at in standing if at.recall in {"requested", "unsent", "asked"}}
    needed = tables.deliveries.keys() - decided | tables.wakes.keys()
    assert needed <= watch.accounts.keys() <= needed | asked
    assert Counter(a.delivery.recipient for a in watch.accounts.values()) == +watch.by_recipient


def once(log: Log) -> Log:
    """Return the log without the repeats that a crash of the relay leaves.

    A repeat that comes when all is over is a new delivery to a tracker, which let go of the old.
    """
    seen, entries = set[UUID](), list[Entry]()
    for entry in log.entries:
        if isinstance(entry.event, DispatchRegistered):
            if entry.event.dispatch_id in seen:
                continue
            seen.add(entry.event.dispatch_id)
        entries.append(entry._replace(offset=len(entries)))
    return replace(log, entries=entries)
