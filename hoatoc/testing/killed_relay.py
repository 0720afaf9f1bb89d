"""The relay before the PostgreSQL outbox, to be killed, and what it has published."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.config import Settings
from hoatoc.content.store import store_of
from hoatoc.domain import topic
from hoatoc.domain.event import (
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    DocumentDispatched,
    Event,
    RecallIssued,
    RecallPublished,
    RecallRequested,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.domain.sending import Form
from hoatoc.kafka.client import producer
from hoatoc.ports import Asking
from hoatoc.postgres.connection import listening, pool
from hoatoc.postgres.handover import OUTBOX_CHANNEL, HandoverTables
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables
from hoatoc.testing.agency import letter
from hoatoc.testing.crash import Act, Work
from hoatoc.testing.handing import Carried
from hoatoc.testing.killed_door import A, B, C, accepted, door, failed, marked, sent_again
from hoatoc.testing.line import ORGANS, Line
from producers.publisher import Publisher
from producers.relay import Relay

_NUMBERS = count(10_001)


class _OneByOne:
    """A producer whose records leave one by one, as if each topic had a broker of its own.

    One broker takes all copies of a dispatch in one message, and a crash between two of them could
    not be seen.
    """

    def __init__(self, to: AIOKafkaProducer) -> None:
        self._to = to

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)

    async def send(self, *record: Any, **more: Any) -> "asyncio.Future[Any]":
        """Send a record, and wait until it has left and was answered."""
        answer: asyncio.Future[Any] = await self._to.send(*record, **more)
        await asyncio.wait([answer])
        return answer


class _UntilIdle(asyncio.Event):
    """What a relay rests on: it notices a rest with nothing in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = asyncio.Event()
        self.relay: Relay | None = None

    async def wait(self) -> Any:
        """Wait for a hand-over."""
        if self.relay and not self.relay.in_flight:
            self.idle.set()
        return await super().wait()


@dataclass(frozen=True, slots=True)
class Publish:
    """The relay's work until nothing waits in the outbox."""

    settings: Settings
    name: str = "relay-of-the-test"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what the relay opens at its start."""
        topics = [topic.documents(organ.code) for organ in ORGANS]
        async with (
            pool(self.settings.postgres.dsn, 1) as database,
            database.acquire() as connection,
            producer(self.settings.kafka, [topic.DELIVERIES, *topics]) as to,
        ):
            one_by_one = cast("AIOKafkaProducer", _OneByOne(to))
            contents = store_of(self.settings)
            publisher = Publisher(one_by_one, self.settings.kafka.partitions, contents)
            wake = _UntilIdle()
            outbox, recalls = OutboxTables(connection), RecallTables(connection)
            relay = Relay(self.settings, outbox, recalls, publisher, self.name, wake=wake)
            wake.relay = relay
            async with listening(connection, OUTBOX_CHANNEL, wake):

                async def act() -> None:
                    wake.idle.clear()
                    await _until(wake.idle, relay)

                yield act


async def _until(idle: asyncio.Event, relay: Relay) -> None:
    """Let a relay run until it is idle; raises what ends it before."""
    running = asyncio.create_task(relay.run())
    resting = asyncio.create_task(idle.wait())
    await asyncio.wait({running, resting}, return_when=asyncio.FIRST_COMPLETED)
    resting.cancel()
    if not running.done():
        running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@dataclass(slots=True)
class Log:
    """What stands in the topics, read on and on."""

    reader: AIOKafkaConsumer
    events: dict[str, list[Event]] = field(default_factory=dict)
    values: dict[UUID, set[bytes]] = field(default_factory=dict)

    async def catch_up(self, topics: Iterable[str]) -> None:
        """Read these topics to their present ends."""
        wanted = set(topics)
        places = [place for place in self.reader.assignment() if place.topic in wanted]
        ends = await self.reader.end_offsets(places)
        for place in places:
            while await self.reader.position(place) < ends[place]:
                await self._read(place)

    async def _read(self, place: TopicPartition) -> None:
        for record in (await self.reader.getmany(place, timeout_ms=200)).get(place, ()):
            self._keep(record)

    def _keep(self, record: ConsumerRecord) -> None:
        event = codec.decode(record.value)
        self.events.setdefault(record.topic, []).append(event)
        self.values.setdefault(event.event_id, set()).add(bytes(record.value or b""))

    def of(self, *types: type[Event]) -> list[Any]:
        """Return the events of some types."""
        return [e for some in self.events.values() for e in some if isinstance(e, types)]


DOCUMENTS = [topic.documents(organ.code) for organ in ORGANS]


@asynccontextmanager
async def log_of(settings: Settings) -> AsyncIterator[Log]:
    """Open the log of a line."""
    places = [TopicPartition(name, 0) for name in DOCUMENTS]
    places += [TopicPartition(topic.DELIVERIES, p) for p in range(settings.kafka.partitions)]
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
    ) as reader:
        reader.assign(places)
        yield Log(reader)


STEPS = (
    "outbox.claim",
    "produce DispatchRegistered",
    "produce DispatchResent",
    "produce DocumentDispatched",
    "produce DispatchPublished",
    "outbox.mark_sent",
    "recall.claim",
    "produce RecallRequested",
    "produce RecallIssued",
    "produce RecallPublished",
    "recall.mark_sent",
)


@dataclass(slots=True)
class Relayed:
    """A letter that is sent again and asked back: all that a relay does with one dispatch.

    `relaying` is the relay's work, opened here.
    """

    line: Line
    log: Log
    relaying: Act
    steps: Collection[str] = STEPS

    async def prepare(self) -> None:
        """Have a letter fail at B and C, send it to both again, and ask B's copy back."""
        tables = HandoverTables(self.line.database)
        packet = letter(A, (B, C), str(next(_NUMBERS)))
        first = await door(self.line.settings, "cli").take(self.line.database, packet)
        await self.relaying()
        await failed(self.line.database, first.sent_as, B, C)
        again = await sent_again(self.line.settings, self.line.database, first.sent_as, B, C)
        copies = [copy for copy in await tables.copies(again) if copy.recipient == B]
        asking = Asking(form=Form.STATUS_13, reason="gửi nhầm", requested_by=A)
        await tables.ask_back(copies, asking)

    def work(self) -> Work:
        """Return the relay's work."""
        return Publish(marked(self.line.settings))

    async def again(self) -> None:
        """Start the relay again."""
        await self.relaying()

    async def accepted(self) -> list[Carried]:
        """Return the copies and the recalls of the outbox."""
        return await accepted(self.line.database)

    async def waiting(self) -> int:
        """Return how many dispatches and recalls are not marked as sent."""
        return int(await self.line.database.fetchval(_WAITING))

    async def published(self) -> list[Carried]:
        """Return what stands in the log: each copy registered, sent and published."""
        await self.log.catch_up([*DOCUMENTS, topic.DELIVERIES])
        log = self.log
        names = {e.dispatch_id: e.document_id for e in log.of(DispatchRegistered)}
        copies = {(e.dispatch_id, e.delivery_id) for e in log.of(DocumentDispatched)}
        recalls = {(e.recall_id, e.dispatch_id, e.delivery_id) for e in log.of(RecallIssued)}
        told = {
            (e.dispatch_id, _copy(e, each))
            for e in log.of(DispatchPublished)
            for each in e.confirmed
        }
        told_back = {
            (e.recall_id, e.dispatch_id, _copy(e, each))
            for e in log.of(RecallPublished)
            for each in e.confirmed
        }
        found = [Carried(names.get(act, "?"), str(act), str(of)) for act, of in copies | told]
        found += [
            Carried(names.get(act, "?"), str(by), str(of)) for by, act, of in recalls | told_back
        ]
        return found

    async def wrong(self) -> list[str]:
        """Return what was done before that which must come first, and what was said two ways.

        What follows is read before what it follows from: both only grow.
        """
        rows = await self.line.database.fetch(_SENT)
        await self.log.catch_up(DOCUMENTS)
        await self.log.catch_up([topic.DELIVERIES])
        claims = await self.line.database.fetch(_UNCLAIMED)
        unclaimed = {row["act"] for row in claims}
        return [
            *_before(self.log),
            *(f"{row['act']} is marked" for row in rows if not _is_told(self.log, row["act"])),
            *(f"{act} left before its claim" for act in self._left() & unclaimed),
            *await self._silent(),
            *(f"{of} was said two ways" for of, said in self.log.values.items() if len(said) > 1),
        ]

    def _left(self) -> set[UUID]:
        """Return the dispatches and recalls of which the log knows."""
        registered = {e.dispatch_id for e in self.log.of(DispatchRegistered)}
        return registered | {e.recall_id for e in self.log.of(RecallRequested)}

    async def _silent(self) -> list[str]:
        """Return what was sent again while the log did not say so."""
        again = {row["dispatch_id"] for row in await self.line.database.fetch(_AGAIN)}
        said = {e.resent_as for e in self.log.of(DispatchResent)}
        sent = {e.dispatch_id for e in self.log.of(DocumentDispatched)}
        return [f"{of} was sent again in silence" for of in again & sent - said]


