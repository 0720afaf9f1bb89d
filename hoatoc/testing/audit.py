"""An audit of the log: what the books must say, told a second time.

Written from the prose of the design and from nothing else of the code, naively and over the whole
log at once; it shares the events and their encoding with the programs, not their decisions.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.domain.event import (
    AnswerUnreadable,
    DispatchPublished,
    DispatchRegistered,
    Event,
    Limits,
    StatusReported,
    Tick,
    TransportAcknowledged,
)

ACCEPTED = ("03", "04", "05", "06")
ARRIVED = ("done", "01", *ACCEPTED)
STATUSES = ("01", "02", *ACCEPTED)


class Read(NamedTuple):
    """One record of the log; `event` is None when it cannot be decoded."""

    partition: int
    offset: int
    append_ms: int
    event: Event | None


async def records(servers: str, topic: str) -> list[ConsumerRecord]:
    """Read a topic from its beginning to its present end."""
    found: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False
    ) as reader:
        ends = await reader.end_offsets(reader.assignment())
        for place, end in ends.items():
            while await reader.position(place) < end:
                found += await _some(reader, place, end)
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def _some(reader: AIOKafkaConsumer, place: TopicPartition, end: int) -> list[ConsumerRecord]:
    fetched = await reader.getmany(place, timeout_ms=500)
    return [record for record in fetched.get(place, ()) if record.offset < end]


async def read(servers: str, topic: str = "deliveries") -> list[Read]:
    """Read and decode a topic from its beginning to its present end."""
    return [
        Read(r.partition, r.offset, r.timestamp, decoded(r.value))
        for r in await records(servers, topic)
    ]


def decoded(value: bytes | None) -> Event | None:
    """Return the event, or None when it cannot be decoded."""
    try:
        return codec.decode(value)
    except codec.Undecodable:
        return None


def service_times(log: Iterable[Read], max_gap_ms: int) -> Iterator[tuple[Read, int]]:
    """Yield every record of one partition with the service time at its place."""
    service = 0
    before: int | None = None
    writers: dict[str, int] = {}
    shards: dict[tuple[str, int], int] = {}
    for one in log:
        if isinstance(tick := one.event, Tick):
            shards[tick.path, tick.shard] = one.append_ms
            if before is not None and tick.writer in writers:
                steps = (one.append_ms - before, tick.clock_ms - writers[tick.writer])
                served = all(
                    one.append_ms - shards.get((tick.path, shard), 0) <= max_gap_ms
                    for shard in range(tick.shards)
                )
                if served and all(0 < step <= max_gap_ms for step in steps):
                    service += min(steps)
            before, writers[tick.writer] = one.append_ms, tick.clock_ms
        yield one, service


class Said(NamedTuple):
    """One fact of a delivery: where it stands, the service time there, and the word for it."""

    offset: int
    service_ms: int
    word: str


@dataclass(slots=True)
class Copy:
    """All that the log says of one delivery."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    partition: int
    limits: Limits | None = None
    facts: list[Said] = field(default_factory=list)

    def first(self, *words: str, after: int = -1) -> Said | None:
        """Return the first fact of these words behind an offset."""
        return next((f for f in self.facts if f.word in words and f.offset > after), None)

    def broken(self, end_ms: int) -> Iterator[tuple[str, int]]:
        """Yield (kind, due) of every deadline that is broken when service time is `end_ms`."""
        if self.limits is None:
            return
        gap = self.limits.allowance_ms
        for kind, start, closes, closes_after, limit in (
            ("publish", self.first("registered"), ("published", "not sent"), (),
             self.limits.publish_ms),
            ("arrive", self.first("published"), ("done", *STATUSES, "fail", "unreadable"), (),
             self.limits.arrive_ms),
            ("accept", self.first(*ARRIVED), ("02", *ACCEPTED), ("fail", "unreadable"),
             self.limits.accept_ms),
        ):  # fmt: skip
            if start is None:
                continue
            due = start.service_ms + limit + gap
            ends = (self.first(*closes), self.first(*closes_after, after=start.offset))
            closing = min((f for f in ends if f), default=None)
            if (closing.service_ms if closing else end_ms) > due:
                yield kind, due


@dataclass(slots=True)
class Audit:
    """What the log says, of every delivery and of every partition."""

    copies: dict[UUID, Copy]
    ticks: dict[int, list[tuple[int, int]]]
    """(offset, service time) of every tick, by partition"""
    ends: dict[int, int]
    """the offset behind the last record, by partition"""

    def service_ms(self, partition: int) -> int:
        """Return the service time at the end of a partition."""
        return self.ticks[partition][-1][1] if self.ticks[partition] else 0

    def broken(self) -> dict[tuple[UUID, str], int]:
        """Return the due of every broken deadline, by (delivery, kind)."""
        return {
            (copy.delivery_id, kind): due
            for copy in self.copies.values()
            for kind, due in copy.broken(self.service_ms(copy.partition))
        }


def audit(log: Sequence[Read], max_gap_ms: int) -> Audit:
    """Tell what the whole log says."""
    partitions: dict[int, list[Read]] = defaultdict(list)
    for one in log:
        partitions[one.partition].append(one)
    found = Audit({}, {}, {})
    for partition, part in partitions.items():
        found.ticks[partition] = []
        found.ends[partition] = part[-1].offset + 1
        for one, service in service_times(part, max_gap_ms):
            if isinstance(one.event, Tick):
                found.ticks[partition].append((one.offset, service))
            for dispatch_id, recipient, word in _words(one.event):
                of = uuid5(dispatch_id, recipient)
                copy = found.copies.setdefault(of, Copy(of, dispatch_id, recipient, partition))
                copy.facts.append(Said(one.offset, service, word))
                if isinstance(one.event, DispatchRegistered):
                    copy.limits = copy.limits or one.event.limits
    return found


def _words(event: Event | None) -> Iterator[tuple[UUID, str, str]]:
    """Yield (dispatch, recipient, word) of what a record says."""
    match event:
        case DispatchRegistered():
            yield from ((event.dispatch_id, one, "registered") for one in event.recipients)
        case DispatchPublished():
            yield from ((event.dispatch_id, one, "published") for one in event.confirmed)
            yield from ((event.dispatch_id, one.recipient, "not sent") for one in event.refused)
        case TransportAcknowledged():
            yield event.dispatch_id, event.recipient, event.outcome
        case StatusReported():
            yield event.dispatch_id, event.recipient, event.code
        case AnswerUnreadable() if event.dispatch_id is not None:
            yield event.dispatch_id, event.organ, "unreadable"
