"""The record of a simulated history, as a checker reads it."""

from collections.abc import Iterator

from aiokafka.structs import TopicPartition

from hoatoc import codec
from hoatoc.domain import topic
from hoatoc.domain.event import AlertRaised, AlertResolved, DeliveriesUpdated, Event
from hoatoc.history import row
from hoatoc.history.note import Alerted, Load, Told
from hoatoc.history.record import Books, History, LogRecord
from hoatoc.simulation.program import ORGANS
from hoatoc.simulation.world import World
from hoatoc.testing.database import Tables
from hoatoc.testing.history import ledger_of


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
    """Return the tables as rows."""
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
