"""The systems of some recipients, in one process, through the public Kafka interface only.

Reads `documents.<organ>`, answers through `reports.<organ>` as each organ's role has it, and writes
its own record of what it got and what it answered (one JSON object a line). A late organ answers
when a line on standard input says that the page about it has come.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition

from hoatoc import codec
from hoatoc.config import Kafka, load
from hoatoc.demo.scenario import LATE_SCRIPT, REASONS, SCRIPTS, role_of
from hoatoc.domain import topic
from hoatoc.domain.event import Answer, DocumentDispatched, StatusReported, TransportAcknowledged
from hoatoc.kafka.client import consumer, outgoing, producer, send_all

OUTCOMES = ("done", "fail")


def answer(copy: DocumentDispatched, what: str, reason: str | None) -> Answer:
    """Return an answer of a copy's recipient."""
    now_ms = time.time_ns() // 1_000_000
    if what in OUTCOMES:
        return TransportAcknowledged(
            event_id=uuid4(),
            dispatch_id=copy.dispatch_id,
            recipient=copy.recipient,
            outcome=what,
            reason=reason if what == "fail" else None,
            reported_ms=now_ms,
        )
    return StatusReported(
        event_id=uuid4(),
        dispatch_id=copy.dispatch_id,
        recipient=copy.recipient,
        code=what,
        description=reason if what == "02" else None,
        reported_ms=now_ms,
    )


@dataclass(slots=True)
class Player:
    """Plays some organs and keeps their record."""

    kafka: Kafka
    to: AIOKafkaProducer
    record: TextIO
    held: dict[str, DocumentDispatched] = field(default_factory=dict)

    def write(self, copy: DocumentDispatched, **what: object) -> None:
        """Add a line to the record."""
        line = {"copy": f"{copy.number}/{copy.notation}", "recipient": copy.recipient, **what}
        self.record.write(json.dumps(line, ensure_ascii=False) + "\n")
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
                        copy = codec.decode(record.value)
                        if isinstance(copy, DocumentDispatched):
                            await self._take(copy)

    async def _take(self, copy: DocumentDispatched) -> None:
        whole = sha256(copy.content or b"").digest() == copy.content_sha256
        again = str(copy.delivery_id) in self.held
        self.held[str(copy.delivery_id)] = copy
        self.write(copy, received=True, whole=whole, again=again)
        if not again:
            await self.say(copy, SCRIPTS[role_of(copy.recipient)], late=False)

    async def say(self, copy: DocumentDispatched, script: tuple[str, ...], *, late: bool) -> None:
        """Answer step by step, each confirmed by the broker before it is recorded."""
        for what in script:
            event = answer(copy, what, REASONS.get(role_of(copy.recipient)))
            record = outgoing(
                event,
                topic=topic.reports(copy.recipient),
                key=str(copy.dispatch_id).encode(),
                source=f"demo/{copy.recipient}",
                dispatch_id=copy.dispatch_id,
                partition=0,
            )
            await send_all(self.to, [record])
            self.write(copy, answered=what, late=late)

    async def listen(self) -> None:
        """Answer late for each delivery that a line on standard input names."""
        while line := await asyncio.to_thread(sys.stdin.readline):
            copy = self.held.get(line.strip())
            if copy is not None:
                await self.say(copy, LATE_SCRIPT, late=True)


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
