"""A run: a deployment under load, its faults, its settling, its record."""

import asyncio
import json
import logging
import math
import os
import platform
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console

from hoatoc.config import Gateway, Kafka, Metrics, Pager, Relay, Settings
from hoatoc.embedded.port import free_ports
from hoatoc.history.note import Fault, Load
from hoatoc.history.record import Leak
from hoatoc.history.save import Notebook, now_ms
from hoatoc.postgres.connection import migrate
from hoatoc.postgres.credential import CredentialTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import adopt_first_calendar, create_topics, first_registry
from hoatoc.seal import Seal
from hoatoc.signing import public_key, signing_key
from hoatoc.testing.gateway import issued
from hoatoc.traffic.run import Shown, issue
from tests.chaos import record
from tests.chaos.actor import actor
from tests.chaos.deployment import deployment
from tests.chaos.door import LEAST_RATE, Reached, reached
from tests.chaos.fault.process import ready
from tests.chaos.kind import FULL_MINUTES, GAPS_S, LANES, OPENING, needs
from tests.chaos.leak import leaks
from tests.chaos.receiver import Receiver, receiving
from tests.chaos.sample import Sample, Sampler
from tests.chaos.schedule import Planned, more, opening, schedule
from tests.chaos.settle import Stuck, settle
from tests.chaos.world import Organs, World

ORGANS, AGENCIES = first_registry()[:32], first_registry()[32:40]
"""those that speak Kafka, and those that hand over and take at the other doors"""
PARTITIONS = 8
GROUPS = 2
RATE = 260.0
"""copies a second that are meant, a little above what must be reached"""
LONGEST_STEP_S = 86_400.0
"""what is shown at the doors stays valid however the gateway's clock is set"""
LATE_S = 20.0
PAGER_S = 2.0
QUIET_S = 5.0
"""load without faults, at the beginning"""
PATIENCE_S = 150.0
"""how long nothing may move before it counts as stuck: longer than the longest pause of a retry"""
POLICY = """
name = "chaos"
max_gap_s = 5
grace_s = 3
"""
LIMITS = """
[limits.{urgency}]
publish_s = 10
arrive_s = 6
accept_s = 6
recall_s = 6
"""
URGENCIES = ("normal", "urgent", "very_urgent", "express", "timed_express")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a run."""

    minutes: float
    seed: int
    rate: float
    burst: int
    folder: Path
    """everything of the run lives there; the record in `record/`"""


@dataclass(slots=True)
class Ran:
    """What is known of a run when it is over, beside its record."""

    plan: Plan
    began: datetime
    machine: str
    faults: list[Fault] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    stuck: list[Stuck] = field(default_factory=list)
    load_ms: tuple[int, int] = (0, 0)
    load: Reached = field(default_factory=lambda: Reached(0.0, 0.0, 0))
    leaks: list[Leak] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    traffic: dict[str, Any] = field(default_factory=dict)
    """what the agencies at the other doors say"""
    unanswered: list[str] = field(default_factory=list)
    """hand-overs by Kafka of which nobody was told what became of them"""
    unsigned: int = 0
    tried: int = 0
    kept: int = 0
    log_records: int = 0


def burst_for(minutes: float) -> int:
    """Return how many deadlines shall fall into one second in a run of this length."""
    return 100_000 if minutes >= FULL_MINUTES else round(minutes * 1000)


def burst_late_s(copies: int) -> float:
    """Return how late the answers to a burst come: when it is out, and its deadlines are broken."""
    return 30.0 + max(copies - 3000, 0) / 500


async def run(plan: Plan, console: Console) -> Ran:
    """Run chaos; raises what keeps a run from proving anything."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the broker is away at times
    ran = Ran(plan, datetime.now(UTC), machine())
    (plan.folder / "record").mkdir()
    (plan.folder / "logs").mkdir()
    async with world(plan) as (one, notes, console_settings):
        sampler = Sampler(one, PARTITIONS)
        async with asyncio.TaskGroup() as tasks:
            sampling = tasks.create_task(sampler.run())
            await _torture(one, plan, ran, notes, console)
            console.print("settling")
            ran.stuck = await settle(one, sampler, PATIENCE_S)
            sampling.cancel()
        ran.samples = sampler.samples
        sent = await one.senders.ask(do="count")
        ran.traffic = await one.agencies.ask(do="count")
        ran.counts = sent | {"repeated_by_senders": sent["repeated"]} | await one.organs.count()
        ran.unsigned, ran.tried = one.receiver.unsigned, one.receiver.tried
        ran.kept = one.receiver.kept
        ran.load = reached(ran.faults, ran.samples, ran.load_ms)
        notes.write(
            Load(
                at_ms=ran.load_ms[0],
                seconds=ran.load.open_s,
                deliveries=ran.load.copies,
                rate=LEAST_RATE,
            )
        )
        console.print("writing the record")
        codes = [organ.code for organ in (*ORGANS, *AGENCIES)]
        folder = plan.folder / "record"
        ran.leaks = await asyncio.to_thread(leaks, folder, one.running.data)
        ran.unanswered = await record.unanswered(console_settings, codes)
        ran.log_records = await record.complete(console_settings, codes, folder, plan.seed)
    return ran


