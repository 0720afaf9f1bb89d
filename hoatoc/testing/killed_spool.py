"""The spool before its SQLite outbox, to be killed, and what it has handed over."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from hoatoc.client import AsyncClient, Patience
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.spool.arrival import Arrivals, SecretGate
from hoatoc.spool.door import Door, GatewayDoor, KafkaDoor
from hoatoc.spool.folder import Folder
from hoatoc.spool.forwarder import Forwarder
from hoatoc.spool.outbox import Outbox, State, open_outbox, spool_id
from hoatoc.sqlite import Connect, connect
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import read
from hoatoc.testing.crash import Act, Work, watched_file
from hoatoc.testing.handing import Carried
from hoatoc.testing.killed_door import A, B, C
from hoatoc.testing.killed_door import door as any_door

_NUMBERS = count(20_001)
_QUOTA = 64 * 1024 * 1024


def opened(folder: Path, connect: Connect = connect) -> Outbox:
    """Open the outbox of a spool."""
    made = Folder(folder)
    made.make()
    return open_outbox(made.outbox, _QUOTA, connect)


def arrivals(settings: Settings, folder: Path, outbox: Outbox) -> Arrivals:
    """Return what takes packets, with the gate of the other doors under test."""
    admitting = any_door(settings, "spool").admission
    gate = SecretGate(admitting.secrecy, admitting.examiner)
    return Arrivals(Folder(folder), outbox, gate, 0, asyncio.Event())


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the spool does when a packet stands in its folder."""

    settings: Settings
    folder: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what the spool opens."""
        with opened(self.folder, watched_file) as outbox:
            yield arrivals(self.settings, self.folder, outbox).sweep


@dataclass(frozen=True, slots=True)
class Take:
    """What the spool does when a packet comes to its port."""

    settings: Settings
    folder: Path
    packet: bytes

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what the spool opens."""
        with opened(self.folder, watched_file) as outbox:

            async def act() -> None:
                await arrivals(self.settings, self.folder, outbox).take(self.packet)

            yield act


async def forward_all(outbox: Outbox, door: Door) -> None:
    """Forward until nothing waits."""
    forwarder = Forwarder(outbox, door, 1)
    running = asyncio.create_task(forwarder.run())
    try:
        while (await outbox.standing()).packets:
            waiting = asyncio.ensure_future(forwarder.changed.wait())
            done, _ = await asyncio.wait(
                {running, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=30
            )
            waiting.cancel()
            forwarder.changed.clear()
            if running in done:
                running.result()
    finally:
        running.cancel()
        await asyncio.wait({running})


@asynccontextmanager
async def door_of(settings: Settings) -> AsyncIterator[Door]:
    """Open the door that the settings of a spool name."""
    options = settings.spool
    if options.gateway:
        async with AsyncClient(options.gateway, options.key, patience=Patience(total_s=0)) as to:
            yield GatewayDoor(to)
        return
    door = KafkaDoor(settings.kafka, A)
    await door.open()
    try:
        yield door
    finally:
        await door.close()


@dataclass(frozen=True, slots=True)
class Forward:
    """The spool's work until nothing waits."""

    settings: Settings
    folder: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Act]:
        """Open what the spool opens."""
        with opened(self.folder, watched_file) as outbox:
            async with door_of(self.settings) as door:
                yield lambda: forward_all(outbox, door)


async def accepted(folder: Path, act: str) -> list[Carried]:
    """Return the packets that the spool has taken and not refused."""
    with opened(folder) as outbox:
        return [
            Carried(fate.document_id, str(getattr(fate, act)), fate.sha256.hex())
            for fate in await outbox.fates()
            if fate.state is not State.REFUSED
        ]


@dataclass(slots=True)
class _Arriving:
    """What the two ways into a spool have in common."""

    settings: Settings
    folder: Path
    packets: dict[str, bytes] = field(default_factory=dict)
    steps: Collection[str] = ("BEGIN", "spool.find", "spool.take", "COMMIT")
    decides: str = "COMMIT"

    async def accepted(self) -> list[Carried]:
        """Return all that stands as accepted, by the ids that leave for Kafka."""
        return await accepted(self.folder, "handover_id")

    async def _act(self, document: str) -> str:
        (one,) = (each for each in await self.accepted() if each.document == document)
        return one.act

    def _new(self) -> str:
        packet = letter(A, (B, C), str(next(_NUMBERS)))
        document = read_packet(packet).document_id
        self.packets[document] = packet
        return document


