"""One history: a world, its people, its faults, until all is at rest; then what can be said of it."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hoatoc.domain import topic
from hoatoc.history.check import check
from hoatoc.history.record import History
from hoatoc.simulation import fault, people, program
from hoatoc.simulation.fault import Fault
from hoatoc.simulation.loop import PROCESS, SimulatedLoop, Stuck
from hoatoc.simulation.people import People
from hoatoc.simulation.telling import history_of
from hoatoc.simulation.world import PARTITIONS, World
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.database import MemoryDatabase
from hoatoc.testing.log import MemoryBroker

DOCUMENTS = 15
LOAD_S, FAULTS_S, REST_S, MOST_S = 40.0, 62.0, 5.0, 400.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one history."""

    seed: int
    violations: tuple[str, ...]
    deliveries: int
    applied: Counter[str]
    seconds: float
    faults: tuple[Fault, ...]
    alerts: Counter[str]


def run(seed: int, faults: Sequence[Fault] | None = None, documents: int = DOCUMENTS) -> Outcome:
    """Run the history of a seed; with `faults` given, with these instead of its own."""
    world, history = tell(seed, faults, documents)
    violations = [*world.violations]
    if history is not None:
        violations += [
            f"{one.guarantee}: {one.sentence}" for one in check(history).counter_examples
        ]
    alerts = Counter(str(kind) for _, kind in world.database.tables.alerts)
    return Outcome(
        seed,
        tuple(violations),
        len(world.database.tables.copies),
        world.faults,
        world.loop.time(),
        tuple(faults if faults is not None else fault.draw(random.Random(seed))),
        alerts,
    )


def tell(
    seed: int, faults: Sequence[Fault] | None = None, documents: int = DOCUMENTS
) -> tuple[World, History | None]:
    """Let the history of a seed happen; return the world at its end, and its record."""
    loop = SimulatedLoop()
    world = _world(seed, loop)
    drawn = fault.draw(random.Random(seed)) if faults is None else faults
    hook = sys.unraisablehook
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_live(world, drawn, documents))
        history: History | None = history_of(world)
    except Stuck as stuck:
        world.violations.append(f"nothing happens any more: {stuck}")
        history = None
    finally:
        sys.unraisablehook = lambda _unraisable: None  # coroutines of the dead are let go
        _bury(loop)
        asyncio.set_event_loop(None)
        loop.close()
        sys.unraisablehook = hook
    return world, history


def _world(seed: int, loop: SimulatedLoop) -> World:
    database = MemoryDatabase(lambda: world.now_ms() / 1000)
    database.tables.calendars[1] = EveryDay()
    broker = MemoryBroker(lambda: world.now_ms(world.broker_skew_ms))
    world = World(seed, loop, random.Random(f"{seed}/world"), database, broker)
    broker.create(_topics())
    return world


def _topics() -> dict[str, int]:
    organs = {name: 1 for code in program.ORGANS for name in topic.of_organ(code)}
    return organs | {topic.DELIVERIES: PARTITIONS, topic.ALERTS: PARTITIONS, topic.DEAD_LETTERS: 1}


async def _live(world: World, faults: Sequence[Fault], documents: int) -> None:
    loop, chance = world.loop, world.chance
    folk = People(world)
    world.tasks.add(loop.create_task(folk.take()))
    for name, body in program.PROGRAMS.items():
        world.start(name, body)
    for number in range(1, documents + 1):
        _at(world, chance.uniform(3, LOAD_S), folk.hand_over, number)
    for _ in range(chance.randint(1, 4)):
        _at(world, chance.uniform(LOAD_S / 4, LOAD_S * 1.3), folk.recall)
    for one in faults:
        loop.call_at(one.at_s, fault.strike, world, folk, one)
    await asyncio.sleep(FAULTS_S)
    _heal(world)
    await _until(world, "what was begun has come to its end", lambda: _is_over(world, folk))
    world.rests.add("intake")
    world.kill("intake")  # no more ticks: the log has an end
    await _until(world, "all is booked and told", lambda: _is_told(world))
    await asyncio.sleep(REST_S)


def _at(world: World, at_s: float, act: object, *words: object) -> None:
    def begin() -> None:
        task = world.loop.create_task(act(*words))  # type: ignore[operator]
        world.tasks.add(task)
        task.add_done_callback(world.tasks.discard)

    world.loop.call_at(at_s, begin)


def _heal(world: World) -> None:
    """End every fault that still lasts, so that all can come to rest."""
    world.to_database.loses_answers = 0.0
    world.broker.refusing.clear()
    world.webhook_is_moody = False
    for process in world.running.values():
        process.fatal = 0


async def _until(world: World, what: str, is_so: object) -> None:
    """Wait until something is so; if it never comes about, that is a violation."""
    while not (left := is_so()) == "":  # type: ignore[operator]
        if world.loop.time() > MOST_S:
            world.violations.append(f"never: {what}; left: {left}")
            return
        await asyncio.sleep(1)


def _is_over(world: World, folk: People) -> str:
    """Return what is still going on; "" when nothing is."""
    tables = world.database.tables
    open_rows = [row.state for row in tables.outbox.values() if row.state in ("unsent", "claimed")]
    recalls = [row.state for row in tables.recalls.values() if row.state in ("unsent", "claimed")]
    untaken = [
        name
        for name in program.SENDERS
        for place in [people.TopicPartition(topic.handovers(name), 0)]
        if tables.intake.get(tuple(place), 0) < len(world.broker.logs[place])
    ]
    left = {
        "people": folk.busy,
        "outbox": len(open_rows),
        "recalls": len(recalls),
        "handovers": len(untaken),
        "deadlines": len(tables.wakes),
        "lag": _lag(world),
    }
    return ", ".join(f"{name} {count}" for name, count in left.items() if count)


def _lag(world: World) -> int:
    books = world.database.tables.books
    return sum(
        len(log) - (books[place.partition].next_offset if place.partition in books else 0)
        for place, log in world.broker.logs.items()
        if place.topic == topic.DELIVERIES
    )


def _is_told(world: World) -> str:
    tables = world.database.tables
    pending = sum(page.state == "pending" for page in tables.pages.values())
    left = {"lag": _lag(world), "announcements": len(tables.announcements), "pages": pending}
    return ", ".join(f"{name} {count}" for name, count in left.items() if count)


def _bury(loop: SimulatedLoop) -> None:
    """Let go of all that has not come to an end."""
    token = PROCESS.set(None)
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        with suppress(RuntimeError, StopIteration):
            task.get_coro().close()  # type: ignore[union-attr]
    PROCESS.reset(token)
