"""Each guarantee, in records by hand: what violates it is found, and under its name."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest

from hoatoc.history.check import check
from hoatoc.history.note import (
    Alerted,
    Answered,
    Fault,
    HandedOver,
    Note,
    Paged,
    Recalled,
    Received,
    Stopped,
    Told,
    TurnedAway,
)
from hoatoc.history.record import History, Leak
from hoatoc.history.report import Verdict
from hoatoc.history.row import AlertRow, HandoverRecipientRow, HistoryRow
from hoatoc.testing.booking import booked
from hoatoc.testing.good_history import changed, good_history
from hoatoc.testing.history import SHA256, history_of
from hoatoc.testing.scenario import Log, delivery, dispatch

GOOD = good_history()
Change = Callable[[list[Any]], Iterable[Any]]


def violated(history: History) -> set[str]:
    """Return the guarantees that a record violates."""
    findings = check(history).findings.items()
    return {str(each) for each, found in findings if found.verdict is Verdict.VIOLATED}


def sentences(history: History) -> str:
    """Return all that is wrong with a record, a line each."""
    return "\n".join(one.sentence for one in check(history).counter_examples)


def first(kind: type, **fields: object) -> Change:
    """Change fields of the first note of a kind."""

    def change(notes: list[Any]) -> Iterable[Any]:
        at = next(at for at, note in enumerate(notes) if type(note) is kind)
        return [*notes[:at], msgspec.structs.replace(notes[at], **fields), *notes[at + 1 :]]

    return change


def row(where: Callable[[Any], bool], **columns: object) -> Change:
    """Change columns of the first row that fits."""

    def change(rows: list[Any]) -> Iterable[Any]:
        at = next(at for at, each in enumerate(rows) if where(each))
        return [*rows[:at], rows[at]._replace(**columns), *rows[at + 1 :]]

    return change


def more(one: object) -> Change:
    """Add a row, a record or a note."""
    return lambda rows: [*rows, one]


def less(where: Callable[[Any], bool]) -> Change:
    """Take out what fits."""
    return lambda rows: [each for each in rows if not where(each)]


def is_of(number: int, recipient: str) -> Callable[[Any], bool]:
    """Tell whether a row is of this copy."""
    return lambda each: each.delivery_id == delivery(number, recipient)


def is_alert(kind: str, number: int, recipient: str) -> Callable[[Any], bool]:
    """Tell whether a row or note is about this alert."""
    subject = delivery(number, recipient)
    return lambda each: (
        (getattr(each, "subject_id", None), getattr(each, "kind", None))
        == (
            subject,
            kind,
        )
    )


def handed_over(number: int, **fields: Any) -> HandedOver:
    """Return the note of a hand-over."""
    known: dict[str, Any] = {
        "at_ms": 1,
        "document_id": f"D{number}",
        "sender": "S1",
        "recipients": ["R1"],
        "sha256": SHA256,
        "door": "cli",
        "dispatch_id": dispatch(number),
    }
    return HandedOver(**(known | fields))


def answered(word: str, offset: int, **fields: Any) -> Answered:
    """Return the note of an answer of R1 about the first document."""
    known: dict[str, Any] = {
        "at_ms": 1,
        "organ": "R1",
        "recipient": "R1",
        "dispatch_id": dispatch(1),
        "delivery_id": delivery(1, "R1"),
        "word": word,
        "topic": "reports.R1",
        "offset": offset,
    }
    return Answered(**(known | fields))


ANY: Callable[[Any], bool] = lambda _each: True  # noqa: E731 - as short as the others


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("notes", more(handed_over(3)), "D3 of S1 was taken at the door cli and is in no book"),
        ("notes", more(handed_over(3, dispatch_id=None, door="kafka")), "is in no book"),
        ("notes", more(handed_over(1, recipients=["R9"])), "whose copy is in no book"),
        ("notes", more(handed_over(1, sha256="07")), "with other content"),
        ("notes", less(lambda n: isinstance(n, HandedOver)), "that nobody handed over"),
        ("notes", more(answered("06", 900)), "the answer 06 of R1 (reports.R1, offset 900) is not"),
        ("notes", more(answered("poison", 900)), "the answer poison of R1"),
        ("notes", more(TurnedAway(at_ms=1, document_id="D1", sender="S1", sha256=SHA256,
                                  reason="form")), ""),
        ("notes", more(Recalled(at_ms=1, dispatch_id=dispatch(2), recipients=["R1"])),
         "the recall of the copy for R1 is in no book"),
        ("recalls", row(ANY, state="unsent"), "a recall stands in the log and is unsent"),
        ("outbox", row(ANY, state="cancelled"), "is cancelled in the outbox and stands in the log"),
        ("outbox", row(ANY, state="unsent"), "is unsent in the outbox and stands in the log"),
        ("outbox", less(ANY), "is nowhere in the outbox"),
        ("handover_recipients", less(is_of(1, "R1")), "that no door has booked"),
        ("handover_recipients",
         more(HandoverRecipientRow(delivery(1, "R9"), dispatch(1), "R9", "R9")),
         "is marked as sent and is not in the log"),
        ("deliveries", less(is_of(1, "R1")), "has no state in the books"),
        ("deliveries", lambda rows: [*rows, rows[0]], "the books hold a delivery twice"),
        ("deliveries", row(is_of(1, "R4"), state="accepted"), "state accepted"),
        ("deliveries", row(is_of(1, "R5"), handling="accepted"), "handling accepted"),
        ("deliveries", row(is_of(1, "R1"), recall="declined"), "recall declined"),
        ("deliveries", row(is_of(2, "R2"), open=False), "open False"),
        ("deliveries", row(is_of(1, "R6"), overdue=False), "overdue False"),
    ],
)  # fmt: skip
def test_a_copy_without_its_one_state_violates_g1(
    table: str, change: Change, sentence: str
) -> None:
    spoilt = changed(GOOD, table, change)
    if sentence:
        assert "G1" in violated(spoilt)
        assert sentence in sentences(spoilt)
    else:
        assert violated(spoilt) == set()  # a door took it in the end


def test_what_was_turned_away_may_stand_in_no_book_and_reach_nobody() -> None:
    away = TurnedAway(at_ms=1, document_id="D7", sender="S1", sha256="07", reason="form")
    told = changed(GOOD, "notes", more(away))
    assert violated(told) == set()
    booked_too = changed(told, "handovers", lambda rows: [
        *rows, rows[0]._replace(dispatch_id=dispatch(7), document_id="D7", packet_sha256="07")
    ])  # fmt: skip
    assert "was turned away (form) and stands in the books" in sentences(booked_too)
    received = next(note for note in GOOD.notes if isinstance(note, Received))
    reached = msgspec.structs.replace(received, document_id="D7", sha256="07")
    assert "reached a recipient" in sentences(changed(told, "notes", more(reached)))


def test_a_document_of_a_kafka_door_is_found_by_its_document_and_content() -> None:
    def by_kafka(notes: list[Any]) -> Iterable[Any]:
        for note in notes:
            if isinstance(note, HandedOver):
                yield msgspec.structs.replace(note, door="kafka", dispatch_id=None)
            else:
                yield note

    assert violated(changed(GOOD, "notes", by_kafka)) == set()


def test_an_answer_that_was_parked_is_not_lost() -> None:
    log = parked_log()
    history = history_of(log.entries, booked(log.entries))
    source = next(n for n in history.notes if isinstance(n, Answered) and n.word == "poison")
    said = msgspec.structs.replace(source, word="done")
    assert violated(changed(history, "notes", lambda notes: [
        said if note is source else note for note in notes
    ])) == set()  # fmt: skip


def parked_log() -> Log:
    log = Log()
    log.ticks(2)
    log.registered()
    log.published()
    log.unreadable()
    log.ticks(60)
    return log


def false_alert(**columns: Any) -> AlertRow:
    """Return an alert about a copy that arrived in time."""
    known = next(a for a in GOOD.books.ledger.alerts if a.kind == "arrive")
    mine: dict[str, Any] = {"subject_id": delivery(2, "R1"), "recipient": "R1"}
    return known._replace(**(mine | columns))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (more(false_alert()), "but it was closed at"),
        (more(false_alert(kind="handle")), "the log holds nothing that could have been late"),
        (more(false_alert(subject_id=UUID(int=9))), "stands on what is not in the log"),
        (row(is_alert("arrive", 1, "R6"), due_ms=1), "has due 1"),
        (row(is_alert("arrive", 1, "R6"), raised_offset=1), "has place 1"),
        (row(is_alert("arrive", 1, "R5"), closing=None), "has closing None"),
    ],
)
def test_an_alert_that_the_log_does_not_ask_for_violates_g2(change: Change, sentence: str) -> None:
    spoilt = changed(GOOD, "alerts", change)
    assert "G2" in violated(spoilt)
    assert sentence in sentences(spoilt)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (less(is_alert("arrive", 1, "R6")), "the deadline arrive of R6 was due at"),
        (less(is_alert("receive-failed", 1, "R2")), "receive-failed of the copy for R2"),
        (less(is_alert("send-failed", 1, "R8")), "send-failed of the copy for R8"),
        (less(is_alert("unreadable", 1, "R3")), "unreadable of the copy for R3"),
        (less(lambda a: a.dispatch_id is None), "an answer of R6 could not be read"),
        (row(is_alert("arrive", 1, "R6"), raised_offset=10_000), "has place 10000"),
        (row(is_alert("arrive", 1, "R6"), found_by="tracker"), "has finder tracker"),
    ],
)
def test_an_alert_that_is_missing_or_late_violates_g3(change: Change, sentence: str) -> None:
    spoilt = changed(GOOD, "alerts", change)
    assert "G3" in violated(spoilt)
    assert sentence in sentences(spoilt)


def paged(kind: str, number: int, recipient: str, **fields: Any) -> Paged:
    """Return a page about an alert."""
    known: dict[str, Any] = {
        "at_ms": 1,
        "id": "another",
        "subject_id": delivery(number, recipient),
        "kind": kind,
        "version": 1,
        "taken": True,
    }
    return Paged(**(known | fields))


def is_note(kind: type, about: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Tell whether something is a note of a kind and about something."""
    return lambda each: isinstance(each, kind) and about(each)


