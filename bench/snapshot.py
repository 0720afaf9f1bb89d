"""A held snapshot: what a transaction that stays open for minutes does to the line meanwhile.

No version of a row that changed since can be cleared away, so what changes often (positions, open
deliveries, the outbox) grows chains that every reader walks. The whole line works under an
open-loop load in which some recipients never answer; before, during and after are compared.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from bench import latency, use
from bench.beside import beside
from bench.figure import percentile
from bench.line import answering
from bench.load import doors, letters
from bench.section import Bench, Plot, Report, Row, Unmeasured
from bench.stage import Crew, crew, fresh
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import SQL as LEDGER
from hoatoc.postgres.outbox import SQL as OUTBOX
from hoatoc.prepare import first_registry

EVENTS = 600
"""Events a second; see `latency.EVENTS` for what one dispatch makes of them."""
BEFORE_S, HELD_S, AFTER_S = 60.0, 180.0, 60.0
ARRIVE_S = 15.0
SAMPLE_S = 2.0
LOOKS = 3
PHASES = ("before", "held", "after")
_HOT = """
    SELECT coalesce(sum(n_tup_upd), 0)::float8 AS upd,
           coalesce(sum(n_tup_hot_upd), 0)::float8 AS hot,
           coalesce(sum(n_dead_tup), 0)::float8 AS dead
    FROM pg_stat_user_tables WHERE relname IN ('partition_book', 'delivery', 'outbox')"""
_CANDIDATES = OUTBOX["claim"].split("FROM outbox", 1)[1].split("FOR UPDATE", 1)[0]
_CLAIM = f"SELECT dispatch_id FROM outbox {_CANDIDATES}"  # noqa: S608 - the relay's own choice


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the start, records booked, queries (ms), updates, spending (s)."""

    at_s: float
    booked: int
    lag: int
    backstop_ms: float
    claim_ms: float
    updates: float
    hot: float
    dead: float
    spent_s: float


@dataclass(slots=True)
class Course:
    """The samples of each phase."""

    began: float
    samples: dict[str, list[Sample]] = field(default_factory=lambda: {p: [] for p in PHASES})
    phase: str = PHASES[0]


async def report(bench: Bench) -> Report:
    """Run the three phases under one load."""
    lengths = [bench.seconds(s, 30) for s in (BEFORE_S, HELD_S, AFTER_S)]
    rate = EVENTS / latency.EVENTS
    number = round(rate * (sum(lengths) + ARRIVE_S + 5))
    silent = [organ.code for organ in first_registry()[1:60:20]]
    async with (
        fresh(bench.console, arrive_s=ARRIVE_S) as running,
        crew(running) as team,
        doors(team.settings) as opened,
        answering(team.settings, *silent),
        pool(team.settings.postgres.dsn, 3) as database,
    ):
        packets = letters(1, number)
        async with beside(opened.paced(packets, rate)):
            await asyncio.sleep(ARRIVE_S + 5)  # deadlines are broken from now on
            course = Course(time.perf_counter())
            async with beside(_watch(team, database, course)):
                await _phases(bench, team, course, lengths)
    return _report(course)


async def _phases(bench: Bench, team: Crew, course: Course, lengths: Sequence[float]) -> None:
    holder = await asyncpg.connect(team.settings.postgres.dsn)
    try:
        for phase, length in zip(PHASES, lengths, strict=True):
            bench.say(f"{phase}: {length:.0f} s")
            course.phase = phase
            if phase == "held":
                await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                await holder.fetchval("SELECT count(*) FROM partition_book")
            await asyncio.sleep(length)
            if phase == "held":
                await holder.execute("ROLLBACK")
    finally:
        await holder.close()


async def _watch(team: Crew, database: asyncpg.Pool, course: Course) -> None:
    while True:
        async with database.acquire() as connection:
            found = await _look(team, connection, time.perf_counter() - course.began)
        course.samples[course.phase].append(found)
        await asyncio.sleep(SAMPLE_S)


