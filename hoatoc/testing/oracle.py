"""What the books must say of a log, told from the prose of the design alone.

Brute force on purpose: every question is answered by looking at the whole log again, and nothing of
the code that decides is used. Slow and obvious.

A log begins each delivery with its registration, and says no word of it more than eight times.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from hoatoc.domain.event import (
    AnswerPutBack,
    AnswerUnreadable,
    DeadlinePassed,
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    Limits,
    RecallPublished,
    RecallRequested,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.walk import Entry
from hoatoc.domain.working_due import Calendars
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.oracle_time import Log, Moment, moments, service_times, working_due

ACCEPTING = ("03", "04", "05", "06")
DECISIONS = ("02", *ACCEPTING)
TAKING = ("01", "done", *ACCEPTING)
IN_TWO_DIGITS = {f"{n}": f"{n:02}" for n in range(1, 10)}
EVERY_DAY: Calendars = {1: EveryDay()}


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


def _said(entry: Entry) -> Iterator[tuple[UUID, str, UUID | None]]:
    """Yield (delivery, word, event) of what a record says; of a put-back the event it repairs."""
    event = entry.event
    match event:
        case TransportAcknowledged() | StatusReported():
            of = uuid5(event.dispatch_id, event.recipient)
            word = event.outcome if isinstance(event, TransportAcknowledged) else event.code
            if isinstance(event, StatusReported):
                word = IN_TWO_DIGITS.get(word, word)
            yield of, word, event.event_id
            if event.put_back_of is not None:
                yield of, "put back", event.put_back_of
        case AnswerUnreadable() if event.dispatch_id is not None:
            yield uuid5(event.dispatch_id, event.organ), "unreadable", event.event_id
        case (
            DispatchRegistered()
            | DispatchPublished()
            | DispatchResent()
            | RecallRequested()
            | RecallPublished()
        ):
            named = _named(event)
            yield from ((uuid5(event.dispatch_id, r), word, None) for r, word in named)


def _named(
    event: DispatchRegistered
    | DispatchPublished
    | DispatchResent
    | RecallRequested
    | RecallPublished,
) -> Iterator[tuple[str, str]]:
    """Yield (recipient, word) of what a record says of those that it names."""
    match event:
        case DispatchRegistered():
            yield from ((r, "registered") for r in event.recipients)
        case DispatchResent():
            yield from ((r, "sent again") for r in event.recipients)
        case RecallRequested():
            yield from ((r, "asked back") for r in event.recipients)
        case DispatchPublished():
            yield from ((r, "published") for r in event.confirmed)
            yield from ((r.recipient, "refused") for r in event.refused)
        case RecallPublished():
            yield from ((r, "recall published") for r in event.confirmed)
            yield from ((r.recipient, "recall refused") for r in event.refused)


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


def _earliest(*said: Said | None) -> Said | None:
    return min((s for s in said if s), default=None)


def _recall_answer(said: Sequence[Said]) -> Said | None:
    """Return the first 15 or 16 behind the request for it: the answer that stands."""
    asked = _first(said, ["asked back"])
    return _first(said, ["15", "16"], after=asked.offset) if asked else None


def _agreed(said: Sequence[Said]) -> Said | None:
    answer = _recall_answer(said)
    return answer if answer and answer.word == "15" else None


def _runs(said: Sequence[Said]) -> Iterator[tuple[str, Said, Said | None]]:
    """Yield (kind, start, closing) of the deadlines that have started, whoever may limit them."""
    agreed, again = _agreed(said), _first(said, ["sent again"])
    over = _earliest(agreed, again)
    if start := _first(said, ["registered"]):
        yield "publish", start, _first(said, ["published", "refused"])
    if start := _first(said, ["published"]):
        yield "arrive", start, _earliest(_first(said, ["fail", "unreadable", "02", *TAKING]), over)
    if start := _first(said, TAKING):
        unread = _first(said, ["unreadable"], after=start.offset)
        failed = _first(said, ["fail"], after=start.offset)
        yield "accept", start, _earliest(_first(said, DECISIONS), failed, unread, over)
        yield "reply", start, _earliest(_first(said, ["02", "06"]), unread, over)
    if start := _first(said, ACCEPTING):
        unread = _first(said, ["unreadable"], after=start.offset)
        yield "handle", start, _earliest(_first(said, ["02", *ACCEPTING[1:]]), unread, over)
    if start := _first(said, ["recall published"]):
        unread = _first(said, ["unreadable"], after=start.offset)
        yield "recall", start, _earliest(_recall_answer(said), unread)


def _limit(kind: str, limits: Limits) -> tuple[str, int]:
    """Return (legal clock, span in ms) of a kind; of neither there is no such deadline."""
    return {
        "publish": ("", limits.publish_ms),
        "arrive": ("", limits.arrive_ms),
        "accept": (limits.accept_clock, limits.accept_ms),
        "handle": (limits.handle_clock, limits.handle_ms),
        "reply": ("due-date" if limits.reply_by else "", 0),
        "recall": ("", limits.recall_ms),
    }[kind]


def _deadlines(
    said: Sequence[Said], limits: Limits, past: Sequence[Moment], calendars: Calendars
) -> Iterator[tuple[str, int, Said | None]]:
    """Yield (kind, due, closing) of the deadlines that have started."""
    for kind, start, closing in _runs(said):
        clock, span_ms = _limit(kind, limits)
        if clock:
            end = max(closing.offset if closing else len(past), start.offset + 1)
            of = {version: calendar.of("any") for version, calendar in calendars.items()}
            yield kind, working_due(clock, limits, of, past[start.offset : end]), closing
        elif span_ms:
            yield kind, start.service_ms + span_ms + limits.allowance_ms, closing


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


def must_be_alerted(log: Log, calendars: Calendars = EVERY_DAY) -> dict[tuple[UUID, str], Verdict]:
    """Return every alert that the books must hold of a log, and no other may be there."""
    past = moments(log)
    times = [moment.service_ms for moment in past]
    end_ms = times[-1] if times else 0
    found: dict[tuple[UUID, str], Verdict] = {}
    for of, said in _words(log, times).items():
        limits = _limits(log, of)
        for kind, due, closing in _deadlines(said, limits, past, calendars) if limits else ():
            if (closing.service_ms if closing else end_ms) <= due:
                continue  # kept, or still running: nobody may be blamed
            asked = _asked(log, times, of, kind, due, closing, limits.grace_ms if limits else 0)
            first = next(asked, None)
            if first is not None:
                found[of, kind] = Verdict(*first, closing.offset if closing else None)
        found |= {(of, kind): verdict for kind, verdict in _failures(said)}
    return found | _unnamed(log)


def _failures(said: Sequence[Said]) -> Iterator[tuple[str, Verdict]]:
    agreed, again = _agreed(said), _first(said, ["sent again"])
    over = _earliest(_first(said, DECISIONS), agreed, again)
    counted = [
        s._replace(word="over") if s == over else s
        for s in said
        if not over or s.offset <= over.offset
    ]
    if failed := _last_episode(counted, "fail", ["over", *TAKING]):
        yield "receive-failed", failed
    for kind, refusal, mended in (
        ("send-failed", "refused", _earliest(_first(said, ["published"]), agreed, again)),
        (
            "recall-failed",
            "recall refused",
            _earliest(_first(said, ["recall published"]), _recall_answer(said)),
        ),
    ):
        refused = _first(said, [refusal])
        if refused and not (mended and mended.offset < refused.offset):
            yield kind, Verdict(refused.offset, "fact", mended and mended.offset)
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
                for e in log
                if isinstance(e.event, AnswerPutBack) and e.event.put_back_of == event.event_id
            )
            first = Verdict(entry.offset, "fact", next(ends, None))
            found.setdefault((event.event_id, "unreadable"), first)
    return found


class Stands(NamedTuple):
    """What a person must say of where a delivery stands."""

    state: str
    handling: str
    recall: str


def stands(log: Log) -> dict[UUID, Stands]:
    """Return where each delivery stands."""
    return {
        of: Stands(_state(said), _handling(said), _recall(said))
        for of, said in _words(log, service_times(log)).items()
    }


def _state(said: Sequence[Said]) -> str:
    if _agreed(said):
        return "recalled"
    if decided := _first(said, DECISIONS):
        return "refused" if decided.word == "02" else "accepted"
    if failed := _last_episode(said, "fail", TAKING):
        return "receive-failed" if failed.closing_offset is None else "taken"
    if _first(said, TAKING):
        return "taken"
    if _first(said, ["published"]):
        return "published"
    return "parked" if _first(said, ["refused"]) else "registered"


def _handling(said: Sequence[Said]) -> str:
    decided = _first(said, DECISIONS)
    if decided and decided.word == "02":
        return "refused"
    names = {
        "01": "arrived",
        "03": "accepted",
        "04": "assigned",
        "05": "in-progress",
        "06": "completed",
    }
    highest = max((s.word for s in said if s.word in names), default=None)
    return names[highest] if highest else "none"


def _recall(said: Sequence[Said]) -> str:
    asked, answer = _first(said, ["asked back"]), _recall_answer(said)
    if asked is None:
        return "not-asked"
    if answer:
        return "recalled" if answer.word == "15" else "declined"
    sent, refused = _first(said, ["recall published"]), _first(said, ["recall refused"])
    if sent and sent.offset > asked.offset:
        return "asked"
    return "unsent" if refused and refused.offset > asked.offset else "requested"
