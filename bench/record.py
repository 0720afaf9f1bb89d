"""Results as they are kept: of each section the last run, with its date, scale and machine."""

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.section import Report
from hoatoc.config import options

FILE = "results.json"
_SETTINGS = ("LEDGER_BATCH", "RELAY_IN_FLIGHT", "KAFKA_PARTITIONS", "EMBEDDED_HEAP_MB")


@dataclass(frozen=True, slots=True)
class Result:
    """The last run of a section: when (UTC), at which scale, how long (s), on what."""

    date: str
    scale: float
    seconds: float
    load: float
    machine: dict[str, str]
    settings: dict[str, int]
    report: Report


def result(report: Report, scale: float, seconds: float, load: float) -> Result:
    """Return a report with the circumstances of its run."""
    now = datetime.now(UTC).isoformat(timespec="minutes")
    return Result(now, scale, round(seconds, 1), round(load, 2), _machine(), _settings(), report)


def load(folder: Path) -> dict[str, Result]:
    """Read what is kept, by section; nothing where nothing was kept."""
    file = folder / FILE
    if not file.exists():
        return {}
    return msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, Result]])["sections"]


def keep(folder: Path, results: dict[str, Result]) -> None:
    """Write what is kept."""
    kept = msgspec.to_builtins({"sections": results})
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", "utf-8")


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": f"{os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"Python {platform.python_version()}",
    }


def _settings() -> dict[str, int]:
    chosen = {f"HOATOC_{name}" for name in _SETTINGS}
    return {name: int(str(default)) for name, _, default in options() if name in chosen}
