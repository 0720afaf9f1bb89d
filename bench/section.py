"""A section of the bench: what it measures and how, and the report that a run of it leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rich.console import Console

NOTHING = "—"


class Unmeasured(Exception):
    """A section could not measure what it is for; the message says what did not happen."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure as text, its goal, and what stands beside it from the same run: floor or peer."""

    what: str
    figure: str
    beside: str = NOTHING
    ratio: str = NOTHING
    goal: str = NOTHING


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: points by name of a line; `bands` are stretches of x with a name."""

    name: str
    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    bands: list[tuple[float, float, str]] = field(default_factory=list)
    log: str = ""
    """the axes with a logarithmic scale: `x`, `y` or `xy`"""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of a section found, for people (`rows`, `notes`, `plots`) and for machines."""

    rows: list[Row]
    figures: dict[str, float]
    notes: list[str] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a section works with; a scale below 1 tries the method on less, for no figure."""

    console: Console
    scale: float = 1.0

    def size(self, whole: int, least: int = 1) -> int:
        """Return how many of something this run takes."""
        return max(round(whole * self.scale), least)

    def seconds(self, whole: float, least: float = 1.0) -> float:
        """Return how long this run takes for something."""
        return max(whole * self.scale, least)

    def say(self, line: str) -> None:
        """Tell people how far the run is."""
        self.console.print(f"  {line}", highlight=False)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the bench that is run by itself; `most_s` bounds it."""

    name: str
    title: str
    method: str
    most_s: float
    run: Callable[[Bench], Awaitable[Report]]
