"""A load of hand-overs: as fast as the doors take them, or at instants drawn beforehand.

At instants drawn beforehand (an open loop), no hand-over waits for another, and what is measured is
measured from the instant meant, so a line that stalls is charged for everything that it delayed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from uuid import UUID

import asyncpg

from bench import sample
from hoatoc.config import Settings
from hoatoc.domain.edxml import write_packet
from hoatoc.examine import admission
from hoatoc.policy_file import load_policy
from hoatoc.postgres.connection import pool
from hoatoc.postgres.door import Door
from hoatoc.prepare import first_registry

CONNECTIONS = 4
AT_MOST = 16


@dataclass(frozen=True, slots=True)
class Sent:
    """A hand-over: the instant meant for it (wall clock, ns since 1970 UTC) and its dispatch."""

    meant_ns: int
    dispatch_id: UUID


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors through which the bench hands over, each hand-over on a connection of its own."""

    door: Door
    database: asyncpg.Pool

    async def all(self, packets: Sequence[bytes]) -> None:
        """Hand packets over as fast as a few connections can."""
        waiting = iter(packets)
        await asyncio.gather(*(self._some(waiting) for _ in range(CONNECTIONS)))

    async def _some(self, waiting: Iterator[bytes]) -> None:
        async with self.database.acquire() as connection:
            for packet in waiting:
                await self.door.take(connection, packet)

    async def paced(self, packets: Sequence[bytes], rate: float) -> list[Sent]:
        """Hand packets over at random instants, so many a second on average."""
        drawn, at_s, going = Random(len(packets)), 0.0, []
        begin_ns, began = time.time_ns(), time.perf_counter()
        for packet in packets:
            at_s += drawn.expovariate(rate)
            await asyncio.sleep(began + at_s - time.perf_counter())
            going.append(asyncio.create_task(self._one(packet, begin_ns + round(at_s * 1e9))))
        return list(await asyncio.gather(*going))

    async def _one(self, packet: bytes, meant_ns: int) -> Sent:
        async with self.database.acquire() as connection:
            handed = await self.door.take(connection, packet)
        return Sent(meant_ns, handed.sent_as)


@asynccontextmanager
async def doors(settings: Settings) -> AsyncIterator[Doors]:
    """Open the doors."""
    with admission(settings, load_policy(settings)) as admitting:
        door = Door("bench", admitting, settings.kafka.partitions)
        async with pool(settings.postgres.dsn, AT_MOST) as database:
            yield Doors(door, database)


def letters(first: int, number: int) -> list[bytes]:
    """Return letters to 38 organs each, numbered from the first on."""
    organs = first_registry()
    return [write_packet(sample.letter(organs, first + n)) for n in range(number)]
