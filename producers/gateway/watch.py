"""The watch: one look at the ends of all topics that somebody waits for, for everybody who waits.

The relay tells what came in (NOTIFY); what nobody tells of is seen by one question to the broker
every few seconds. So a thousand who wait and get nothing cost next to nothing.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress

import asyncpg
from prometheus_client import Gauge

from hoatoc.domain import topic as names
from hoatoc.kafka.client import BrokerAway
from hoatoc.postgres.connection import AWAY, DatabaseAway, connected
from hoatoc.postgres.inbox import COPIES_CHANNEL
from producers.gateway.feed import Feed

LOOK_S = 3.0
AGAIN_S = 1.0
FORGET_S = 90.0
WAITING = Gauge("hoatoc_gateway_waiting", "Requests that wait for something to come")


class Watch:
    """Wakes those who wait when something comes to their topic."""

    def __init__(self, feed: Feed, dsn: str) -> None:
        self._feed, self._dsn = feed, dsn
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
            with suppress(DatabaseAway, *AWAY):
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
            with suppress(BrokerAway):
                await self._look_once()
            await asyncio.sleep(LOOK_S)

    async def _look_once(self) -> None:
        """Ask where all topics end that somebody waits for, or did a moment ago."""
        now = time.monotonic()
        for topic in [t for t, at in self._wanted.items() if now - at > FORGET_S]:
            if topic not in self._waiting:
                del self._wanted[topic]
                self._seen.pop(topic, None)
        if not self._wanted:
            return
        for topic, end in (await self._feed.ends(tuple(self._wanted))).items():
            self._seen[topic] = end, now
            for woken, offset in self._waiting.get(topic, {}).items():
                if end > offset:
                    woken.set()
