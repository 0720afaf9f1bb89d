"""The senders: documents by three doors at a steady pace, through any outage, and recalls.

They hand over what a door takes, and now and then what it must not take: a document for an organ
that nobody knows, and one that looks like a state secret. What a door has accepted is noted.

    python -m tests.chaos.load CONFIG.json
"""

import asyncio
import hashlib
import json
import logging
import random
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hoatoc import codec
from hoatoc.client import (
    AsyncClient,
    Busy,
    GatewayAway,
    NotServed,
    OutcomeUnknown,
    Patience,
)
from hoatoc.config import Kafka, Postgres, Settings
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.domain.sending import Form
from hoatoc.examine import admission
from hoatoc.history.note import HandedOver, Recalled, Stopped, TurnedAway
from hoatoc.history.save import Notebook, now_ms
from hoatoc.policy_file import load_policy
from hoatoc.ports import Asking
from hoatoc.postgres.connection import AWAY
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandoverTables
from hoatoc.testing.agency import BURST, letter
from tests.chaos.actor import obey

BY_API, BY_GATEWAY, BY_KAFKA = 0.4, 0.2, 0.4
LEAST_RECIPIENTS = 10
CONNECTIONS, BURST_CONNECTIONS = 2, 4
PATIENCE = Patience(total_s=2, first_s=0.1, longest_s=0.5)
"""of a try at the gateway; there are as many tries as it takes"""
RECALL_S, REFUSED_S, SECRET_S = 1.0, 5.0, 20.0
_RETRY_S = 0.1
_STAMP = "TỐI MẬT"


class Letter(NamedTuple):
    """A packet and what is noted of it."""

    data: bytes
    document_id: str
    sender: str
    recipients: list[str]

    @property
    def sha256(self) -> str:
        """The digest of the packet."""
        return hashlib.sha256(self.data).hexdigest()

    def handed_over(self, door: str, dispatch_id: UUID | None) -> HandedOver:
        """Return the note that a door has accepted it."""
        return HandedOver(
            at_ms=now_ms(),
            document_id=self.document_id,
            sender=self.sender,
            recipients=self.recipients,
            sha256=self.sha256,
            door=door,
            dispatch_id=dispatch_id,
        )


@dataclass(slots=True)
class Writer:
    """Writes letters that differ, each with its number."""

    codes: list[str]
    chance: random.Random
    number: int = 0

    def write(self, recipients: int | None = None, priority: int | None = None) -> Letter:
        """Write a letter to some organs."""
        most = len(self.codes) - 1
        count = recipients or self.chance.randint(LEAST_RECIPIENTS, most)
        sender, *to = self.chance.sample(self.codes, 1 + min(count, most))
        content = self.chance.randbytes(self.chance.randint(50, 700)).hex(" ", 4).encode()
        urgency = self.chance.randint(0, BURST - 1) if priority is None else priority
        return self._letter(sender, to, content, urgency)

    def write_to_nobody(self) -> Letter:
        """Write a letter that no door may take: its recipient is not registered."""
        sender = self.chance.choice(self.codes)
        return self._letter(sender, ["Z99.99"], b"text", 0)

    def write_secret(self) -> tuple[Letter, str]:
        """Write a letter that looks like a state secret, and the mark that it holds."""
        marker = f"Mark{self.chance.randbytes(16).hex()}"
        sender, to = self.chance.sample(self.codes, 2)
        content = f"{_STAMP}\n\nKế hoạch {marker} của năm.".encode()
        return self._letter(sender, [to], content, 0), marker

    def _letter(self, sender: str, to: list[str], content: bytes, priority: int) -> Letter:
        self.number += 1
        data = letter(sender, to, str(self.number), content, priority)
        return Letter(data, f"{sender},2021/03/02,{self.number}/UBND-VP", sender, to)


