"""One run, or a share of its partitions, read once and judged.

What concerns several partitions is handed on: an answer that named no dispatch may be put back in
another partition than the one in which it was parked.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from hoatoc.history.books import (
    Lines,
    check_counts,
    check_dispatches,
    compare_replay,
    compare_row,
)
from hoatoc.history.carriage import Doors, check_carriage
from hoatoc.history.due import Spans
from hoatoc.history.finding import Findings
from hoatoc.history.note import Answered, Fault, Load
from hoatoc.history.outage import Outages, Track, check_blame, check_service
from hoatoc.history.page import check_paged, check_told, check_told_states
from hoatoc.history.receipt import check_receipts, check_secrets
from hoatoc.history.record import History, Ledger
from hoatoc.history.report import Guarantee
from hoatoc.history.row import AlertRow, DeliveryRow, Place
from hoatoc.history.standing import standing
from hoatoc.history.verdict import AlertRows, compare_alerts, judge
from hoatoc.history.walk import Source, Unnamed, Walk
from hoatoc.history.witness import Witness

_NONE: dict[str, AlertRow] = {}


@dataclass(slots=True)
class Across:
    """What is judged with all partitions at hand."""

    unreadable: dict[Source, set[UUID]] = field(default_factory=dict)
    unnamed: dict[int, Unnamed] = field(default_factory=dict)
    put_back: dict[UUID, tuple[int, Place]] = field(default_factory=dict)
    alerts: dict[int, dict[str, AlertRow]] = field(default_factory=dict)
    """about answers that named no dispatch"""
    poison: list[Answered] = field(default_factory=list)
    unheard: list[Answered] = field(default_factory=list)

    def join(self, other: "Across") -> None:
        """Take in what another share found."""
        for source, events in other.unreadable.items():
            self.unreadable.setdefault(source, set()).update(events)
        self.unnamed |= other.unnamed
        self.put_back |= other.put_back
        self.alerts |= other.alerts
        self.poison += other.poison
        self.unheard += other.unheard


@dataclass(frozen=True, slots=True)
class Part:
    """What was found of a run, or of a share of it."""

    found: Findings
    across: Across
    sizes: Counter[str]
    faults: list[Fault]
    loads: list[Load]
    not_judged: int


class Run:
    """The record of a run, or a share of it, read and judged."""

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

    def judge(self) -> "Part":
        """Judge all that can be judged of a partition by itself."""
        self._check()
        walk, witness = self.walk, self.witness
        unnamed = {
            of: rows
            for of, rows in self.alerts.items()
            if any(row.dispatch_id is None for row in rows.values())
        }
        across = Across(
            walk.unreadable, walk.unnamed, walk.put_back, unnamed, witness.poison, witness.unheard
        )
        return Part(
            found=self.found,
            across=across,
            sizes=Counter(
                notes=witness.count,
                records=walk.records,
                positions=len(self.ledger.positions),
                rows=len(self.rows),
                copies=len(walk.copies),
                untold=sum(1 for _ in self.history.books.announcements),
                pending=sum(row.state == "pending" for row in self.history.books.pages),
            ),
            faults=witness.faults,
            loads=witness.loads,
            not_judged=self.not_judged,
        )

    def _check(self) -> None:
        walk, found, witness = self.walk, self.found, self.witness
        check_counts(self.ledger, walk, self.lines, found)
        check_dispatches(self.ledger, walk, found)
        check_carriage(self.doors, walk, witness, found)
        self._check_copies()
        self._check_strangers()
        check_told(self.alerts, witness, found)
        if self.history.webhook:
            pending = {row[:3] for row in self.history.books.pages if row.state == "pending"}
            check_paged(self.alerts, witness, pending, found)
        states = {of: (row.state, row.version) for of, row in self.rows.items()}
        check_told_states(walk, states, witness, found)
        check_receipts(self.doors, walk, witness, found)
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
        for of in self.alerts.keys() - self.walk.copies.keys():
            for alert in self.alerts[of].values():
                if alert.dispatch_id is None:
                    continue  # judged with all partitions at hand
                said = f"an alert {alert.kind} stands on what is not in the log"
                place = (alert.partition, alert.raised_offset)
                self.found.refute(Guarantee.G2, said, alert.subject_id, *place)
