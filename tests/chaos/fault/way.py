"""Faults of the ways between programs and stores: cut, stalled, late, deaf, and answers lost."""

import asyncio

from tests.chaos.world import Outcome, World


async def _turned(world: World, way: str, mode: str, seconds: float, delay_s: float = 0) -> Outcome:
    """Have the proxy do something to a way for a while."""
    proxy = world.running.proxy
    async with world.held[way]:
        before = await proxy.ask(link=way, mode=mode, delay_s=delay_s)
        try:
            await asyncio.sleep(seconds)
        finally:
            after = await proxy.ask(link=way, mode="pass")
        done = after["done"]
        open_then = before["connections"]
        seen = done > 0 or (mode == "stall" and open_then > 0)
        return Outcome(seen, f"{open_then} connections, {done} times")


async def cut(world: World, way: str, seconds: float) -> Outcome:
    """Break every connection off, and every new one at once."""
    return await _turned(world, way, "cut", seconds)


async def stall(world: World, way: str, seconds: float) -> Outcome:
    """Let nothing through, and break nothing off."""
    return await _turned(world, way, "stall", seconds)


async def late(world: World, way: str, seconds: float) -> Outcome:
    """Hand what the store says over late."""
    delay_s = world.chance.choice([0.2, 0.5, 1.5])
    found = await _turned(world, way, "late", seconds, delay_s)
    return Outcome(found.applied, f"{found.detail}, {delay_s:g} s late")


async def deaf(world: World, way: str, seconds: float) -> Outcome:
    """Let the store hear everything and none of its answers through, then break off."""
    return await _turned(world, way, "deaf", seconds)


async def lose_answer(world: World, way: str, seconds: float) -> Outcome:
    """Break off whenever the database says that something was committed."""
    return await _turned(world, way, "lost", seconds)
