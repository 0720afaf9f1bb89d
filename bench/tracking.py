"""Tracking alone: a ready log of deliveries, brought into the books by ledger and tracker.

What a peer that is a stream processor does, too; so the two are compared on it.
"""

import asyncio
import time

import asyncpg

from bench import ledger, line, sample
from bench.peer import PeerFigures
from bench.section import Bench, Unmeasured
from bench.stage import crew
from hoatoc.embedded.stack import Stack
from hoatoc.policy_file import load_policy
from hoatoc.postgres.connection import pool
from hoatoc.prepare import first_registry

MOST_S = 180.0
_PAUSE_S = 0.1


async def measure(bench: Bench, running: Stack, dispatches: int) -> PeerFigures:
    """Write a log, then start ledger and tracker on it; the clock starts with the first rows."""
    settings, policy = running.settings, load_policy(running.settings)
    await ledger.fill(settings, first_registry(), policy, dispatches)
    wanted = dispatches * sample.RECIPIENTS
    async with (
        pool(settings.postgres.dsn, 1) as database,
        crew(running, {"ledger": 1, "tracker": 1}),
    ):
        began = await _begun(database)
        await line.until_complete(database, wanted)
        booked = time.perf_counter()
        await line.until_tracked(settings)
        bench.say(f"booked {booked - began:.1f} s after the first row")
        return PeerFigures(1, wanted, time.perf_counter() - began)


async def _begun(database: asyncpg.Pool) -> float:
    """Return the instant at which the first rows stand in the books."""
    deadline = time.perf_counter() + MOST_S
    while not await database.fetchval("SELECT EXISTS (SELECT FROM delivery)"):
        if time.perf_counter() > deadline:
            raise Unmeasured(f"nothing is booked after {MOST_S:g} s")
        await asyncio.sleep(_PAUSE_S)
    return time.perf_counter()
