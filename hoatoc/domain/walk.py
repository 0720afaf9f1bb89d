"""Walking: what a stretch of one partition's log holds, read in order and judged by nobody.

Ticks move the clock; facts get their place, which is their offset and service time; proposals are
noted with theirs. Every record but a tick is a line of history.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from hoatoc.domain.delivery import REPEATED, Fact, Position, facts_of, merge
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import (
    Answer,
    AnswerPutBack,
    AnswerUnreadable,
    DeadlinePassed,
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    Event,
    Limits,
    RecallPublished,
    RecallRequested,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.domain.service_time import PartitionClock, advance
from hoatoc.domain.working_due import TickRead


class LogGap(OurFault):
    """The log does not go on where the books end: records are missing, or were read twice."""


class Entry(NamedTuple):
    """One record of the log; `event` is None when it could not be decoded."""

    offset: int
    append_ms: int
    event: Event | None


@dataclass(frozen=True, slots=True)
class PartitionBook:
    """How far a partition is booked, and what the next step needs."""

    next_offset: int = 0
    clock: PartitionClock = field(default_factory=PartitionClock)
    ticks: int = 0


class Line(NamedTuple):
    """One line of history: a record of the log other than a tick."""

    offset: int
    append_ms: int
    service_ms: int
    type: str
    dispatch_id: UUID | None = None
    delivery_id: UUID | None = None
    recipient: str | None = None
    code: str | None = None
    known: bool = True
    detail: str | None = None


@dataclass(slots=True)
class Touched:
    """What a stretch says of one delivery; `answered_ms` is the log time of the answer."""

    dispatch_id: UUID
    recipient: str
    facts: dict[Fact, tuple[Position, ...]] = field(default_factory=dict)
    limits: Limits | None = None
    answer: Answer | None = None
    answered_ms: int = 0
    reasons: dict[int, str | None] = field(default_factory=dict)


@dataclass(slots=True)
class Walk:
    """What a stretch of the log holds."""

    before: PartitionBook
    after: PartitionBook
    lines: list[Line] = field(default_factory=list)
    registrations: dict[UUID, tuple[int, DispatchRegistered]] = field(default_factory=dict)
    touched: dict[UUID, Touched] = field(default_factory=dict)
    proposals: dict[UUID, list[tuple[str, Position]]] = field(default_factory=dict)
    ticks: list[TickRead] = field(default_factory=list)
    unnamed: list[tuple[AnswerUnreadable, Position]] = field(default_factory=list)
    put_back: dict[UUID, Position] = field(default_factory=dict)

    def in_force(self, offset: int) -> tuple[int, int]:
        """Return the calendar version in force behind an offset, and what was lost until there."""
        for tick in reversed(self.ticks):
            if tick.offset <= offset:
                return tick.version, tick.lost_ms
        return self.before.clock.calendar_version, self.before.clock.lost_ms

    @property
    def versions(self) -> set[int]:
        """Return the versions of the calendar that are in force anywhere in the stretch."""
        before = max(self.before.clock.calendar_version, 1)
        return {before, *(max(tick.version, 1) for tick in self.ticks)}

    @property
    def new_version(self) -> bool:
        """Tell whether a tick of the stretch names another version of the calendar."""
        return self.after.clock.calendar_version != self.before.clock.calendar_version


def walk(before: PartitionBook, entries: Sequence[Entry]) -> Walk:
    """Read a stretch of the log that begins where the books end.

    Raises LogGap when an offset is missing or comes again.
    """
    clock, ticks = before.clock, before.ticks
    result = Walk(before, before)
    for expected, entry in enumerate(entries, before.next_offset):
        if entry.offset != expected:
            raise LogGap(
                f"the books end at offset {expected}, the log goes on at {entry.offset}: "
                "the topic was truncated or re-created; restore it or start new books"
            )
        if isinstance(entry.event, Tick):
            clock = advance(clock, entry.event, entry.append_ms)
            ticks += 1
            result.ticks.append(_tick(entry.offset, clock))
        else:
            _note(result, entry, Position(entry.offset, clock.service_ms, entry.append_ms))
    result.after = PartitionBook(before.next_offset + len(entries), clock, ticks)
    return result


def _tick(offset: int, clock: PartitionClock) -> TickRead:
    times = (clock.service_ms, clock.log_ms, clock.lost_ms)
    return TickRead(offset, *times, clock.calendar_version)


def _note(result: Walk, entry: Entry, at: Position) -> None:
    """Note one record that is not a tick."""
    event = entry.event
    match event:
        case TransportAcknowledged() | StatusReported():
            _note_answer(result, event, at)
        case DispatchRegistered():
            _note_registration(result, event, at)
        case DispatchPublished():
            _note_offered(result, event, at, Fact.PUBLISHED, Fact.SEND_REFUSED)
        case DispatchResent():
            _note_resending(result, event, at)
        case RecallRequested():
            _note_recall(result, event, at)
        case RecallPublished():
            _note_offered(result, event, at, Fact.RECALL_PUBLISHED, Fact.RECALL_UNSENT)
        case DeadlinePassed():
            result.proposals.setdefault(event.delivery_id, []).append((event.kind, at))
            _line(result, at, event, delivery_id=event.delivery_id, code=event.kind)
        case AnswerUnreadable():
            _note_unreadable(result, event, at)
        case AnswerPutBack():
            result.put_back.setdefault(event.put_back_of, at)
            code = str(event.put_back_of)
            _line(result, at, event, recipient=event.organ, code=code)
        case _:
            name = "undecodable" if event is None else type(event).__name__
            result.lines.append(Line(*at_line(at), name, known=False))


def at_line(at: Position) -> tuple[int, int, int]:
    """Return a position in the order of a line of history."""
    return at.offset, at.append_ms, at.service_ms


def _line(result: Walk, at: Position, event: Event, **columns: Any) -> None:
    result.lines.append(Line(*at_line(at), type(event).__name__, **columns))


def _touch(result: Walk, dispatch_id: UUID, recipient: str) -> tuple[UUID, Touched]:
    of = delivery_id(DispatchId(dispatch_id), OrganCode(recipient))
    touched = result.touched.get(of)
    if touched is None:
        touched = result.touched[of] = Touched(dispatch_id, recipient)
    return of, touched


def _add(touched: Touched, fact: Fact, at: Position) -> None:
    if fact in touched.facts:
        touched.facts = dict(merge(touched.facts, {fact: (at,)}))
    else:
        touched.facts[fact] = (at,)


def _note_registration(result: Walk, event: DispatchRegistered, at: Position) -> None:
    result.registrations.setdefault(event.dispatch_id, (at.offset, event))
    for recipient in event.recipients:
        _, touched = _touch(result, event.dispatch_id, recipient)
        touched.limits = touched.limits or event.limits
        _add(touched, Fact.REGISTERED, at)
    _line(result, at, event, dispatch_id=event.dispatch_id)


def _note_resending(result: Walk, event: DispatchResent, at: Position) -> None:
    for recipient in event.recipients:
        _add(_touch(result, event.dispatch_id, recipient)[1], Fact.RESENT, at)
    detail = f"{', '.join(event.recipients)} → {event.resent_as}"
    _line(result, at, event, dispatch_id=event.dispatch_id, detail=detail)


def _note_recall(result: Walk, event: RecallRequested, at: Position) -> None:
    for recipient in event.recipients:
        touched = _touch(result, event.dispatch_id, recipient)[1]
        touched.limits = touched.limits or event.limits
        _add(touched, Fact.RECALL_REQUESTED, at)
    detail = f"{', '.join(event.recipients)}: {event.reason}"
    _line(result, at, event, dispatch_id=event.dispatch_id, code=event.form, detail=detail)


def _note_offered(
    result: Walk,
    event: DispatchPublished | RecallPublished,
    at: Position,
    confirmed: Fact,
    refused: Fact,
) -> None:
    for recipient in event.confirmed:
        _add(_touch(result, event.dispatch_id, recipient)[1], confirmed, at)
    for refusal in event.refused:
        touched = _touch(result, event.dispatch_id, refusal.recipient)[1]
        _add(touched, refused, at)
        touched.reasons[at.offset] = refusal.reason
    detail = "; ".join(f"{r.recipient}: {r.reason}" for r in event.refused) or None
    _line(result, at, event, dispatch_id=event.dispatch_id, detail=detail)


def _note_answer(result: Walk, event: Answer, at: Position) -> None:
    of, touched = _touch(result, event.dispatch_id, event.recipient)
    code, said = answer_words(event)
    facts = facts_of(event)
    for fact in facts:
        known_by = event.put_back_of if fact is Fact.PUT_BACK else event.event_id
        _add(touched, fact, at._replace(event=str(known_by)) if fact in REPEATED else at)
    touched.reasons[at.offset] = said
    touched.answer, touched.answered_ms = event, at.append_ms
    _line(
        result,
        at,
        event,
        dispatch_id=event.dispatch_id,
        delivery_id=of,
        recipient=event.recipient,
        code=code,
        known=_is_known(facts, code),
        detail=said,
    )


def is_known(event: Answer) -> bool:
    """Tell whether an answer's code or outcome is one that the lifecycle knows."""
    return _is_known(facts_of(event), answer_words(event)[0])


def _is_known(facts: Sequence[Fact], code: str) -> bool:
    return any(fact is not Fact.PUT_BACK for fact in facts) or code == "processing"


def answer_words(event: Answer) -> tuple[str, str | None]:
    """Return the code or outcome of an answer and the recipient's words."""
    if isinstance(event, StatusReported):
        return event.code, event.description
    return event.outcome, event.reason


def _note_unreadable(result: Walk, event: AnswerUnreadable, at: Position) -> None:
    of = None
    if event.dispatch_id is None:
        result.unnamed.append((event, at))
    else:
        of, touched = _touch(result, event.dispatch_id, event.organ)
        _add(touched, Fact.UNREADABLE, at._replace(event=str(event.event_id)))
        touched.reasons[at.offset] = event.reason
    _line(
        result,
        at,
        event,
        dispatch_id=event.dispatch_id,
        delivery_id=of,
        recipient=event.organ,
        detail=event.reason,
    )
