"""The outlet: what the gateway appends to the log, confirmed; it outlives an absence of the broker.

An idempotent producer that could not send something cannot be trusted with what follows it, so it
is replaced. What is sent again has the same id and is the same fact.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.kafka.client import AWAY, BrokerAway, producer, send_all
from hoatoc.ports import Outgoing

CONFIRM_S = 10.0
AGAIN_S = 1.0
LOG = structlog.get_logger("gateway")


class Outlet:
    """Sends records to the broker; while it is away, says so at once."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._producer: AIOKafkaProducer | None = None
        self._failed = asyncio.Event()

    async def run(self) -> None:
        """Keep a producer open until cancelled."""
        while True:
            async with AsyncExitStack() as held:
                try:
                    opened = producer(self._kafka, [topic.DELIVERIES])
                    self._producer = await held.enter_async_context(opened)
                    self._failed.clear()
                    await self._failed.wait()
                except (BrokerAway, KafkaError) as error:
                    LOG.warning("broker_away", detail=str(error))
                finally:
                    self._producer = None
            await asyncio.sleep(AGAIN_S)

    async def send(self, records: Sequence[Outgoing]) -> int:
        """Send records and return the broker's clock (ms, 1970 UTC) at the first of them.

        Raises BrokerAway where not each of them was confirmed; some may stand in the log.
        """
        if self._producer is None:
            raise away()
        try:
            async with asyncio.timeout(CONFIRM_S):
                confirmed = await send_all(self._producer, records)
        except (*AWAY, KafkaError) as error:
            self._failed.set()
            raise away() from error
        return int(confirmed[0].timestamp)

    async def try_send(self, records: Sequence[Outgoing]) -> int | None:
        """Send records; None where the broker has not confirmed each of them."""
        try:
            return await self.send(records)
        except BrokerAway:
            return None


def away() -> BrokerAway:
    """Return what is said while the broker is away."""
    return BrokerAway(
        "Hệ thống nhật ký (Kafka) tạm thời không trả lời; gửi lại yêu cầu này là an toàn. / The "
        "broker does not answer; sending this request again is safe."
    )