R6_LATE = is_alert("arrive", 1, "R6")


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("alerts", lambda rows: [*rows, rows[0]], "two verdicts of kind"),
        ("alerts", row(R6_LATE, episode=1), "has episode 1"),
        ("notes", more(paged("arrive", 1, "R6")), "2 pages with ids of their own"),
        ("notes", more(paged("accept", 1, "R6")), "was paged that stands in no books"),
        ("notes", more(paged("arrive", 1, "R6", version=7)), "version 7 of the alert arrive was"),
        ("notes", less(is_note(Paged, R6_LATE)), "stands open, and nobody was paged for it"),
        ("notes", lambda notes: [
            msgspec.structs.replace(n, taken=False) if is_note(Paged, R6_LATE)(n) else n
            for n in notes
        ], "nobody was paged for it"),
        ("notes", less(lambda n: isinstance(n, Paged) and n.version == 2), "not that it is over"),
        ("notes", less(is_note(Alerted, R6_LATE)), "of it is nothing"),
        ("notes", less(lambda n: isinstance(n, Alerted) and n.version == 2), "nobody was told"),
        ("notes", lambda notes: [
            msgspec.structs.replace(n, offset=-n.offset) if isinstance(n, Alerted) else n
            for n in notes
        ], "was told in the order [2, 1]"),
    ],
)  # fmt: skip
def test_a_second_verdict_a_second_page_or_none_violates_g4(
    table: str, change: Change, sentence: str
) -> None:
    spoilt = changed(GOOD, table, change)
    assert "G4" in violated(spoilt)
    assert sentence in sentences(spoilt)


