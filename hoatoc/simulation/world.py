"""A world: one broker, one database, the programs as processes, and the wires between them.

Everything random is drawn from one chance, so that a seed tells a whole history. A wire takes its
time, and while its store is away it says so: to the database at once, to the broker by waiting.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from asyncpg import CannotConnectNowError, ConnectionDoesNotExistError

from hoatoc.admission import Admitted
from hoatoc.domain import topic
from hoatoc.domain.error import HoatocError
from hoatoc.history.note import Note
from hoatoc.postgres.connection import AWAY
from hoatoc.simulation.loop import Process, SimulatedLoop
from hoatoc.testing.database import MemoryConnection, MemoryDatabase
from hoatoc.testing.log import MemoryBroker

BEGIN_MS = 1_760_029_200_000
"""midnight of 2025-10-10 in Vietnam: where the world's clocks begin"""
PARTITIONS = 2
SESSION_S = 10.0
EXPECTED = (*AWAY, KafkaError, aiohttp.ClientError, TimeoutError)
"""what a program may end by: it is started again"""
_SLOW, _YIELDS, _MEAN_S = 0.1, 0.4, 0.03


class Store:
    """The broker or the database as it is reached: there, away, or losing answers."""

    def __init__(self) -> None:
        self.is_up = True
        self.loses_answers = 0.0
        self._up: asyncio.Event | None = None

    def go_away(self) -> None:
        """Be away."""
        self.is_up = False

    def come_back(self) -> None:
        """Be there again."""
        self.is_up = True
        if self._up is not None:
            self._up.set()
            self._up = None

    def keep_answers(self) -> None:
        """Lose no answers any more."""
        self.loses_answers = 0.0

    async def until_up(self) -> None:
        """Wait until it is there."""
        while not self.is_up:
            if self._up is None:
                self._up = asyncio.Event()
            await self._up.wait()


