"""The books are a function of the log, however it is cut; and they say what the prose says."""

from collections import Counter
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.delivery import state
from hoatoc.domain.event import (
    AnswerUnreadable,
    DeadlinePassed,
    Event,
    Limits,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.watch import Watch
from hoatoc.testing.booking import booked, books, verdicts
from hoatoc.testing.ledger import Tables
from hoatoc.testing.oracle import must_be_alerted, service_times, states
from hoatoc.testing.scenario import Log, dispatch

RECIPIENTS = ("R1", "R2")
KINDS = ("publish", "arrive", "accept", "receive-failed", "nonsense")
WORDS = ("done", "fail", "processing", "01", "02", "03", "04", "05", "06", "99")
LIMITS = Limits(
    policy="short",
    publish_ms=2_000,
    arrive_ms=3_000,
    accept_ms=4_000,
    allowance_ms=2_000,
    grace_ms=4_000,
)
ANSWERS = (AnswerUnreadable, StatusReported, TransportAcknowledged)
PARKED = UUID(int=807)
KEPT_OF_A_KIND = 8  # of answers that repeat, a delivery keeps so many places

numbers = st.integers(1, 2)
recipients = st.sampled_from(RECIPIENTS)
steps = st.one_of(
    st.tuples(st.just("registered"), numbers),
    st.tuples(st.just("published"), numbers, st.sets(recipients)),
    st.tuples(st.just("answered"), st.sampled_from(WORDS), numbers, recipients, st.booleans()),
    st.tuples(st.just("unreadable"), numbers, recipients),
    st.tuples(st.just("unnamed"), recipients),
    st.tuples(st.just("again"), st.integers(1, 4)),
    st.tuples(st.just("proposed"), st.sampled_from(KINDS), numbers, recipients),
    st.tuples(st.just("ticks"), st.integers(1, 10)),
    st.tuples(
        st.just("tick"),
        st.sampled_from((1, 0.4, 2, 2.5, 3600, 0, -2, -7200)),
        st.sampled_from((1, 0, 2, 3, 86_400, -30)),
        st.sampled_from(("gateway", "intake")),
        st.sampled_from((("intake",), ("gateway", "intake"))),
    ),
    st.tuples(st.just("undecodable")),
)


def written(script: list[tuple[object, ...]]) -> Log:
    """Write a log; what the programs cannot append, before a registration, is left out."""
    log, known, said = Log(LIMITS, 2_000), set[int](), Counter[object]()
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
            log.registered(number, RECIPIENTS)
        case "published", [int(number), set(confirmed)] if number in known:
            refused = {r: "RecordTooLargeError" for r in RECIPIENTS if r not in confirmed}
            log.published(number, sorted(confirmed), refused)
        case "answered", [str(word), int(number), str(recipient), bool(put_back)] if (
            number in known and said[word, number, recipient] < KEPT_OF_A_KIND
        ):
            said[word, number, recipient] += 1
            of = last_parked(log, number, recipient) if put_back else None
            log.answered(word, number, recipient, said=None if put_back else word, put_back_of=of)
        case "unreadable", [int(number), str(recipient)] if (
            number in known and said["unreadable", number, recipient] < KEPT_OF_A_KIND
        ):
            said["unreadable", number, recipient] += 1
            log.unreadable(number, recipient)
        case "unnamed", [str(recipient)]:
            said[PARKED] += 1
            log.unreadable(None, recipient, parked=PARKED)
        case "again", [int(back)]:
            answers = [e.event for e in log.entries if isinstance(e.event, ANSWERS)]
            if len(answers) >= back:
                log.append(answers[-back])
        case "proposed", [str(kind), int(number), str(recipient)] if number in known:
            log.proposed(kind, number, recipient)
        case "ticks", [int(count)]:
            log.ticks(count)
        case "tick", [int() | float() as seconds, int(clock), str(path), tuple(paths)]:
            log.tick(seconds, clock, path=path, paths=paths)
        case "undecodable", []:
            log.append(None)


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


def states_of(tables: Tables) -> dict[UUID, str]:
    """Return the state of each delivery in the books."""
    return {of: str(state(delivery.facts)) for of, (_, delivery) in tables.deliveries.items()}


logs = st.lists(steps, max_size=30).map(written)


@given(logs, st.lists(st.integers(0, 200), max_size=12))
def test_the_books_are_the_same_for_every_way_of_cutting_the_log(log: Log, cuts: list[int]) -> None:
    assert books(booked(log.entries)) == books(booked(log.entries, cuts))


@given(logs)
def test_the_books_of_one_batch_are_those_of_single_records(log: Log) -> None:
    assert books(booked(log.entries)) == books(booked(log.entries, []))


@given(logs, st.lists(st.integers(0, 200), max_size=12))
def test_what_must_be_alerted_is_alerted_and_nothing_else_is(log: Log, cuts: list[int]) -> None:
    assert must_be_alerted(log.entries) == verdicts(booked(log.entries, cuts))


@given(logs)
def test_the_states_are_those_that_a_person_reads_off_the_log(log: Log) -> None:
    assert states(log.entries) == states_of(booked(log.entries, []))


@given(logs)
def test_service_time_is_what_the_prose_says(log: Log) -> None:
    tables = booked(log.entries)
    assert service_times(log.entries)[-1] == tables.books[0].clock.service_ms


@given(logs)
def test_service_time_never_falls(log: Log) -> None:
    times = service_times(log.entries)
    assert sorted(times) == times


@given(logs)
def test_every_open_alert_was_announced_and_none_twice(log: Log) -> None:
    ways: tuple[list[int] | None, ...] = (None, [])
    for cuts in ways:
        tables = booked(log.entries, cuts)
        told = Counter(event_id for _, event_id, name in tables.announced if "Alert" in name)
        assert set() == {event_id for event_id, times in told.items() if times > 1}
        raised = sum(name == "AlertRaised" for *_, name in tables.announced)
        resolved = sum(name == "AlertResolved" for *_, name in tables.announced)
        still_open = sum(alert.closing is None for alert in tables.alerts.values())
        assert still_open == raised - resolved


def with_tracker(log: Log) -> Log:
    """Write the log again with a tracker at work: its proposals stand behind what brought them."""
    watch, again = Watch(), Log(LIMITS, 2_000)
    for entry in log.entries:
        if isinstance(entry.event, DeadlinePassed):
            continue
        again.append_ms = entry.append_ms
        waiting: list[Event | None] = [entry.event]
        while waiting:
            at = again.append(waiting.pop(0))
            waiting += (
                DeadlinePassed(
                    event_id=uuid5(passed.delivery_id, passed.kind),
                    delivery_id=passed.delivery_id,
                    kind=passed.kind,
                    due_ms=passed.due_ms,
                )
                for passed in watch.observe(again.entries[at])
            )
    return again


@given(logs)
def test_with_a_tracker_at_work_nothing_is_left_to_the_backstop(log: Log) -> None:
    found = must_be_alerted(with_tracker(log).entries)
    assert {} == {at: verdict for at, verdict in found.items() if verdict.found_by == "backstop"}


@given(logs)
def test_a_tracker_finds_no_deadline_broken_that_is_not(log: Log) -> None:
    with_it, without = with_tracker(log).entries, log.entries
    alerts = {at for at, v in must_be_alerted(with_it).items() if v.found_by != "fact"}
    assert alerts == {at for at, v in verdicts(booked(with_it, [])).items() if v.found_by != "fact"}
    assert {at for at in must_be_alerted(without) if at[1] in KINDS[:3]} <= alerts
