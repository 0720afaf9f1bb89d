"""The whole line: complete deliveries a second, with everything on one machine.

A delivery is complete when it was registered, copied, published, answered with `done`, 01 and 03,
and stands accepted in the books with no deadline open.
"""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from bench import idle, sample
from bench.recipients import READY
from hoatoc.config import Settings
from hoatoc.domain.edxml import write_packet
from hoatoc.domain.policy import Policy
from hoatoc.domain.registry import Organ
from hoatoc.embedded.stack import Stack, environment
from hoatoc.examine import admission
from hoatoc.postgres.connection import pool
from hoatoc.postgres.door import Door

CONNECTIONS = 4
MOST_S = 120.0
_PAUSE_S = 0.1
_COMPLETE = "SELECT count(*) FROM delivery WHERE state = 'accepted' AND due_ms IS NULL"


class LineStuck(Exception):
    """Not every delivery was complete in time."""


@dataclass(frozen=True, slots=True)
class LineFigures:
    """How many deliveries; when all were handed over, complete, and off the tracker's list (s).

    `spent_s` is the processor time of each part until then, `senders` and `recipients` included.
    """

    deliveries: int
    handed_over_s: float
    seconds: float
    tracked_s: float
    alerts: int
    spent_s: dict[str, float]

    @property
    def rate(self) -> float:
        """Complete deliveries a second, from the first hand-over to the last one complete."""
        return self.deliveries / self.seconds


async def complete(
    running: Stack, organs: tuple[Organ, ...], policy: Policy, numbers: range
) -> LineFigures:
    """Hand over a document for each number; return when every delivery is complete.

    Raises LineStuck after two minutes.
    """
    packets = [write_packet(sample.letter(organs, number)) for number in numbers]
    wanted = len(packets) * sample.RECIPIENTS
    async with AsyncExitStack() as held:
        settings = running.settings
        admitting = held.enter_context(admission(settings, policy))
        door = Door("bench", admitting, settings.kafka.partitions)
        database = await held.enter_async_context(pool(settings.postgres.dsn, CONNECTIONS + 1))
        recipients = await held.enter_async_context(_recipients(settings))
        spent = _spent(running, recipients)
        before = await database.fetchval(_COMPLETE)
        waiting = iter(packets)
        began = time.perf_counter()
        await asyncio.gather(*(_hand_over(database, waiting, door) for _ in range(CONNECTIONS)))
        handed_over = time.perf_counter() - began
        await _until_complete(database, before + wanted)
        seconds = time.perf_counter() - began
        await _until_untracked(running)
        tracked = time.perf_counter() - began
        spent = {k: v - spent[k] for k, v in _spent(running, recipients).items()}
        alerts = await database.fetchval("SELECT count(*) FROM alert")
    return LineFigures(wanted, handed_over, seconds, tracked, alerts, spent)


def _spent(running: Stack, recipients: int) -> dict[str, float]:
    """Return the processor time so far of each part; the bench itself plays the senders."""
    found = idle.spent(running)
    own = {"senders": found.pop("supervisor"), "recipients": idle.seconds(recipients)}
    return found | own


async def _hand_over(database: asyncpg.Pool, packets: Iterator[bytes], door: Door) -> None:
    async with database.acquire() as connection:
        for packet in packets:
            await door.take(connection, packet)


async def _until_complete(database: asyncpg.Pool, wanted: int) -> None:
    deadline = time.monotonic() + MOST_S
    while (found := await database.fetchval(_COMPLETE)) < wanted:
        if time.monotonic() > deadline:
            raise LineStuck(f"{found} of {wanted} deliveries are complete after {MOST_S:g} s")
        await asyncio.sleep(_PAUSE_S)


async def _until_untracked(running: Stack) -> None:
    """Return when the tracker, too, has closed every deadline; it says so at every tick."""
    url = f"http://127.0.0.1:{running.state.children['tracker'].metrics_port}/metrics"
    deadline = time.monotonic() + MOST_S
    async with aiohttp.ClientSession() as session:
        while found := await _tracked(session, url):
            if time.monotonic() > deadline:
                raise LineStuck(f"the tracker holds {found:g} open deliveries after {MOST_S:g} s")
            await asyncio.sleep(_PAUSE_S)


async def _tracked(session: aiohttp.ClientSession, url: str) -> float:
    async with session.get(url) as response:
        families = text_string_to_metric_families(await response.text())
    return sum(
        sample.value
        for family in families
        if family.name == "hoatoc_open_deliveries"
        for sample in family.samples
    )


@asynccontextmanager
async def _recipients(settings: Settings) -> AsyncIterator[int]:
    """Have the recipients answer meanwhile; yield their pid."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.recipients"),
        env={**os.environ, **environment(settings)},
        stdout=PIPE,
    )
    try:
        if process.stdout is None or (await process.stdout.readline()).decode().strip() != READY:
            raise LineStuck("the recipients do not start")
        yield process.pid
    finally:
        process.terminate()
        await process.wait()
