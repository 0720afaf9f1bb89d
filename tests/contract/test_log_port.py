"""One suite of facts for the log: Apache Kafka with our clients, and the broker in memory.

What the programs rely on: order and contiguous offsets, refusals record by record, committed
positions, a group that shares and goes on; of two static members of one name the later counts, and
a member that the group has gone on without cannot commit.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka.errors import (
    CommitFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.group import LeaveGroupRequest  # type: ignore[import-untyped]
from aiokafka.structs import ConsumerRecord, TopicPartition

from hoatoc.config import Settings
from hoatoc.kafka.client import MAX_RECORD_BYTES, consumer, offer_all, producer, send_all
from hoatoc.kafka.topic import Plan, admin, create
from hoatoc.ports import Consumer, Outgoing, Producer
from hoatoc.testing.group import MemoryConsumer
from hoatoc.testing.line import eventually
from hoatoc.testing.log import MemoryBroker, MemoryProducer

pytestmark = pytest.mark.timeout(180)


class Straight:
    """A line that takes no time."""

    is_up = True

    async def there(self) -> None:
        await asyncio.sleep(0)

    async def back(self) -> None:
        await asyncio.sleep(0)

    def now_ms(self) -> int:
        return 0

    def some(self, most: int) -> int:
        return most


@dataclass(slots=True)
class Place:
    """A broker with a topic of two partitions of its own, and what opens clients of it."""

    topic: str
    to: Producer
    reader: Callable[..., Awaitable[Consumer]]
    expel: Callable[[Consumer], Awaitable[None]]
    """lets the group of the only member go on without it, as after a long silence"""

    def record(self, value: str, partition: int = 0, topic: str = "") -> Outgoing:
        return Outgoing(topic or self.topic, b"key", value.encode(), [("h", b"1")], partition)

    @property
    def places(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, partition) for partition in range(2)]

    async def read(self, many: int, reader: Consumer | None = None) -> list[ConsumerRecord]:
        """Read this many records, of all partitions if no reader is given."""
        if reader is None:
            reader = await self.reader()
            reader.assign(self.places)
        found: list[ConsumerRecord] = []
        async with asyncio.timeout(30):
            while len(found) < many:
                for some in (await reader.getmany(timeout_ms=200)).values():
                    found += some
        return found


@pytest_asyncio.fixture
async def memory() -> Place:
    broker = MemoryBroker(lambda: 1_760_000_000_000)
    broker.create({"facts": 2})

    async def reader(group: str | None = None, instance: str | None = None) -> Consumer:
        return MemoryConsumer(broker, Straight(), group, instance)

    async def expel(reader: Consumer) -> None:
        assert isinstance(reader, MemoryConsumer)
        reader.expire()

    return Place("facts", MemoryProducer(broker, Straight()), reader, expel)


@pytest_asyncio.fixture
async def kafka(stack_settings: Settings) -> AsyncIterator[Place]:
    kafka = stack_settings.kafka
    name = f"facts-{uuid4().hex}"
    async with AsyncExitStack() as opened, admin(kafka) as client:
        await create(client, kafka, {name: Plan(2, {"message.timestamp.type": "LogAppendTime"})})

        async def reader(group: str | None = None, instance: str | None = None) -> Consumer:
            mine = f"{group}-{name}" if group else None
            opening = consumer(kafka, group=mine, instance=instance, fetch_max_wait_ms=50)
            made: Consumer = await opened.enter_async_context(opening)
            return made

        async def expel(_: Consumer) -> None:
            await leave(client, f"group-{name}")

        to = await opened.enter_async_context(producer(kafka))
        yield Place(name, to, reader, expel)


async def leave(client: Any, group: str) -> None:
    """Say to the broker that the only member of a group has left; the member is not asked."""
    (described,) = await client.describe_consumer_groups([group])
    ((_, _, _, _, _, ((member_id, *_),), *_),) = described.groups
    node = await client.find_coordinator(group)
    answer = await client._client.send(node, LeaveGroupRequest(group, member_id))
    assert 0 == answer.error_code


@pytest.fixture(params=["memory", "kafka"])
def place(request: pytest.FixtureRequest) -> Place:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Place)
    return found


async def test_records_stand_in_the_order_in_which_they_were_sent(place: Place) -> None:
    records = [place.record(str(n), n % 2) for n in range(100)]
    placed = await send_all(place.to, records)
    assert [(n % 2, n // 2) for n in range(100)] == [(p.partition, p.offset) for p in placed]
    found = await place.read(100)
    for partition in range(2):
        mine = [record for record in found if record.partition == partition]
        assert [*range(50)] == [record.offset for record in mine]
        assert [str(n).encode() for n in range(partition, 100, 2)] == [r.value for r in mine]


async def test_a_record_comes_back_with_its_key_and_headers(place: Place) -> None:
    await send_all(place.to, [place.record("one")])
    (record,) = await place.read(1)
    assert (b"key", b"one", (("h", b"1"),)) == (record.key, record.value, tuple(record.headers))
    assert record.timestamp_type == 1  # the broker's append time


async def test_what_is_offered_to_no_topic_is_refused_and_the_rest_goes_on(place: Place) -> None:
    records = [place.record("a"), place.record("b", topic="no-such-topic"), place.record("c")]
    answers = await offer_all(place.to, records)
    assert [None, UnknownTopicOrPartitionError, None] == [a and type(a) for a in answers]
    assert [b"a", b"c"] == [record.value for record in await place.read(2)]


async def test_what_is_too_large_is_refused_and_the_rest_goes_on(place: Place) -> None:
    large = place.record("x" * (MAX_RECORD_BYTES + 1))
    answers = await offer_all(place.to, [place.record("a"), large, place.record("c")])
    assert [None, MessageSizeTooLargeError, None] == [a and type(a) for a in answers]
    assert [b"a", b"c"] == [record.value for record in await place.read(2)]


async def test_a_reader_without_a_group_begins_anew_every_time(place: Place) -> None:
    await send_all(place.to, [place.record("a")])
    for _ in "12":
        assert [b"a"] == [record.value for record in await place.read(1)]


async def test_a_reader_goes_on_from_where_it_seeks(place: Place) -> None:
    await send_all(place.to, [place.record(str(n)) for n in range(5)])
    reader = await place.reader()
    reader.assign(place.places)
    reader.seek(place.places[0], 3)
    assert [b"3", b"4"] == [record.value for record in await place.read(2, reader)]
    assert 5 == reader.highwater(place.places[0])


async def joined(place: Place, instance: str | None = None) -> Consumer:
    """Let a member join, and wait until it has partitions."""
    reader = await place.reader("group", instance)
    reader.subscribe([place.topic])
    await owns(reader, 1)
    return reader


async def owns(reader: Consumer, least: int) -> None:
    async def has() -> bool:
        return len(reader.assignment()) >= least

    await eventually(has, what=f"{least} partitions")


async def test_a_group_goes_on_from_what_was_committed(place: Place) -> None:
    await send_all(place.to, [place.record(str(n)) for n in range(5)])
    first = await joined(place, "one")
    assert 5 == len(await place.read(5, first))
    assert await first.committed(place.places[0]) is None
    await first.commit({place.places[0]: 2})
    assert 2 == await first.committed(place.places[0])
    second = await joined(place, "one")  # its next life
    assert [b"2", b"3", b"4"] == [record.value for record in await place.read(3, second)]


async def test_of_two_static_members_of_one_name_the_later_counts(place: Place) -> None:
    await send_all(place.to, [place.record("a"), place.record("b")])
    first = await joined(place, "one")
    await place.read(2, first)
    second = await joined(place, "one")
    await place.read(2, second)
    await second.commit({place.places[0]: 2})
    with pytest.raises(KafkaError):  # it is fenced, and cannot move the position back
        await first.commit({place.places[0]: 1})
    assert 2 == await second.committed(place.places[0])


async def test_a_commit_of_a_member_whose_generation_has_passed_is_refused(place: Place) -> None:
    await send_all(place.to, [place.record(str(n)) for n in range(3)])
    first = await joined(place)
    await place.read(3, first)
    await first.commit({place.places[0]: 1})
    await place.expel(first)  # which has not heard of it
    with pytest.raises(CommitFailedError):
        await first.commit({place.places[0]: 2})
    assert 1 == await first.committed(place.places[0])


async def test_two_members_share_what_there_is_and_go_on_from_what_was_committed(
    place: Place,
) -> None:
    await send_all(place.to, [place.record(str(n), n % 2) for n in range(4)])
    first = await joined(place)
    await place.read(4, first)
    await first.commit(dict.fromkeys(place.places, 1))
    second = await place.reader("group")
    second.subscribe([place.topic])
    found: list[ConsumerRecord] = []
    async with asyncio.timeout(60):
        while not found:  # the first joins again when it hears of the second
            await first.getmany(timeout_ms=100)
            found += [r for some in (await second.getmany(timeout_ms=100)).values() for r in some]
    mine, other = first.assignment(), second.assignment()
    assert {*place.places} == mine | other
    assert not mine & other
    assert [1] == [record.offset for record in found]
    (taken,) = other
    await second.commit({taken: 2})
    assert 2 == await second.committed(taken)
