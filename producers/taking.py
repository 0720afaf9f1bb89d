"""Taking hand-overs: what organs that speak Kafka write to `handovers.<organ>`.

A hand-over is admitted as at any door; identity, outbox row and intake's position are one
transaction, and so are the note and the page of one that is refused. What is refused stays where
its sender wrote it and is copied nowhere; what may hold a state secret is deleted there.

Hand-overs are read apart from answers: a file that keeps its reader busy delays no answer, and no
tick.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from prometheus_client import Counter, Gauge

from hoatoc import codec, telemetry
from hoatoc.admission import Admitted
from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.domain.packet import PacketFault
from hoatoc.domain.secret import SecretSuspected
from hoatoc.kafka.dead_letter import dead_letter
from hoatoc.kafka.deletion import DeletionRefused, append_marker, delete_up_to, is_marker
from hoatoc.kafka.door_alert import door_alert
from hoatoc.kafka.door_answer import door_answer
from hoatoc.kafka.topic import SEGMENT_MS
from hoatoc.ports import Consumer, Database, Handovers, Ledger, Producer
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.secret import Place, SecretTables, Stopped
from producers.report import put_back_of

NAME = "intake"
HANDOVERS = r"^handovers\.[A-Za-z0-9._-]+$"
LOG = structlog.get_logger(NAME)

STANDING = Gauge("hoatoc_suspected_standing", "Suspected secrets not yet deleted from topics")
HANDED_OVER = Counter("hoatoc_intake_handovers_total", "Hand-overs taken", ["outcome"])


class NotAHandover(PeerFault):
    """A record of a hand-over topic is not a document handed over."""


@dataclass(slots=True)
class Taking:
    """Takes hand-overs, one by one."""

    database: Database
    door: Door
    kafka: Kafka
    admin: AIOKafkaAdminClient
    to: Producer
    reader: Consumer
    handovers: Callable[[Any], Handovers] = HandoverTables
    ledger: Callable[[Any], Ledger] = LedgerTables
    sought: set[TopicPartition] = field(default_factory=set)
    assigned: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Take what organs hand over until cancelled."""
        while True:
            await self._seek()
            fetched = await self.reader.getmany(timeout_ms=500, max_records=100)
            for place in fetched.keys() & self.sought:  # else it is read again, from its position
                records = fetched[place]
                for record in records:
                    await self.take(record)
                await self._done(place, records[-1].offset + 1)

    async def _seek(self) -> None:
        """Go on from what PostgreSQL holds in every topic that is newly ours."""
        fresh = self.reader.assignment() - self.sought
        if not fresh:
            return
        async with self.database.acquire() as connection:
            tables = self.handovers(connection)
            positions = await tables.intake_positions(place.topic for place in fresh)
        for place in fresh & self.reader.assignment():  # some may be gone meanwhile
            self.reader.seek(place, positions.get((place.topic, place.partition), 0))
            self.sought.add(place)
        LOG.info("handovers_assigned", feeds=len(self.sought))
        self.assigned.set()

    async def _done(self, place: TopicPartition, end: int) -> None:
        """Show how far a topic is taken; PostgreSQL holds the position that counts."""
        telemetry.show_lag(NAME, *place, self.reader.highwater(place), end)
        if place in self.reader.assignment():
            with suppress(CommitFailedError):  # assigned anew: read again, it is the same fact
                await self.reader.commit({place: OffsetAndMetadata(end, "")})

    async def take(self, record: ConsumerRecord) -> None:
        """Take a hand-over, or refuse it and say so, with the position; its writer is answered."""
        telemetry.RECORDS.labels(NAME, "handovers").inc()
        organ = topic.organ_of(record.topic)
        async with self.database.acquire() as connection:
            if is_marker(record):
                tables = self.handovers(connection)
                await tables.move_intake(record.topic, record.partition, record.offset)
                return
            said: DocumentHandedOver | None = None
            try:
                said = _handed_over(record)
                admitted = await self.door.admit(connection, said.packet, organ)
            except SecretSuspected as suspected:
                await self._stop(connection, record, said, suspected)
            except PeerFault as fault:
                await self._refuse(connection, record, said, fault)
            else:
                await self._hand_over(connection, record, said, admitted)

    async def _hand_over(
        self,
        connection: Connection,
        record: ConsumerRecord,
        said: DocumentHandedOver,
        admitted: Admitted,
    ) -> None:
        async with connection.transaction():
            tables = self.handovers(connection)
            if not await tables.move_intake(record.topic, record.partition, record.offset):
                return
            try:
                taken = await tables.hand_over(admitted, self.door.admission.policy, self.door.name)
            except PeerFault as fault:
                named = admitted.packet.document_id
                await self._note_refusal(connection, record, said, fault, named)
                return
            HANDED_OVER.labels("taken").inc()
            answer = door_answer(
                record,
                said,
                document_id=admitted.packet.document_id,
                new=taken.new,
                dispatch_id=taken.dispatch_id,
            )
            told = [answer]
            repaired = put_back_of(record)
            if repaired is not None:
                organ, partitions = topic.organ_of(record.topic), self.kafka.partitions
                told.append(door_alert(Kind.UNSENT, repaired, organ, None, partitions))
            await self.ledger(connection).announce(told)

    async def _refuse(
        self,
        connection: Connection,
        record: ConsumerRecord,
        said: DocumentHandedOver | None,
        fault: PeerFault,
    ) -> None:
        async with connection.transaction():
            tables = self.handovers(connection)
            if await tables.move_intake(record.topic, record.partition, record.offset):
                await self._note_refusal(connection, record, said, fault)

    async def _note_refusal(
        self,
        connection: Connection,
        record: ConsumerRecord,
        said: DocumentHandedOver | None,
        fault: PeerFault,
        document_id: str = "",
    ) -> None:
        HANDED_OVER.labels("refused").inc()
        reason, organ = type(fault).__name__, topic.organ_of(record.topic)
        LOG.warning("handover_refused", organ=organ, reason=reason, offset=record.offset)
        detail = fault.withheld() if isinstance(fault, PacketFault) else str(fault)
        letter, parked = dead_letter(record, NAME, reason, detail, content=False)
        alert = door_alert(
            Kind.UNSENT,
            parked.event_id,
            organ,
            detail,
            self.kafka.partitions,
            since_ms=record.timestamp,
        )
        await self.ledger(connection).announce(
            [
                (letter, parked.event_id, type(parked).__name__),
                alert,
                door_answer(record, said, document_id=document_id, fault=fault, detail=detail),
            ]
        )

    async def _stop(
        self,
        connection: Connection,
        record: ConsumerRecord,
        said: DocumentHandedOver | None,
        suspected: SecretSuspected,
    ) -> None:
        """Note and page a suspected secret, then delete its record."""
        HANDED_OVER.labels("suspected").inc()
        organ = topic.organ_of(record.topic)
        place = Place(record.topic, record.partition, record.offset)
        async with connection.transaction():
            tables = self.handovers(connection)
            if await tables.move_intake(record.topic, record.partition, record.offset):
                note = Stopped.of(suspected, door=self.door.name, organ=organ, place=place)
                await SecretTables(connection).stop(note, self.kafka.partitions)
                texts = (f"{one.text_vi} / {one.text_en}" for one in suspected.suspicions)
                answer = door_answer(record, said, fault=suspected, detail="\n".join(texts))
                await self.ledger(connection).announce([answer])
        await self.delete_pending()

    async def delete_pending(self) -> None:
        """Delete every record that was found suspected and still stands in its topic.

        One that the broker refuses to delete stays noted, is shown, and is tried again.
        """
        async with self.database.acquire() as connection:
            tables = SecretTables(connection)
            standing = await tables.undeleted()
            for note_id, place in standing:
                try:
                    await delete_up_to(self.admin, place.topic, place.offset, place.partition)
                except DeletionRefused as refused:
                    LOG.error("suspected_record_stands", detail=str(refused))
                    continue
                await tables.mark_deleted(note_id)
                LOG.warning("suspected_record_deleted", topic=place.topic, offset=place.offset)
            STANDING.set(len(await tables.undeleted()) if standing else 0)

    async def erase(self) -> None:
        """Have the bytes of deleted records leave the broker's disk: see `kafka.deletion`."""
        async with self.database.acquire() as connection:
            tables = SecretTables(connection)
            for topic_name, partition in await tables.unmarked(SEGMENT_MS):
                marker = await append_marker(self.to, topic_name, partition)
                await tables.mark_ended(topic_name, partition, marker)
            for place in await tables.taken_to_marker():
                await delete_up_to(self.admin, place.topic, place.offset - 1, place.partition)
                await tables.mark_erased(place)
                LOG.info("suspected_record_erased", topic=place.topic)


def _handed_over(record: ConsumerRecord) -> DocumentHandedOver:
    """Return what a record says; raises NotAHandover and what decoding raises."""
    event = codec.decode(record.value)
    if not isinstance(event, DocumentHandedOver):
        raise NotAHandover(f"{type(event).__name__} stands where a hand-over must")
    return event


class Revoked(ConsumerRebalanceListener):
    """Forgets the positions of topics that are taken away.

    They are read again in `Taking.run`, not here: aiokafka swallows what a listener raises.
    """

    def __init__(self, taking: Taking) -> None:
        self._taking = taking

    async def on_partitions_revoked(self, _revoked: list[TopicPartition]) -> None:
        """Forget: a hand-over is taken once, by its position."""
        self._taking.sought.clear()

    async def on_partitions_assigned(self, _assigned: list[TopicPartition]) -> None:
        """Do nothing: see above."""
