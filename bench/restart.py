"""Restart with many open deliveries: how long until ready, and what memory each costs.

The floor of the tracker's start is the same query, read from the database and thrown away.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from bench import filling, parts, use
from bench.section import NOTHING, Bench, Report, Row
from bench.stage import fresh, worker
from hoatoc.config import Settings
from hoatoc.embedded.stack import Stack
from hoatoc.postgres.connection import pool
from hoatoc.postgres.ledger import SQL

OPEN = 1_000_000
FILL_S = 300.0
SETTLE_S = 3.0
GOAL_S, GOAL_BYTES = 15, 1_000
_FETCH = 5_000


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a program: seconds until ready; memory when it settled and at its most (KiB)."""

    ready_s: float
    settled_kib: int
    most_kib: int


@dataclass(frozen=True, slots=True)
class RestartFigures:
    """Starts of one program with few open deliveries and with many; each delivery's memory."""

    program: str
    few: Start
    many: Start
    more: int

    def each_bytes(self, kib: str) -> float:
        """Return what one more open delivery costs (bytes), settled or at the most."""
        return float(getattr(self.many, kib) - getattr(self.few, kib)) * 1024 / self.more


async def report(bench: Bench) -> Report:
    """Start ledger and tracker on small books, fill them, and start both again."""
    wanted = bench.size(OPEN, 2 * filling.SEED * 38)
    async with (
        fresh(bench.console) as running,
        pool(running.settings.postgres.dsn, 2) as database,
    ):
        seeded = await filling.seed(running.settings, answered=False)
        few = {name: await _start(running, name) for name in ("tracker", "ledger")}
        held = await filling.multiply(bench, database, seeded, wanted, FILL_S)
        bare_s = await _bare(running.settings, database)
        many = {name: await _start(running, name) for name in few}
    wheel = await asyncio.to_thread(parts.wheel_of, held)
    found = [RestartFigures(name, few[name], many[name], held - seeded) for name in few]
    rows = _rows(found, held, bare_s, wheel.bytes_each)
    return Report(rows, _figures(found, held, bare_s), [_note(found, held)])


async def _start(running: Stack, name: str) -> Start:
    async with worker(running.settings, name) as started:
        await asyncio.sleep(SETTLE_S)
        return Start(started.ready_s, *use.settled_and_most(started.process.pid))


async def _bare(settings: Settings, database: asyncpg.Pool) -> float:
    """Return how long the tracker's query takes when its rows are read and thrown away (s)."""
    began = time.perf_counter()
    partitions = list(range(settings.kafka.partitions))
    async with database.acquire() as connection, connection.transaction():
        async for _ in connection.cursor(SQL["tracked_accounts"], partitions, prefetch=_FETCH):
            pass
    return time.perf_counter() - began


def _rows(found: list[RestartFigures], held: int, bare_s: float, wheel_bytes: float) -> list[Row]:
    rows = []
    for each in found:
        tracks = each.program == "tracker"
        ratio = f"{each.many.ready_s / bare_s:.1f} ×" if tracks else NOTHING
        settled, most = each.each_bytes("settled_kib"), each.each_bytes("most_kib")
        rows.append(
            Row(
                f"{each.program}: ready with {held:,} open deliveries",
                f"{each.many.ready_s:.1f} s",
                f"{bare_s:.1f} s (its rows read)" if tracks else NOTHING,
                ratio,
                f"{GOAL_S} s",
            )
        )
        rows.append(
            Row(
                f"{each.program}: memory of each open delivery, settled; while it starts",
                f"{settled:,.0f}; {most:,.0f} bytes",
                f"{wheel_bytes:.0f} bytes (its wheel alone)" if tracks else NOTHING,
                f"{settled / wheel_bytes:.1f} ×" if tracks else NOTHING,
                goal=f"{GOAL_BYTES:,} bytes",
            )
        )
    return rows


def _figures(found: list[RestartFigures], held: int, bare_s: float) -> dict[str, float]:
    figures: dict[str, float] = {"open": held, "rows_read_s": round(bare_s, 1)}
    for each in found:
        figures[f"{each.program}_ready_s"] = round(each.many.ready_s, 1)
        figures[f"{each.program}_bytes_each"] = round(each.each_bytes("settled_kib"))
        figures[f"{each.program}_bytes_each_at_most"] = round(each.each_bytes("most_kib"))
    return figures


def _note(found: list[RestartFigures], held: int) -> str:
    starts = "; ".join(
        f"{each.program} {each.few.ready_s:.1f} s and {each.few.settled_kib / 1024:.0f} MiB with "
        f"few, {each.many.settled_kib / 1024:,.0f} MiB with {held:,}, at most "
        f"{each.many.most_kib / 1024:,.0f} MiB"
        for each in found
    )
    return f"Each program alone, from exec to ready: {starts}."
