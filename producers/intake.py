"""Intake: what organs that speak Kafka hand over and answer; and the ticks that carry time.

A hand-over (`handovers.<organ>`) is checked as at any door; identity, outbox row and intake's
position are one transaction, and so are the dead letter and the alert of one that is refused.

An answer (`reports.<organ>`) is authorised by its topic, which says who speaks, against the
recipients written at hand-over, and forwarded to `deliveries`. One that cannot be read is parked,
and AnswerUnreadable takes its place in the log at that moment: nobody is blamed for it. Status 13
is the sender's: it asks a copy back, and the relay carries it.

A hand-over that is refused is copied nowhere: its dead letter says where it stands. One that is
suspected to hold a state secret is deleted from its topic, and a page follows.

While every report older than `max_gap` is forwarded or parked, each partition of `deliveries` gets
a tick a second.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata
from prometheus_client import Counter, Gauge

from hoatoc import notify, telemetry
from hoatoc.answering import UnknownDelivery, direction_fault
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import Answer, AnswerPutBack, AnswerUnreadable, StatusReported
from hoatoc.domain.horizon import Horizon
from hoatoc.domain.registry import Registry
from hoatoc.domain.sending import Form
from hoatoc.examine import admission
from hoatoc.kafka.client import consumer, outgoing, producer, send_all
from hoatoc.kafka.dead_letter import dead_letter
from hoatoc.kafka.tick import Ticker, tick
from hoatoc.kafka.topic import admin
from hoatoc.policy_file import load_policy
from hoatoc.ports import (
    Asking,
    CalendarInForce,
    Consumer,
    Database,
    Handovers,
    Outgoing,
    Producer,
    Speaker,
)
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import AWAY, pool
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.registry import RegistryCache
from hoatoc.program import Context, run
from producers.report import Report, put_back_of, read_report
from producers.taking import HANDOVERS, NAME, Revoked, Taking

GROUP = "hoatoc-intake"
REPORTS = r"^reports\.[A-Za-z0-9._-]+$"
LOG = structlog.get_logger(NAME)
CALENDARS_S = 5.0
ERASE_S = 30.0

FORWARDED = Counter("hoatoc_intake_forwarded_total", "Answers forwarded", ["type"])
BEHIND = Gauge("hoatoc_intake_behind_seconds", "Age of the oldest horizon of a feed")


@dataclass(slots=True)
class Intake:
    """Forwards answers, batch by batch."""

    database: Database
    reader: Consumer
    to: Producer
    registry: RegistryCache
    max_gap_ms: int
    partitions: int
    handovers: Callable[[Any], Handovers] = HandoverTables
    calendar: Callable[[Any], CalendarInForce] = CalendarTables
    now_ns: Callable[[], int] = time.time_ns
    paths: Sequence[str] = (NAME,)
    calendar_version: int = 0
    horizons: dict[TopicPartition, Horizon] = field(default_factory=dict)
    assigned: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Forward what organs answer until cancelled."""
        while True:
            await self._begin()
            fetched = await self.reader.getmany(timeout_ms=500, max_records=2000)
            if fetched:
                await self._forward([record for place in fetched for record in fetched[place]])
                await self._done(fetched)

    async def _begin(self) -> None:
        """Begin the horizon of every feed that is newly ours at the group's offset."""
        fresh = self.reader.assignment() - self.horizons.keys()
        for place in fresh:
            committed = await self.reader.committed(place)
            self.horizons.setdefault(place, Horizon(committed or 0))
        if fresh:
            LOG.info("reports_assigned", feeds=len(self.horizons))
            self.assigned.set()

    async def _done(self, fetched: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        mine = fetched.keys() & self.reader.assignment()
        ends = {place: fetched[place][-1].offset + 1 for place in mine}
        for place, end in ends.items():
            if place in self.horizons:  # else it was revoked meanwhile
                self.horizons[place].done(end)
            telemetry.RECORDS.labels(NAME, place.topic.partition(".")[0]).inc(len(fetched[place]))
            telemetry.show_lag(NAME, *place, self.reader.highwater(place), end)
        with suppress(CommitFailedError):  # assigned anew: read again, it is the same fact
            await self.reader.commit({p: OffsetAndMetadata(o, "") for p, o in ends.items()})

    async def _forward(self, records: Sequence[ConsumerRecord]) -> None:
        """Forward or park each report; return when the broker has confirmed it all."""
        if not records:
            return
        reports = [read_report(record) for record in records]
        copies = {copy for report in reports for copy in (report.copy, report.own) if copy}
        async with self.database.acquire() as connection:
            handovers = self.handovers(connection)
            known = await handovers.speakers(sorted(copies))
            registry = await self.registry.current(connection)
            out: list[Outgoing] = []
            for report in reports:
                copy = report.copy
                speaker = known.get(copy) if copy is not None else None
                fault = fault_of(report, speaker, registry)
                if fault is not None:
                    out += self._unreadable(
                        report, report.own if report.own in known else None, fault
                    )
                elif report.takes_back and copy is not None:
                    await self._take_back(handovers, report, *copy)
                elif report.answer is not None:
                    out += self._answer(report, report.answer)
        await send_all(self.to, out)

    async def _take_back(
        self, tables: Handovers, report: Report, dispatch_id: UUID, recipient: str
    ) -> None:
        """Ask a copy back, as its sender wishes; asked again it changes nothing."""
        answer = report.answer
        reason = answer.description if isinstance(answer, StatusReported) else None
        asking = Asking(form=Form.STATUS_13, reason=reason or "", requested_by=report.organ)
        copies = [c for c in await tables.copies(dispatch_id) if c.recipient == recipient]
        await tables.ask_back(copies, asking)
        FORWARDED.labels("RecallRequested").inc()

    def _answer(self, report: Report, answer: Answer) -> list[Outgoing]:
        """Return an answer for the log; what it repairs is over in the partition of its alert."""
        record = report.record
        place = f"{record.topic}/{record.partition}/{record.offset}"
        parked = put_back_of(record)
        event_id = uuid5(answer.dispatch_id, place)
        event = replace(answer, event_id=event_id, put_back_of=parked)
        FORWARDED.labels(type(event).__name__).inc()
        if parked is None:
            return [self._about(event, event.dispatch_id)]
        over = AnswerPutBack(
            event_id=uuid5(event_id, "put back"), organ=report.organ, put_back_of=parked
        )
        return [self._about(event, event.dispatch_id), self._of_organ(over)]

    def _of_organ(self, event: AnswerUnreadable | AnswerPutBack) -> Outgoing:
        """Return a record about an organ's answer that names no dispatch."""
        key = event.organ.encode()
        return outgoing(
            event,
            topic=topic.DELIVERIES,
            key=key,
            source=NAME,
            dispatch_id=None,
            partition=topic.partition_of_key(key, self.partitions),
        )

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
        self, report: Report, copy: tuple[UUID, str] | None, fault: PeerFault
    ) -> list[Outgoing]:
        record = report.record
        dispatch_id, organ = copy or (None, report.organ)
        letter, parked = dead_letter(record, NAME, type(fault).__name__, fault)
        LOG.warning(
            "answer_parked",
            dead_letter=parked.event_id,
            organ=organ,
            dispatch_id=dispatch_id,
            reason=parked.reason,
        )
        event = AnswerUnreadable(
            event_id=parked.event_id,
            organ=organ,
            dispatch_id=dispatch_id,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
            reason=f"{type(fault).__name__}: {fault}",
        )
        if dispatch_id is not None:
            return [letter, self._about(event, dispatch_id)]
        return [letter, self._of_organ(event)]

    def current(self) -> bool:
        """Tell whether every report older than `max_gap` is forwarded or parked."""
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        feeds = [p for p in self.reader.assignment() if p.topic.startswith("reports.")]
        for place in feeds:
            fetch, end = self.reader.last_poll_timestamp(place), self.reader.highwater(place)
            if fetch is not None and end is not None and place in self.horizons:
                self.horizons[place].look(now_ms, fetch, end)
        horizons = [self.horizons.get(place, Horizon()) for place in feeds]
        oldest = min((horizon.instant_ms or 0 for horizon in horizons), default=now_ms)
        BEHIND.set((now_ms - oldest) / 1000 if oldest else float("inf"))
        return bool(feeds) and all(one.within(now_ms, self.max_gap_ms) for one in horizons)