_AGAIN = "SELECT dispatch_id FROM handover WHERE resend_of IS NOT NULL"
_WAITING = """
SELECT (SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'cancelled'))
     + (SELECT count(*) FROM recall WHERE state NOT IN ('sent', 'not-needed'))
"""
_SENT = """
SELECT dispatch_id AS act FROM outbox WHERE state = 'sent'
UNION ALL SELECT recall_id FROM recall WHERE state = 'sent'
"""
_UNCLAIMED = """
SELECT dispatch_id AS act FROM outbox WHERE state IN ('unsent', 'cancelled')
UNION ALL SELECT recall_id FROM recall WHERE state IN ('unsent', 'not-needed')
"""


def _copy(event: DispatchPublished | RecallPublished, recipient: str) -> UUID:
    return delivery_id(DispatchId(event.dispatch_id), OrganCode(recipient))


def _is_told(log: Log, act: UUID) -> bool:
    published = {e.dispatch_id for e in log.of(DispatchPublished)}
    recalled = {e.recall_id for e in log.of(RecallPublished)}
    return act in published | recalled


def _before(log: Log) -> list[str]:
    """Return what stands in the log without that which must stand before it."""
    registered = {e.dispatch_id for e in log.of(DispatchRegistered)}
    requested = {e.recall_id for e in log.of(RecallRequested)}
    copies = {e.delivery_id for e in log.of(DocumentDispatched)}
    issued = {(e.recall_id, e.delivery_id) for e in log.of(RecallIssued)}
    sent: Sequence[DispatchPublished] = log.of(DispatchPublished)
    back: Sequence[RecallPublished] = log.of(RecallPublished)
    return [
        *(
            f"a copy of {e.dispatch_id} was not registered"
            for e in log.of(DocumentDispatched)
            if e.dispatch_id not in registered
        ),
        *(
            f"{e.dispatch_id} was published without the copy of {each}"
            for e in sent
            for each in e.confirmed
            if _copy(e, each) not in copies
        ),
        *(
            f"{e.recall_id} was issued and not requested"
            for e in log.of(RecallIssued)
            if e.recall_id not in requested
        ),
        *(
            f"{e.recall_id} was published and not issued to {each}"
            for e in back
            for each in e.confirmed
            if (e.recall_id, _copy(e, each)) not in issued
        ),
    ]
