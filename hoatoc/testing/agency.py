"""Agencies that speak Kafka, for tests: they take their documents, answer, and keep a record.

Of Hoatoc they know what any agency knows: its two topics and the public events. Their producer is
a plain one that repeats what was not confirmed, so Hoatoc may hear an answer twice. What they got
and said is written to a JSON Lines file of their own, against which the books can be checked.

    python -m hoatoc.testing.agency --servers HOST:PORT --record FILE --seed N ORGAN…
"""

import argparse
import asyncio
import hashlib
import json
import logging
import random
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from hoatoc import codec
from hoatoc.domain.delivery import OUTCOMES
from hoatoc.domain.edxml import write_packet
from hoatoc.domain.event import DocumentDispatched, StatusReported, TransportAcknowledged
from hoatoc.domain.packet import Attachment, Packet, Party, Signer

POISON = "poison"
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
    conducts: dict[str, tuple[int, tuple[Step, ...]]] = {
        "accepts": (74, _steps(soon, "done", "01", "03")),
        "silent": (4, ()),
        "refuses": (4, _steps(soon, "done", "02")),
        "fails": (3, _steps(soon, "fail")),
        "recovers": (3, _steps([soon[0], soon[1], late], "fail", "done", "03")),
        "arrives late": (3, _steps([late, late + 0.2], "done", "06")),
        "accepts late": (3, _steps([soon[0], late], "done", "03")),
        "arrives only": (2, _steps(soon, "01")),
        "mumbles": (2, _steps(soon, POISON)),
        "mumbles, then accepts": (2, _steps(soon, POISON, "done", "03")),
    }
    weights = [weight for weight, _ in conducts.values()]
    return chance.choices([steps for _, steps in conducts.values()], weights)[0]


def _steps(times: Sequence[float], *words: str) -> tuple[Step, ...]:
    return tuple(Step(at, word) for at, word in zip(times, words, strict=False))


def said(word: str, dispatch_id: UUID, organ: str) -> bytes:
    """Return an answer as the record that an agency writes."""
    event_id = uuid5(dispatch_id, f"{organ} says {word}")
    if word == POISON:
        return codec.MARKER + event_id.bytes
    if word in OUTCOMES:
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
        )
    )


@dataclass(slots=True)
class Notebook:
    """A record of facts, one JSON object a line, written before anything else happens."""

    out: TextIO

    def write(self, what: str, **facts: object) -> None:
        """Write one fact."""
        self.out.write(json.dumps({"what": what, **facts}, default=str) + "\n")
        self.out.flush()


def read_notes(file: Path) -> Iterator[dict[str, str]]:
    """Yield the facts of a record; a line that is being written is left for the next time."""
    for line in file.read_text("utf-8").splitlines(keepends=True) if file.exists() else ():
        if line.endswith("\n"):
            yield json.loads(line)


@dataclass(slots=True)
class Agencies:
    """Some agencies in one process; run again, they begin anew."""

    servers: str
    organs: Sequence[str]
    seed: int
    late_s: float
    notes: Notebook
    producer: AIOKafkaProducer = field(init=False)
    answering: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Take documents and answer until cancelled."""
        self.producer = AIOKafkaProducer(
            bootstrap_servers=self.servers, acks="all", request_timeout_ms=10_000
        )
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.servers, auto_offset_reset="earliest", fetch_max_wait_ms=100
        )
        await self.producer.start()
        try:
            await reader.start()
            reader.assign([TopicPartition(f"documents.{organ}", 0) for organ in self.organs])
            self.notes.write("ready")
            while True:
                await self._take(reader)
        finally:
            for task in self.answering.values():
                task.cancel()
            await reader.stop()
            await self.producer.stop()

    async def _take(self, reader: AIOKafkaConsumer) -> None:
        try:
            fetched = await reader.getmany(timeout_ms=500)
        except KafkaError as error:
            self.notes.write("unread", error=repr(error))
            await asyncio.sleep(_RETRY_S)
            return
        for place, records in fetched.items():
            organ = place.topic.partition(".")[2]
            for record in records:
                event = codec.decode(record.value)
                if not isinstance(event, DocumentDispatched):
                    raise TypeError(f"{type(event).__name__} in {place.topic}")
                self._got(organ, event, record.offset)

    def _got(self, organ: str, event: DocumentDispatched, offset: int) -> None:
        self.notes.write(
            "received",
            organ=organ,
            dispatch_id=event.dispatch_id,
            delivery_id=event.delivery_id,
            recipient=event.recipient,
            document_id=event.document_id,
            sha256=hashlib.sha256(event.content or b"").hexdigest(),
            offset=offset,
        )
        if event.delivery_id not in self.answering:  # a repeat is the same document
            self.answering[event.delivery_id] = asyncio.create_task(self._answer(organ, event))

    async def _answer(self, organ: str, event: DocumentDispatched) -> None:
        begin = asyncio.get_running_loop().time()
        for step in plan(self.seed, event.delivery_id, self.late_s):
            await asyncio.sleep(begin + step.after_s - asyncio.get_running_loop().time())
            offset = await self._say(organ, event.dispatch_id, step.word)
            self.notes.write(
                "answered",
                organ=organ,
                delivery_id=event.delivery_id,
                word=step.word,
                offset=offset,
            )
        self.notes.write("finished", delivery_id=event.delivery_id)

    async def _say(self, organ: str, dispatch_id: UUID, word: str) -> int:
        while True:
            try:
                place = await self.producer.send_and_wait(
                    f"reports.{organ}",
                    said(word, dispatch_id, organ),
                    key=str(dispatch_id).encode(),
                )
            except KafkaError as error:
                self.notes.write("unconfirmed", error=repr(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return int(place.offset)


async def _main(agencies: Agencies) -> None:
    task = asyncio.ensure_future(agencies.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def main() -> None:
    """Run agencies until SIGTERM."""
    words = argparse.ArgumentParser(prog="hoatoc.testing.agency")
    words.add_argument("--servers", required=True)
    words.add_argument("--record", type=Path, required=True)
    words.add_argument("--seed", type=int, required=True)
    words.add_argument("--late-s", type=float, required=True)
    words.add_argument("organs", nargs="+")
    given = words.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the record says what matters
    with given.record.open("a", encoding="utf-8") as out:
        notes = Notebook(out)
        asyncio.run(_main(Agencies(given.servers, given.organs, given.seed, given.late_s, notes)))


if __name__ == "__main__":
    main()
