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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from hoatoc.domain.deadline import (
    Deadline,
    Failure,
    Judgement,
    Kind,
    closing_of,
    deadlines,
    failures,
    judge,
    kinds_of,
    start_of,
)
from hoatoc.domain.delivery import Delivery, Fact, Position, first, merge
from hoatoc.domain.walk import Touched, Walk
from hoatoc.domain.working_due import Calendars, Course, WorkingDue


class Finder(StrEnum):
    """Who found that a person must be told."""

    TRACKER = "tracker"
    ANSWER = "answer"
    BACKSTOP = "backstop"
    FACT = "fact"


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
    """One delivery in the books, with its alerts and its dues by a working calendar."""

    delivery: Delivery
    alerts: Mapping[Kind, Alert] = field(default_factory=dict)
    working: Mapping[Kind, WorkingDue] = field(default_factory=dict)


def settle(account: Account | None, of: UUID, walked: Walk, calendars: Calendars) -> Account | None:
    """Return a delivery's account at the end of the stretch; None if it is not known at all.

    Raises CalendarUnknown when a due needs a version of the calendar that is not at hand.
    """
    touched = walked.touched.get(of)
    delivery = _join(account.delivery if account else None, of, touched)
    if delivery is None:
        return None
    working = dict(_working(account, delivery, walked, calendars))
    alerts = dict(account.alerts) if account else {}
    for failure in failures(delivery.facts):
        alerts[failure.kind] = _failure_alert(delivery, failure)
    for deadline in deadlines(delivery.facts, delivery.limits, working):
        known = alerts.get(deadline.kind)
        if known:
            alerts[deadline.kind] = replace(known, closing=_place(deadline.closing))
        elif verdict := _verdict(deadline, delivery, walked):
            alerts[deadline.kind] = verdict
    return Account(delivery, alerts, working)


def _working(
    account: Account | None, delivery: Delivery, walked: Walk, calendars: Calendars
) -> Iterator[tuple[Kind, WorkingDue]]:
    """Yield the dues by a working calendar as they stand at the end of the stretch."""
    limits, facts = delivery.limits, delivery.facts
    if limits is None:
        return
    for kind, clock, _ in kinds_of(limits):
        start = start_of(kind, facts) if clock else None
        if start is None:
            continue
        course = Course(clock, start, limits, delivery.recipient, calendars)
        known = account.working.get(kind) if account else None
        begun = first(facts, Fact.REGISTERED, Fact.RECALL_REQUESTED) or start
        since = walked.before.next_offset - 1 if known else max(start, begun).offset
        version, lost_ms = walked.in_force(since)
        due = known or course.fixed(version, lost_ms)
        closing = closing_of(kind, start, facts)
        end = closing.offset if closing else walked.after.next_offset
        ticks = (tick for tick in walked.ticks if since < tick.offset < end)
        yield kind, course.through(due, version, ticks)


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
    if known is None:
        return Delivery(of, touched.dispatch_id, touched.recipient, touched.limits, touched.facts)
    facts = merge(known.facts, touched.facts)
    limits = known.limits or touched.limits
    return Delivery(of, known.dispatch_id, known.recipient, limits, facts)


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
    for tick in walked.ticks:
        if tick.service_ms > deadline.backstop_ms:
            yield tick.offset, Finder.BACKSTOP
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


def running(account: Account) -> list[Deadline]:
    """Return the deadlines that run and have no verdict yet."""
    delivery, alerts = account.delivery, account.alerts
    found = deadlines(delivery.facts, delivery.limits, account.working)
    return [one for one in found if one.closing is None and one.kind not in alerts]


def next_due(running: Sequence[Deadline]) -> Deadline | None:
    """Return the earliest of the deadlines that run."""
    return min(running, key=lambda d: d.due_ms) if running else None


def wake_ms(account: Account, running: Sequence[Deadline]) -> int | None:
    """Return the service time past which a delivery must be settled though nothing touches it.

    It is the backstop of a deadline that runs, or the due of one by a working calendar, which may
    move then.
    """
    return min([_wake(account, deadline) for deadline in running]) if running else None


def _wake(account: Account, deadline: Deadline) -> int:
    due = account.working.get(deadline.kind)
    return deadline.due_ms if due and not due.passed else deadline.backstop_ms


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
