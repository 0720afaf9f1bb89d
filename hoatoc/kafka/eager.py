"""faust's transport over Kafka, without a race for each record.

faust races the hand-over of every record to its stream against a halt of the flow
(`Service.wait_first`: four tasks, half of what a record costs in it). The race is needed only where
the hand-over waits, because the buffer of the stream is full. So here it is begun first, and raced
only if it was not done with its first step.
"""

import asyncio
from typing import Any, ClassVar

from faust.transport.drivers import aiokafka
from mode import Service
from mode.services import WaitArgT, WaitResults


class Eager(Service):
    """A service that races nothing which is done at once."""

    abstract: ClassVar[bool] = True

    async def wait_first(self, *coros: WaitArgT, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109 - of faust
        """Return when the first of these is done; the others are cancelled."""
        first, *others = coros
        if not asyncio.iscoroutine(first):
            return await super().wait_first(*coros, timeout=timeout)
        begun, raced = asyncio.ensure_future(first), False
        try:
            await asyncio.sleep(0)  # its first step; and the stream gets its turn
            if raced := not begun.done() or self.should_stop:
                return await super().wait_first(begun, *others, timeout=timeout)
            return WaitResults([begun], [begun.result()], stopped=False)
        finally:
            if not raced:
                begun.cancel()
                for other in filter(asyncio.iscoroutine, others):
                    other.close()


class Consumer(Eager, aiokafka.Consumer):
    """faust's consumer, eager."""


class Transport(aiokafka.Transport):
    """The transport to give to an application: `app.transport = Transport(urls, app)`."""

    Consumer: ClassVar[type[Consumer]] = Consumer
