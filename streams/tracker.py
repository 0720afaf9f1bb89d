"""The tracker: proposes at once that a deadline has passed; the ledger decides.

faust-streaming without Tables: they lose records at a rebalance. On assignment it reads positions
and open deliveries in one snapshot of the ledger, then goes on from its own committed offset; what
lies between the two it reads from the log. It lets go of a tick only when the broker has confirmed
the proposals that the tick brought.
"""

import asyncio
import gc
import os
import socket
import time
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid5

import faust
import structlog
from aiokafka import TopicPartition
from prometheus_client import Counter, Gauge

from hoatoc import notify
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.book import Account
from hoatoc.domain.event import DeadlinePassed, Tick
from hoatoc.domain.walk import Entry, PartitionBook
from hoatoc.domain.watch import Passed, Watch
from hoatoc.domain.working_due import CalendarVersion
from hoatoc.kafka.client import consumer, outgoing, producer, send_all
from hoatoc.kafka.eager import Transport
from hoatoc.kafka.entry import decoded
from hoatoc.ports import CalendarInForce, Consumer, Database, Ledger, Outgoing, Producer
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.program import Context, run
from hoatoc.telemetry import RECORDS

NAME = "tracker"
GROUP = "hoatoc-tracker"
FORECAST_MINUTES = 15
CHUNK = 5000
LOG = structlog.get_logger(NAME)

READ = RECORDS.labels(NAME, topic.DELIVERIES)
PROPOSED = Counter("hoatoc_tracker_proposals_total", "Deadlines proposed as passed", ["kind"])
OPEN = Gauge("hoatoc_open_deliveries", "Deliveries that it watches", ["partition"])
OLDEST = Gauge("hoatoc_oldest_open_seconds", "Age of the oldest of them", ["partition"])
SOON = Gauge("hoatoc_due_soon", f"Deadlines due within {FORECAST_MINUTES} minutes", ["partition"])
RECIPIENT_OPEN = Gauge("hoatoc_recipient_open", "Open deliveries of a recipient", ["recipient"])
SILENCE = Gauge(
    "hoatoc_recipient_silence_seconds",
    "Since the last answer of a recipient",
    ["recipient"],
)
BEHIND = Gauge("hoatoc_tracker_behind_seconds", "Age of the last tick it has read", ["partition"])
UNDECODABLE = Counter("hoatoc_tracker_undecodable_total", "Records that the ledger parks")


@dataclass(slots=True)
class Tracker:
    """Watches the partitions assigned to it."""

    database: Database
    to: Producer
    reader: Callable[[], AbstractAsyncContextManager[Consumer]]
    """opens what reads the log between the snapshot and the committed offset"""
    ledger: Callable[[Any], Ledger] = LedgerTables
    calendar: Callable[[Any], CalendarInForce] = CalendarTables
    watches: dict[int, Watch] = field(default_factory=dict)
    calendars: dict[int, CalendarVersion] = field(default_factory=dict)

    async def assign(self, partitions: Collection[int]) -> None:
        """Begin to watch exactly these partitions, from one snapshot of the ledger."""
        watches = {partition: Watch(self.calendars) for partition in partitions}
        async with self.database.acquire() as connection:
            tables = self.ledger(connection)
            async with connection.transaction(isolation="repeatable_read"):
                books = await tables.positions(partitions)
                accounts = await tables.tracked_accounts(partitions)
                await self._learn_calendars(tables, await self.calendar(connection).current())
        mine: dict[int, list[Account]] = defaultdict(list)
        for partition, account in accounts:
            mine[partition].append(account)
        for partition, watch in watches.items():
            watch.begin(books.get(partition, PartitionBook()), mine[partition])
        self.watches = watches

    async def handle(self, partition: int, entry: Entry) -> None:
        """Take in a record; return when what it brought is confirmed."""
        watch = self.watches.get(partition)
        if watch is None:
            return
        READ.inc()
        if entry.offset > watch.next_offset:
            await self._catch_up(partition, watch, entry.offset)
        if entry.event is None:
            UNDECODABLE.inc()
        await self._observe(partition, watch, entry)
        if isinstance(entry.event, Tick):
            self._show(partition, watch)

    async def _learn_calendars(self, tables: Ledger, current: int) -> None:
        """Have at hand every version of the calendars up to one."""
        missing = set(range(1, current + 1)) - self.calendars.keys()
        self.calendars |= await tables.calendars(missing) if missing else {}

    async def _observe(self, partition: int, watch: Watch, entry: Entry) -> None:
        """Take in a record; return when what it brought is confirmed."""
        tick = entry.event
        if isinstance(tick, Tick) and tick.calendar_version > max(self.calendars, default=0):
            async with self.database.acquire() as connection:
                await self._learn_calendars(self.ledger(connection), tick.calendar_version)
        if passed := watch.observe(entry):
            await self._propose(partition, passed)

    async def _catch_up(self, partition: int, watch: Watch, end: int) -> None:
        """Read from the log what lies between the snapshot and our own committed offset."""
        place = TopicPartition(topic.DELIVERIES, partition)
        async with self.reader() as reader:
            reader.assign([place])
            reader.seek(place, watch.next_offset)
            while watch.next_offset < end:
                fetched = await reader.getmany(timeout_ms=2000)
                if not fetched:
                    return
                for record in fetched[place]:
                    if record.offset < end:
                        entry = decoded(record.offset, record.timestamp, record.value)
                        await self._observe(partition, watch, entry)

    async def _propose(self, partition: int, passed: list[Passed]) -> None:
        for start in range(0, len(passed), CHUNK):
            chunk = passed[start : start + CHUNK]
            await send_all(self.to, [proposal(partition, one) for one in chunk])
        for kind, count in Tally(one.kind for one in passed).items():
            PROPOSED.labels(kind).inc(count)

    def _show(self, partition: int, watch: Watch) -> None:
        """Keep the running picture for operators."""
        now_ms = time.time_ns() // 1_000_000
        BEHIND.labels(partition).set((now_ms - watch.book.clock.log_ms) / 1000)
        OPEN.labels(partition).set(len(watch.accounts))
        oldest = watch.oldest_ms()
        OLDEST.labels(partition).set((now_ms - oldest) / 1000 if oldest else 0)
        SOON.labels(partition).set(
            watch.wheel.within(watch.book.clock.service_ms, FORECAST_MINUTES)
        )
        if partition == min(self.watches):
            self._show_recipients(now_ms)

    def _show_recipients(self, now_ms: int) -> None:
        for recipient in {r for w in self.watches.values() for r in w.by_recipient}:
            waiting = sum(w.by_recipient[recipient] for w in self.watches.values())
            RECIPIENT_OPEN.labels(recipient).set(waiting)
            heard = max((w.heard_ms.get(recipient, 0) for w in self.watches.values()), default=0)
            if heard:
                SILENCE.labels(recipient).set((now_ms - heard) / 1000)


