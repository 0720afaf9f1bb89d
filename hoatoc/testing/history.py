"""A record of a run, made of a written log and of books in memory: what a checker reads.

The notes are those of a world in which everything went well: every copy that the log calls
published was handed over and received, every answer and announcement noted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID, uuid5

from hoatoc import codec
from hoatoc.domain.book import Account, Alert
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Position
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    AnswerUnreadable,
    DeliveriesUpdated,
    DispatchPublished,
    DispatchRegistered,
    RecallRequested,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.topic import partition_of_key
from hoatoc.domain.walk import Entry
from hoatoc.history.note import (
    POISON,
    Alerted,
    Answered,
    HandedOver,
    Note,
    Paged,
    Recalled,
    Received,
    Told,
)
from hoatoc.history.record import Books, History, Ledger, LogRecord
from hoatoc.history.row import (
    AlertRow,
    DeliveryRow,
    DispatchRow,
    HandoverRecipientRow,
    HandoverRow,
    HistoryRow,
    OutboxRow,
    PageRow,
    Place,
    PositionRow,
    RecallRecipientRow,
    RecallRow,
)
from hoatoc.postgres.ledger import delivery_row
from hoatoc.testing.database import Tables

SHA256 = bytes(32).hex()


def history_of(log: Sequence[Entry], tables: Tables, partition: int = 0) -> History:
    """Return the record of a run in which only the ledger could go wrong."""
    return History(
        notes=list(notes_of(log, tables)),
        log=[LogRecord(partition, *entry) for entry in log],
        books=books_of(log, tables),
        leaks=(),
    )


def ledger_of(tables: Tables) -> Ledger:
    """Return the ledger's books as rows."""
    return Ledger(
        positions=[
            PositionRow(p, book.next_offset, book.clock.service_ms, book.ticks)
            for p, book in sorted(tables.books.items())
        ],
        dispatches=[
            DispatchRow(of, *tables.registered[of], d.sender, d.document_id, len(d.recipients))
            for of, d in tables.dispatches.items()
        ],
        deliveries=_delivery_rows(tables),
        alerts=[_alert_row(alert, tables) for alert in tables.alerts.values()],
        history=[
            HistoryRow(
                p, line.offset, line.append_ms, line.service_ms, line.type, code=line.code or ""
            )
            for (p, _), line in sorted(tables.history.items())
        ],
    )


def _delivery_rows(tables: Tables) -> list[DeliveryRow]:
    alerts: dict[UUID, dict[Kind, Alert]] = {}
    for (of, kind), alert in tables.alerts.items():
        alerts.setdefault(of, {})[kind] = alert
    return [_delivery_row(of, tables, alerts.get(of, {})) for of in tables.deliveries]


def _delivery_row(of: UUID, tables: Tables, alerts: dict[Kind, Alert]) -> DeliveryRow:
    partition, delivery = tables.deliveries[of]
    dispatch = tables.dispatches.get(delivery.dispatch_id)
    known = replace(delivery, limits=delivery.limits or (dispatch.limits if dispatch else None))
    row = delivery_row(partition, Account(known, alerts, tables.working[of]))
    state, handling, recall, facts, working, *marks, kind, due, wake, version = row[4:]
    stands = (str(state), str(handling), str(recall), *marks, version)
    runs = (str(kind) if kind else None, due, wake, facts, working)
    return DeliveryRow._make((*row[:4], *stands, *runs))


def _alert_row(alert: Alert, tables: Tables) -> AlertRow:
    partition, _ = tables.deliveries.get(alert.subject_id, (None, None))
    if partition is None:
        partition = partition_of_key(alert.recipient.encode(), len(tables.books))
    return AlertRow(
        alert.subject_id,
        str(alert.kind),
        alert.dispatch_id,
        alert.recipient,
        partition,
        _place(alert.start),
        alert.due_ms,
        alert.raised_offset,
        str(alert.found_by),
        _place(alert.closing) if alert.closing else None,
        alert.episode,
    )


def _place(position: Position) -> Place:
    return Place(*position[:3])


