"""The record of a run, in memory or read from files as it is walked.

What is an `Iterable` here is walked more than once: a sequence, or an object that opens its file
anew each time. None of it was written by the code that it is to judge, but for the books.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hoatoc.domain.event import Event
from hoatoc.history.note import Note
from hoatoc.history.row import (
    AlertRow,
    AnnouncementRow,
    DeliveryRow,
    DispatchRow,
    HandoverRecipientRow,
    HandoverRow,
    HistoryRow,
    OutboxRow,
    PageRow,
    PositionRow,
    RecallRecipientRow,
    RecallRow,
)


class LogRecord(NamedTuple):
    """One record of `deliveries`; `event` is None when it cannot be decoded."""

    partition: int
    offset: int
    append_ms: int
    event: Event | None


class Leak(NamedTuple):
    """Where the marker of a stopped document was found."""

    marker: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The books that are a function of the log; `history` by partition, by offset."""

    positions: Sequence[PositionRow]
    dispatches: Iterable[DispatchRow]
    deliveries: Iterable[DeliveryRow]
    alerts: Iterable[AlertRow]
    history: Iterable[HistoryRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All the tables of a run: the ledger's, those of the doors, and those of the pages."""

    ledger: Ledger
    handovers: Iterable[HandoverRow]
    handover_recipients: Iterable[HandoverRecipientRow]
    outbox: Iterable[OutboxRow]
    recalls: Iterable[RecallRow] = ()
    recall_recipients: Iterable[RecallRecipientRow] = ()
    pages: Iterable[PageRow] = ()
    announcements: Iterable[AnnouncementRow] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened in a run, by those who acted, and what the books say of it.

    `log` is ordered by partition, then by offset. `replayed` holds the books of a replay of the
    log, if there was one; `leaks` where markers of stopped documents were found, None if nobody
    searched; `webhook` tells whether pages go anywhere.
    """

    notes: Iterable[Note]
    log: Iterable[LogRecord]
    books: Books
    replayed: Ledger | None = None
    leaks: Sequence[Leak] | None = None
    webhook: bool = True
