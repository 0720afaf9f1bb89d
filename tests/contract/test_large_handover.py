"""Large packets at a door: admitted, kept, named in one transaction; and what a door refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from hoatoc.config import Settings
from hoatoc.content.error import ContentAltered, ContentMissing, ContentUnreachable
from hoatoc.content.packet import received
from hoatoc.content.store import Store, local_store
from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_packet
from hoatoc.domain.packet import REPLACEMENT, NotXml, Replacement, TooComplex
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.postgres.connection import pool
from hoatoc.postgres.content import Contents, ContentTables, sweep
from hoatoc.postgres.door import Door
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import HandedOver
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import first_registry
from hoatoc.testing.agency import letter
from hoatoc.testing.killed_door import door

A, B, C = (organ.code for organ in first_registry()[:3])
TEXT = ("Nội dung dài. " * 30_000).encode()
NAMED = "SELECT content_sha256, content_bytes FROM handover WHERE content_sha256 IS NOT NULL"


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with pool(database_dsn, 8) as opened:
        async with opened.acquire() as connection:
            await RegistryTables(connection).add_organs(first_registry()[:4])
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return local_store(tmp_path / "content")


@pytest.fixture
def at(store: Store) -> Door:
    return replace(door(Settings(), "cli"), store=store)


def large(number: str, text: bytes = TEXT, *to: str) -> bytes:
    return letter(A, to or (B,), number, text)


async def take(
    at: Door, database: asyncpg.Pool, packet: bytes, declaration: Declaration = Declaration()
) -> HandedOver:
    with received(packet) as spooled:
        async with database.acquire() as connection:
            return await at.take_file(connection, spooled, declaration=declaration)


async def lying(store: Store) -> set[ClaimCheck]:
    return {each.claim async for each in store.lying()}


async def test_a_large_packet_is_taken_once(at: Door, database: asyncpg.Pool, store: Store) -> None:
    packet = large("1")
    first, again = await take(at, database, packet), await take(at, database, packet)
    assert (True, False) == (first.new, again.new)
    assert first.sent_as == again.sent_as
    assert {claim_of(packet)} == await lying(store)
    async with database.acquire() as connection:
        (row,) = await OutboxTables(connection).claim("relay", 60, (), 9)
    assert (None, claim_of(packet)) == (row.packet, row.claim)


async def test_a_small_packet_lies_in_the_books(
    at: Door, database: asyncpg.Pool, store: Store
) -> None:
    packet = letter(A, (B,), "1")
    await take(at, database, packet)
    async with database.acquire() as connection:
        (row,) = await OutboxTables(connection).claim("relay", 60, (), 9)
    assert (packet, None, len(packet)) == (row.packet, row.claim, row.packet_bytes)
    assert set() == await lying(store)


async def test_another_content_under_its_number_is_refused_with_both_sides(
    at: Door, database: asyncpg.Pool, store: Store
) -> None:
    earlier = large("1")
    await take(at, database, earlier)
    with pytest.raises(DocumentConflict, match=claim_of(earlier).sha256.hex()[:16]):
        await take(at, database, large("1", TEXT + b"other"))
    async with database.acquire() as connection:
        swept = await sweep(connection, store, timedelta(0))
    assert 1 == swept.removed
    assert {claim_of(earlier)} == await lying(store)


async def test_a_repetition_of_a_large_document_sets_off_the_alarm_of_the_law(
    at: Door, database: asyncpg.Pool
) -> None:
    await take(at, database, large("1"))
    other = replace(read_packet(letter(A, (B,), "2")), document_id=f"{A},2021/03/02,1/UBND-VP")
    found = await take(at, database, write_packet(other))
    assert "document-identifier-repeats" in [finding.code for finding in found.findings]


async def test_a_large_replacement_asks_the_earlier_copies_back_by_its_claim(
    at: Door, database: asyncpg.Pool
) -> None:
    first = await take(at, database, large("1"))
    replaced = (Replacement(document_id=f"{A},2021/03/02,1/UBND-VP", organs=(B,)),)
    packet = write_packet(
        replace(
            read_packet(large("2"), limit=LARGEST_PACKET_BYTES),
            business_type=REPLACEMENT,
            replacements=replaced,
        ),
        limit=LARGEST_PACKET_BYTES,
    )
    async with database.acquire() as connection:
        (row,) = await OutboxTables(connection).claim("relay", 60, (), 9)
        await OutboxTables(connection).mark_sent([(row.dispatch_id, 0, 0)])
    handed = await take(at, database, packet)
    assert [first.sent_as] == [recall.dispatch_id for recall in handed.recalls]
    async with database.acquire() as connection:
        (recall,) = await RecallTables(connection).claim("relay", 60, (), 9)
    assert (None, claim_of(packet)) == (recall.packet, recall.claim)


async def test_nothing_of_a_suspected_secret_is_kept(
    at: Door, database: asyncpg.Pool, store: Store, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    at = replace(at, admission=replace(at.admission, spool=spool))
    stamped = large("1", TEXT + "\nTỐI MẬT\n".encode())
    with pytest.raises(SecretSuspected, match=claim_of(stamped).sha256.hex()):
        await take(at, database, stamped)
    with pytest.raises(SecretSuspected):
        await take(at, database, large("2"), Declaration(secret=True))
    assert set() == await lying(store)
    assert [] == list(spool.iterdir())
    async with database.acquire() as connection:
        assert 0 == await connection.fetchval("SELECT count(*) FROM content")


async def test_a_flag_of_secrecy_in_a_large_packet_is_found(
    at: Door, database: asyncpg.Pool
) -> None:
    packet = large("1").replace(b"<edXML:Subject>", b"<DoMat>1</DoMat><edXML:Subject>")
    with pytest.raises(SecretSuspected, match="declares a state secret"):
        await take(at, database, packet)


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (large("1")[:-9], NotXml),
        (large("1") + b" " * LARGEST_PACKET_BYTES, TooComplex),
    ],
    ids=["cut off", "blanks behind it"],
)
async def test_a_large_packet_that_is_none_is_refused(
    at: Door, database: asyncpg.Pool, store: Store, packet: bytes, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        await take(at, database, packet)
    assert set() == await lying(store)


async def test_a_door_whose_store_is_away_takes_nothing(
    at: Door, database: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    async def away(_content: object) -> None:
        raise ContentUnreachable("away")

    monkeypatch.setattr(store, "put", away)
    with pytest.raises(ContentUnreachable):
        await take(at, database, large("1"))
    async with database.acquire() as connection:
        assert 0 == await connection.fetchval("SELECT count(*) FROM handover")


async def test_doors_and_sweeps_at_a_time_lose_nothing(
    at: Door, database: asyncpg.Pool, store: Store
) -> None:
    ended, removed = asyncio.Event(), list[int]()

    async def sweep_on() -> None:
        while not ended.is_set():
            async with database.acquire() as connection:
                removed.append((await sweep(connection, store, timedelta(0))).removed)

    async def hand_over(packet: bytes) -> None:
        while True:  # nothing is spared for its age here, so a door may be told to try again
            with suppress(ContentUnreachable):
                await take(at, database, packet)
                return

    async def hand_over_and_then_another(number: int) -> None:
        await hand_over(large(str(number)))
        with pytest.raises(DocumentConflict):
            await hand_over(large(str(number), TEXT + b"other"))

    async with asyncio.TaskGroup() as tasks:
        for _ in "12":
            tasks.create_task(sweep_on())
        await asyncio.gather(*(hand_over_and_then_another(n) for n in range(1, 9)))
        ended.set()
    async with database.acquire() as connection:
        rows = await connection.fetch(NAMED)
        removed.append((await sweep(connection, store, timedelta(0))).removed)
    assert 8 == len(rows)
    assert {ClaimCheck(*row) for row in rows} == await lying(store)
    assert sum(removed) >= 8


async def test_a_recipient_takes_large_and_small_alike(
    at: Door, database: asyncpg.Pool, store: Store
) -> None:
    contents = Contents(store, database, 4)
    for packet in (large("1"), letter(A, (B,), "2")):
        handed = await take(at, database, packet)
        async with database.acquire() as connection:
            kept = await ContentTables(connection).of_dispatch(handed.sent_as)
            assert await ContentTables(connection).of_dispatch(UUID(int=0)) is None
        assert kept is not None
        assert claim_of(packet) == kept.claim
        for first, last in ((0, None), (0, 0), (5, 9), (len(packet) - 3, None)):
            pieces = [each async for each in await contents.open(kept, first, last)]
            assert packet[first : None if last is None else last + 1] == b"".join(pieces)


async def test_what_a_recipient_cannot_take_is_alerted_once_until_it_is_mended(
    at: Door, database: asyncpg.Pool, store: Store, tmp_path: Path
) -> None:
    packet, contents = large("1"), Contents(store, database, 4)
    handed = await take(at, database, packet)
    file = tmp_path / "content" / claim_of(packet).name
    async with database.acquire() as connection:
        kept = await ContentTables(connection).of_dispatch(handed.sent_as)
    assert kept is not None
    file.write_bytes(packet[:-1] + b"x")
    for _ in range(2):
        with pytest.raises(ContentAltered):
            async for _piece in await contents.open(kept):
                pass
    assert 1 == await alerts(database)
    file.unlink()
    with pytest.raises(ContentMissing):
        await contents.open(kept)
    assert 1 == await alerts(database)
    await take(at, database, packet)
    assert 2 == await alerts(database)
    assert packet == b"".join([each async for each in await contents.open(kept)])


async def alerts(database: asyncpg.Pool) -> int:
    async with database.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM announcement"))
