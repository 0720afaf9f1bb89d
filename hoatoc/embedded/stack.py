"""The stack: database, broker and programs of one data folder, as child processes."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hoatoc.config import PREFIX, Settings
from hoatoc.domain.error import OurFault, Unavailable
from hoatoc.embedded import folder
from hoatoc.embedded.broker import broker
from hoatoc.embedded.database import database
from hoatoc.embedded.folder import RunState
from hoatoc.embedded.jar import fetch
from hoatoc.embedded.port import free_ports, is_free
from hoatoc.embedded.process import Child
from hoatoc.embedded.supervisor import Supervisor
from hoatoc.prepare import prepare
from hoatoc.telemetry import PORTS

PROGRAMS = {
    "relay": "producers.relay",
    "intake": "producers.intake",
    "gateway": "producers.gateway.app",
    "ledger": "consumers.ledger",
    "tracker": "streams.tracker",
    "alerts": "consumers.alerts",
    "pager": "consumers.pager",
}
PARTS = ("database", "broker", *PROGRAMS)
_PROGRAM_STAGE = 2
_STOP_S = 15.0
_PAUSE_S = 0.05

Prepare = Callable[[Settings], Awaitable[None]]


class PartsInvalid(OurFault):
    """The parts asked for cannot be started."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: the settings that reach it, and its supervisor."""

    settings: Settings
    supervisor: Supervisor

    @property
    def state(self) -> RunState:
        """What runs at this moment."""
        return self.supervisor.state

    def pid(self, name: str) -> int:
        """Return the pid of a child that runs."""
        pid = self.state.children[name].pid
        if pid is None:
            raise Unavailable(f"{name} does not run at this moment: wait until it is ready")
        return pid

    async def restarted(self, name: str, times: int = 1) -> None:
        """Return when a child is ready and has been restarted that often."""
        await self.supervisor.until(
            lambda state: (
                state.children[name].state == "ready" and state.children[name].restarts >= times
            )
        )


@asynccontextmanager
async def stack(
    settings: Settings,
    *,
    parts: Collection[str] | None = None,
    console: Console | None = None,
    prepare: Prepare = prepare,
) -> AsyncIterator[Stack]:
    """Start the parts (None: all), yield when they are ready, and end them at exit.

    Raises PartsInvalid, FolderBusy, ChildFailed and what `database` and `broker` raise.
    """
    console = console or Console(stderr=True)
    wanted = _wanted(settings, parts)
    with folder.held(settings.data):
        supervisor = Supervisor(settings.data, lambda line: console.print(line, highlight=False))
        try:
            reached = await _start_stores(settings, wanted, supervisor, console)
            if reached.postgres.dsn and reached.kafka.bootstrap_servers:
                await prepare(reached)
            reached = _meeting(reached, wanted)
            if "gateway" in wanted:
                supervisor.note(gateway=reached.gateway.url)
            await supervisor.start(_programs(reached, wanted))
            yield Stack(reached, supervisor)
        finally:
            await supervisor.stop()


