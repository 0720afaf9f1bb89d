"""A sweep of the store meets hand-overs at every step: what is handed over never loses its content.

Two doors and two sweeps act on two contents, step by step in any order, and any of them may end
between two steps. A step that would wait for another gives up at once, which to a door is its end.
Nothing is spared for its age. Rows stand for hand-overs here; the doors themselves are tried
against sweeps below.
"""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from hoatoc.content.store import Store, local_store
from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.postgres.content import ContentTables, sweep

CONTENTS = (b"one", b"other")
CLAIMS = [claim_of(each) for each in CONTENTS]
NO_TIME = timedelta(0)
SIDES = (0, 1)
WALKS, STEPS = 10, 80
HAND_OVER = """
INSERT INTO handover (dispatch_id, issuer, year, number, notation, content_digest, document_id,
                      printed_number, printed_notation, sender, subject, priority, packet_sha256,
                      limits, door, content_sha256, content_bytes, content_edition,
                      document_digest)
VALUES ($1, 'S1', 2026, $4, 'CV', '', 'D1', '1', 'CV', 'S1', 'Thử', 3, $2, '{}', 'test', $2,
        $3, $5, '')
"""
NAMED = "SELECT content_sha256, content_bytes FROM handover WHERE content_sha256 IS NOT NULL"


@dataclass(slots=True)
class Handing:
    """A door: what it hands over, and how far it has come."""

    connection: asyncpg.Connection
    which: int = 0
    at: str = "idle"
    edition: int = 0
    transaction: Any = None


@dataclass(slots=True)
class Removing:
    """A sweep: whether it is about to take content from the store, or has and not yet said so."""

    connection: asyncpg.Connection
    task: asyncio.Task[bool] | None = None
    listed: list[ClaimCheck] | None = None
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)


class Held(Store):
    """The store, whose removals are held before they are done, or before they return."""

    def __init__(self, store: Store, removing: Removing, *, before: bool) -> None:
        self.store, self.removing, self.before = store, removing, before

    async def remove(self, claim: ClaimCheck) -> None:
        if self.before:
            await self.hold()
        await self.store.remove(claim)
        if not self.before:
            await self.hold()

    async def hold(self) -> None:
        self.removing.held.set()
        await self.removing.go_on.wait()


