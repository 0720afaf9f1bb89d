"""Checking a run: what its record says of each guarantee.

The record is read once, in this order: the log, with the lines of history beside it; the notes;
the tables. Every copy is then judged by itself, so time is linear in the record.
"""

from collections import defaultdict
from collections.abc import Iterator

from hoatoc.history.books import (
    Lines,
    check_counts,
    check_dispatches,
    compare_replay,
    compare_row,
)
from hoatoc.history.carriage import Doors, check_carriage
from hoatoc.history.due import Spans
from hoatoc.history.evidence import with_evidence
from hoatoc.history.finding import Findings
from hoatoc.history.outage import Outages, Track, check_blame, check_service
from hoatoc.history.page import check_paged, check_told, check_told_states
from hoatoc.history.receipt import check_parked, check_receipts, check_secrets
from hoatoc.history.record import History, Ledger
from hoatoc.history.report import Finding, Guarantee, Report, Verdict
from hoatoc.history.row import AlertRow, DeliveryRow
from hoatoc.history.standing import standing
from hoatoc.history.verdict import AlertRows, check_unnamed, compare_alerts, judge
from hoatoc.history.walk import Walk
from hoatoc.history.witness import Witness

SHOWN = 5
REACHED = 0.95
"""how much of the load that was meant must have been reached"""
_NONE: dict[str, AlertRow] = {}


def check(history: History, most: int | None = SHOWN) -> Report:
    """Decide G1 to G10 of a run, in time linear in its record.

    At most `most` counter-examples a guarantee come with the records concerned; None: all.
    """
    run = _Run(history)
    run.check()
    report = Report(
        findings={each: run.finding(each) for each in Guarantee},
        missing=tuple(run.missing()),
        not_judged=run.not_judged,
    )
    return with_evidence(report, history, most) if report.is_violated else report


