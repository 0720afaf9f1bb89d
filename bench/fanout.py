"""From one recipient topic to 5,000: a dispatch to 38 of them, and the rate of fan-out.

With one topic all recipients share a connection point. The broker is the small embedded one.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from random import Random

from aiokafka.admin import NewTopic

from bench import floor, sample
from bench.dispatch import copies, milliseconds
from bench.figure import percentile
from bench.section import Bench, Plot, Report, Row
from bench.stage import fresh
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.policy import limits_for
from hoatoc.kafka.client import Outgoing, producer
from hoatoc.kafka.topic import admin
from hoatoc.policy_file import load_policy
from hoatoc.ports import Claimed
from hoatoc.prepare import first_registry
from hoatoc.testing.content import MemoryContents
from producers.publisher import Publisher

TOPICS = (1, 38, 100, 1_000, 5_000)
DISPATCHES, WARM_UP, MANY = 150, 20, 300
IN_FLIGHT = 64
_CREATED_AT_ONCE = 250
_WARMED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class FanoutFigures:
    """Milliseconds of a dispatch and of its floor; copies a second in flight, and the floor's."""

    topics: int
    real: list[float]
    bare: list[float]
    rate: float
    floor_rate: float


async def report(bench: Bench) -> Report:
    """Measure at each number of topics, on one broker that has ever more of them."""
    found, there = [], 0
    async with fresh(bench.console) as running:
        settings = running.settings
        for wanted in TOPICS:
            names = [
                topic.documents(f"bench-{n:04}")
                for n in range(bench.size(wanted, min(wanted, 100)))
            ]
            began = time.perf_counter()
            await _create(settings, names[there:])
            there = max(there, len(names))
            bench.say(f"{len(names):,} topics (made in {time.perf_counter() - began:.0f} s)")
            found.append(await _measure(bench, settings, names))
    return Report([*map(_row, found), *map(_rate_row, found)], _figures(found), [], _plots(found))


async def _create(settings: Settings, names: Sequence[str]) -> None:
    async with admin(settings.kafka) as client:
        for begin in range(0, len(names), _CREATED_AT_ONCE):
            some = names[begin : begin + _CREATED_AT_ONCE]
            await client.create_topics([NewTopic(name, 1, 1) for name in some])


async def _measure(bench: Bench, settings: Settings, names: Sequence[str]) -> FanoutFigures:
    rows = _rows(settings, names)
    async with producer(settings.kafka, [topic.DELIVERIES, *names]) as to:
        for begin in range(0, len(names), _WARMED_AT_ONCE):  # the first record opens a topic's file
            await floor.fan_out(to, _warming(names[begin : begin + _WARMED_AT_ONCE]))
        publisher = Publisher(to, settings.kafka.partitions, MemoryContents())
        real, bare = [], []
        for _ in range(WARM_UP + bench.size(DISPATCHES, 10)):
            records = copies(next(rows))
            bare.append(await milliseconds(floor.fan_out, to, records))
            real.append(await milliseconds(publisher.publish, next(rows)))
        many = bench.size(MANY, 10)
        encoded = [copies(next(rows)) for _ in range(many)]
        floor_rate = await _rate([partial(floor.fan_out, to, records) for records in encoded])
        rate = await _rate([partial(publisher.publish, next(rows)) for _ in range(many)])
    return FanoutFigures(len(names), real[WARM_UP:], bare[WARM_UP:], rate, floor_rate)


def _warming(names: Sequence[str]) -> list[Outgoing]:
    return [Outgoing(name, b"warm-up", b"", [], 0) for name in names]


def _rows(settings: Settings, names: Sequence[str]) -> Iterator[Claimed]:
    """Yield claimed rows without end, each to 38 recipients behind topics drawn at random."""
    organs, limits = first_registry(), limits_for(load_policy(settings), 0)
    points, drawn = [topic.organ_of(name) for name in names], Random(len(names))
    row = sample.claimed(sample.letter(organs, 1), limits)
    while True:
        some = (
            points if len(points) < sample.RECIPIENTS else drawn.sample(points, sample.RECIPIENTS)
        )
        connections = tuple(islice(cycle(some), sample.RECIPIENTS))
        yield replace(row, dispatch_id=sample.fresh_dispatch_id(), connections=connections)


async def _rate(works: Sequence[Callable[[], Coroutine[object, object, object]]]) -> float:
    """Do all, many in flight; return the copies a second."""
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(work: Callable[[], Coroutine[object, object, object]]) -> None:
        async with room:
            await work()

    began = time.perf_counter()
    await asyncio.gather(*map(one, works))
    return len(works) * sample.RECIPIENTS / (time.perf_counter() - began)


def _row(found: FanoutFigures) -> Row:
    real, bare = found.real, found.bare
    return Row(
        f"one dispatch to 38 of {found.topics:,} topics, p50 / p99",
        f"{percentile(real, 50):.1f} / {percentile(real, 99):.1f} ms",
        f"{percentile(bare, 50):.1f} / {percentile(bare, 99):.1f} ms",
        f"{percentile(real, 50) / percentile(bare, 50):.1f} ×",
    )


def _rate_row(found: FanoutFigures) -> Row:
    return Row(
        f"copies/s to {found.topics:,} topics, {IN_FLIGHT} dispatches in flight",
        f"{found.rate:,.0f}",
        f"{found.floor_rate:,.0f}",
        f"{found.rate / found.floor_rate:.0%}",
    )


def _figures(found: list[FanoutFigures]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for each in found:
        figures[f"dispatch_p50_ms_{each.topics}"] = round(percentile(each.real, 50), 1)
        figures[f"dispatch_p99_ms_{each.topics}"] = round(percentile(each.real, 99), 1)
        figures[f"copies_per_s_{each.topics}"] = round(each.rate)
        figures[f"floor_copies_per_s_{each.topics}"] = round(each.floor_rate)
    return figures


def _plots(found: list[FanoutFigures]) -> list[Plot]:
    def line(value: Callable[[FanoutFigures], float]) -> list[tuple[float, float]]:
        return [(each.topics, round(value(each), 1)) for each in found]

    times = {
        "p99": line(lambda each: percentile(each.real, 99)),
        "p50": line(lambda each: percentile(each.real, 50)),
        "floor, p50": line(lambda each: percentile(each.bare, 50)),
    }
    rates = {"Hoatoc": line(lambda f: f.rate), "floor": line(lambda f: f.floor_rate)}
    return [
        Plot("dispatch-by-topics", "One dispatch to 38", "recipient topics", "ms", times, log="x"),
        Plot("fanout", "Fan-out, many in flight", "recipient topics", "copies/s", rates, log="x"),
    ]
