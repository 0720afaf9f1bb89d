"""A line of its own for a test: fresh tables and topics on a running broker and database.

Programs run as processes, as in production; what a test waits for is a condition, never a time.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from hoatoc import codec
from hoatoc.config import Settings
from hoatoc.content.packet import received
from hoatoc.content.store import store_of
from hoatoc.domain.event import Event
from hoatoc.domain.policy import Policy
from hoatoc.domain.registry import Organ
from hoatoc.embedded.process import Child, Notices, spawn, tail
from hoatoc.embedded.stack import PROGRAMS, environment
from hoatoc.examine import admission
from hoatoc.kafka.topic import admin
from hoatoc.policy_file import load_policy
from hoatoc.postgres.connection import migrate
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandedOver
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import adopt_first_calendar, create_topics, first_registry
from hoatoc.testing.audit import Read, read

Found = TypeVar("Found")
ORGANS: Sequence[Organ] = first_registry()[:4]
_PAUSE_S = 0.05
_READY_S = 60.0
_STOP_S = 10.0
_HOLD = 99


async def eventually(
    check: Callable[[], Awaitable[Found | None]], within_s: float = 40, what: str = "it"
) -> Found:
    """Return what a check finds as soon as that is true."""
    found: Found | None = None
    try:
        async with asyncio.timeout(within_s):
            while not (found := await check()):  # noqa: ASYNC110 - what changes is elsewhere
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen in {within_s} s: {found!r}") from None
    return found


@dataclass(slots=True)
class Line:
    """Tables and topics for four organs, and the programs that work on them."""

    settings: Settings
    database: asyncpg.Connection
    policy: Policy
    logs: Path
    producer: AIOKafkaProducer
    door: Door
    started: list[Process] = field(default_factory=list)

    @property
    def servers(self) -> str:
        """The broker's address."""
        return self.settings.kafka.bootstrap_servers

    async def log(self, topic: str = "deliveries") -> list[Read]:
        """Read a topic to its present end."""
        return await read(self.servers, topic)

    async def events(self, topic: str, *types: type[Event]) -> list[Any]:
        """Return the events of some types that stand in a topic now."""
        return [one.event for one in await self.log(topic) if isinstance(one.event, types)]

    async def hand_over(self, packet: bytes) -> HandedOver:
        """Hand a packet over as the command line does."""
        with received(packet) as spooled:
            return await self.door.take_file(self.database, spooled)

    async def write(
        self,
        topic: str,
        value: bytes | Event,
        key: UUID | str | None = None,
        partition: int = 0,
        headers: Mapping[str, bytes] | None = None,
    ) -> RecordMetadata:
        """Write a record as any client of the broker may, and wait for its confirmation."""
        return await self.producer.send_and_wait(
            topic,
            value if isinstance(value, bytes) else codec.encode(value),
            key=None if key is None else str(key).encode(),
            partition=partition,
            headers=list((headers or {}).items()),
        )

    @asynccontextmanager
    async def program(
        self, name: str, *, until_ready: bool = True, **env: str
    ) -> AsyncIterator[Process]:
        """Run a program as a process, ready; its end is the end of the block, if not sooner."""
        notices = Notices()
        child = Child(
            name=name,
            stage=0,
            argv=(sys.executable, "-m", PROGRAMS[name]),
            log=self.logs / f"{name}.log",
            cwd=Path.cwd(),
            env={"PATH": "", **environment(self.settings), **env},
        )
        process = await spawn(child, notices.address)
        try:
            if until_ready:
                await asyncio.wait_for(notices.ready(), _READY_S)
            yield process
        except BaseException:
            print(tail(child.log, 20))
            raise
        finally:
            notices.close()
            await _end(process)

    async def command(self, *words: object, status: int = 0) -> Any:
        """Run a command of `hoatoc` as a person does; return what it says, parsed if it is JSON."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hoatoc", *map(str, words)),
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": "", **environment(self.settings)},
        )
        said, complained = (part.decode() for part in await process.communicate())
        if process.returncode != status:
            raise AssertionError(f"{words}: exit {process.returncode}\n{said}{complained}")
        return json.loads(said) if "--json" in words else said + complained

    def said(self, name: str) -> str:
        """Return what a program has logged."""
        return (self.logs / f"{name}.log").read_text("utf-8")

    @asynccontextmanager
    async def held(self, table: str, change: str, when: str = "TRUE") -> AsyncIterator[None]:
        """Hold every change of a kind to the rows of a table while the block lasts.

        What waits for it is undone at the end, as by the crash of the one that waited.
        """
        await self.database.execute("SELECT pg_advisory_lock($1)", _HOLD)
        await self.database.execute(f"""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock({_HOLD}); RETURN coalesce(NEW, OLD); END $$;
            CREATE TRIGGER hold BEFORE {change} ON {table} FOR EACH ROW WHEN ({when})
            EXECUTE FUNCTION hold()""")
        try:
            yield
        finally:
            await self.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event = 'advisory'"
            )
            await self.database.execute(f"DROP TRIGGER hold ON {table}; DROP FUNCTION hold()")
            await self.database.execute("SELECT pg_advisory_unlock($1)", _HOLD)

    async def is_holding(self) -> bool:
        """Tell whether a change waits."""
        return bool(
            await self.database.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event = 'advisory'"
            )
        )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def killed(process: Process) -> None:
    """Kill a program by SIGKILL and return when it is gone."""
    process.kill()
    await process.wait()


@asynccontextmanager
async def line(stores: Settings, logs: Path, **changes: object) -> AsyncIterator[Line]:
    """Make a line on a running broker and database; `changes` are other settings."""
    name = f"line_{uuid4().hex}"
    server = await asyncpg.connect(stores.postgres.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    dsn = stores.postgres.dsn.replace("/hoatoc?", f"/{name}?")
    settings = stores.model_copy(
        update={"postgres": stores.postgres.model_copy(update={"dsn": dsn}), **changes}
    )
    database = await asyncpg.connect(dsn)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, acks="all")
    try:
        await migrate(database)
        await RegistryTables(database).add_organs(ORGANS)
        await adopt_first_calendar(database)
        await _fresh_topics(settings)
        await producer.start()
        policy = load_policy(settings)
        with admission(settings, policy) as admitting:
            store = store_of(settings)
            door = Door("cli", admitting, settings.kafka.partitions, store=store)
            yield Line(settings, database, policy, logs, producer, door)
    finally:
        await producer.stop()
        await database.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


NewLine = Callable[..., AbstractAsyncContextManager[Line]]
"""Makes a line; one at a time, for the names of topics are the same."""


async def _fresh_topics(settings: Settings) -> None:
    async with admin(settings.kafka) as client:
        old = [name for name in await client.list_topics() if not name.startswith("__")]
        if old:
            await client.delete_topics(old)
    await create_topics(settings, ORGANS)
