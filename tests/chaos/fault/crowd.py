"""Faults of company: a second instance of a program joins, takes over, stands by, and leaves."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hoatoc.embedded.process import Notices, spawn
from tests.chaos.fault.process import kill
from tests.chaos.world import Outcome, World

_READY_S = 25.0
_END_S = 10.0
_LONGER_S = 60.0


@asynccontextmanager
async def another(world: World, name: str, host: str) -> AsyncIterator[tuple[Process, bool]]:
    """Run another instance of a program; yield it, and whether it became ready."""
    notices = Notices()
    process = await spawn(world.running.program(name, host), notices.address)
    try:
        yield process, await _ready(process, notices)
    finally:
        notices.close()
        await _leave(process, world.chance.choice([signal.SIGTERM, signal.SIGKILL]))


async def _ready(process: Process, notices: Notices) -> bool:
    waits = [asyncio.ensure_future(notices.ready()), asyncio.ensure_future(process.wait())]
    await asyncio.wait(waits, timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
    is_ready = waits[0].done() and not waits[1].done()
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return is_ready


async def _leave(process: Process, way: signal.Signals) -> None:
    if process.returncode is None:
        os.kill(process.pid, way)
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def storm(world: World, target: str, seconds: float) -> Outcome:
    """Let workers of a group join and leave, two at a time, in good order or killed.

    While a store is away none can join: then it goes on for up to a minute more, until one has.
    """
    loop = asyncio.get_running_loop()
    end, joined = loop.time() + seconds, 0

    def goes_on() -> bool:
        return loop.time() < (end if joined else end + _LONGER_S)

    async def come_and_go(lane: int) -> None:
        nonlocal joined
        turn = 0
        while goes_on():
            turn += 1
            async with another(world, target, f"storm-{lane}-{turn}") as (_, is_ready):
                joined += is_ready
                await asyncio.sleep(world.chance.uniform(0.5, 4))

    await asyncio.gather(*(come_and_go(lane) for lane in range(2)))
    return Outcome(joined > 0, f"{joined} joined and left")


async def take_over(world: World, target: str, seconds: float) -> Outcome:
    """Let a second instance take over the membership of the first, which goes on meanwhile."""
    async with another(world, target, "second") as (process, is_ready):
        await asyncio.sleep(seconds)
        ended = "ended by itself" if process.returncode is not None else "was ended"
    return Outcome(is_ready, f"the second {'was ready' if is_ready else 'never ready'} and {ended}")


async def stand_by(world: World, target: str, seconds: float) -> Outcome:
    """Let a second instance stand by, and kill the first."""
    async with another(world, target, "second") as (process, is_ready):
        killed = await kill(world, target, 0)
        await asyncio.sleep(seconds)
        lives = process.returncode is None
    return Outcome(
        is_ready and killed.applied,
        f"the first was killed; the second {'lives' if lives else 'died'}",
    )
