"""A recipient's inbox, to be killed, and what it has handed over and answered."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid5

from hoatoc.client.asynchronous import AsyncClient
from hoatoc.client.inbox import Inbox, Received, Status
from hoatoc.client.journal import Journal, Waiting
from hoatoc.client.source import HttpSource, Item, KafkaSource, Source
from hoatoc.config import Kafka, Settings
from hoatoc.domain import topic
from hoatoc.domain.event import DocumentDispatched, StatusReported, TransportAcknowledged
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.sqlite import Connect, connect
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import read
from hoatoc.testing.crash import Act, Work, watched_file
from hoatoc.testing.gateway import Door
from hoatoc.testing.handing import Carried
from hoatoc.testing.killed_door import A, B
from hoatoc.testing.line import eventually

Write = Callable[[str, DocumentDispatched, UUID], Awaitable[object]]
_NUMBERS = count(30_001)
_SAYS = (("01", ""), ("03", "vào sổ"))


class _ToTheEnd:
    """A source that says when all up to an offset was handled, and has no more."""

    def __init__(self, of: Source, end: int) -> None:
        self.of, self.name, self.organ, self.end = of, of.name, of.organ, end
        self.content, self.answer = of.content, of.answer
        self.idle = asyncio.Event()

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        """Read on; at the end, wait for ever."""
        if int(cursor or 0) >= self.end:
            self.idle.set()
            await asyncio.Event().wait()
        return await self.of.next(cursor)


class Reach(Protocol):
    """How a recipient reaches its documents; it must be possible to pickle it."""

    def source(self) -> tuple[Source, Any]:
        """Return the source of B's documents, and what is closed with it."""
        ...


@dataclass(frozen=True, slots=True)
class ByKafka:
    """From its topic."""

    kafka: Kafka

    def source(self) -> tuple[Source, Any]:
        """Return the source of B's documents, and what is closed with it."""
        source = KafkaSource(self.kafka, B)
        return source, source


@dataclass(frozen=True, slots=True)
class ByHttp:
    """From a gateway, by a key."""

    url: str
    key: str

    def source(self) -> tuple[Source, Any]:
        """Return the source of B's documents, and what is closed with it."""
        client = AsyncClient(self.url, self.key)
        return HttpSource(client, B), client


class _Telling(Journal):
    """A journal that says when nothing is left to be answered."""

    def __init__(self, of: Journal) -> None:
        super().__init__(of.file, of.now_ms)
        self.said_all = asyncio.Event()

    async def end(self, *what: Any) -> None:
        """Note what is to be answered."""
        self.said_all.clear()
        await super().end(*what)

    async def next_answer(self) -> Waiting | None:
        """Return the next answer."""
        found = await super().next_answer()
        if found is None:
            self.said_all.set()
        return found


def inbox(reach: Reach, folder: Path, end: int, connect: Connect = connect) -> Inbox:
    """Return the inbox of B, which works up to an offset."""
    source, owned = reach.source()
    to_the_end = _ToTheEnd(source, end)
    return Inbox(to_the_end, folder, attempts=100, connect=connect, owned=[owned])


def handled(folder: Path) -> list[tuple[str, int]]:
    """Return (delivery, attempt) of all that the handler has handled, in order."""
    file = folder / "handled"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [(of, int(attempt)) for of, attempt in (line.split() for line in lines)]


async def work_off(opened: Inbox) -> None:
    """Handle what the topic holds up to its end, and answer it all."""
    file = opened.folder / "handled"
    opened.journal = journal = _Telling(opened.journal)
    source = opened.source
    assert isinstance(source, _ToTheEnd)  # noqa: S101 - made above

    async def handle(received: Received) -> list[Status]:
        with file.open("a") as out:
            out.write(f"{received.entry.delivery_id} {received.attempt}\n")
            out.flush()
            os.fsync(out.fileno())
        return [Status(*each) for each in _SAYS]

    async def done() -> None:
        await source.idle.wait()
        await journal.said_all.wait()

    running, ending = asyncio.create_task(opened.run(handle)), asyncio.create_task(done())
    try:
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, ending):
            task.cancel()
        await asyncio.wait({running, ending})


