"""Faults of processes: killed by SIGKILL, or stopped for a while and woken as zombies."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg

from tests.chaos.world import Outcome, World

_READY_S = 60.0
_CLAIMED_S = 3.0
_SEEN_S = 5.0
_PAUSE_S = 0.02


def pids(world: World, name: str) -> list[int]:
    """Return the processes of a part: one, but of the database all its backends."""
    if name == "database":
        return list(_backends(world.running.data / "database"))
    pid = world.running.pid(name)
    return [pid] if pid is not None else []


def _backends(home: Path) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is not ours
            if (entry / "comm").read_text() == "postgres\n" and (entry / "cwd").readlink() == home:
                yield int(entry.name)


def state_of(pid: int) -> str:
    """Return the kernel's letter for what a process does; X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def send(number: signal.Signals, found: list[int]) -> None:
    """Send a signal to processes; one that has ended meanwhile is passed over."""
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


async def ready(world: World, name: str) -> bool:
    """Wait until a part runs; tell whether it does."""
    try:
        await asyncio.wait_for(world.running.until_ready(name), _READY_S)
    except TimeoutError:
        return False
    return True


async def kill(world: World, target: str, seconds: float) -> Outcome:
    """Kill a part; a relay when it has begun and not ended."""
    async with world.held[target]:
        if not await ready(world, target):
            return Outcome(False, f"{target} did not run")
        claimed = target == "relay" and await _claimed(world.running.settings.postgres.dsn)
        found = pids(world, target)
        send(signal.SIGKILL, found)
        gone = await until(lambda: all(state_of(pid) in "XZ" for pid in found))
        way = "with documents on their way" if claimed else ""
        return Outcome(bool(found) and gone, f"SIGKILL to {len(found)} {way}".strip())


async def _claimed(dsn: str) -> bool:
    """Wait a little for documents that are on their way."""
    query = "SELECT count(*) FROM outbox WHERE state = 'claimed'"
    try:
        async with asyncio.timeout(_CLAIMED_S):
            connection = await asyncpg.connect(dsn)
            try:
                while not await connection.fetchval(query):
                    pass
            finally:
                connection.terminate()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


async def pause(world: World, target: str, seconds: float) -> Outcome:
    """Stop a part, and let it go on as if nothing had been."""
    async with world.held[target]:
        if not await ready(world, target):
            return Outcome(False, f"{target} did not run")
        found = pids(world, target)
        send(signal.SIGSTOP, found)
        try:
            stopped = await until(lambda: all(state_of(pid) in "TtXZ" for pid in found))
            await asyncio.sleep(seconds)
            still = sum(state_of(pid) in "Tt" for pid in found)
        finally:
            send(signal.SIGCONT, found)
        return Outcome(stopped and still > 0, f"{still} stopped for {seconds:.0f} s")


async def until(test: Callable[[], bool]) -> bool:
    """Wait a little for a test to pass; tell whether it did."""
    try:
        async with asyncio.timeout(_SEEN_S):
            while not test():
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        return False
    return True
