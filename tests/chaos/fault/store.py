"""Faults of a store's disk, and of clocks."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.chaos import disk
from tests.chaos.deployment import QUOTA_MIB, Clocks
from tests.chaos.fault.process import ready
from tests.chaos.world import Outcome, World

_FULL = 1024 * 1024
_STEPS_S = (-3600.0, -75.0, -8.0, 8.0, 75.0, 3600.0)
_CLOSE_S = 4.0


async def fill_disk(world: World, target: str, seconds: float) -> Outcome:
    """Leave a store no room, and give it back."""
    folder = world.running.disks.get(target)
    if folder is None:
        return Outcome(False, f"no small disk: {world.running.no_disk}")
    async with world.held[target]:
        if not await ready(world, target):
            return Outcome(False, f"{target} did not run")
        try:
            left = await asyncio.to_thread(disk.fill, folder)
            await asyncio.sleep(seconds)
            still = disk.free(folder)
        finally:
            await asyncio.to_thread(disk.empty, folder, QUOTA_MIB[target])
    return Outcome(still < _FULL, f"{left} bytes were left, {still} at the end")


async def step_clock(world: World, target: str, seconds: float) -> Outcome:
    """Set the clock of a part forwards or back, and right again after a while."""
    clocks = world.running.clocks
    if clocks is None:
        return Outcome(False, "libfaketime is not installed (Debian: apt-get install libfaketime)")
    if not await ready(world, target) or not _sees(world.running.pid(target), clocks.library):
        return Outcome(False, f"{target} does not run under libfaketime")
    step = world.chance.choice(_STEPS_S)
    clocks.set(target, step)
    try:
        await asyncio.sleep(seconds)
        shown = await _clock(clocks, target)
    finally:
        clocks.set(target, 0)
    seen = abs(shown - step) < _CLOSE_S
    return Outcome(seen, f"{step:+.0f} s; seen: {shown:+.1f} s")


def _sees(pid: int | None, library: Path) -> bool:
    return pid is not None and str(library) in Path(f"/proc/{pid}/maps").read_text()


async def _clock(clocks: Clocks, target: str) -> float:
    """Return how far off a process sees the clock of a part."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import time; print(time.time())"),
        env=clocks.environment(target),
        stdout=PIPE,
    )
    said, _ = await process.communicate()
    return float(said) - time.time()
