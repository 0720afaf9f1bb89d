"""The ledger: the log is booked exactly once, in order, by whichever ledger is there."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from consumers.ledger import Batch, Booking, decode
from hoatoc import codec
from hoatoc.domain.event import (
    AlertRaised,
    DeadLettered,
    DispatchPublished,
    DispatchRegistered,
    Event,
    StatusReported,
)
from hoatoc.domain.policy import limits_for
from hoatoc.domain.walk import LogGap, PartitionBook
from hoatoc.kafka.topic import admin
from hoatoc.ports import PositionTaken
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import records
from hoatoc.testing.line import ORGANS, Line, eventually, killed

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
TABLES = ("partition_book", "dispatch", "delivery", "alert", "history")


def story(line: Line, recipient: str = B) -> tuple[UUID, list[Event]]:
    """Return a dispatch of partition 0 and its events: registered, published, accepted."""
    of = UUID(int=uuid4().int // line.settings.kafka.partitions * line.settings.kafka.partitions)
    registration = DispatchRegistered(
        event_id=uuid5(of, "registered"),
        dispatch_id=of,
        sender=A,
        document_id="x",
        issuer=A,
        year=2021,
        number="1",
        notation="UBND-VP",
        subject="Công văn",
        priority=1,
        recipients=[recipient],
        content_sha256=b"",
        limits=limits_for(line.policy, 1),
        handed_over_ms=0,
    )
    published = DispatchPublished(
        event_id=uuid5(of, "published"), dispatch_id=of, confirmed=[recipient], refused=[]
    )
    accepted = StatusReported(
        event_id=uuid5(of, "03"), dispatch_id=of, recipient=recipient, code="03"
    )
    return of, [registration, published, accepted]


async def append(line: Line, *values: Event | bytes) -> None:
    for value in values:
        await line.write("deliveries", value)


async def stretch(line: Line) -> Batch:
    """Fetch and decode partition 0 to its end."""
    return decode({TopicPartition("deliveries", 0): await fetched(line)})


async def fetched(line: Line) -> Sequence[ConsumerRecord]:
    return [r for r in await records(line.servers, "deliveries") if r.partition == 0]


async def books(line: Line) -> dict[str, list[asyncpg.Record]]:
    """Return the books, but for the time at which they were written."""
    without = {"partition_book": "partition, next_offset, service_ms, clock, ticks"}
    return {
        name: await line.database.fetch(f"SELECT {without.get(name, '*')} FROM {name} ORDER BY 1,2")
        for name in TABLES
    }


async def booked(line: Line, partition: int = 0) -> int:
    query = "SELECT next_offset FROM partition_book WHERE partition = $1"
    return await line.database.fetchval(query, partition) or 0


async def announced(line: Line) -> list[Event]:
    """Return what waits to be told."""
    rows = await line.database.fetch("SELECT value FROM announcement ORDER BY id")
    return [codec.decode(row["value"]) for row in rows]


async def test_of_two_ledgers_on_the_same_stretch_one_books_it(fresh: Line) -> None:
    _, events = story(fresh)
    await append(fresh, *events)
    await LedgerTables(fresh.database).open_books([0])
    batch = await stretch(fresh)
    one, zombie = (Booking(4, {0: PartitionBook()}) for _ in range(2))
    mine, stale = one.walk(batch), zombie.walk(batch)
    await one.book(fresh.database, mine, batch.parked)
    before = await books(fresh)
    with pytest.raises(PositionTaken):
        await zombie.book(fresh.database, stale, batch.parked)
    assert before == await books(fresh)
    assert await booked(fresh) == len(events)


async def test_a_zombie_with_a_shorter_stretch_does_not_turn_the_books_back(fresh: Line) -> None:
    _, events = story(fresh)
    await append(fresh, events[0])
    await LedgerTables(fresh.database).open_books([0])
    zombie, one = (Booking(4, {0: PartitionBook()}) for _ in range(2))
    stale = zombie.walk(await stretch(fresh))
    await append(fresh, *events[1:])
    batch = await stretch(fresh)
    await one.book(fresh.database, one.walk(batch), [])
    with pytest.raises(PositionTaken):
        await zombie.book(fresh.database, stale, [])
    assert await booked(fresh) == len(events)


async def test_two_ledgers_at_the_same_moment_book_a_stretch_once(fresh: Line) -> None:
    _, events = story(fresh)
    await append(fresh, *events)
    await LedgerTables(fresh.database).open_books([0])
    batch = await stretch(fresh)
    connections = [await asyncpg.connect(fresh.settings.postgres.dsn) for _ in range(4)]
    ledgers = [Booking(4, {0: PartitionBook()}) for _ in connections]
    outcomes = await asyncio.gather(
        *(
            ledger.book(connection, ledger.walk(batch), [])
            for ledger, connection in zip(ledgers, connections, strict=True)
        ),
        return_exceptions=True,
    )
    for connection in connections:
        await connection.close()
    assert sorted(type(o).__name__ for o in outcomes) == ["NoneType"] + ["PositionTaken"] * 3
    assert await fresh.database.fetchval("SELECT count(*) FROM history") == len(events)


async def test_a_record_that_is_missing_is_an_error(fresh: Line) -> None:
    await append(fresh, *story(fresh)[1])
    log = await fetched(fresh)
    batch = decode({TopicPartition("deliveries", 0): [log[0], log[2]]})
    with pytest.raises(LogGap, match="the books end at offset 1, the log goes on at 2"):
        Booking(4, {0: PartitionBook()}).walk(batch)


async def test_a_ledger_refuses_to_go_on_over_a_log_that_was_truncated(fresh: Line) -> None:
    await append(fresh, *story(fresh)[1])
    async with fresh.program("ledger"):
        await eventually(lambda: _at_least(fresh, 3))
    await append(fresh, *story(fresh)[1])
    await truncate(fresh, before_offset=5)
    async with fresh.program("ledger") as ledger:
        assert await asyncio.wait_for(ledger.wait(), 60) == 1
    assert "LogGap" in fresh.said("ledger").splitlines()[-1]
    assert await booked(fresh) == 3


async def truncate(line: Line, before_offset: int) -> None:
    """Delete the records of partition 0 before an offset."""
    client: Any
    async with admin(line.settings.kafka) as client:
        until = SimpleNamespace(before_offset=before_offset)
        await client.delete_records({TopicPartition("deliveries", 0): until})


async def _at_least(line: Line, offset: int) -> bool:
    return await booked(line) >= offset


async def test_a_record_that_cannot_be_decoded_is_parked_and_the_next_is_booked(
    fresh: Line,
) -> None:
    of, events = story(fresh)
    await append(fresh, events[0], b"noise", *events[1:])
    async with fresh.program("ledger"):
        await eventually(lambda: _at_least(fresh, 4))
    rows = await fresh.database.fetch("SELECT type, known FROM history ORDER BY log_offset")
    assert [tuple(row) for row in rows] == [
        ("DispatchRegistered", True),
        ("undecodable", False),
        ("DispatchPublished", True),
        ("StatusReported", True),
    ]
    state = "SELECT state FROM delivery WHERE delivery_id = $1"
    assert await fresh.database.fetchval(state, uuid5(of, B)) == "accepted"
    letters = [e for e in await announced(fresh) if isinstance(e, DeadLettered)]
    assert [("deliveries", 1, b"noise")] == [(e.topic, e.offset, e.value) for e in letters]


async def test_what_is_fetched_before_the_books_are_open_is_not_booked(fresh: Line) -> None:
    await append(fresh, b"noise", *story(fresh)[1])
    lock = fresh.database.transaction()
    await lock.start()
    await fresh.database.execute("LOCK partition_book")
    async with fresh.program("ledger", until_ready=False):
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"

        async def waiting() -> bool:
            return bool(await fresh.database.fetchval(waits))

        await eventually(waiting)
        for _ in range(5):  # time enough for the ledger's first fetch
            await append(fresh, b"noise")
            await fetched(fresh)
        await lock.commit()
        await eventually(lambda: _at_least(fresh, 9))
    letters = "SELECT count(*), count(DISTINCT event_id) FROM announcement WHERE type = $1"
    assert tuple(await fresh.database.fetchrow(letters, "DeadLettered")) == (6, 6)


async def test_killed_ledgers_and_one_that_joins_book_every_record_once(fresh: Line) -> None:
    async def tell(stories: int) -> None:
        for n in range(stories):
            events = story(fresh)[1]
            await fresh.write("deliveries", events[0], partition=n % 4)
            await fresh.write("deliveries", events[1], partition=n % 4)
            await fresh.write("deliveries", events[1], partition=n % 4)  # a repeat

    async def whole() -> bool:
        query = "SELECT sum(next_offset) FROM partition_book"
        return int(await fresh.database.fetchval(query) or 0) == await _length(fresh)

    telling = asyncio.create_task(tell(600))
    async with fresh.program("ledger", HOSTNAME="one") as first:
        await eventually(lambda: _at_least(fresh, 30))
        async with fresh.program("ledger", HOSTNAME="two"):
            await killed(first)
            await telling
            await eventually(whole, within_s=60)
    total = await _length(fresh)
    assert await fresh.database.fetchval("SELECT count(*) FROM history") == total == 1800
    assert await fresh.database.fetchval("SELECT count(*) FROM delivery") == 600
    states = await fresh.database.fetch("SELECT DISTINCT state FROM delivery")
    assert [row["state"] for row in states] == ["published"]


async def _length(line: Line) -> int:
    return len(await records(line.servers, "deliveries"))


async def test_a_replay_in_other_stretches_gives_the_same_books(fresh: Line) -> None:
    for _ in range(20):
        events = story(fresh)[1]
        await append(fresh, events[0], events[2], events[1], b"noise", events[0])
    log = await fetched(fresh)
    found = []
    for size in (1, 7, len(log)):
        await fresh.database.execute(f"TRUNCATE {', '.join(TABLES)}")
        await LedgerTables(fresh.database).open_books([0])
        booking = Booking(4, {0: PartitionBook()})
        for start in range(0, len(log), size):
            batch = decode({TopicPartition("deliveries", 0): log[start : start + size]})
            await booking.book(fresh.database, booking.walk(batch), batch.parked)
        found.append(await books(fresh))
    assert found[0] == found[1] == found[2]


async def test_the_backstop_finds_a_broken_deadline_without_a_tracker(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B], "1"))).sent_as

    async def verdict() -> asyncpg.Record | None:
        return await fresh.database.fetchrow("SELECT * FROM alert")

    async with fresh.program("relay"), fresh.program("ledger"), fresh.program("intake"):
        found = await eventually(verdict)
    assert found is not None
    subject = (found["subject_id"], found["kind"], found["found_by"])
    assert (uuid5(of, B), "arrive", "backstop") == subject
    alerts = [e for e in await announced(fresh) if isinstance(e, AlertRaised)]
    assert [(found["subject_id"], "arrive")] == [(e.subject_id, e.kind) for e in alerts]
