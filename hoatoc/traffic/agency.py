"""Agencies behind one kind of door each: how they hand over, and how they take and report.

Of Hoatoc they use what any agency uses: the client and its inbox, the calls of the axis, the topics
of Kafka, a spool's folder.
"""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hoatoc import codec
from hoatoc.client import AsyncClient, Inbox, OutcomeUnknown, Patience, Problem, Received
from hoatoc.client.error import GatewayAway
from hoatoc.client.value import HandedOver, Spooled
from hoatoc.config import Kafka
from hoatoc.domain.delivery import STATUSES
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_status
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.domain.packet import Packet, Party, ResponseFor, StatusPacket
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.vxp.refusal import ErrorCode
from hoatoc.embedded.port import free_ports
from hoatoc.testing.vxp_client import Result, VxpClient
from hoatoc.traffic.habit import course

_PATIENCE = Patience(total_s=60, first_s=0.2, longest_s=5)
_POLL_S, _AGAIN_S = 1.0, 1.0
_LATER = (ErrorCode.SYSTEM_FAILED, ErrorCode.FILE_UNPROCESSED)
"""codes of the axis by which the same call may succeed later"""
REASON = "Gửi sai nơi nhận"
LOG = structlog.get_logger("traffic")


class Turned(Exception):
    """A door has refused what was handed over, by a code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Unknown(Exception):
    """A door gave no answer, or none that says anything of the document: to be asked again."""


Taken = Callable[[str, str, bytes], None]
"""told which organ takes which document, by its id, and what it got: the packet"""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the doors are, and what an organ shows there: a key and the secret of its pair."""

    url: str
    kafka: Kafka
    folder: Path
    keys: dict[str, str]
    secrets: dict[str, str]
    axis_path: str = "/vxp"


def system_id(organ: str) -> str:
    """Return by what the system of an organ is known at the axis' interface."""
    return f"traffic-{organ}"


@dataclass(slots=True)
class Agency:
    """One agency: `hand_over` returns whether the document was new to the door."""

    organ: str
    reach: Reach
    chance: Random
    pace_s: float
    taken: Taken
    reported: Callable[[str], None]
    """told of the code of each status that was reported"""
    hand_over: Callable[[bytes], Awaitable[bool]] = field(init=False)
    spool: Process | None = None

    @property
    def folder(self) -> Path:
        """What the agency keeps: its inbox's journal, its spool."""
        return self.reach.folder / self.organ

    def client(self) -> AsyncClient:
        """Return a client with the agency's key."""
        return AsyncClient(self.reach.url, self.reach.keys[self.organ], patience=_PATIENCE)

    def rest_s(self) -> float:
        """Return how long a step of the agency takes, in seconds."""
        return self.chance.expovariate(1 / self.pace_s) if self.pace_s else 0.0


@asynccontextmanager
async def by_http(agency: Agency) -> AsyncIterator[None]:
    """Hand over at the gateway, and read its inbox."""
    agency.folder.mkdir(parents=True, exist_ok=True)
    inbox = Inbox.over_http(agency.reach.url, agency.reach.keys[agency.organ], agency.folder)
    async with agency.client() as client, _reading(agency, inbox):
        agency.hand_over = lambda packet: _handed(client.hand_over(packet))
        yield


@asynccontextmanager
async def by_kafka(agency: Agency) -> AsyncIterator[None]:
    """Write hand-overs to a topic, and read one."""
    agency.folder.mkdir(parents=True, exist_ok=True)
    kafka, organ = agency.reach.kafka, agency.organ
    async with (
        agency.client() as client,
        AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers,
            acks="all",
            max_request_size=LARGEST_PACKET_BYTES,
        ) as producer,
        _reading(agency, Inbox.over_kafka(kafka, organ, agency.folder, client)),
    ):

        async def hand_over(packet: bytes) -> bool:
            said = read_packet(packet, limit=LARGEST_PACKET_BYTES)
            event = DocumentHandedOver(
                event_id=uuid4(), document_id=said.document_id, packet=packet
            )
            key = said.document_id.encode()
            try:
                await producer.send_and_wait(f"handovers.{organ}", codec.encode(event), key=key)
            except KafkaError as error:
                raise Unknown from error
            return True

        agency.hand_over = hand_over
        yield


@asynccontextmanager
async def by_spool(agency: Agency) -> AsyncIterator[None]:
    """Leave packets with a spool of one's own, and read the inbox of the gateway."""
    agency.folder.mkdir(parents=True, exist_ok=True)
    key = agency.reach.keys[agency.organ]
    inbox = Inbox.over_http(agency.reach.url, key, agency.folder)
    address = f"127.0.0.1:{next(free_ports('127.0.0.1'))}"
    async with (
        _spooling(agency, address),
        AsyncClient(f"http://{address}", patience=_PATIENCE) as client,
        _reading(agency, inbox),
    ):
        agency.hand_over = lambda packet: _handed(client.leave(packet))
        yield


