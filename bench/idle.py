"""What the stack costs while nothing happens: processors and memory of all its processes."""

import asyncio
import os
import time
from dataclasses import dataclass

from bench import use
from bench.section import Bench, Report, Row
from bench.stage import fresh
from hoatoc.embedded.stack import Stack

SETTLE_S, IDLE_S = 10.0, 30.0
STORES = ("database", "broker")


@dataclass(frozen=True, slots=True)
class Use:
    """Cores in use and memory (PSS, MiB), by part; the supervisor lives in the bench."""

    cores: dict[str, float]
    memory_mb: dict[str, float]


async def measure(running: Stack, seconds: float) -> Use:
    """Return what the stack uses over some seconds."""
    parts = {"supervisor": [os.getpid()]} | {n: [running.pid(n)] for n in running.state.children}
    before, began = _spent(parts), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = _spent(parts), time.perf_counter() - began
    memory = {**use.proportional(parts), "supervisor": use.own_memory()}
    return Use({name: (after[name] - before[name]) / took for name in after}, memory)


def _spent(parts: use.Parts) -> dict[str, float]:
    return {**use.spent(parts), "supervisor": time.process_time()}


async def report(bench: Bench) -> Report:
    """Let a whole stack stand still for a while."""
    async with fresh(bench.console, None) as running:
        await asyncio.sleep(bench.seconds(SETTLE_S))
        found = await measure(running, bench.seconds(IDLE_S, 3))
    stores = {name: found.cores[name] for name in STORES}
    kept = {name: found.memory_mb[name] for name in STORES}
    cores, memory = sum(found.cores.values()), sum(found.memory_mb.values())
    rows = [
        Row("cores in use", f"{cores:.2f}", *_beside(cores, sum(stores.values()), ".2f"), "0.25"),
        Row(
            "memory",
            f"{memory:,.0f} MiB",
            *_beside(memory, sum(kept.values()), ",.0f"),
            "1,536 MiB",
        ),
    ]
    parts = "; ".join(
        f"{name} {used:.3f}, {found.memory_mb[name]:.0f} MiB" for name, used in found.cores.items()
    )
    figures = {"cores": round(cores, 3), "memory_mib": round(memory)}
    return Report(rows, figures, [f"By part (cores, memory): {parts}."])


def _beside(whole: float, stores: float, form: str) -> tuple[str, str]:
    return f"{stores:{form}} (database and broker)", f"{whole / stores:.1f} ×"
