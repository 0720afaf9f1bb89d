"""The doors before the PostgreSQL outbox, to be killed: `hoatoc send`, and `handovers.<organ>`."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from hoatoc.admission import Admission
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.content import Content, whole
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import REPLACEMENT, Packet, Replacement
from hoatoc.extract.content import read
from hoatoc.kafka.client import consumer, producer
from hoatoc.kafka.topic import admin
from hoatoc.policy_file import load_policy
from hoatoc.postgres.connection import pool
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandoverTables, NotResent
from hoatoc.secrecy_file import load_secrecy
from hoatoc.testing.agency import letter
from hoatoc.testing.crash import Act, Work
from hoatoc.testing.handing import Carried
from hoatoc.testing.line import ORGANS, Line
from producers.taking import Taking

A, B, C, D = (organ.code for organ in ORGANS)
_NUMBERS = count(1)


class _OwnReader:
    """Reads files in this process: the documents are those of the test."""

    def examine(self, packet: Packet, data: Content) -> Examination:
        """Return the text of the files."""
        del data
        return Examination(files=tuple(_read(a.name, whole(a.content)) for a in packet.attachments))


def _read(name: str, content: bytes) -> FileExamined:
    found = read(content)
    return FileExamined(name=name, media_type=found.media_type, text=found.text)


def door(settings: Settings, name: str) -> Door:
    """Return a door that spares itself the processes that read files of strangers."""
    policy = load_policy(settings)
    admitting = Admission(policy=policy, secrecy=load_secrecy(), examiner=_OwnReader())
    return Door(name, admitting, settings.kafka.partitions)


@dataclass(frozen=True, slots=True)
class Send:
    """`hoatoc send` of one packet."""

    settings: Settings
    packet: bytes

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Connect as the command does."""
        connection = await asyncpg.connect(self.settings.postgres.dsn)

        async def act() -> None:
            await door(self.settings, "cli").take(connection, self.packet)

        yield act
        connection.terminate()


@dataclass(frozen=True, slots=True)
class Resend:
    """`hoatoc resend` of a dispatch to B."""

    settings: Settings
    dispatch_id: UUID

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Connect as the command does."""
        connection = await asyncpg.connect(self.settings.postgres.dsn)

        async def act() -> None:
            await sent_again(self.settings, connection, self.dispatch_id, B)

        yield act
        connection.terminate()


async def sent_again(
    settings: Settings, connection: asyncpg.Connection, dispatch_id: UUID, *to: str
) -> UUID:
    """Send a dispatch to these organs again; raises NotResent."""
    organs = [OrganCode(each) for each in to]
    tables, policy = HandoverTables(connection), load_policy(settings)
    own_topics = dict(zip(organs, organs, strict=True))
    return await tables.resend(dispatch_id, organs, own_topics, policy, "cli")


class _Taken(Exception):
    """Nothing is left to be taken."""


class _ToTheEnd:
    """A reader that stops its program where the log ends."""

    def __init__(self, reader: AIOKafkaConsumer) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def getmany(self, **options: Any) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Read on; raises _Taken at the end."""
        (place,) = self._reader.assignment()
        ends = await self._reader.end_offsets([place])
        if await self._reader.position(place) >= ends[place]:
            raise _Taken
        found: dict[TopicPartition, list[ConsumerRecord]] = await self._reader.getmany(**options)
        return found