@dataclass(slots=True)
class Senders:
    """All who hand over."""

    settings: Settings
    door: Door
    clients: dict[str, AsyncClient]
    """of the gateway, by organ"""
    producer: AIOKafkaProducer
    writer: Writer
    notes: Notebook
    rate: float
    """copies a second"""
    copies: int = 0
    """those of bursts are not among them"""
    by_kafka_copies: int = 0
    documents: int = 0
    recalls: int = 0
    repeated: int = 0
    burst_copies: int = 0
    """those of bursts, once a burst is handed over whole"""
    recent: deque[tuple[UUID, list[str]]] = field(default_factory=lambda: deque(maxlen=500))
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Hand over until stopped."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(self._pace(BY_API / CONNECTIONS, self._api_turn()))
            tasks.create_task(self._pace(BY_GATEWAY, self.by_gateway))
            tasks.create_task(self._pace(BY_KAFKA, self.by_kafka))
            tasks.create_task(self._now_and_then(RECALL_S, self._recall_turn()))
            tasks.create_task(self._now_and_then(REFUSED_S, self._refused_turn()))
            tasks.create_task(self._now_and_then(SECRET_S, self._secret_turn()))

    async def _pace(self, share: float, hand_over: Callable[[Letter], Awaitable[None]]) -> None:
        """Hand over a share of the load in small bursts; what an outage held up is not made up."""
        loop, at = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while not self.stop.is_set():
            sent = 0
            for _ in range(self.writer.chance.randint(1, 6)):
                document = self.writer.write()
                await hand_over(document)
                sent += len(document.recipients)
            at = max(at + sent / (self.rate * share), loop.time() - 1.0)
            await self._pause(at - loop.time())

    async def _now_and_then(self, mean_s: float, turn: Callable[[], Awaitable[None]]) -> None:
        while not self.stop.is_set():
            await self._pause(self.writer.chance.uniform(0.5, 1.5) * mean_s)
            await turn()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.wait(
                {stopped := asyncio.ensure_future(self.stop.wait())}, timeout=seconds
            )
            stopped.cancel()

    def _api_turn(self) -> Callable[[Letter], Awaitable[None]]:
        line = Line(self.settings.postgres.dsn)

        async def hand_over(document: Letter) -> None:
            await self.by_api(line, document)

        return hand_over

    async def by_api(self, line: "Line", document: Letter, *, urgent: bool = False) -> None:
        """Hand over as the command line does; a burst is counted by itself."""
        taken = await line.through(lambda c: self.door.take(c, document.data), self._again)
        self.notes.write(document.handed_over(self.door.name, taken.dispatch_id))
        self._count(document, urgent=urgent)
        if taken.dispatch_id is not None and not urgent:
            self.recent.append((taken.dispatch_id, document.recipients))

    async def by_gateway(self, document: Letter) -> None:
        """Hand over by HTTP; what has no answer is handed over again, with another key."""
        client = self.clients[document.sender]
        while True:
            try:
                handed = await client.hand_over(document.data, key=uuid4().hex)
            except (GatewayAway, OutcomeUnknown, Busy, NotServed):
                self._again()
                await asyncio.sleep(_RETRY_S)
            else:
                break
        self.notes.write(document.handed_over("http", handed.dispatch_id))
        self._count(document)

    async def by_kafka(self, document: Letter) -> None:
        """Hand over as a sender that speaks Kafka does."""
        await self._write(document)
        self.notes.write(document.handed_over("kafka", None))
        self._count(document)
        self.by_kafka_copies += len(document.recipients)

    def _count(self, document: Letter, *, urgent: bool = False) -> None:
        self.documents += 1
        self.copies += 0 if urgent else len(document.recipients)

    def _again(self) -> None:
        self.repeated += 1

    async def _write(self, document: Letter) -> None:
        document_id = document.document_id
        event = DocumentHandedOver(event_id=uuid4(), document_id=document_id, packet=document.data)
        value, topic = codec.encode(event), f"handovers.{document.sender}"
        while True:
            try:
                await self.producer.send_and_wait(topic, value, key=document_id.encode())
            except KafkaError:
                self._again()
                await asyncio.sleep(_RETRY_S)
            else:
                return

    def _recall_turn(self) -> Callable[[], Awaitable[None]]:
        line = Line(self.settings.postgres.dsn)

        async def turn() -> None:
            if not self.recent:
                return
            dispatch_id, to = self.writer.chance.choice(self.recent)
            wanted = self.writer.chance.sample(to, self.writer.chance.randint(1, 3))
            asking = Asking(form=Form.STATUS_13, reason="Sai nội dung", requested_by="chaos")

            async def ask(connection: asyncpg.Connection) -> None:
                tables = HandoverTables(connection)
                copies = await tables.copies(dispatch_id)
                await tables.ask_back([c for c in copies if c.recipient in wanted], asking)

            await line.through(ask, self._again)
            self.notes.write(Recalled(at_ms=now_ms(), dispatch_id=dispatch_id, recipients=wanted))
            self.recalls += 1

        return turn

    def _refused_turn(self) -> Callable[[], Awaitable[None]]:
        line = Line(self.settings.postgres.dsn)

        async def turn() -> None:
            document = self.writer.write_to_nobody()
            reason = "recipient not registered"
            if self.writer.chance.random() < BY_API:
                try:
                    await line.through(lambda c: self.door.take(c, document.data), self._again)
                except PeerFault as fault:
                    reason = type(fault).__name__
            else:
                await self._write(document)
            self.notes.write(
                TurnedAway(
                    at_ms=now_ms(),
                    document_id=document.document_id,
                    sender=document.sender,
                    sha256=document.sha256,
                    reason=reason,
                )
            )

        return turn

    def _secret_turn(self) -> Callable[[], Awaitable[None]]:
        line = Line(self.settings.postgres.dsn)

        async def turn() -> None:
            document, marker = self.writer.write_secret()
            if self.writer.chance.random() < BY_API:
                with suppress(PeerFault):  # if it is let through, the checker will find it
                    await line.through(lambda c: self.door.take(c, document.data), self._again)
            else:
                await self._write(document)
            self.notes.write(
                Stopped(
                    at_ms=now_ms(),
                    document_id=document.document_id,
                    sender=document.sender,
                    marker=marker,
                )
            )

        return turn

    async def burst(self, deliveries: int) -> None:
        """Hand over so many copies at once, all of the one urgency whose answers come late."""
        most = len(self.writer.codes) - 1
        letters = [self.writer.write(most, BURST) for _ in range(max(deliveries // most, 1))]
        left = iter(letters)

        async def hand_over() -> None:
            line = Line(self.settings.postgres.dsn)
            for document in left:
                await self.by_api(line, document, urgent=True)
            await line.close()

        await asyncio.gather(*(hand_over() for _ in range(BURST_CONNECTIONS)))
        self.burst_copies += len(letters) * most


@dataclass(slots=True)
class Line:
    """A connection to the database that is made anew whenever it breaks."""

    dsn: str
    connection: asyncpg.Connection | None = None

    async def through(
        self, act: Callable[[asyncpg.Connection], Awaitable[Any]], again: Callable[[], None]
    ) -> Any:
        """Act until it has been done; what the other side says against it is raised."""
        while True:
            try:
                if self.connection is None:
                    self.connection = await asyncpg.connect(self.dsn, timeout=5)
                async with asyncio.timeout(30):
                    return await act(self.connection)
            except (*AWAY, TimeoutError, asyncpg.PostgresError):
                again()
                if self.connection is not None:
                    self.connection.terminate()
                self.connection = None
                await asyncio.sleep(_RETRY_S)

    async def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.terminate()


async def main(config: dict[str, Any]) -> None:
    """Hand over until told to stop."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the broker is away at times
    settings = Settings(
        data=Path(config["data"]),
        policy=config["policy"],
        kafka=Kafka(bootstrap_servers=config["servers"], partitions=config["partitions"]),
        postgres=Postgres(dsn=config["dsn"]),
    )
    writer = Writer(config["codes"], random.Random(config["seed"]))
    with (
        Notebook(Path(config["record"])) as notes,
        admission(settings, load_policy(settings)) as admitting,
    ):
        clients = {
            organ: AsyncClient(config["gateway"], key, patience=PATIENCE)
            for organ, key in config["keys"].items()
        }
        async with AIOKafkaProducer(
            bootstrap_servers=config["servers"], acks="all", request_timeout_ms=10_000
        ) as producer:
            door = Door("api", admitting, config["partitions"])
            senders = Senders(settings, door, clients, producer, writer, notes, config["rate"])
            await _serve(senders)


async def _serve(senders: Senders) -> None:
    running: asyncio.Future[None] | None = None
    bursts: list[asyncio.Future[None]] = []

    async def handle(order: dict[str, Any]) -> object:
        nonlocal running
        for task in (running, *bursts):
            if task is not None and task.done():
                task.result()
        match order["do"]:
            case "start":
                running = asyncio.ensure_future(senders.run())
            case "burst":
                bursts.append(asyncio.ensure_future(senders.burst(order["deliveries"])))
            case "stop" if running is not None:
                senders.stop.set()
                await asyncio.gather(running, *bursts)
        return {
            "copies": senders.copies,
            "by_kafka": senders.by_kafka_copies,
            "documents": senders.documents,
            "recalls": senders.recalls,
            "repeated": senders.repeated,
            "burst_copies": senders.burst_copies,
        }

    await obey(handle)
    if running is not None:
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