def proposal(partition: int, passed: Passed) -> Outgoing:
    """Return the proposal that a deadline has passed: the same at every try."""
    event = DeadlinePassed(
        event_id=uuid5(passed.delivery_id, f"passed/{passed.kind}/{passed.due_ms}"),
        delivery_id=passed.delivery_id,
        kind=passed.kind,
        due_ms=passed.due_ms,
    )
    return outgoing(
        event,
        topic=topic.DELIVERIES,
        key=str(passed.delivery_id).encode(),
        source=NAME,
        dispatch_id=None,
        partition=partition,
    )


def application(settings: Settings, tracker: Tracker, failed: "asyncio.Future[None]") -> faust.App:
    """Build the faust application; what goes wrong in it ends up in `failed`."""
    servers = ";".join(f"kafka://{s}" for s in settings.kafka.bootstrap_servers.split(","))
    host = os.environ.get("HOSTNAME") or socket.gethostname()
    app = faust.App(
        GROUP,
        broker=servers,
        key_serializer="raw",
        value_serializer="raw",
        datadir=str(settings.data / "tracker"),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        broker_commit_interval=0.5,
        broker_session_timeout=10.0,
        broker_heartbeat_interval=3.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{NAME}-{host}",
        stream_wait_empty=False,
        producer_acks=-1,
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    log = app.topic(topic.DELIVERIES, key_serializer="raw", value_serializer="raw")

    async def track(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            entry = decoded(message.offset, round(message.timestamp * 1000), message.value)
            try:
                await tracker.handle(message.partition, entry)
            except Exception as error:  # noqa: BLE001 - it ends the program, whatever it is
                if not failed.done():
                    failed.set_exception(error)
                await asyncio.Event().wait()  # going on would acknowledge the record

    async def assigned(_app: Any, places: Any, *_: Any, **__: Any) -> None:
        try:
            with _uncollected():
                await tracker.assign(
                    {tp.partition for tp in places if tp.topic == topic.DELIVERIES}
                )
            notify.ready()
            LOG.info("ready", partitions=len(tracker.watches))
        except Exception as error:
            if not failed.done():
                failed.set_exception(error)
            raise

    app.agent(log, concurrency=1)(track)
    app.on_partitions_assigned.connect(cast("Any", assigned), weak=False)
    return app


@contextmanager
def _uncollected() -> Iterator[None]:
    """Make what lives long without its being searched for garbage, now and ever after.

    A million open deliveries are millions of objects, and each search goes through all of them.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def body(context: Context) -> None:
    """Track deadlines until stopped."""
    settings = context.settings
    async with (
        pool(settings.postgres.dsn, 2) as database,
        producer(settings.kafka, [topic.DELIVERIES]) as to,
    ):
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tracker = Tracker(database, to, lambda: consumer(settings.kafka))
        app = application(settings, tracker, failed)
        try:
            await app.start()
            ended = asyncio.ensure_future(app.wait_until_stopped())
            await asyncio.wait({ended, failed}, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                failed.result()
            if app.crash_reason is not None:
                raise app.crash_reason
        finally:
            await app.stop()


if __name__ == "__main__":
    run(NAME, body)
