"""Walking the log of a run once: every copy with its facts, every partition with its clock."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
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
from hoatoc.history import fact as word
from hoatoc.history.clock import Clock
from hoatoc.history.due import Proposal
from hoatoc.history.fact import STATUSES, Copy, Fact
from hoatoc.history.record import LogRecord
from hoatoc.history.row import DispatchRow, Place

Source = tuple[str, int, int]
"""Topic, partition and offset of a record that could not be read."""


class Unnamed(NamedTuple):
    """An answer that could not be read and named no dispatch."""

    event: AnswerUnreadable
    partition: int
    place: Place


class Booked(NamedTuple):
    """What the books must hold of a record that is no tick."""

    partition: int
    offset: int
    append_ms: int
    service_ms: int
    type: str


class Walk:
    """All that a log says."""

    def __init__(self) -> None:
        self.copies: dict[int, Copy] = {}
        self.clocks: dict[int, Clock] = {}
        self.dispatches: dict[UUID, DispatchRow] = {}
        self.proposals: dict[int, list[Proposal]] = {}
        self.unnamed: dict[int, Unnamed] = {}
        self.unreadable: dict[Source, set[UUID]] = {}
        self.put_back: dict[UUID, tuple[int, Place]] = {}
        self.gaps: list[tuple[int, int, int]] = []
        """(partition, offset expected, offset found)"""
        self.records = 0
        self._by_name: dict[int, dict[str, Copy]] = {}
        self._partition = -1
        self._notes: dict[type, Callable[[Any, Place], None]] = {
            DispatchRegistered: self._registered,
            DispatchPublished: self._published,
            DispatchResent: self._resent,
            RecallRequested: self._asked_back,
            RecallPublished: self._recall_sent,
            TransportAcknowledged: self._acknowledged,
            StatusReported: self._reported,
            AnswerUnreadable: self._unreadable,
            AnswerPutBack: self._put_back,
            DeadlinePassed: self._proposed,
        }

    def through(self, log: Iterable[LogRecord]) -> Iterator[Booked]:
        """Walk through a log, partition by partition; yield what the books must hold."""
        clock = Clock()
        for partition, offset, append_ms, event in log:
            if partition != self._partition:
                self._partition = partition
                clock = self.clocks[partition] = Clock(offset)
                if offset:
                    self.gaps.append((partition, 0, offset))
            elif offset != clock.next_offset:
                self.gaps.append((partition, clock.next_offset, offset))
            self.records += 1
            clock.next_offset = offset + 1
            if isinstance(event, Tick):
                clock.tick(offset, append_ms, event)
                continue
            clock.lines += 1
            service_ms = clock.service_ms
            note = self._notes.get(type(event))
            if note is not None:
                note(event, Place(offset, service_ms, append_ms))
            name = "undecodable" if event is None else type(event).__name__
            yield Booked(partition, offset, append_ms, service_ms, name)

    def key_of(self, dispatch_id: UUID, recipient: str) -> int:
        """Return the number of the delivery to a recipient."""
        known = self._by_name.get(dispatch_id.int, {}).get(recipient)
        return known.key if known else uuid5(dispatch_id, recipient).int

    def copy(self, dispatch_id: UUID, recipient: str) -> Copy:
        """Return the copy of a dispatch for a recipient."""
        copies = self._by_name.get(dispatch_id.int)
        if copies is None:
            copies = self._by_name[dispatch_id.int] = {}
        found = copies.get(recipient)
        if found is None:
            found = copies[recipient] = Copy(dispatch_id, recipient, self._partition)
            self.copies[found.key] = found
        return found

    def _registered(self, event: DispatchRegistered, at: Place) -> None:
        row = DispatchRow(event.dispatch_id, self._partition, at.offset, event.sender,
                          event.document_id, len(event.recipients))  # fmt: skip
        self.dispatches.setdefault(event.dispatch_id, row)
        self._named(event.dispatch_id, event.recipients, word.REGISTERED, at, event.limits)

    def _named(
        self,
        dispatch_id: UUID,
        recipients: Iterable[str],
        said: str,
        at: Place,
        limits: Limits | None = None,
    ) -> None:
        for recipient in recipients:
            copy = self.copy(dispatch_id, recipient)
            copy.add(Fact(*at, said))
            if limits is not None and copy.limits is None:
                copy.limits = limits

    def _published(self, event: DispatchPublished, at: Place) -> None:
        refused = [refusal.recipient for refusal in event.refused]
        self._named(event.dispatch_id, event.confirmed, word.PUBLISHED, at)
        self._named(event.dispatch_id, refused, word.NOT_SENT, at)

    def _resent(self, event: DispatchResent, at: Place) -> None:
        self._named(event.dispatch_id, event.recipients, word.RESENT, at)

    def _asked_back(self, event: RecallRequested, at: Place) -> None:
        self._named(event.dispatch_id, event.recipients, word.ASKED_BACK, at, event.limits)

    def _recall_sent(self, event: RecallPublished, at: Place) -> None:
        refused = [refusal.recipient for refusal in event.refused]
        self._named(event.dispatch_id, event.confirmed, word.RECALL_SENT, at)
        self._named(event.dispatch_id, refused, word.RECALL_NOT_SENT, at)

    def _acknowledged(self, event: TransportAcknowledged, at: Place) -> None:
        known = event.outcome if event.outcome in (word.DONE, word.FAIL) else None
        self._answered(event, event.outcome, known, at)

    def _reported(self, event: StatusReported, at: Place) -> None:
        self._answered(event, event.code, STATUSES.get(event.code), at)

    def _answered(
        self,
        event: TransportAcknowledged | StatusReported,
        raw: str,
        known: str | None,
        at: Place,
    ) -> None:
        copy = self.copy(event.dispatch_id, event.recipient)
        if known is not None:
            copy.add(Fact(*at, known, event.event_id))
        elif raw not in copy.others:
            copy.others += (raw,)
        if event.put_back_of is not None:
            copy.add(Fact(*at, word.PUT_BACK, event.put_back_of))

    def _put_back(self, event: AnswerPutBack, at: Place) -> None:
        self.put_back.setdefault(event.put_back_of, (self._partition, at))

    def _unreadable(self, event: AnswerUnreadable, at: Place) -> None:
        source = (event.source_topic, event.source_partition, event.source_offset)
        self.unreadable.setdefault(source, set()).add(event.event_id)
        if event.dispatch_id is None:
            self.unnamed.setdefault(event.event_id.int, Unnamed(event, self._partition, at))
            return
        copy = self.copy(event.dispatch_id, event.organ)
        copy.add(Fact(*at, word.UNREADABLE, event.event_id))

    def _proposed(self, event: DeadlinePassed, at: Place) -> None:
        proposal = Proposal(at.offset, at.service_ms, event.kind)
        self.proposals.setdefault(event.delivery_id.int, []).append(proposal)
