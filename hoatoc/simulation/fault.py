"""Faults of the simulated world: what goes wrong, when, for how long.

A fault is drawn as data before the history begins, so that a history can be told again with fewer
of them.
"""

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka.structs import TopicPartition

from hoatoc.domain import topic
from hoatoc.history.note import Fault as FaultNote
from hoatoc.simulation.people import People
from hoatoc.simulation.program import HUB, PROGRAMS, RECIPIENTS
from hoatoc.simulation.world import PARTITIONS, World
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.log import Sent

FIRST_S, LAST_S = 3.0, 60.0
FEWEST, MOST = 38, 50
FEWEST_APPLIED = 20
_TRUE_CLOCKS = 0.6


class Fault(NamedTuple):
    """One fault: its kind, when it strikes (s), whom, for how long (s), how far or which."""

    kind: str
    at_s: float
    target: str
    seconds: float
    amount: int


def draw(chance: random.Random) -> list[Fault]:
    """Draw the faults of a history, in the order of time."""
    count = chance.randint(FEWEST, MOST)
    weights = {kind: weight for kind, (weight, _) in _KINDS.items()}
    if chance.random() < _TRUE_CLOCKS:  # where the broker's clock is true, walls can judge outages
        del weights["broker clock"]
    kinds = chance.choices(list(weights), list(weights.values()), k=count)
    faults = [
        Fault(
            kind,
            round(chance.uniform(FIRST_S, LAST_S), 3),
            _target(chance, kind),
            round(chance.choice((chance.uniform(0.2, 3), chance.uniform(3, 20))), 3),
            chance.randint(1, 120),
        )
        for kind in kinds
    ]
    return sorted(faults, key=lambda fault: fault.at_s)


def _target(chance: random.Random, kind: str) -> str:
    if kind in ("kill", "stop"):
        return chance.choice(tuple(PROGRAMS))
    if kind in ("recipient dead", "topic refused"):
        return chance.choice((*RECIPIENTS, HUB))
    return {"clock step": "intake"}.get(kind, "")


def strike(world: World, people: People, fault: Fault) -> None:
    """Let a fault happen; it counts when it was really applied."""
    _, apply = _KINDS[fault.kind]
    apply(world, people, fault)


def _applied(
    world: World, fault: Fault, kind: str, target: str, seconds: float | None = None
) -> None:
    """Take note of a fault that begins now."""
    lasts_s = fault.seconds if seconds is None else seconds
    at_ms = world.now_ms()
    until_ms = at_ms + round(lasts_s * 1000)
    world.faults[fault.kind] += 1
    note = FaultNote(at_ms=at_ms, until_ms=until_ms, fault=kind, target=target, applied=True)
    world.notes.append(note)


def _kill(world: World, _people: People, fault: Fault) -> None:
    """Kill a program some steps from now, between any two of them."""

    def struck() -> None:
        _applied(world, fault, "kill", fault.target, world.kill(fault.target))

    _after_steps(world, fault, struck)


def _stop(world: World, _people: People, fault: Fault) -> None:
    """Stop a program some steps from now, between any two of them."""

    def struck() -> None:
        if world.stop(fault.target, fault.seconds):
            _applied(world, fault, "stop", fault.target)

    _after_steps(world, fault, struck)


def _after_steps(world: World, fault: Fault, struck: Callable[[], None]) -> None:
    process = world.running.get(fault.target)
    if process is not None:
        process.fatal, process.struck = process.steps + fault.amount, struck


def _database_dies(world: World, _people: People, fault: Fault) -> None:
    if world.to_database.is_up:
        seconds = min(fault.seconds, 8)
        world.lose_database(seconds)
        _applied(world, fault, "kill", "database", seconds)


def _broker_dies(world: World, _people: People, fault: Fault) -> None:
    if world.to_broker.is_up:
        world.lose_broker(fault.seconds)
        _applied(world, fault, "kill", "broker")


def _answers_lost(world: World, _people: People, fault: Fault) -> None:
    world.to_database.loses_answers, seconds = 0.15, min(fault.seconds, 10)
    world.loop.call_later(seconds, world.to_database.keep_answers)
    _applied(world, fault, "answers lost", "database", seconds)


def _broker_clock(world: World, _people: People, fault: Fault) -> None:
    world.broker_skew_ms += _step_ms(fault)  # it stays: no wall clock can judge from now on
    _applied(world, fault, "clock step", "broker", 3600)


def _clock(world: World, _people: People, fault: Fault) -> None:
    world.skews_ms[fault.target] += _step_ms(fault)
    _applied(world, fault, "clock step", fault.target, 0)


def _step_ms(fault: Fault) -> int:
    """Return by how much a clock steps: milliseconds to hours, either way."""
    return (-1 if fault.amount % 2 else 1) * (fault.amount % 50) ** 3 * 100


def _dead(world: World, people: People, fault: Fault) -> None:
    until_s = world.loop.time() + fault.seconds * 2
    people.dead_until_s[fault.target] = max(people.dead_until_s.get(fault.target, 0), until_s)
    _applied(world, fault, "dead", f"recipient {fault.target}", fault.seconds * 2)


def _refused(world: World, _people: People, fault: Fault) -> None:
    name = topic.documents(fault.target)
    world.broker.refusing.add(name)
    world.loop.call_later(fault.seconds, world.broker.refusing.discard, name)
    _applied(world, fault, "refused", f"topic {name}")


def _calendar(world: World, _people: People, fault: Fault) -> None:
    calendars = world.database.tables.calendars
    today = EveryDay().day(world.now_ms())
    off = frozenset({today + fault.amount % 5, today + fault.amount % 3})
    calendars[max(calendars) + 1] = EveryDay(off=off, closes_h=15 + fault.amount % 4)
    _applied(world, fault, "another version", "calendar", 0)


def _rubbish(world: World, _people: People, fault: Fault) -> None:
    """Have a record in the log that nobody can read."""
    place = TopicPartition(topic.DELIVERIES, fault.amount % PARTITIONS)
    world.broker.append(place, Sent(b"?", b"rubbish", ()))
    _applied(world, fault, "rubbish", "log", 0)


_KINDS: Mapping[str, tuple[int, Callable[[World, People, Fault], None]]] = {
    "kill": (10, _kill),
    "stop": (8, _stop),
    "database dies": (2, _database_dies),
    "broker dies": (2, _broker_dies),
    "answers lost": (3, _answers_lost),
    "broker clock": (2, _broker_clock),
    "clock step": (1, _clock),
    "recipient dead": (1, _dead),
    "topic refused": (1, _refused),
    "calendar": (1, _calendar),
    "rubbish": (1, _rubbish),
}
