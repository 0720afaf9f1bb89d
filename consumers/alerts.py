"""Alerts: sends what the books have to tell to the topics of the world, in order.

One instance announces at a time; another stands by. An announcement is forgotten only when the
broker has confirmed it, so a crash repeats it with the same id and version. It also watches the
outbox by age, on the database's clock: what is not sent in time pages the operators of Hoatoc.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid5

from prometheus_client import Counter, Gauge

from hoatoc import notify
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import AlertRaised, AlertResolved
from hoatoc.kafka.client import (
    headers_of,
    offer_all,
    outgoing,
    producer,
    send_all,
)
from hoatoc.kafka.dead_letter import unsent
from hoatoc.ports import (
    Aged,
    Announced,
    Announcements,
    Ledger,
    Outbox,
    Outgoing,
    Producer,
    Queued,
    Recalls,
    Transactional,
)
from hoatoc.postgres.announcement import AnnouncementTables
from hoatoc.postgres.connection import Connection, listening, pool
from hoatoc.postgres.ledger import ANNOUNCEMENT_CHANNEL, LedgerTables
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.program import Context, run

NAME = "alerts"
POLL_S = 1.0
BATCH = 2000

ANNOUNCED = Counter("hoatoc_announced_total", "Announcements confirmed", ["type"])
LEADING = Gauge("hoatoc_alerts_leading", "1 while this instance announces")


def record_of(queued: Queued, partitions: int) -> Outgoing:
    """Return an announcement as a record."""
    headers = dict(headers_of(queued.event_id, queued.type, NAME, None))
    headers["traceparent"] = queued.traceparent.encode()
    keyed = queued.topic == topic.ALERTS
    partition = topic.partition_of_key(queued.key, partitions) if keyed else 0
    return Outgoing(queued.topic, queued.key, queued.value, list(headers.items()), partition)


@dataclass(slots=True)
class Announcer:
    """Announces, on one connection, while it leads."""

    connection: Transactional
    announcements: Announcements
    ledger: Ledger
    outbox: Outbox
    recalls: Recalls
    partitions: int
    unsent_after_s: float
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def lead(self) -> None:
        """Wait until no other instance announces."""
        LEADING.set(0)
        while not await self.announcements.lead():  # noqa: ASYNC110 - the database's
            await asyncio.sleep(POLL_S)
        LEADING.set(1)

    async def run(self, to: Producer) -> None:
        """Announce until cancelled."""
        while True:
            self.wake.clear()
            await self.watch_outbox()
            if not await self.announce(to):
                await self._rest()

    async def announce(self, to: Producer) -> int:
        """Send the next announcements and return how many; what the broker refuses is parked."""
        waiting = await self.announcements.next(BATCH)
        records = [record_of(queued, self.partitions) for queued in waiting]
        refusals = await offer_all(to, records)
        for queued, record, refusal in zip(waiting, records, refusals, strict=True):
            if refusal is not None:
                identity = uuid5(queued.event_id, "parked")
                await send_all(to, [unsent(record, NAME, refusal, identity)])
            ANNOUNCED.labels(queued.type).inc()
        if waiting:
            await self.announcements.told([queued.id for queued in waiting])
        return len(waiting)

    async def watch_outbox(self) -> None:
        """Raise an alert for what waits too long to be sent; resolve it when it went."""
        async with self.connection.transaction():
            after_s = self.unsent_after_s
            aged = [*await self.outbox.aged(after_s), *await self.recalls.aged(after_s)]
            over = [*await self.outbox.aged_over(), *await self.recalls.aged_over()]
            told = [_unsent(row, True, self.partitions) for row in aged]
            told += [_unsent(row, False, self.partitions) for row in over]
            if told:
                await self.ledger.announce(told)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self.wake.wait(), POLL_S)
        except TimeoutError:
            return


def _unsent(row: Aged, raised: bool, partitions: int) -> Announced:
    of = row.subject_id
    event = (AlertRaised if raised else AlertResolved)(
        event_id=uuid5(of, f"{Kind.UNSENT}/{'raised' if raised else 'resolved'}"),
        subject_id=of,
        kind=Kind.UNSENT,
        version=1 if raised else 2,
        dispatch_id=row.dispatch_id,
        sender=row.sender,
        number=row.number,
        notation=row.notation,
        subject=row.subject,
        priority=row.priority,
        since_ms=round(row.created_at.timestamp() * 1000),
    )
    key = row.sender.encode()
    record = outgoing(
        event,
        topic=topic.ALERTS,
        key=key,
        source=NAME,
        dispatch_id=row.dispatch_id,
        partition=topic.partition_of_key(key, partitions),
    )
    return record, event.event_id, type(event).__name__


def announcer(connection: Connection, settings: Settings) -> Announcer:
    """Return what announces on a connection."""
    return Announcer(
        connection,
        AnnouncementTables(connection),
        LedgerTables(connection),
        OutboxTables(connection),
        RecallTables(connection),
        settings.kafka.partitions,
        settings.relay.unsent_after_s,
    )


async def body(context: Context) -> None:
    """Announce until stopped."""
    settings = context.settings
    async with pool(settings.postgres.dsn, 2) as database, database.acquire() as connection:
        organs = await RegistryTables(connection).organs()
        made = announcer(connection, settings)
        notify.ready()
        await made.lead()
        context.log.info("leading")
        async with (
            listening(connection, ANNOUNCEMENT_CHANNEL, made.wake),
            producer(settings.kafka, _topics([o.code for o in organs])) as to,
        ):
            await made.run(to)


def _topics(organs: Sequence[str]) -> list[str]:
    return [
        topic.ALERTS,
        topic.DEAD_LETTERS,
        *(topic.statuses(code) for code in organs),
    ]


if __name__ == "__main__":
    run(NAME, body)