@asynccontextmanager
async def world(plan: Plan) -> AsyncIterator[tuple[World, Notebook, Settings]]:
    """Make everything that a run needs; its end is the end of it all."""
    chance = random.Random(plan.seed)
    notes_of = plan.folder / "record"
    async with AsyncExitStack() as held:
        paged = held.enter_context(Notebook(notes_of / "receiver.jsonl"))
        notes = held.enter_context(Notebook(notes_of / "faults.jsonl"))
        receiver = await held.enter_async_context(
            receiving(Receiver(paged, random.Random(plan.seed + 1), PAGER_S + 1))
        )
        settings = _settings(plan, receiver.url)
        console = Console(
            file=held.enter_context((plan.folder / "logs" / "supervisor.log").open("w"))
        )
        running = await held.enter_async_context(deployment(settings, console, _prepare))
        reached = running.settings
        receiver.public_key = public_key(signing_key(running.data / "webhook-key.pem"))
        codes = [organ.code for organ in ORGANS]
        alone = chance.choice(codes)
        rest = [code for code in codes if code != alone]
        at_doors = [organ.code for organ in AGENCIES]
        groups = [at_doors, *(rest[n::GROUPS] for n in range(GROUPS)), [alone]]
        servers = running.reach("organs").kafka.bootstrap_servers
        late = (LATE_S, burst_late_s(plan.burst))
        organs = Organs(servers, plan.seed, *late, plan.folder, groups, silent=0)
        held.push_async_callback(organs.stop)
        for group in range(len(groups)):
            await organs.start(group)
        file = plan.folder / "senders.json"
        config = {
            "data": str(running.data),
            "policy": settings.policy,
            "servers": servers,
            "dsn": running.reach("door").postgres.dsn,
            "partitions": PARTITIONS,
            "codes": codes,
            "seed": plan.seed,
            "rate": plan.rate,
            "gateway": reached.gateway.url,
            "keys": await _keys(reached, codes),
            "record": str(notes_of / "senders.jsonl"),
        }
        file.write_text(json.dumps(config), "utf-8")
        log = plan.folder / "logs" / "senders.log"
        senders = await held.enter_async_context(actor("senders", ["tests.chaos.load", file], log))
        playing = await _agencies(reached, plan, servers)
        log = plan.folder / "logs" / "agencies.log"
        agencies = await held.enter_async_context(
            actor("agencies", ["tests.chaos.agencies", playing], log)
        )
        yield (
            World(running, senders, agencies, organs, receiver, codes, chance, plan.burst),
            notes,
            reached,
        )


async def _keys(settings: Settings, codes: Sequence[str]) -> dict[str, str]:
    """Issue a key of the gateway for each organ."""
    connection = await asyncpg.connect(settings.postgres.dsn)
    try:
        return {code: await issued(connection, settings, code) for code in codes}
    finally:
        await connection.close()


async def _agencies(settings: Settings, plan: Plan, servers: str) -> Path:
    """Write what the agencies at the other doors must know; return the file."""
    shown, seconds = Shown({}, {}, []), plan.minutes * 60
    connection = await asyncpg.connect(settings.postgres.dsn)
    try:
        tables = CredentialTables(connection, Seal(settings.seal_key))
        organs = [organ.code for organ in AGENCIES]
        await issue(shown, tables, organs, seconds + LONGEST_STEP_S)
    finally:
        await connection.close()
    file = plan.folder / "agencies.json"
    config = {
        "url": settings.gateway.url,
        "servers": servers,
        "folder": str(plan.folder / "agencies"),
        "keys": shown.keys,
        "secrets": shown.secrets,
        "seed": plan.seed,
        "seconds": seconds,
        "record": str(plan.folder / "record" / "agencies.jsonl"),
    }
    file.write_text(json.dumps(config), "utf-8")
    return file


