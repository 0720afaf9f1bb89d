"""Alerts: sends what the books have to tell to the topics of the world, in order.

One instance announces at a time; another stands by. An announcement is forgotten only when the
broker has confirmed it, so a crash repeats it with the same id and version. It also watches the
outbox by age, on the database's clock: what is not sent in time pages the operators of Hoatoc.
"""

import asyncio
from collections.abc import Sequence
from uuid import uuid5

import asyncpg
from aiokafka import AIOKafkaProducer
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
from hoatoc.ports import Announced, Outgoing
from hoatoc.postgres.connection import listening, pool
from hoatoc.postgres.ledger import ANNOUNCEMENT_CHANNEL, LedgerTables
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.query import queries
from hoatoc.postgres.recall import RecallTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.program import Context, run

NAME = "alerts"
SQL = queries("announcement")
LOCK = 807_002
POLL_S = 1.0
BATCH = 2000

ANNOUNCED = Counter("hoatoc_announced_total", "Announcements confirmed", ["type"])
LEADING = Gauge("hoatoc_alerts_leading", "1 while this instance announces")


def record_of(row: asyncpg.Record, partitions: int) -> Outgoing:
    """Return an announcement as a record."""
    headers = dict(headers_of(row["event_id"], row["type"], NAME, None))
    headers["traceparent"] = row["traceparent"].encode()
    keyed = row["topic"] == topic.ALERTS
    partition = topic.partition_of_key(row["key"], partitions) if keyed else 0
    return Outgoing(row["topic"], row["key"], row["value"], list(headers.items()), partition)


async def announce(connection: asyncpg.Connection, to: AIOKafkaProducer, partitions: int) -> int:
    """Send the next announcements and return how many; what the broker refuses is parked."""
    rows = await connection.fetch(SQL["next"], BATCH)
    records = [record_of(row, partitions) for row in rows]
    refusals = await offer_all(to, records)
    for row, record, refusal in zip(rows, records, refusals, strict=True):
        if refusal is not None:
            identity = uuid5(row["event_id"], "parked")
            await send_all(to, [unsent(record, NAME, refusal, identity)])
        ANNOUNCED.labels(row["type"]).inc()
    if rows:
        await connection.execute(SQL["told"], [row["id"] for row in rows])
    return len(rows)


async def watch_outbox(connection: asyncpg.Connection, settings: Settings) -> None:
    """Raise an alert for each dispatch or recall that waits too long; resolve it when it went."""
    async with connection.transaction():
        tables = OutboxTables(connection)
        recalls, after_s = RecallTables(connection), settings.relay.unsent_after_s
        aged = [*await tables.aged(after_s), *await recalls.aged(after_s)]
        over = [*await tables.aged_over(), *await recalls.aged_over()]
        told = [_unsent(row, True, settings.kafka.partitions) for row in aged]
        told += [_unsent(row, False, settings.kafka.partitions) for row in over]
        if told:
            await LedgerTables(connection).announce(told)


def _unsent(row: asyncpg.Record, raised: bool, partitions: int) -> Announced:
    of = row["subject_id"]
    event = (AlertRaised if raised else AlertResolved)(
        event_id=uuid5(of, f"{Kind.UNSENT}/{'raised' if raised else 'resolved'}"),
        subject_id=of,
        kind=Kind.UNSENT,
        version=1 if raised else 2,
        dispatch_id=row["dispatch_id"],
        sender=row["sender"],
        number=row["number"],
        notation=row["notation"],
        subject=row["subject"],
        priority=row["priority"],
        since_ms=round(row["created_at"].timestamp() * 1000),
    )
    key = row["sender"].encode()
    record = outgoing(
        event,
        topic=topic.ALERTS,
        key=key,
        source=NAME,
        dispatch_id=row["dispatch_id"],
        partition=topic.partition_of_key(key, partitions),
    )
    return record, event.event_id, type(event).__name__


async def body(context: Context) -> None:
    """Announce until stopped."""
    settings = context.settings
    async with pool(settings.postgres.dsn, 2) as database, database.acquire() as connection:
        organs = await RegistryTables(connection).organs()
        wake = asyncio.Event()
        notify.ready()
        await _lead(context, connection)
        async with (
            listening(connection, ANNOUNCEMENT_CHANNEL, wake),
            producer(settings.kafka, _topics([o.code for o in organs])) as to,
        ):
            while True:
                wake.clear()
                await watch_outbox(connection, settings)
                if not await announce(connection, to, settings.kafka.partitions):
                    await _rest(wake)


def _topics(organs: Sequence[str]) -> list[str]:
    return [
        topic.ALERTS,
        topic.DEAD_LETTERS,
        *(topic.statuses(code) for code in organs),
    ]


async def _lead(context: Context, connection: asyncpg.Connection) -> None:
    """Wait until no other instance announces."""
    LEADING.set(0)
    while not await connection.fetchval(SQL["lead"], LOCK):  # noqa: ASYNC110 - the database's
        await asyncio.sleep(POLL_S)
    LEADING.set(1)
    context.log.info("leading")


async def _rest(wake: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(wake.wait(), POLL_S)
    except TimeoutError:
        return


if __name__ == "__main__":
    run(NAME, body)
