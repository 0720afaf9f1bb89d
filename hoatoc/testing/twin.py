"""A database and its fake side by side: each step is done to both, and both must say the same.

Used by the machines of `tests/contract`. Hypothesis is not asynchronous, so a pair has an event
loop of its own. Time passes in the database by moving back what was written; in the fake by its
clock, which also goes on a little at every step, as the database's does.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from hoatoc.testing.database import MemoryConnection, MemoryDatabase

T = TypeVar("T")
BEGIN_S = 1_760_000_000.0
_STEP_S = 0.001
CLOCKS: Mapping[str, Sequence[str]] = {
    "outbox": ("created_at", "claimed_at", "sent_at"),
    "recall": ("requested_at", "claimed_at", "sent_at"),
    "page": ("next_attempt",),
}
"""The instants that leases and ages are reckoned from."""


@dataclass(slots=True)
class Twins:
    """Two connections to each of a database and its fake; begins with empty tables."""

    dsn: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    now_s: float = BEGIN_S
    real: list[asyncpg.Connection] = field(default_factory=list)
    fake: list[MemoryConnection] = field(default_factory=list)

    def open(self, tables: Sequence[str]) -> None:
        """Connect, and empty these tables; a table comes before those that it refers to."""
        database = MemoryDatabase(lambda: self.now_s)
        for _ in "12":
            self.real.append(self.run(asyncpg.connect(self.dsn)))
            self.fake.append(database.connect())
        for table in tables:
            self.run(self.real[0].execute(f"DELETE FROM {table}"))  # noqa: S608 - ours

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        """Do one thing."""
        self.now_s += _STEP_S
        return self.loop.run_until_complete(asyncio.wait_for(step, 30))

    def wait(self, seconds: float) -> None:
        """Let time pass for both."""
        self.now_s += seconds
        for table, instants in CLOCKS.items():
            moved = ", ".join(f"{each} = {each} - interval '{seconds} s'" for each in instants)
            self.run(self.real[0].execute(f"UPDATE {table} SET {moved}"))  # noqa: S608

    def reconnect(self, at: int) -> None:
        """Let a connection end, and open another in its place."""
        self.run(self.real[at].close())
        self.real[at] = self.run(asyncpg.connect(self.dsn))
        database = self.fake[at].database
        database.lose(self.fake[at])
        self.fake[at] = database.connect()

    def close(self) -> None:
        """Disconnect."""
        for connection in self.real:
            connection.terminate()
        self.run(asyncio.sleep(0))
        self.loop.close()
