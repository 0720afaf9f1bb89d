"""The feed: topics of connection points, read from any place.

A document is visible here exactly when the broker has confirmed its copy; nothing waits for the
ledger.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TypeVar

import structlog
from aiokafka.errors import KafkaError

from hoatoc.config import Kafka
from hoatoc.kafka.client import AWAY, BrokerAway
from hoatoc.kafka.fetch import Fetcher, OutOfRange, Stretch, fetcher
from producers.gateway.outlet import AGAIN_S, away
from producers.gateway.refusal import CursorAhead, CursorExpired

READ_S = 5.0
_PAUSE_S = 0.1
Found = TypeVar("Found")
LOG = structlog.get_logger("gateway")


class Feed:
    """Reads topics; while the broker is away, says so."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._fetcher: Fetcher | None = None

    async def run(self) -> None:
        """Keep a connection to the brokers open until cancelled; it opens again by itself."""
        while True:
            with suppress(BrokerAway):
                async with fetcher(self._kafka) as opened:
                    self._fetcher = opened
                    await asyncio.Event().wait()
            LOG.warning("broker_away")
            await asyncio.sleep(AGAIN_S)

    async def read(self, topic: str, cursor: int | None, limit: int) -> Stretch:
        """Read at most so many records from an offset, or from the oldest that is kept.

        What is there is returned at once, be it nothing. Raises CursorAhead, CursorExpired,
        BrokerAway.
        """

        async def from_cursor(opened: Fetcher) -> Stretch:
            if cursor is None:
                return await opened.read(topic, await opened.begin(topic), limit)
            try:
                return await opened.read(topic, cursor, limit)
            except OutOfRange:
                end = (await opened.ends([topic]))[topic]
                if cursor > end:
                    raise CursorAhead(cursor, end) from None
                raise CursorExpired(cursor, await opened.begin(topic)) from None

        return await self._asked(from_cursor)

    async def ends(self, topics: Collection[str]) -> dict[str, int]:
        """Return the offset behind the last record of each topic; raises BrokerAway."""
        return await self._asked(lambda opened: opened.ends(topics))

    async def _asked(self, question: Callable[[Fetcher], Awaitable[Found]]) -> Found:
        """Ask the brokers, again while they are about to know; raises BrokerAway."""
        try:
            async with asyncio.timeout(READ_S):
                while True:
                    if self._fetcher is None:
                        raise away()
                    try:
                        return await question(self._fetcher)
                    except KafkaError as error:
                        if not error.retriable or isinstance(error, AWAY):
                            raise
                        await asyncio.sleep(_PAUSE_S)
        except (*AWAY, KafkaError) as error:
            raise away() from error
