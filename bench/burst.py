"""Many deadlines that pass in one second: how long until all their alerts stand in `alerts`.

The whole stack works on it. The floor writes as many encoded alerts as announcements and sends
them, by the same statements, with nobody to decide.
"""

import asyncio
import time
from dataclasses import dataclass
from uuid import uuid4

import asyncpg

from bench import filling, use
from bench.deadline import courses
from bench.observer import Observer, observing
from bench.section import Bench, Plot, Report, Row, Unmeasured
from bench.stage import ALL, Crew, crew, fresh, worker
from consumers import alerts
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.event import AlertRaised
from hoatoc.kafka.client import outgoing, producer
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.testing.audit import read

DEADLINES = 100_000
FILL_S = 120.0
ARRIVE_S = 10.0
GOAL_S = 60
MOST_S = 420.0
_BATCH = 2_000
_PAUSE_S = 1.0
_DUES = "SELECT partition, max(due_ms) FROM delivery WHERE due_ms IS NOT NULL GROUP BY partition"


@dataclass(frozen=True, slots=True)
class BurstFigures:
    """Seconds from the due to each alert, in order; processor seconds by part; the floor's."""

    seconds: list[float]
    spent_s: dict[str, float]
    found_by: dict[str, int]
    floor_s: float


async def report(bench: Bench) -> Report:
    """Fill the books, start all programs, and last intake, whose ticks make all dues pass."""
    wanted = bench.size(DEADLINES, filling.SEED * 38)
    async with fresh(bench.console, arrive_s=ARRIVE_S) as running:
        settings = running.settings
        async with pool(settings.postgres.dsn, 2) as database:
            seeded = await filling.seed(settings, answered=False)
            held = await filling.multiply(bench, database, seeded, wanted, FILL_S)
            floor_s = await _bare(settings, database, held)
            dues = dict(map(tuple, await database.fetch(_DUES)))
            async with observing(settings, [topic.ALERTS]) as seeing:
                others = {name: number for name, number in ALL.items() if name != "intake"}
                async with crew(running, others) as team, worker(settings, "intake") as ticking:
                    team.workers["intake"] = [ticking]
                    found = await _measure(bench, team, seeing, held, dues)
            by = await database.fetch("SELECT found_by, count(*) FROM alert GROUP BY found_by")
    seconds, spent = found
    return _report(BurstFigures(seconds, spent, dict(map(tuple, by)), floor_s))


async def _measure(
    bench: Bench, team: Crew, seeing: Observer, held: int, dues: dict[int, int]
) -> tuple[list[float], dict[str, float]]:
    spent = use.spent(team.pids)
    deadline = time.monotonic() + MOST_S
    while len(seen := {(one.partition, one.offset): one.at_ns for one in seeing.seen()}) < held:
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(seen):,} of {held:,} alerts after {MOST_S:g} s")
        await asyncio.sleep(_PAUSE_S)
    bench.say(f"{len(seen):,} alerts")
    spent = {name: s - spent[name] for name, s in use.spent(team.pids).items()}
    course = courses(await read(team.settings.kafka.bootstrap_servers, topic.DELIVERIES))
    first = min(course[p].reached(due_ms)[0] for p, due_ms in dues.items())
    return sorted(at_ns / 1e9 - first / 1e3 for at_ns in seen.values())[:held], spent


async def _bare(settings: Settings, database: asyncpg.Pool, number: int) -> float:
    """Write as many announcements as there will be alerts, then send them; return the seconds."""
    record = outgoing(_alert(), topic=topic.ALERTS, key=b"R", source="bench", dispatch_id=None)
    async with database.acquire() as connection, producer(settings.kafka, [topic.ALERTS]) as to:
        began = time.perf_counter()
        tables = LedgerTables(connection)
        for begin in range(0, number, _BATCH):
            some = [(record, uuid4(), "AlertRaised")] * min(_BATCH, number - begin)
            async with connection.transaction():
                await tables.announce(some)
        announcer = alerts.announcer(connection, settings)
        while await announcer.announce(to):
            pass
        return time.perf_counter() - began


def _alert() -> AlertRaised:
    return AlertRaised(
        event_id=uuid4(),
        subject_id=uuid4(),
        kind="arrive",
        version=1,
        dispatch_id=uuid4(),
        sender="H14",
        recipient="H15",
        number="100",
        notation="UBND-VX",
        subject="V/v thử nghiệm",
        priority=0,
        since_ms=0,
        due_ms=0,
    )


def _report(found: BurstFigures) -> Report:
    number, last = len(found.seconds), found.seconds[-1]
    row = Row(
        f"{number:,} deadlines in one second: until all alerts are in `alerts`",
        f"{last:.1f} s",
        f"{found.floor_s:.1f} s",
        f"{last / found.floor_s:.1f} ×",
        f"{GOAL_S} s",
    )
    spent = ", ".join(f"{name} {s / number * 1000:.2f}" for name, s in found.spent_s.items())
    by = ", ".join(f"{who} {count:,}" for who, count in sorted(found.found_by.items()))
    note = (
        f"The first alert after {found.seconds[0]:.1f} s, half of them after "
        f"{found.seconds[number // 2]:.1f} s. Found by: {by}. Processor time of one (ms): {spent}."
    )
    curve = [(found.seconds[at], at + 1.0) for at in range(0, number, max(number // 200, 1))]
    plot = Plot(
        "burst",
        f"{number:,} deadlines that pass in one second",
        "seconds since the first due",
        "alerts in the topic",
        {
            "alerts": [*curve, (last, float(number))],
            "floor": [(0.0, 0.0), (found.floor_s, float(number))],
        },
    )
    figures = {"alerts": number, "seconds": round(last, 1), "floor_s": round(found.floor_s, 1)}
    return Report([row], figures, [note], [plot])
