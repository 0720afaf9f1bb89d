"""From a broken deadline to its alert in the topic `alerts`, and to the page at a webhook.

A due is an instant of service time. It is reached between two ticks: at the earlier one's append
time plus what was left. From there everything is measured; the floor is the wait for the tick that
shows it, before which nobody can know.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from bench.figure import ladder, milliseconds, percentile
from bench.line import answering
from bench.load import doors, letters
from bench.observer import Observer, observing
from bench.section import Bench, Plot, Report, Row, Unmeasured
from bench.stage import Crew, crew, fresh
from hoatoc.domain import topic
from hoatoc.domain.event import AlertRaised, Tick
from hoatoc.domain.service_time import PartitionClock, advance
from hoatoc.postgres.connection import pool
from hoatoc.prepare import first_registry
from hoatoc.testing.audit import Read, read
from hoatoc.testing.webhook import Receiver, receiving

RATE, SECONDS = 4.0, 120.0
"""Dispatches a second, for so long (s)."""
SILENT = 3
"""Recipients that never answer; a letter goes to 38 of 63, the silent among them by turns."""
ARRIVE_S = 10.0
GOAL_MS = 2_000
_PATIENCE_S = 120.0
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class DeadlineFigures:
    """Milliseconds from each due: to the tick behind it, to the alert's record, to the page."""

    tick: list[float]
    alert: list[float]
    page: list[float]
    found_by: dict[str, int]


@dataclass(frozen=True, slots=True)
class Course:
    """The service time of one partition along its log, tick by tick (ms)."""

    service: list[int]
    appended: list[int]

    def reached(self, due_ms: int) -> tuple[float, int]:
        """Return when a due was reached, and the append time of the tick that passed it."""
        at = bisect_right(self.service, due_ms)  # the first tick behind it
        left = due_ms - self.service[at - 1]
        return self.appended[at - 1] + left, self.appended[at]


def courses(log: list[Read]) -> dict[int, Course]:
    """Read the courses of service time off the log."""
    clocks: dict[int, PartitionClock] = {}
    found: dict[int, Course] = {}
    for one in log:
        if isinstance(one.event, Tick):
            clock = advance(clocks.get(one.partition, PartitionClock()), one.event, one.append_ms)
            clocks[one.partition] = clock
            course = found.setdefault(one.partition, Course([], []))
            course.service.append(clock.service_ms)
            course.appended.append(one.append_ms)
    return found


async def report(bench: Bench) -> Report:
    """Break deadlines under a moderate load and follow each to its page."""
    async with (
        receiving(Receiver()) as webhook,
        fresh(bench.console, arrive_s=ARRIVE_S, webhook_url=webhook.url) as running,
        crew(running) as team,
        observing(team.settings, [topic.ALERTS]) as seeing,
    ):
        found = await _measure(bench, team, seeing, webhook)
    row = Row(
        "deadline to AlertRaised in `alerts`, p50 / p99",
        milliseconds(found.alert),
        f"{milliseconds(found.tick)} (the tick)",
        f"{percentile(found.alert, 50) / percentile(found.tick, 50):.1f} ×",
        "p99 < 2 s",
    )
    page = Row(
        "deadline to page at the webhook, p50 / p99",
        milliseconds(found.page),
        f"{milliseconds(found.tick)} (the tick)",
        f"{percentile(found.page, 50) / percentile(found.tick, 50):.1f} ×",
    )
    return Report([row, page], _figures(found), [_note(found)], [_plot(found)])


