"""One dispatch to 38 recipients, from claimed row to DispatchPublished, every step confirmed."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles

from bench import floor, sample
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.domain.registry import Organ
from hoatoc.kafka.client import Outgoing, outgoing, producer
from hoatoc.ports import Claimed
from producers.publisher import Publisher, copy

WARM_UP = 50


@dataclass(frozen=True, slots=True)
class DispatchFigures:
    """Milliseconds of one dispatch, and of its floor: 38 encoded copies and nothing else."""

    dispatches: int
    p50_ms: float
    p99_ms: float
    floor_p50_ms: float
    floor_p99_ms: float

    @property
    def ratio(self) -> float:
        """The dispatch by its floor."""
        return self.p50_ms / self.floor_p50_ms


async def measure(
    settings: Settings, organs: tuple[Organ, ...], policy: Policy, dispatches: int
) -> DispatchFigures:
    """Publish dispatches one after another, each in turn with its floor."""
    topics = [topic.documents(organ.code) for organ in organs]
    limits = limits_for(policy, 0)
    real, bare = [], []
    async with producer(settings.kafka, [topic.DELIVERIES, *topics]) as to:
        publisher = Publisher(to, settings.kafka.partitions)
        for number in range(WARM_UP + dispatches):
            row = sample.claimed(sample.letter(organs, number + 1), limits)
            copies = _copies(sample.claimed(sample.letter(organs, number + 1), limits))
            bare.append(await _milliseconds(floor.fan_out, to, copies))
            real.append(await _milliseconds(publisher.publish, row))
    real, bare = real[WARM_UP:], bare[WARM_UP:]
    return DispatchFigures(dispatches, median(real), _p99(real), median(bare), _p99(bare))


def _copies(row: Claimed) -> list[Outgoing]:
    return [
        outgoing(
            copy(row, recipient),
            topic=topic.documents(recipient),
            key=str(row.dispatch_id).encode(),
            source="bench",
            dispatch_id=row.dispatch_id,
            partition=0,
        )
        for recipient in row.recipients
    ]


async def _milliseconds(what: Callable[..., Awaitable[object]], *arguments: object) -> float:
    began = time.perf_counter()
    await what(*arguments)
    return (time.perf_counter() - began) * 1000


def _p99(milliseconds: list[float]) -> float:
    return quantiles(milliseconds, n=100)[98]
