"""Habits of agencies: how large their packets are, to how many they go, what is reported of them.

Measured (sources: `docs/parts/traffic.md`): attachments, 93 of a test dump, 0.64 MB in the middle,
10.9 MB at the ninth tenth, 28.7 MB the largest; 939 packets with 35,452 recipients; 2,371 statuses
by code. No figures are published of urgency, of how many hand-overs are repeated, and of how long
answers take: those here are a guess.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

MEDIAN_BYTES, NINTH_TENTH_BYTES, LARGEST_BYTES = 640_000, 10_900_000, 28_700_000
MEAN_RECIPIENTS = 35_452 / 939
STATUSES = {"01": 894, "02": 60, "03": 734, "04": 1, "05": 610, "06": 49, "0": 18, "": 5}
"""statuses seen, by code; the last two are no codes at all"""
URGENCY = {0: 0.82, 1: 0.09, 2: 0.05, 3: 0.04}
"""share by the priority of the packet; a guess"""
EXPRESS = 3
"""goes to all: the one circular of a day on which everything happens"""
REPEATED = 0.02
"""share of hand-overs that come again, as a system does that heard no answer; a guess"""
_SPREAD = math.log(NINTH_TENTH_BYTES / MEDIAN_BYTES) / 1.2816  # the normal's ninth tenth
_LEAST_BYTES = 2_000


@dataclass(frozen=True, slots=True)
class Letter:
    """What one agency is to hand over: to whom, how urgent, how large (bytes), how often."""

    sender: str
    recipients: tuple[str, ...]
    number: int
    priority: int
    size: int
    times: int = 1


@dataclass(slots=True)
class Habits:
    """Draws what agencies do; `scale` makes every packet smaller or larger."""

    chance: Random
    organs: Sequence[str]
    scale: float = 1.0
    number: int = 0

    def letter(self) -> Letter:
        """Draw the next letter."""
        self.number += 1
        urgency = self.chance.choices(list(URGENCY), list(URGENCY.values()))[0]
        sender, *others = self.chance.sample(self.organs, len(self.organs))
        count = len(others) if urgency == EXPRESS else self._recipients(len(others))
        return Letter(
            sender=sender,
            recipients=tuple(others[:count]),
            number=self.number,
            priority=urgency,
            size=self._size(),
            times=1 + (self.chance.random() < REPEATED),
        )

    def _recipients(self, most: int) -> int:
        return min(1 + int(self.chance.expovariate(1 / (MEAN_RECIPIENTS - 1))), most)

    def _size(self) -> int:
        drawn = self.chance.lognormvariate(math.log(MEDIAN_BYTES), _SPREAD)
        return max(int(min(drawn, LARGEST_BYTES) * self.scale), _LEAST_BYTES)


def course(chance: Random) -> Iterator[str]:
    """Yield the statuses that a recipient reports of one document, in order.

    Each follows on the one before as often as it was seen to. Now and then comes one that is none.
    """
    yield "01"
    if chance.random() < _share("02", "01"):
        yield "02"
        return
    if chance.random() >= _share("03", "01") / (1 - _share("02", "01")):
        return
    yield "03"
    if chance.random() < _share("04", "03"):
        yield "04"
    if chance.random() < _share("05", "03"):
        yield "05"
        if chance.random() < _share("06", "05"):
            yield "06"
    if chance.random() < _share("0", "01"):
        yield "0"
    if chance.random() < _share("", "01"):
        yield ""


def _share(code: str, of: str) -> float:
    return STATUSES[code] / STATUSES[of]
