"""Lanes: how many hand-overs are at work at a time, the urgent ones beside the others."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from hoatoc.domain.packet import URGENT
from producers.gateway.refusal import LaneFull, ManyAtOnce

AT_WORK = Gauge("hoatoc_gateway_at_work", "Hand-overs at work, or waiting their turn", ["lane"])


class Lane:
    """So many at work, as many again waiting; whoever comes then is told to come again.

    One organ has half of the turns and half of the places at most: it shuts nobody out.
    """

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self._room, self._turn = 2 * most, asyncio.Semaphore(most)
        self._share, self._of = most, Counter[str]()
        self._own_turns, self._own = max(1, most // 2), dict[str, asyncio.Semaphore]()

    @asynccontextmanager
    async def entered(self, organ: str) -> AsyncIterator[None]:
        """Wait for a turn of an organ; raises LaneFull, ManyAtOnce."""
        if self._of[organ] >= self._share:
            raise ManyAtOnce(self._share)
        if self._of.total() >= self._room:
            raise LaneFull(self.name)
        self._of[organ] += 1
        own = self._own.setdefault(organ, asyncio.Semaphore(self._own_turns))
        AT_WORK.labels(self.name).set(self._of.total())
        try:
            async with own, self._turn:
                yield
        finally:
            self._of -= Counter([organ])
            if not self._of[organ]:
                del self._own[organ]
            AT_WORK.labels(self.name).set(self._of.total())


class Lanes:
    """The lane of urgent documents, and that of the others."""

    def __init__(self, normal: int, urgent: int) -> None:
        self._normal, self._urgent = Lane("normal", normal), Lane("urgent", urgent)

    def of(self, priority: int) -> Lane:
        """Return the lane of a priority, 0 to 4."""
        return self._urgent if priority >= URGENT else self._normal
