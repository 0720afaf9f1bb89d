"""What is tortured: a broker, a database, seven programs, each with its own way to each store.

Every program reaches the stores through the proxy: the broker has one listener for each, which
advertises the proxy's port, and each has a folder of its own for the database's socket. Where
libfaketime is there, programs see a clock that can be set. A Java broker does not run under it, and
the tracker, which decides nothing by its clock, spins.
"""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from rich.console import Console

from hoatoc.config import PREFIX, Settings
from hoatoc.embedded import folder
from hoatoc.embedded.broker import Listener, broker
from hoatoc.embedded.database import database
from hoatoc.embedded.jar import fetch
from hoatoc.embedded.port import free_ports
from hoatoc.embedded.process import Child
from hoatoc.embedded.stack import PROGRAMS, Prepare, environment
from hoatoc.embedded.supervisor import Supervisor
from tests.chaos import disk
from tests.chaos.actor import Actor, actor

HOST = "127.0.0.1"
STORES = ("broker", "database")
CLOCKED = tuple(name for name in PROGRAMS if name != "tracker")
"""the programs whose clock can be set"""
OUTSIDE = {"organs": ("broker",), "door": ("database",)}
"""who else has a way of its own: organs that speak Kafka, and the door for the rest"""
QUOTA_MIB = {"broker": 6144, "database": 6144}
_SOCKET = ".s.PGSQL.5432"
_FAKETIME = "faketime/libfaketime.so.1"
_PROGRAM_STAGE = 2