def test_doors_page_about_what_stands_in_no_books() -> None:
    pages = [paged(kind, 9, "R1", id=kind) for kind in ("unsent", "secret-suspected")]
    assert violated(changed(GOOD, "notes", lambda notes: [*notes, *pages])) == set()


def test_without_a_webhook_nobody_is_paged() -> None:
    silent = changed(GOOD, "notes", less(lambda note: isinstance(note, Paged)))
    assert violated(silent) == {"G4"}
    assert violated(replace(silent, webhook=False)) == set()


def last_told(**fields: Any) -> Change:
    """Change what a sender was told last of a copy that was accepted."""

    def change(notes: list[Any]) -> Iterable[Any]:
        mine = [n for n in notes if isinstance(n, Told) and n.delivery_id == delivery(2, "R1")]
        return [msgspec.structs.replace(n, **fields) if n is mine[-1] else n for n in notes]

    return change


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("notes", last_told(state="registered"), "a sender was told that a copy went back"),
        ("notes", last_told(state="refused"), "was told refused of the copy for R1, the log says"),
        ("notes", last_told(delivery_id=UUID(int=3)), "of a copy that is not in the log"),
        ("notes", last_told(version=1), "its sender was told version"),
        ("notes", less(lambda note: isinstance(note, Told)), "its sender was told nothing"),
        ("notes", lambda notes: [*notes, msgspec.structs.replace(
            next(n for n in notes if isinstance(n, Told)), state="parked")], "told before"),
        ("deliveries", row(is_of(1, "R2"), recovered=False), "recovered False"),
    ],
)  # fmt: skip
def test_a_state_that_goes_back_or_is_told_otherwise_violates_g5(
    table: str, change: Change, sentence: str
) -> None:
    spoilt = changed(GOOD, table, change)
    assert "G5" in violated(spoilt)
    assert sentence in sentences(spoilt)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (first(Received, organ="R4"), "a copy for R1 by R1 reached R4"),
        (first(Received, sha256="07"), "with other content than handed over"),
        (first(Received, document_id="D9"), "under the name D9"),
        (first(Received, delivery_id=delivery(1, "R2")), "a delivery id that is not its"),
        (first(Received, dispatch_id=dispatch(9)), "that no door has booked"),
        (less(is_note(Received, is_of(1, "R7"))), "R7 never got it"),
    ],
)
def test_a_copy_that_went_astray_violates_g6(change: Change, sentence: str) -> None:
    spoilt = changed(GOOD, "notes", change)
    assert "G6" in violated(spoilt)
    assert sentence in sentences(spoilt)


