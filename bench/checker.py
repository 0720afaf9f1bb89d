"""The section of the history checker: a good record of any length, checked by a process apart."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from bench import history
from bench.section import Bench, Report, Row, Unmeasured

DELIVERIES = 1_000_000


async def report(bench: Bench) -> Report:
    """Check a record; raises Unmeasured when the checker does not find it good."""
    wanted = bench.size(DELIVERIES, 8_000)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(apart, history.measure, wanted)
    if found.violations:
        raise Unmeasured(f"the checker finds {found.violations} violations in a good record")
    row = Row(
        f"{found.deliveries:,} deliveries checked",
        f"{found.check_s:.1f} s",
        f"{found.floor_s:.1f} s (read alone)",
        f"{found.check_s / found.floor_s:.1f} ×",
        f"{history.GOAL_S} s",
    )
    note = (
        f"{found.records:,} records of the log; {found.us_per_delivery:.1f} µs a delivery; at most "
        f"{found.peak_mib:,.0f} MiB."
    )
    figures = {
        "deliveries": found.deliveries,
        "check_s": round(found.check_s, 1),
        "floor_s": round(found.floor_s, 1),
        "peak_mib": round(found.peak_mib),
    }
    return Report([row], figures, [note])
