"""The log: what programs ask of a producer and of a consumer of Apache Kafka.

The names and rules are those of aiokafka, whose clients are the adapters.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, overload

from aiokafka import ConsumerRebalanceListener
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, RecordMetadata, TopicPartition


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record on its way: an encoded event, its place and its headers."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    partition: int | None = None


class Topics(Protocol):
    """The topics that a client knows."""

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        """Return the names of topics."""
        ...

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of a topic; None where it is not known."""
        ...


class Metadata(Protocol):
    """What a producer knows of the broker's topics."""

    @property
    def cluster(self) -> Topics:
        """The topics known."""
        ...

    def set_topics(self, topics: Collection[str]) -> asyncio.Future[bool]:
        """Ask the broker about topics."""
        ...

    async def fetch_all_metadata(self) -> Topics:
        """Ask the broker about all topics."""
        ...


class Producer(Protocol):
    """An idempotent producer that waits for all in-sync replicas."""

    @property
    def client(self) -> Metadata:
        """What it knows of the broker's topics."""
        ...

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Take a record to be sent; the future is its confirmation."""
        ...

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
        ...


class Consumer(Protocol):
    """A consumer that commits nothing by itself."""

    def subscribe(
        self,
        topics: Sequence[str] = (),
        pattern: str | None = None,
        listener: ConsumerRebalanceListener | None = None,
    ) -> None:
        """Join the group for topics, by name or by pattern."""
        ...

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions, without a group."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that are read."""
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        ...

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return where the partition ended at the last fetch; None before the first."""
        ...

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Return when the partition was last fetched (own clock, ms); None before the first."""
        ...

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's offset of a partition; None where it has none."""
        ...

    @overload
    async def commit(self) -> None: ...
    @overload
    async def commit(
        self, offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]]
    ) -> None: ...

    async def getmany(
        self,
        *partitions: TopicPartition,
        timeout_ms: int = 0,
        max_records: int | None = None,
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return what has come, by partition, in order; nothing after the time-out."""
        ...
