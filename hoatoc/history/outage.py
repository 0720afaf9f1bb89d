"""G10 and G2 from outside: nobody is blamed for an outage of ours, nor who answered in time.

An outage is a fault of broker or intake that was really applied, longer than `max_gap`, as far as
no tick was appended meanwhile: a program that is killed may be back before its killer notices.
Where the wall clock was moved nothing is judged by it, nor behind a step back of the broker's.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from hoatoc.history.clock import Clock
from hoatoc.history.fact import PUBLISHED, Copy, named
from hoatoc.history.finding import Findings
from hoatoc.history.note import Fault
from hoatoc.history.record import Ledger
from hoatoc.history.report import Guarantee
from hoatoc.history.row import AlertRow, HistoryRow
from hoatoc.history.verdict import AlertRows
from hoatoc.history.walk import Walk

G2, G10 = Guarantee.G2, Guarantee.G10
SERVING = frozenset(("broker", "intake"))
BLAMING = ("arrive", "accept", "handle", "recall")


class Span(NamedTuple):
    """A stretch of wall time, ms since 1970 UTC."""

    begin: int
    end: int


def spans(faults: Iterable[Fault]) -> list[Span]:
    """Return when broker or intake were away, as those say who saw to it; overlaps are joined."""
    found: list[Span] = []
    for fault in sorted(faults, key=lambda fault: fault.at_ms):
        parts = {part for part in re.split(r"[^a-z]+", fault.target.lower()) if part}
        if not fault.applied or not parts or not parts <= SERVING or _is_clock(fault):
            continue
        if found and fault.at_ms <= found[-1].end:
            found[-1] = Span(found[-1].begin, max(found[-1].end, fault.until_ms))
        else:
            found.append(Span(fault.at_ms, fault.until_ms))
    return found


def _is_clock(fault: Fault) -> bool:
    return "clock" in fault.fault.lower()


class Track:
    """Service time as the books tell it along one partition, line by line of the history."""

    def __init__(self) -> None:
        self.offsets, self.services = array("q"), array("q")

    def add(self, row: HistoryRow) -> None:
        """Go on by a line."""
        self.offsets.append(row.log_offset)
        self.services.append(row.service_ms)


class Outages:
    """The outages of a run, as each partition met them."""

    def __init__(self, walk: Walk, faults: list[Fault]) -> None:
        self._moved = [Span(f.at_ms, f.until_ms) for f in faults if f.applied and _is_clock(f)]
        self.known = spans(faults)
        self.met = {
            partition: [
                silence
                for away in self.known
                if away.end - away.begin > clock.max_gap_ms
                for silence in map(Span._make, clock.silences(*away))
                if silence.end - silence.begin > clock.max_gap_ms and not self.is_moved(*silence)
            ]
            for partition, clock in walk.clocks.items()
        }

    def is_moved(self, from_ms: int, until_ms: int) -> bool:
        """Tell whether the wall clock was moved within a stretch of time."""
        return any(span.begin <= until_ms and span.end >= from_ms for span in self._moved)

    def within(self, partition: int, from_ms: int, until_ms: int) -> list[int]:
        """Return how long each outage lasted within a stretch of time, ms."""
        cut = (min(s.end, until_ms) - max(s.begin, from_ms) for s in self.met[partition])
        return [length for length in cut if length > 0]


def check_service(
    outages: Outages, walk: Walk, ledger: Ledger, tracks: Mapping[int, Track], found: Findings
) -> None:
    """See that the books let no more than max_gap of service time pass over an outage."""
    ends = {row.partition: row.service_ms for row in ledger.positions}
    for partition, met in outages.met.items():
        clock, track = walk.clocks[partition], tracks.get(partition, Track())
        found.look(G10, "outages met by a partition", len(met))
        for outage in met:
            places = _around(outage, clock, track, ends.get(partition, 0))
            if places is None:
                continue
            before, after = places
            away = outages.within(partition, before[0], after[0])
            most = after[0] - before[0] - sum(away) + clock.max_gap_ms * len(away)
            if after[1] - before[1] > most and not outages.is_moved(before[0], after[0]):
                said = f"service time went on by {after[1] - before[1]} ms from {before[0]} to "
                lost = f"{after[0]} (wall, ms), of which broker or intake were away {sum(away)} ms"
                found.refute(G10, said + lost, None, partition, clock.passing(before[1]))


def _around(
    outage: Span, clock: Clock, track: Track, end_ms: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return (append time, booked service time) at the last place before and the first behind.

    None where the broker's clock had gone back behind it: nothing is judged by it then.
    """
    before, line = (clock.appends[0], 0), len(track.offsets)
    tick = bisect_right(clock.appends, outage.begin)
    if tick < len(clock.offsets):
        line = bisect_left(track.offsets, clock.offsets[tick])
        if line:
            before = clock.append_at(track.offsets[line - 1]) or before[0], track.services[line - 1]
    if line < len(track.offsets):
        after_ms = clock.append_at(track.offsets[line])
        return None if after_ms is None else (before, (after_ms, track.services[line]))
    return None if clock.is_back else (before, (clock.appends[-1], end_ms))


