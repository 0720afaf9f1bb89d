"""The ledger: books the log into PostgreSQL, exactly once, and gives every verdict.

`getmany`, decode, walk, settle, then one transaction a batch whose first statement moves the
positions; what the world must be told is written with it. On assignment it goes on from what
PostgreSQL holds; the broker's committed offsets are for monitoring only.
"""

import os
import socket
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import ConsumerRecord
from prometheus_client import Counter, Gauge

from consumers.telling import reason_of, tell_alert, tell_sender
from hoatoc import codec, notify, telemetry
from hoatoc.domain import topic
from hoatoc.domain.book import Account, Alert, announcement, settle, unnamed_alerts
from hoatoc.domain.delivery import Position
from hoatoc.domain.walk import Entry, PartitionBook, Walk, walk
from hoatoc.domain.working_due import CalendarVersion
from hoatoc.kafka.client import consumer
from hoatoc.kafka.dead_letter import dead_letter
from hoatoc.ports import (
    Announced,
    Consumer,
    Database,
    Document,
    Ledger,
    PositionTaken,
    Transactional,
)
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.program import Context, run

NAME = "ledger"
GROUP = "hoatoc-ledger"

ALERTS = Counter("hoatoc_alerts_total", "Alerts announced", ["kind", "change"])
VERDICTS = Counter(
    "hoatoc_verdicts_total", "Alerts booked, by who found them", ["kind", "found_by"]
)
BOOKED = Counter("hoatoc_ledger_booked_total", "Records booked", ["type"])
SERVICE_TIME = Gauge("hoatoc_service_time_seconds", "Service time booked", ["partition"])
LOG = structlog.get_logger(NAME)


@dataclass(slots=True)
class Batch:
    """What one transaction books: per partition the entries, and what could not be decoded."""

    entries: dict[int, list[Entry]] = field(default_factory=dict)
    parked: list[Announced] = field(default_factory=list)