async def up(
    settings: Settings,
    *,
    parts: Collection[str] | None = None,
    on_ready: Callable[[RunState], None],
    console: Console,
    prepare: Prepare = prepare,
) -> None:
    """Run a stack until SIGINT, SIGTERM or SIGHUP; raise what `stack` raises."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked.set)
    serving = asyncio.create_task(_serve(settings, parts, on_ready, console, prepare))
    asking = asyncio.create_task(asked.wait())
    await asyncio.wait([serving, asking], return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def running(data: Path) -> RunState | None:
    """Return what runs on a data folder, or None."""
    return folder.running(data)


def stop(data: Path) -> bool:
    """End the stack of a data folder; return False when none runs.

    Raises Unavailable when it has not ended within 15 s.
    """
    pid = folder.holder(data)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while folder.holder(data) == pid:
        if time.monotonic() > deadline:
            raise Unavailable(f"pid {pid} has not ended in {_STOP_S:g} s: kill -9 {pid}")
        time.sleep(_PAUSE_S)
    return True


async def _serve(
    settings: Settings,
    parts: Collection[str] | None,
    on_ready: Callable[[RunState], None],
    console: Console,
    prepare: Prepare,
) -> None:
    async with stack(settings, parts=parts, console=console, prepare=prepare) as running_stack:
        on_ready(running_stack.state)
        await running_stack.supervisor.watch()


def _wanted(settings: Settings, parts: Collection[str] | None) -> set[str]:
    wanted = set(PARTS if parts is None else parts)
    if unknown := wanted - set(PARTS):
        raise PartsInvalid(
            f"unknown part {', '.join(sorted(unknown))}: choose of {', '.join(PARTS)}"
        )
    external = {
        "database": settings.postgres.dsn,
        "broker": settings.kafka.bootstrap_servers,
    }
    lacking = [name for name, address in external.items() if not address and name not in wanted]
    if lacking and wanted & set(PROGRAMS):
        raise PartsInvalid(
            f"programs need {' and '.join(lacking)}: add to the parts, or set "
            "HOATOC_POSTGRES_DSN and HOATOC_KAFKA_BOOTSTRAP_SERVERS"
        )
    started = wanted - {name for name, address in external.items() if address}
    if not started:
        raise PartsInvalid(f"no part is left to start: choose of {', '.join(PARTS)}")
    return started


async def _start_stores(
    settings: Settings, wanted: set[str], supervisor: Supervisor, console: Console
) -> Settings:
    dsn, servers = settings.postgres.dsn, settings.kafka.bootstrap_servers
    logs = settings.data.resolve() / "logs"
    if "database" in wanted:
        child, dsn = await asyncio.to_thread(database, settings, logs / "database.log")
        await supervisor.start([child])
    if "broker" in wanted:
        jars = await fetch(settings.embedded.cache.resolve(), console)
        child, servers = await asyncio.to_thread(broker, settings, logs / "broker.log", jars)
        await supervisor.start([child])
    supervisor.note(bootstrap_servers=servers, dsn=dsn, policy=_absolute(settings.policy))
    return settings.model_copy(
        update={
            "postgres": settings.postgres.model_copy(update={"dsn": dsn}),
            "kafka": settings.kafka.model_copy(update={"bootstrap_servers": servers}),
        }
    )


def _meeting(settings: Settings, wanted: Collection[str]) -> Settings:
    """Return the settings with a port that the gateway can have, and the paths that are started."""
    gateway = settings.gateway
    if "gateway" in wanted and not is_free(gateway.host, gateway.port):
        port = next(free_ports(gateway.host))
        gateway = gateway.model_copy(update={"port": port})
    return settings.model_copy(update={"gateway": gateway, "paths": paths_of(settings, wanted)})


def paths_of(settings: Settings, programs: Collection[str]) -> str:
    """Return the paths in force: those that are set, else those that are started.

    A path that nobody serves would hold time up for ever.
    """
    started = [path for path in settings.paths_in_force if path in programs]
    if "paths" in settings.model_fields_set or not started:
        return settings.paths
    return ",".join(started)


def _absolute(policy: str) -> str:
    return str(Path(policy).resolve()) if policy else ""


def _programs(settings: Settings, wanted: set[str]) -> list[Child]:
    data = settings.data.resolve()
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    env |= environment(settings)
    env.setdefault(f"{PREFIX}PAGER_SIGNING_KEY", str(data / "webhook-key.pem"))
    children = []
    spare = free_ports(settings.metrics.host)
    for name in filter(wanted.__contains__, PROGRAMS):
        port = PORTS[name] if is_free(settings.metrics.host, PORTS[name]) else next(spare)
        port = port if settings.metrics.port else 0
        children.append(
            Child(
                name=name,
                stage=_PROGRAM_STAGE,
                argv=(sys.executable, "-m", PROGRAMS[name]),
                log=data / "logs" / f"{name}.log",
                cwd=Path.cwd(),
                env={**env, f"{PREFIX}METRICS_PORT": str(port)},
                metrics_port=port or None,
            )
        )
    return children


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings that are not the defaults, as the environment of a program."""
    found = settings.model_dump(mode="json", exclude_defaults=True)
    found["data"] = str(settings.data.resolve())
    env = {}
    for name, value in found.items():
        options = value.items() if isinstance(value, dict) else [("", value)]
        for option, inner in options:
            env[PREFIX + "_".join(filter(None, (name, option))).upper()] = str(inner)
    return env