def books_of(log: Sequence[Entry], tables: Tables) -> Books:
    """Return all the books: those of doors and pages are what the log and the ledger say."""
    events = [entry.event for entry in log]
    dispatches = {e.dispatch_id: e for e in reversed(events) if isinstance(e, DispatchRegistered)}
    recalls = {e.recall_id: e for e in events if isinstance(e, RecallRequested)}
    return Books(
        ledger=ledger_of(tables),
        handovers=[
            HandoverRow(of, d.document_id, d.sender, SHA256, "cli") for of, d in dispatches.items()
        ],
        handover_recipients=[
            HandoverRecipientRow(uuid5(of, r), of, r, r)
            for of, d in dispatches.items()
            for r in d.recipients
        ],
        outbox=[OutboxRow(of, "sent") for of in dispatches],
        recalls=[RecallRow(of, recall.dispatch_id, "sent") for of, recall in recalls.items()],
        recall_recipients=[
            RecallRecipientRow(uuid5(recall.dispatch_id, r), of)
            for of, recall in recalls.items()
            for r in recall.recipients
        ],
        pages=[
            PageRow(note.subject_id, note.kind, note.version, "delivered")
            for note in _announced(tables)
            if isinstance(note, Paged)
        ],
    )


def notes_of(log: Sequence[Entry], tables: Tables) -> Iterator[Note]:
    """Yield the notes of those who acted."""
    documents: dict[UUID, str] = {}
    for entry in log:
        event, at = entry.event, entry.append_ms
        match event:
            case DispatchRegistered() if event.dispatch_id not in documents:
                documents[event.dispatch_id] = event.document_id
                yield _handed_over(event, at)
            case DispatchPublished():
                for r in event.confirmed:
                    yield _received(event, r, documents.get(event.dispatch_id, ""), entry)
            case TransportAcknowledged():
                yield _answered(at, event.dispatch_id, event.recipient, event.outcome, entry.offset)
            case StatusReported():
                yield _answered(at, event.dispatch_id, event.recipient, event.code, entry.offset)
            case AnswerUnreadable():
                of = event.dispatch_id or UUID(int=0)
                yield _answered(at, of, event.organ, POISON, event.source_offset)
            case RecallRequested():
                yield Recalled(at_ms=at, dispatch_id=event.dispatch_id, recipients=event.recipients)
            case _:
                pass
    yield from _announced(tables)


def _handed_over(event: DispatchRegistered, at_ms: int) -> HandedOver:
    return HandedOver(
        at_ms=at_ms,
        document_id=event.document_id,
        sender=event.sender,
        recipients=event.recipients,
        sha256=SHA256,
        door="cli",
        dispatch_id=event.dispatch_id,
    )


def _received(event: DispatchPublished, recipient: str, document_id: str, entry: Entry) -> Received:
    return Received(
        at_ms=entry.append_ms,
        organ=recipient,
        recipient=recipient,
        dispatch_id=event.dispatch_id,
        delivery_id=uuid5(event.dispatch_id, recipient),
        document_id=document_id,
        sha256=SHA256,
        offset=entry.offset,
    )


def _answered(at_ms: int, dispatch_id: UUID, recipient: str, word: str, offset: int) -> Answered:
    return Answered(
        at_ms=at_ms,
        organ=recipient,
        recipient=recipient,
        dispatch_id=dispatch_id,
        delivery_id=uuid5(dispatch_id, recipient),
        word=word,
        topic=f"reports.{recipient}",
        offset=offset,
    )


def _announced(tables: Tables) -> Iterator[Note]:
    """Yield what the world notes of what the books announced."""
    for at, (record, _, _) in enumerate(tables.announced):
        event = codec.decode(record.value)
        if isinstance(event, AlertRaised | AlertResolved):
            of, kind, version = event.subject_id, event.kind, event.version
            yield Alerted(
                at_ms=at, partition=0, offset=at, subject_id=of, kind=kind, version=version
            )
            identity = f"{of}/{kind}/{version}"
            yield Paged(
                at_ms=at, id=identity, subject_id=of, kind=kind, version=version, taken=True
            )
        elif isinstance(event, DeliveriesUpdated):
            for update in event.updates:
                yield Told(
                    at_ms=at,
                    sender="S1",
                    delivery_id=update.delivery_id,
                    state=update.state,
                    version=update.version,
                    offset=at,
                )
