"""The soak: half an hour of a moderate load; whose memory grows, and what is left behind."""

import asyncio
import os
import time
from dataclasses import dataclass

from bench import latency, line, sample, use
from bench.beside import beside
from bench.figure import slope
from bench.load import Doors, doors, letters
from bench.section import Bench, Plot, Report, Row
from bench.stage import Crew, crew, fresh
from hoatoc.postgres.connection import pool

MINUTES = "SOAK_MINUTES"
EVENTS = 250
SAMPLE_S = 5.0
WARM_UP = 0.2
"""The share of the soak that the slope leaves out: caches and pools fill in it."""
CHUNK = 200
SUSPECT = 20.0
"""MiB an hour above which growth is worth a look."""


@dataclass(frozen=True, slots=True)
class SoakFigures:
    """Seconds and MiB of each part; deliveries handed over, complete, alerts."""

    minutes: float
    memory: dict[str, list[tuple[float, float]]]
    deliveries: int
    alerts: int

    def slopes(self) -> dict[str, float]:
        """Return MiB an hour of each part, behind the warm-up."""
        begin = self.minutes * 60 * WARM_UP
        return {
            name: slope([(at / 3600, mib) for at, mib in points if at >= begin])
            for name, points in self.memory.items()
        }


async def report(bench: Bench) -> Report:
    """Run the line at a steady load and sample the memory of its parts."""
    minutes = float(os.environ.get(MINUTES, "30")) * bench.scale
    async with (
        fresh(bench.console) as running,
        crew(running) as team,
        doors(team.settings) as opened,
        line.answering(team.settings),
        pool(team.settings.postgres.dsn, 2) as database,
    ):
        memory: dict[str, list[tuple[float, float]]] = {}
        async with beside(_watch(bench, team, memory)):
            wanted = await _load(opened, minutes * 60) * sample.RECIPIENTS
        await line.until_complete(database, wanted)
        alerts = await database.fetchval("SELECT count(*) FROM alert")
    return _report(SoakFigures(minutes, memory, wanted, alerts))


async def _load(opened: Doors, seconds: float) -> int:
    """Hand over at a steady rate; return how many dispatches it were."""
    rate, number, begun = EVENTS / latency.EVENTS, 0, time.monotonic()
    while (left := seconds - (time.monotonic() - begun)) > 0:
        some = min(CHUNK, max(round(left * rate), 1))
        await opened.paced(letters(number + 1, some), rate)
        number += some
    return number


async def _watch(bench: Bench, team: Crew, memory: dict[str, list[tuple[float, float]]]) -> None:
    begun, told = time.monotonic(), 0
    while True:
        at = time.monotonic() - begun
        for name, mib in use.resident(team.pids).items():
            memory.setdefault(name, []).append((round(at, 1), round(mib, 2)))
        if at // 300 > told:
            told = round(at // 300)
            bench.say(f"{at / 60:.0f} min")
        await asyncio.sleep(SAMPLE_S)


def _report(found: SoakFigures) -> Report:
    slopes = found.slopes()
    ends = {name: points[-1][1] for name, points in found.memory.items()}
    rows = [
        Row(
            f"{name}: memory at the end; growth",
            f"{ends[name]:,.0f} MiB; {each:+.1f} MiB/h",
            f"{found.memory[name][0][1]:,.0f} MiB at the start",
            f"{ends[name] / found.memory[name][0][1]:.2f} ×",
        )
        for name, each in slopes.items()
    ]
    suspects = ", ".join(name for name, each in slopes.items() if each > SUSPECT) or "none"
    note = (
        f"{found.minutes:g} min at {EVENTS} events/s: {found.deliveries:,} deliveries, all "
        f"complete at the end; {found.alerts} alerts. The growth is the slope of the straight line "
        f"through all samples behind the first {WARM_UP:.0%}; above {SUSPECT:g} MiB/h: {suspects}."
    )
    plot = Plot(
        "soak",
        "Memory during the soak (RSS; of the database PSS)",
        "minutes",
        "MiB",
        {
            name: [(round(at / 60, 2), mib) for at, mib in points[:: max(len(points) // 180, 1)]]
            for name, points in found.memory.items()
        },
        log="y",
    )
    figures = {f"{name}_mib_per_hour": round(each, 2) for name, each in slopes.items()}
    return Report(rows, {**figures, "deliveries": found.deliveries}, [note], [plot])
