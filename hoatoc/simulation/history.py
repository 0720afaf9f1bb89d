"""One history: a world, its people, its faults, until all is at rest; and what is said of it."""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from aiokafka.structs import TopicPartition

from consumers.ledger import Batch, Booking
from hoatoc import codec
from hoatoc.domain import topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import DocumentDispatched, RecallIssued
from hoatoc.domain.walk import Entry
from hoatoc.history.check import check
from hoatoc.history.note import Fault as FaultNote
from hoatoc.history.record import History, Ledger, LogRecord
from hoatoc.history.report import CounterExample, Guarantee
from hoatoc.simulation import fault, program
from hoatoc.simulation.fault import Fault
from hoatoc.simulation.loop import SimulatedLoop, Stuck
from hoatoc.simulation.people import People
from hoatoc.simulation.telling import history_of
from hoatoc.simulation.world import PARTITIONS, World
from hoatoc.testing.booking import at_once
from hoatoc.testing.database import MemoryDatabase
from hoatoc.testing.history import ledger_of
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.log import MemoryBroker

DOCUMENTS = 15
LOAD_S, FAULTS_S, REST_S, MOST_S = 40.0, 62.0, 5.0, 400.0
_WAITING = ("unsent", "claimed")
_RECALLS = b"vn.hoatoc.RecallIssued"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one history; `looked_at` counts, by guarantee, what could have broken it."""

    seed: int
    documents: int
    faults: tuple[Fault, ...]
    violations: tuple[str, ...]
    deliveries: int
    applied: Counter[str]
    looked_at: Counter[str]
    crashes: Counter[str]
    seconds: float
    told: tuple[str, ...] = ()


def run(
    seed: int,
    faults: Sequence[Fault] | None = None,
    documents: int = DOCUMENTS,
    tells: bool = False,
) -> Outcome:
    """Run the history of a seed, or with other faults; `tells`: with the trace of a violation."""
    drawn = tuple(fault.draw(random.Random(f"{seed}/faults")) if faults is None else faults)
    world, history = live(seed, drawn, documents)
    violations, looked_at = list(world.violations), Counter[str]()
    examples: Sequence[CounterExample] = ()
    if history is not None:
        report = check(history)
        examples = report.counter_examples
        violations += [f"{one.guarantee}: {one.sentence}" for one in examples]
        for guarantee in Guarantee:
            looked_at[guarantee] = sum(report.findings[guarantee].looked_at.values())
    return Outcome(
        seed=seed,
        documents=documents,
        faults=drawn,
        violations=tuple(violations),
        deliveries=len(world.database.tables.copies),
        applied=world.faults,
        looked_at=looked_at,
        crashes=Counter(f"{name}: {error}" for _, name, error in world.crashes),
        seconds=world.loop.time(),
        told=tuple(trace(world, examples)) if tells and violations else (),
    )


def trace(world: World, examples: Sequence[CounterExample]) -> Iterator[str]:
    """Yield what happened, in order: faults, crashes, and the records that a violation is about."""
    begin_ms = world.now_ms() - round(world.loop.time() * 1000)
    lines = []
    for note in world.notes:
        if isinstance(note, FaultNote):
            lasts_s = (note.until_ms - note.at_ms) / 1000
            line = f"{note.fault} {note.target}, {lasts_s:.1f} s"
            lines.append(((note.at_ms - begin_ms) / 1000, line))
    lines += [(at_s, f"{name} ended by {error}") for at_s, name, error in world.crashes]
    for at_s, line in sorted(lines):
        yield f"{at_s:8.3f} s  {line}"
    for one in examples[:3]:
        yield f"{one.guarantee}: {one.sentence}"
        yield from (f"    {record}" for record in (*one.log[:12], *one.notes[:12]))


def live(seed: int, faults: Sequence[Fault], documents: int) -> tuple[World, History | None]:
    """Let a history happen; return the world at its end, and its record if it came to one."""
    loop = SimulatedLoop()
    world = _world(seed, loop)
    loop.set_exception_handler(lambda _loop, _context: None)  # tasks of the dead are let go
    asyncio.set_event_loop(loop)
    history: History | None = None
    try:
        loop.run_until_complete(_live(world, faults, documents))
        history = history_of(world)
        history = replace(history, replayed=_replayed(world, history))
    except Stuck as stuck:
        world.violations.append(f"nothing happens any more: {stuck}")
    finally:
        with _quietly():
            _bury(loop)
            asyncio.set_event_loop(None)
            loop.close()
    return world, history


def _world(seed: int, loop: SimulatedLoop) -> World:
    database = MemoryDatabase(lambda: world.now_ms() / 1000)
    broker = MemoryBroker(lambda: world.now_ms(world.broker_skew_ms))
    world = World(seed, loop, random.Random(f"{seed}/world"), database, broker)
    organs = {name: 1 for code in program.ORGANS for name in topic.of_organ(code)}
    shared = {topic.DELIVERIES: PARTITIONS, topic.ALERTS: PARTITIONS, topic.DEAD_LETTERS: 1}
    broker.create(organs | shared)
    return world


async def _live(world: World, faults: Sequence[Fault], documents: int) -> None:
    loop, chance = world.loop, world.chance
    folk = People(world)
    world.begin(folk.take())
    for name in _crew(chance):
        world.start(name, program.PROGRAMS[name])
    for number in range(1, documents + 1):
        _at(world, chance.uniform(3, LOAD_S), folk.hand_over, number)
    for _ in range(chance.randint(1, 4)):
        _at(world, chance.uniform(LOAD_S / 4, LOAD_S * 1.3), folk.recall)
    for one in faults:
        loop.call_at(one.at_s, fault.strike, world, folk, one)
    await asyncio.sleep(FAULTS_S)
    _heal(world)
    await _until(world, "what was begun comes to its end", lambda: _unfinished(world, folk))
    world.rests.add("intake")
    world.kill("intake")  # no more ticks: the log has an end
    await asyncio.sleep(REST_S)  # what it had on its way is there
    await _until(world, "all is booked and told", lambda: _untold(world))
    world.violations += [*_unparked(world), *_unresolved(world, folk), *_overtaken(world)]
    await asyncio.sleep(REST_S)


def _crew(chance: random.Random) -> list[str]:
    """Draw which programs run: of some there are two, and at times there is no tracker at all."""
    trackers = chance.choices(((), ("tracker-1",), ("tracker-1", "tracker-2")), (1, 4, 4))[0]
    both = [name for name in ("relay-2", "ledger-2", "alerts-2") if chance.random() < 0.5]
    return ["relay-1", "intake", "ledger-1", "alerts-1", "pager", *trackers, *both]


def _at(
    world: World, at_s: float, act: Callable[..., Coroutine[Any, Any, None]], *words: object
) -> None:
    world.loop.call_at(at_s, lambda: world.begin(act(*words)))


def _heal(world: World) -> None:
    """End every fault that still lasts, so that all can come to rest."""
    world.to_database.keep_answers()
    world.broker.refusing.clear()
    world.webhook_is_moody = False
    for process in world.running.values():
        process.fatal = 0


async def _until(world: World, what: str, left_of: Callable[[], str]) -> None:
    """Wait until nothing is left; if that never comes about, it is a violation."""
    while left := left_of():
        if world.loop.time() > MOST_S:
            world.violations.append(f"it never happens that {what}; left: {left}")
            return
        await asyncio.sleep(1)


def _unfinished(world: World, folk: People) -> str:
    """Return what is still going on; "" when nothing is."""
    tables = world.database.tables
    left = {
        "people": folk.busy,
        "outbox": sum(row.state in _WAITING for row in tables.outbox.values()),
        "recalls": sum(row.state in _WAITING for row in tables.recalls.values()),
        "handovers": sum(
            tables.intake.get(place, 0) < len(world.broker.logs[TopicPartition(*place)])
            for place in ((topic.handovers(name), 0) for name in program.SENDERS)
        ),
        "deadlines": len(tables.wakes),
        "reports": _unforwarded(world),
        "lag": _lag(world),
    }
    return ", ".join(f"{name} {count}" for name, count in left.items() if count)


def _unforwarded(world: World) -> int:
    """Return how many answers intake has not forwarded yet."""
    done = world.broker.group("hoatoc-intake").offsets
    return sum(
        len(log) - done.get(place, 0)
        for place, log in world.broker.logs.items()
        if place.topic.startswith("reports.")
    )


def _lag(world: World) -> int:
    books = world.database.tables.books
    return sum(
        len(world.broker.logs[TopicPartition(topic.DELIVERIES, p)])
        - (books[p].next_offset if p in books else 0)
        for p in range(PARTITIONS)
    )


def _untold(world: World) -> str:
    tables = world.database.tables
    pending = sum(page.state == "pending" for page in tables.pages.values())
    left = {"lag": _lag(world), "announcements": len(tables.announcements), "pages": pending}
    return ", ".join(f"{name} {count}" for name, count in left.items() if count)


def _unparked(world: World) -> Iterator[str]:
    """Yield what could not be read and stands nowhere as it was."""
    letters = world.broker.logs[TopicPartition(topic.DEAD_LETTERS, 0)]
    parked = {dict(record.headers).get("ce_id", b"").decode() for record in letters}
    for partition in range(PARTITIONS):
        for record in world.broker.logs[TopicPartition(topic.DELIVERIES, partition)]:
            headers = dict(record.headers)
            unreadable = headers.get("ce_type") == b"vn.hoatoc.AnswerUnreadable"
            if unreadable and headers["ce_id"].decode() not in parked:
                yield f"an unreadable answer was not parked: {partition}/{record.offset}"


def _overtaken(world: World) -> Iterator[str]:
    """Yield the recalls that reached a recipient before what they recall."""
    for place, log in world.broker.logs.items():
        if not any(dict(r.headers).get("ce_type") == _RECALLS for r in log):
            continue
        recalled: set[UUID] = set()
        seen: set[UUID] = set()
        for event in (codec.decode(record.value) for record in log):
            if isinstance(event, RecallIssued):
                recalled |= {event.delivery_id} - seen
            elif isinstance(event, DocumentDispatched):
                if event.delivery_id in recalled:
                    yield f"a recall has overtaken its copy in {place.topic}: {event.delivery_id}"
                seen.add(event.delivery_id)


def _unresolved(world: World, folk: People) -> Iterator[str]:
    """Yield what was put back and whose alert stands all the same."""
    for parked in folk.repaired:
        alert = world.database.tables.alerts.get((parked, Kind.UNREADABLE))
        if alert is not None and alert.closing is None:
            yield f"the answer of {alert.recipient} was put back, and its alert stands: {parked}"


def _replayed(world: World, history: History) -> Ledger:
    """Return the books of the log booked anew, each partition in one batch."""
    database = MemoryDatabase()
    database.tables.calendars = world.database.tables.calendars
    connection = database.connect()
    tables = MemoryLedger(connection)
    booking = Booking(PARTITIONS, ledger=MemoryLedger)

    async def book() -> None:
        await tables.open_books(range(PARTITIONS))
        booking.books = await tables.positions(range(PARTITIONS))
        for partition in range(PARTITIONS):
            entries = [_entry(record) for record in history.log if record.partition == partition]
            await booking.book(connection, booking.walk(Batch({partition: entries})), [])

    at_once(book())
    return ledger_of(database.tables)


def _entry(record: LogRecord) -> Entry:
    return Entry(record.offset, record.append_ms, record.event)


@contextmanager
def _quietly() -> Iterator[None]:
    """Let the coroutines of the dead go without a word."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _bury(loop: SimulatedLoop) -> None:
    """Let go of all that has not come to an end."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        with suppress(RuntimeError, StopIteration):
            task.get_coro().close()
