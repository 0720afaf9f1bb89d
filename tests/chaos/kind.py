"""The kinds of fault, what each may hit, and for how long."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hoatoc.embedded.stack import PROGRAMS
from tests.chaos.deployment import CLOCKED, STORES
from tests.chaos.fault import crowd, outside, process, store, way
from tests.chaos.receiver import MOODS
from tests.chaos.world import Outcome, World

Apply = Callable[[World, str, float], Awaitable[Outcome]]
OPENING = "opening"
"""the lane that is through before the others begin"""
_NAMES = tuple(PROGRAMS)
_TO_BROKER = tuple(f"{name}/broker" for name in (*_NAMES, "organs"))
_TO_DATABASE = tuple(f"{name}/database" for name in (*_NAMES, "door"))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault; `lane` tells which faults wait for one another."""

    name: str
    lane: str
    targets: tuple[str, ...]
    apply: Apply
    seconds: tuple[float, float]
    """of a full run; a shorter run has it shorter, but for `least`"""
    least: float
    each: bool = False
    """every target must be hit, not only one"""


KINDS = (
    Kind("kill -9", "program", _NAMES, process.kill, (0, 0), 0, each=True),
    Kind("pause", "program", _NAMES, process.pause, (30, 120), 8, each=True),
    Kind("cut", "program", _TO_BROKER + _TO_DATABASE, way.cut, (2, 12), 2),
    Kind("stall", "program", _TO_BROKER + _TO_DATABASE, way.stall, (10, 45), 5),
    Kind("answers late", "program", _TO_BROKER + _TO_DATABASE, way.late, (8, 20), 5),
    Kind("answers lost", "program", _TO_BROKER + _TO_DATABASE, way.deaf, (6, 20), 5),
    Kind("commit, answer lost", "program", _TO_DATABASE, way.lose_answer, (8, 20), 6),
    Kind("rebalance storm", "program", ("ledger", "tracker"), crowd.storm, (20, 40), 12),
    Kind("take-over", "program", ("intake", "pager"), crowd.take_over, (10, 25), 6),
    Kind("stand-by", "program", ("relay", "alerts"), crowd.stand_by, (10, 25), 6),
    Kind("clock step", "program", CLOCKED, store.step_clock, (8, 20), 6),
    Kind("kill -9", "program", ("spool",), outside.kill_spool, (0, 0), 0, each=True),
    Kind("kill -9", "store", STORES, process.kill, (0, 0), 0, each=True),
    Kind("pause", "store", STORES, process.pause, (30, 60), 8, each=True),
    Kind("disk full", "store", STORES, store.fill_disk, (10, 20), 8, each=True),
    Kind("receiver", "outside", MOODS, outside.spoil_receiver, (15, 40), 8, each=True),
    Kind("poison", "outside", ("reports", "handovers"), outside.poison, (1, 1), 1, each=True),
    Kind("burst of deadlines", OPENING, ("deadlines",), outside.burst, (600, 600), 40),
    Kind("dead recipient", "organ", ("recipient",), outside.bury_organ, (200, 300), 50),
)
ALONE = ("kill -9", "pause")
"""faults for which nothing but their target must run"""
GAPS_S = {
    OPENING: (0.0, 0.0),
    "program": (0.5, 3.0),
    "store": (25.0, 40.0),
    "outside": (1.0, 4.0),
    "organ": (5.0, 10.0),
}
"""how long a lane rests behind a fault"""
LANES = ("program", "program", "store", "outside", "organ")
FULL_MINUTES = 10.0


def mandatory() -> set[tuple[str, str]]:
    """Return (kind, target) of all that a full run must have seen; target "" is any."""
    return {
        (kind.name, target) for kind in KINDS for target in (kind.targets if kind.each else ("",))
    }


def needs(kind: Kind, target: str) -> list[str]:
    """Return the parts that must run for a fault to do anything."""
    of = {"burst of deadlines": list(outside.TICKING)}.get(kind.name, target.split("/"))
    stores = [] if kind.name in ALONE or kind.lane == "store" else list(STORES)
    return [*stores, *(part for part in of if part in PROGRAMS)]
