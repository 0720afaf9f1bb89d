"""What became of the packets: brought back from the gateway or the broker, shown in the folder."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.client import AsyncClient
from hoatoc.client.call import WAIT_S
from hoatoc.client.error import CursorLost, Problem
from hoatoc.client.trying import Backoff
from hoatoc.client.value import Copy, Happening, Stretch, Told, Update
from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.error import HoatocError, OurFault, PeerFault, Unavailable
from hoatoc.domain.event import (
    DeliveriesUpdated,
    HandOverAnswered,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.kafka.client import AWAY, consumer
from hoatoc.spool.folder import Folder
from hoatoc.spool.forwarder import Line
from hoatoc.spool.outbox import Named, Outbox, State
from hoatoc.sqlite import DiskFull

BEHIND_S = 2.0
"""how long nothing comes until all that is kept was read"""
STATE_S = 2.0
LOG = structlog.get_logger("spool")
ANSWERS = (StatusReported.__name__, TransportAcknowledged.__name__)
"""what recipients say, of all that a timeline tells"""
_ASKED = "asked"
"""beside the sources: the dispatch that was asked for last"""
_OF_ONE_ALONE = ("not-found", "internal-error")
"""codes by which the gateway answers for one dispatch, whatever the line"""
Answer = TypeVar("Answer")


class StatusesExpired(OurFault):
    """What stands behind a cursor is kept no more: some of it was never read."""


class _LineIsBack(Exception):
    """The line has come back while an answer was waited for."""


class Statuses(Protocol):
    """Where one learns what became of one's documents."""

    name: str
    can_ask: bool
    """whether it can be asked how one dispatch stands"""

    async def next(self, cursor: str | None, wait_s: float) -> Stretch[Told | HandOverAnswered]:
        """Return what stands behind a cursor, or the oldest that is kept; wait so long for some.

        Raises StatusesExpired, or another HoatocError while the other side is away.
        """
        ...

    async def standing(self, dispatch_id: UUID) -> Told | None:
        """Return how the copies of a dispatch stand; None where that cannot be told."""
        ...


@dataclass(slots=True)
class GatewayStatuses:
    """The statuses of a gateway."""

    client: AsyncClient
    name: str = "gateway"
    can_ask: bool = True

    async def next(self, cursor: str | None, wait_s: float) -> Stretch[Told | HandOverAnswered]:
        """GET /v1/statuses, waiting."""
        try:
            found = await self.client.statuses(cursor, wait_s=wait_s)
        except CursorLost as error:
            raise StatusesExpired(str(error)) from error
        return Stretch(entries=found.entries, next=found.next)

    async def standing(self, dispatch_id: UUID) -> Told | None:
        """GET the dispatch, and its timeline for the words that were said last."""
        try:
            found = await self.client.dispatch(dispatch_id)
            events = (await self.client.timeline(dispatch_id)).events
        except Problem as problem:
            if problem.code not in _OF_ONE_ALONE:
                raise
            LOG.error("standing_unknown", dispatch_id=dispatch_id, reason=problem.code)
            return None
        said = {each.delivery_id: each for each in events if each.type in ANSWERS and each.known}
        return Told(
            cursor="",
            dispatch_id=dispatch_id,
            updates=tuple(_update(copy, said.get(copy.delivery_id)) for copy in found.recipients),
        )


def _update(copy: Copy, said: Happening | None) -> Update:
    return Update(
        delivery_id=copy.delivery_id,
        recipient=copy.recipient,
        state=copy.state,
        version=copy.version,
        code=said.code if said else None,
        description=said.detail if said else None,
    )