@dataclass(slots=True)
class World:
    """All there is in one history."""

    seed: int
    loop: SimulatedLoop
    chance: random.Random
    database: MemoryDatabase
    broker: MemoryBroker
    to_broker: Store = field(default_factory=Store)
    to_database: Store = field(default_factory=Store)
    broker_skew_ms: int = 0
    skews_ms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    running: dict[str, Process] = field(default_factory=dict)
    bodies: dict[str, "Body"] = field(default_factory=dict)
    connections: dict[Process, list[MemoryConnection]] = field(default_factory=dict)
    consumers: dict[Process, list[Any]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    crashes: list[tuple[float, str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    packets: dict[bytes, Admitted] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    webhook_is_moody: bool = True
    faults: Counter[str] = field(default_factory=Counter)
    rests: set[str] = field(default_factory=set)
    """programs that are not started again"""
    _registered: set[UUID] = field(default_factory=set)
    _read: Counter[int] = field(default_factory=Counter)

    def now_ms(self, skew_ms: int = 0) -> int:
        """Return the true time, or a clock's that is wrong by `skew_ms` (1970 UTC)."""
        return BEGIN_MS + round(self.loop.time() * 1000) + skew_ms

    def registered(self) -> set[UUID]:
        """Return the dispatches of which the log tells; it is read on from where it was left."""
        for partition in range(PARTITIONS):
            log = self.broker.logs[TopicPartition(topic.DELIVERIES, partition)]
            for record in log[self._read[partition] :]:
                if dict(record.headers).get("ce_type") == b"vn.hoatoc.DispatchRegistered":
                    self._registered.add(UUID((record.key or b"").decode()))
            self._read[partition] = len(log)
        return self._registered

    def begin(self, act: Coroutine[Any, Any, None]) -> None:
        """Let people do something."""
        task = self.loop.create_task(act)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.violations.append(f"people met what they cannot handle: {error!r}")

    def start(self, name: str, body: "Body") -> None:
        """Have a program run, now and after every crash."""
        self.bodies[name] = body
        process = Process(name, self._crashed)
        self.running[name] = process
        self.connections[process], self.consumers[process] = [], []
        process.begin(body(self, process))

    def _crashed(self, process: Process, error: BaseException) -> None:
        """Take note of a program that ended by itself, and start it again after a while."""
        for each in _leaves(error):
            if not _is_expected(each):
                self.violations.append(f"{process.name} ended by {type(each).__name__}: {each}")
            self.crashes.append((self.loop.time(), process.name, type(each).__name__))
        self.kill(process.name)

    def kill(self, name: str) -> float:
        """Kill a program as by SIGKILL; return after how many seconds its next life begins."""
        process = self.running.pop(name, None)
        if process is None:
            return 0.0
        process.kill()
        for connection in self.connections[process]:
            self.database.lose(connection)
        for consumer in self.consumers[process]:
            self.loop.call_later(SESSION_S, consumer.expire)
        pause_s = self.chance.uniform(0.5, 4)
        self.loop.call_later(pause_s, self._again, name)
        return pause_s

    def _again(self, name: str) -> None:
        if name not in self.running and name not in self.rests:
            self.start(name, self.bodies[name])

    def stop(self, name: str, seconds: float) -> bool:
        """Let a program stand still for a while; what it holds may be taken from it meanwhile."""
        process = self.running.get(name)
        if process is None or process.is_stopped:
            return False
        process.stop()
        owner = self.database.owner
        if owner in self.connections[process] and owner is not None and self.chance.random() < 0.5:
            self.database.lose(owner)  # the server has closed an idle transaction
        if seconds > SESSION_S:
            for consumer in self.consumers[process]:
                self.loop.call_later(SESSION_S, consumer.expire)
        self.loop.call_later(seconds, self._go_on, process)
        return True

    def _go_on(self, process: Process) -> None:
        process.go_on(self.loop)
        for consumer in self.consumers[process] if process.alive else ():
            self.loop.call_later(self.chance.uniform(0.1, 3), consumer.join_again)

    def lose_database(self, seconds: float) -> None:
        """Let the database die: open transactions are taken back, nobody reaches it for a while."""
        for connections in self.connections.values():
            for connection in connections:
                self.database.lose(connection)
        self.to_database.go_away()
        self.loop.call_later(seconds, self.to_database.come_back)

    def lose_broker(self, seconds: float) -> None:
        """Let the broker die and come back with all that it has confirmed."""
        self.to_broker.go_away()
        self.loop.call_later(seconds, self.to_broker.come_back)

    def connect(self, process: Process) -> MemoryConnection:
        """Open a connection to the database that ends with its program."""
        connection = self.database.connect(DatabaseWire(self))
        self.connections[process].append(connection)
        return connection


Body = Callable[[World, Process], Coroutine[Any, Any, None]]


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections of one program, as `asyncpg.Pool` gives them."""

    world: World
    process: Process

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[MemoryConnection]:
        """Take a connection for a while."""
        connection = self.world.connect(self.process)
        try:
            yield connection
        finally:
            mine = self.world.connections.get(self.process, [])
            if connection in mine:
                mine.remove(connection)


@dataclass(frozen=True, slots=True)
class DatabaseWire:
    """What lies between a program and the database."""

    world: World

    async def there(self) -> None:
        """Carry a statement; raises when the database is away."""
        await _pause(self.world.chance)
        if not self.world.to_database.is_up:
            raise CannotConnectNowError("the database system is starting up")

    async def back(self) -> None:
        """Carry the answer back; it may be lost though the work is done."""
        loses = self.world.to_database.loses_answers
        if loses and self.world.chance.random() < loses:
            raise ConnectionDoesNotExistError("connection was closed in the middle of operation")
        await _pause(self.world.chance)


@dataclass(frozen=True, slots=True)
class BrokerWire:
    """What lies between a program and the broker."""

    world: World
    name: str

    @property
    def is_up(self) -> bool:
        """Tell whether the broker is there."""
        return self.world.to_broker.is_up

    async def there(self) -> None:
        """Carry a request; waits while the broker is away."""
        await _pause(self.world.chance)
        await self.world.to_broker.until_up()

    async def back(self) -> None:
        """Carry the answer back; waits while the broker is away."""
        await _pause(self.world.chance)
        await self.world.to_broker.until_up()

    def now_ms(self) -> int:
        """Return the program's clock."""
        return self.world.now_ms(self.world.skews_ms[self.name])

    def some(self, most: int) -> int:
        """Draw how many records a fetch brings: all of them, mostly."""
        return most if self.world.chance.random() < 0.7 else self.world.chance.randint(1, most)


async def _pause(chance: random.Random) -> None:
    """Take no time mostly, and at times long enough for others to overtake."""
    drawn = chance.random()
    if drawn < _SLOW:
        await asyncio.sleep(chance.expovariate(1 / _MEAN_S))
    elif drawn < _YIELDS:
        await asyncio.sleep(0)


def _is_expected(error: BaseException) -> bool:
    return isinstance(error, EXPECTED) or (isinstance(error, HoatocError) and error.retriable)