@asynccontextmanager
async def _spooling(agency: Agency, address: str) -> AsyncIterator[None]:
    """Run a spool as its service manager does: one that ends is started again."""
    folder, key = agency.folder / "spool", agency.reach.keys[agency.organ]
    words = ("spool", folder, "--gateway", agency.reach.url, "--listen", address)
    env = {**os.environ, "HOATOC_SPOOL_KEY": key, "HOATOC_METRICS_PORT": "0"}

    async def keep() -> None:
        while True:
            agency.spool = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "hoatoc", *words), stdout=log, stderr=log, env=env
            )
            await process.wait()
            await asyncio.sleep(_AGAIN_S)

    with (agency.folder / "spool.log").open("wb") as log:
        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            process = agency.spool
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()


@asynccontextmanager
async def by_vxp(agency: Agency) -> AsyncIterator[None]:
    """Speak as the official client of the axis does."""
    agency.hand_over = lambda packet: _at_the_axis(agency, packet)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_read_axis(agency))
        yield
        reading.cancel()


DOORS = {"http": by_http, "vxp": by_vxp, "spool": by_spool, "kafka": by_kafka}


async def _handed(handing: Awaitable[HandedOver | Spooled]) -> bool:
    """Return whether what was handed over was new; a spool does not tell."""
    try:
        handed = await handing
        return not isinstance(handed, HandedOver) or handed.new
    except (OutcomeUnknown, GatewayAway) as error:
        raise Unknown from error
    except Problem as error:
        raise (Unknown if error.retriable else Turned(error.code)) from error


@asynccontextmanager
async def _reading(agency: Agency, inbox: Inbox) -> AsyncIterator[None]:
    """Read an inbox meanwhile: what comes is done at once, its statuses are reported later."""
    async with inbox, asyncio.TaskGroup() as tasks:
        own: list[asyncio.Task[None]] = []

        async def handle(received: Received) -> None:
            agency.taken(agency.organ, received.entry.document_id, received.content or b"")
            own.append(tasks.create_task(_report(agency, inbox, received)))

        own.append(tasks.create_task(inbox.run(handle)))
        yield
        for task in own:
            task.cancel()


async def _report(agency: Agency, inbox: Inbox, received: Received) -> None:
    for code in course(agency.chance):
        await asyncio.sleep(agency.rest_s())
        if code in STATUSES:  # our reader reports no other
            await inbox.report(received.entry, code, REASON if code == "02" else "")
            agency.reported(code)


async def _at_the_axis(agency: Agency, packet: bytes) -> bool:
    said = await _asked(agency, "send", packet, from_=agency.organ, messagetype="edoc")
    if said["ErrorCode"] != ErrorCode.DONE:
        raise Turned(str(said["ErrorCode"]))
    return True


async def _asked(agency: Agency, method: str, *words: object, **headers: str) -> dict[str, Any]:
    """Call as the official client does, which blocks; its null is an outcome that is unknown."""
    reach, organ = agency.reach, agency.organ
    endpoint = f"{reach.url}{reach.axis_path}"
    client = VxpClient(endpoint, system_id(organ), reach.secrets[organ])
    call: Callable[..., Result] = getattr(client, method)
    said = await asyncio.to_thread(call, *words, servicetype="eDoc", **headers)
    if said is None or said["ErrorCode"] in _LATER:
        raise Unknown
    return said


async def _until_answered(
    agency: Agency, method: str, *words: object, **headers: str
) -> dict[str, Any]:
    """Call until there is an answer."""
    while True:
        try:
            return await _asked(agency, method, *words, **headers)
        except Unknown:
            await asyncio.sleep(_AGAIN_S)


async def _read_axis(agency: Agency) -> None:
    """Ask for what waits, take it, and report on it by packets of their own.

    What was taken is known by its id: it is listed again where the axis did not hear that.
    """
    taken: set[str] = set()
    async with asyncio.TaskGroup() as tasks:
        while True:
            said = await _until_answered(agency, "get_received", messagetype="edoc")
            for waiting in said.get("data") or ():
                name = waiting["docId"]
                if name not in taken:
                    got = await _until_answered(agency, "get_edoc", docId=name)
                    if got["ErrorCode"] != ErrorCode.DONE:
                        LOG.warning("not_taken", organ=agency.organ, doc_id=name, reply=got)
                        continue
                    taken.add(name)
                    data = got["data"].encode()
                    packet = await asyncio.to_thread(_read, data)
                    agency.taken(agency.organ, packet.document_id, data)
                    tasks.create_task(_report_by_packets(agency, packet))
                await _until_answered(agency, "update_status", docId=name, status="done")
            await asyncio.sleep(_POLL_S)


def _read(data: bytes) -> Packet:
    return read_packet(data, limit=LARGEST_PACKET_BYTES)


async def _report_by_packets(agency: Agency, about: Packet) -> None:
    organ = agency.organ
    for code in course(agency.chance):
        await asyncio.sleep(agency.rest_s())
        packet = StatusPacket(
            sender=Party(code=organ, name=organ),
            response_for=ResponseFor(
                organ=about.sender.code,
                code=f"{about.number}/{about.notation}",
                document_id=about.document_id,
            ),
            code=code,
            description=REASON if code == "02" else "",
            at=datetime.now(VIETNAM).strftime("%Y/%m/%d %H:%M:%S"),
        )
        await _until_answered(
            agency, "send", write_status(packet), from_=organ, messagetype="status"
        )
        agency.reported(code)
