"""The feed: topics of connection points, read from any place, by a few consumers without a group.

A document is visible here exactly when the broker has confirmed its copy; nothing waits for the
ledger. A consumer that failed is replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from hoatoc.config import Kafka
from hoatoc.kafka.client import AWAY, BrokerAway, consumer
from producers.gateway.outlet import AGAIN_S, away
from producers.gateway.refusal import CursorAhead

READ_S = 10.0
LOG = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of a topic in order, and the offset behind the last of them."""

    records: list[ConsumerRecord]
    next: int
    end: int


class Feed:
    """Reads topics; while the broker is away, says so."""

    def __init__(self, kafka: Kafka, readers: int) -> None:
        self._kafka, self._readers = kafka, readers
        self._free: list[_Reader] = []
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Keep the consumers open until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._readers):
                tasks.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            async with AsyncExitStack() as held:
                try:
                    opened = await held.enter_async_context(consumer(self._kafka))
                    reader = _Reader(opened)
                    await self._release(reader)
                    await reader.failed.wait()
                except (BrokerAway, KafkaError) as error:
                    LOG.warning("broker_away", detail=str(error))
            await asyncio.sleep(AGAIN_S)

    async def read(self, topic: str, cursor: int | None, limit: int) -> Stretch:
        """Read at most so many records from an offset, or from the oldest that is kept.

        What is there is returned at once, be it nothing. Raises CursorAhead, BrokerAway.
        """
        try:
            async with asyncio.timeout(READ_S), self._reader(topic) as reader:
                return await reader.read(TopicPartition(topic, 0), cursor, limit)
        except (*AWAY, KafkaError) as error:
            raise away() from error

    async def end(self, topic: str) -> int:
        """Return the offset behind the last record of a topic; raises BrokerAway."""
        place = TopicPartition(topic, 0)
        try:
            async with asyncio.timeout(READ_S), self._reader(topic) as reader:
                return int((await reader.consumer.end_offsets([place]))[place])
        except (*AWAY, KafkaError) as error:
            raise away() from error

    @asynccontextmanager
    async def _reader(self, topic: str) -> AsyncIterator["_Reader"]:
        """Take a free reader: one that is at this topic already, if there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free)
            found = next((r for r in self._free if r.is_at(topic)), self._free[0])
            self._free.remove(found)
        try:
            yield found
        except CursorAhead:
            await self._release(found)
            raise
        except BaseException:
            found.failed.set()
            raise
        await self._release(found)

    async def _release(self, reader: "_Reader") -> None:
        async with self._changed:
            self._free.append(reader)
            self._changed.notify()


class _Reader:
    """One consumer, at one topic at a time."""

    def __init__(self, opened: AIOKafkaConsumer) -> None:
        self.consumer = opened
        self.failed = asyncio.Event()

    def is_at(self, topic: str) -> bool:
        """Tell whether it reads this topic already."""
        return TopicPartition(topic, 0) in self.consumer.assignment()

    async def read(self, place: TopicPartition, cursor: int | None, limit: int) -> Stretch:
        """Read on from an offset, as far as there is something now."""
        if place not in self.consumer.assignment():
            self.consumer.assign([place])
        end = int((await self.consumer.end_offsets([place]))[place])
        if cursor is None:
            cursor = int((await self.consumer.beginning_offsets([place]))[place])
        if cursor > end:
            raise CursorAhead(cursor, end)
        records: list[ConsumerRecord] = []
        if cursor < end:
            self.consumer.seek(place, cursor)
        while cursor < end and len(records) < limit:
            wanted = limit - len(records)
            fetched = await self.consumer.getmany(place, timeout_ms=1000, max_records=wanted)
            records += fetched.get(place, [])
            if records:
                cursor = records[-1].offset + 1
        return Stretch(records, cursor, end)
