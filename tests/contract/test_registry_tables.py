"""The registry in a real database: what is written is read, guarded and told of."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import RegistryInvalid, parse_organs
from hoatoc.domain.registry.file import read_csv, write_csv
from hoatoc.domain.registry.group import Group
from hoatoc.postgres.connection import listening, migrations
from hoatoc.postgres.registry import CHANNEL, Origin, RegistryCache, RegistryTables
from hoatoc.prepare import fill_registry, first_registry

TODAY = date(2025, 7, 1)
COLUMNS = "code,code102,name,certainty,aliases,hub,parent,valid_from,valid_to,successor,locked,test"
TEXT = f"""{COLUMNS},note
D01,000.00.00.D01,Minh Họa Một,memory,00.01.D01 00.02.D01,,,2020-01-01,2025-06-30,D03,,,ghi chú
D01.05,,"Sở, phòng",single-source,,D01,D01,,2025-06-30,,1,,
D03,,Minh Họa,verified,,,,2025-07-01,,,,1,
"""
ORIGIN = Origin(who="văn thư", file="minh-hoa.csv", sha256=sha256(TEXT.encode()).digest())


@pytest.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def other(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    yield opened
    await opened.close()


async def change(connection: asyncpg.Connection, text: str, *, complete: bool = False) -> Any:
    tables = RegistryTables(connection)
    return await tables.change(read_csv(text), ORIGIN, complete=complete, today=TODAY)


async def test_what_is_imported_is_read_field_by_field(connection: asyncpg.Connection) -> None:
    await change(connection, TEXT)
    assert await RegistryTables(connection).organs() == parse_organs(TEXT)
    again = await change(connection, TEXT)
    assert (again.organs(), again.unchanged) == ((), 3)


async def test_what_is_exported_is_imported_again_without_a_change(
    connection: asyncpg.Connection,
) -> None:
    await fill_registry(connection)
    await change(connection, TEXT)
    exported = write_csv(await RegistryTables(connection).organs())
    plan = await change(connection, exported, complete=True)
    assert (plan.organs(), plan.unchanged) == ((), 94)


async def test_an_empty_registry_is_filled_once(connection: asyncpg.Connection) -> None:
    await fill_registry(connection)
    tables = RegistryTables(connection)
    version = await tables.version()
    await change(connection, "code,name\nH16,Tên khác\n")
    await fill_registry(connection)
    assert (await tables.registry())["H16"].name == "Tên khác"
    assert len(await tables.organs()) == len(first_registry())
    assert await tables.version() != version
    assert set(await tables.groups()) == {"tat-ca-bo", "tat-ca-tinh"}


async def test_every_import_is_recorded(connection: asyncpg.Connection) -> None:
    await change(connection, TEXT)
    await change(connection, "code,name\nD03,Khác\n", complete=True)
    latest, first = map(dict, await RegistryTables(connection).changes(5))
    names = ("who", "file", "sha256", "complete", "added", "changed", "ended", "unchanged")
    digest = ORIGIN.sha256.hex()
    assert [first[n] for n in names] == ["văn thư", "minh-hoa.csv", digest, False, 3, 0, 0, 0]
    assert [latest[n] for n in names] == ["văn thư", "minh-hoa.csv", digest, True, 0, 1, 0, 0]


async def test_a_file_with_a_fault_writes_nothing(connection: asyncpg.Connection) -> None:
    await change(connection, TEXT)
    tables = RegistryTables(connection)
    before = (await tables.organs(), await tables.version())
    with pytest.raises(RegistryInvalid):
        await change(connection, "code,name,certainty,aliases\nD09,A,memory,\nD10,B,memory,D01\n")
    assert (await tables.organs(), await tables.version()) == before
    assert len(await tables.changes(5)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "code,aliases\nD01,00.01.D01\nD03,00.02.D01\n",
        "code,code102,aliases\nD01,,\nD03,000.00.00.D01,00.01.D01\n",
        "code,code102,aliases\nD01,,000.00.00.D01\n",
        "code,code102,aliases\nD01,000.00.01.D01,000.00.00.D01\n",
        "code,code102,aliases,name,certainty\nD01,,,A,memory\nD09,000.00.00.D01,00.01.D01,B,memory\n",
    ],
)
async def test_codes_move_between_organs_and_fields_in_one_file(
    connection: asyncpg.Connection, text: str
) -> None:
    await change(connection, TEXT)
    plan = await change(connection, text)
    read = {organ.code: organ for organ in await RegistryTables(connection).organs()}
    assert [read[organ.code] for organ in plan.organs()] == list(plan.organs())


@pytest.mark.parametrize(
    ("written", "of"), [("D03", "D01"), ("000.00.00.D01", "D03"), ("00.01.D01", "D03")]
)
async def test_the_database_keeps_codes_and_aliases_apart_by_itself(
    connection: asyncpg.Connection, written: str, of: str
) -> None:
    await change(connection, TEXT)
    add = "INSERT INTO organ_code (written, code, kind) VALUES ($1, $2, 'alias')"
    with pytest.raises((asyncpg.UniqueViolationError, asyncpg.CheckViolationError)):
        await connection.execute(add, written, of)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("UPDATE organ SET code102 = $1 WHERE code = 'D01.05'", written)


@pytest.mark.parametrize(
    "assignment",
    [
        "hub = 'D99'",
        "hub = code",
        "successor = 'D01'",
        "valid_from = '2025-07-02', valid_to = '2025-07-01'",
    ],
)
async def test_the_database_refuses_what_no_registry_holds(
    connection: asyncpg.Connection, assignment: str
) -> None:
    await change(connection, TEXT)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await connection.execute(f"UPDATE organ SET {assignment} WHERE code = 'D03'")


async def test_a_cache_reads_again_only_after_a_change(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    cache = RegistryCache()
    await change(connection, TEXT)
    first = await cache.current(other)
    assert await cache.current(other) is first
    await change(connection, TEXT)
    assert await cache.current(other) is first
    await change(connection, "code,name\nD03,Tên mới\n")
    assert (await cache.current(other))["D03"].name == "Tên mới"


async def test_a_cache_sees_groups_and_changes_made_by_hand(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    cache = RegistryCache()
    await change(connection, TEXT)
    await cache.current(other)
    await connection.execute("UPDATE organ SET locked = true WHERE code = 'D03'")
    assert (await cache.current(other))["D03"].locked
    group = Group(vietnamese="Ba", english="Three", codes=("D01",), aliases=("ba",))
    await RegistryTables(connection).put_groups({"nhom-ba": group})
    assert (await cache.current(other)).groups == {"nhom-ba": group}


async def test_what_was_seen_of_a_change_that_is_rolled_back_is_not_kept(
    connection: asyncpg.Connection,
) -> None:
    cache = RegistryCache()
    await change(connection, TEXT)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("UPDATE organ SET name = 'Tên sai' WHERE code = 'D03'")
    assert (await cache.current(connection))["D03"].name == "Tên sai"
    await transaction.rollback()
    await connection.execute("UPDATE organ SET note = 'x' WHERE code = 'D01'")
    assert (await cache.current(connection))["D03"].name == "Minh Họa"


async def test_a_change_is_notified(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    told = asyncio.Event()
    async with listening(other, CHANNEL, told):
        await change(connection, TEXT)
        await asyncio.wait_for(told.wait(), 10)


async def test_changes_at_one_moment_follow_each_other(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    new = "code,name,certainty,aliases\n{},Mới,memory,00.09.D09\n"
    results = await asyncio.gather(
        change(connection, new.format("D08")),
        change(other, new.format("D09")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Plan", "RegistryInvalid"]
    assert len(await RegistryTables(connection).organs()) == 1


async def test_an_organ_that_is_there_keeps_what_it_has_when_it_is_added_again(
    connection: asyncpg.Connection,
) -> None:
    await change(connection, TEXT)
    tables = RegistryTables(connection)
    known = (await tables.registry())["D03"]
    new = replace(known, code=OrganCode("D04"), aliases=("00.04.D04",))
    assert await tables.add_organs([replace(known, name="Khác"), new]) == ["D04"]
    assert [(await tables.registry())[code] for code in ("D03", "00.04.D04")] == [known, new]


async def test_a_registry_from_before_keeps_its_organs_and_a_shared_code_in_the_note(
    database_dsn: str,
) -> None:
    server = await asyncpg.connect(database_dsn)
    await server.execute("CREATE DATABASE before_registry")
    old = await asyncpg.connect(database_dsn.replace("/hoatoc?", "/before_registry?"))
    try:
        scripts = {number: sql for number, _, sql in migrations()}
        await old.execute(scripts[1])
        await old.execute(
            "INSERT INTO organ (code, code102, name, certainty) VALUES"
            " ('G22', '000.00.00.G22', 'A', 'verified'), ('G23', '000.00.00.G22', 'B', 'memory'),"
            " ('G24', 'G22', 'C', 'memory'), ('G25', '', 'D', 'memory')"
        )
        await old.execute(scripts[2])
        registry = await RegistryTables(old).registry()
        assert [organ.code102 for organ in registry.organs] == ["000.00.00.G22", "", "", ""]
        assert [registry[code].note for code in ("000.00.00.G22", "G23", "G24")] == [
            "",
            "code102 000.00.00.G22 belongs to another organ as well",
            "code102 G22 belongs to another organ as well",
        ]
    finally:
        await old.close()
        await server.execute("DROP DATABASE before_registry WITH (FORCE)")
        await server.close()
