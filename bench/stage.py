"""A stack of its own in a temporary folder, and the crew of programs that works on it."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from rich.console import Console

from bench.section import Unmeasured
from hoatoc import config
from hoatoc.config import Settings
from hoatoc.embedded.port import free_ports
from hoatoc.embedded.process import Child, Notices, spawn, tail
from hoatoc.embedded.stack import PROGRAMS, Stack, environment, paths_of, stack

STORES = ("database", "broker")
ALL = dict.fromkeys(PROGRAMS, 1)
"""One process of each program."""
_READY_S = 240.0
_STOP_S = 10.0
_ARRIVE = "arrive_s = 14400"


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of a program: how long it took to be ready (s), where its metrics are."""

    process: Process
    ready_s: float
    metrics_port: int


@dataclass(frozen=True, slots=True)
class Crew:
    """The programs at work on a stack."""

    running: Stack
    workers: dict[str, list[Worker]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """What reaches the stack."""
        return self.running.settings

    @property
    def pids(self) -> dict[str, list[int]]:
        """The processes of each part, database and broker included."""
        stores = {name: [self.running.pid(name)] for name in STORES}
        programs = {
            name: [worker.process.pid for worker in some] for name, some in self.workers.items()
        }
        return stores | programs


@asynccontextmanager
async def fresh(
    console: Console,
    parts: Collection[str] | None = STORES,
    *,
    arrive_s: float | None = None,
    webhook_url: str = "",
    access_rate: float | None = None,
) -> AsyncIterator[Stack]:
    """Run a stack on a folder that is gone afterwards.

    `arrive_s` is the limit of normal copies, `access_rate` that of one organ at a gateway.
    """
    with tempfile.TemporaryDirectory(prefix="hoatoc-bench-") as name:
        folder = Path(name)
        settings = _settings(folder, arrive_s, webhook_url)
        if access_rate is not None:
            access = settings.access.model_copy(update={"rate": access_rate})
            settings = settings.model_copy(update={"access": access})
        async with stack(settings, parts=parts, console=console) as running:
            yield running


def _settings(folder: Path, arrive_s: float | None, webhook_url: str) -> Settings:
    folder.chmod(0o755)  # the database may run as another user
    settings = config.load()
    port = next(free_ports(settings.gateway.host))
    gateway = settings.gateway.model_copy(update={"port": port})
    changes: dict[str, object] = {"data": folder / "data", "gateway": gateway}
    if arrive_s is not None:
        (folder / "policy.toml").write_text(_policy(arrive_s), "utf-8")
        changes["policy"] = str(folder / "policy.toml")
    if webhook_url:
        changes["pager"] = settings.pager.model_copy(update={"webhook_url": webhook_url})
    return settings.model_copy(update=changes)


def _policy(arrive_s: float) -> str:
    """Return the shipped policy with another limit for the arrival of normal documents."""
    text = (files("hoatoc.data") / "policy.toml").read_text("utf-8")
    if _ARRIVE not in text:
        raise Unmeasured(f"the shipped policy does not say {_ARRIVE!r} any more: adapt the bench")
    return text.replace(_ARRIVE, f"arrive_s = {arrive_s}", 1)


@asynccontextmanager
async def crew(running: Stack, numbers: Mapping[str, int] = ALL) -> AsyncIterator[Crew]:
    """Start so many processes of each program at once; yield when all are ready."""
    async with AsyncExitStack() as held:
        paths = paths_of(running.settings, numbers)
        settings = running.settings.model_copy(update={"paths": paths})
        starting = [
            (name, held.enter_async_context(worker(settings, name, number)))
            for name, most in numbers.items()
            for number in range(most)
        ]
        found = await asyncio.gather(*(one for _, one in starting))
        workers: dict[str, list[Worker]] = {}
        for (name, _), one in zip(starting, found, strict=True):
            workers.setdefault(name, []).append(one)
        yield Crew(running, workers)


@asynccontextmanager
async def worker(settings: Settings, name: str, number: int = 0) -> AsyncIterator[Worker]:
    """Run one process of a program, ready; raises Unmeasured when it does not get ready."""
    notices, port = Notices(), next(free_ports(settings.metrics.host))
    log = settings.data.resolve() / "logs" / f"{name}-{number}.log"
    own = {"HOSTNAME": f"bench-{number}", "HOATOC_METRICS_PORT": str(port)}
    child = Child(
        name=name,
        stage=0,
        argv=(sys.executable, "-m", PROGRAMS[name]),
        log=log,
        cwd=Path.cwd(),
        env={"PATH": os.environ.get("PATH", ""), **environment(settings), **own},
    )
    began = time.perf_counter()
    process = await spawn(child, notices.address)
    try:
        await _ready(process, notices, child)
        yield Worker(process, time.perf_counter() - began, port)
    finally:
        notices.close()
        await end(process)


async def _ready(process: Process, notices: Notices, child: Child) -> None:
    waits = [asyncio.ensure_future(notices.ready()), asyncio.ensure_future(process.wait())]
    try:
        await asyncio.wait(waits, timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not waits[0].done():
            raise Unmeasured(f"{child.name} is not ready in {_READY_S:g} s\n{tail(child.log)}")
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def end(process: Process) -> None:
    """End a process in good order, or at once when it overstays."""
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
