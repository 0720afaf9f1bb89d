"""RESULTS.md: written anew from what is kept, whenever a section was run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.plot import draw
from bench.record import Result
from bench.section import Row, Section

FILE = "RESULTS.md"
PLOTS = "plots"
_ABOUT = """\
# Results of the bench

Written by `make bench`; everything below is from `results.json`, which keeps of each section its
last run. `make bench ARGS="line soak"` runs only these; `BENCH_SCALE=0.05 make bench` tries the
method on less and writes to `bench/trial/`, never here.

**How to read it.** Beside each figure stands, from the same run, its *floor* (what the parts alone
cost that are needed for it, without a line of Hoatoc's logic) or a *peer* (what others would use
for it). Database and broker are the embedded ones with their own settings, and everything shares
the machine: senders and recipients too. Rates move by a quarter with whatever else the machine
does, so compare within one section's run only. Percentiles are of all measurements, none thrown
away.
"""
_HEAD = "| what | figure | floor or peer | ratio | goal |\n|---|---|---|---|---|\n"


def write(folder: Path, sections: Sequence[Section], results: Mapping[str, Result]) -> Path:
    """Write RESULTS.md and the plots; return the former."""
    plots = folder / PLOTS
    plots.mkdir(exist_ok=True)
    parts = [_ABOUT]
    for section in sections:
        parts.append(f"## {section.title}\n\n`{section.name}`. {section.method.strip()}\n")
        found = results.get(section.name)
        parts.append(_found(found, plots) if found else "Not measured yet.\n")
    file = folder / FILE
    file.write_text("\n".join(parts), "utf-8")
    return file


def _found(result: Result, plots: Path) -> str:
    report = result.report
    parts = [_circumstances(result), "\n", _HEAD, *map(_line, report.rows)]
    parts += [f"\n{note}\n" for note in report.notes]
    for plot in report.plots:
        parts.append(f"\n![{plot.title}]({PLOTS}/{draw(plot, plots).name})\n")
    return "".join(parts)


def _circumstances(result: Result) -> str:
    settings = ", ".join(f"`{name}={value}`" for name, value in result.settings.items())
    trial = "" if result.scale == 1 else f"**A trial at scale {result.scale:g}, not a figure.** "
    return (
        f"{trial}Run on {result.date.replace('T', ' ').removesuffix('+00:00')} UTC in "
        f"{result.seconds:.0f} s; load of the machine at the start {result.load:.1f}; "
        f"{', '.join(result.machine.values())}; {settings}.\n"
    )


def _line(row: Row) -> str:
    return f"| {row.what} | {row.figure} | {row.beside} | {row.ratio} | {row.goal} |\n"
