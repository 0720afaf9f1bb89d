"""A SQLite file that one thread works on: what is committed survives any kill and a power cut.

WAL with `synchronous=FULL` syncs the log at every commit. The file is one process's alone: its lock
is held until it is closed, or the process dies. The version of its tables is the file's
`user_version`; each migration runs in a transaction of its own. What is deleted is overwritten.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Self, TypeVar

from hoatoc.domain.error import OurFault, Unavailable

T = TypeVar("T")
Connect = Callable[[Path], sqlite3.Connection]
_BUSY_S = 2.0
_PRIMARY = 0xFF
"""of an extended code of SQLite"""
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_PRAGMAS = (
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
)


class FileNewer(OurFault):
    """The file was written by a later version of Hoatoc."""


class FileInUse(OurFault):
    """Another process works on the file."""


class FileUnusable(OurFault):
    """The file cannot be opened, read or written; it is damaged, or not ours."""


class DiskFull(Unavailable):
    """The disk has no room for what must be written; nothing was written."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for whichever thread works on it, without transactions of the module's own."""
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def migrations(package: str) -> Sequence[str]:
    """Return the numbered SQL files of a package, in order."""
    found = sorted(
        (file for file in files(package).iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return [file.read_text("utf-8") for file in found]


def queries(text: str) -> dict[str, str]:
    """Return the queries of a text by name; each begins with `-- name: what_it_is`."""
    parts = _NAME.split(text)[1:]
    return dict(zip(parts[::2], (body.strip().rstrip(";") for body in parts[1::2]), strict=True))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all that follows, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Bring a file to the version of this program; raises FileNewer."""
    while (version := _version(connection)) < len(steps):
        with transaction(connection):
            if _version(connection) == version:  # else another process was faster
                for statement in _statements(steps[version]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={version + 1}")
    if version > len(steps):
        raise FileNewer(
            f"Tệp có phiên bản {version}, chương trình chỉ biết đến {len(steps)}: nâng cấp Hoatoc. "
            f"/ The file has version {version} and this program knows {len(steps)}: upgrade Hoatoc."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one: `executescript` would commit before each."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


class File:
    """A SQLite file; all work on it is done by one thread, in order."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection, self._thread = connection, thread

    @classmethod
    def open(cls, path: Path, steps: Sequence[str], connect: Connect = connect) -> Self:
        """Open or make a file; raises FileNewer, FileInUse, FileUnusable or DiskFull."""
        thread = ThreadPoolExecutor(1, f"sqlite-{path.name}")
        try:
            with _named(path):
                path.touch(mode=0o600)
                connection = thread.submit(_opened, path, steps, connect).result()
        except BaseException:
            thread.shutdown()
            raise
        return cls(connection, thread)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in one transaction; raises FileUnusable or DiskFull, and nothing was done.

        Work that was begun is done to its end even if whoever asked for it waits no longer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.do_now, work)

    def do_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the same in this thread; for a caller that has no event loop."""
        with _named(), transaction(self._connection):
            return work(self._connection)

    def close(self) -> None:
        """Close the file when what was begun is done."""
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()


def _opened(path: Path, steps: Sequence[str], connect: Connect) -> sqlite3.Connection:
    connection = connect(path)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        migrate(connection, steps)
    except BaseException:
        connection.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _named(path: Path | None = None) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        where = f" {path}" if path else ""
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"Ổ đĩa đã đầy, không ghi được tệp{where}: giải phóng dung lượng. / The disk is "
                f"full, and the file{where} cannot be written: make room."
            ) from error
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise FileInUse(
                f"Tệp{where} đang được chương trình khác dùng. / Another process works on the "
                f"file{where}: stop it, or name another folder."
            ) from error
        raise FileUnusable(
            f"Không dùng được tệp{where}: {error}. / The file{where} cannot be used: {error}."
        ) from error
