"""Reading a topic from any place, at once and without a consumer: one question, one answer.

A consumer of aiokafka is made to follow a topic; moved from one to another it asks for metadata and
ends each time, which takes tenths of seconds. Who reads many topics, a little of each, asks the
broker itself. What is asked is the Fetch and ListOffsets of the Kafka protocol.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords

from hoatoc.config import Kafka
from hoatoc.kafka.client import AWAY, MAX_RECORD_BYTES, BrokerAway, connection

_EARLIEST, _LATEST = -2, -1
_CONSUMER = -1
_UNCOMMITTED = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A record as it stands in the log."""

    offset: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of a topic in order, where to read on, and where the topic ends."""

    records: list[Fetched]
    next: int
    end: int


class OutOfRange(KafkaError):
    """An offset before the first or behind the last that a topic has."""


@asynccontextmanager
async def fetcher(kafka: Kafka) -> AsyncIterator["Fetcher"]:
    """Open a connection to the brokers; raises BrokerAway when none answers."""
    client = AIOKafkaClient(request_timeout_ms=10_000, **connection(kafka))
    try:
        await client.bootstrap()
    except AWAY as error:
        await client.close()
        raise BrokerAway(f"the broker does not answer: {error}") from error
    try:
        yield Fetcher(client)
    finally:
        await client.close()


class Fetcher:
    """Reads topics of one partition; any number of readings at a time."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self._known: set[str] = set()

    async def read(self, topic: str, offset: int, limit: int) -> Stretch:
        """Read at most so many records from an offset, as far as they are there now.

        Raises OutOfRange, and KafkaError where the broker does not give them.
        """
        node = (await self._leaders([topic]))[topic]
        asked = [(topic, [(0, offset, MAX_RECORD_BYTES)])]
        request = FetchRequest(0, 0, MAX_RECORD_BYTES, _UNCOMMITTED, asked)
        response = await self._client.send(node, request)
        ((_, ((_, code, end, *more),)),) = response.topics
        await self._require(code)
        records = list(_records(more[-1], offset))[:limit]
        return Stretch(records, records[-1].offset + 1 if records else offset, end)

    async def begin(self, topic: str) -> int:
        """Return the first offset that a topic still has; raises KafkaError."""
        return (await self._offsets([topic], _EARLIEST))[topic]

    async def ends(self, topics: Collection[str]) -> dict[str, int]:
        """Return the offset behind the last record of topics; one question for each broker."""
        return await self._offsets(topics, _LATEST)

    async def _offsets(self, topics: Collection[str], at: int) -> dict[str, int]:
        of_node: dict[int, list[str]] = defaultdict(list)
        for topic, node in (await self._leaders(topics)).items():
            of_node[node].append(topic)
        found: dict[str, int] = {}
        for node, some in of_node.items():
            asked = [(topic, [(0, at)]) for topic in some]
            request = OffsetRequest(_CONSUMER, _UNCOMMITTED, asked)
            response = await self._client.send(node, request)
            for topic, ((_, code, *_, offset),) in response.topics:
                await self._require(code)
                found[topic] = offset
        return found

    async def _leaders(self, topics: Collection[str]) -> dict[str, int]:
        """Return the broker that leads each topic; raises UnknownTopicOrPartitionError."""
        new = set(topics) - self._known
        if new:
            await self._client.set_topics(self._known | new)
        found = {t: self._client.cluster.leader_for_partition(TopicPartition(t, 0)) for t in topics}
        missing = [topic for topic, node in found.items() if node is None or node < 0]
        if missing:
            await self._client.force_metadata_update()
            raise UnknownTopicOrPartitionError(", ".join(sorted(missing)[:5]))
        self._known |= new
        return {topic: node for topic, node in found.items() if node is not None}

    async def _require(self, code: int) -> None:
        """Raise what a broker answered, if it is an error; learn anew who leads, if that is it."""
        kind = for_code(code)
        if kind is OffsetOutOfRangeError:
            raise OutOfRange
        if code:
            if getattr(kind, "invalid_metadata", False):
                await self._client.force_metadata_update()
            raise kind


def _records(data: bytes, offset: int) -> Iterable[Fetched]:
    """Yield the records of an answer from an offset on: a batch may begin before it."""
    batches = MemoryRecords(data)
    while batches.has_next():
        batch = batches.next_batch()
        if batch is None:
            return
        if not batch.validate_crc():
            raise CorruptRecordException(f"at offset {offset} or behind it")
        if batch.is_control_batch:
            continue
        yield from (Fetched(r.offset, r.value) for r in batch if r.offset >= offset)
