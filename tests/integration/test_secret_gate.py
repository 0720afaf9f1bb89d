"""A suspected secret on `handovers.<organ>` leaves the topic at once and the broker's disk soon."""

import logging
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord, TopicPartition

from hoatoc.config import Metrics, Settings
from hoatoc.embedded import broker
from hoatoc.embedded.stack import stack
from hoatoc.kafka.client import consumer, producer
from hoatoc.kafka.deletion import DeletionRefused, append_marker, delete_up_to, is_marker
from hoatoc.kafka.topic import admin
from hoatoc.testing.line import eventually

SEGMENT_MS = 1000
QUICK_TOPIC = {
    "segment.ms": str(SEGMENT_MS),
    "file.delete.delay.ms": "0",
    "message.timestamp.type": "LogAppendTime",
}
QUICK_BROKER = "log.retention.check.interval.ms=500\nlog.initial.task.delay.ms=500\n"
SECRET = b"the only copy of a suspected secret"


async def nothing(_settings: Settings) -> None:
    """Prepare no topic and no table."""


@pytest.fixture(scope="module")
async def quick() -> AsyncIterator[Settings]:
    """Run a broker that looks for what it may delete twice a second."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="hoatoc-test-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(broker, "_PROPERTIES", broker._PROPERTIES + QUICK_BROKER)
        settings = Settings(data=Path(folder) / "data", metrics=Metrics(port=0))
        async with stack(settings, parts=("broker",), prepare=nothing) as running:
            yield running.settings


async def new_topic(client: AIOKafkaAdminClient) -> str:
    name = f"handovers.{uuid4().hex}"
    await client.create_topics([NewTopic(name, 1, 1, topic_configs=QUICK_TOPIC)])
    return name


async def readable(settings: Settings, topic: str) -> list[ConsumerRecord]:
    place = TopicPartition(topic, 0)
    found: list[ConsumerRecord] = []
    async with consumer(settings.kafka, topic) as reading:
        end = (await reading.end_offsets([place]))[place]
        while await reading.position(place) < end:
            batches = await reading.getmany(timeout_ms=1000)
            found += [record for batch in batches.values() for record in batch]
    return found


def on_disk(settings: Settings, payload: bytes) -> list[str]:
    files = (file for file in (settings.data / "broker").rglob("*") if file.is_file())
    return [file.name for file in files if file.exists() and payload in file.read_bytes()]


async def test_a_deleted_record_is_gone_and_the_untaken_one_behind_it_stays(
    quick: Settings,
) -> None:
    async with admin(quick.kafka) as client, producer(quick.kafka) as to:
        topic = await new_topic(client)
        for value in (b"taken", SECRET, b"untaken"):
            last = await to.send_and_wait(topic, value)
        assert await delete_up_to(client, topic, last.offset - 1) == last.offset
        assert [b"untaken"] == [record.value for record in await readable(quick, topic)]
        assert await delete_up_to(client, topic, last.offset - 1) == last.offset


async def test_the_bytes_leave_the_disk_when_all_before_the_marker_was_taken(
    quick: Settings,
) -> None:
    async with admin(quick.kafka) as client, producer(quick.kafka) as to:
        topic = await new_topic(client)
        found = await to.send_and_wait(topic, SECRET * 10)
        behind = await to.send_and_wait(topic, b"untaken")
        await delete_up_to(client, topic, found.offset)

        async def segment_is_due() -> bool:
            return time.time() * 1000 > behind.timestamp + SEGMENT_MS

        await eventually(segment_is_due)
        marker = await append_marker(to, topic)
        records = await readable(quick, topic)
        assert [(b"untaken", False), (None, True)] == [(r.value, is_marker(r)) for r in records]
        assert on_disk(quick, SECRET * 10)

        await delete_up_to(client, topic, marker - 1)
        await to.send_and_wait(topic, b"later")

        async def vanished() -> bool:
            return not on_disk(quick, SECRET * 10)

        await eventually(vanished, what="the bytes leaving the disk")
        assert [None, b"later"] == [record.value for record in await readable(quick, topic)]


async def test_what_the_broker_does_not_delete_is_said(quick: Settings) -> None:
    async with admin(quick.kafka) as client, producer(quick.kafka) as to:
        topic = await new_topic(client)
        await to.send_and_wait(topic, b"taken")
        with pytest.raises(DeletionRefused, match=rf"{topic}\[0\].*OffsetOutOfRange"):
            await delete_up_to(client, topic, 7)
