"""What a checker says of a whole record: a good one, one that proves nothing, a spoilt one."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoatoc.history.check import check
from hoatoc.history.note import (
    Alerted,
    Answered,
    Fault,
    HandedOver,
    Load,
    Paged,
    Received,
    Told,
)
from hoatoc.history.record import Books, History, Ledger
from hoatoc.history.report import Guarantee, Verdict
from hoatoc.history.row import Place
from hoatoc.testing.booking import booked
from hoatoc.testing.good_history import changed, good_history
from hoatoc.testing.history import history_of
from hoatoc.testing.scenario import Log

GOOD = good_history()
EMPTY = Books(
    ledger=Ledger(positions=(), dispatches=(), deliveries=(), alerts=(), history=()),
    handovers=(),
    handover_recipients=(),
    outbox=(),
)


def test_a_good_record_holds_and_every_guarantee_was_exercised() -> None:
    report = check(GOOD)
    assert report.counter_examples == []
    assert {f.verdict for f in report.findings.values()} == {Verdict.HOLDS}
    assert report.missing == ()
    assert report.not_judged == 0


@pytest.mark.parametrize(
    ("poor", "missing"),
    [
        (replace(GOOD, notes=[]), "no notes"),
        (replace(GOOD, log=[]), "log is empty"),
        (replace(GOOD, books=EMPTY), "books are empty"),
        (History(notes=[], log=[], books=EMPTY), "no deliveries"),
        (
            changed(GOOD, "notes", lambda notes: [
                Fault(at_ms=1, until_ms=2, fault="kill", target="ledger", applied=False)
                if isinstance(note, Fault) else note for note in notes
            ]),
            "no fault was applied",
        ),
        (
            changed(GOOD, "notes", lambda notes: [
                *notes, Load(at_ms=1, seconds=10, deliveries=100, rate=200.0)
            ]),
            "10.0 deliveries/s, 200.0 were meant",
        ),
        (
            changed(GOOD, "pages", lambda pages: [p._replace(state="pending") for p in pages]),
            "pages were pending",
        ),
        (
            changed(GOOD, "notes", lambda notes: [n for n in notes if not isinstance(n, Fault)]),
            "G10 was not exercised",
        ),
    ],
)  # fmt: skip
def test_a_record_that_proves_nothing_says_what_is_missing(poor: History, missing: str) -> None:
    assert [line for line in check(poor).missing if missing in line]


def test_a_run_without_a_stopped_document_is_no_proof_of_the_gate_and_none_is_needed() -> None:
    unsearched = replace(GOOD, leaks=None)
    report = check(unsearched)
    assert report.findings[Guarantee.G9].verdict is Verdict.NOT_EXERCISED
    assert report.missing == ()


def test_a_counter_example_comes_with_the_records_of_its_delivery() -> None:
    spoilt = changed(GOOD, "deliveries", lambda rows: [rows[0]._replace(state="x"), *rows[1:]])
    [found] = check(spoilt).counter_examples[:1]
    assert found.delivery_id == next(iter(GOOD.books.ledger.deliveries)).delivery_id
    assert {type(r.event).__name__ for r in found.log} >= {"DispatchRegistered", "StatusReported"}
    assert {type(note) for note in found.notes} >= {Received, Answered, Told}


def test_at_most_as_many_counter_examples_as_asked_for_carry_records() -> None:
    spoilt = changed(GOOD, "deliveries", lambda rows: [r._replace(handling="x") for r in rows])
    wrong = check(spoilt, 2).findings[Guarantee.G1].counter_examples
    assert [bool(one.log) for one in wrong] == [True] * 2 + [False] * (len(wrong) - 2)


def test_deadlines_by_a_legal_clock_are_counted_and_not_judged() -> None:
    log = Log()
    log.limits = replace(log.limits, accept_clock="receipt-day", reply_by="2025-10-09")
    log.ticks(2)
    log.registered()
    log.published()
    log.answered("done")
    log.ticks(30)
    assert check(history_of(log.entries, booked(log.entries))).not_judged == 2


# What a checker must see: of each table the columns that it reads, of each note the fields.
ROWS: dict[str, tuple[str, ...]] = {
    "positions": ("partition", "next_offset", "service_ms", "ticks"),
    "dispatches": ("dispatch_id", "partition", "log_offset", "sender", "document_id", "recipients"),
    "deliveries": (
        *("delivery_id", "dispatch_id", "recipient", "partition", "state", "handling", "recall"),
        *("open", "overdue", "recovered", "version", "due_kind", "due_ms", "wake_ms"),
    ),
    "alerts": (
        *("subject_id", "kind", "start", "due_ms", "raised_offset", "found_by", "closing"),
        "episode",
    ),
    "history": ("partition", "log_offset", "append_ms", "service_ms", "type"),
    "handovers": ("dispatch_id", "document_id", "sender", "packet_sha256"),
    "handover_recipients": ("delivery_id", "connection"),
    "outbox": ("dispatch_id", "state"),
    "recalls": ("recall_id", "state"),
    "recall_recipients": ("delivery_id", "recall_id"),
}
NOTES: dict[type, tuple[str, ...]] = {
    HandedOver: ("document_id", "sender", "recipients", "sha256", "dispatch_id"),
    Received: ("organ", "recipient", "dispatch_id", "delivery_id", "document_id", "sha256"),
    Answered: ("delivery_id", "word"),
    Told: ("delivery_id", "state", "version"),
    Alerted: ("subject_id", "kind", "version"),
    Paged: ("subject_id", "kind", "version"),
}


def other(value: Any) -> Any:
    """Return another value of the same type."""
    changes: dict[type, Callable[[Any], Any]] = {
        type(None): lambda _: 807,
        bool: lambda value: not value,
        int: lambda value: value + 2,
        UUID: lambda value: UUID(int=value.int ^ 1),
        Place: lambda value: value._replace(offset=value.offset + 1),
        list: lambda value: value[:-1],
        str: lambda value: f"{value}x",
    }
    return changes[type(value)](value)


def spoil_row(rows: list[Any], chance: random.Random, columns: Sequence[str]) -> Iterator[Any]:
    """Take a row out, repeat it, or change one of its columns."""
    at, how = chance.randrange(len(rows)), chance.choice(("out", *columns))
    for number, row in enumerate(rows):
        if number != at:
            yield row
        elif how != "out":
            yield row._replace(**{how: other(getattr(row, how))})


def spoil_note(notes: list[Any], chance: random.Random) -> Iterator[Any]:
    """Change one field of one note."""
    known = [at for at, note in enumerate(notes) if type(note) in NOTES]
    at = chance.choice(known)
    name = chance.choice(NOTES[type(notes[at])])
    fields = {each: getattr(notes[at], each) for each in notes[at].__struct_fields__}
    changed_note = type(notes[at])(**fields | {name: other(fields[name])})
    yield from (changed_note if number == at else note for number, note in enumerate(notes))


def spoil_log(log: list[Any], chance: random.Random) -> Iterator[Any]:
    """Lose one record of the log."""
    lost = chance.randrange(len(log))
    yield from (record for at, record in enumerate(log) if at != lost)


def large_history() -> History:
    """Return a record of two hundred copies."""
    log, organs = Log(), [f"R{n}" for n in range(20)]
    log.ticks(2)
    for number in range(1, 11):
        log.registered(number, organs)
        log.published(number, organs)
        log.tick()
        for recipient in organs[number:]:
            log.answered("done", number, recipient)
        for recipient in organs[2 * number :]:
            log.answered("03", number, recipient)
    log.ticks(60)
    return history_of(log.entries, booked(log.entries, range(0, 1000, 40)))


LARGE = large_history()


def test_a_large_record_is_a_good_one() -> None:
    assert check(LARGE).counter_examples == []


@settings(deadline=None)
@given(st.sampled_from((*ROWS, "notes", "log")), st.randoms(use_true_random=False))
def test_whatever_is_spoilt_in_a_large_record_is_found(what: str, chance: random.Random) -> None:
    def spoil(rows: list[Any]) -> Iterable[Any]:
        if what == "notes":
            return spoil_note(rows, chance)
        return spoil_log(rows, chance) if what == "log" else spoil_row(rows, chance, ROWS[what])

    source = GOOD if what.startswith("recall") else LARGE
    assert check(changed(source, what, spoil)).is_violated


class Counted(list[Any]):
    """A list that counts how often its items are read."""

    read = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.read += 1
            yield item


def test_every_record_and_every_note_is_read_once() -> None:
    log, notes = Counted(LARGE.log), Counted(LARGE.notes)
    assert not check(replace(LARGE, log=log, notes=notes)).is_violated
    assert (log.read, notes.read) == (len(log), len(notes))
