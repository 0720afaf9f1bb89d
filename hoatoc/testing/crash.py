"""Crashes at every step: a process that is killed before, or after, its n-th message to the world.

A step is a message to the database, the broker or a gateway that asks for something, or a
statement to a SQLite file of the process's own. What works in the process says nothing of it: its
event loop and its files tell what they write to the process that watches, and strike when the time
has come. A first run, which nothing strikes, shows the steps; then each has a run in which it is
struck, and so has each that shows itself only later.

The process is a fork of one that has loaded everything already, so a crash takes milliseconds.
"""

import asyncio
import os
import signal
import sqlite3
import threading
from asyncio import selector_events
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from itertools import takewhile
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hoatoc.domain.error import OurFault
from hoatoc.testing.wire import Session, file_step, http_step, kafka_step

PATIENCE_S = 60.0
Act = Callable[[], Awaitable[None]]


class Work(Protocol):
    """What a process does until it is killed; it must be possible to pickle it."""

    def open(self) -> AbstractAsyncContextManager[Act]:
        """Open what a program opens at its start, and give its work: only that has steps."""
        ...


class Blow(StrEnum):
    """What happens at a step."""

    KILLED = "the process is killed"
    CLOSED = "the connection is closed"
    ENDED = "the database ends the session"


class Moment(StrEnum):
    """When it happens."""

    BEFORE = "before the message has left"
    AFTER = "after the message has left"


class Store(StrEnum):
    """To whom a message goes."""

    DATABASE = "database"
    BROKER = "broker"
    GATEWAY = "gateway"
    FILE = "file"


class Step(NamedTuple):
    """A message: to whom, what it asks for, and how many have asked for that; the first is 1."""

    store: Store
    asks: str
    time: int


REACHES: Mapping[Blow, Collection[Store]] = {
    Blow.KILLED: set(Store),
    Blow.CLOSED: {Store.BROKER, Store.GATEWAY},
    Blow.ENDED: {Store.DATABASE},
}
"""The steps that a blow is for."""
MOMENTS: Mapping[Blow, Collection[Moment]] = {
    Blow.KILLED: tuple(Moment),
    Blow.CLOSED: tuple(Moment),
    Blow.ENDED: (Moment.AFTER,),
}
"""When it falls: a session that ends before a message leaves what a kill before it leaves."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A blow at one step."""

    blow: Blow
    moment: Moment
    at: Step


class Went(StrEnum):
    """How a process went."""

    DONE = "it did its work"
    KILLED = "it was killed"
    FAILED = "it gave up"


@dataclass(frozen=True, slots=True)
class Run:
    """What a process did: its steps in order, what struck it, and how it went."""

    steps: tuple[Step, ...]
    struck: Crash | None
    went: Went
    error: str


class Hung(OurFault):
    """A process neither did its work nor died."""


class _Watch:
    """Counts the steps of a process, tells them, and strikes; it works within the process."""

    def __init__(self, crash: Crash | None, to: Connection) -> None:
        self._crash, self._to = crash, to
        self._asked: Counter[tuple[Store, str]] = Counter()
        self._counting = False
        self._one = threading.Lock()

    def begin(self) -> None:
        """Count from now on."""
        self._counting = True

    def end(self) -> None:
        """Count no more."""
        self._counting = False

    def pass_on(
        self, transport: "_Transport | None", store: Store, asks: str, write: Callable[[], None]
    ) -> None:
        """Let a message leave, with what happens before or after it."""
        crash = self._tell(store, asks) if self._counting else None
        if crash is None:
            write()
            return
        if crash.moment is Moment.AFTER:
            write()
        self._strike(crash.blow, transport)
        if crash.moment is Moment.BEFORE:
            write()

    def _tell(self, store: Store, asks: str) -> Crash | None:
        """Tell a step and return what strikes at it; a file has a thread of its own."""
        with self._one:
            self._asked[store, asks] += 1
            step = Step(store, asks, self._asked[store, asks])
            self._to.send(("step", step))
            if self._crash is None or self._crash.at != step:
                return None
            self._to.send(("struck", self._crash))
            return self._crash

    def _strike(self, blow: Blow, transport: "_Transport | None") -> None:
        if blow is Blow.KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        elif blow is Blow.CLOSED:
            assert transport is not None  # noqa: S101 - a file has no connection
            transport.abort()
        else:
            self._to.send(("end session", ""))
            self._to.recv()


