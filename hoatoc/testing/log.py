"""A broker in memory: a fake of the ports `Producer` and `Consumer`.

It keeps what the programs rely on of Apache Kafka and aiokafka. Per partition the records stand in
the order of their offsets, with the broker's append time, which may step back. A producer is
idempotent: what it takes is appended once, in order, or times out, and then nobody knows whether
it was. Consumers and their groups are in `group`, and so is `Line`, what lies between a client and
the broker.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.structs import ConsumerRecord, RecordMetadata, TopicPartition

from hoatoc.kafka.client import MAX_RECORD_BYTES
from hoatoc.testing.group import Group, Line, MemoryConsumer

REQUEST_TIMEOUT_S = 30.0
LOG_APPEND_TIME = 1


class MemoryBroker:
    """Topics and groups; `clock_ms` gives the broker's time (1970 UTC)."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self.clock_ms = clock_ms
        self.logs: dict[TopicPartition, list[ConsumerRecord]] = {}
        self.partitions: dict[str, int] = {}
        self.groups: dict[str, Group] = {}
        self.refusing: set[str] = set()
        self.readers: dict[TopicPartition, dict[MemoryConsumer, None]] = {}

    def create(self, topics: Mapping[str, int]) -> None:
        """Create topics with so many partitions."""
        for name, partitions in topics.items():
            self.partitions[name] = partitions
            for each in range(partitions):
                self.logs[TopicPartition(name, each)] = []

    def append(self, place: TopicPartition, record: "Sent") -> RecordMetadata:
        """Append a record; raises what the broker says of one that it does not take."""
        if place.topic in self.refusing:
            raise TopicAuthorizationFailedError(place.topic)
        log = self.logs.get(place)
        if log is None:
            raise UnknownTopicOrPartitionError(place.topic)
        offset, at_ms = len(log), self.clock_ms()
        log.append(
            ConsumerRecord(
                place.topic,
                place.partition,
                offset,
                at_ms,
                LOG_APPEND_TIME,
                record.key,
                record.value,
                None,
                len(record.key or b""),
                len(record.value or b""),
                tuple(record.headers),
            )
        )
        for reader in self.readers.get(place, ()):
            reader.wake()
        return RecordMetadata(
            place.topic, place.partition, place, offset, at_ms, LOG_APPEND_TIME, 0
        )

    def group(self, name: str) -> "Group":
        """Return a group; it begins when it is first named."""
        if name not in self.groups:
            self.groups[name] = Group(self)
        return self.groups[name]

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        """Return the names of topics."""
        del exclude_internal_topics
        return set(self.partitions)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of a topic; None where it does not exist."""
        return set(range(self.partitions[topic])) if topic in self.partitions else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that a producer has taken."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Metadata:
    """What a producer knows of the broker: all there is."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.cluster = broker

    def set_topics(self, topics: Collection[str]) -> asyncio.Future[bool]:
        """Ask the broker about topics: they are known already."""
        del topics
        done = asyncio.get_running_loop().create_future()
        done.set_result(True)
        return done

    async def fetch_all_metadata(self) -> MemoryBroker:
        """Ask the broker about all topics."""
        return self.cluster


_Waiting = tuple[TopicPartition, Sent, "asyncio.Future[RecordMetadata]", float]


class MemoryProducer:
    """An idempotent producer: once and in order, while it lives."""

    def __init__(self, broker: MemoryBroker, line: Line) -> None:
        self._broker, self._line = broker, line
        self.client = Metadata(broker)
        self._queue: list[_Waiting] = []
        self._pump: asyncio.Task[None] | None = None

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> "asyncio.Future[RecordMetadata]":
        """Take a record to be sent; the future is its confirmation."""
        del timestamp_ms  # the broker's append time counts
        if len(value or b"") > MAX_RECORD_BYTES:
            raise MessageSizeTooLargeError(f"a record of {len(value or b'')} bytes")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RecordMetadata] = loop.create_future()
        place = TopicPartition(topic, partition or 0)
        self._queue.append((place, Sent(key, value, headers or ()), future, loop.time()))
        if self._pump is None or self._pump.done():
            self._pump = loop.create_task(self._send())
        return future

    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> RecordMetadata:
        """Send a record and wait for its confirmation."""
        return await (await self.send(topic, value, key, partition, timestamp_ms, headers))

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            await self._line.there()
            batch, self._queue = self._queue, []
            answers = [(f, self._answer(place, sent, since, loop.time()))
                       for place, sent, f, since in batch]  # fmt: skip
            await self._line.back()
            for future, answer in answers:
                if future.done():
                    continue
                if isinstance(answer, RecordMetadata):
                    future.set_result(answer)
                else:
                    future.set_exception(answer)
                    future.exception()  # whoever sent it may be gone

    def _answer(
        self, place: TopicPartition, sent: Sent, since: float, now: float
    ) -> RecordMetadata | KafkaError:
        if now - since > REQUEST_TIMEOUT_S:
            return KafkaTimeoutError(f"{place} did not answer for {now - since:.0f} s")
        try:
            return self._broker.append(place, sent)
        except KafkaError as refusal:
            return refusal
