"""Faults of the simulated world: what goes wrong, when, for how long.

A fault is drawn as data before the history begins, so that a history can be told again with fewer
of them.
"""

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hoatoc.domain import topic
from hoatoc.history.note import Fault as FaultNote
from hoatoc.simulation.people import People
from hoatoc.simulation.program import HUB, PROGRAMS, RECIPIENTS
from hoatoc.simulation.world import PARTITIONS, World
from hoatoc.testing.calendar import EveryDay
from hoatoc.testing.log import Sent, TopicPartition

FIRST_S, LAST_S = 3.0, 60.0
FEWEST, MOST = 26, 40


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
    kinds = chance.choices(list(_KINDS), [weight for weight, _ in _KINDS.values()], k=count)
    faults = [
        Fault(
            kind,
            round(chance.uniform(FIRST_S, LAST_S), 3),
            _target(chance, kind),
            round(chance.choice((chance.uniform(0.2, 3), chance.uniform(3, 20))), 3),
            chance.randint(1, 400),
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
    """Let a fault happen now; it counts when it was really applied."""
    _, apply = _KINDS[fault.kind]
    began_ms = world.now_ms()
    applied = apply(world, people, fault)
    world.faults[fault.kind] += applied
    note = FaultNote(
        at_ms=began_ms,
        until_ms=began_ms + round(fault.seconds * 1000),
        fault=fault.kind,
        target=fault.target,
        applied=applied,
    )
    world.notes.append(note)


def _kill(world: World, _people: People, fault: Fault) -> bool:
    """Kill a program some steps from now, between any two of them."""
    process = world.running.get(fault.target)
    if process is None:
        return False
    process.fatal = process.steps + fault.amount
    process.struck = lambda: world.kill(fault.target)
    return True


def _stop(world: World, _people: People, fault: Fault) -> bool:
    process = world.running.get(fault.target)
    if process is None or process.is_stopped:
        return False
    process.fatal = process.steps + fault.amount
    process.struck = lambda: world.stop(fault.target, fault.seconds)
    return True


def _database_dies(world: World, _people: People, fault: Fault) -> bool:
    if not world.to_database.is_up:
        return False
    world.lose_database(min(fault.seconds, 8))
    return True


def _broker_dies(world: World, _people: People, fault: Fault) -> bool:
    if not world.to_broker.is_up:
        return False
    world.lose_broker(fault.seconds)
    return True


def _answers_lost(world: World, _people: People, fault: Fault) -> bool:
    store = world.to_database
    store.loses_answers = 0.15
    world.loop.call_later(min(fault.seconds, 10), _restore, store)
    return True


def _restore(store: object) -> None:
    store.loses_answers = 0.0  # type: ignore[attr-defined]


def _broker_clock(world: World, _people: People, fault: Fault) -> bool:
    sign = -1 if fault.amount % 2 else 1
    world.broker_skew_ms += sign * (fault.amount % 50) ** 3 * 100
    return True


def _clock(world: World, _people: People, fault: Fault) -> bool:
    sign = -1 if fault.amount % 2 else 1
    world.skews_ms[fault.target] += sign * (fault.amount % 50) ** 3 * 100
    return True


def _dead(world: World, people: People, fault: Fault) -> bool:
    until = world.loop.time() + fault.seconds * 2
    people.dead_until_s[fault.target] = max(people.dead_until_s.get(fault.target, 0), until)
    return True


def _refused(world: World, _people: People, fault: Fault) -> bool:
    name = topic.documents(fault.target)
    world.broker.refusing.add(name)
    world.loop.call_later(fault.seconds, world.broker.refusing.discard, name)
    return True


def _calendar(world: World, _people: People, fault: Fault) -> bool:
    calendars = world.database.tables.calendars
    today = EveryDay().day(world.now_ms())
    version = max(calendars) + 1
    off = frozenset({today + fault.amount % 5, today + fault.amount % 3})
    calendars[version] = EveryDay(off=off, closes_h=15 + fault.amount % 4)
    return True


def _rubbish(world: World, _people: People, fault: Fault) -> bool:
    """Have a record in the log that nobody can read."""
    place = TopicPartition(topic.DELIVERIES, fault.amount % PARTITIONS)
    world.broker.append(place, Sent(b"?", b"rubbish", ()))
    return True


_KINDS: Mapping[str, tuple[int, Callable[[World, People, Fault], bool]]] = {
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