class _Transport(selector_events._SelectorSocketTransport):  # type: ignore[name-defined, misc]  # noqa: SLF001
    """A connection that tells its messages before they leave."""

    watch: _Watch
    session: Session | None = None
    speaks_http: bool = False

    def write(self, data: Any) -> None:
        message = bytes(data)
        write = partial(super().write, message)
        asks = self._asks(message)
        if asks is None:
            write()
        else:
            self.watch.pass_on(self, self._store(asks), asks, write)

    def writelines(self, lines: Iterable[Any]) -> None:
        self.write(b"".join(lines))

    def _store(self, asks: str) -> Store:
        if self.session is not None:
            return Store.DATABASE
        return Store.GATEWAY if asks.startswith("POST ") else Store.BROKER

    def _asks(self, message: bytes) -> str | None:
        if self.session is None and (asked := http_step(message)) is not None:
            self.speaks_http = True
            return asked or None
        if self.speaks_http:  # a piece of the body
            return None
        if self.session is None and int.from_bytes(message[4:8]) == _PROTOCOL_3:
            self.session = Session()
            return "connect"
        return kafka_step(message) if self.session is None else self.session.step(message)


_PROTOCOL_3 = 3 << 16


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose connections are watched."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def _make_socket_transport(self, *args: Any, **options: Any) -> _Transport:
        kind = type("Watched", (_Transport,), {"watch": self._watch})
        made: _Transport = kind(self, *args, **options)
        return made


_WATCHING: list[_Watch] = []


class _File(sqlite3.Connection):
    """A file whose statements are watched, if its process is."""

    def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
        asks = file_step(statement)
        if asks is None or not _WATCHING:
            return super().execute(statement, parameters)
        found: list[sqlite3.Cursor] = []
        doing = super().execute

        def write() -> None:
            found.append(doing(statement, parameters))

        _WATCHING[0].pass_on(None, Store.FILE, asks, write)
        return found[0]


def watched_file(path: Path) -> sqlite3.Connection:
    """Open a SQLite file whose statements are steps of the process that is watched."""
    return sqlite3.connect(
        path, timeout=10, isolation_level=None, check_same_thread=False, factory=_File
    )


def _process(work: Work, crash: Crash | None, to: Connection) -> None:
    """Do the work in a process of its own."""
    watch = _Watch(crash, to)
    _WATCHING[:] = [watch]

    async def act() -> None:
        async with work.open() as doing:
            watch.begin()
            await doing()
            watch.end()

    try:
        with asyncio.Runner(loop_factory=partial(_Loop, watch)) as runner:
            runner.run(act())
    except Exception as error:  # noqa: BLE001 - told to the process that watches
        to.send((Went.FAILED, f"{type(error).__name__}: {error}"))
    else:
        to.send((Went.DONE, ""))


PRELOADED = [f"hoatoc.testing.killed_{each}" for each in ("door", "relay", "spool", "inbox")]


@cache
def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


async def crashed(work: Work, crash: Crash | None, end_session: Act) -> Run:
    """Let a process work until it is struck or done.

    `end_session` ends the sessions that the process has with the database. Raises Hung.
    """
    ours, theirs = _context().Pipe()
    process = _context().Process(target=_process, args=(work, crash, theirs), daemon=True)
    process.start()
    theirs.close()
    loop = asyncio.get_running_loop()

    def ended() -> None:
        asyncio.run_coroutine_threadsafe(_awaited(end_session), loop).result(PATIENCE_S)

    try:
        return await asyncio.to_thread(_listen, ours, ended)
    finally:
        process.kill()
        process.join()
        ours.close()


async def _awaited(act: Act) -> None:
    await act()


def _listen(ours: Connection, end_session: Callable[[], None]) -> Run:
    steps: list[Step] = []
    struck: Crash | None = None
    while ours.poll(PATIENCE_S):
        try:
            word, said = ours.recv()
        except EOFError:
            return Run(tuple(steps), struck, Went.KILLED, "")
        if word == "step":
            steps.append(said)
        elif word == "struck":
            struck = said
        elif word == "end session":
            end_session()
            ours.send(None)
        else:
            return Run(tuple(steps), struck, Went(word), said)
    raise Hung(f"after {steps}, struck at {struck}")


async def every_crash(
    work: Callable[[], Awaitable[Work]], blow: Blow, end_session: Act
) -> AsyncIterator[Run]:
    """Yield a run that nothing strikes, then one for each of its steps and each moment.

    `work` makes ready what is to be done; each run has its own.
    """
    first = await crashed(await work(), None, end_session)
    yield first
    seen = set(first.steps)
    ahead = [step for step in first.steps if step.store in REACHES[blow]]
    for step in ahead:
        for moment in MOMENTS[blow]:
            run = await crashed(await work(), Crash(blow, moment, step), end_session)
            yield run
            new = [one for one in _unharmed(run) if one not in seen]
            seen.update(new)
            ahead += [one for one in new if one.store in REACHES[blow]]


def _unharmed(run: Run) -> Iterable[Step]:
    """Return the steps of a run up to the one that was struck."""
    end = run.struck.at if run.struck else None
    return takewhile(lambda step: step != end, run.steps)
