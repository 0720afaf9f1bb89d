"""G2 and G3: the alerts of the books are those that the log asks for, each at its place."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from hoatoc.history.due import Deadline, Expected, Spans, deadlines, failure, failures, verdict
from hoatoc.history.fact import Copy
from hoatoc.history.finding import Findings
from hoatoc.history.report import Guarantee
from hoatoc.history.row import AlertRow, Place
from hoatoc.history.walk import Unnamed, Walk

G2, G3 = Guarantee.G2, Guarantee.G3
AlertRows = Mapping[str, AlertRow]
"""The alerts of one subject in the books, by kind."""


class Judged(NamedTuple):
    """What was due of a copy: the alerts that must stand, and the deadlines without one."""

    expected: dict[str, Expected]
    quiet: list[Deadline]
    by_law: list[Deadline]


def judge(copy: Copy, walk: Walk, spans: Spans) -> Judged:
    """Judge every deadline and every failure of a copy at the end of the log."""
    judged = Judged(dict(failures(copy.facts)), [], [])
    if copy.limits is None:
        return judged
    clock = walk.clocks[copy.partition]
    proposals = walk.proposals.get(copy.key, ())
    for deadline in deadlines(copy, spans.of(copy.limits)):
        if deadline.due_ms is None:
            judged.by_law.append(deadline)
        elif alert := verdict(deadline, copy.limits.grace_ms, clock, proposals):
            judged.expected[deadline.kind] = alert
        else:
            judged.quiet.append(deadline)
    return judged


def compare_alerts(copy: Copy, judged: Judged, rows: AlertRows, found: Findings) -> None:
    """Compare the alerts that must stand about a copy with those that do."""
    expected = judged.expected
    broken = sum(alert.due_ms is not None for alert in expected.values())
    found.look(G2, "deadlines kept or running", len(judged.quiet))
    if expected:
        found.look(G3, "deadlines broken", broken)
        found.look(G3, "failures", len(expected) - broken)
    elif not rows:
        return
    by_law = {deadline.kind: deadline for deadline in judged.by_law}
    for kind, alert in expected.items():
        if kind not in rows:
            said = f"{_what(kind, copy.recipient, alert)}, and no alert stands in the books"
            found.refute(G3, said, copy.delivery_id, copy.partition, alert.raised_offset)
    for kind, row in rows.items():
        if kind in by_law:
            _check_by_law(copy, by_law[kind], row, found)
        elif kind not in expected:
            said = f"an alert {kind} blames {copy.recipient}, but {_why_not(kind, judged)}"
            found.refute(G2, said, copy.delivery_id, copy.partition, row.raised_offset)
        else:
            compare_alert(copy.delivery_id, row, expected[kind], found)


def _what(kind: str, recipient: str, alert: Expected) -> str:
    if alert.due_ms is None:
        return f"{kind} of the copy for {recipient} stands in the log"
    end = f"closed at {alert.closing.service_ms} ms" if alert.closing else "not closed"
    return f"the deadline {kind} of {recipient} was due at {alert.due_ms} ms of service time, {end}"


def _why_not(kind: str, judged: Judged) -> str:
    for deadline in judged.quiet:
        if deadline.kind == kind and deadline.closing:
            at, due = deadline.closing.service_ms, deadline.due_ms
            return f"it was closed at {at} ms of service time, due at {due} ms"
        if deadline.kind == kind:
            return f"its due, {deadline.due_ms} ms of service time, had asked for no verdict yet"
    return "the log holds nothing that could have been late or have failed"


def _check_by_law(copy: Copy, deadline: Deadline, row: AlertRow, found: Findings) -> None:
    """See that what closed a deadline by a legal clock in time raised no alert about it."""
    closing = deadline.closing
    if closing and row.due_ms is not None and closing.service_ms <= row.due_ms:
        said = f"an alert {row.kind} blames {copy.recipient}, who answered before the due in it"
        found.refute(G2, said, copy.delivery_id, copy.partition, row.raised_offset)


def compare_alert(of: UUID, row: AlertRow, alert: Expected, found: Findings) -> None:
    """Compare an alert of the books with the one that must stand there."""
    stands = (row.start, row.due_ms, row.raised_offset, row.found_by, row.closing, row.episode)
    if stands == alert:
        return
    for guarantee, what, is_, must_be in _differences(row, alert):
        said = f"the alert {row.kind} of {row.recipient} has {what} {is_}, the log says {must_be}"
        found.refute(guarantee, said, of, row.partition, row.raised_offset)


def _differences(row: AlertRow, alert: Expected) -> Iterator[tuple[Guarantee, str, object, object]]:
    if row.start != alert.start:
        yield G2, "start", row.start, alert.start
    if row.due_ms != alert.due_ms:
        yield G2, "due", row.due_ms, alert.due_ms
    if row.closing != alert.closing:
        yield G2, "closing", row.closing, alert.closing
    if row.raised_offset != alert.raised_offset:
        late = row.raised_offset > alert.raised_offset
        yield G3 if late else G2, "place", row.raised_offset, alert.raised_offset
    if row.found_by != alert.found_by:
        yield G3, "finder", row.found_by, alert.found_by
    if row.episode != alert.episode:
        yield Guarantee.G4, "episode", row.episode, alert.episode


def check_unnamed(
    unnamed: Mapping[int, Unnamed],
    put_back: Mapping[UUID, tuple[int, Place]],
    alerts: Mapping[int, AlertRows],
    found: Findings,
) -> None:
    """See that each parked answer that named no dispatch raised its alert."""
    for key, (event, partition, place) in unnamed.items():
        of = event.event_id
        found.look(G3, "failures")
        row = alerts.get(key, {}).get("unreadable")
        if row is None:
            said = f"an answer of {event.organ} could not be read, and no alert stands in the books"
            found.refute(G3, said, of, partition, place.offset)
            continue
        back = put_back.get(of)
        alert = failure(place, back[1] if back else None)
        compare_alert(of, row, alert, found)
    for key in alerts.keys() - unnamed.keys():
        for row in alerts[key].values():
            said = f"an alert {row.kind} stands on what is not in the log"
            found.refute(G2, said, row.subject_id, row.partition, row.raised_offset)
