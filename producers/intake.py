"""Intake: what organs that speak Kafka hand over and answer; and the ticks that carry time.

A hand-over (`handovers.<organ>`) is checked as at any door; identity, outbox row and intake's
position are one transaction, and so are the dead letter and the alert of one that is refused.

An answer (`reports.<organ>`) is authorised by its topic, which says who speaks, against the
recipients written at hand-over, and forwarded to `deliveries`. One that cannot be read is parked,
and AnswerUnreadable takes its place in the log at that moment: nobody is blamed for it.

While every report older than `max_gap` is forwarded or parked, each partition of `deliveries` gets
a tick a second.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4, uuid5

import asyncpg
import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.errors import CommitFailedError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from prometheus_client import Counter, Gauge

from hoatoc import codec, notify, telemetry
from hoatoc.domain import topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    Answer,
    AnswerUnreadable,
    DocumentHandedOver,
    Tick,
)
from hoatoc.domain.horizon import Horizon
from hoatoc.domain.policy import Policy
from hoatoc.kafka.client import consumer, outgoing, producer, send_all
from hoatoc.kafka.dead_letter import dead_letter
from hoatoc.policy_file import load_policy
from hoatoc.ports import Announced, Outgoing
from hoatoc.postgres.connection import pool
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.program import Context, run
from producers.report import Report, UnknownDelivery, put_back_of, read_report

NAME = "intake"
GROUP = "hoatoc-intake"
FEEDS = r"^(handovers|reports)\.[A-Za-z0-9._-]+$"
TICK_S = 1.0
LOG = structlog.get_logger(NAME)
CALENDAR_VERSION = 0

FORWARDED = Counter("hoatoc_intake_forwarded_total", "Answers forwarded", ["type"])
HANDED_OVER = Counter("hoatoc_intake_handovers_total", "Hand-overs taken", ["outcome"])
TICKS = Counter("hoatoc_ticks_total", "Ticks confirmed")
TICKS_HELD = Counter("hoatoc_ticks_held_total", "Seconds without a tick: reports were waiting")
BEHIND = Gauge("hoatoc_intake_behind_seconds", "Age of the oldest horizon of a feed")


class NotAHandover(PeerFault):
    """A record of a hand-over topic is not a document handed over."""


@dataclass(slots=True)
class Intake:
    """Forwards answers and takes hand-overs, batch by batch."""

    database: asyncpg.Pool
    reader: AIOKafkaConsumer
    to: AIOKafkaProducer
    policy: Policy
    partitions: int
    horizons: dict[TopicPartition, Horizon] = field(default_factory=dict)

    async def run(self) -> None:
        """Take what organs say until cancelled."""
        while True:
            fetched = await self.reader.getmany(timeout_ms=500, max_records=2000)
            if not fetched:
                continue
            records = [record for place in fetched for record in fetched[place]]
            await self._forward([r for r in records if r.topic.startswith("reports.")])
            for record in records:
                if record.topic.startswith("handovers."):
                    await self._take(record)
            await self._done(fetched)

    async def _done(self, fetched: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        mine = fetched.keys() & self.reader.assignment()
        ends = {place: fetched[place][-1].offset + 1 for place in mine}
        for place, end in ends.items():
            self.horizons.setdefault(place, Horizon()).done(end)
            telemetry.RECORDS.labels(NAME, place.topic.partition(".")[0]).inc(len(fetched[place]))
            telemetry.show_lag(NAME, *place, self.reader.highwater(place), end)
        with suppress(CommitFailedError):  # assigned anew: read again, it is the same fact
            await self.reader.commit({p: OffsetAndMetadata(o, "") for p, o in ends.items()})

    async def _forward(self, records: Sequence[ConsumerRecord]) -> None:
        """Forward or park each report; return when the broker has confirmed it all."""
        if not records:
            return
        reports = [read_report(record) for record in records]
        pairs = {(r.claims, r.organ) for r in reports if r.claims is not None}
        async with self.database.acquire() as connection:
            known = await HandoverTables(connection).recipients(
                [(of, organ) for of, organ in pairs if of is not None]
            )
        out = [o for report in reports for o in self._place(report, known)]
        await send_all(self.to, out)

    def _place(self, report: Report, known: set[tuple[UUID, str]]) -> list[Outgoing]:
        """Return what takes a report's place in the log: the answer, or that it is unreadable."""
        dispatch_id = report.claims
        delivered = dispatch_id is not None and (dispatch_id, report.organ) in known
        if report.answer is not None and delivered:
            return [self._answer(report.answer, report.record)]
        fault = report.fault or UnknownDelivery(
            f"dispatch {dispatch_id} was not handed over for {report.organ}: "
            "answer with the dispatch_id of the document as it came"
        )
        return self._unreadable(report, dispatch_id if delivered else None, fault)

    def _answer(self, answer: Answer, record: ConsumerRecord) -> Outgoing:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        event = replace(
            answer,
            event_id=uuid5(answer.dispatch_id, place),
            put_back_of=put_back_of(record),
        )
        FORWARDED.labels(type(event).__name__).inc()
        return self._about(event, event.dispatch_id)

    def _about(self, event: Answer | AnswerUnreadable, dispatch_id: UUID) -> Outgoing:
        return outgoing(
            event,
            topic=topic.DELIVERIES,
            key=str(dispatch_id).encode(),
            source=NAME,
            dispatch_id=dispatch_id,
            partition=topic.partition_of_dispatch(dispatch_id, self.partitions),
        )

    def _unreadable(
        self, report: Report, dispatch_id: UUID | None, fault: PeerFault
    ) -> list[Outgoing]:
        record = report.record
        letter, parked = dead_letter(record, NAME, type(fault).__name__, fault)
        LOG.warning(
            "answer_parked",
            dead_letter=parked.event_id,
            organ=report.organ,
            dispatch_id=dispatch_id,
            reason=parked.reason,
        )
        event = AnswerUnreadable(
            event_id=parked.event_id,
            organ=report.organ,
            dispatch_id=dispatch_id,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
            reason=f"{type(fault).__name__}: {fault}",
        )
        if dispatch_id is not None:
            return [letter, self._about(event, dispatch_id)]
        organ = report.organ.encode()
        return [
            letter,
            outgoing(
                event,
                topic=topic.DELIVERIES,
                key=organ,
                source=NAME,
                dispatch_id=None,
                partition=topic.partition_of_key(organ, self.partitions),
            ),
        ]

    async def _take(self, record: ConsumerRecord) -> None:
        """Take a hand-over, or park it and alert its sender, with the position."""
        organ = topic.organ_of(record.topic)
        async with self.database.acquire() as connection, connection.transaction():
            tables = HandoverTables(connection)
            if not await tables.move_intake(record.topic, record.partition, record.offset):
                return
            try:
                event = codec.decode(record.value)
                if not isinstance(event, DocumentHandedOver):
                    raise NotAHandover(f"{type(event).__name__} stands where a hand-over must")
                await tables.hand_over(event.packet, self.policy, "kafka", sender=organ)
            except PeerFault as fault:
                HANDED_OVER.labels("refused").inc()
                LOG.warning("handover_refused", organ=organ, reason=type(fault).__name__)
                await self._refuse(LedgerTables(connection), record, organ, fault)
                return
            HANDED_OVER.labels("taken").inc()
            repaired = put_back_of(record)
            if repaired is not None:
                await LedgerTables(connection).announce([self._alert(repaired, organ, None)])

    async def _refuse(
        self, tables: LedgerTables, record: ConsumerRecord, organ: str, fault: PeerFault
    ) -> None:
        letter, parked = dead_letter(record, NAME, type(fault).__name__, fault)
        await tables.announce(
            [
                (letter, parked.event_id, type(parked).__name__),
                self._alert(parked.event_id, organ, str(fault), record.timestamp),
            ]
        )

    def _alert(
        self,
        subject_id: UUID,
        organ: str,
        reason: str | None,
        since_ms: int | None = None,
    ) -> Announced:
        """Return the alert about a hand-over that was refused; resolved when there is no reason."""
        kind, raised = Kind.UNSENT, reason is not None
        event = (AlertRaised if raised else AlertResolved)(
            event_id=uuid5(subject_id, f"{kind}/{'raised' if raised else 'resolved'}"),
            subject_id=subject_id,
            kind=kind,
            version=1 if raised else 2,
            sender=organ,
            reason=reason,
            since_ms=since_ms,
        )
        record = outgoing(
            event,
            topic=topic.ALERTS,
            key=organ.encode(),
            source=NAME,
            dispatch_id=None,
            partition=topic.partition_of_key(organ.encode(), self.partitions),
        )
        return record, event.event_id, type(event).__name__

    def current(self, now_ms: int) -> bool:
        """Tell whether every report older than `max_gap` is forwarded or parked."""
        feeds = [p for p in self.reader.assignment() if p.topic.startswith("reports.")]
        for place in feeds:
            horizon = self.horizons.setdefault(place, Horizon())
            polled, end = (
                self.reader.last_poll_timestamp(place),
                self.reader.highwater(place),
            )
            if polled is not None and end is not None:
                horizon.observe(polled, end)
        oldest = min((self.horizons[p].instant_ms or 0 for p in feeds), default=now_ms)
        BEHIND.set((now_ms - oldest) / 1000 if oldest else float("inf"))
        gap = self.policy.max_gap_ms
        return bool(feeds) and all(self.horizons[p].within(now_ms, gap) for p in feeds)


