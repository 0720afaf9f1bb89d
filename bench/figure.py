"""The figures of a run: against their goals and floors, for people and for machines."""

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.dispatch import DispatchFigures
from bench.domain import DomainFigures
from bench.idle import Use
from bench.ledger import LedgerFigures
from bench.line import LineFigures
from hoatoc.config import options

FOLDER = Path(__file__).parent
_SETTINGS = ("LEDGER_BATCH", "RELAY_IN_FLIGHT", "KAFKA_PARTITIONS", "EMBEDDED_HEAP_MB")
_ABOUT = """\
# Results of the bench

Run on {date} by `make bench` (`.venv/bin/python -m bench`), in {seconds:.0f} s.

Machine: {machine}. Load at the start: {load:.1f} (1 min).
Settings: {settings}. Database and broker are the embedded ones, with their own settings.

| what | goal | figure | floor | ratio |
|---|---|---|---|---|
{rows}

*Floor* is what the parts alone cost in the same run: for the ledger the bare loop of
`bench/floor.py` (read, decode, fold, the same statements), for a dispatch its 38 encoded copies
without registration and publication. The ledger and its floor book the same log in turns, and the
ratio is the median of the turns: {turns}. Figures of the domain (packets, registry, calendars,
lifecycle) are of one process; those of packets in processor time.

The line: {line}.

Processor time of one complete delivery (ms): {spent}; together {spent_all:.2f}. What this machine
has of it, divided by that, is the rate that it can reach.

Idle, by part (cores; MiB): {idle}. After the load: {after:.0f} MiB.

Noise. Rates move by a quarter and more with whatever else the machine does; so compare within one
run only, and repeat. Everything shares the same cores here, the senders and the recipients too.
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run found."""

    domain: DomainFigures
    ledger: LedgerFigures
    dispatch: DispatchFigures
    line: LineFigures
    idle: Use
    after: Use
    load: float
    seconds: float

    def lines(self) -> list[tuple[str, str, str, str, str]]:
        """Return (what, goal, figure, floor, ratio) of each figure, as text."""
        ledger, dispatch, line = self.ledger, self.dispatch, self.line
        real, bare = max(ledger.real), max(ledger.floor)
        return [
            (
                "ledger, events/s (best turn)",
                "60 % of its floor",
                f"{real:,.0f}",
                f"{bare:,.0f}",
                f"{ledger.ratio:.0%}",
            ),
            (
                "dispatch to 38 recipients, p50",
                "25 ms",
                f"{dispatch.p50_ms:.1f} ms",
                f"{dispatch.floor_p50_ms:.1f} ms",
                f"{dispatch.ratio:.1f} ×",
            ),
            (
                "dispatch to 38 recipients, p99",
                "—",
                f"{dispatch.p99_ms:.1f} ms",
                f"{dispatch.floor_p99_ms:.1f} ms",
                f"{dispatch.p99_ms / dispatch.floor_p99_ms:.1f} ×",
            ),
            ("complete deliveries/s, all on one machine", "1,500", f"{line.rate:,.0f}", "—", "—"),
            ("idle, cores", "0.25", f"{self.idle.all_cores:.2f}", "—", "—"),
            ("idle, memory", "1,536 MiB", f"{self.idle.all_memory_mb:,.0f} MiB", "—", "—"),
            *self.domain.lines(),
        ]


def show(figures: Figures, console: Console) -> None:
    """Print the figures as a table."""
    table = Table("what", "goal", "figure", "floor", "ratio")
    for line in figures.lines():
        table.add_row(*line)
    console.print(table)


def write(figures: Figures) -> None:
    """Write RESULTS.md and results.json beside this module."""
    now = datetime.now(UTC)
    (FOLDER / "RESULTS.md").write_text(_text(figures, now), "utf-8")
    record = json.dumps(_record(figures, now), indent=2, ensure_ascii=False)
    (FOLDER / "results.json").write_text(record + "\n", "utf-8")


def _text(figures: Figures, now: datetime) -> str:
    line, idle = figures.line, figures.idle
    spent = {name: s / line.deliveries * 1000 for name, s in line.spent_s.items()}
    turns = zip(figures.ledger.real, figures.ledger.floor, strict=True)
    return _ABOUT.format(
        date=f"{now:%Y-%m-%d %H:%M} UTC",
        seconds=figures.seconds,
        machine=", ".join(f"{value}" for value in _machine().values()),
        load=figures.load,
        settings=", ".join(f"`{name}={value}`" for name, value in _settings().items()),
        rows="\n".join(f"| {' | '.join(row)} |" for row in figures.lines()),
        turns=", ".join(f"{real:,.0f} of {bare:,.0f}" for real, bare in turns),
        line=f"{line.deliveries:,} deliveries in {line.seconds:.1f} s, handed over in the first "
        f"{line.handed_over_s:.1f} s; the tracker had closed the last deadline "
        f"{line.tracked_s:.1f} s after the start; {line.alerts} alerts",
        spent=", ".join(f"{name} {ms:.2f}" for name, ms in spent.items()),
        spent_all=sum(spent.values()),
        idle=", ".join(
            f"{name} {cores:.3f}; {idle.memory_mb[name]:.0f}" for name, cores in idle.cores.items()
        ),
        after=figures.after.all_memory_mb,
    )


def _record(figures: Figures, now: datetime) -> dict[str, object]:
    return {
        "figures": {
            "ledger_to_floor_ratio": round(figures.ledger.ratio, 3),
            "complete_deliveries_per_second": round(figures.line.rate),
            "dispatch_38_p50_ms": round(figures.dispatch.p50_ms, 1),
            "idle_cpu_cores": round(figures.idle.all_cores, 3),
            "idle_memory_mb": round(figures.idle.all_memory_mb),
            "packets_20_kb_per_second": round(figures.domain.packets.few.whole),
            "packet_30_mb_memory_mib": round(figures.domain.packets.large_memory_mib),
            "organs_125000_load_s": round(figures.domain.registry.load_s, 2),
            "resolve_us": round(figures.domain.registry.resolve_us, 2),
            "working_due_us": round(figures.domain.clock.worst_ns / 1e3, 2),
            "merge_us": round(figures.domain.lifecycle.merge_ns / 1e3, 2),
        },
        "machine": _machine(),
        "settings": _settings(),
        "date": now.isoformat(timespec="seconds"),
    }


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": f"{os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"Python {platform.python_version()}",
    }


def _settings() -> dict[str, object]:
    chosen = {f"HOATOC_{name}" for name in _SETTINGS}
    return {name: default for name, _, default in options() if name in chosen}
