"""The systems of some recipients, in one process, through the public Kafka interface only.

Reads `documents.<organ>`, answers documents and recalls through `reports.<organ>` as each organ's
role has it, and writes its own record of what it got and what it answered (one JSON object a line).
A line on standard input names a copy about which a page has come; a late organ answers then.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition

from hoatoc import codec
from hoatoc.config import Kafka, load
from hoatoc.demo.scenario import (
    AGAIN_SCRIPT,
    LATE_SCRIPT,
    REASONS,
    RECALL_SCRIPTS,
    SCRIPTS,
    Role,
    role_of,
)
from hoatoc.domain import topic
from hoatoc.domain.event import (
    Answer,
    DocumentDispatched,
    Event,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.kafka.client import consumer, outgoing, producer, send_all

OUTCOMES = ("done", "fail")
Received = DocumentDispatched | RecallIssued


def mark(of: Received) -> str:
    """Return the number and notation of the document that this is about."""
    return f"{of.number}/{of.notation}"


def answer(of: Received, what: str) -> Answer:
    """Return an answer of a copy's recipient: what became of the packet, or a status."""
    reason, now_ms = REASONS.get(what), time.time_ns() // 1_000_000
    if what in OUTCOMES:
        return TransportAcknowledged(
            event_id=uuid4(),
            dispatch_id=of.dispatch_id,
            recipient=of.recipient,
            outcome=what,
            reason=reason,
            reported_ms=now_ms,
        )
    return StatusReported(
        event_id=uuid4(),
        dispatch_id=of.dispatch_id,
        recipient=of.recipient,
        code=what,
        description=reason,
        reported_ms=now_ms,
    )


@dataclass(slots=True)
class Player:
    """Plays some organs and keeps their record."""

    kafka: Kafka
    to: AIOKafkaProducer
    record: TextIO
    held: dict[str, DocumentDispatched] = field(default_factory=dict)
    asked_back: set[str] = field(default_factory=set)
    paged: set[str] = field(default_factory=set)

    def write(self, of: Received, **what: object) -> None:
        """Add a line to the record."""
        line = {"delivery": str(of.delivery_id), "mark": mark(of), "recipient": of.recipient}
        self.record.write(json.dumps(line | what, ensure_ascii=False) + "\n")
        self.record.flush()

    async def read(self, organs: list[str]) -> None:
        """Take what comes for these organs and answer it."""
        places = [TopicPartition(topic.documents(organ), 0) for organ in organs]
        async with consumer(self.kafka, fetch_max_wait_ms=100) as reader:
            reader.assign(places)
            await reader.seek_to_beginning(*places)
            while True:
                for records in (await reader.getmany(timeout_ms=500)).values():
                    for record in records:
                        await self._got(codec.decode(record.value))

    async def _got(self, event: Event) -> None:
        if isinstance(event, DocumentDispatched):
            await self._take(event)
        elif isinstance(event, RecallIssued):
            await self._give_back(event)

    async def _take(self, copy: DocumentDispatched) -> None:
        whole = sha256(copy.content or b"").digest() == copy.content_sha256
        repeated = str(copy.delivery_id) in self.held
        before = any(mark(copy) == mark(each) for each in self._of(copy.recipient))
        self.held[str(copy.delivery_id)] = copy
        self.write(copy, received=True, whole=whole)
        if not repeated:
            script = AGAIN_SCRIPT if before else SCRIPTS[role_of(copy.recipient, mark(copy))]
            await self.say(copy, script)

    def _of(self, organ: str) -> Iterator[DocumentDispatched]:
        return (copy for copy in self.held.values() if copy.recipient == organ)

    async def _give_back(self, recall: RecallIssued) -> None:
        repeated = str(recall.delivery_id) in self.asked_back
        self.asked_back.add(str(recall.delivery_id))
        self.write(recall, asked_back=True, reason=recall.reason)
        if not repeated:
            await self.say(recall, RECALL_SCRIPTS.get(role_of(recall.recipient, mark(recall)), ()))

    async def say(self, of: Received, script: tuple[str, ...]) -> None:
        """Answer step by step, each confirmed by the broker before it is recorded."""
        for what in script:
            late = str(of.delivery_id) in self.paged
            record = outgoing(
                answer(of, what),
                topic=topic.reports(of.recipient),
                key=str(of.dispatch_id).encode(),
                source=f"demo/{of.recipient}",
                dispatch_id=of.dispatch_id,
                partition=0,
            )
            await send_all(self.to, [record])
            self.write(of, answered=what, late=late)

    async def listen(self) -> None:
        """Hear of the pages about copies, a line of standard input each; the late answer then."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            copy = self.held.get(line.strip())
            if copy is None or line.strip() in self.paged:
                continue
            self.paged.add(line.strip())
            if role_of(copy.recipient, mark(copy)) is Role.LATE:
                await self.say(copy, LATE_SCRIPT)


async def play(organs: list[str], record: Path) -> None:
    """Play organs until standard input ends."""
    kafka = load().kafka
    topics = [topic.reports(organ) for organ in organs]
    with record.open("a", encoding="utf-8") as out:
        async with producer(kafka, topics) as to:
            player = Player(kafka, to, out)
            reading = asyncio.create_task(player.read(organs))
            listening = asyncio.create_task(player.listen())
            done, _ = await asyncio.wait({reading, listening}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            for task in done:
                task.result()


if __name__ == "__main__":
    asyncio.run(play(sys.argv[2:], Path(sys.argv[1])))
