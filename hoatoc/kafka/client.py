"""Producers and consumers of Apache Kafka, with the settings that the guarantees need.

aiokafka's own defaults (`acks=1`, not idempotent, `auto_offset_reset=latest`) are not safe here.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import RecordMetadata

from hoatoc import codec
from hoatoc.config import Kafka
from hoatoc.domain.error import Unavailable
from hoatoc.domain.event import Event
from hoatoc.ports import Outgoing as Outgoing  # noqa: PLC0414 - what is sent here
from hoatoc.ports import Producer
from hoatoc.telemetry import traceparent

AWAY = (KafkaConnectionError, KafkaTimeoutError, OSError, asyncio.TimeoutError)
# What the broker says of one record for good; everything else concerns the broker as a whole.
REFUSALS = (
    MessageSizeTooLargeError,
    RecordTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    InvalidTopicError,
)
MAX_RECORD_BYTES = 2 * 1024 * 1024


class BrokerAway(Unavailable):
    """The broker does not answer."""


def outgoing(
    event: Event,
    *,
    topic: str,
    key: bytes,
    source: str,
    dispatch_id: UUID | None,
    partition: int | None = None,
) -> Outgoing:
    """Encode an event and give it its headers (CloudEvents Kafka binding, W3C Trace Context)."""
    headers = headers_of(event.event_id, type(event).__name__, source, dispatch_id)
    return Outgoing(topic, key, codec.encode(event), headers, partition)


def headers_of(
    event_id: UUID, type_name: str, source: str, dispatch_id: UUID | None
) -> list[tuple[str, bytes]]:
    """Return the headers that every record carries."""
    version, *named = _headers_of_all(type_name, source)
    return [
        version,
        ("ce_id", str(event_id).encode()),
        *named,
        ("traceparent", traceparent(dispatch_id or event_id, event_id).encode()),
    ]


@cache
def _headers_of_all(type_name: str, source: str) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that all records of a type have from a source."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", f"vn.hoatoc.{type_name}".encode()),
        ("ce_source", f"/hoatoc/{source}".encode()),
        ("content-type", b"application/avro"),
    )


def connection(kafka: Kafka) -> dict[str, Any]:
    """Return what any client of the broker needs to connect."""
    context: ssl.SSLContext | None = None
    if kafka.security_protocol.endswith("SSL"):
        context = create_ssl_context(
            cafile=kafka.ssl_cafile or None,
            certfile=kafka.ssl_certfile or None,
            keyfile=kafka.ssl_keyfile or None,
        )
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "ssl_context": context,
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": kafka.sasl_username or None,
        "sasl_plain_password": kafka.sasl_password or None,
    }


@asynccontextmanager
async def producer(kafka: Kafka, topics: Sequence[str] = ()) -> AsyncIterator[AIOKafkaProducer]:
    """Open an idempotent producer that waits for all in-sync replicas.

    `topics` are made known at once: the first send to many topics costs O(N²) otherwise. Raises
    BrokerAway when no broker answers.
    """
    opened = AIOKafkaProducer(
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        max_batch_size=256 * 1024,
        max_request_size=MAX_RECORD_BYTES,
        request_timeout_ms=30_000,
        metadata_max_age_ms=30_000,
        **connection(kafka),
    )
    try:
        await opened.start()
    except AWAY as error:
        await opened.stop()
        raise BrokerAway(f"the broker does not answer: {error}") from error
    try:
        if topics:
            await opened.client.set_topics(topics)
        yield opened
    finally:
        await opened.stop()


@asynccontextmanager
async def consumer(
    kafka: Kafka,
    *topics: str,
    group: str | None = None,
    instance: str | None = None,
    **more: Any,
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that starts at the earliest record and commits nothing by itself.

    `instance` makes its membership static (KIP-345). Raises BrokerAway when no broker answers.
    """
    opened = AIOKafkaConsumer(
        *topics,
        group_id=group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_RECORD_BYTES,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
        **{**connection(kafka), **more},
    )
    try:
        await opened.start()
    except AWAY as error:
        await opened.stop()
        raise BrokerAway(f"the broker does not answer: {error}") from error
    try:
        yield opened
    finally:
        await opened.stop()


async def send(to: Producer, record: Outgoing) -> "asyncio.Future[RecordMetadata]":
    """Hand a record to the producer; the future is its confirmation by the broker."""
    future: asyncio.Future[RecordMetadata] = await to.send(
        record.topic,
        value=record.value,
        key=record.key,
        partition=record.partition,
        headers=record.headers,
    )
    return future


async def send_all(to: Producer, records: Sequence[Outgoing]) -> list[RecordMetadata]:
    """Send records in order and wait until the broker has confirmed every one."""
    confirmations = [await send(to, record) for record in records]
    return list(await asyncio.gather(*confirmations))


async def offer_all(to: Producer, records: Sequence[Outgoing]) -> list[KafkaError | None]:
    """Offer records in order and return, for each, why the broker refused it, or None.

    Raises KafkaError when the broker as a whole does not confirm.
    """
    unknown = [r.topic for r in records if to.client.cluster.partitions_for_topic(r.topic) is None]
    if unknown:
        await to.client.set_topics({*to.client.cluster.topics(), *unknown})
    there = (await to.client.fetch_all_metadata()).topics() if unknown else set(unknown)
    answers: list[Any] = []
    for record in records:
        if record.topic in unknown and record.topic not in there:
            answers.append(UnknownTopicOrPartitionError(record.topic))
            continue
        try:
            answers.append(await send(to, record))
        except REFUSALS as refusal:
            answers.append(refusal)
    sent = [a for a in answers if isinstance(a, asyncio.Future)]
    await asyncio.wait(sent) if sent else None
    refusals: list[KafkaError | None] = []
    for answer in answers:
        result = answer.exception() if isinstance(answer, asyncio.Future) else answer
        if result is not None and not isinstance(result, REFUSALS):
            raise result
        refusals.append(result)
    return refusals
