"""The registry at the size of the country's: from CSV text to Registry, and one look-up.

Floors: a bare pass of `csv.DictReader` over the same text, and a dictionary with the same keys.
"""

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Registry, parse_organs
from hoatoc.domain.registry.file import write_csv
from hoatoc.domain.registry.organ import Certainty, Organ

ORGANS = 125_000  # a ministry's mirror of the axis' registry held 123,265 in 07/2026
DAY = date(2026, 1, 15)


@dataclass(frozen=True, slots=True)
class RegistryFigures:
    """Seconds for a whole registry, microseconds for one look-up; the best of some turns."""

    organs: int
    load_s: float
    load_floor_s: float
    resolve_us: float
    resolve_alias_us: float
    resolve_floor_us: float


def country(organs: int) -> str:
    """Return a registry of that many organs as CSV: provinces and three levels below them."""
    return write_csv(_organ(number) for number in range(organs))


def _organ(number: int) -> Organ:
    province, below = number % 63, number // 63
    top = f"H{province + 1:02}"
    return Organ(
        code=OrganCode(f"{top}.{below // 40:03}.{below % 40:02}" if below else top),
        code102=f"{below // 1000:03}.{below // 10 % 100:02}.{below % 10:02}.{top}",
        name=f"Ủy ban nhân dân xã Thử nghiệm số {number}",
        email=f"vanthu{number}@example.vn",
        telephone="000 000 0000",
        certainty=Certainty.MEMORY,
        aliases=(f"{below // 100:02}.{below % 100:02}.{top}",) if below < 10_000 else (),
        hub=top if below else "",
        parent=top if below else "",
    )


def _best(turns: int, work: Callable[[], object]) -> float:
    """Return the seconds of the quickest turn."""
    return min(_seconds(work) for _ in range(turns))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _resolve(registry: Registry, codes: Sequence[str]) -> None:
    for code in codes:
        registry.resolve(code, DAY)


def _look_up(index: dict[str, Organ], codes: Sequence[str]) -> None:
    for code in codes:
        index.get(code)


def measure(organs: int = ORGANS, turns: int = 5) -> RegistryFigures:
    """Load and look up, each some turns."""
    text = country(organs)
    load_s = _best(turns, lambda: Registry(parse_organs(text)))
    load_floor_s = _best(turns, lambda: list(csv.DictReader(io.StringIO(text))))
    registry = Registry(parse_organs(text))
    codes = [organ.code for organ in registry.organs]
    aliases = [organ.aliases[0] for organ in registry.organs]
    index: dict[str, Organ] = {organ.code: organ for organ in registry.organs}
    us = 1e6 / organs
    return RegistryFigures(
        organs=organs,
        load_s=load_s,
        load_floor_s=load_floor_s,
        resolve_us=_best(turns, lambda: _resolve(registry, codes)) * us,
        resolve_alias_us=_best(turns, lambda: _resolve(registry, aliases)) * us,
        resolve_floor_us=_best(turns, lambda: _look_up(index, codes)) * us,
    )