async def _look(team: Crew, connection: asyncpg.Connection, at_s: float) -> Sample:
    backstop_ms = await _backstop(connection)
    claim_ms = await _timed(connection, _CLAIM, "bench", timedelta(seconds=60), [], 64)
    updates = await connection.fetchrow(_HOT)
    booked = await connection.fetchval("SELECT sum(next_offset)::bigint FROM partition_book")
    open_ = await connection.fetchval("SELECT count(*) FROM outbox WHERE state <> 'sent'")
    spent = use.spent({name: team.pids[name] for name in ("database", "ledger")})
    upd, hot, dead = updates
    return Sample(at_s, booked, open_, backstop_ms, claim_ms, upd, hot, dead, sum(spent.values()))


async def _backstop(connection: asyncpg.Connection) -> float:
    """Return the mean milliseconds of the backstop's query, over the partitions."""
    rows = await connection.fetch("SELECT partition, service_ms FROM partition_book")
    taken = [await _timed(connection, LEDGER["past_wake"], *row) for row in rows]
    return sum(taken) / len(taken)


async def _timed(connection: asyncpg.Connection, query: str, *arguments: object) -> float:
    began = time.perf_counter()
    await connection.fetch(query, *arguments)
    return (time.perf_counter() - began) * 1000


def _rate(samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (last.booked - first.booked) / (last.at_s - first.at_s)


def _cost(samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (last.spent_s - first.spent_s) / (last.booked - first.booked) * 1e6


def _hot(samples: Sequence[Sample]) -> float:
    first, last = samples[0], samples[-1]
    return (last.hot - first.hot) / max(last.updates - first.updates, 1)


def _report(course: Course) -> Report:
    if least := [phase for phase, some in course.samples.items() if len(some) < LOOKS]:
        raise Unmeasured(f"fewer than {LOOKS} looks in phase {least[0]}: give it more time")
    told = {
        "events booked a second": (_rate, ",.0f"),
        "processor time of ledger and database an event, µs": (_cost, ",.0f"),
        "backstop's query of one partition, ms (median)": (_median("backstop_ms"), ".2f"),
        "relay's choice of what to claim, ms (median)": (_median("claim_ms"), ".2f"),
        "updates that touched no index (HOT)": (_hot, ".0%"),
        "dead rows of positions, deliveries, outbox (at the end)": (lambda s: s[-1].dead, ",.0f"),
    }
    rows, figures = [], {}
    for what, (function, form) in told.items():
        before, held, after = (function(some) for some in course.samples.values())
        ratio = f"{held / before:.2f} ×" if before else "—"
        text = f"held {held:{form}}; after {after:{form}}"
        rows.append(Row(what, text, f"before {before:{form}}", ratio))
        figures[what.split(",")[0].replace(" ", "_")] = round(held / before, 3) if before else 0
    return Report(rows, figures, [_note(course)], [_plot(course)])


def _median(name: str):  # type: ignore[no-untyped-def]
    return lambda samples: percentile([getattr(s, name) for s in samples], 50)


def _note(course: Course) -> str:
    held = course.samples["held"]
    return (
        f"Meant: {EVENTS} events/s and the ticks. The snapshot was held for "
        f"{held[-1].at_s - held[0].at_s:.0f} s; the slowest backstop's query took "
        f"{max(s.backstop_ms for s in held):.1f} ms then, the slowest claim "
        f"{max(s.claim_ms for s in held):.1f} ms; at most {max(s.lag for s in held)} dispatches "
        "waited."
    )


def _plot(course: Course) -> Plot:
    every = [sample for phase in PHASES for sample in course.samples[phase]]
    held = course.samples["held"]
    return Plot(
        "snapshot",
        "Queries while a snapshot is held",
        "seconds",
        "ms",
        {
            "backstop's query of one partition": [(s.at_s, s.backstop_ms) for s in every],
            "relay's choice of what to claim": [(s.at_s, s.claim_ms) for s in every],
        },
        [(held[0].at_s, held[-1].at_s, "snapshot held")],
    )
