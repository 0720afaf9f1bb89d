"""A SQLite file: durable, one process's alone, migrated, and named when it cannot be used."""

import sqlite3
from pathlib import Path

import pytest

from hoatoc.sqlite import DiskFull, File, FileInUse, FileNewer, FileUnusable

STEPS = ("CREATE TABLE a (x);\nINSERT INTO a VALUES (1);", "ALTER TABLE a ADD COLUMN y;")


async def read(file: File, query: str) -> object:
    return (await file.do(lambda c: c.execute(query).fetchone()))[0]


async def test_a_file_syncs_at_every_commit_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = File.open(tmp_path / "f", STEPS)
    assert "wal" == await read(file, "PRAGMA journal_mode")
    assert 2 == await read(file, "PRAGMA synchronous")  # FULL
    assert 1 == await read(file, "PRAGMA secure_delete")
    assert 0o600 == (tmp_path / "f").stat().st_mode & 0o777
    with pytest.raises(FileInUse):
        File.open(tmp_path / "f", STEPS)
    file.close()
    File.open(tmp_path / "f", STEPS).close()


async def test_a_file_is_brought_to_the_version_of_the_program(tmp_path: Path) -> None:
    File.open(tmp_path / "f", STEPS[:1]).close()
    file = File.open(tmp_path / "f", STEPS)
    assert (1, 2) == (await read(file, "SELECT x FROM a"), await read(file, "PRAGMA user_version"))
    file.close()
    with pytest.raises(FileNewer, match="nâng cấp"):
        File.open(tmp_path / "f", STEPS[:1])


async def test_what_fails_has_done_nothing(tmp_path: Path) -> None:
    file = File.open(tmp_path / "f", STEPS)

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM a")
        raise KeyError

    with pytest.raises(KeyError):
        await file.do(half)
    assert 1 == await read(file, "SELECT count(*) FROM a")
    file.close()


async def test_a_full_disk_has_a_name_and_nothing_was_done(tmp_path: Path) -> None:
    file = File.open(tmp_path / "f", STEPS)
    await file.do(lambda c: c.execute("PRAGMA max_page_count=3"))  # as a disk without room
    with pytest.raises(DiskFull, match="đã đầy"):
        await file.do(lambda c: c.execute("INSERT INTO a VALUES (zeroblob(100000), 0)"))
    assert 1 == await read(file, "SELECT count(*) FROM a")
    file.close()


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"no database, but long enough to be looked at " * 100)
    with pytest.raises(FileUnusable, match="cannot be used"):
        File.open(tmp_path / "f", STEPS)