async def _measure(
    bench: Bench, team: Crew, seeing: Observer, webhook: Receiver
) -> DeadlineFigures:
    silent = [organ.code for organ in first_registry()[1 :: 63 // SILENT]][:SILENT]
    number = max(round(RATE * bench.seconds(SECONDS, 10)), 8)
    bench.say(f"{number} dispatches, {RATE:g}/s; {', '.join(silent)} never answer")
    async with doors(team.settings) as opened, answering(team.settings, *silent):
        await opened.paced(letters(1, number), RATE)
        async with pool(team.settings.postgres.dsn, 1) as database:
            broken = await _broken(database, silent)
            seen = await _alerted(team, seeing, set(broken))
            pages = await _paged(webhook, set(broken))
            by = await database.fetch("SELECT found_by, count(*) FROM alert GROUP BY found_by")
    course = courses(await read(team.settings.kafka.bootstrap_servers, topic.DELIVERIES))
    reached = {of: course[p].reached(due_ms) for of, (p, due_ms) in broken.items()}
    return DeadlineFigures(
        [tick - at for at, tick in reached.values()],
        [seen[of] / 1e6 - at for of, (at, _) in reached.items()],
        [pages[of] / 1e6 - at for of, (at, _) in reached.items()],
        dict(map(tuple, by)),
    )


async def _broken(database: asyncpg.Pool, silent: Sequence[str]) -> dict[UUID, tuple[int, int]]:
    """Return (partition, due) of every delivery to the silent, once all have their alert."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        rows = await database.fetch(
            "SELECT subject_id, partition, due_ms FROM alert WHERE kind = 'arrive'"
        )
        wanted = await database.fetchval(
            "SELECT count(*) FROM handover_recipient WHERE recipient = ANY($1)", silent
        )
        if wanted and len(rows) >= wanted:
            return {row["subject_id"]: (row["partition"], row["due_ms"]) for row in rows}
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(rows)} of {wanted} broken deadlines have their alert")
        await asyncio.sleep(_PAUSE_S)


async def _alerted(team: Crew, seeing: Observer, wanted: set[UUID]) -> dict[UUID, int]:
    """Return when the alert of each was there to be read."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        log = await read(team.settings.kafka.bootstrap_servers, topic.ALERTS)
        of = {
            (one.partition, one.offset): one.event.subject_id
            for one in log
            if isinstance(one.event, AlertRaised)
        }
        found: dict[UUID, int] = {}
        for one in seeing.seen():
            if subject := of.get((one.partition, one.offset)):
                found.setdefault(subject, one.at_ns)
        if found.keys() >= wanted:
            return found
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(wanted - found.keys())} of {len(wanted)} alerts are not seen")
        await asyncio.sleep(_PAUSE_S)


async def _paged(webhook: Receiver, wanted: set[UUID]) -> dict[UUID, int]:
    """Return when the first page of each came."""
    ahead_ns = time.time_ns() - round(time.monotonic() * 1e9)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        first: dict[UUID, int] = {}
        for page in webhook.taken:
            first.setdefault(UUID(page.event["subject"]), round(page.at_s * 1e9) + ahead_ns)
        if first.keys() >= wanted:
            return first
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(wanted - first.keys())} of {len(wanted)} pages did not come")
        await asyncio.sleep(_PAUSE_S)


def _figures(found: DeadlineFigures) -> dict[str, float]:
    named = {"tick": found.tick, "alert": found.alert, "page": found.page}
    return {
        **{
            f"{name}_p{percent}_ms": round(percentile(values, percent))
            for name, values in named.items()
            for percent in (50, 99)
        },
        "alerts": len(found.alert),
    }


def _note(found: DeadlineFigures) -> str:
    by = ", ".join(f"{who} {number:,}" for who, number in sorted(found.found_by.items()))
    kept = sum(ms < GOAL_MS for ms in found.alert) / len(found.alert)
    return (
        f"{len(found.alert):,} broken deadlines, proposed or found by: {by}. {kept:.1%} of the "
        f"alerts came within 2 s, the last after {max(found.alert):,.0f} ms, the last page after "
        f"{max(found.page):,.0f} ms."
    )


def _plot(found: DeadlineFigures) -> Plot:
    return Plot(
        "deadline",
        "From a broken deadline to its alert, and to the page",
        "percent of the deadlines",
        "ms",
        {
            "the tick behind it (floor)": ladder(found.tick),
            "AlertRaised in its topic": ladder(found.alert),
            "page at the webhook": ladder(found.page),
        },
    )