@dataclass(frozen=True, slots=True)
class Take:
    """Intake's part in a hand-over: what stands in the topic of A, to its present end."""

    settings: Settings

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what intake opens, at the position that PostgreSQL holds.

        The place is assigned, not joined for: a group takes seconds to notice a death.
        """
        settings, place = self.settings, TopicPartition(topic.handovers(A), 0)
        async with (
            pool(settings.postgres.dsn, 1) as database,
            producer(settings.kafka) as to,
            consumer(settings.kafka, group="crashes", fetch_max_wait_ms=20) as reader,
            admin(settings.kafka) as client,
        ):
            reader.assign([place])
            feed = cast("AIOKafkaConsumer", _ToTheEnd(reader))
            taking = Taking(database, door(settings, "kafka"), settings.kafka, client, to, feed)

            async def act() -> None:
                with suppress(_Taken):
                    await taking.run()

            yield act


def marked(settings: Settings) -> Settings:
    """Return settings by which the sessions of a process can be told from those of the test."""
    dsn = f"{settings.postgres.dsn}&application_name={MARK}"
    return settings.model_copy(
        update={"postgres": settings.postgres.model_copy(update={"dsn": dsn})}
    )


MARK = "to-be-killed"


ACCEPTED = """
SELECT h.document_id, r.dispatch_id::text, r.delivery_id::text
FROM handover h JOIN handover_recipient r USING (dispatch_id) JOIN outbox o USING (dispatch_id)
WHERE o.state <> 'cancelled'
UNION ALL
SELECT h.document_id, c.recall_id::text, x.delivery_id::text
FROM recall c JOIN recall_recipient x USING (recall_id) JOIN handover h USING (dispatch_id)
WHERE c.state <> 'not-needed'
"""


async def accepted(database: asyncpg.Connection) -> list[Carried]:
    """Return the copies, and the recalls of copies, that the outbox has accepted."""
    return [Carried(*row) for row in await database.fetch(ACCEPTED)]


@dataclass(slots=True)
class _Door:
    """What the doors before the PostgreSQL outbox have in common."""

    line: Line
    packets: dict[str, bytes] = field(default_factory=dict)
    steps: Collection[str] = ("BEGIN", "handover.reserve", "handover.send", "COMMIT")
    decides: str = "COMMIT"

    async def accepted(self) -> list[Carried]:
        """Return all that stands as accepted."""
        return await accepted(self.line.database)

    def _new(self, *recipients: str) -> str:
        packet = letter(A, recipients, str(next(_NUMBERS)))
        return self._keep(packet)

    def _keep(self, packet: bytes) -> str:
        document = read_packet(packet).document_id
        self.packets[document] = packet
        return document


@dataclass(slots=True)
class CommandLine(_Door):
    """A letter to three organs, handed over by `hoatoc send`."""

    async def prepare(self) -> str:
        """Write a new letter."""
        return self._new(B, C, D)

    def work(self, document: str) -> Work:
        """Return the command."""
        return Send(marked(self.line.settings), self.packets[document])

    async def again(self, document: str) -> str:
        """Give the command again."""
        handed = await door(self.line.settings, "cli").take(
            self.line.database, self.packets[document]
        )
        return str(handed.sent_as)


@dataclass(slots=True)
class Replacing(CommandLine):
    """A letter that replaces an earlier one at B: it is sent, and the earlier one asked back."""

    steps: Collection[str] = ("recall.add", "recall.add_copies", "handover.reserve", "COMMIT")

    async def prepare(self) -> str:
        """Hand a letter over to B and C, and write another in its place."""
        earlier = self._new(B, C)
        await self.again(earlier)
        number = str(next(_NUMBERS))
        new = read_packet(letter(A, (B,), number))
        packet = replace(
            new,
            business_type=REPLACEMENT,
            business_document_id=earlier,
            business_reason="Sai nội dung",
            replacements=(Replacement(document_id=earlier, organs=(B,)),),
        )
        return self._keep(write_packet(packet))


@dataclass(slots=True)
class SendingAgain(_Door):
    """A copy that B could not take, sent again by `hoatoc resend`."""

    dispatches: dict[str, UUID] = field(default_factory=dict)
    steps: Collection[str] = ("recall.lock", "handover.resend", "handover.send", "COMMIT")

    async def prepare(self) -> str:
        """Have a letter fail at B."""
        document = self._new(B, C)
        taking = door(self.line.settings, "cli")
        handed = await taking.take(self.line.database, self.packets[document])
        self.dispatches[document] = handed.sent_as
        await failed(self.line.database, handed.sent_as, B)
        return document

    def work(self, document: str) -> Work:
        """Return the command."""
        return Resend(marked(self.line.settings), self.dispatches[document])

    async def again(self, document: str) -> str:
        """Give the command again; what it did before, it refuses to do, and says so."""
        earlier = self.dispatches[document]
        with suppress(NotResent):
            await sent_again(self.line.settings, self.line.database, earlier, B)
        return str(await self.line.database.fetchval(_RESENT, earlier))


_RESENT = "SELECT dispatch_id FROM handover WHERE resend_of = $1"
_FAILED = """
INSERT INTO delivery (delivery_id, dispatch_id, recipient, partition, state, facts, open, overdue,
                      recovered, version)
SELECT delivery_id, dispatch_id, recipient, 0, 'receive-failed', '{"fail": [0, 0, 0]}',
       false, false, false, 1
FROM handover_recipient WHERE dispatch_id = $1 AND recipient = ANY($2)
"""


async def failed(database: asyncpg.Connection, dispatch_id: UUID, *organs: str) -> None:
    """Write in the books that these organs could not take their copies."""
    await database.execute(_FAILED, dispatch_id, organs)


async def idle() -> None:
    """Do nothing."""


@dataclass(slots=True)
class KafkaDoor(_Door):
    """A letter to three organs, handed over through `handovers.<organ>`.

    `taking` is intake's work, opened here.
    """

    taking: Act = idle
    steps: Collection[str] = ("handover.move_intake", "handover.reserve", "COMMIT")

    async def prepare(self) -> str:
        """Write a new letter to the topic, as its sender."""
        document = self._new(B, C, D)
        await self._write(document)
        return document

    async def _write(self, document: str) -> None:
        event = DocumentHandedOver(
            event_id=uuid4(), document_id=document, packet=self.packets[document]
        )
        await self.line.write(topic.handovers(A), event, document)

    def work(self, document: str) -> Work:
        """Return intake's work."""
        del document
        return Take(marked(self.line.settings))

    async def again(self, document: str) -> str:
        """Start intake again; and let the sender, which has heard nothing, write it once more."""
        await self.taking()
        first = await self._dispatch(document)
        await self._write(document)
        await self.taking()
        return first

    async def _dispatch(self, document: str) -> str:
        query = "SELECT dispatch_id FROM handover WHERE document_id = $1"
        return str(await self.line.database.fetchval(query, document))