@dataclass(slots=True)
class KafkaStatuses:
    """The topic `statuses.<organ>`; its cursor is the next offset."""

    kafka: Kafka
    organ: str
    name: str = "kafka"
    can_ask: bool = False

    async def next(self, cursor: str | None, wait_s: float) -> Stretch[Told | HandOverAnswered]:
        """Read on in the topic; raises BrokerAway or StatusesExpired."""
        place = TopicPartition(topic.statuses(self.organ), 0)
        try:
            async with consumer(self.kafka) as reader:
                reader.assign([place])
                begin = (await reader.beginning_offsets([place]))[place]
                end = (await reader.end_offsets([place]))[place]
                wanted = begin if cursor is None else int(cursor)
                if not begin <= wanted <= end:
                    raise StatusesExpired(f"{place.topic}: {wanted} is not in {begin} to {end}")
                if not wait_s:
                    return Stretch(entries=(), next=str(wanted))
                reader.seek(place, wanted)
                return await self._read(reader, place, wait_s, end)
        except (*AWAY, KafkaError) as error:
            raise Unavailable(f"{place.topic}: {type(error).__name__}: {error}") from error

    async def standing(self, dispatch_id: UUID) -> Told | None:
        """Return None: a topic is not asked."""
        del dispatch_id
        return None

    async def _read(
        self, reader: AIOKafkaConsumer, place: TopicPartition, wait_s: float, end: int
    ) -> Stretch[Told | HandOverAnswered]:
        """Read until there is something, or nothing up to the end; raises Unavailable."""
        told: list[Told | HandOverAnswered] = []
        while True:
            fetched = await reader.getmany(place, timeout_ms=int(wait_s * 1000), max_records=500)
            records = fetched.get(place, ())
            told += [said for record in records if (said := _said(record)) is not None]
            position = await reader.position(place)
            if told or position >= end:
                return Stretch(entries=tuple(told), next=str(position))
            if not records:
                raise Unavailable(f"{place.topic}: nothing came from {position} of {end}")


def _said(record: ConsumerRecord) -> Told | HandOverAnswered | None:
    """Return what a record of the topic tells; None where it tells nothing to a spool."""
    try:
        event = codec.decode(record.value)
    except PeerFault:  # of a later version, perhaps: it holds up nothing behind it
        LOG.error("status_unreadable", topic=record.topic, offset=record.offset)
        return None
    if isinstance(event, DeliveriesUpdated):
        return told_by(event, str(record.offset + 1))
    return event if isinstance(event, HandOverAnswered) else None


def told_by(event: DeliveriesUpdated, cursor: str) -> Told:
    """Return an event of the topic as the gateway tells it."""
    names = Update.__dataclass_fields__
    updates = tuple(Update(**{n: getattr(each, n) for n in names}) for each in event.updates)
    return Told(cursor=cursor, dispatch_id=event.dispatch_id, updates=updates)


