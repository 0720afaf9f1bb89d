"""The relay: publishes what was handed over, and marks it sent when every copy is confirmed.

A row is claimed and the claim committed before anything is sent; then, each step confirmed by the
broker before the next: DispatchRegistered, every copy, DispatchPublished. A crash in between
repeats the row with the same ids. A delivery is so tracked before it can be seen: the failure side
is the safe one. A copy that the broker refuses is parked and named in DispatchPublished; the
others go on. A broker that is away refuses nothing: the program ends, and the row is finished by
its next life.

Large content is verified in its store before anything of its dispatch is published: what is missing
or altered there is refused for every recipient. A store that is away is waited for, dispatch by
dispatch. A recall is not held back by the packet that asks for it.
"""

import asyncio
import os
import socket
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram

from hoatoc import notify
from hoatoc.config import Settings
from hoatoc.content.store import store_of
from hoatoc.domain import topic
from hoatoc.kafka.client import producer
from hoatoc.ports import Claimed, Outbox, Recalls
from hoatoc.postgres.connection import listening, pool
from hoatoc.postgres.handover import OUTBOX_CHANNEL
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.program import Context, run
from producers.keeping import Keeping
from producers.publisher import NAME, Publisher
from producers.recall import publish_recall

POLL_S = 1.0
RECALLS = 100
LOG = structlog.get_logger(NAME)

PUBLISHED = Counter("hoatoc_relay_published_total", "Dispatches published")
RECALLED = Counter("hoatoc_relay_recalls_total", "Recalls published")
WAITING = Gauge("hoatoc_outbox_waiting", "Rows of the outbox not yet sent")
OLDEST = Gauge("hoatoc_outbox_oldest_seconds", "Age of the oldest row not yet sent")
SECONDS = Histogram("hoatoc_relay_publish_seconds", "From claim to DispatchPublished confirmed")


@dataclass(slots=True)
class Relay:
    """Claims rows and has them published, many at a time."""

    settings: Settings
    outbox: Outbox
    recalls: Recalls
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
            await self._recall()
            if not rows or len(rows) == room:
                await self._rest()
            await self._settle()

    async def _claim(self, room: int) -> list[Claimed]:
        rows, oldest = await self.outbox.waiting()
        WAITING.set(rows)
        OLDEST.set(oldest)
        lease = self.settings.relay.lease_s
        return await self.outbox.claim(self.name, lease, self.in_flight, room) if rows else []

    async def _recall(self) -> None:
        """Publish the recalls whose dispatch has left, and mark them."""
        rows = await self.recalls.claim(self.name, self.settings.relay.lease_s, (), RECALLS)
        for row in rows:
            await publish_recall(self.publisher, row)
            await self.recalls.mark_sent([row.recall_id])
            LOG.info("recall_published", recall_id=row.recall_id, dispatch_id=row.dispatch_id)
            RECALLED.inc()

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
            await self.outbox.mark_sent(sent)
        for task in tasks:
            task.result()

    async def finish(self) -> None:
        """Let what is in flight come to its end, and mark it."""
        if self.in_flight:
            await asyncio.wait(self.in_flight.values(), timeout=5)
        await self._settle()


async def _serve(relay: Relay, keeping: Keeping) -> None:
    """Publish, and keep the store, until cancelled; what ends one of them ends both."""
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keeping.run())
            try:
                await relay.run()
            except asyncio.CancelledError:
                await relay.finish()
                raise
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def body(context: Context) -> None:
    """Publish what was handed over until stopped."""
    settings = context.settings
    name = f"{NAME}-{os.environ.get('HOSTNAME') or socket.gethostname()}"
    store = store_of(settings)
    async with pool(settings.postgres.dsn, 2) as database, database.acquire() as connection:
        organs = await RegistryTables(connection).organs()
        topics = [topic.documents(organ.code) for organ in organs]
        async with producer(settings.kafka, [topic.DELIVERIES, *topics]) as to:
            relay = Relay(
                settings,
                OutboxTables(connection),
                RecallTables(connection),
                Publisher(to, settings.kafka.partitions, store),
                name,
            )
            # The connection that works is the one that listens, so that losing it is noticed.
            async with listening(connection, OUTBOX_CHANNEL, relay.wake):
                notify.ready()
                context.log.info("ready")
                await _serve(relay, Keeping(database, store, settings.content))


if __name__ == "__main__":
    run(NAME, body)