def test_a_hub_takes_the_copies_of_its_organs() -> None:
    by_hub = changed(GOOD, "handover_recipients", row(is_of(1, "R1"), connection="HUB"))
    assert "a copy for R1 by HUB reached R1" in sentences(by_hub)
    taken = changed(by_hub, "notes", first(Received, organ="HUB"))
    assert violated(taken) == set()


def test_a_copy_that_was_cancelled_may_reach_nobody() -> None:
    cancelled = changed(GOOD, "outbox", row(ANY, state="cancelled"))
    assert "got a copy that never left the outbox" in sentences(cancelled)


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("log", lambda log: [*log[:7], *log[8:]], "the log goes on at offset 8 where 7 comes next"),
        ("log", lambda log: log[:-1], "next offset"),
        ("positions", row(ANY, service_ms=1), "service time 1"),
        ("positions", row(ANY, ticks=1), "ticks 1"),
        ("positions", row(ANY, partition=9), "a partition of the log is in no books"),
        ("positions", lambda rows: [*rows, rows[0]._replace(partition=9)], "without a log"),
        ("history", less(lambda line: line.log_offset == 2), "has no line of history"),
        ("history", lambda rows: [*rows, HistoryRow(0, 9_999, 1, 1, "Tick")], "no such record"),
        ("history", row(ANY, service_ms=-1), "a line of history says"),
        ("dispatches", row(ANY, log_offset=99), "the books say"),
        ("dispatches", lambda rows: [*rows, rows[0]._replace(dispatch_id=dispatch(9))],
         "is in the books and not in the log"),
        ("deliveries", row(is_of(1, "R7"), wake_ms=5), "wake 5"),
        ("deliveries", row(is_of(1, "R7"), version=5), "version 5"),
        ("deliveries", row(is_of(1, "R7"), partition=5), "under other names"),
    ],
)  # fmt: skip
def test_books_that_are_not_the_logs_violate_g7(table: str, change: Change, sentence: str) -> None:
    spoilt = changed(GOOD, table, change)
    assert "G7" in violated(spoilt)
    assert sentence in sentences(spoilt)