class Sweeps:
    """Two doors and two sweeps."""

    def __init__(self, dsn: str, chance: Random) -> None:
        self.dsn, self.chance = dsn, chance
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = local_store(Path(self.folder.name))
        self.watch = self.run(self.connect())
        for table in ("handover", "content", "content_leaving"):
            self.run(self.watch.execute(f"DELETE FROM {table}"))
        self.doors = [Handing(self.run(self.connect())) for _ in SIDES]
        self.sweeps = [Removing(self.run(self.connect())) for _ in SIDES]

    def run(self, step: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(step, 30))

    async def connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute("SET lock_timeout = '30ms'")
        return connection

    def walk(self) -> None:
        """Take some steps; then end everything, and see that what nothing names is swept."""
        for _ in range(STEPS):
            self.step()
            self.what_is_handed_over_is_there()
            self.what_a_door_has_named_and_not_yet_committed_is_there()
        for at in SIDES:
            self.end_door(at)
            self.end_sweep(at)
        self.run(sweep(self.watch, self.store, NO_TIME))
        assert {ClaimCheck(*row) for row in self.run(self.watch.fetch(NAMED))} == self.run(
            self.lying()
        )

    def step(self) -> None:
        at, which = self.chance.choice(SIDES), self.chance.choice(SIDES)
        kind = self.chance.random()
        if kind < 0.55:
            self.go_on_at_a_door(at, which)
        elif kind < 0.85:
            self.go_on_at_a_sweep(at, which)
        elif kind < 0.88:
            self.end_door(at)
        elif kind < 0.91:
            self.end_sweep(at)
        elif kind < 0.94:
            self.adopt(at)
        else:
            self.forget(which)

    def close(self) -> None:
        doors = [each.connection for each in self.doors]
        sweeps = [each.connection for each in self.sweeps]
        for each in (self.watch, *doors, *sweeps):
            each.terminate()
        self.run(asyncio.sleep(0))
        self.loop.close()
        self.folder.cleanup()

    async def lying(self) -> set[ClaimCheck]:
        return {each.claim async for each in self.store.lying()}

    # What a door does.

    def go_on_at_a_door(self, at: int, which: int) -> None:
        own = self.doors[at]
        if own.at == "idle":
            own.which = which
        own.at = {
            "idle": self.touch,
            "touched": self.put,
            "kept": self.name,
            "named": self.commit,
        }[own.at](own)

    def touch(self, own: Handing) -> str:
        try:
            own.edition = self.run(ContentTables(own.connection).touch(CLAIMS[own.which]))
        except asyncpg.LockNotAvailableError:
            return "idle"
        return "touched"

    def put(self, own: Handing) -> str:
        self.run(self.store.put(CONTENTS[own.which]))
        return "kept"

    def name(self, own: Handing) -> str:
        claim, of = CLAIMS[own.which], uuid4()
        own.transaction = own.connection.transaction()
        self.run(own.transaction.start())
        try:
            row = (of, claim.sha256, claim.size, str(of), own.edition)
            self.run(own.connection.execute(HAND_OVER, *row))
        except (asyncpg.ForeignKeyViolationError, asyncpg.LockNotAvailableError):
            self.run(own.transaction.rollback())
            return "idle"
        return "named"

    def commit(self, own: Handing) -> str:
        self.run(own.transaction.commit())
        return "idle"

    def end_door(self, at: int) -> None:
        own = self.doors[at]
        if own.at == "named":
            self.run(own.transaction.rollback())
        own.at = "idle"

    # What a sweep does.

    def adopt(self, at: int) -> None:
        """List what lies in the store; or note, of what was listed, what no row knows of."""
        own = self.sweeps[at]
        if own.listed is None:
            own.listed = sorted(self.run(self.lying()))
        elif own.task is None:
            with suppress(asyncpg.LockNotAvailableError):
                self.run(ContentTables(own.connection).adopt(own.listed))
            own.listed = None

    def go_on_at_a_sweep(self, at: int, which: int) -> None:
        own = self.sweeps[at]
        if own.task is not None:
            own.go_on.set()
            self.run(own.task)
            own.task = None
        elif CLAIMS[which] in self.run(ContentTables(self.watch).leaving(NO_TIME)):
            self.remove(own, which)
        else:
            with suppress(asyncpg.LockNotAvailableError):
                self.run(ContentTables(own.connection).leave(CLAIMS[which], NO_TIME))

    def remove(self, own: Removing, which: int) -> None:
        tables = ContentTables(own.connection)
        own.go_on, own.held = asyncio.Event(), asyncio.Event()
        store = Held(self.store, own, before=self.chance.random() < 0.5)
        own.task = self.loop.create_task(tables.remove(CLAIMS[which], store))
        held = self.loop.create_task(own.held.wait())
        self.run(asyncio.wait({own.task, held}, return_when=asyncio.FIRST_COMPLETED))
        held.cancel()
        if own.task.done():
            assert own.task.exception() is None or isinstance(
                own.task.exception(), asyncpg.LockNotAvailableError
            )
            own.task = None

    def end_sweep(self, at: int) -> None:
        """End a sweep right before its removal, or between that and its commit."""
        own = self.sweeps[at]
        if own.task is not None:
            own.task.cancel()
            self.run(asyncio.wait({own.task}))
            own.task = None

    # What else happens.

    def forget(self, which: int) -> None:
        """Take hand-overs out of the books, as their time of keeping ends."""
        with suppress(asyncpg.LockNotAvailableError):
            query = "DELETE FROM handover WHERE content_sha256 = $1"
            self.run(self.watch.execute(query, CLAIMS[which].sha256))

    def what_is_handed_over_is_there(self) -> None:
        for row in self.run(self.watch.fetch(NAMED)):
            self.run(self.store.verify(ClaimCheck(*row)))

    def what_a_door_has_named_and_not_yet_committed_is_there(self) -> None:
        for own in self.doors:
            if own.at == "named":
                self.run(self.store.verify(CLAIMS[own.which]))


@pytest.mark.timeout(250)
@pytest.mark.parametrize("seed", range(WALKS))
def test_no_order_of_steps_takes_content_from_what_is_handed_over(
    database_dsn: str, seed: int
) -> None:
    machine = Sweeps(database_dsn, Random(seed))
    try:
        machine.walk()
    finally:
        machine.close()
