"""The façade's tables: lists that begin where they must, and statuses drawn in order."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg
import pytest

from hoatoc.domain.access import Caller, Role
from hoatoc.domain.identity import OrganCode, delivery_id, dispatch_id_from
from hoatoc.domain.vxp.entry import MessageType, Taking
from hoatoc.postgres.facade import FacadeTables, Kind, kind_of, recall_entry_id

A, B, C = "G01", "G02", "G03"


def caller(*organs: str) -> Caller:
    codes = frozenset(map(OrganCode, organs))
    return Caller(
        credential="0" * 16, organ=OrganCode(organs[0]), roles=frozenset(Role), scope=codes
    )


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def tables(database: asyncpg.Connection) -> FacadeTables:
    made = FacadeTables(database)
    await made.note(A)
    await made.note(B)
    return made


async def sent(
    database: asyncpg.Connection, recipient: str, age: timedelta = timedelta(), state: str = "sent"
) -> UUID:
    """Write a dispatch of A's of some age to one recipient; return the id of its copy."""
    at = datetime.now(UTC) - age
    number = str(await database.fetchval("SELECT count(*) + 1 FROM handover"))
    dispatch_id = dispatch_id_from(
        int(at.timestamp() * 1000), uuid5(UUID(int=7), number).bytes[:10]
    )
    await database.execute(
        """INSERT INTO handover (dispatch_id, issuer, year, number, notation, content_digest,
               document_id, printed_number, printed_notation, sender, subject, priority, packet,
               packet_sha256, limits, door, sender_connection, handed_over_at)
           VALUES ($1, $2, 2021, $3, 'UBND', $4, $3, $3, 'UBND', $2, 'x', 0, 'x', $4, '{}', 'vxp',
                   $2, $5)""",
        dispatch_id,
        A,
        number,
        b"d",
        at,
    )
    copy = delivery_id(dispatch_id, OrganCode(recipient))
    await database.execute(
        "INSERT INTO handover_recipient (delivery_id, dispatch_id, recipient, connection)"
        " VALUES ($1, $2, $3, $3)",
        *(copy, dispatch_id, recipient),
    )
    known = (at, 0, 0) if state == "sent" else (None, None, None)
    await database.execute(
        "INSERT INTO outbox (dispatch_id, priority, state, sent_at, published_partition,"
        " published_offset) VALUES ($1, 0, $2, $3, $4, $5)",
        *(dispatch_id, state, *known),
    )
    return copy


async def listed(tables: FacadeTables, organ: str = B) -> list[UUID]:
    return [each.id for each in await tables.documents(organ, caller(organ), 100)]