class _Run:
    """One run, read and judged."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.ledger: Ledger = history.books.ledger
        self.found = Findings()
        self.walk = Walk()
        self.tracks: dict[int, Track] = defaultdict(Track)
        self.not_judged = 0
        lines = Lines(self.ledger.history, self.found)
        for row in lines.match(self.walk.through(history.log)):
            self.tracks[row.partition].add(row)
        self.lines = lines.counts
        self.witness = Witness(self.walk)
        self.witness.hear(history.notes)
        self.doors = Doors.of(history.books)
        self.alerts = self._alerts()
        self.rows = self._rows()
        self.outages = Outages(self.walk, self.witness.faults)

    def _alerts(self) -> dict[int, dict[str, AlertRow]]:
        alerts: dict[int, dict[str, AlertRow]] = {}
        for row in self.ledger.alerts:
            kinds = alerts.setdefault(row.subject_id.int, {})
            if row.kind in kinds:
                said = f"two verdicts of kind {row.kind} stand on one delivery"
                self.found.refute(Guarantee.G4, said, row.subject_id, row.partition)
            kinds[row.kind] = row
        return alerts

    def _rows(self) -> dict[int, DeliveryRow]:
        rows: dict[int, DeliveryRow] = {}
        for row in self.ledger.deliveries:
            if row.delivery_id.int in rows:
                said = "the books hold a delivery twice"
                self.found.refute(Guarantee.G1, said, row.delivery_id, row.partition)
            rows[row.delivery_id.int] = row
        return rows

    def check(self) -> None:
        """Judge everything."""
        walk, found, witness = self.walk, self.found, self.witness
        check_counts(self.ledger, walk, self.lines, found)
        check_dispatches(self.ledger, walk, found)
        check_carriage(self.doors, walk, witness, found)
        self._check_copies()
        check_unnamed(walk.unnamed, walk.put_back, self.alerts, found)
        self._check_strangers()
        check_told(self.alerts, witness, found)
        if self.history.webhook:
            pending = {row[:3] for row in self.history.books.pages if row.state == "pending"}
            check_paged(self.alerts, witness, pending, found)
        states = {of: (row.state, row.version) for of, row in self.rows.items()}
        check_told_states(walk, states, witness, found)
        check_receipts(self.doors, walk, witness, found)
        check_parked(walk, witness, found)
        check_secrets(self.doors, self.history.leaks, witness, found)
        check_service(self.outages, walk, self.ledger, self.tracks, found)
        check_blame(self.outages, walk, self.alerts, found)
        if self.history.replayed is not None:
            compare_replay(self.ledger, self.history.replayed, found)

    def _check_copies(self) -> None:
        """Judge every copy of the log against its row and its alerts."""
        spans = Spans()
        for of, copy in self.walk.copies.items():
            judged = judge(copy, self.walk, spans)
            self.not_judged += len(judged.by_law)
            alerts: AlertRows = self.alerts.get(of, _NONE)
            compare_alerts(copy, judged, alerts, self.found)
            row = self.rows.get(of)
            if row is None:
                said = f"the copy for {copy.recipient} is in the log and has no state in the books"
                self.found.refute(Guarantee.G1, said, copy.delivery_id, copy.partition)
            else:
                compare_row(copy, row, standing(copy.facts), judged, alerts, self.found)
        self.found.look(Guarantee.G1, "states", len(self.rows))
        self.found.look(Guarantee.G5, "states", len(self.rows))

    def _check_strangers(self) -> None:
        """Find deliveries and alerts of the books of which the log knows nothing."""
        for of in self.rows.keys() - self.walk.copies.keys():
            said = "the books hold a delivery that is not in the log"
            row = self.rows[of]
            self.found.refute(Guarantee.G1, said, row.delivery_id, row.partition)
        known = self.walk.copies.keys() | self.walk.unnamed.keys()
        for of in self.alerts.keys() - known:
            for alert in self.alerts[of].values():
                said = f"an alert {alert.kind} stands on what is not in the log"
                place = (alert.partition, alert.raised_offset)
                self.found.refute(Guarantee.G2, said, alert.subject_id, *place)

    def finding(self, guarantee: Guarantee) -> Finding:
        """Return what was found of a guarantee."""
        wrong = [one for one in self.found.wrong if one.guarantee is guarantee]
        looked_at = dict(self.found.looked_at[guarantee])
        if wrong:
            return Finding(guarantee, Verdict.VIOLATED, looked_at, wrong)
        exercised = all(looked_at.get(what) for what in _EXERCISED[guarantee])
        return Finding(guarantee, Verdict.HOLDS if exercised else Verdict.NOT_EXERCISED, looked_at)

    def missing(self) -> Iterator[str]:
        """Yield in plain words what the run lacks to prove anything."""
        witness = self.witness
        if not witness.count:
            yield "there are no notes: let senders, recipients and receiver write theirs"
        if not self.walk.records:
            yield "the log is empty: save the topic `deliveries` after the run"
        if not self.ledger.positions or not self.rows:
            yield "the books are empty: save the tables after the run"
        if not self.walk.copies:
            yield "there are no deliveries: hand documents over"
        if witness.faults and not any(fault.applied for fault in witness.faults):
            yield "no fault was applied: see why in the notes `fault`"
        for load in witness.loads:
            reached = load.deliveries / load.seconds if load.seconds > 0 else 0.0
            if reached < load.rate * REACHED:
                yield f"the load was {reached:.1f} deliveries/s, {load.rate:.1f} were meant"
        yield from self._unsettled()

    def _unsettled(self) -> Iterator[str]:
        """Yield what was still on its way when the run ended."""
        untold = sum(1 for _ in self.history.books.announcements)
        if untold:
            yield f"{untold} announcements were not told yet: wait for them before saving"
        pending = sum(row.state == "pending" for row in self.history.books.pages)
        if self.history.webhook and pending:
            yield f"{pending} pages were pending: wait for them before saving"
        for guarantee, needed in _EXERCISED.items():
            looked_at = self.found.looked_at[guarantee]
            for what in needed:
                if guarantee is not Guarantee.G9 and not looked_at[what]:
                    yield f"{guarantee} was not exercised: {what}: 0"


_EXERCISED: dict[Guarantee, tuple[str, ...]] = {
    Guarantee.G1: ("copies handed over", "answers", "states"),
    Guarantee.G2: ("deadlines kept or running",),
    Guarantee.G3: ("deadlines broken",),
    Guarantee.G4: ("alerts",),
    Guarantee.G5: ("states told",),
    Guarantee.G6: ("copies received",),
    Guarantee.G7: ("records",),
    Guarantee.G8: ("answers that cannot be read",),
    Guarantee.G9: ("documents stopped",),
    Guarantee.G10: ("outages met by a partition",),
}