def decode(records: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> Batch:
    """Decode what was fetched; what cannot be decoded is parked and keeps its place."""
    batch = Batch()
    for place, fetched in records.items():
        entries = batch.entries.setdefault(place.partition, [])
        for record in fetched:
            try:
                event = codec.decode(record.value)
            except codec.Undecodable as error:
                event = None
                letter, parked = dead_letter(record, NAME, "undecodable", error)
                batch.parked.append((letter, parked.event_id, type(parked).__name__))
            entries.append(Entry(record.offset, record.timestamp, event))
    return batch


@dataclass(slots=True)
class Booking:
    """Books batches: holds what the next batch begins with."""

    partitions: int
    books: dict[int, PartitionBook] = field(default_factory=dict)
    documents: dict[UUID, Document] = field(default_factory=dict)
    calendars: dict[int, CalendarVersion] = field(default_factory=dict)
    ledger: Callable[[Any], Ledger] = LedgerTables

    def walk(self, batch: Batch) -> dict[int, Walk]:
        """Read a batch from where the books end; raises LogGap when records are missing."""
        return {
            p: walk(self.books[p], entries)
            for p, entries in batch.entries.items()
            if p in self.books
        }

    async def book(
        self,
        connection: Transactional,
        walks: Mapping[int, Walk],
        parked: Sequence[Announced],
    ) -> None:
        """Book what was walked in one transaction.

        Raises PositionTaken when another ledger has booked it; nothing is written then.
        """
        tables = self.ledger(connection)
        async with connection.transaction():
            await tables.move(walks)
            await self._write(tables, walks, parked)
        for partition, walked in walks.items():
            if self.books.get(partition) is walked.before:  # else: assigned anew meanwhile
                self.books[partition] = walked.after

    async def _write(
        self,
        tables: Ledger,
        walks: Mapping[int, Walk],
        parked: Sequence[Announced],
    ) -> None:
        registrations = [
            (partition, offset, event)
            for partition, walked in walks.items()
            for offset, event in walked.registrations.values()
        ]
        if registrations:
            await tables.add_dispatches(registrations)
        accounts, alerts, announced = await self._settle(tables, walks)
        if accounts:
            await tables.put_accounts(accounts)
        if alerts:
            await tables.put_alerts(alerts)
        lines = [(p, line) for p, walked in walks.items() for line in walked.lines]
        if lines:
            await tables.add_history(lines)
        if announced or parked:
            await tables.announce([*announced, *parked])
        for name, count in Tally(line.type for _, line in lines).items():
            BOOKED.labels(name).inc(count)

    async def _settle(
        self, tables: Ledger, walks: Mapping[int, Walk]
    ) -> tuple[list[tuple[int, Account]], list[tuple[int, Alert]], list[Announced]]:
        """Settle every delivery that the batch touches, or whose backstop it passes."""
        ids: dict[UUID, int] = {}
        for partition, walked in walks.items():
            service_ms = walked.after.clock.service_ms
            if service_ms > walked.before.clock.service_ms:
                ids |= dict.fromkeys(await tables.past_wake(partition, service_ms), partition)
            if walked.new_version:
                ids |= dict.fromkeys(await tables.by_calendar(partition), partition)
            ids |= dict.fromkeys((*walked.touched, *walked.proposals), partition)
        before = await tables.accounts(ids) if ids else {}
        await self._learn_calendars(tables, walks)
        accounts: list[tuple[int, Account]] = []
        alerts = await self._unnamed(tables, walks)
        changes: dict[tuple[int, UUID], list[Account]] = {}
        for of, partition in ids.items():
            old = before.get(of)
            new = settle(old, of, walks[partition], self.calendars)
            if new is None or new == old:
                continue
            accounts.append((partition, new))
            changes.setdefault((partition, new.delivery.dispatch_id), []).append(new)
            known = old.alerts if old else {}
            alerts += [
                (partition, known.get(kind), alert)
                for kind, alert in new.alerts.items()
                if known.get(kind) != alert
            ]
        await self._learn(tables, {a.delivery.dispatch_id for _, a in accounts})
        told = [self._tell_alert(old, new, reason_of(walks.get(p), new)) for p, old, new in alerts]
        told += [self._tell_sender(at, walks[at[0]], some) for at, some in changes.items()]
        return accounts, [(p, alert) for p, _, alert in alerts], [t for t in told if t]

    async def _unnamed(
        self, tables: Ledger, walks: Mapping[int, Walk]
    ) -> list[tuple[int, Alert | None, Alert]]:
        """Return (partition, before, after) of alerts about answers that named no dispatch.

        The put-back of such an answer stands in the partition of its alert, so that the books do
        not depend on which partition is booked first.
        """
        raised: dict[UUID, tuple[int, Alert]] = {}
        for partition, walked in walks.items():
            for alert in unnamed_alerts(walked):
                raised.setdefault(alert.subject_id, (partition, alert))
        back = {of: at for walked in walks.values() for of, at in walked.put_back.items()}
        if not raised and not back:
            return []
        known = {alert.subject_id: alert for alert in await tables.unnamed({*raised, *back})}
        fresh = {of: found for of, found in raised.items() if of not in known}  # else it came again
        back |= await tables.put_backs(fresh) if fresh else {}
        changed: list[tuple[int, Alert | None, Alert]] = [
            (partition, None, close_unnamed(alert, back)) for partition, alert in fresh.values()
        ]
        changed += [
            (partition_of(alert, self.partitions), alert, close_unnamed(alert, back))
            for of, alert in known.items()
            if of in back and alert.closing is None
        ]
        return changed

    async def _learn_calendars(self, tables: Ledger, walks: Mapping[int, Walk]) -> None:
        """Have at hand the calendars that these stretches name."""
        named = {version for walked in walks.values() for version in walked.versions}
        if missing := named - self.calendars.keys():
            self.calendars |= await tables.calendars(missing)

    async def _learn(self, tables: Ledger, dispatches: set[UUID]) -> None:
        """Have at hand what pages and senders are told of these dispatches."""
        if len(self.documents) > 50_000:
            self.documents.clear()
        if missing := dispatches - self.documents.keys():
            self.documents |= await tables.documents(missing)

    def _tell_alert(
        self, before: Alert | None, alert: Alert, reason: str | None
    ) -> Announced | None:
        if before is None:
            VERDICTS.labels(alert.kind, alert.found_by).inc()
        change = announcement(before, alert)
        LOG.info(
            f"alert_{change or 'recovered'}",
            delivery_id=alert.subject_id,
            kind=alert.kind,
            found_by=alert.found_by,
        )
        if change is None:
            return None
        ALERTS.labels(alert.kind, change).inc()
        document = self.documents.get(alert.dispatch_id) if alert.dispatch_id else None
        return tell_alert(alert, change, document, reason, self.partitions)

    def _tell_sender(
        self, at: tuple[int, UUID], walked: Walk, accounts: Sequence[Account]
    ) -> Announced | None:
        document = self.documents.get(at[1])
        return tell_sender(at[1], document.connection, walked, accounts) if document else None


def close_unnamed(alert: Alert, back: Mapping[UUID, Position]) -> Alert:
    """Return the alert, closed if its answer was put back."""
    at = back.get(alert.subject_id)
    return replace(alert, closing=at) if at is not None else alert


def partition_of(alert: Alert, partitions: int) -> int:
    """Return the partition in which an alert about an unnamed answer stands."""
    return topic.partition_of_key(alert.recipient.encode(), partitions)


class _Revoked(ConsumerRebalanceListener):
    """Closes the books of partitions that are taken away: what is fetched then is not ours to book.

    A batch in hand is guarded by its position. The books are opened by `read`, not here: aiokafka
    swallows what a listener raises, and a database that is away would leave them closed for ever.
    """

    def __init__(self, booking: Booking) -> None:
        self._booking = booking

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Close the books."""
        for place in revoked:
            self._booking.books.pop(place.partition, None)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Be ready where there is nothing to do."""
        if not assigned:
            notify.ready()


async def seek(
    reader: Consumer,
    database: Database,
    booking: Booking,
    partitions: set[int],
) -> None:
    """Open the books of these partitions and read on from where they end."""
    async with database.acquire() as connection:
        tables = booking.ledger(connection)
        await tables.open_books(partitions)
        books = await tables.positions(partitions)
    for place in reader.assignment():  # some may be gone meanwhile
        if book := books.get(place.partition):
            booking.books[place.partition] = book
            reader.seek(place, book.next_offset)


async def body(context: Context) -> None:
    """Book the log until stopped."""
    settings = context.settings
    instance = f"{NAME}-{os.environ.get('HOSTNAME') or socket.gethostname()}"
    booking = Booking(settings.kafka.partitions)
    async with (
        pool(settings.postgres.dsn, 2) as database,
        consumer(settings.kafka, group=GROUP, instance=instance, fetch_max_wait_ms=250) as reader,
    ):
        await read(reader, database, booking, settings.ledger.batch)


async def read(reader: Consumer, database: Database, booking: Booking, most: int) -> None:
    """Book what the log brings, up to `most` records at a time, until cancelled."""
    reader.subscribe([topic.DELIVERIES], listener=_Revoked(booking))
    while True:
        if closed := {place.partition for place in reader.assignment()} - booking.books.keys():
            await seek(reader, database, booking, closed)
            notify.ready()
            LOG.info("ready", partitions=len(booking.books))
        fetched = await reader.getmany(timeout_ms=1000, max_records=most)
        if fetched:
            await _book(reader, database, booking, fetched)


async def _book(
    reader: Consumer,
    database: Database,
    booking: Booking,
    fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]],
) -> None:
    began = time.perf_counter()
    # An assigned partition may be fetched from its beginning before we have sought in it.
    fetched = {place: some for place, some in fetched.items() if place.partition in booking.books}
    if not fetched:
        return
    batch = decode(fetched)
    walks = booking.walk(batch)
    try:
        async with database.acquire() as connection:
            await booking.book(connection, walks, batch.parked)
    except PositionTaken as error:
        LOG.warning("position_taken", detail=str(error))
        await seek(reader, database, booking, {place.partition for place in fetched})
        return
    telemetry.BATCH_SECONDS.labels(NAME).observe(time.perf_counter() - began)
    for partition, walked in walks.items():
        SERVICE_TIME.labels(partition).set(walked.after.clock.service_ms / 1000)
    for place in fetched.keys() & reader.assignment():
        booked = walks[place.partition].after.next_offset
        telemetry.show_lag(NAME, *place, reader.highwater(place), booked)


if __name__ == "__main__":
    run(NAME, body)
