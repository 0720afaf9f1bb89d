"""Peers on the same tracked work: what others would build it on, in an environment of their own.

The environment is made at first use, from pinned and hashed requirements (`bench/peers/`).
"""

import asyncio
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
from aiokafka.admin import NewTopic

from bench import sample
from bench.section import Bench, Unmeasured
from bench.stage import end
from hoatoc.embedded.stack import Stack
from hoatoc.kafka.topic import admin

PEERS = Path(__file__).parent / "peers"
_VENV = PEERS / ".venv"
_MADE = _VENV / ".ready"
_PAUSE_S = 0.1
_READY_S = 60.0
MOST_S = 180.0
_FREE = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"
_TRACKED = """
    CREATE TABLE tracked (delivery_id text PRIMARY KEY, state text NOT NULL, facts text NOT NULL,
                          due_ms bigint NOT NULL) WITH (fillfactor = 70)"""


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """Deliveries that a peer brought to their end, in how long (s), with how many processes."""

    workers: int
    deliveries: int
    seconds: float

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds


def install(bench: Bench) -> Path:
    """Return the Python of the peers' environment, made when it is missing or out of date."""
    python, wanted = _VENV / "bin" / "python", PEERS / "requirements.txt"
    if not _MADE.exists() or _MADE.stat().st_mtime < wanted.stat().st_mtime:
        bench.say("the peers' environment is made, once")
        for command in (
            (sys.executable, "-m", "venv", "--clear", str(_VENV)),
            (str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(wanted)),
        ):
            subprocess.run(command, check=True)
        _MADE.touch()
    return python


async def procrastinate(bench: Bench, running: Stack, workers: int, dispatches: int) -> PeerFigures:
    """Hand over to procrastinate and wait until all is accepted and no deadline is left."""
    script = (str(install(bench)), str(PEERS / "jobs.py"))
    wanted = dispatches * sample.RECIPIENTS
    async with _database(running, f"jobs_{workers}") as (dsn, connection), AsyncExitStack() as held:
        await _done(*script, "prepare", dsn)
        for _ in range(workers):
            await held.enter_async_context(_process(*script, "work", dsn))
        began = time.perf_counter()
        handing = await asyncio.create_subprocess_exec(
            *script, "hand-over", dsn, str(dispatches), str(sample.RECIPIENTS)
        )
        held.push_async_callback(end, handing)
        first = await _until(lambda: _count(connection, "SELECT count(*) FROM delivery"), 1)
        await _until(lambda: _accepted(connection, "delivery"), wanted)
        seconds = time.perf_counter() - max(began, first)
        if left := await _count(connection, _FREE):
            raise Unmeasured(f"procrastinate is left with {left} deadlines of accepted deliveries")
    return PeerFigures(workers, wanted, seconds)


async def quix(bench: Bench, running: Stack, workers: int, deliveries: int) -> PeerFigures:
    """Have a log tracked by Quix Streams and wait until all is accepted in its table."""
    script = (str(install(bench)), str(PEERS / "stream.py"))
    topic, partitions = f"peer-{workers}", running.settings.kafka.partitions
    servers = running.settings.kafka.bootstrap_servers
    async with admin(running.settings.kafka) as client:
        await client.create_topics([NewTopic(topic, partitions, 1)])
    await _done(*script, "fill", servers, topic, str(partitions), str(deliveries))
    async with _database(running, f"stream_{workers}") as (dsn, connection):
        await connection.execute(_TRACKED)
        host = parse_qs(urlsplit(dsn).query)["host"][0]
        async with AsyncExitStack() as held:
            for number in range(workers):
                folder = str(running.settings.data / f"state-{workers}-{number}")
                words = (servers, topic, folder, host, f"stream_{workers}")
                await held.enter_async_context(_process(*script, "work", *words))
            count = "SELECT count(*) FROM tracked"
            began = await _until(lambda: _count(connection, count), 1)
            await _until(lambda: _accepted(connection, "tracked"), deliveries)
            return PeerFigures(workers, deliveries, time.perf_counter() - began)


async def _accepted(connection: asyncpg.Connection, table: str) -> int:
    return await _count(connection, f"SELECT count(*) FROM {table} WHERE state = 'accepted'")  # noqa: S608


async def _count(connection: asyncpg.Connection, query: str) -> int:
    return int(await connection.fetchval(query))


async def _until(count: Callable[[], Awaitable[int]], wanted: int) -> float:
    """Return the instant at which a count has come to what is wanted."""
    deadline = time.perf_counter() + MOST_S
    while (found := await count()) < wanted:
        if time.perf_counter() > deadline:
            raise Unmeasured(f"the peer has {found} of {wanted} after {MOST_S:g} s")
        await asyncio.sleep(_PAUSE_S)
    return time.perf_counter()


@asynccontextmanager
async def _database(running: Stack, name: str) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """Make a database beside ours and drop it afterwards."""
    ours = running.settings.postgres.dsn
    dsn = ours.replace("/hoatoc?", f"/{name}?")
    server = await asyncpg.connect(ours)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(dsn)
    try:
        yield dsn, connection
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@asynccontextmanager
async def _process(*words: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE)
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _READY_S)  # type: ignore[union-attr]
        if line.decode().strip() != "ready":
            raise Unmeasured(f"{Path(words[1]).name} does not start")
        yield process
    finally:
        await end(process)


async def _done(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words)
    if await process.wait():
        raise Unmeasured(f"{Path(words[1]).name} {words[2]} ends with status {process.returncode}")
