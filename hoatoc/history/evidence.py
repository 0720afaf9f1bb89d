"""Evidence: the records of the log and the notes that a counter-example is about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from uuid import UUID, uuid5

from hoatoc.domain.event import Event
from hoatoc.history.note import Note
from hoatoc.history.record import History, LogRecord
from hoatoc.history.report import CounterExample, Finding, Report

NOTES, RECORDS = 12, 40
"""at most so many of each come with a counter-example"""


def with_evidence(report: Report, history: History, most: int | None) -> Report:
    """Return the report with the records concerned beside its counter-examples."""
    shown = [one for f in report.findings.values() for one in islice(f.counter_examples, most)]
    deliveries = {one.delivery_id for one in shown if one.delivery_id}
    places = {(one.partition, one.offset) for one in shown}
    log = _log_of(history.log, deliveries, places)
    notes = _notes_of(history.notes, deliveries)
    findings = {
        guarantee: replace(finding, counter_examples=_attached(finding, most, log, notes))
        for guarantee, finding in report.findings.items()
    }
    return replace(report, findings=findings)


Log = dict[object, list[LogRecord]]
"""Records by delivery, and by (partition, offset)."""
Notes = dict[UUID, list[Note]]


def _attached(
    finding: Finding, most: int | None, log: Log, notes: Notes
) -> Sequence[CounterExample]:
    every = list(finding.counter_examples)
    for at, one in enumerate(islice(every, most)):
        records = {r[:2]: r for r in (*log[one.delivery_id], *log[one.partition, one.offset])}
        said = notes.get(one.delivery_id, []) if one.delivery_id else []
        every[at] = one._replace(
            log=tuple(record for _, record in sorted(records.items(), key=itemgetter(0))[:RECORDS]),
            notes=tuple(said[:NOTES]),
        )
    return every


def _log_of(
    log: Iterable[LogRecord], deliveries: set[UUID], places: set[tuple[int | None, int | None]]
) -> Log:
    found: Log = defaultdict(list)
    known: dict[tuple[UUID, str], UUID] = {}
    for record in log:
        if (record.partition, record.offset) in places:
            found[record.partition, record.offset].append(record)
        for name in _named(record.event) if deliveries else ():
            of = known.get(name) or known.setdefault(name, uuid5(*name))
            if of in deliveries:
                found[of].append(record)
    return found


def _named(event: Event | None) -> Iterator[tuple[UUID, str]]:
    """Yield (dispatch, recipient) of all that a record names."""
    dispatch_id = getattr(event, "dispatch_id", None)
    if dispatch_id is None:
        return
    for name in ("recipient", "organ"):
        if isinstance(one := getattr(event, name, None), str):
            yield dispatch_id, one
    for name in ("recipients", "confirmed"):
        for one in getattr(event, name, ()):
            yield dispatch_id, one
    for refusal in getattr(event, "refused", ()):
        yield dispatch_id, refusal.recipient


def _notes_of(notes: Iterable[Note], deliveries: set[UUID]) -> Notes:
    found: Notes = defaultdict(list)
    for note in notes if deliveries else ():
        of = getattr(note, "delivery_id", None) or getattr(note, "subject_id", None)
        if of in deliveries:
            found[of].append(note)
    return found