def _settings(plan: Plan, webhook: str) -> Settings:
    policy = plan.folder / "policy.toml"
    policy.write_text(POLICY + "".join(LIMITS.format(urgency=u) for u in URGENCIES), "utf-8")
    return Settings(
        data=plan.folder / "data",
        policy=str(policy),
        kafka=Kafka(partitions=PARTITIONS),
        pager=Pager(webhook_url=webhook, timeout_s=PAGER_S),
        relay=Relay(lease_s=8, unsent_after_s=20),
        metrics=Metrics(port=0),
        gateway=Gateway(port=next(free_ports("127.0.0.1"))),
    )


async def _prepare(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.postgres.dsn)
    await migrate(connection)
    organs = (*ORGANS, *AGENCIES)
    await RegistryTables(connection).add_organs(organs)
    await adopt_first_calendar(connection)
    await connection.close()
    await create_topics(settings, organs)


async def _torture(one: World, plan: Plan, ran: Ran, notes: Notebook, console: Console) -> None:
    """Begin with what opens; then load it, and let the faults come, each lane by itself."""
    loop = asyncio.get_running_loop()
    await one.agencies.ask(do="start")
    await asyncio.sleep(QUIET_S)
    first = Lane(OPENING, one, math.inf, ran.faults, notes, console)
    for planned in opening(plan.seed, plan.minutes):
        await first.apply(planned, random.Random(plan.seed))
    await one.senders.ask(do="start")
    begin, end = now_ms(), loop.time() + plan.minutes * 60
    async with asyncio.TaskGroup() as tasks:
        for number, faults in enumerate(schedule(plan.seed, plan.minutes)):
            lane = Lane(LANES[number], one, end, ran.faults, notes, console)
            tasks.create_task(lane.run(faults, plan, number))
    await asyncio.sleep(max(end - loop.time(), 0))
    ran.load_ms = (begin, now_ms())


@dataclass(slots=True)
class Lane:
    """Faults that wait for one another."""

    name: str
    world: World
    end: float
    faults: list[Fault]
    notes: Notebook
    console: Console

    async def run(self, planned: Sequence[Planned], plan: Plan, number: int) -> None:
        """Apply faults while there is time: those planned, then those that failed, then more."""
        chance = random.Random(f"{plan.seed}/{number}")
        failed = [one for one in planned if not await self.apply(one, chance)]
        for one in failed:
            await self.apply(one, chance)
        for one in more(plan.seed, number, plan.minutes):
            if self._left_s() < max(one.seconds, 1):
                return
            await self.apply(one, chance)

    def _left_s(self) -> float:
        return self.end - asyncio.get_running_loop().time()

    async def apply(self, one: Planned, chance: random.Random) -> bool:
        """Apply a fault and note it; tell whether it was seen."""
        if one.seconds > self._left_s():
            return False
        for part in needs(one.kind, one.target):
            await ready(self.world, part)
        if one.seconds > self._left_s():
            return False
        at_ms = now_ms()
        outcome = await one.kind.apply(self.world, one.target, one.seconds)
        fault = Fault(
            at_ms=at_ms,
            until_ms=now_ms(),
            fault=one.kind.name,
            target=one.target,
            applied=outcome.applied,
            detail=outcome.detail,
        )
        self.faults.append(fault)
        self.notes.write(fault)
        seen = "" if outcome.applied else "NOT APPLIED: "
        seconds = (fault.until_ms - at_ms) / 1000
        self.console.print(
            f"{seconds:6.1f} s  {one.kind.name:<20} {one.target:<18} {seen}{outcome.detail}",
            highlight=False,
            soft_wrap=True,
        )
        await asyncio.sleep(min(chance.uniform(*GAPS_S[self.name]), max(self._left_s(), 0)))
        return outcome.applied


def machine() -> str:
    """Say what this runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} processors, "
        f"{memory:.0f} GiB, Python {platform.python_version()}"
    )