@dataclass(slots=True)
class IntoFolder(_Arriving):
    """A letter that is put into the folder."""

    async def prepare(self) -> str:
        """Write a new letter, and put it into the folder."""
        document = self._new()
        self._put(document)
        return document

    def _put(self, document: str) -> None:
        Folder(self.folder).make()
        file = Folder(self.folder).outgoing / f"{sha256(document.encode()).hexdigest()}.edxml"
        file.write_bytes(self.packets[document])

    def work(self, document: str) -> Work:
        """Return the sweep of the folder."""
        del document
        return Sweep(self.settings, self.folder)

    async def again(self, document: str) -> str:
        """Start the spool again; and put the letter there once more, as one who is not sure."""
        with opened(self.folder) as outbox:
            taking = arrivals(self.settings, self.folder, outbox)
            await taking.sweep()
            self._put(document)
            await taking.sweep()
        return await self._act(document)


@dataclass(slots=True)
class ToPort(_Arriving):
    """A letter that is handed over at the port."""

    async def prepare(self) -> str:
        """Write a new letter."""
        return self._new()

    def work(self, document: str) -> Work:
        """Return what the spool does with it."""
        return Take(self.settings, self.folder, self.packets[document])

    async def again(self, document: str) -> str:
        """Hand it over again."""
        with opened(self.folder) as outbox:
            taking = arrivals(self.settings, self.folder, outbox)
            await taking.take(self.packets[document])
        return await self._act(document)


STEPS = ("BEGIN", "spool.claim", "spool.content", "spool.show", "COMMIT")


@dataclass(slots=True)
class Forwarded:
    """Two letters that leave for Kafka."""

    settings: Settings
    folder: Path
    steps: Collection[str] = (*STEPS, "spool.mark_handed", "produce DocumentHandedOver")
    act: str = "handover_id"
    """what of a packet is the id of what leaves"""

    async def prepare(self) -> None:
        """Have the spool take two letters."""
        with opened(self.folder) as outbox:
            taking = arrivals(self.settings, self.folder, outbox)
            for priority in (0, 4):
                number = str(next(_NUMBERS))
                await taking.take(letter(A, (B,), number, priority=priority))

    def work(self) -> Work:
        """Return the spool's work."""
        return Forward(self.settings, self.folder)

    async def again(self) -> None:
        """Start the spool again."""
        with opened(self.folder) as outbox:
            async with door_of(self.settings) as door:
                await forward_all(outbox, door)

    async def accepted(self) -> list[Carried]:
        """Return the packets that the spool has taken."""
        return await accepted(self.folder, self.act)

    async def waiting(self) -> int:
        """Return how many wait."""
        with opened(self.folder) as outbox:
            return (await outbox.standing()).packets

    async def published(self) -> set[Carried]:
        """Return what stands in the topic of hand-overs."""
        records = await read(self.settings.kafka.bootstrap_servers, topic.handovers(A))
        events = [one.event for one in records if isinstance(one.event, DocumentHandedOver)]
        return {
            Carried(e.document_id, str(e.event_id), sha256(e.packet).hexdigest()) for e in events
        }

    async def wrong(self) -> list[str]:
        """Return what is marked and did not leave, and what waits without its content."""
        with opened(self.folder) as outbox:
            fates = await outbox.fates()
            kept = [
                fate.id
                for fate in fates
                if fate.ended_ms is None
                and spool_id(await outbox.content(fate.id) or b"") != fate.id
            ]
        left = {one.act for one in await self.published()}
        marked = [getattr(fate, self.act) for fate in fates if fate.state is State.SENT]
        return [
            *(f"{one} is marked and did not leave" for one in marked if str(one) not in left),
            *(f"{one} is kept with another content" for one in kept),
        ]


@dataclass(slots=True)
class ForwardedByHttp(Forwarded):
    """Two letters that leave for a gateway; `database` is that of the gateway."""

    database: Any = None
    steps: Collection[str] = (*STEPS, "spool.mark_sent", "POST /v1/documents")
    act: str = "id"

    async def published(self) -> set[Carried]:
        """Return what the gateway has taken; it has one dispatch of each document, or two rows."""
        rows = await self.database.fetch("SELECT document_id, packet FROM handover")
        found = [
            Carried(row["document_id"], str(spool_id(row["packet"])), _hex(row["packet"]))
            for row in rows
        ]
        if len(found) != len(set(found)):
            raise AssertionError("a document was taken twice")
        return set(found)


def _hex(packet: bytes) -> str:
    return sha256(packet).hexdigest()