def check_blame(
    outages: Outages, walk: Walk, alerts: Mapping[int, AlertRows], found: Findings
) -> None:
    """See that nobody is blamed who had less than the limit, outages taken out of the time."""
    for of, rows in alerts.items():
        copy = walk.copies.get(of)
        if copy is None or copy.limits is None:
            continue
        for kind in BLAMING:
            if kind in rows:
                _check_outage(copy, rows[kind], outages, walk, found)
        if "arrive" in rows:
            _check_answered(copy, rows["arrive"], outages, walk, found)


def _limit_ms(copy: Copy, kind: str) -> int:
    """Return the limit of a deadline that no legal clock sets, else 0."""
    by_law = bool(getattr(copy.limits, f"{kind}_clock", ""))
    return 0 if by_law else int(getattr(copy.limits, f"{kind}_ms", 0))


def _check_outage(copy: Copy, row: AlertRow, outages: Outages, walk: Walk, found: Findings) -> None:
    clock = walk.clocks[copy.partition]
    begin, end = clock.append_at(row.start.offset), clock.append_at(row.raised_offset)
    if begin is None or end is None or outages.is_moved(begin, end):
        return
    away = outages.within(copy.partition, begin, end)
    if not away:
        return
    found.look(G10, "alerts over an outage")
    had = end - begin - sum(away)
    limit = _limit_ms(copy, row.kind) - (len(away) - 1) * clock.max_gap_ms
    if had < limit:
        said = f"an alert {row.kind} blames {copy.recipient}, who had {had} ms without our outages"
        found.refute(G10, f"{said}; the limit is {_limit_ms(copy, row.kind)} ms",
                     copy.delivery_id, copy.partition, row.raised_offset)  # fmt: skip


def _check_answered(
    copy: Copy, row: AlertRow, outages: Outages, walk: Walk, found: Findings
) -> None:
    """See that who answered in time, by the clock of the wall, is not blamed."""
    said_ms, limit = copy.answered_ms, _limit_ms(copy, "arrive")
    published = named(copy.facts, PUBLISHED)
    if said_ms is None or published is None:
        return
    begin = min(published.append_ms, copy.received_ms or published.append_ms)
    if outages.is_moved(begin, said_ms):
        return
    gap = walk.clocks[copy.partition].max_gap_ms
    for since, slack, what in _since(copy, published.append_ms, row, gap):
        if said_ms - since <= limit - slack:
            said = f"an alert arrive blames {copy.recipient}, whose answer was confirmed "
            found.refute(G2, f"{said}{said_ms - since} ms after {what}; the limit is {limit} ms",
                         copy.delivery_id, copy.partition, row.raised_offset)  # fmt: skip


def _since(
    copy: Copy, published_ms: int, row: AlertRow, gap_ms: int
) -> Iterator[tuple[int, int, str]]:
    """Yield (from when, ms in hand, what it was) of what an answer may be measured from."""
    yield published_ms, gap_ms, "the copy was published"
    if row.closing is None and copy.received_ms is not None:
        yield copy.received_ms, 0, "the copy was received, and the alert stands open"