async def test_what_waits_is_listed_until_it_is_taken_however_old_it_is(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    old = await sent(database, B, timedelta(days=400))
    young = await sent(database, B)
    await sent(database, C)
    assert [old, young] == sorted(await listed(tables), key=[old, young].index)
    edoc = await tables.edoc(old)
    assert edoc is not None
    await tables.answer(edoc, Taking.DONE)
    assert [young] == await listed(tables)
    assert [] == await listed(tables, A)


async def test_a_copy_that_has_not_left_is_listed_when_it_has(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    waits = await sent(database, B, timedelta(days=2), state="unsent")
    taken = await sent(database, B)
    assert [taken] == await listed(tables)
    assert await tables.edoc(waits) is None
    edoc = await tables.edoc(taken)
    assert edoc is not None
    await tables.answer(edoc, Taking.DONE)
    assert [] == await listed(tables)
    await database.execute(
        "UPDATE outbox SET state = 'sent', sent_at = now(), published_partition = 0,"
        " published_offset = 1 WHERE state = 'unsent'"
    )
    assert [waits] == await listed(tables)


async def test_the_floor_rises_to_what_waits_and_never_within_the_last_hour(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    async def floor() -> UUID:
        found: UUID = await database.fetchval(
            "SELECT floor FROM facade_connection WHERE connection = $1", B
        )
        return found

    old = await sent(database, B, timedelta(days=3))
    older = await tables.edoc(await sent(database, B, timedelta(days=9)))
    assert older is not None
    await tables.answer(older, Taking.DONE)
    await listed(tables)
    edoc = await tables.edoc(old)
    assert edoc is not None
    assert edoc.dispatch_id == await floor()
    await tables.answer(edoc, Taking.DONE)
    await listed(tables)
    minutes_ago = datetime.now(UTC) - timedelta(minutes=59)
    least = dispatch_id_from(int(minutes_ago.timestamp() * 1000), bytes(10))
    assert edoc.dispatch_id < await floor() < least
    written_late = await sent(database, B, timedelta(minutes=50))
    assert [written_late] == await listed(tables)


async def test_after_done_nothing_else_counts_and_a_fail_can_be_made_good(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    copy = await sent(database, B)
    outcomes = []
    for said in (Taking.FAIL, Taking.DONE, Taking.FAIL, Taking.PROCESSING):
        edoc = await tables.edoc(copy)
        assert edoc is not None
        await tables.answer(edoc, said)
        after = await tables.edoc(copy)
        assert after is not None
        outcomes.append(after.outcome)
    assert [Taking.FAIL, Taking.DONE, Taking.DONE, Taking.DONE] == outcomes


async def booked(
    database: asyncpg.Connection, copy: UUID, offset: int, code: str, *, known: bool = True
) -> None:
    """Book a status in the history, as the ledger does."""
    await database.execute(
        """INSERT INTO history (partition, log_offset, append_ms, service_ms, type, dispatch_id,
               delivery_id, recipient, code, known, detail)
           SELECT 0, $1, $2, 0, 'StatusReported', dispatch_id, delivery_id, recipient, $3, $4, 'vì'
           FROM handover_recipient WHERE delivery_id = $5""",
        offset,
        int(time.time() * 1000) + offset,
        code,
        known,
        copy,
    )
    await database.execute(
        "INSERT INTO partition_book (partition, next_offset) VALUES (0, $1)"
        " ON CONFLICT (partition) DO UPDATE SET next_offset = EXCLUDED.next_offset",
        offset + 1,
    )


async def told(tables: FacadeTables) -> list[tuple[UUID, str]]:
    rows = await tables.statuses(A, caller(A), 100)
    edocs = [await tables.edoc(row.id) for row in rows]
    packets = [edoc.packet or b"" for edoc in edocs if edoc]
    return [
        (row.id, packet.split(b"StatusCode>")[1][:2].decode())
        for row, packet in zip(rows, packets, strict=True)
    ]


async def test_statuses_are_drawn_once_each_in_the_order_of_the_log(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    copy = await sent(database, B)
    await booked(database, copy, 0, "01")
    await booked(database, copy, 1, "03")
    first = await told(tables)
    assert ["01", "03"] == [code for _, code in first]
    await booked(database, copy, 2, "05")
    await booked(database, copy, 3, "999", known=False)
    await booked(database, copy, 4, "05")
    later = await told(tables)
    assert first == later[:2]
    assert ["01", "03", "05", "05"] == [code for _, code in later]
    assert 4 == await tables.count(A, caller(A), MessageType.STATUS)
    edoc = await tables.edoc(later[0][0])
    assert edoc is not None
    assert (Kind.STATUS, A) == (edoc.kind, edoc.receiver)
    await tables.answer(edoc, Taking.DONE)
    assert later[1:] == await told(tables)


async def test_what_was_booked_before_anybody_spoke_this_interface_is_no_news(
    database: asyncpg.Connection,
) -> None:
    tables = FacadeTables(database)
    copy = await sent(database, B)
    await booked(database, copy, 0, "01")
    await tables.note(A)
    await booked(database, copy, 1, "03")
    assert ["03"] == [code for _, code in await told(tables)]


async def test_a_long_history_is_drawn_in_stretches(
    database: asyncpg.Connection, tables: FacadeTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoatoc.postgres.facade.STRETCH", 3)
    copy = await sent(database, B)
    for offset in range(10):
        await booked(database, copy, offset, "05")
    assert 10 == len(await told(tables))


def test_the_id_of_a_recall_is_that_of_its_copy_under_another_version() -> None:
    copy = uuid5(UUID(int=1), "x")
    recall = recall_entry_id(copy)
    assert (Kind.DOCUMENT, Kind.RECALL) == (kind_of(copy), kind_of(recall))
    assert copy != recall
    assert kind_of(UUID(int=0)) is None


async def test_what_was_taken_hides_nothing_that_waits(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    taken = [await sent(database, B, timedelta(minutes=9 - n)) for n in range(3)]
    for each in taken:
        edoc = await tables.edoc(each)
        assert edoc is not None
        await tables.answer(edoc, Taking.DONE)
    waits = await sent(database, B)
    now = datetime.now(UTC)
    day = (now - timedelta(days=1), now + timedelta(days=1))
    found = await tables.between(B, caller(B), *day, 2)
    assert [waits, taken[0]] == [each.id for each in found]


async def test_of_one_dispatch_every_copy_is_told_however_many_a_list_holds(
    database: asyncpg.Connection, tables: FacadeTables
) -> None:
    first = await sent(database, B)
    dispatch_id = await database.fetchval(
        "SELECT dispatch_id FROM handover_recipient WHERE delivery_id = $1", first
    )
    await database.execute(
        "INSERT INTO handover_recipient (delivery_id, dispatch_id, recipient, connection)"
        " VALUES ($1, $2, $3, $3)",
        *(delivery_id(dispatch_id, OrganCode(C)), dispatch_id, C),
    )
    since = datetime.now(UTC) - timedelta(days=1)
    assert 2 == len(await tables.sent(caller(A), dispatch_id, since, 1))
    assert 2 == len(await tables.sent(caller(A), None, since, 1))
    last = await sent(database, B)
    assert [last] == [each.delivery_id for each in await tables.sent(caller(A), None, since, 1)]
    assert 3 == len(await tables.sent(caller(A), None, since, 2))
