"""Faults from outside: the receiver of pages, a dead recipient, poison, a burst of deadlines."""

import asyncio
import signal
from uuid import uuid4

import asyncpg
from aiokafka.errors import KafkaError

from hoatoc import codec
from hoatoc.domain.event import Tick
from hoatoc.kafka.client import BrokerAway, producer
from tests.chaos.fault.process import pids, ready, send, state_of, until
from tests.chaos.world import Outcome, World

_POISON_EACH = 2
_WAITING = "SELECT count(*) FROM outbox WHERE state IN ('unsent', 'claimed')"
_PAUSE_S = 0.5


async def spoil_receiver(world: World, mood: str, seconds: float) -> Outcome:
    """Have the receiver of pages be slow, refuse, fail, or die with the page taken.

    It goes on until a page has come, three times as long at the most.
    """
    before, world.receiver.mood = world.receiver.spoilt, mood
    try:
        for _ in range(3):
            await asyncio.sleep(seconds)
            if world.receiver.spoilt > before:
                break
    finally:
        world.receiver.mood = ""
    spoilt = world.receiver.spoilt - before
    return Outcome(spoilt > 0, f"{spoilt} pages answered so")


async def bury_organ(world: World, target: str, seconds: float) -> Outcome:
    """Have a recipient be dead for a long time, and begin anew from its first document."""
    group = len(world.organs.groups) - 1
    await world.organs.kill(group)
    try:
        await asyncio.sleep(seconds)
    finally:
        await world.organs.start(group)
    return Outcome(True, f"{', '.join(world.organs.groups[group])} away for {seconds:.0f} s")


async def kill_spool(world: World, target: str, seconds: float) -> Outcome:
    """Kill the spool of an agency, which its service manager starts again."""
    spools = (await world.agencies.ask(do="count"))["spools"]
    found = [world.chance.choice(spools)] if spools else []
    send(signal.SIGKILL, found)
    gone = await until(lambda: all(state_of(pid) in "XZ" for pid in found))
    return Outcome(bool(found) and gone, f"SIGKILL to {len(found)}")


async def poison(world: World, target: str, seconds: float) -> Outcome:
    """Write what nobody can read into topics that organs may write to."""
    confirmed = 0
    values = [b"", world.chance.randbytes(40), codec.MARKER + b"12345678", _stranger(), None]
    try:
        async with asyncio.timeout(max(seconds, 10)), producer(world.running.settings.kafka) as to:
            for organ in world.chance.sample(list(world.codes), min(8, len(world.codes))):
                for value in world.chance.sample(values, _POISON_EACH):
                    keys = [b"\xff\xfe", str(uuid4()).encode(), *([None] if value else [])]
                    key = world.chance.choice(keys)
                    await to.send_and_wait(f"{target}.{organ}", value, key=key)
                    confirmed += 1
    except (BrokerAway, KafkaError, TimeoutError, OSError):
        pass  # what was confirmed counts
    return Outcome(confirmed > 0, f"{confirmed} records")


def _stranger() -> bytes:
    """Return an event that no organ may write."""
    return codec.encode(
        Tick(
            event_id=uuid4(),
            path="intake",
            shard=0,
            shards=1,
            paths=["intake"],
            writer="organ",
            clock_ms=0,
            max_gap_ms=5_000,
            calendar_version=0,
        )
    )


TICKING = ("intake", "gateway")
"""the programs that carry time"""


async def burst(world: World, target: str, seconds: float) -> Outcome:
    """Let many deadlines fall into one second: while no tick comes, all begin at one instant.

    Those that tick are stopped until the whole burst is published.
    """
    before = (await world.senders.ask(do="count"))["burst_copies"]
    async with world.held["intake"], world.held["gateway"]:
        if not all([await ready(world, name) for name in TICKING]):
            return Outcome(False, "intake or the gateway did not run")
        found = [pid for name in TICKING for pid in pids(world, name)]
        send(signal.SIGSTOP, found)
        try:
            await world.senders.ask(do="burst", deliveries=world.burst)
            published = await _published(world, before, seconds)
        finally:
            send(signal.SIGCONT, found)
    return Outcome(published > 0, f"{published} copies published while time stood still")


async def _published(world: World, before: int, seconds: float) -> int:
    """Wait until a burst is handed over and published; return how many copies, 0 when it is not."""
    try:
        async with asyncio.timeout(seconds):
            while (copies := (await world.senders.ask(do="count"))["burst_copies"] - before) <= 0:
                await asyncio.sleep(_PAUSE_S)
            while await _waiting(world.running.settings.postgres.dsn):
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        return 0
    return int(copies)


async def _waiting(dsn: str) -> int:
    """Return how many of a burst wait in the outbox; one when the database does not say."""
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return int(await connection.fetchval(f"{_WAITING} AND priority = 4"))
        finally:
            connection.terminate()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return 1
