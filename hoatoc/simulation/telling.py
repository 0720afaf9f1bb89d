"""The record of a simulated history, as a checker reads it."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from hoatoc import codec
from hoatoc.domain import topic
from hoatoc.domain.book import Account, Alert
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import AlertRaised, AlertResolved, DeliveriesUpdated, Event
from hoatoc.history import row
from hoatoc.history.note import Alerted, Load, Told
from hoatoc.history.record import Books, History, Ledger, LogRecord
from hoatoc.postgres.ledger import delivery_row
from hoatoc.simulation.program import ORGANS
from hoatoc.simulation.world import PARTITIONS, World
from hoatoc.testing.database import Tables
from hoatoc.testing.log import TopicPartition


def history_of(world: World) -> History:
    """Return what happened in a world, by those who acted, and what its books say of it."""
    tables = world.database.tables
    deliveries = len(tables.copies)
    load = Load(at_ms=world.now_ms(), seconds=1, deliveries=deliveries, rate=0)
    notes = [*world.notes, load, *_told(world), *_alerted(world)]
    return History(notes=notes, log=list(_log(world)), books=books_of(tables))


def _decoded(value: bytes | None) -> Event | None:
    try:
        return codec.decode(value)
    except codec.Undecodable:
        return None


def _log(world: World) -> Iterator[LogRecord]:
    for place, log in sorted(world.broker.logs.items()):
        if place.topic == topic.DELIVERIES:
            for r in log:
                yield LogRecord(r.partition, r.offset, r.timestamp, _decoded(r.value))


def _told(world: World) -> Iterator[Told]:
    for code in ORGANS:
        for record in world.broker.logs[TopicPartition(topic.statuses(code), 0)]:
            event = codec.decode(record.value)
            for update in event.updates if isinstance(event, DeliveriesUpdated) else ():
                yield Told(
                    at_ms=record.timestamp,
                    sender=code,
                    delivery_id=update.delivery_id,
                    state=update.state,
                    version=update.version,
                    offset=record.offset,
                )


def _alerted(world: World) -> Iterator[Alerted]:
    for place, log in sorted(world.broker.logs.items()):
        for record in log if place.topic == topic.ALERTS else ():
            event = codec.decode(record.value)
            if isinstance(event, AlertRaised | AlertResolved):
                yield Alerted(
                    at_ms=record.timestamp,
                    partition=record.partition,
                    offset=record.offset,
                    subject_id=event.subject_id,
                    kind=event.kind,
                    version=event.version,
                )


def books_of(tables: Tables) -> Books:
    """Return the tables as rows, in the order in which a database gives them."""
    return Books(
        ledger=ledger_of(tables),
        handovers=[
            row.HandoverRow(of, h.document_id, h.sender, h.packet_sha256.hex(), h.door)
            for of, h in sorted(tables.handovers.items())
        ],
        handover_recipients=[
            row.HandoverRecipientRow(of, c.dispatch_id, c.recipient, c.connection)
            for of, c in sorted(tables.copies.items())
        ],
        outbox=[row.OutboxRow(of, o.state) for of, o in sorted(tables.outbox.items())],
        recalls=[
            row.RecallRow(of, r.dispatch_id, r.state) for of, r in sorted(tables.recalls.items())
        ],
        recall_recipients=[
            row.RecallRecipientRow(of, recall) for of, recall in sorted(tables.recalled.items())
        ],
        pages=[row.PageRow(*at, page.state) for at, page in sorted(tables.pages.items())],
        announcements=[
            row.AnnouncementRow(number, record.topic, event_id, name)
            for number, (record, event_id, name) in tables.announcements.items()
        ],
    )


def ledger_of(tables: Tables) -> Ledger:
    """Return the books that are a function of the log."""
    return Ledger(
        positions=[
            row.PositionRow(partition, b.next_offset, b.clock.service_ms, b.ticks, repr(b.clock))
            for partition, b in sorted(tables.books.items())
        ],
        dispatches=[
            row.DispatchRow(of, 0, 0, d.sender, d.document_id, len(d.recipients))
            for of, d in sorted(tables.dispatches.items())
        ],
        deliveries=[_delivery(tables, of) for of in sorted(tables.deliveries)],
        alerts=[
            row.AlertRow(
                a.subject_id,
                a.kind.value,
                a.dispatch_id,
                a.recipient,
                _partition(tables, a),
                row.Place(*a.start[:3]),
                a.due_ms,
                a.raised_offset,
                a.found_by.value,
                row.Place(*a.closing[:3]) if a.closing else None,
                a.episode,
            )
            for _, a in sorted(tables.alerts.items())
        ],
        history=[
            row.HistoryRow(partition, *line[:8])
            for (partition, _), line in sorted(tables.history.items())
        ],
    )


def _partition(tables: Tables, alert: Alert) -> int:
    if alert.subject_id in tables.deliveries:
        return tables.deliveries[alert.subject_id][0]
    return topic.partition_of_key(alert.recipient.encode(), PARTITIONS)


def _delivery(tables: Tables, of: UUID) -> row.DeliveryRow:
    partition, delivery = tables.deliveries[of]
    dispatch = tables.dispatches.get(delivery.dispatch_id)
    known = replace(delivery, limits=dispatch.limits if dispatch else None)
    alerts = {k: tables.alerts[of, k] for k in Kind if (of, k) in tables.alerts}
    values = delivery_row(partition, Account(known, alerts, tables.working[of]))
    (*ids, state, handling, recall, facts, working, open_, overdue, recovered), due = (
        values[:12],
        values[12:15],
    )
    marks = (state, str(handling), str(recall), open_, overdue, recovered)
    return row.DeliveryRow(*ids, *marks, values[15], *due, facts, working)
