"""Dead letters: a record that cannot be read or handled is parked as it was, with its reason."""

import time
import traceback
from uuid import UUID, uuid5

from aiokafka.structs import ConsumerRecord

from hoatoc.domain import topic
from hoatoc.domain.event import DeadLettered, Header
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Outgoing
from hoatoc.telemetry import DEAD_LETTERS

_NAMESPACE = UUID("0d0c5a52-63f4-5f0c-8a6e-9f9c1d3a0807")
PUT_BACK_HEADER = "hoatoc-put-back-of"


def dead_letter_id(consumer: str, topic_name: str, partition: int, offset: int) -> UUID:
    """Return the identity of a parked record: parking it again gives the same."""
    return uuid5(_NAMESPACE, f"{consumer}/{topic_name}/{partition}/{offset}")


def headers_of(record: ConsumerRecord) -> list[Header]:
    """Return the headers of a record."""
    return [Header(name=name, value=value) for name, value in record.headers]


def dead_letter(
    record: ConsumerRecord,
    consumer: str,
    reason: str,
    error: Exception | str,
    identity: UUID | None = None,
    *,
    content: bool = True,
) -> tuple[Outgoing, DeadLettered]:
    """Return the dead letter of a record, ready to be sent.

    `identity` is given when the record never stood in a log. Without its `content` the letter says
    where the record stands, and nothing of what it holds: a hand-over that the gate against state
    secrets has not passed is copied nowhere.
    """
    stack = None
    if isinstance(error, Exception) and content:
        stack = "".join(traceback.format_exception(error))[-4000:]
    event = DeadLettered(
        event_id=identity
        or dead_letter_id(consumer, record.topic, record.partition, record.offset),
        consumer=consumer,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key if content else None,
        value=record.value if content else None,
        headers=headers_of(record) if content else [],
        reason=reason,
        detail=str(error),
        stack=stack,
        parked_ms=time.time_ns() // 1_000_000,
    )
    DEAD_LETTERS.labels(consumer, reason).inc()
    key = event.key if event.key is not None else b""
    sent = outgoing(
        event,
        topic=topic.DEAD_LETTERS,
        key=key,
        source=consumer,
        dispatch_id=None,
        partition=0,
    )
    return sent, event


def unsent(record: Outgoing, producer: str, refusal: Exception, identity: UUID) -> Outgoing:
    """Return the dead letter of a record that was refused, so that it never had an offset."""
    never = ConsumerRecord(
        topic=record.topic,
        partition=record.partition or 0,
        offset=-1,
        timestamp=0,
        timestamp_type=0,
        key=record.key,
        value=record.value,
        checksum=None,
        serialized_key_size=len(record.key),
        serialized_value_size=len(record.value),
        headers=tuple(record.headers),
    )
    letter, _ = dead_letter(never, producer, "send-refused", refusal, identity)
    return letter
