"""Run the bench on stacks of its own, in a temporary folder; print and write the figures."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from bench import dispatch, domain, idle, ledger, line
from bench.dispatch import DispatchFigures
from bench.figure import Figures, show, write
from bench.idle import Use
from bench.ledger import LedgerFigures
from bench.line import LineFigures
from hoatoc import config
from hoatoc.embedded.stack import Stack, stack
from hoatoc.policy_file import load_policy
from hoatoc.prepare import first_registry

LOG_DISPATCHES, TURNS = 400, 3
DISPATCHES = 300
WARM_UP_LINE, LINE = 50, 600
SETTLE_S, IDLE_S, AFTER_S = 10.0, 30.0, 5.0


@asynccontextmanager
async def _fresh(parts: Collection[str] | None, console: Console) -> AsyncIterator[Stack]:
    """Run a stack on a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hoatoc-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the database may run as another user
        settings = config.load().model_copy(update={"data": Path(folder) / "data"})
        async with stack(settings, parts=parts, console=console) as running:
            yield running


async def _stores(console: Console) -> tuple[LedgerFigures, DispatchFigures]:
    """Measure what needs no other program: the ledger, and one dispatch."""
    organs = first_registry()
    async with _fresh(("database", "broker"), console) as running:
        settings = running.settings
        policy = load_policy(settings)
        await asyncio.sleep(1)  # the broker has just made its topics
        console.print(f"ledger: a log of {LOG_DISPATCHES} dispatches, in {TURNS} turns")
        events = await ledger.fill(settings, organs, policy, LOG_DISPATCHES)
        booked = await ledger.compare(settings, events, TURNS)
        console.print(f"dispatch: {DISPATCHES} to 38 recipients, one by one")
        return booked, await dispatch.measure(settings, organs, policy, DISPATCHES)


async def _whole(console: Console) -> tuple[LineFigures, Use, Use]:
    """Measure the whole stack: idle, then under load, then idle again."""
    organs = first_registry()
    async with _fresh(None, console) as running:
        policy = load_policy(running.settings)
        console.print(f"idle: {IDLE_S:g} s")
        await asyncio.sleep(SETTLE_S)
        use = await idle.measure(running, IDLE_S)
        console.print(f"line: {LINE} dispatches to 38 recipients, end to end")
        await line.complete(running, organs, policy, range(1, WARM_UP_LINE + 1))
        numbers = range(WARM_UP_LINE + 1, WARM_UP_LINE + LINE + 1)
        figures = await line.complete(running, organs, policy, numbers)
        return figures, use, await idle.measure(running, AFTER_S)


async def main() -> None:
    """Run the bench."""
    console = Console()
    began, load = time.perf_counter(), os.getloadavg()[0]
    console.print("domain: packets, registry, calendars, lifecycle")
    alone = domain.measure()
    booked, one = await _stores(console)
    complete, use, after = await _whole(console)
    seconds = time.perf_counter() - began
    figures = Figures(alone, booked, one, complete, use, after, load, seconds)
    show(figures, console)
    write(figures)


if __name__ == "__main__":
    asyncio.run(main())
