"""G1, G5, G7: the ledger's books are what the log says, row by row and count by count."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from hoatoc.history.fact import Copy
from hoatoc.history.finding import Findings
from hoatoc.history.record import Ledger
from hoatoc.history.report import Guarantee
from hoatoc.history.row import DeliveryRow, HistoryRow
from hoatoc.history.standing import OPEN, Standing
from hoatoc.history.verdict import AlertRows, Judged
from hoatoc.history.walk import Booked, Walk

G1, G5, G7 = Guarantee.G1, Guarantee.G5, Guarantee.G7


def compare_row(
    copy: Copy, row: DeliveryRow, stands: Standing, judged: Judged, alerts: AlertRows,
    found: Findings,
) -> None:  # fmt: skip
    """Compare the row of a delivery with what the log says of it."""
    open_alerts = [alert.closing is None for alert in judged.expected.values()]
    by_law = (alerts[deadline.kind] for deadline in judged.by_law if deadline.kind in alerts)
    open_alerts.extend(alert.closing is None for alert in by_law)
    overdue = any(open_alerts)
    recovered = bool(open_alerts) and not overdue
    version = copy.facts[-1].offset if copy.facts else -1
    is_open = stands.state in OPEN
    is_ = (row.state, row.handling, row.recall, row.open, row.overdue, row.recovered, row.version)
    must_be = (*stands, is_open, overdue, recovered, version)
    if is_ != must_be:
        _differ(copy, _NAMES, is_, must_be, found)
    dues = _dues(copy, judged)
    if dues is not None and (row.due_kind, row.due_ms, row.wake_ms) != dues:
        _differ(copy, _DUES, (row.due_kind, row.due_ms, row.wake_ms), dues, found)
    named = (row.dispatch_id, row.recipient, row.partition)
    if named != (copy.dispatch_id, copy.recipient, copy.partition):
        found.refute(G7, "a delivery stands under other names than in the log", copy.delivery_id)


_NAMES = (
    (G1, "state"),
    (G1, "handling"),
    (G1, "recall"),
    (G1, "open"),
    (G1, "overdue"),
    (G5, "recovered"),
    (G7, "version"),
)
_DUES = ((G7, "due kind"), (G7, "due"), (G7, "wake"))


def _differ(
    copy: Copy,
    names: Iterable[tuple[Guarantee, str]],
    is_: Iterable[object],
    must_be: Iterable[object],
    found: Findings,
) -> None:
    for (guarantee, name), one, other in zip(names, is_, must_be, strict=True):
        if one != other:
            said = f"the books say {name} {one} of the copy for {copy.recipient}, the log {other}"
            found.refute(guarantee, said, copy.delivery_id, copy.partition)


def _dues(copy: Copy, judged: Judged) -> tuple[str | None, int | None, int | None] | None:
    """Return (kind, due, wake) of what runs next; None if a legal clock may come before it."""
    if judged.by_law and any(deadline.closing is None for deadline in judged.by_law):
        return None
    runs = [d for d in judged.quiet if d.closing is None and d.due_ms is not None]
    if not runs or copy.limits is None:
        return None, None, None
    due_ms, kind = min((d.due_ms or 0, at, d.kind) for at, d in enumerate(runs))[::2]
    return str(kind), int(due_ms), int(due_ms) + copy.limits.grace_ms


class Lines:
    """Compares lines of history with the records of the log, both by partition and offset."""

    def __init__(self, rows: Iterable[HistoryRow], found: Findings) -> None:
        self._rows = iter(rows)
        self._next = next(self._rows, None)
        self._found = found
        self.counts: dict[int, int] = {}
        """lines by partition"""

    def match(self, booked: Iterable[Booked]) -> Iterator[HistoryRow]:
        """Compare each record that is no tick with its line; yield the lines."""
        for one in booked:
            place = (one.partition, one.offset)
            while self._next is not None and self._next[:2] < place:
                yield self._strange(self._next)
            row = self._next
            if row is None or row[:2] != place:
                self._found.refute(G7, "a record of the log has no line of history", None, *place)
                continue
            if row[:5] != one:
                said = f"a line of history says {row[2:5]}, the log {one[2:]}"
                self._found.refute(G7, f"{said} (append, service time, type)", None, *place)
            yield self._take(row)
        while self._next is not None:
            yield self._strange(self._next)

    def _take(self, row: HistoryRow) -> HistoryRow:
        self.counts[row.partition] = self.counts.get(row.partition, 0) + 1
        self._next = next(self._rows, None)
        return row

    def _strange(self, row: HistoryRow) -> HistoryRow:
        said = "a line of history stands where the log has no such record, or stands twice"
        self._found.refute(G7, said, None, row.partition, row.log_offset)
        return self._take(row)


def check_counts(ledger: Ledger, walk: Walk, lines: Mapping[int, int], found: Findings) -> None:
    """See that the books count every record of the log, and know its time."""
    found.look(G7, "records", walk.records)
    for partition, expected, at in walk.gaps:
        said = f"the log goes on at offset {at} where {expected} comes next: records are lost"
        found.refute(G7, said, None, partition, at)
    booked = {row.partition: row for row in ledger.positions}
    for partition, clock in walk.clocks.items():
        row = booked.get(partition)
        if row is None:
            found.refute(G7, "a partition of the log is in no books", None, partition)
            continue
        counts = (
            ("next offset", row.next_offset, clock.next_offset),
            ("service time", row.service_ms, clock.service_ms),
            ("ticks", row.ticks, len(clock.offsets)),
            ("ticks and lines", row.ticks + lines.get(partition, 0), row.next_offset),
        )
        for name, one, other in counts:
            if one != other:
                said = f"the books have {name} {one}, it must be {other}"
                found.refute(G7, said, None, partition, clock.next_offset)
    for row in booked.values():
        if row.partition not in walk.clocks and row.next_offset:
            said = f"the books end at offset {row.next_offset} of a partition without a log"
            found.refute(G7, said, None, row.partition)


def check_dispatches(ledger: Ledger, walk: Walk, found: Findings) -> None:
    """See that each registered dispatch is booked, at its first registration, and no other."""
    rows = {row.dispatch_id: row for row in ledger.dispatches}
    found.look(G7, "dispatches", len(walk.dispatches))
    for of, must_be in walk.dispatches.items():
        row = rows.get(of)
        if row is None or row[:6] != must_be[:6]:
            said = f"the books say {row and row[1:6]} of dispatch {of}, the log {must_be[1:6]}"
            found.refute(G7, said, None, must_be.partition, must_be.log_offset)
    for of in rows.keys() - walk.dispatches.keys():
        found.refute(G7, f"dispatch {of} is in the books and not in the log")


Key = Callable[[Any], object]
_KEYS: Mapping[str, Key] = {
    "positions": lambda row: row.partition,
    "dispatches": lambda row: row.dispatch_id,
    "deliveries": lambda row: row.delivery_id,
    "alerts": lambda row: (row.subject_id, row.kind),
    "history": lambda row: (row.partition, row.log_offset),
}


def compare_replay(ledger: Ledger, replayed: Ledger, found: Findings) -> None:
    """See that a replay of the log gave the same books."""
    for table, key in _KEYS.items():
        rows = {key(row): row for row in getattr(ledger, table)}
        found.look(G7, "rows replayed", len(rows))
        for row in getattr(replayed, table):
            if rows.pop(key(row), None) != row:
                said = f"a replay of the log gives another row of {table}: {row}"
                found.refute(G7, said, *_where(row))
        for row in rows.values():
            found.refute(
                G7, f"a replay of the log gives no such row of {table}: {row}", *_where(row)
            )


def _where(row: Any) -> tuple[UUID | None, int | None, int | None]:
    of = getattr(row, "delivery_id", None) or getattr(row, "subject_id", None)
    offset = getattr(row, "log_offset", None)
    return (of if isinstance(of, UUID) else None), getattr(row, "partition", None), offset