@dataclass(frozen=True, slots=True)
class Clocks:
    """Clocks that can be set: a file for each part, read by libfaketime."""

    library: Path
    folder: Path

    def set(self, name: str, offset_s: float) -> None:
        """Set the clock of a part so many seconds off."""
        folder.replace(self.folder / name, f"{offset_s:+.3f}\n")

    def environment(self, name: str) -> dict[str, str]:
        """Return what makes a process see the clock of a part."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / name),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@dataclass(slots=True)
class Deployment:
    """A running deployment, and all by which it can be hurt."""

    settings: Settings
    """they reach the stores without the proxy"""
    supervisor: Supervisor
    proxy: Actor
    listeners: Mapping[str, int]
    disks: Mapping[str, Path]
    """the small disks of the stores; none where they cannot be mounted"""
    no_disk: str
    """why there are none"""
    clocks: Clocks | None
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder of all of it."""
        return self.settings.data.resolve()

    def pid(self, name: str) -> int | None:
        """Return the pid of a part, or None while it does not run."""
        return self.supervisor.state.children[name].pid

    def is_ready(self, name: str) -> bool:
        """Tell whether a part runs and does its work."""
        return self.supervisor.state.children[name].state == "ready"

    async def until_ready(self, name: str, restarts: int = 0) -> None:
        """Return when a part is ready and was restarted that often."""
        await self.supervisor.until(
            lambda state: (
                state.children[name].state == "ready" and state.children[name].restarts >= restarts
            )
        )

    def reach(self, name: str) -> Settings:
        """Return the settings with which one reaches the stores by its own way."""
        kafka, postgres = self.settings.kafka, self.settings.postgres
        if name in self.listeners:
            address = f"{HOST}:{self.listeners[name]}"
            kafka = kafka.model_copy(update={"bootstrap_servers": address})
        if "database" in OUTSIDE.get(name, STORES):
            dsn = f"postgresql://hoatoc@/hoatoc?host={quote(str(self.data / 'way' / name))}"
            postgres = postgres.model_copy(update={"dsn": dsn})
        return self.settings.model_copy(update={"kafka": kafka, "postgres": postgres})

    def program(self, name: str, host: str = "first") -> Child:
        """Return a program to run; `host` tells instances apart."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        env |= environment(self.reach(name))
        env |= {f"{PREFIX}PAGER_SIGNING_KEY": str(self.data / "webhook-key.pem"), "HOSTNAME": host}
        if self.clocks and name in CLOCKED:
            env |= self.clocks.environment(name)
        suffix = "" if host == "first" else f"-{host}"
        return Child(
            name=name,
            stage=_PROGRAM_STAGE,
            argv=(sys.executable, "-m", PROGRAMS[name]),
            log=self.data / "logs" / f"{name}{suffix}.log",
            cwd=Path.cwd(),
            env=env,
        )


@asynccontextmanager
async def deployment(
    settings: Settings, console: Console, prepare: Prepare
) -> AsyncIterator[Deployment]:
    """Run a deployment in a folder; raises what the embedded parts raise."""
    with folder.held(settings.data):
        supervisor = Supervisor(settings.data, lambda line: console.print(line, soft_wrap=True))
        data = settings.data.resolve()
        try:
            clocks = _clocks(data)
            disks, no_disk = await _small_disks(settings)
            reached, ways = await _stores(settings, supervisor, console)
            await prepare(reached)
            async with _proxy(reached, ways, data) as proxy:
                ports = {way.name.lower(): way.advertised for way in ways}
                running = Deployment(reached, supervisor, proxy, ports, disks, no_disk, clocks)
                running.children = {name: running.program(name) for name in PROGRAMS}
                try:
                    await supervisor.start(list(running.children.values()))
                    yield running
                finally:
                    await supervisor.stop()  # while their ways are open
        finally:
            await supervisor.stop()


def libfaketime() -> Path | None:
    """Return the library by which clocks are set, if it is installed."""
    roots = ("/usr/lib", "/usr/local/lib")
    found = [path for root in roots for path in Path(root).glob(f"*/{_FAKETIME}")]
    return next((path for path in (*found, Path("/usr/lib") / _FAKETIME) if path.exists()), None)


def _clocks(data: Path) -> Clocks | None:
    library = libfaketime()
    if library is None:
        return None
    clocks = Clocks(library, data / "clock")
    clocks.folder.mkdir()
    for name in CLOCKED:
        clocks.set(name, 0)
    return clocks


async def _small_disks(settings: Settings) -> tuple[dict[str, Path], str]:
    """Put each store on a disk of its own; what the database made so far moves along."""
    data = settings.data.resolve()
    homes = {name: data / name for name in STORES}
    child, _ = await asyncio.to_thread(database, settings, data / "logs" / "database.log")
    try:
        homes["broker"].mkdir()
        disk.mount(homes["broker"], QUOTA_MIB["broker"], "0755")
        made = homes["database"].rename(data / "database.made")
        homes["database"].mkdir()
        disk.mount(homes["database"], QUOTA_MIB["database"], "0700", child.user)
    except disk.DiskRefused as refused:
        if (data / "database.made").exists():
            homes["database"].rmdir()
            (data / "database.made").rename(homes["database"])
        return {}, str(refused)
    await asyncio.to_thread(_move, made, homes["database"], child.user)
    return homes, ""


def _move(source: Path, target: Path, owner: tuple[int, int] | None) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)
    shutil.rmtree(source)
    for entry in [target, *target.rglob("*")]:
        if owner:
            os.chown(entry, *owner)


async def _stores(
    settings: Settings, supervisor: Supervisor, console: Console
) -> tuple[Settings, list[Listener]]:
    logs = settings.data.resolve() / "logs"
    child, dsn = await asyncio.to_thread(database, settings, logs / "database.log")
    await supervisor.start([child])
    names = [name for name in (*PROGRAMS, *OUTSIDE) if "broker" in OUTSIDE.get(name, STORES)]
    ports = free_ports(HOST)
    ways = [Listener(name.upper(), next(ports), next(ports)) for name in names]
    jars = await fetch(settings.embedded.cache.resolve(), console)
    child, servers = await asyncio.to_thread(broker, settings, logs / "broker.log", jars, ways)
    await supervisor.start([child])
    return settings.model_copy(
        update={
            "postgres": settings.postgres.model_copy(update={"dsn": dsn}),
            "kafka": settings.kafka.model_copy(update={"bootstrap_servers": servers}),
        }
    ), ways


@asynccontextmanager
async def _proxy(settings: Settings, ways: Sequence[Listener], data: Path) -> AsyncIterator[Actor]:
    links = [
        {
            "name": f"{way.name.lower()}/broker",
            "listen": f"{HOST}:{way.advertised}",
            "address": f"{HOST}:{way.port}",
        }
        for way in ways
    ]
    sockets = Path(settings.postgres.dsn.partition("host=")[2].replace("%2F", "/"))
    for name in (*PROGRAMS, *OUTSIDE):
        if "database" in OUTSIDE.get(name, STORES):
            way = data / "way" / name
            way.mkdir(parents=True)
            links.append(
                {
                    "name": f"{name}/database",
                    "listen": str(way / _SOCKET),
                    "address": str(sockets / _SOCKET),
                }
            )
    file = data / "links.json"
    file.write_text(json.dumps(links), "utf-8")
    async with actor("proxy", ["tests.chaos.proxy", file], data / "logs" / "proxy.log") as proxy:
        yield proxy