def fault_of(report: Report, speaker: Speaker | None, registry: Registry) -> PeerFault | None:
    """Return why a report may not be taken for what it says; None if it may."""
    if report.fault is not None:
        return report.fault
    if speaker is None:
        return UnknownDelivery(
            f"dispatch and recipient {report.copy} were not handed over for {report.organ}: "
            "answer with the dispatch_id of the document as it came"
        )
    return direction_fault(report.organ, speaker, registry, back=report.takes_back)


class _Revoked(ConsumerRebalanceListener):
    """Forgets how far reports are forwarded: another may have gone on with them meanwhile.

    The horizons begin anew in `Intake.run`, not here: aiokafka swallows what a listener raises, and
    without them no tick would ever be written again.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def on_partitions_revoked(self, _revoked: list[TopicPartition]) -> None:
        """Forget: a record taken twice is the same fact."""
        self._intake.horizons = {}

    async def on_partitions_assigned(self, _assigned: list[TopicPartition]) -> None:
        """Do nothing: see above."""


async def tell_ready(*assigned: asyncio.Event) -> None:
    """Say that the program is ready, once all it reads is assigned."""
    for event in assigned:
        await event.wait()
    notify.ready()
    LOG.info("ready")


async def tick_as(intake: Intake, writer: str) -> None:
    """Append a tick a second to every partition under a writer's name, while intake is current."""
    ticker = Ticker(
        path=NAME,
        paths=intake.paths,
        writer=writer,
        partitions=intake.partitions,
        max_gap_ms=intake.max_gap_ms,
    )

    async def append(records: Sequence[Outgoing]) -> int:
        return int((await send_all(intake.to, records))[0].timestamp)

    await tick(ticker, append, intake.current, lambda: intake.calendar_version, intake.now_ns)


