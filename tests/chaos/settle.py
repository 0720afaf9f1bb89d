"""Settling: everything comes to its end, and the log too; what does not is stuck."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import asyncpg

from tests.chaos.fault.outside import TICKING
from tests.chaos.fault.process import pids, ready, send
from tests.chaos.sample import Sampler
from tests.chaos.world import World

_PAUSE_S = 0.5
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_DOCUMENTS = """
SELECT greatest($1::bigint - (SELECT count(*) FROM handover), 0)
"""
_COPIES = """
SELECT count(*) FROM handover_recipient r JOIN outbox o USING (dispatch_id) WHERE o.state = 'sent'
"""
OUTBOX = "SELECT count(*) FROM outbox WHERE state IN ('unsent', 'claimed')"
RECALLS = "SELECT count(*) FROM recall WHERE state IN ('unsent', 'claimed')"
RUNNING = "SELECT count(*) FROM delivery WHERE wake_ms IS NOT NULL"
UNTOLD = "SELECT count(*) FROM announcement"
UNPAGED = "SELECT count(*) FROM page WHERE state = 'pending'"
_STILL = 4


class Stuck(NamedTuple):
    """Something that did not come to its end in time."""

    what: str
    left: int
    seconds: float


Left = Callable[[], Awaitable[int | None]]


async def settle(world: World, sampler: Sampler, patience_s: float) -> list[Stuck]:
    """Wait until all that was begun has come to its end and no time passes any more."""
    dsn = world.running.settings.postgres.dsn
    documents = (await world.senders.ask(do="stop"))["documents"]
    for name in world.running.children:
        await ready(world, name)

    async def not_handed_over() -> int | None:
        letters = sum((await world.agencies.ask(do="count"))["letters"].values())
        return await _ask(dsn, _DOCUMENTS, documents + letters)

    async def at_work() -> int:
        return int((await world.agencies.ask(do="count"))["handing_over"])

    async def not_taken() -> int:
        return len((await world.agencies.ask(do="count"))["missing"])

    waits: list[tuple[str, Left]] = [
        ("agencies that have not handed all over", at_work),
        ("documents not handed over", not_handed_over),
        ("dispatches not published", lambda: _ask(dsn, OUTBOX)),
        ("recalls not published", lambda: _ask(dsn, RECALLS)),
        ("copies not taken", lambda: _unsaid(world, dsn, "taken")),
        ("copies not taken by agencies at other doors", not_taken),
        ("copies of which not all was said", lambda: _unsaid(world, dsn, "said")),
        ("deadlines that run", lambda: _ask(dsn, RUNNING)),
    ]
    stuck = [found for what, left in waits if (found := await _until(what, left, patience_s))]
    for name in TICKING:
        send(signal.SIGSTOP, pids(world, name))  # no more ticks: the log has an end
    waits = [
        ("records not booked", _still(sampler)),
        ("announcements not made", lambda: _ask(dsn, UNTOLD)),
        ("records not booked after all", _still(sampler)),
        ("pages not delivered", lambda: _ask(dsn, UNPAGED)),
    ]
    return stuck + [
        found for what, left in waits if (found := await _until(what, left, patience_s))
    ]


async def _until(what: str, left: Left, patience_s: float) -> Stuck | None:
    """Wait for nothing to be left; return what is when patience ends without any progress."""
    loop = asyncio.get_running_loop()
    since, least = loop.time(), None
    while (found := await left()) != 0:
        if found is not None and (least is None or found < least):
            since, least = loop.time(), found
        if loop.time() - since > patience_s:
            return Stuck(what, -1 if found is None else found, loop.time() - since)
        await asyncio.sleep(_PAUSE_S)
    return None


async def _ask(dsn: str, query: str, *words: object) -> int | None:
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return int(await connection.fetchval(query, *words, timeout=30))
        finally:
            connection.terminate()
    except _AWAY:
        return None


async def _unsaid(world: World, dsn: str, what: str) -> int | None:
    sent = await _ask(dsn, _COPIES)
    return None if sent is None else max(sent - (await world.organs.count()).get(what, 0), 0)


def _still(sampler: Sampler) -> Left:
    """Return a test that the log has been booked to an end that no longer moves."""

    async def left() -> int | None:
        last = sampler.samples[-_STILL:]
        if any(sample.lag is None for sample in last):
            return None
        moved = len({sample.end for sample in last}) - 1
        return max(sample.lag or 0 for sample in last) + moved

    return left