class _Assigned(ConsumerRebalanceListener):
    """Takes hand-overs up from what PostgreSQL holds, reports from the group's offsets."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Do nothing: a record taken twice is the same fact."""

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Begin the horizons anew, and seek the hand-over topics."""
        intake = self._intake
        intake.horizons = {}
        places = [p for p in assigned if p.topic.startswith("handovers.")]
        async with intake.database.acquire() as connection:
            positions = await HandoverTables(connection).intake_positions(p.topic for p in places)
        for place in places:
            intake.reader.seek(place, positions.get((place.topic, place.partition), 0))
        for place in set(assigned) - set(places):
            committed = await intake.reader.committed(place)
            intake.horizons[place] = Horizon(committed or 0)
        notify.ready()
        LOG.info("ready", feeds=len(assigned))


async def tick(intake: Intake, writer: str) -> None:
    """Append a tick a second to every partition, while intake is current."""
    while True:
        now_ms = time.time_ns() // 1_000_000
        if intake.current(now_ms):
            confirmed = await send_all(
                intake.to,
                [_tick(intake, writer, p, now_ms) for p in range(intake.partitions)],
            )
            TICKS.inc(len(confirmed))
            skew = now_ms - confirmed[0].timestamp
            telemetry.CLOCK_SKEW.labels(NAME, "broker").set(skew / 1000)
        else:
            TICKS_HELD.inc()
        spent = time.time_ns() // 1_000_000 - now_ms
        await asyncio.sleep(max(TICK_S - spent / 1000, 0))


def _tick(intake: Intake, writer: str, partition: int, now_ms: int) -> Outgoing:
    event = Tick(
        event_id=uuid4(),
        path=NAME,
        shard=0,
        shards=1,
        paths=[NAME],
        writer=writer,
        clock_ms=now_ms,
        max_gap_ms=intake.policy.max_gap_ms,
        calendar_version=CALENDAR_VERSION,
    )
    return outgoing(
        event,
        topic=topic.DELIVERIES,
        key=b"tick",
        source=NAME,
        dispatch_id=None,
        partition=partition,
    )


async def body(context: Context) -> None:
    """Take what organs say, and tick, until stopped."""
    settings = context.settings
    async with (
        pool(settings.postgres.dsn, 2) as database,
        producer(settings.kafka, [topic.DELIVERIES, topic.DEAD_LETTERS]) as to,
        consumer(
            settings.kafka,
            group=GROUP,
            instance=f"{NAME}-0",
            metadata_max_age_ms=5_000,
            fetch_max_wait_ms=250,
        ) as reader,
    ):
        intake = Intake(database, reader, to, load_policy(settings), settings.kafka.partitions)
        reader.subscribe(pattern=FEEDS, listener=_Assigned(intake))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(intake.run())
            tasks.create_task(tick(intake, f"{NAME}-{uuid4().hex[:12]}"))


if __name__ == "__main__":
    run(NAME, body)
