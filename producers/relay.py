"""The relay: publishes what was handed over, and marks it sent when every copy is confirmed.

A row is claimed and the claim committed before anything is sent; then, each step confirmed by the
broker before the next: DispatchRegistered, every copy, DispatchPublished. A crash in between
repeats the row with the same ids. A delivery is so tracked before it can be seen: the failure side
is the safe one. A copy that the broker refuses is parked and named in DispatchPublished; the
others go on. A broker that is away refuses nothing: the program ends, and the row is finished by
its next life.
"""

import asyncio
import os
import socket
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid5

import structlog
from aiokafka import AIOKafkaProducer
from prometheus_client import Counter, Gauge, Histogram

from hoatoc import notify
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.event import (
    DispatchPublished,
    DispatchRegistered,
    DocumentDispatched,
    Refusal,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.kafka.client import offer_all, outgoing, producer, send_all
from hoatoc.kafka.dead_letter import unsent
from hoatoc.ports import Outgoing
from hoatoc.postgres.connection import Connection, listening, pool
from hoatoc.postgres.handover import OUTBOX_CHANNEL, Claimed, HandoverTables
from hoatoc.program import Context, run

NAME = "relay"
CONTENT_TYPE = "application/edxml+xml"
POLL_S = 1.0
LOG = structlog.get_logger(NAME)

PUBLISHED = Counter("hoatoc_relay_published_total", "Dispatches published")
COPIES = Counter("hoatoc_relay_copies_total", "Copies offered to the broker", ["outcome"])
WAITING = Gauge("hoatoc_outbox_waiting", "Rows of the outbox not yet sent")
OLDEST = Gauge("hoatoc_outbox_oldest_seconds", "Age of the oldest row not yet sent")
SECONDS = Histogram("hoatoc_relay_publish_seconds", "From claim to DispatchPublished confirmed")


def registration(row: Claimed) -> DispatchRegistered:
    """Return the registration of a row: the same at every try."""
    return DispatchRegistered(
        event_id=uuid5(row.dispatch_id, "registered"),
        dispatch_id=row.dispatch_id,
        sender=row.sender,
        document_id=row.document_id,
        issuer=row.issuer,
        year=row.year,
        number=row.number,
        notation=row.notation,
        subject=row.subject,
        priority=row.priority,
        recipients=list(row.recipients),
        content_sha256=row.packet_sha256,
        limits=row.limits,
        handed_over_ms=round(row.handed_over_at.timestamp() * 1000),
    )


def copy(row: Claimed, recipient: str) -> DocumentDispatched:
    """Return the copy of a row for one recipient: the same at every try."""
    of = delivery_id(DispatchId(row.dispatch_id), OrganCode(recipient))
    return DocumentDispatched(
        event_id=uuid5(of, "dispatched"),
        dispatch_id=row.dispatch_id,
        delivery_id=of,
        sender=row.sender,
        recipient=recipient,
        document_id=row.document_id,
        issuer=row.issuer,
        year=row.year,
        number=row.number,
        notation=row.notation,
        subject=row.subject,
        priority=row.priority,
        content_type=CONTENT_TYPE,
        content_bytes=len(row.packet),
        content_sha256=row.packet_sha256,
        content=row.packet,
    )


@dataclass(slots=True)
class Publisher:
    """Publishes claimed rows through one producer."""

    to: AIOKafkaProducer
    partitions: int

    async def publish(self, row: Claimed) -> tuple[UUID, int, int]:
        """Publish a row; return (dispatch, partition, offset) of its DispatchPublished.

        Raises KafkaError when the broker as a whole does not confirm: the row stays claimed.
        """
        if sha256(row.packet).digest() != row.packet_sha256:
            raise RuntimeError(f"the packet of {row.dispatch_id} is not what was handed over")
        await send_all(self.to, [self._about(row, registration(row))])
        refused = await self._offer_copies(row)
        names = {refusal.recipient for refusal in refused}
        published = DispatchPublished(
            event_id=uuid5(row.dispatch_id, "published"),
            dispatch_id=row.dispatch_id,
            confirmed=[r for r in row.recipients if r not in names],
            refused=refused,
        )
        (place,) = await send_all(self.to, [self._about(row, published)])
        return row.dispatch_id, place.partition, place.offset

    def _about(self, row: Claimed, event: DispatchRegistered | DispatchPublished) -> Outgoing:
        return outgoing(
            event,
            topic=topic.DELIVERIES,
            key=str(row.dispatch_id).encode(),
            source=NAME,
            dispatch_id=row.dispatch_id,
            partition=topic.partition_of_dispatch(row.dispatch_id, self.partitions),
        )

    async def _offer_copies(self, row: Claimed) -> list[Refusal]:
        """Offer every copy to the broker; park and return those that it refused."""
        copies = [
            outgoing(
                copy(row, recipient),
                topic=topic.documents(recipient),
                key=str(row.dispatch_id).encode(),
                source=NAME,
                dispatch_id=row.dispatch_id,
                partition=0,
            )
            for recipient in row.recipients
        ]
        refused = []
        answers = await offer_all(self.to, copies)
        for recipient, record, refusal in zip(row.recipients, copies, answers, strict=True):
            if refusal is not None:
                of = delivery_id(DispatchId(row.dispatch_id), OrganCode(recipient))
                await send_all(self.to, [unsent(record, NAME, refusal, uuid5(of, "parked"))])
                refused.append(Refusal(recipient=recipient, reason=type(refusal).__name__))
        COPIES.labels("refused").inc(len(refused))
        COPIES.labels("confirmed").inc(len(copies) - len(refused))
        return refused


@dataclass(slots=True)
class Relay:
    """Claims rows and has them published, many at a time."""

    settings: Settings
    connection: Connection
    """the one that listens, so that losing it is noticed"""
    publisher: Publisher
    name: str
    in_flight: dict[UUID, asyncio.Task[tuple[UUID, int, int]]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Publish until cancelled; raises what a publication raised."""
        while True:
            room = self.settings.relay.in_flight - len(self.in_flight)
            self.wake.clear()
            rows = await self._claim(room) if room else []
            for row in rows:
                self.in_flight[row.dispatch_id] = asyncio.create_task(self._publish(row))
            if not rows or len(rows) == room:
                await self._rest()
            await self._settle()

    async def _claim(self, room: int) -> list[Claimed]:
        tables = HandoverTables(self.connection)
        rows, oldest = await tables.waiting()
        WAITING.set(rows)
        OLDEST.set(oldest)
        lease = self.settings.relay.lease_s
        return await tables.claim(self.name, lease, self.in_flight, room) if rows else []

    async def _publish(self, row: Claimed) -> tuple[UUID, int, int]:
        with SECONDS.time():
            place = await self.publisher.publish(row)
        LOG.info("published", dispatch_id=row.dispatch_id, recipients=len(row.recipients))
        PUBLISHED.inc()
        return place

    async def _rest(self) -> None:
        """Wait for a hand-over, a finished publication, or a second."""
        waiter = asyncio.ensure_future(self.wake.wait())
        await asyncio.wait(
            {waiter, *self.in_flight.values()},
            timeout=POLL_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiter.cancel()

    async def _settle(self) -> None:
        """Mark what was sent, and let a failed publication end the program."""
        done = [of for of, task in self.in_flight.items() if task.done()]
        tasks = [self.in_flight.pop(of) for of in done]
        sent = [task.result() for task in tasks if task.exception() is None]
        if sent:
            await HandoverTables(self.connection).mark_sent(sent)
        for task in tasks:
            task.result()

    async def finish(self) -> None:
        """Let what is in flight come to its end, and mark it."""
        if self.in_flight:
            await asyncio.wait(self.in_flight.values(), timeout=5)
        await self._settle()


async def body(context: Context) -> None:
    """Publish what was handed over until stopped."""
    settings = context.settings
    name = f"{NAME}-{os.environ.get('HOSTNAME') or socket.gethostname()}"
    async with pool(settings.postgres.dsn, 1) as database, database.acquire() as connection:
        organs = await HandoverTables(connection).organs()
        topics = [topic.documents(organ.code) for organ in organs]
        async with producer(settings.kafka, [topic.DELIVERIES, *topics]) as to:
            relay = Relay(settings, connection, Publisher(to, settings.kafka.partitions), name)
            async with listening(connection, OUTBOX_CHANNEL, relay.wake):
                notify.ready()
                context.log.info("ready")
                try:
                    await relay.run()
                except asyncio.CancelledError:
                    await relay.finish()
                    raise


if __name__ == "__main__":
    run(NAME, body)