def test_a_replay_gives_the_same_books() -> None:
    assert violated(replace(GOOD, replayed=GOOD.books.ledger)) == set()
    for table in ("positions", "dispatches", "deliveries", "alerts", "history"):
        other = changed(GOOD, table, lambda rows: rows[1:]).books.ledger
        assert f"gives no such row of {table}" in sentences(replace(GOOD, replayed=other))
    told = changed(GOOD, "deliveries", row(ANY, facts="{}")).books.ledger
    assert violated(replace(GOOD, replayed=told)) == {"G7"}


def test_a_bad_answer_that_is_not_parked_or_parked_twice_violates_g8() -> None:
    lost = changed(GOOD, "notes", more(answered("poison", 900)))
    assert "offset 900, cannot be read and was parked 0 times" in sentences(lost)
    log = parked_log()
    event = next(e.event for e in log.entries if type(e.event).__name__ == "AnswerUnreadable")
    assert event is not None
    again = replace(event, event_id=uuid5(UUID(int=1), "again"))
    log.append(again)
    log.ticks(1)
    twice = history_of(log.entries, booked(log.entries))
    assert "G8" in violated(twice)
    assert "was parked 2 times" in sentences(twice)


def test_an_answer_held_up_behind_a_bad_one_violates_g8() -> None:
    log = parked_log()
    history = history_of(log.entries, booked(log.entries))
    behind = changed(history, "notes", more(answered("06", 900)))
    assert "06 at reports.R1, offset 900, was not forwarded" in sentences(behind)
    assert {"G1", "G8"} <= violated(behind)
    elsewhere = answered("06", 900, topic="reports.R2")
    assert violated(changed(history, "notes", more(elsewhere))) == {"G1"}


def test_a_secret_that_is_found_anywhere_violates_g9() -> None:
    leaking = replace(GOOD, leaks=[Leak("tuyệt mật 807", "books/handover.csv, line 2")])
    assert violated(leaking) == {"G9"}
    assert "stands in books/handover.csv, line 2" in sentences(leaking)
    stopped = changed(GOOD, "notes", first(Stopped, document_id="D8"))
    handover = changed(stopped, "handovers", lambda rows: [
        *rows, rows[0]._replace(dispatch_id=dispatch(8), document_id="D8")
    ])  # fmt: skip
    assert "D8 was stopped and stands in the books" in sentences(handover)
    received = next(note for note in GOOD.notes if isinstance(note, Received))
    reached = msgspec.structs.replace(received, document_id="D8")
    assert "D8 was stopped and reached" in sentences(changed(stopped, "notes", more(reached)))


def test_a_stopped_document_that_a_person_answered_for_may_pass() -> None:
    assert violated(changed(GOOD, "notes", first(Stopped, document_id="D1"))) == set()


def outage(log: Log, seconds: float, target: str = "broker", **fields: Any) -> Fault:
    """Let broker or intake be away, and return the note of it."""
    begin_ms = log.append_ms
    log.wait(seconds)
    known: dict[str, Any] = {
        "at_ms": begin_ms + 1,
        "until_ms": log.append_ms,
        "fault": "stop",
        "target": target,
        "applied": True,
    }
    return Fault(**(known | fields))


def blamed(*notes: Note, log: Log) -> History:
    """Return the record of a log with further notes."""
    return changed(
        history_of(log.entries, booked(log.entries)), "notes", lambda all_: [*all_, *notes]
    )