@dataclass(slots=True)
class Teller:
    """Books what became of copies, and shows all that changes."""

    outbox: Outbox
    folder: Folder
    line: Line
    changed: asyncio.Event
    fault: str = ""
    """why no status can be brought back now"""

    async def follow(self, statuses: Statuses) -> None:
        """Bring back what became of the documents until cancelled."""
        cursor, is_behind = await self.outbox.cursor(statuses.name), True
        while True:
            # At first a place to go on from, soon, before anything expires.
            wait_s = 0 if cursor is None else BEHIND_S if is_behind else WAIT_S
            try:
                found = await self._answered(partial(statuses.next, cursor, wait_s))
            except StatusesExpired as expired:
                LOG.warning("statuses_expired", detail=str(expired))
                await self._catch_up(statuses)
                cursor, is_behind = None, True
                continue
            answers = [each for each in found.entries if isinstance(each, HandOverAnswered)]
            book = self.outbox.book
            await self._written(
                partial(book, statuses.name, found.next, _named(found.entries), answers)
            )
            cursor = found.next
            if is_behind and wait_s and not found.entries:
                is_behind = False
                await self._give_back()
            if found.entries:
                self.changed.set()

    async def _catch_up(self, statuses: Statuses) -> None:
        """Ask how each dispatch stands, once what was told of them has expired unread.

        Where one cannot ask, `state.json` says that something may be missing. Killed meanwhile, it
        goes on behind the dispatch that it booked last.
        """
        if not statuses.can_ask:
            await self._written(partial(self.outbox.miss, _now_ms()))
            return
        after = await self.outbox.cursor(_ASKED) or ""
        while dispatches := await self.outbox.dispatches(after):
            for dispatch_id in dispatches:
                told = await self._answered(partial(statuses.standing, dispatch_id))
                if told is None:
                    await self._written(partial(self.outbox.miss, _now_ms()))
                after = str(dispatch_id)
                named = _named([told] if told else [])
                await self._written(partial(self.outbox.book, _ASKED, after, named))
                self.changed.set()
        await self._written(partial(self.outbox.book, _ASKED, "", []))

    async def _give_back(self) -> None:
        """Give back what was never answered, once everything that is kept has been read."""
        missed_ms = await self.outbox.missed_ms()
        if missed_ms is not None:
            await self._written(partial(self.outbox.give_back_unanswered, missed_ms))
            self.changed.set()

    async def _written(self, write: Callable[[], Awaitable[object]]) -> object:
        """Write until the disk has room."""
        while True:
            try:
                return await write()
            except DiskFull as full:
                if not self.fault:
                    LOG.error("statuses_not_booked", detail=str(full))
                self.fault = str(full)
                await asyncio.sleep(STATE_S)

    async def _answered(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until there is an answer, at longer intervals, and when the line is back.

        Raises StatusesExpired.
        """
        backoff = Backoff()
        while True:
            self.line.back.clear()
            try:
                answer = await self._unless_back(ask)
            except _LineIsBack:
                continue
            except StatusesExpired:
                raise
            except HoatocError as error:  # the line is down, or our credential is not accepted
                if not self.fault:
                    LOG.warning("statuses_away", reason=type(error).__name__)
                self.fault = str(error)
                async with _at_most(backoff.after_s(error)):
                    await self.line.back.wait()
            else:
                self.fault = ""
                return answer

    async def _unless_back(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask; raises _LineIsBack if the line comes back meanwhile, and what asking raises.

        A call from before may hang at a connection that nobody serves any more.
        """
        asking = asyncio.ensure_future(ask())
        back = asyncio.ensure_future(self.line.back.wait())
        try:
            await asyncio.wait((asking, back), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise _LineIsBack
            return asking.result()
        finally:
            asking.cancel()
            back.cancel()
            await asyncio.gather(asking, back, return_exceptions=True)

    async def show(self) -> None:
        """Show in the folder all that changes until cancelled."""
        while True:
            self.changed.clear()
            await self.show_all()
            async with _at_most(STATE_S):
                await self.changed.wait()

    async def show_all(self) -> None:
        """Show all that is booked and not shown; what cannot be written is shown later."""
        faults: list[str] = []
        try:
            await self._show_unshown(faults)
        except DiskFull as full:
            faults.append(str(full))
        self.folder.note_faults("shown", faults)
        try:
            await asyncio.to_thread(self.folder.show_state, await self.state())
        except OSError as error:
            self.folder.note_faults("state", [f"state.json: {error.strerror}"])
        else:
            self.folder.note_faults("state", [])

    async def _show_unshown(self, faults: list[str]) -> None:
        after = ""
        while subjects := await self.outbox.unshown(after):
            for subject, changes in subjects:
                try:
                    await self._show(*subject.split("/", 1))
                except OSError as error:  # of one file alone, perhaps: the others are shown
                    faults.append(f"{subject}: {error.strerror}")
                else:
                    await self.outbox.mark_shown(subject, changes)
            after = subjects[-1][0]

    async def _show(self, kind: str, of: str) -> None:
        if kind == "dispatch":
            told = await self.outbox.told(UUID(of))
            await asyncio.to_thread(self.folder.show_dispatch, of, told)
        elif (fate := await self.outbox.fate(UUID(of))) and fate.ended_ms:
            refused = fate.state is State.REFUSED
            content = await self.outbox.content(fate.id) if refused else None
            await asyncio.to_thread(self.folder.show, fate, content)
            if content is not None:
                await self.outbox.given_back(fate.id)

    async def state(self) -> dict[str, Any]:
        """Return what waits, and whether the line works."""
        standing = await self.outbox.standing()
        return {
            "waiting": standing.packets,
            "waiting_bytes": standing.bytes,
            "unanswered": standing.unanswered,
            "quota_bytes": self.outbox.quota_bytes,
            "oldest_taken_at": _instant(standing.oldest_ms),
            "line": "down" if self.line.down_since_ms else "up",
            "line_down_since": _instant(self.line.down_since_ms),
            "line_fault": self.line.fault,
            "folder_fault": "; ".join(filter(None, self.folder.faults.values())),
            "statuses_fault": self.fault,
            "statuses_missing_before": _instant(await self.outbox.missed_ms()),
        }


def _named(entries: Iterable[Told | HandOverAnswered]) -> list[Named]:
    return [
        Named(dispatch_id=told.dispatch_id, **{n: getattr(u, n) for n in Update.__slots__})
        for told in entries
        if isinstance(told, Told)
        for u in told.updates
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _instant(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat()


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        pass
