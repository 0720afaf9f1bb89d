"""What the books must say of a log, told from the prose of the design alone.

Brute force on purpose: every question is answered by looking at the whole log again, and nothing of
the code that decides is used. Slow and obvious.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from hoatoc.domain.book import Entry
from hoatoc.domain.event import (
    AnswerUnreadable,
    DeadlinePassed,
    DispatchPublished,
    DispatchRegistered,
    Limits,
    StatusReported,
    Tick,
    TransportAcknowledged,
)

Log = Sequence[Entry]
DECISIONS = ("02", "03", "04", "05", "06")
TAKING = ("01", "done", "03", "04", "05", "06")


class Verdict(NamedTuple):
    """What must stand in the books of one (delivery, kind)."""

    raised_offset: int
    found_by: str
    closing_offset: int | None


class Said(NamedTuple):
    """A word about a delivery, where it stands."""

    offset: int
    service_ms: int
    word: str
    event: UUID | None = None


def service_times(log: Log) -> list[int]:
    """Return the service time at every record, ms."""
    times: list[int] = []
    for at in range(len(log)):
        times.append((times[-1] if times else 0) + _step(log, at))
    return times


def _ticks(log: Log, before: int) -> list[tuple[int, Tick]]:
    """Return (append time, tick) of the ticks before an offset, the latest first."""
    found = [(e.append_ms, e.event) for e in log[:before] if isinstance(e.event, Tick)]
    return found[::-1]


def _step(log: Log, at: int) -> int:
    tick = log[at].event
    if not isinstance(tick, Tick):
        return 0
    now = log[at].append_ms
    earlier = _ticks(log, at)
    same = [(when, t) for when, t in earlier if t.writer == tick.writer]
    if not same or abs(now - same[0][0]) > tick.max_gap_ms:  # away for longer: it begins anew
        return 0
    appended = now - earlier[0][0]
    clocked = tick.clock_ms - same[0][1].clock_ms
    if not 0 < appended <= tick.max_gap_ms or not 0 < clocked <= tick.max_gap_ms:
        return 0
    for path in tick.paths:
        of_path = [(when, t) for when, t in [(now, tick), *earlier] if t.path == path]
        for shard in range(of_path[0][1].shards if of_path else 1):
            last = next((when for when, t in of_path if t.shard == shard), None)
            if last is None or abs(now - last) > tick.max_gap_ms:
                return 0
    return min(appended, clocked)


def _said(entry: Entry) -> Iterator[tuple[UUID, str, UUID | None]]:
    """Yield (delivery, word, event) of what a record says; of a put-back the event it repairs."""
    event = entry.event
    match event:
        case DispatchRegistered():
            yield from ((uuid5(event.dispatch_id, r), "registered", None) for r in event.recipients)
        case DispatchPublished():
            named = [(r, "published") for r in event.confirmed]
            named += [(r.recipient, "refused") for r in event.refused]
            yield from ((uuid5(event.dispatch_id, r), word, None) for r, word in named)
        case TransportAcknowledged() | StatusReported():
            of = uuid5(event.dispatch_id, event.recipient)
            word = event.code if isinstance(event, StatusReported) else event.outcome
            yield of, word, event.event_id
            if event.put_back_of is not None:
                yield of, "put back", event.put_back_of
        case AnswerUnreadable() if event.dispatch_id is not None:
            yield uuid5(event.dispatch_id, event.organ), "unreadable", event.event_id


def _words(log: Log, times: Sequence[int]) -> dict[UUID, list[Said]]:
    """Return all that is said of each delivery, in order."""
    found: dict[UUID, list[Said]] = {}
    heard: set[tuple[UUID, str, UUID]] = set()
    for entry in log:
        for of, word, event in _said(entry):
            if event is not None and (of, word, event) in heard:
                continue  # the same record again is the same fact
            if event is not None:
                heard.add((of, word, event))
            said = Said(entry.offset, times[entry.offset], word, event)
            found.setdefault(of, []).append(said)
    return found


def _first(said: Sequence[Said], words: Sequence[str], after: int = -1) -> Said | None:
    return next((s for s in said if s.word in words and s.offset > after), None)


def _limits(log: Log, of: UUID) -> Limits | None:
    """Return the limits of a delivery's first registration."""
    for entry in log:
        event = entry.event
        if isinstance(event, DispatchRegistered) and of in {
            uuid5(event.dispatch_id, r) for r in event.recipients
        }:
            return event.limits
    return None


