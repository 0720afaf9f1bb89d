"""One dispatch to 38 recipients, from claimed row to DispatchPublished, every step confirmed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median, quantiles

from bench import floor, sample
from bench.section import Bench, Report, Row
from bench.stage import fresh
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.domain.registry import Organ
from hoatoc.kafka.client import Outgoing, outgoing, producer
from hoatoc.policy_file import load_policy
from hoatoc.ports import Claimed
from hoatoc.prepare import first_registry
from hoatoc.testing.content import MemoryContents
from producers.publisher import Publisher, copy

WARM_UP, DISPATCHES = 50, 300


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


async def report(bench: Bench) -> Report:
    """Measure dispatches to 38 recipients, one by one, on a broker of its own."""
    async with fresh(bench.console) as running:
        settings = running.settings
        await asyncio.sleep(1)  # the broker has just made its topics
        dispatches = bench.size(DISPATCHES, 10)
        found = await measure(settings, first_registry(), load_policy(settings), dispatches)
    rows = [
        Row(
            "one dispatch to 38 recipients, p50",
            f"{found.p50_ms:.1f} ms",
            f"{found.floor_p50_ms:.1f} ms",
            f"{found.ratio:.1f} ×",
            "25 ms",
        ),
        Row(
            "one dispatch to 38 recipients, p99",
            f"{found.p99_ms:.1f} ms",
            f"{found.floor_p99_ms:.1f} ms",
            f"{found.p99_ms / found.floor_p99_ms:.1f} ×",
        ),
    ]
    figures = {
        "p50_ms": round(found.p50_ms, 1),
        "p99_ms": round(found.p99_ms, 1),
        "floor_p50_ms": round(found.floor_p50_ms, 1),
        "floor_p99_ms": round(found.floor_p99_ms, 1),
    }
    return Report(
        rows, figures, [f"{found.dispatches} dispatches, {WARM_UP} before them unmeasured."]
    )


async def measure(
    settings: Settings, organs: tuple[Organ, ...], policy: Policy, dispatches: int
) -> DispatchFigures:
    """Publish dispatches one after another, each in turn with its floor."""
    topics = [topic.documents(organ.code) for organ in organs]
    limits = limits_for(policy, 0)
    real, bare = [], []
    async with producer(settings.kafka, [topic.DELIVERIES, *topics]) as to:
        publisher = Publisher(to, settings.kafka.partitions, MemoryContents())
        for number in range(WARM_UP + dispatches):
            row = sample.claimed(sample.letter(organs, number + 1), limits)
            bare_copies = copies(sample.claimed(sample.letter(organs, number + 1), limits))
            bare.append(await milliseconds(floor.fan_out, to, bare_copies))
            real.append(await milliseconds(publisher.publish, row))
    real, bare = real[WARM_UP:], bare[WARM_UP:]
    return DispatchFigures(dispatches, median(real), _p99(real), median(bare), _p99(bare))


def copies(row: Claimed) -> list[Outgoing]:
    """Return the encoded copies of a row, one for each recipient."""
    return [
        outgoing(
            copy(row, recipient),
            topic=topic.documents(connection),
            key=str(row.dispatch_id).encode(),
            source="bench",
            dispatch_id=row.dispatch_id,
            partition=0,
        )
        for recipient, connection in zip(row.recipients, row.connections, strict=True)
    ]


async def milliseconds(what: Callable[..., Awaitable[object]], *arguments: object) -> float:
    """Return how long a call takes (ms)."""
    began = time.perf_counter()
    await what(*arguments)
    return (time.perf_counter() - began) * 1000


def _p99(milliseconds: list[float]) -> float:
    return quantiles(milliseconds, n=100)[98]