def without_the_gap(rows: list[Any]) -> Iterable[Any]:
    """Let the books count an outage of half a minute as time."""
    for each in rows:
        yield each._replace(service_ms=each.service_ms + 30_000) if each.log_offset > 3 else each


def test_an_outage_that_the_books_count_as_time_violates_g10() -> None:
    log = Log()
    log.ticks(2)
    log.registered()
    log.published()
    fault = outage(log, 30)
    log.tick(0)
    log.ticks(3)
    log.answered("done")
    log.ticks(2)
    record = blamed(fault, log=log)
    assert "G10" not in violated(record)
    counted = changed(record, "history", without_the_gap)
    assert "G10" in violated(counted)
    assert "of which broker or intake were away 29999 ms" in sentences(counted)
    moved = msgspec.structs.replace(fault, fault="clock", target="machine")
    assert "G10" not in violated(changed(counted, "notes", more(moved)))


def test_behind_a_step_back_of_the_brokers_clock_no_outage_is_held_against_append_times() -> None:
    log = Log()
    log.ticks(2)
    fault = outage(log, 60)
    log.tick(0)
    log.ticks(3)
    log.wait(-58)  # from now on records seem to be appended during the outage
    log.ticks(2)
    log.registered()
    log.published()
    log.ticks(40)
    record = blamed(fault, log=log)
    assert [row.kind for row in record.books.ledger.alerts] == ["arrive"]
    assert violated(record) == set()


def test_an_alert_that_blames_for_an_outage_violates_g10() -> None:
    log = Log()
    log.ticks(2)
    log.registered()
    log.published()
    fault = outage(log, 60, "intake")
    log.tick(0)
    log.ticks(5)
    due = AlertRow(
        subject_id=delivery(1, "R1"),
        kind="arrive",
        dispatch_id=dispatch(1),
        recipient="R1",
        partition=0,
        start=next(iter(GOOD.books.ledger.alerts)).start._replace(offset=3),
        due_ms=26_000,
        raised_offset=6,
        found_by="backstop",
        closing=None,
    )
    record = blamed(fault, log=log)
    assert "G10" not in violated(record)
    wrong = changed(record, "alerts", more(due))
    assert {"G2", "G10"} <= violated(wrong)
    assert "who had 2001 ms without our outages" in sentences(wrong)


@pytest.mark.parametrize(
    "fields",
    [{"applied": False}, {"target": "ledger"}, {"target": "intake-database"}, {"until_ms": 0}],
)
def test_a_fault_that_was_no_outage_exercises_nothing(fields: dict[str, Any]) -> None:
    log = parked_log()
    log.ticks(1)
    fault = outage(log, 30, **fields)
    log.ticks(2)
    report = check(blamed(fault, log=log))
    assert report.findings["G10"].verdict is Verdict.NOT_EXERCISED  # type: ignore[index]


def answering_log(answer_s: int) -> tuple[Log, int]:
    """Return a log in which the answer comes after so many seconds, and when it was given."""
    log = Log()
    log.ticks(2)
    log.registered()
    log.published()
    log.ticks(answer_s)
    given_ms = log.append_ms
    log.ticks(45)  # intake lets ticks pass, and the answer lies unread
    log.answered("done")
    log.ticks(3)
    return log, given_ms


@pytest.mark.parametrize(("answer_s", "expected"), [(3, {"G2"}), (19, set())])
def test_who_answered_in_time_by_the_clock_of_the_wall_may_not_be_blamed(
    answer_s: int, expected: set[str]
) -> None:
    log, given_ms = answering_log(answer_s)
    history = history_of(log.entries, booked(log.entries))
    told = changed(history, "notes", first(Answered, at_ms=given_ms))
    assert violated(told) == expected
    if expected:
        assert "whose answer was confirmed 3000 ms after the copy was published" in sentences(told)
        moved = Fault(
            at_ms=given_ms - 1, until_ms=given_ms, fault="clock", target="broker", applied=True
        )
        assert violated(changed(told, "notes", more(moved))) == set()
