"""The journal of a recipient, in SQLite: how far it has read, what it has handled, what it answers.

That something was handled, its acknowledgement and the position behind it are one transaction: so
nothing that was handled is handed on again, and nothing is acknowledged that was not handled.
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid5

from hoatoc.client.trying import LONGEST_MS
from hoatoc.sqlite import Connect, File, connect, migrations, queries

SQL: Mapping[str, str] = queries((files("hoatoc.client") / "journal.sql").read_text("utf-8"))
KEPT_S = 100 * 24 * 3600.0
"""how long what was handled is remembered: far longer than a topic of documents is kept"""
HANDLED, POISON = "handled", "poison"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A word about a copy: `done`, `fail`, `processing`, or the code of a status."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    word: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An answer that waits to be sent; its key stays the same however often it is sent."""

    place: int
    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    word: str
    reason: str
    reported_ms: int
    key: UUID


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Journal:
    """A recipient's books, in one file; every method is one transaction."""

    file: File
    now_ms: Callable[[], int] = field(default=_now_ms)

    async def cursor(self, source: str) -> str | None:
        """Return how far a source has been read."""
        row = await self.file.do(lambda c: c.execute(SQL["cursor"], {"source": source}).fetchone())
        return row["cursor"] if row else None

    async def move(self, source: str, cursor: str) -> None:
        """Note that a source has been read up to here."""
        await self.file.do(lambda c: c.execute(SQL["move"], {"source": source, "cursor": cursor}))

    async def restart(self, source: str) -> None:
        """Forget how far a source has been read."""
        await self.file.do(lambda c: c.execute(SQL["restart"], {"source": source}))

    async def begin(self, subject: str) -> int | None:
        """Count an attempt and return which it is; None for what was handled, or is poison."""
        row = {"subject": subject, "now_ms": self.now_ms()}
        found = await self.file.do(lambda c: c.execute(SQL["begin"], row).fetchone())
        return found["attempts"] if found else None

    async def forgive(self, subject: str) -> None:
        """Do not count the last attempt."""
        await self.file.do(lambda c: c.execute(SQL["forgive"], {"subject": subject}))

    async def end(
        self, subject: str, state: str, said: Sequence[Said], source: str, cursor: str
    ) -> None:
        """Note that something came to its end, what is answered, and the position behind it."""
        now_ms = self.now_ms()

        def end(connection: sqlite3.Connection) -> None:
            row = {"subject": subject, "state": state, "now_ms": now_ms}
            connection.execute(SQL["end"], row)
            for each in said:
                _answer(connection, each, now_ms)
            connection.execute(SQL["move"], {"source": source, "cursor": cursor})

        await self.file.do(end)

    async def say(self, said: Said) -> None:
        """Note something to be answered."""
        now_ms = self.now_ms()
        await self.file.do(lambda c: _answer(c, said, now_ms))

    async def of_copy(self, delivery_id: UUID) -> tuple[UUID, str] | None:
        """Return dispatch and recipient of a copy about which something was answered."""
        of = {"delivery_id": str(delivery_id)}
        row = await self.file.do(lambda c: c.execute(SQL["of_copy"], of).fetchone())
        return (UUID(row["dispatch_id"]), row["recipient"]) if row else None

    async def next_answer(self) -> Waiting | None:
        """Return what is to be answered next."""
        now = {"now_ms": self.now_ms(), "longest_ms": LONGEST_MS}
        row = await self.file.do(lambda c: c.execute(SQL["next_answer"], now).fetchone())
        if row is None:
            return None
        ids = {name: UUID(row[name]) for name in ("delivery_id", "dispatch_id", "key")}
        return Waiting(**{**dict(row), **ids})

    async def answered(self, place: int, refusal: str = "") -> None:
        """Note that an answer is in the log, or why it never will be."""
        row = {"place": place, "state": "refused" if refusal else "sent", "fault": refusal}
        await self.file.do(lambda c: c.execute(SQL["answered"], row))

    async def put_off(self, place: int, seconds: float, fault: str) -> None:
        """Say an answer later, and what comes behind it of the same copy."""
        later_ms = self.now_ms() + int(seconds * 1000)
        row = {"place": place, "not_before_ms": later_ms, "fault": fault}
        await self.file.do(lambda c: c.execute(SQL["put_off"], row))

    async def next_due_s(self) -> float | None:
        """Return in how many seconds the next answer may be said; None when none waits."""
        now = {"now_ms": self.now_ms(), "longest_ms": LONGEST_MS}
        row = await self.file.do(lambda c: c.execute(SQL["next_due"], now).fetchone())
        return None if row["due_ms"] is None else max(row["due_ms"] - self.now_ms(), 0) / 1000

    async def waiting(self) -> int:
        """Return how many answers wait."""
        return int((await self.file.do(lambda c: c.execute(SQL["waiting"]).fetchone()))["answers"])

    async def forget(self, older_than_s: float = KEPT_S) -> None:
        """Forget what came so long ago that it cannot come again."""
        before = {"before_ms": self.now_ms() - int(older_than_s * 1000)}

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute(SQL["forget_answers"], before)
            connection.execute(SQL["forget_seen"], before)

        await self.file.do(forget)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _answer(connection: sqlite3.Connection, said: Said, now_ms: int) -> None:
    ids = {"delivery_id": str(said.delivery_id), "dispatch_id": str(said.dispatch_id)}
    times = connection.execute(SQL["said"], {**ids, "word": said.word}).fetchone()["times"]
    row = {
        **ids,
        "recipient": said.recipient,
        "word": said.word,
        "reason": said.reason,
        "now_ms": now_ms,
        "key": str(uuid5(said.delivery_id, f"{said.word}/{times}")),
    }
    connection.execute(SQL["answer"], row)


def open_journal(
    path: Path, connect: Connect = connect, now_ms: Callable[[], int] = _now_ms
) -> Journal:
    """Open or make a journal in a file; raises FileNewer, FileUnusable or DiskFull."""
    return Journal(File.open(path, migrations("hoatoc.client.migrations"), connect), now_ms)
