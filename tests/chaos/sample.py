"""Samples: what waits at each place, a second apart; and from them how long a recovery took."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hoatoc.history.note import Fault
from hoatoc.history.save import now_ms
from tests.chaos.world import World

EVERY_S = 1.0
PATIENCE_S = 3.0
USUAL_LAG, USUAL_OUTBOX = 1000, 40
"""records not booked and dispatches not published that a healthy run has now and then"""
_BEFORE_MS = 6_000
_QUERY = """
SELECT (SELECT sum(next_offset) FROM partition_book) AS booked,
       (SELECT count(*) FROM outbox WHERE state IN ('unsent', 'claimed')) AS outbox,
       (SELECT count(*) FROM announcement) AS announcements,
       (SELECT count(*) FROM page WHERE state = 'pending') AS pages,
       (SELECT count(*) FROM alert WHERE closing IS NULL) AS alerts
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look; None where nobody answered. Counts of copies are since the beginning."""

    at_ms: int
    copies: int | None = None
    by_kafka: int | None = None
    taken: int | None = None
    end: int | None = None
    booked: int | None = None
    outbox: int | None = None
    announcements: int | None = None
    pages: int | None = None
    alerts: int | None = None
    kept: int = 0
    documents: int = 0

    def through(self, door: str) -> int | None:
        """Copies handed over through a door, `api` or `kafka`."""
        if self.copies is None or self.by_kafka is None:
            return None
        return self.by_kafka if door == "kafka" else self.copies - self.by_kafka

    @property
    def lag(self) -> int | None:
        """Records of the log that are not booked."""
        return None if self.end is None or self.booked is None else max(self.end - self.booked, 0)


@dataclass(slots=True)
class Sampler:
    """Looks every second, past the proxy."""

    world: World
    partitions: int
    samples: list[Sample] = field(default_factory=list)

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        servers = self.world.running.settings.kafka.bootstrap_servers
        async with AIOKafkaConsumer(bootstrap_servers=servers) as reader:
            while True:
                at = loop.time()
                self.samples.append(await self._look(reader))
                await asyncio.sleep(max(at + EVERY_S - loop.time(), 0))

    async def _look(self, reader: AIOKafkaConsumer) -> Sample:
        at_ms = now_ms()
        end, books, sent, taken = await asyncio.gather(
            self._end(reader), self._books(), self._sent(), self._taken()
        )
        kept = self.world.receiver.kept
        return Sample(at_ms=at_ms, end=end, taken=taken, kept=kept, **books, **sent)

    async def _end(self, reader: AIOKafkaConsumer) -> int | None:
        places = [TopicPartition("deliveries", n) for n in range(self.partitions)]
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return sum((await reader.end_offsets(places)).values())
        return None

    async def _books(self) -> dict[str, int]:
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(PATIENCE_S):
                connection = await asyncpg.connect(self.world.running.settings.postgres.dsn)
                try:
                    return {k: int(v) for k, v in (await connection.fetchrow(_QUERY)).items()}
                finally:
                    connection.terminate()
        return {}

    async def _sent(self) -> dict[str, int]:
        found = await self.world.senders.ask(do="count")
        return {name: found[name] for name in ("copies", "by_kafka", "documents")}

    async def _taken(self) -> int:
        return (await self.world.organs.count()).get("taken", 0)


def recovery_s(fault: Fault, samples: Sequence[Sample]) -> float | None:
    """Return the seconds from a fault's end until lag and outbox were what they were before.

    None if that was not seen. Where another fault came meanwhile, its time is in it.
    """
    before = [s for s in samples if fault.at_ms - _BEFORE_MS <= s.at_ms <= fault.at_ms]
    lag = max([USUAL_LAG, *(s.lag for s in before if s.lag is not None)])
    outbox = max([USUAL_OUTBOX, *(s.outbox for s in before if s.outbox is not None)])
    for sample in samples:
        if sample.at_ms < fault.until_ms or sample.lag is None or sample.outbox is None:
            continue
        if sample.lag <= lag and sample.outbox <= outbox:
            return (sample.at_ms - fault.until_ms) / 1000
    return None


def rows(samples: Sequence[Sample]) -> list[dict[str, int | None]]:
    """Return the samples as they are kept."""
    return [asdict(sample) | {"lag": sample.lag} for sample in samples]
