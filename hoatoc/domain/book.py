"""Booking: from a stretch of one partition's log to what the books say at its end.

This is where the ledger decides, and nothing else does. Rules:

1. `walk` reads the entries in order: ticks move the clock, facts get their place (offset and
   service time), proposals are noted with theirs. Nothing is judged on the way.
2. `settle` joins the new facts of a delivery with what the books hold, and judges every deadline
   at the end of the stretch. A verdict is due when the stretch holds the first of: a proposal that
   finds the deadline broken; the fact that closes it too late; the tick that passes its backstop.
   Where it stands and who found it are told by position, so that the books are a function of the
   log alone, however it was cut into stretches.
3. An alert that stands open at the end of a stretch is announced; one that was closed within the
   stretch that raised it is booked as recovered and pages nobody. An open alert in the books has
   therefore been announced, and closing it announces that too; so does its standing open again.

Only positions are compared, never the order of commits: `registered, tick, answer` gives the same
books whether the answer is read with the tick or after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from hoatoc.domain.deadline import (
    Deadline,
    Failure,
    Judgement,
    Kind,
    deadlines,
    failures,
    judge,
)
from hoatoc.domain.delivery import (
    OUTCOMES,
    REPEATED,
    STATUSES,
    Delivery,
    Fact,
    Position,
    facts_of,
    merge,
)
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import (
    Answer,
    AnswerUnreadable,
    DeadlinePassed,
    DispatchPublished,
    DispatchRegistered,
    Event,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.domain.service_time import PartitionClock, advance


class LogGap(OurFault):
    """The log does not go on where the books end: records are missing, or were read twice."""


class Finder(StrEnum):
    """Who found that a person must be told."""

    TRACKER = "tracker"
    ANSWER = "answer"
    BACKSTOP = "backstop"
    FACT = "fact"


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


@dataclass(frozen=True, slots=True)
class Alert:
    """A broken deadline or a failure, with its place in the log; unique by (subject, kind)."""

    subject_id: UUID
    kind: Kind
    dispatch_id: UUID | None
    recipient: str
    start: Position
    due_ms: int | None
    raised_offset: int
    found_by: Finder
    closing: Position | None
    episode: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """One delivery in the books, with its alerts."""

    delivery: Delivery
    alerts: Mapping[Kind, Alert] = field(default_factory=dict)


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
    """What a stretch says of one delivery."""

    dispatch_id: UUID
    recipient: str
    facts: dict[Fact, tuple[Position, ...]] = field(default_factory=dict)
    registration: DispatchRegistered | None = None
    answer: Answer | None = None
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
    ticks: list[tuple[int, int]] = field(default_factory=list)
    unnamed: list[tuple[AnswerUnreadable, Position]] = field(default_factory=list)
    put_back: dict[UUID, Position] = field(default_factory=dict)


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
            result.ticks.append((entry.offset, clock.service_ms))
        else:
            _note(result, entry, Position(entry.offset, clock.service_ms, entry.append_ms))
    result.after = PartitionBook(before.next_offset + len(entries), clock, ticks)
    return result


def _note(result: Walk, entry: Entry, at: Position) -> None:
    """Note one record that is not a tick."""
    event = entry.event
    match event:
        case TransportAcknowledged() | StatusReported():
            _note_answer(result, event, at)
        case DispatchRegistered():
            _note_registration(result, event, at)
        case DispatchPublished():
            _note_publication(result, event, at)
        case DeadlinePassed():
            result.proposals.setdefault(event.delivery_id, []).append((event.kind, at))
            _line(result, at, event, delivery_id=event.delivery_id, code=event.kind)
        case AnswerUnreadable():
            _note_unreadable(result, event, at)
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
        touched.registration = touched.registration or event
        _add(touched, Fact.REGISTERED, at)
    _line(result, at, event, dispatch_id=event.dispatch_id)


def _note_publication(result: Walk, event: DispatchPublished, at: Position) -> None:
    for recipient in event.confirmed:
        _add(_touch(result, event.dispatch_id, recipient)[1], Fact.PUBLISHED, at)
    for refusal in event.refused:
        touched = _touch(result, event.dispatch_id, refusal.recipient)[1]
        _add(touched, Fact.SEND_REFUSED, at)
        touched.reasons[at.offset] = refusal.reason
    detail = "; ".join(f"{r.recipient}: {r.reason}" for r in event.refused) or None
    _line(result, at, event, dispatch_id=event.dispatch_id, detail=detail)


def _note_answer(result: Walk, event: Answer, at: Position) -> None:
    of, touched = _touch(result, event.dispatch_id, event.recipient)
    code, said = answer_words(event)
    for fact in facts_of(event):
        known_by = event.put_back_of if fact is Fact.PUT_BACK else event.event_id
        _add(touched, fact, at._replace(event=str(known_by)) if fact in REPEATED else at)
    touched.reasons[at.offset] = said
    touched.answer = event
    if event.put_back_of is not None:
        result.put_back.setdefault(event.put_back_of, at)
    _line(
        result,
        at,
        event,
        dispatch_id=event.dispatch_id,
        delivery_id=of,
        recipient=event.recipient,
        code=code,
        known=code in STATUSES or code in OUTCOMES or code == "processing",
        detail=said,
    )


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


def settle(account: Account | None, of: UUID, walked: Walk) -> Account | None:
    """Return a delivery's account at the end of the stretch; None if it is not known at all."""
    touched = walked.touched.get(of)
    delivery = _join(account.delivery if account else None, of, touched)
    if delivery is None:
        return None
    alerts = dict(account.alerts) if account else {}
    for failure in failures(delivery.facts):
        alerts[failure.kind] = _failure_alert(delivery, failure)
    for deadline in deadlines(delivery.facts, delivery.limits):
        known = alerts.get(deadline.kind)
        if known:
            alerts[deadline.kind] = replace(known, closing=_place(deadline.closing))
        elif verdict := _verdict(deadline, delivery, walked):
            alerts[deadline.kind] = verdict
    return Account(delivery, alerts)


