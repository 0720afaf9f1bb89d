"""Agencies that speak Kafka, for tests: they take their documents, answer, and keep a record.

Of Hoatoc they know what any agency knows: its two topics and the public events. Their producer is
a plain one that repeats what was not confirmed, so Hoatoc may hear an answer twice. What they got
and said is written to a file of notes of their own, against which the books can be checked.

    python -m hoatoc.testing.agency --servers HOST:PORT --record FILE --seed N --late-s S ORGAN…

With `--silent` they only keep the record, for organs that answer by another door. A line on
standard input asks how many copies were taken, and of how many all was said; its end ends the
agencies.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import random
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from hoatoc import codec
from hoatoc.domain.delivery import OUTCOMES
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, write_packet
from hoatoc.domain.event import (
    DocumentDispatched,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.history.note import POISON, Answered, Received
from hoatoc.history.save import Notebook, now_ms

STRANGE = "poison:unknown-dispatch"
"""an answer about a dispatch that nobody sent"""
PROCESSING = "processing"
UNHEARD = "9Z"
"""a code that no regulation knows"""
BURST = 4
"""the priority of documents that came in a burst, and are answered together, late"""
_RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """One thing said, so many seconds after the document came: an outcome, a code or poison."""

    after_s: float
    word: str


def plan(seed: int, delivery_id: UUID, late_s: float) -> tuple[Step, ...]:
    """Return what an agency says of a document: mostly that it was accepted, in time.

    Late answers come up to `late_s` seconds after the document.
    """
    chance = random.Random(f"{seed}/{delivery_id}")
    soon = [chance.uniform(0.05, 0.5), chance.uniform(0.5, 1.0), chance.uniform(1.0, 2.5)]
    late = chance.uniform(late_s * 0.8, late_s)
    first, second, third = soon
    conducts: dict[str, tuple[float, tuple[Step, ...]]] = {
        "accepts": (76, _steps(soon, "done", "01", "03")),
        "answers at once": (4, _steps([0, 0], "done", "03")),
        "says all twice": (4, _steps([*soon, *soon], "done", "01", "03", "done", "03", "01")),
        "says it the wrong way round": (4, _steps(soon, "03", "01", "done")),
        "is at it first": (2, _steps(soon, PROCESSING, "done", "04")),
        "says what nobody knows": (1.5, _steps(soon, UNHEARD, "done", "05")),
        "silent": (1, ()),
        "refuses": (1.5, _steps(soon, "done", "02")),
        "fails": (0.8, _steps(soon, "fail")),
        "recovers": (0.8, _steps([first, second, late], "fail", "done", "03")),
        "arrives late": (0.8, _steps([late, late + 0.2], "done", "06")),
        "accepts late": (0.8, _steps([first, late], "done", "03")),
        "arrives only": (0.5, _steps(soon, "01")),
        "mumbles": (0.5, _steps(soon, POISON)),
        "mumbles, then accepts": (0.5, _steps(soon, POISON, "done", "03")),
        "speaks of another": (0.3, _steps([first, second, third], STRANGE, "done", "03")),
    }
    weights = [weight for weight, _ in conducts.values()]
    return chance.choices([steps for _, steps in conducts.values()], weights)[0]


def plan_burst(seed: int, delivery_id: UUID, after_s: float) -> tuple[Step, ...]:
    """Return what an agency says of a document that came in a burst: that it has it, late."""
    chance = random.Random(f"{seed}/{delivery_id}")
    return (Step(chance.uniform(after_s, after_s * 1.5), "03"),)


def plan_recall(seed: int, delivery_id: UUID) -> tuple[Step, ...]:
    """Return what an agency says when a copy is asked back: yes, no, or nothing."""
    chance = random.Random(f"{seed}/{delivery_id}/recall")
    word = chance.choices(["15", "16", ""], [70, 22, 8])[0]
    return (Step(chance.uniform(0.05, 2.0), word),) if word else ()


def _steps(times: Sequence[float], *words: str) -> tuple[Step, ...]:
    return tuple(Step(at, word) for at, word in zip(times, words, strict=False))


def said(word: str, dispatch_id: UUID, organ: str) -> bytes:
    """Return an answer as the record that an agency writes."""
    event_id = uuid5(dispatch_id, f"{organ} says {word}")
    if word == STRANGE:
        return said("done", event_id, organ)
    if word == POISON:
        return codec.MARKER + event_id.bytes
    if word in OUTCOMES or word == PROCESSING:
        return codec.encode(
            TransportAcknowledged(
                event_id=event_id, dispatch_id=dispatch_id, recipient=organ, outcome=word
            )
        )
    return codec.encode(
        StatusReported(event_id=event_id, dispatch_id=dispatch_id, recipient=organ, code=word)
    )


def letter(
    sender: str,
    recipients: Sequence[str],
    number: str,
    content: bytes = b"text",
    priority: int = 0,
) -> bytes:
    """Return a packet as an agency hands it over."""
    return write_packet(
        Packet(
            sender=Party(code=sender, name=sender),
            recipients=tuple(Party(code=code, name=code) for code in recipients),
            document_id=f"{sender},2021/03/02,{number}/UBND-VP",
            number=number,
            notation="UBND-VP",
            promulgated=date(2021, 3, 2),
            subject=f"Công văn số {number}",
            signer=Signer(full_name="Nguyễn Văn A"),
            priority=priority,
            attachments=(Attachment(name="a.txt", content_type="text/plain", content=content),),
        ),
        limit=LARGEST_PACKET_BYTES,
    )


@dataclass(slots=True)
class Agencies:
    """Some agencies in one process; run again, they begin anew."""

    servers: str
    organs: Sequence[str]
    seed: int
    late_s: float
    burst_s: float
    notes: Notebook
    silent: bool = False
    producer: AIOKafkaProducer = field(init=False)
    answering: dict[tuple[UUID, type], asyncio.Task[None] | None] = field(default_factory=dict)
    taken: int = 0
    said: int = 0
    repeated: int = 0

    async def run(self) -> None:
        """Take documents and answer until cancelled."""
        self.producer = await _opened(
            lambda: AIOKafkaProducer(
                bootstrap_servers=self.servers, acks="all", linger_ms=20, request_timeout_ms=10_000
            )
        )
        reader = await _opened(
            lambda: AIOKafkaConsumer(
                bootstrap_servers=self.servers, auto_offset_reset="earliest", fetch_max_wait_ms=100
            )
        )
        try:
            reader.assign([TopicPartition(f"documents.{organ}", 0) for organ in self.organs])
            while True:
                await self._take(reader)
        finally:
            for task in self.answering.values():
                if task is not None:
                    task.cancel()
            await reader.stop()
            await self.producer.stop()

    def count(self) -> dict[str, int]:
        """Return how many copies were taken, of how many all is said, and what was said again."""
        return {"taken": self.taken, "said": self.said, "repeated": self.repeated}

    async def _take(self, reader: AIOKafkaConsumer) -> None:
        try:
            fetched = await reader.getmany(timeout_ms=500)
        except KafkaError:
            await asyncio.sleep(_RETRY_S)
            return
        for place, records in fetched.items():
            organ = place.topic.partition(".")[2]
            for record in records:
                event = codec.decode(record.value)
                if isinstance(event, DocumentDispatched):
                    self._got(organ, event, record.offset)
                elif not isinstance(event, RecallIssued):
                    raise TypeError(f"{type(event).__name__} in {place.topic}")
                self._begin(organ, event)

    def _got(self, organ: str, event: DocumentDispatched, offset: int) -> None:
        self.notes.write(
            Received(
                at_ms=now_ms(),
                organ=organ,
                dispatch_id=event.dispatch_id,
                delivery_id=event.delivery_id,
                recipient=event.recipient,
                document_id=event.document_id,
                sha256=_digest(event).hex(),
                offset=offset,
            )
        )

    def _begin(self, organ: str, event: DocumentDispatched | RecallIssued) -> None:
        key = (event.delivery_id, type(event))
        if key in self.answering:  # a repeat is the same document
            return
        self.taken += isinstance(event, DocumentDispatched)
        steps = () if self.silent else self._plan(event)
        self.answering[key] = asyncio.create_task(self._answer(organ, event, steps))

    def _plan(self, event: DocumentDispatched | RecallIssued) -> Sequence[Step]:
        if isinstance(event, RecallIssued):
            return plan_recall(self.seed, event.delivery_id)
        if event.priority == BURST:
            return plan_burst(self.seed, event.delivery_id, self.burst_s)
        return plan(self.seed, event.delivery_id, self.late_s)

    async def _answer(
        self, organ: str, event: DocumentDispatched | RecallIssued, steps: Sequence[Step]
    ) -> None:
        begin = asyncio.get_running_loop().time()
        for step in steps:
            await asyncio.sleep(begin + step.after_s - asyncio.get_running_loop().time())
            offset = await self._say(organ, event.dispatch_id, step.word)
            self.notes.write(
                Answered(
                    at_ms=now_ms(),
                    organ=organ,
                    recipient=event.recipient,
                    dispatch_id=event.dispatch_id,
                    delivery_id=event.delivery_id,
                    word=POISON if step.word == STRANGE else step.word,
                    topic=f"reports.{organ}",
                    offset=offset,
                )
            )
        self.said += isinstance(event, DocumentDispatched)
        self.answering[event.delivery_id, type(event)] = None

    async def _say(self, organ: str, dispatch_id: UUID, word: str) -> int:
        value = said(word, dispatch_id, organ)
        about = uuid5(dispatch_id, STRANGE) if word == STRANGE else dispatch_id
        while True:
            try:
                place = await self.producer.send_and_wait(
                    f"reports.{organ}", value, key=str(about).encode()
                )
            except KafkaError:
                self.repeated += 1
                await asyncio.sleep(_RETRY_S)
            else:
                return int(place.offset)


def _digest(event: DocumentDispatched) -> bytes:
    """Return the SHA-256 of a packet; that of one that stands elsewhere is what its record says."""
    if event.content is None:
        return event.content_sha256
    return hashlib.sha256(event.content).digest()


Client = TypeVar("Client", AIOKafkaProducer, AIOKafkaConsumer)


async def _opened(make: Callable[[], Client]) -> Client:
    """Return a client that has reached the broker, however long that takes."""
    while True:
        client = make()
        try:
            await client.start()
        except KafkaError:
            await client.stop()
            await asyncio.sleep(_RETRY_S)
        else:
            return client


async def _asked(agencies: Agencies, task: "asyncio.Future[None]") -> None:
    """Answer each line of standard input by the counts; at its end, end."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while await lines.readline():
        print(json.dumps(agencies.count()), flush=True)
    task.cancel()


async def _main(agencies: Agencies) -> None:
    task = asyncio.ensure_future(agencies.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    asking = asyncio.ensure_future(_asked(agencies, task))
    await asyncio.wait([task])
    asking.cancel()
    if not task.cancelled():
        task.result()


def main() -> None:
    """Run agencies until SIGTERM, or until standard input ends."""
    words = argparse.ArgumentParser(prog="hoatoc.testing.agency")
    words.add_argument("--servers", required=True)
    words.add_argument("--record", type=Path, required=True)
    words.add_argument("--seed", type=int, required=True)
    words.add_argument("--late-s", type=float, required=True)
    words.add_argument("--burst-s", type=float, default=15.0)
    words.add_argument("--silent", action="store_true")
    words.add_argument("organs", nargs="+")
    given = words.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the record says what matters
    with Notebook(given.record) as notes:
        agencies = Agencies(
            servers=given.servers,
            organs=given.organs,
            seed=given.seed,
            late_s=given.late_s,
            burst_s=given.burst_s,
            notes=notes,
            silent=given.silent,
        )
        asyncio.run(_main(agencies))


if __name__ == "__main__":
    main()
