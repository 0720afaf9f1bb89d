"""The watch: one look at the ends of all topics that somebody waits for, for everybody who waits.

The relay tells what came in (NOTIFY); what nobody tells of is seen by one question to the broker
every few seconds. So a thousand who wait and get nothing cost next to nothing.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Gauge

from hoatoc.config import Kafka
from hoatoc.domain import topic as names
from hoatoc.kafka.client import AWAY as BROKER_AWAY
from hoatoc.kafka.client import BrokerAway, consumer
from hoatoc.postgres.connection import AWAY as DATABASE_AWAY
from hoatoc.postgres.connection import DatabaseAway, connected
from hoatoc.postgres.inbox import COPIES_CHANNEL

LOOK_S = 3.0
AGAIN_S = 1.0
FORGET_S = 90.0
WAITING = Gauge("hoatoc_gateway_waiting", "Requests that wait for something to come")
LOG = structlog.get_logger("gateway")


class Watch:
    """Wakes those who wait when something comes to their topic."""

    def __init__(self, kafka: Kafka, dsn: str) -> None:
        self._kafka, self._dsn = kafka, dsn
        self._seen: dict[str, tuple[int, float]] = {}
        self._wanted: dict[str, float] = {}
        self._waiting: dict[str, dict[asyncio.Event, int]] = {}
        self.closing = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._listen())

    def close(self) -> None:
        """Let everybody go who waits: the gateway stops."""
        self.closing.set()
        self._wake(list(self._waiting))

    def ends_at(self, topic: str, offset: int) -> bool:
        """Tell whether a topic is known to end at an offset, by a look of a few seconds ago."""
        end, at = self._seen.get(topic, (-1, 0.0))
        return end == offset and time.monotonic() - at < 2 * LOOK_S

    async def beyond(self, topic: str, offset: int, seconds: float) -> None:
        """Return when there may be something at an offset of a topic, or after so many seconds."""
        if self.closing.is_set():
            return
        woken = asyncio.Event()
        self._wanted[topic] = time.monotonic()
        self._waiting.setdefault(topic, {})[woken] = offset
        WAITING.inc()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await woken.wait()
        finally:
            WAITING.dec()
            del self._waiting[topic][woken]
            if not self._waiting[topic]:
                del self._waiting[topic]

    def _wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for woken in self._waiting.get(topic, ()):
                woken.set()

    async def _listen(self) -> None:
        """Hear from the relay what came in, whenever the database is there."""
        while True:
            with suppress(DatabaseAway, *DATABASE_AWAY):
                async with connected(self._dsn) as connection:
                    await self._hear(connection)
            await asyncio.sleep(AGAIN_S)

    async def _hear(self, connection: asyncpg.Connection) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda *_: lost.set())
        await connection.add_listener(COPIES_CHANNEL, self._heard)
        await lost.wait()

    def _heard(self, _connection: object, _pid: int, _channel: str, connections: object) -> None:
        named = [names.documents(each) for each in str(connections).split(",") if each]
        self._wake(named or list(self._waiting))

    async def _look(self) -> None:
        while True:
            try:
                async with consumer(self._kafka) as looking:
                    while True:
                        await self._look_once(looking)
                        await asyncio.sleep(LOOK_S)
            except (*BROKER_AWAY, KafkaError, BrokerAway) as error:
                LOG.warning("broker_away", detail=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _look_once(self, looking: AIOKafkaConsumer) -> None:
        """Ask where all topics end that somebody waits for, or did a moment ago."""
        now = time.monotonic()
        for topic in [t for t, at in self._wanted.items() if now - at > FORGET_S]:
            if topic not in self._waiting:
                del self._wanted[topic]
                self._seen.pop(topic, None)
        places = {TopicPartition(topic, 0) for topic in self._wanted}
        if not places:
            return
        if not places <= looking.assignment():  # one question about all new topics; nothing is read
            looking.assign(places)
            looking.pause(*places)
        ends = await looking.end_offsets(list(places))
        for place, end in ends.items():
            self._seen[place.topic] = end, now
            for woken, offset in self._waiting.get(place.topic, {}).items():
                if end > offset:
                    woken.set()