def _place(position: Position | None) -> Position | None:
    """Return where a fact stands, without its event."""
    return position and position._replace(event="")


def _failure_alert(delivery: Delivery, failure: Failure) -> Alert:
    return Alert(
        delivery.delivery_id,
        failure.kind,
        delivery.dispatch_id,
        delivery.recipient,
        failure.start._replace(event=""),
        None,
        failure.start.offset,
        Finder.FACT,
        _place(failure.closing),
        failure.episode,
    )


def _join(known: Delivery | None, of: UUID, touched: Touched | None) -> Delivery | None:
    """Return the delivery with what the stretch says of it."""
    if touched is None:
        return known
    limits = touched.registration.limits if touched.registration else None
    if known is None:
        return Delivery(of, touched.dispatch_id, touched.recipient, limits, touched.facts)
    facts = merge(known.facts, touched.facts)
    return Delivery(of, known.dispatch_id, known.recipient, known.limits or limits, facts)


def _verdict(deadline: Deadline, delivery: Delivery, walked: Walk) -> Alert | None:
    """Return the verdict on a deadline if it is broken and the stretch holds what asks for it."""
    if judge(deadline, walked.after.clock.service_ms) is not Judgement.BROKEN:
        return None
    asked = sorted(_askers(deadline, walked, delivery.delivery_id))
    if not asked:
        return None
    offset, finder = asked[0]
    return Alert(
        delivery.delivery_id,
        deadline.kind,
        delivery.dispatch_id,
        delivery.recipient,
        deadline.start._replace(event=""),
        deadline.due_ms,
        offset,
        finder,
        _place(deadline.closing),
    )


def _askers(deadline: Deadline, walked: Walk, of: UUID) -> Iterator[tuple[int, Finder]]:
    """Yield the places of the stretch that ask for a verdict on a broken deadline."""
    for kind, at in walked.proposals.get(of, ()):
        if kind == deadline.kind and at.service_ms > deadline.due_ms:
            yield at.offset, Finder.TRACKER
    if deadline.closing is not None:
        yield deadline.closing.offset, Finder.ANSWER
    for offset, service_ms in walked.ticks:
        if service_ms > deadline.backstop_ms:
            yield offset, Finder.BACKSTOP
            break


def unnamed_alerts(walked: Walk) -> Iterator[Alert]:
    """Yield the alerts about answers whose key names no dispatch."""
    for event, at in walked.unnamed:
        yield Alert(
            event.event_id,
            Kind.UNREADABLE,
            None,
            event.organ,
            at,
            None,
            at.offset,
            Finder.FACT,
            None,
        )


def next_due(account: Account) -> Deadline | None:
    """Return the earliest deadline that runs and has no verdict yet."""
    running: Iterable[Deadline] = (
        d
        for d in deadlines(account.delivery.facts, account.delivery.limits)
        if d.closing is None and d.kind not in account.alerts
    )
    return min(running, key=lambda d: d.due_ms, default=None)


class Announcement(StrEnum):
    """What a change of an alert tells the world."""

    RAISED = "raised"
    RESOLVED = "resolved"


def announcement(before: Alert | None, after: Alert) -> Announcement | None:
    """Return what to announce of an alert, given it as it stood in the books and as it stands."""
    announced = before is not None and before.closing is None
    if after.closing is None:
        return None if announced else Announcement.RAISED
    return Announcement.RESOLVED if announced else None


def version(alert: Alert) -> int:
    """Return the version of an alert as it stands: odd is raised, even resolved, later greater."""
    return 2 * alert.episode + (1 if alert.closing is None else 2)
