"""From hand-over to the moment at which a recipient can read its copy, at an open-loop load.

Each copy is measured from the instant that was meant for its hand-over, drawn beforehand; the floor
sends the same number of encoded copies at instants drawn the same way, from one bare producer.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from uuid import UUID

from bench import floor, sample
from bench.dispatch import copies
from bench.figure import ladder, milliseconds, percentile
from bench.line import answering
from bench.load import Doors, Sent, doors, letters
from bench.observer import Observer, observing
from bench.section import Bench, Plot, Report, Row, Unmeasured
from bench.stage import Crew, crew, fresh
from hoatoc.domain import topic
from hoatoc.domain.policy import limits_for
from hoatoc.kafka.client import Outgoing, producer
from hoatoc.policy_file import load_policy
from hoatoc.prepare import first_registry

RATES = {100: 120.0, 1_000: 60.0}
"""Events a second, and for how long (s)."""
ANSWERS = 3
EVENTS = 2 + ANSWERS * sample.RECIPIENTS
"""Records of `deliveries` of one dispatch: registered, published, each recipient's answers."""
WARM_UP = 30
_PATIENCE_S = 60.0
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class LatencyFigures:
    """Milliseconds of every copy at one rate, and of its floor."""

    rate: int
    dispatches: int
    real: list[float]
    floor: list[float]


async def report(bench: Bench) -> Report:
    """Measure both rates on one stack."""
    found, topics = [], [topic.documents(organ.code) for organ in first_registry()]
    async with (
        fresh(bench.console) as running,
        crew(running) as team,
        doors(team.settings) as opened,
        observing(team.settings, topics) as seeing,
    ):
        async with answering(team.settings):
            await opened.all(letters(1, bench.size(WARM_UP, 2)))
        first = WARM_UP + 1
        for rate, seconds in RATES.items():
            number = max(round(rate / EVENTS * bench.seconds(seconds, 5)), 5)
            bench.say(f"{rate} events/s: {number} dispatches")
            async with answering(team.settings):
                real = await _real(opened, seeing, letters(first, number), rate / EVENTS)
            bare = await _bare(team, seeing, number, rate / EVENTS)
            found.append(LatencyFigures(rate, number, real, bare))
            first += number
    return Report([_row(f) for f in found], _figures(found), _notes(found), [_plot(found)])


async def _real(
    opened: Doors, seeing: Observer, packets: Sequence[bytes], rate: float
) -> list[float]:
    return await _seen(seeing, await opened.paced(packets, rate))


async def _bare(team: Crew, seeing: Observer, number: int, rate: float) -> list[float]:
    """Send encoded copies at instants drawn as those of hand-overs are."""
    organs, limits = first_registry(), limits_for(load_policy(team.settings), 0)
    rows = [sample.claimed(sample.letter(organs, n), limits) for n in range(number)]
    records = [copies(row) for row in rows]
    names = [topic.documents(organ.code) for organ in organs]
    drawn, at_s, sent, going = Random(number), 0.0, [], []
    async with producer(team.settings.kafka, names) as to:
        await floor.fan_out(to, _warming(names))
        begin_ns, began = time.time_ns(), time.perf_counter()
        for row, some in zip(rows, records, strict=True):
            at_s += drawn.expovariate(rate)
            await asyncio.sleep(began + at_s - time.perf_counter())
            going.append(asyncio.create_task(floor.fan_out(to, some)))
            sent.append(Sent(begin_ns + round(at_s * 1e9), row.dispatch_id))
        await asyncio.gather(*going)
    return await _seen(seeing, sent)


def _warming(names: Sequence[str]) -> list[Outgoing]:
    return [Outgoing(name, b"warm-up", b"", [], 0) for name in names]


async def _seen(seeing: Observer, sent: Sequence[Sent]) -> list[float]:
    """Return the milliseconds of every copy, once all are seen; raises Unmeasured."""
    meant = {one.dispatch_id: one.meant_ns for one in sent}
    deadline = time.monotonic() + _PATIENCE_S
    while len(found := _first_seen(seeing, meant)) < len(meant) * sample.RECIPIENTS:
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(found)} of {len(meant) * sample.RECIPIENTS} copies are seen")
        await asyncio.sleep(_PAUSE_S)
    return [(at_ns - meant[of]) / 1e6 for (of, _), at_ns in found.items()]


def _first_seen(seeing: Observer, meant: dict[UUID, int]) -> dict[tuple[UUID, str], int]:
    first: dict[tuple[UUID, str], int] = {}
    for one in seeing.seen():
        if len(one.key) == 36 and (of := UUID(one.key)) in meant:
            first.setdefault((of, one.topic), one.at_ns)
    return first


def _row(found: LatencyFigures) -> Row:
    return Row(
        f"hand-over to visible at {found.rate:,} events/s, p50 / p99",
        milliseconds(found.real),
        milliseconds(found.floor),
        f"{percentile(found.real, 50) / percentile(found.floor, 50):.1f} ×",
    )


def _figures(found: list[LatencyFigures]) -> dict[str, float]:
    return {
        f"{name}_p{percent}_ms_{each.rate}": round(percentile(values, percent), 1)
        for each in found
        for name, values in (("visible", each.real), ("floor", each.floor))
        for percent in (50, 99)
    }


def _notes(found: list[LatencyFigures]) -> list[str]:
    numbers = "; ".join(
        f"{each.rate:,} events/s: {each.dispatches} dispatches, {len(each.real):,} copies, the "
        f"slowest {max(each.real):,.0f} ms"
        for each in found
    )
    return [f"{numbers}. One dispatch makes {EVENTS} events in `deliveries`."]


def _plot(found: list[LatencyFigures]) -> Plot:
    lines = {}
    for each in found:
        lines[f"{each.rate:,} events/s"] = ladder(each.real)
        lines[f"floor at {each.rate:,} events/s"] = ladder(each.floor)
    return Plot(
        "visible",
        "From the instant meant for a hand-over to the copy in a recipient's hands",
        "percent of the copies",
        "ms",
        lines,
        log="y",
    )
