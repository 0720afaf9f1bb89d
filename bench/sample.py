"""What the bench feeds to the line: real letters for 38 recipients, and a log of their way.

The log is in waves, as in a busy quarter of an hour: a wave is registered and published, then every
recipient answers `done`, then 01, then 05, with a tick in each partition in between.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from uuid import UUID, uuid4

from hoatoc.domain.edxml import write_packet
from hoatoc.domain.event import (
    DispatchPublished,
    DispatchRegistered,
    Event,
    Limits,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.identity import dispatch_id_from
from hoatoc.domain.packet import Packet, Party
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.domain.registry import Organ
from hoatoc.example import LETTERS, load_letters
from hoatoc.ports import Claimed
from producers.publisher import registration

RECIPIENTS = 38
LETTER = "dak-nong"
WAVE = 160
MAX_GAP_MS = 5_000


@dataclass(frozen=True, slots=True)
class Placed:
    """An event and the partition where it stands."""

    partition: int
    event: Event


@cache
def _example(organs: tuple[Organ, ...]) -> Packet:
    return next(each.packet for each in load_letters(LETTERS, organs) if each.name == LETTER)


def letter(organs: tuple[Organ, ...], number: int) -> Packet:
    """Return the example letter under another number, for 38 organs in turn."""
    packet = _example(organs)
    others = [organ for organ in organs if organ.code != packet.sender.code]
    begin = number % len(others)
    chosen = (others[begin:] + others[:begin])[:RECIPIENTS]
    return replace(
        packet,
        number=str(number),
        document_id=f"{packet.sender.code},{packet.promulgated:%Y/%m/%d},{number}/{packet.notation}",
        recipients=tuple(Party(code=organ.code, name=organ.name) for organ in chosen),
    )


def fresh_dispatch_id() -> UUID:
    """Return the id of a new dispatch."""
    return dispatch_id_from(time.time_ns() // 1_000_000, os.urandom(10))


def claimed(packet: Packet, limits: Limits) -> Claimed:
    """Return a packet as the row that a relay has claimed."""
    data = write_packet(packet)
    return Claimed(
        dispatch_id=fresh_dispatch_id(),
        sender=packet.sender.code,
        document_id=packet.document_id,
        issuer=packet.sender.code,
        year=packet.promulgated.year,
        number=packet.number,
        notation=packet.notation,
        subject=packet.subject,
        priority=packet.priority,
        packet=data,
        packet_sha256=sha256(data).digest(),
        packet_bytes=len(data),
        limits=limits,
        handed_over_at=datetime.now(UTC),
        recipients=tuple(party.code for party in packet.recipients),
        connections=tuple(party.code for party in packet.recipients),
    )


def log(
    organs: tuple[Organ, ...],
    policy: Policy,
    dispatches: int,
    partitions: int,
    *,
    answered: bool = True,
) -> Iterator[Placed]:
    """Yield a log of dispatches that all arrive and are accepted; or that nobody answers."""
    packet = letter(organs, 1)
    registered = registration(claimed(packet, limits_for(policy, packet.priority)))
    clock = _Clock(partitions)
    for begin in range(0, dispatches, WAVE):
        wave = [
            replace(registered, event_id=uuid4(), dispatch_id=fresh_dispatch_id())
            for _ in range(begin, min(begin + WAVE, dispatches))
        ]
        for events in _stages(wave) if answered else [_published(wave)]:
            yield from clock.tick()
            for dispatch_id, event in events:
                yield Placed(dispatch_id.int % partitions, event)
        yield from clock.tick()


_Events = Iterator[tuple[UUID, Event]]


def _stages(wave: list[DispatchRegistered]) -> Iterator[_Events]:
    yield _published(wave)
    yield (
        (
            of.dispatch_id,
            TransportAcknowledged(
                event_id=uuid4(),
                dispatch_id=of.dispatch_id,
                recipient=recipient,
                outcome="done",
            ),
        )
        for of in wave
        for recipient in of.recipients
    )
    yield _reported(wave, "01")
    yield _reported(wave, "05")


def _published(wave: list[DispatchRegistered]) -> _Events:
    for of in wave:
        yield of.dispatch_id, of
        yield (
            of.dispatch_id,
            DispatchPublished(
                event_id=uuid4(),
                dispatch_id=of.dispatch_id,
                confirmed=of.recipients,
                refused=[],
            ),
        )


def _reported(wave: list[DispatchRegistered], code: str) -> _Events:
    for of in wave:
        for recipient in of.recipients:
            yield (
                of.dispatch_id,
                StatusReported(
                    event_id=uuid4(),
                    dispatch_id=of.dispatch_id,
                    recipient=recipient,
                    code=code,
                ),
            )


class _Clock:
    """Ticks, a second apart."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._now_ms = time.time_ns() // 1_000_000

    def tick(self) -> Iterator[Placed]:
        self._now_ms += 1_000
        for partition in range(self._partitions):
            yield Placed(
                partition,
                Tick(
                    event_id=uuid4(),
                    path="intake",
                    shard=0,
                    shards=1,
                    paths=["intake"],
                    writer="bench",
                    clock_ms=self._now_ms,
                    max_gap_ms=MAX_GAP_MS,
                    calendar_version=0,
                ),
            )