async def follow_calendars(intake: Intake) -> None:
    """Name in the ticks the calendar version that is current; while none can be read, the last."""
    while True:
        with suppress(*AWAY):
            async with intake.database.acquire() as connection:
                intake.calendar_version = await intake.calendar(connection).current()
        await asyncio.sleep(CALENDARS_S)


async def erase(taking: Taking) -> None:
    """Have suspected secrets leave the broker's disk, step by step."""
    while True:
        await asyncio.sleep(ERASE_S)
        await taking.delete_pending()
        await taking.erase()


async def serve(intake: Intake, taking: Taking, writer: str) -> None:
    """Forward answers, take hand-overs, and tick under a writer's name, until cancelled."""
    intake.reader.subscribe(pattern=REPORTS, listener=_Revoked(intake))
    taking.reader.subscribe(pattern=HANDOVERS, listener=Revoked(taking))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(intake.run())
        tasks.create_task(taking.run())
        tasks.create_task(follow_calendars(intake))
        tasks.create_task(tick_as(intake, writer))
        tasks.create_task(tell_ready(intake.assigned, taking.assigned))


async def body(context: Context) -> None:
    """Take what organs say, and tick, until stopped."""
    settings = context.settings
    policy, partitions = load_policy(settings), settings.kafka.partitions
    with admission(settings, policy) as admitting:
        async with (
            pool(settings.postgres.dsn, 4) as database,
            producer(settings.kafka, [topic.DELIVERIES, topic.DEAD_LETTERS]) as to,
            _feed(settings, GROUP) as reports,
            _feed(settings, f"{GROUP}-handovers") as handovers,
            admin(settings.kafka) as client,
        ):
            door = Door("kafka", admitting, partitions)
            taking = Taking(database, door, settings.kafka, client, to, handovers)
            intake = Intake(
                database,
                reports,
                to,
                door.registry,
                policy.max_gap_ms,
                partitions,
                paths=settings.paths_in_force,
            )
            await taking.delete_pending()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(erase(taking))
                tasks.create_task(serve(intake, taking, f"{NAME}-{uuid4().hex[:12]}"))


def _feed(settings: Settings, group: str) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    return consumer(
        settings.kafka,
        group=group,
        instance=f"{group}-0",
        metadata_max_age_ms=5_000,
        fetch_max_wait_ms=250,
    )


if __name__ == "__main__":
    run(NAME, body)
