"""The schedule: which fault follows which, drawn from the seed."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.chaos.kind import FULL_MINUTES, KINDS, LANES, OPENING, Kind


class Planned(NamedTuple):
    """A fault to come."""

    kind: Kind
    target: str
    seconds: float


def opening(seed: int, minutes: float) -> list[Planned]:
    """Return the faults that come before the others, while the stores run undisturbed."""
    chance = random.Random(seed)
    return [
        _drawn(chance, kind, target, minutes)
        for kind in KINDS
        if kind.lane == OPENING
        for target in kind.targets
    ]


def schedule(seed: int, minutes: float) -> list[list[Planned]]:
    """Return the faults of each lane: first what must be, then what may be.

    In a run too short for all, the shortest come first, so that as many kinds as possible fit.
    """
    chance = random.Random(seed)
    lanes: list[list[Planned]] = [[] for _ in LANES]
    for name in dict.fromkeys(LANES):
        mine = [number for number, lane in enumerate(LANES) if lane == name]
        kinds = [kind for kind in KINDS if kind.lane == name]
        first = [_drawn(chance, k, t, minutes) for k in kinds for t in _first(chance, k)]
        chance.shuffle(first)
        if minutes < FULL_MINUTES:
            first.sort(key=lambda planned: planned.seconds)
        rest = [
            _drawn(chance, kind, target, minutes)
            for kind in kinds
            for target in kind.targets
            if not any(p.kind is kind and p.target == target for p in first)
        ]
        chance.shuffle(rest)
        for number, planned in enumerate([*first, *rest]):
            lanes[mine[number % len(mine)]].append(planned)
    return lanes


def more(seed: int, lane: int, minutes: float) -> Iterator[Planned]:
    """Yield faults of a lane for ever, for what time is left when its schedule is done."""
    chance = random.Random(f"{seed}/{lane}")
    kinds = [kind for kind in KINDS if kind.lane == LANES[lane]]
    while True:
        kind = chance.choice(kinds)
        yield _drawn(chance, kind, chance.choice(kind.targets), minutes)


def _first(chance: random.Random, kind: Kind) -> Sequence[str]:
    return kind.targets if kind.each else (chance.choice(kind.targets),)


def _drawn(chance: random.Random, kind: Kind, target: str, minutes: float) -> Planned:
    least, most = kind.seconds
    scale = min(minutes / FULL_MINUTES, 1.0)
    drawn = chance.triangular(least, most, least + (most - least) / 6)
    return Planned(kind, target, max(drawn * scale, kind.least if most else 0.0))
