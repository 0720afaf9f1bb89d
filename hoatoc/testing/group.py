"""Consumers and their groups in memory: the reading half of the fake of Apache Kafka in `log`.

A group has generations: a member that was silent for too long loses its partitions, goes on with
what it holds, and cannot commit; of two static members of one name the later counts (KIP-345). As
in aiokafka an exception of a rebalance listener is swallowed, and an assigned partition may be read
from the group's offset before its owner has sought in it.
"""

import asyncio
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata, TopicPartition

if TYPE_CHECKING:
    from hoatoc.testing.log import MemoryBroker


class Fenced(KafkaError):
    """Another static member of the same name has joined (KIP-345)."""


class Line(Protocol):
    """What lies between one client and the broker."""

    async def there(self) -> None:
        """Carry a request to the broker; waits while the broker is away."""
        ...

    async def back(self) -> None:
        """Carry the answer back; waits while the broker is away."""
        ...

    def now_ms(self) -> int:
        """Return the client's clock, ms since 1970 UTC."""
        ...

    def some(self, most: int) -> int:
        """Draw how many records a fetch brings."""
        ...


@dataclass(slots=True)
class Group:
    """A consumer group: its members, their partitions, its offsets."""

    broker: "MemoryBroker"
    generation: int = 0
    members: dict[str, "MemoryConsumer"] = field(default_factory=dict)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    shares: dict[str, frozenset[TopicPartition]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    def join(self, member: "MemoryConsumer", instance: str | None) -> str:
        """Take a member in and return its name; one of the same static name is fenced."""
        name = instance or f"member-{next(self._numbers)}"
        before = self.members.get(name)
        self.members[name] = member
        if before is not None:
            before.fence()
            member.rebalance()
        else:
            self.divide()
        return name

    def leave(self, name: str, member: "MemoryConsumer") -> None:
        """Let a member go, by itself or because it was silent for too long."""
        if self.members.get(name) is member:
            del self.members[name]
            self.divide()

    def divide(self) -> None:
        """Begin a generation: divide the partitions among the members."""
        self.generation += 1
        names = sorted(self.members)
        wanted = {name: self.members[name].wanted() for name in names}
        shares: dict[str, set[TopicPartition]] = {name: set() for name in names}
        for number, place in enumerate(sorted(set().union(*wanted.values()))):
            takers = [name for name in names if place in wanted[name]]
            shares[takers[number % len(takers)]].add(place)
        self.shares = {name: frozenset(share) for name, share in shares.items()}
        for name in names:
            self.members[name].rebalance()


class MemoryConsumer:
    """A consumer of some partitions, its group's or named ones."""

    def __init__(
        self,
        broker: "MemoryBroker",
        line: Line,
        group: str | None = None,
        instance: str | None = None,
    ) -> None:
        self._broker, self._line = broker, line
        self._group = broker.group(group) if group else None
        self._instance = instance
        self._name = ""
        self._generation = -1
        self._topics: Callable[[str], bool] = lambda _name: False
        self._listener: ConsumerRebalanceListener | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._fetched: dict[TopicPartition, tuple[int, int]] = {}
        self._fenced = False
        self._woken: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self._rebalancing: asyncio.Task[None] | None = None

    def subscribe(
        self,
        topics: Sequence[str] = (),
        pattern: str | None = None,
        listener: ConsumerRebalanceListener | None = None,
    ) -> None:
        """Join the group for topics, by name or by pattern."""
        match = re.compile(pattern) if pattern else None
        self._topics = lambda name: name in topics or bool(match and match.match(name))
        self._listener = listener
        self._rebalancing = asyncio.get_running_loop().create_task(self._follow())
        if self._group is not None:
            self._name = self._group.join(self, self._instance)

    def wanted(self) -> set[TopicPartition]:
        """Return the partitions that it would read."""
        return {place for place in self._broker.logs if self._topics(place.topic)}

    def rebalance(self) -> None:
        """Hear that the group has divided its partitions anew."""
        self._changed.set()

    def fence(self) -> None:
        """Hear that another member of the same name has taken its place."""
        self._fenced = True
        self.wake()

    def expire(self) -> None:
        """Be silent for too long: the group goes on without it, and it does not know yet."""
        if self._group is not None:
            self._group.leave(self._name, self)

    def join_again(self) -> None:
        """Join the group that has gone on without it, if it has."""
        group = self._group
        if group is not None and not self._fenced and group.members.get(self._name) is not self:
            self._name = group.join(self, self._instance)

    async def _follow(self) -> None:
        """Take up what the group assigns, as the client's coordinator does."""
        group = self._group
        while group is not None:
            await self._changed.wait()
            self._changed.clear()
            await self._line.there()
            if self._positions:
                await self._tell("on_partitions_revoked", list(self._positions))
            self._own(frozenset())
            await self._line.there()
            if self._fenced or group.members.get(self._name) is not self:
                continue
            self._generation = group.generation
            mine = group.shares[self._name]
            self._own(mine)
            await self._tell("on_partitions_assigned", list(mine))

    async def _tell(self, what: str, places: list[TopicPartition]) -> None:
        try:
            told = getattr(self._listener, what)(places) if self._listener else None
            if inspect.isawaitable(told):
                await told
        except Exception:  # noqa: BLE001 - aiokafka logs it and goes on
            return

    def _own(self, places: Iterable[TopicPartition]) -> None:
        for place in self._positions:
            self._broker.readers.get(place, {}).pop(self, None)
        offsets = self._group.offsets if self._group else {}
        self._positions = {place: offsets.get(place, 0) for place in places}
        self._fetched = {}
        for place in self._positions:
            self._broker.readers.setdefault(place, {})[self] = None
        self.wake()

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read these partitions, without a group."""
        self._own(partitions)

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions that are read."""
        return frozenset(self._positions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        if partition not in self._positions:
            raise IllegalStateError(f"{partition} is not assigned")
        self._positions[partition] = offset
        self.wake()

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return where the partition ended at the last fetch; None before the first."""
        self._look(partition)
        return self._fetched[partition][1] if partition in self._fetched else None

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Return when the partition was last fetched (own clock, ms); None before the first."""
        self._look(partition)
        return self._fetched[partition][0] if partition in self._fetched else None

    def _look(self, partition: TopicPartition) -> None:
        """Fetch in the background, as the client does of a partition of which nothing waits."""
        end = len(self._broker.logs.get(partition, ()))
        if self._positions.get(partition) == end and self._is_up():
            self._fetched[partition] = (self._line.now_ms(), end)

    def _is_up(self) -> bool:
        return not self._fenced and getattr(self._line, "is_up", True)

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the group's offset of a partition; None where it has none."""
        await self._line.there()
        return self._group.offsets.get(partition) if self._group else None

    async def commit(
        self,
        offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]] | None = None,
    ) -> None:
        """Commit offsets; raises CommitFailedError when the group has moved on."""
        await self._line.there()
        group = self._group
        if group is None or group.members.get(self._name) is not self:
            raise CommitFailedError("this member is not in the group any more")
        if group.generation != self._generation:
            raise CommitFailedError("the group has rebalanced")
        given = dict(self._positions) if offsets is None else offsets
        for place, offset in given.items():
            group.offsets[place] = offset if isinstance(offset, int) else offset[0]
        await self._line.back()

    def wake(self) -> None:
        """Let `getmany` look again."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return what has come, by partition, in order; nothing after the time-out."""
        loop = asyncio.get_running_loop()
        await self._line.there()
        if not self._ready(partitions):
            self._woken = loop.create_future()
            timer = loop.call_later(timeout_ms / 1000, self.wake)
            await self._woken
            timer.cancel()
            await self._line.there()
        if self._fenced:
            raise Fenced(f"{self._name}: another member of this name has joined")
        return self._fetch(partitions, max_records or 500)

    def _ready(self, partitions: Sequence[TopicPartition]) -> bool:
        return self._fenced or any(self._waits(p) for p in partitions or self._positions)

    def _waits(self, place: TopicPartition) -> bool:
        return self._positions[place] < len(self._broker.logs[place])

    def _fetch(
        self, partitions: Sequence[TopicPartition], most: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        left = most
        for place in partitions or tuple(self._positions):
            if left and place in self._positions and self._waits(place):
                at, log = self._positions[place], self._broker.logs[place]
                found[place] = log[at : at + self._line.some(min(left, len(log) - at))]
                self._positions[place] = at + len(found[place])
                self._fetched[place] = (self._line.now_ms(), len(log))
                left -= len(found[place])
        return found
