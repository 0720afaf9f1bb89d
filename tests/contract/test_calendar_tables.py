"""Versions of the calendars in PostgreSQL, and the commands that read and write them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from hoatoc.calendar_file import shipped_text
from hoatoc.domain.calendar_text import CalendarInvalid, parse_calendars
from hoatoc.postgres.calendar import CalendarMissing, CalendarTables

SHIPPED = (files("hoatoc.data") / "calendar.toml").read_text("utf-8")
OTHER = SHIPPED.replace("morning_ends = 12:00:00", "morning_ends = 11:30:00")


@pytest_asyncio.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def tables(connection: asyncpg.Connection) -> CalendarTables:
    return CalendarTables(connection)


async def hoatoc(dsn: str, *arguments: str) -> tuple[int, str]:
    """Run a command as a person does; return its exit status and what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOATOC_")}
    stores = {"HOATOC_POSTGRES_DSN": dsn, "HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hoatoc",
        *arguments,
        env={**kept, **stores},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def test_versions_are_counted_from_one(tables: CalendarTables) -> None:
    adopted = [await tables.adopt(text, "an") for text in (SHIPPED, OTHER)]
    assert ([1, 2], 2) == (adopted, await tables.current())


async def test_the_current_text_again_keeps_its_number(tables: CalendarTables) -> None:
    assert [1, 1] == [await tables.adopt(SHIPPED, "an") for _ in range(2)]


async def test_an_older_text_again_is_a_new_version(tables: CalendarTables) -> None:
    assert [1, 2, 3] == [await tables.adopt(text, "an") for text in (SHIPPED, OTHER, SHIPPED)]


async def test_every_version_can_be_read_for_ever(tables: CalendarTables) -> None:
    await tables.adopt(SHIPPED, "an")
    await tables.adopt(OTHER, "binh")
    expected = {1: parse_calendars(SHIPPED, 1), 2: parse_calendars(OTHER, 2)}
    assert expected == await tables.versions({1, 2})


async def test_versions_that_are_not_there_are_named(tables: CalendarTables) -> None:
    await tables.adopt(SHIPPED, "an")
    with pytest.raises(CalendarMissing, match=r"\[3, 7\]"):
        await tables.versions({7, 1, 3})


async def test_without_a_calendar_there_is_no_current_one(tables: CalendarTables) -> None:
    with pytest.raises(CalendarMissing, match="hoatoc calendar import"):
        await tables.current()


async def test_what_cannot_be_a_calendar_is_not_written(tables: CalendarTables) -> None:
    with pytest.raises(CalendarInvalid):
        await tables.adopt("zone = 1", "an")
    assert [] == await tables.history()


async def test_a_shipped_calendar_never_replaces_one_that_was_adopted_here(
    tables: CalendarTables,
) -> None:
    await tables.adopt_first(SHIPPED, "hoatoc")
    await tables.adopt_first(OTHER, "hoatoc")
    assert [(1, "hoatoc")] == [(r["version"], r["adopted_by"]) for r in await tables.history()]


@pytest.mark.parametrize(
    "change", ["UPDATE calendar SET adopted_by = 'chi'", "DELETE FROM calendar"]
)
async def test_a_version_cannot_be_changed(
    connection: asyncpg.Connection, tables: CalendarTables, change: str
) -> None:
    await tables.adopt(SHIPPED, "an")
    with pytest.raises(
        asyncpg.IntegrityConstraintViolationError, match="version 1 cannot be changed"
    ):
        await connection.execute(change)
    assert 1 == await tables.current()


async def test_a_text_that_is_not_the_one_of_its_digest_is_refused(
    connection: asyncpg.Connection,
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="calendar_digest"):
        await connection.execute(
            "INSERT INTO calendar (version, document, sha256, adopted_by)"
            " VALUES (1, 'a', sha256('b'), 'an')"
        )


async def test_two_who_adopt_at_once_leave_no_gap(database_dsn: str) -> None:
    opened = [await asyncpg.connect(database_dsn) for _ in range(4)]
    texts = (SHIPPED, OTHER, SHIPPED + "\n", OTHER + "\n")
    try:
        versions = await asyncio.gather(
            *(CalendarTables(c).adopt(text, "an") for c, text in zip(opened, texts, strict=True))
        )
    finally:
        for each in opened:
            await each.close()
    assert [1, 2, 3, 4] == sorted(versions)


async def test_a_new_schedule_is_taken_in_without_a_release(
    database_dsn: str, tables: CalendarTables, tmp_path: Path
) -> None:
    await tables.adopt_first(shipped_text(), "hoatoc")
    file = tmp_path / "calendar.toml"
    day = SHIPPED.index("first = 2026-11-24")
    file.write_text(SHIPPED[:day] + SHIPPED[day:].replace('"open"', '"announced"', 1), "utf-8")
    command = ("calendar", "import", str(file), "--json")

    status, tried = await hoatoc(database_dsn, *command, "--dry-run")
    shown = json.loads(tried)
    assert (0, 1, ["thứ Ba 24/11/2026"]) == (
        status,
        shown["version"],
        [each["day"] for each in shown["days"]],
    )
    assert 1 == await tables.current()

    status, done = await hoatoc(database_dsn, *command)
    assert (0, 2) == (status, json.loads(done)["version"])
    reply = ("deadline", "reply", "--due-date", "24/11/2026", "--json")
    status, told = await hoatoc(database_dsn, *reply)
    (due,) = json.loads(told)
    assert (0, 2, "2026-11-25T17:00:00+07:00") == (status, due["calendar_version"], due["due"])


async def test_the_first_calendar_may_be_taken_in_by_hand(
    database_dsn: str, tables: CalendarTables, tmp_path: Path
) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text(SHIPPED, "utf-8")
    command = ("calendar", "import", str(file), "--json")
    _, tried = await hoatoc(database_dsn, *command, "--dry-run")
    status, done = await hoatoc(database_dsn, *command)
    versions = [json.loads(each)["version"] for each in (tried, done)]
    assert (0, [0, 1], 1) == (status, versions, await tables.current())


async def test_a_file_that_cannot_be_a_calendar_is_refused(
    database_dsn: str, tables: CalendarTables, tmp_path: Path
) -> None:
    await tables.adopt(SHIPPED, "an")
    file = tmp_path / "calendar.toml"
    file.write_text(SHIPPED.replace("UTC+07:00", "UTC+08:00"), "utf-8")
    status, printed = await hoatoc(database_dsn, "calendar", "import", str(file))
    assert (4, True) == (status, "«UTC+08:00»" in printed)
    assert 1 == await tables.current()