@dataclass(frozen=True, slots=True)
class WorkOff:
    """The inbox's work up to an offset."""

    reach: Reach
    folder: Path
    end: int

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what the inbox opens."""
        async with inbox(self.reach, self.folder, self.end, watched_file) as opened:
            yield lambda: work_off(opened)


STEPS = (
    *("BEGIN", "inbox.begin", "inbox.end", "inbox.answer", "inbox.move", "COMMIT"),
    "inbox.answered",
)


@dataclass(slots=True)
class Handled:
    """A document that comes to B twice, is handled, acknowledged and reported."""

    settings: Settings
    folder: Path
    write: Write
    steps: Collection[str] = (*STEPS, "produce TransportAcknowledged", "produce StatusReported")
    sent: list[Carried] = field(default_factory=list)
    end: int = 0

    @property
    def reach(self) -> Reach:
        """How the recipient reaches its documents."""
        return ByKafka(self.settings.kafka)

    @property
    def answers(self) -> str:
        """The topic of its answers."""
        return topic.reports(B)

    async def prepare(self) -> None:
        """Have a document come, twice as after a crash of the relay."""
        await self.come(_copy(next(_NUMBERS)), 2)

    async def come(self, event: DocumentDispatched, times: int) -> None:
        """Let a document come so many times."""
        for _ in range(times):
            await self.write(topic.documents(B), event, event.dispatch_id)
            self.end += 1
        self.sent.append(Carried(event.document_id, str(event.dispatch_id), str(event.delivery_id)))

    def work(self) -> Work:
        """Return the inbox's work."""
        return WorkOff(self.reach, self.folder, self.end)

    async def again(self) -> None:
        """Start the inbox again."""
        async with inbox(self.reach, self.folder, self.end) as opened:
            await work_off(opened)

    async def accepted(self) -> list[Carried]:
        """Return what came."""
        return list(self.sent)

    async def waiting(self) -> int:
        """Return how many answers wait."""
        async with inbox(self.reach, self.folder, self.end) as opened:
            return await opened.journal.waiting()

    async def published(self) -> set[Carried]:
        """Return what was acknowledged, and reported, each in its order."""
        names = {one.act: one.document for one in self.sent}
        words: dict[UUID, list[str]] = {}
        seen: set[UUID] = set()
        for answer in await self._answers():
            if answer.event_id not in seen:
                seen.add(answer.event_id)
                words.setdefault(answer.dispatch_id, []).append(_word(answer))
        right = ["done", *(code for code, _ in _SAYS)]
        return {
            Carried(names.get(str(of), "?"), str(of), str(_own(of)))
            for of, said in words.items()
            if said == right
        }

    async def wrong(self) -> list[str]:
        """Return what was acknowledged and not handled, and what was handled again for nothing."""
        done = handled(self.folder)
        copies = {of for of, _ in done}
        told = {str(_own(answer.dispatch_id)) for answer in await self._answers()}
        repeats = [of for (of, _), times in Counter(done).items() if times > 1]
        return [
            *(f"{of} was answered and not handled" for of in told - copies),
            *(f"{of} was handled twice by one attempt" for of in repeats),
        ]

    async def _answers(self) -> list[TransportAcknowledged | StatusReported]:
        records = await read(self.settings.kafka.bootstrap_servers, self.answers)
        return [
            one.event
            for one in records
            if isinstance(one.event, TransportAcknowledged | StatusReported)
        ]


@dataclass(slots=True)
class HandledByHttp(Handled):
    """The same by a gateway, at which documents are handed over, and which a relay works behind."""

    door: Door = field(kw_only=True)
    steps: Collection[str] = (
        *STEPS,
        "POST /v1/deliveries/{id}/acknowledgement",
        "POST /v1/deliveries/{id}/status",
    )

    @property
    def reach(self) -> Reach:
        """How the recipient reaches its documents."""
        return ByHttp(self.door.url, self.door.keys[B])

    @property
    def answers(self) -> str:
        """The topic of its answers."""
        return topic.DELIVERIES

    async def prepare(self) -> None:
        """Have a document come, twice as after a crash of the relay."""
        said = await self.door.hand_over(letter(A, (B,), str(next(_NUMBERS))), A)
        sent = said.json()["dispatch_id"]
        found: list[DocumentDispatched] = []

        async def came() -> bool:
            servers = self.settings.kafka.bootstrap_servers
            events = [one.event for one in await read(servers, topic.documents(B))]
            every = (each for each in events if isinstance(each, DocumentDispatched))
            found[:] = [each for each in every if str(each.dispatch_id) == sent]
            return bool(found)

        await eventually(came, what="the copy")
        self.end += 1
        await self.come(found[0], 1)


def _word(answer: TransportAcknowledged | StatusReported) -> str:
    return answer.outcome if isinstance(answer, TransportAcknowledged) else answer.code


def _own(dispatch_id: UUID) -> UUID:
    return delivery_id(DispatchId(dispatch_id), OrganCode(B))


def _copy(number: int) -> DocumentDispatched:
    packet = letter(A, (B,), str(number))
    dispatch_id = UUID(int=number)
    return DocumentDispatched(
        event_id=uuid5(dispatch_id, "copy"),
        dispatch_id=dispatch_id,
        delivery_id=_own(dispatch_id),
        sender=A,
        recipient=B,
        document_id=f"{A},2021/03/02,{number}/UBND-VP",
        issuer=A,
        year=2021,
        number=str(number),
        notation="UBND-VP",
        subject="",
        priority=0,
        content_type="application/edxml+xml",
        content_bytes=len(packet),
        content_sha256=sha256(packet).digest(),
        content=packet,
    )