def _deadlines(
    said: Sequence[Said], limits: Limits
) -> Iterator[tuple[str, Said, int, Said | None]]:
    """Yield (kind, start, due, closing) of the deadlines that have started."""
    if start := _first(said, ["registered"]):
        due = start.service_ms + limits.publish_ms + limits.allowance_ms
        yield "publish", start, due, _first(said, ["published", "refused"])
    if start := _first(said, ["published"]):
        due = start.service_ms + limits.arrive_ms + limits.allowance_ms
        yield "arrive", start, due, _first(said, ["fail", "unreadable", "02", *TAKING])
    if start := _first(said, TAKING):
        due = start.service_ms + limits.accept_ms + limits.allowance_ms
        ends = (
            _first(said, DECISIONS),
            _first(said, ["fail", "unreadable"], after=start.offset),
        )
        yield "accept", start, due, min((e for e in ends if e), default=None)


def _asked(
    log: Log, times: Sequence[int], of: UUID, kind: str, due: int, closing: Said | None, grace: int
) -> Iterator[tuple[int, str]]:
    """Yield (offset, who asks) of what asks for the verdict on a broken deadline."""
    for entry in log:
        event, at = entry.event, entry.offset
        if closing is not None and closing.offset == at:
            yield at, "answer"
        if times[at] <= due:
            continue
        if isinstance(event, DeadlinePassed) and (event.delivery_id, event.kind) == (of, kind):
            yield at, "tracker"
        if isinstance(event, Tick) and times[at] > due + grace:
            yield at, "backstop"


def must_be_alerted(log: Log) -> dict[tuple[UUID, str], Verdict]:
    """Return every alert that the books must hold of a log, and no other may be there."""
    times = service_times(log)
    end_ms = times[-1] if times else 0
    found: dict[tuple[UUID, str], Verdict] = {}
    for of, said in _words(log, times).items():
        limits = _limits(log, of)
        for kind, _, due, closing in _deadlines(said, limits) if limits else ():
            if (closing.service_ms if closing else end_ms) <= due:
                continue  # kept, or still running: nobody may be blamed
            asked = _asked(log, times, of, kind, due, closing, limits.grace_ms if limits else 0)
            first = next(asked, None)
            if first is not None:
                found[of, kind] = Verdict(*first, closing.offset if closing else None)
        found |= {(of, kind): verdict for kind, verdict in _failures(said)}
    return found | _unnamed(log)


def _failures(said: Sequence[Said]) -> Iterator[tuple[str, Verdict]]:
    decided = _first(said, DECISIONS)
    undecided = [s for s in said if not (decided and s.offset > decided.offset)]
    if failed := _last_episode(undecided, "fail", ["02", *TAKING]):
        yield "receive-failed", failed
    refused, published = _first(said, ["refused"]), _first(said, ["published"])
    if refused and not (published and published.offset < refused.offset):
        yield "send-failed", Verdict(refused.offset, "fact", published and published.offset)
    if unread := _last_parked(said):
        yield "unreadable", unread


def _last_episode(said: Sequence[Said], begins: str, ends: Sequence[str]) -> Verdict | None:
    """Return the last stretch from a beginning to the end of it."""
    found: Verdict | None = None
    for one in said:
        if one.word == begins and (found is None or found.closing_offset is not None):
            found = Verdict(one.offset, "fact", None)
        elif found and found.closing_offset is None and one.word in ends:
            found = found._replace(closing_offset=one.offset)
    return found


def _last_parked(said: Sequence[Said]) -> Verdict | None:
    """Return the last stretch in which an answer was parked and not put back."""
    found: Verdict | None = None
    parked: list[Said] = []
    for one in said:
        if one.word == "unreadable":
            parked.append(one)
            if found is None or found.closing_offset is not None:
                found = Verdict(one.offset, "fact", None)
        elif one.word == "put back" and found:
            parked = [p for p in parked if p.event != one.event]
            if not parked and found.closing_offset is None:
                found = found._replace(closing_offset=one.offset)
    return found


def _unnamed(log: Log) -> dict[tuple[UUID, str], Verdict]:
    """Return the alerts about answers that named no dispatch."""
    found: dict[tuple[UUID, str], Verdict] = {}
    for entry in log:
        event = entry.event
        if isinstance(event, AnswerUnreadable) and event.dispatch_id is None:
            ends = (
                e.offset
                for e in log[entry.offset :]
                if isinstance(e.event, TransportAcknowledged | StatusReported)
                and e.event.put_back_of == event.event_id
            )
            first = Verdict(entry.offset, "fact", next(ends, None))
            found.setdefault((event.event_id, "unreadable"), first)
    return found


def states(log: Log) -> dict[UUID, str]:
    """Return what a person must call the state of each delivery."""
    return {of: _state(said) for of, said in _words(log, service_times(log)).items()}


def _state(said: Sequence[Said]) -> str:
    if decided := _first(said, DECISIONS):
        return "refused" if decided.word == "02" else "accepted"
    if failed := _last_episode(said, "fail", TAKING):
        return "receive-failed" if failed.closing_offset is None else "taken"
    if _first(said, TAKING):
        return "taken"
    if _first(said, ["published"]):
        return "published"
    return "parked" if _first(said, ["refused"]) else "registered"
