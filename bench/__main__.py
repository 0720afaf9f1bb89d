"""Run the bench, or the sections named: `python -m bench [--list] [SECTION …]`.

`BENCH_SCALE` (1) makes everything smaller, to try the method; `SOAK_MINUTES` (30) is the length of
the soak. Exit status 1 when a section could not measure what it is for, 2 for unknown names.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import document, record
from bench.record import Result
from bench.section import Bench, Report, Section
from bench.suite import SECTIONS

FOLDER = Path(__file__).parent
TRIAL = FOLDER / "trial"


def main(words: Sequence[str]) -> int:
    """Run the sections named, or all; keep what each found as soon as it ends."""
    console = Console()
    known = {section.name: section for section in SECTIONS}
    if words == ["--list"]:
        for section in SECTIONS:
            console.print(f"{section.name:<10} {section.title}", highlight=False)
        return 0
    if unknown := [word for word in words if word not in known]:
        console.print(f"unknown section {', '.join(unknown)}: choose of {', '.join(known)}")
        return 2
    # Topics that were just made have no leader at first; the client tells that at each try.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    scale = float(os.environ.get("BENCH_SCALE", "1"))
    folder = FOLDER if scale == 1 else TRIAL
    folder.mkdir(exist_ok=True)
    bench = Bench(console, scale)
    failed = [name for name in words or known if not _one(bench, known[name], folder)]
    if failed:
        console.print(f"not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _one(bench: Bench, section: Section, folder: Path) -> bool:
    """Run a section; a failure is told, and the figures kept before stay as they are."""
    bench.console.rule(f"{section.name}: {section.title}", align="left")
    load, began = os.getloadavg()[0], time.perf_counter()
    try:
        report = asyncio.run(_bounded(bench, section))
    except Exception:  # noqa: BLE001 - whatever it is, it is told, and the others are run
        bench.console.print_exception()
        return False
    found = record.result(report, bench.scale, time.perf_counter() - began, load)
    _show(found, bench.console)
    results = {**record.load(folder), section.name: found}
    record.keep(folder, results)
    document.write(folder, SECTIONS, results)
    return True


async def _bounded(bench: Bench, section: Section) -> Report:
    async with asyncio.timeout(section.most_s):
        return await section.run(bench)


def _show(found: Result, console: Console) -> None:
    table = Table("what", "figure", "floor or peer", "ratio", "goal")
    for row in found.report.rows:
        table.add_row(row.what, row.figure, row.beside, row.ratio, row.goal)
    console.print(table)
    for note in found.report.notes:
        console.print(note, highlight=False)
    console.print(f"{found.seconds:.0f} s\n", highlight=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
