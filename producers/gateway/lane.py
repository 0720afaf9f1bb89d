"""Lanes: how many hand-overs are at work at a time, the urgent ones beside the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from producers.gateway.refusal import LaneFull

AT_WORK = Gauge("hoatoc_gateway_at_work", "Hand-overs at work, or waiting their turn", ["lane"])
URGENT = 1
"""the least priority that has a lane of its own"""


class Lane:
    """So many at work, as many again waiting; whoever comes then is told to come again."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self._room, self._turn = 2 * most, asyncio.Semaphore(most)
        self._inside = 0

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Wait for a turn; raises LaneFull."""
        if self._inside >= self._room:
            raise LaneFull(self.name)
        self._inside += 1
        AT_WORK.labels(self.name).set(self._inside)
        try:
            async with self._turn:
                yield
        finally:
            self._inside -= 1
            AT_WORK.labels(self.name).set(self._inside)


class Lanes:
    """The lane of urgent documents, and that of the others."""

    def __init__(self, normal: int, urgent: int) -> None:
        self._normal, self._urgent = Lane("normal", normal), Lane("urgent", urgent)

    def of(self, priority: int) -> Lane:
        """Return the lane of a priority, 0 to 4."""
        return self._urgent if priority >= URGENT else self._normal
