"""Commands that send, receive and answer documents."""

import asyncio
import time
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import typer
from aiokafka import AIOKafkaConsumer, TopicPartition

from hoatoc import codec
from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.cli.recall import show_recall
from hoatoc.config import Settings
from hoatoc.content.error import ContentAltered
from hoatoc.content.packet import received_file
from hoatoc.content.store import store_of
from hoatoc.domain import topic
from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import (
    Answer,
    DocumentDispatched,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.secret import Declaration
from hoatoc.examine import admission
from hoatoc.kafka.client import consumer, outgoing, producer, send_all
from hoatoc.kafka.dead_letter import PUT_BACK_HEADER
from hoatoc.policy_file import load_policy
from hoatoc.postgres.door import Door
from hoatoc.postgres.handover import HandedOver
from hoatoc.postgres.query import queries
from hoatoc.postgres.registry import RegistryTables

SQL = queries("report")
OUTCOMES = ("done", "fail", "processing")
CODES = ("01", "02", "03", "04", "05", "06", "15", "16")


class UnknownCopy(PeerFault):
    """No copy has this delivery id."""


class AnswerInvalid(PeerFault):
    """The answer is not one that a recipient can give."""


def send(
    packets: Annotated[list[Path], typer.Argument(help="edXML packets.", exists=True)],
    secret: Annotated[
        bool | None,
        typer.Option("--secret/--not-secret", help="What the source system says of it."),
    ] = None,
    cleared_by: Annotated[
        str, typer.Option(help="Who answers for it that an unreadable file holds no state secret.")
    ] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Hand packets over, of 50 MiB at most; the same content again gives the same dispatch."""
    settings = settings_of(data)
    policy = load_policy(settings)
    declaration = Declaration(secret=secret, cleared_by=cleared_by)

    async def hand_over() -> list[tuple[Path, HandedOver | PeerFault]]:
        with admission(settings, policy) as admitting:
            store = store_of(settings)
            door = Door("cli", admitting, settings.kafka.partitions, store=store)
            async with database(settings) as connection:
                return [(p, await _take(door, connection, p, declaration)) for p in packets]

    handed = asyncio.run(hand_over())
    if json:
        output.as_json([_handed(path, result) for path, result in handed])
    else:
        for path, result in handed:
            _show_handed(path, result)
    if any(isinstance(result, PeerFault) for _, result in handed):
        raise typer.Exit(4)


async def _take(
    door: Door, connection: asyncpg.Connection, path: Path, declaration: Declaration
) -> HandedOver | PeerFault:
    """Hand one packet over; its own fault does not hold the others back."""
    try:
        with received_file(path, LARGEST_PACKET_BYTES, door.admission.spool) as packet:
            return await door.take_file(connection, packet, declaration=declaration)
    except PeerFault as fault:
        return fault


def _show_handed(path: Path, result: HandedOver | PeerFault) -> None:
    console = output.screen()
    if isinstance(result, PeerFault):
        console.print(f"{path.name}: [red]không nhận · refused[/red] ({type(result).__name__})")
        console.print(f"  {result}", markup=False, soft_wrap=True)
        return
    mark = f"{result.packet.number}/{result.packet.notation}"
    business = output.BUSINESS[result.packet.business_type]
    console.print(
        f"{path.name}: {mark} → {len(result.recipients)} nơi nhận · recipients ({business})"
    )
    console.print(f"  giá trị pháp lý · legal value: {output.LEGAL_VALUES[result.legal_value]}")
    if result.dispatch_id is not None:
        verb = "đã nhận, sẽ gửi · kept in the outbox, will be sent"
        if not result.new:
            verb = "đã nhận từ trước, không gửi lại · was handed over before, not sent again"
        console.print(f"  {verb}\n  dispatch {result.dispatch_id}", soft_wrap=True)
    for recall in result.recalls:
        show_recall(recall)
    for finding in result.findings:
        texts = f"{finding.text_vi} {finding.remedy_vi} / {finding.text_en} {finding.remedy_en}"
        console.print(f"  ! {finding.path}: {texts}", markup=False, soft_wrap=True)


def _handed(path: Path, result: HandedOver | PeerFault) -> dict[str, object]:
    if isinstance(result, PeerFault):
        return {"packet": path, "refused": type(result).__name__, "why": str(result)}
    return {
        "packet": path,
        "dispatch_id": result.dispatch_id,
        "new": result.new,
        "business_type": result.packet.business_type,
        "legal_value": result.legal_value,
        "recipients": result.recipients,
        "recalls": [
            {"dispatch_id": r.dispatch_id, "recall_id": r.recall_id, "asked": r.asked}
            for r in result.recalls
        ],
        "findings": [f.code for f in result.findings],
    }


Received = DocumentDispatched | RecallIssued


async def _received(settings: Settings, connection: str) -> list[tuple[int, Received]]:
    """Read everything in the topic of a connection point, as (append ms, what came), each once."""
    place = TopicPartition(topic.documents(connection), 0)
    found: dict[UUID, tuple[int, Received]] = {}
    async with consumer(settings.kafka) as reader:
        reader.assign([place])
        end = (await reader.end_offsets([place]))[place]
        await reader.seek_to_beginning(place)
        while await reader.position(place) < end:
            await _read_some(reader, found)
    return list(found.values())


async def _read_some(reader: AIOKafkaConsumer, found: dict[UUID, tuple[int, Received]]) -> None:
    for records in (await reader.getmany(timeout_ms=2000)).values():
        for record in records:
            event = codec.decode(record.value)
            if isinstance(event, Received):
                found.setdefault(event.event_id, (record.timestamp, event))


def inbox(
    organ: Annotated[str, typer.Argument(help="Code of the organ.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """List what was sent to an organ (reads its topic, as its own system would)."""
    settings = settings_of(data)

    async def read() -> None:
        async with database(settings) as connection:
            registry = await RegistryTables(connection).registry()
            if organ not in registry:
                raise UnknownCopy(f"organ {organ} is not in the registry: `hoatoc registry list`")
            received = await _received(settings, registry.connection(registry[organ]))
            mine = [(at, one) for at, one in received if one.recipient == registry[organ].code]
            ids = [one.delivery_id for _, one in mine]
            known_states = await connection.fetch(SQL["states"], ids)
        states = {row["delivery_id"]: row["state"] for row in known_states}
        recalls = {one.delivery_id: one for _, one in mine if isinstance(one, RecallIssued)}
        rows = [
            {
                "delivery_id": copy.delivery_id,
                "dispatch_id": copy.dispatch_id,
                "document": f"{copy.number}/{copy.notation}",
                "priority": output.PRIORITIES[copy.priority],
                "sender": copy.sender,
                "subject": copy.subject,
                "bytes": copy.content_bytes,
                "arrived": output.instant(at),
                "state": states.get(copy.delivery_id, "registered"),
                "business": output.BUSINESS[copy.business_type],
                "recall": recalls[copy.delivery_id].reason if copy.delivery_id in recalls else "",
            }
            for at, copy in mine
            if isinstance(copy, DocumentDispatched)
        ]
        if not json:
            for row in rows:
                row["state"] = output.STATES.get(str(row["state"]), row["state"])
        headings = {
            "delivery_id": "Mã gửi nhận · delivery",
            "document": "Số, ký hiệu · document",
            "priority": "Độ khẩn",
            "sender": "Từ · from",
            "arrived": "Lúc · at",
            "state": "Trạng thái · state",
            "business": "Nghiệp vụ · business",
            "recall": "Yêu cầu thu hồi · recall",
        }
        output.table(rows, headings, machine=json)

    asyncio.run(read())


async def _copy(connection: asyncpg.Connection, of: str) -> asyncpg.Record:
    try:
        row = await connection.fetchrow(SQL["copy_of"], UUID(of))
    except ValueError:
        row = None
    if row is None:
        raise UnknownCopy(f"no copy has the delivery id {of}: see `hoatoc inbox ORGAN`")
    return row


def take(
    delivery: Annotated[str, typer.Argument(help="Delivery id.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    data: Data = None,
) -> None:
    """Write out the packet of one copy, as its recipient gets it."""
    settings = settings_of(data)

    async def write() -> tuple[Path, ClaimCheck]:
        async with database(settings) as connection:
            row = await _copy(connection, delivery)
        copy = await _dispatched(settings, row)
        name = f"{row['number']}-{row['notation']}".replace("/", "-")
        file = out or Path(f"{name}.edxml")
        if file.exists() and not force:
            raise AnswerInvalid(f"{file} exists: name another by --out, or --force")
        await _write(settings, copy, row["packet_sha256"], file)
        return file, ClaimCheck(copy.content_sha256, copy.content_bytes)

    file, content = asyncio.run(write())
    typer.echo(f"{file}: {content.size} bytes, SHA-256 {content.sha256.hex()}")


async def _dispatched(settings: Settings, row: asyncpg.Record) -> DocumentDispatched:
    for _, copy in await _received(settings, row["connection"]):
        if copy.delivery_id == row["delivery_id"] and isinstance(copy, DocumentDispatched):
            return copy
    raise UnknownCopy(
        f"the copy is not in {topic.documents(row['connection'])} yet: see `hoatoc show`"
    )


async def _write(settings: Settings, copy: DocumentDispatched, sha256: bytes, file: Path) -> None:
    """Write the packet of a copy to a file, all of it or nothing; raises ContentAltered."""
    claim = ClaimCheck(sha256, copy.content_bytes)
    if copy.content is not None and claim_of(copy.content) != claim:
        raise ContentAltered(f"the content of {copy.delivery_id} is not what was handed over")
    begun = file.with_name(f"{file.name}.part")
    try:
        with begun.open("wb") as to:
            if copy.content is not None:
                to.write(copy.content)
            else:
                async for piece in store_of(settings).get(claim):
                    to.write(piece)
        begun.replace(file)
    finally:
        begun.unlink(missing_ok=True)


def answer(
    delivery: Annotated[str, typer.Argument(help="Delivery id.")],
    what: Annotated[
        str, typer.Argument(help="done, fail, processing, 01 to 06, or to a recall 15 or 16.")
    ],
    reason: Annotated[str, typer.Option(help="Why; mandatory for 02.")] = "",
    repairs: Annotated[
        UUID | None, typer.Option(help="The dead letter whose unreadable answer this one replaces.")
    ] = None,
    data: Data = None,
) -> None:
    """Answer for a copy, as its recipient, through reports.<organ>."""
    if what not in (*OUTCOMES, *CODES):
        raise AnswerInvalid(f"{what!r} is no answer: one of {', '.join((*OUTCOMES, *CODES))}")
    if what == "02" and not reason:
        raise AnswerInvalid("a refusal (02) states its reason (QĐ 28/2018 art. 5.4): --reason TEXT")
    settings = settings_of(data)

    async def report() -> None:
        async with database(settings) as connection:
            row = await _copy(connection, delivery)
        event = _answer(row, what, reason or None)
        record = outgoing(
            event,
            topic=topic.reports(row["connection"]),
            key=str(row["dispatch_id"]).encode(),
            source="cli",
            dispatch_id=row["dispatch_id"],
            partition=0,
        )
        if repairs is not None:
            record.headers.append((PUT_BACK_HEADER, str(repairs).encode()))
        async with producer(settings.kafka) as to:
            await send_all(to, [record])
        typer.echo(f"{row['recipient']}: {what} → {record.topic}")

    asyncio.run(report())


def _answer(row: asyncpg.Record, what: str, reason: str | None) -> Answer:
    now_ms = time.time_ns() // 1_000_000
    common = {"event_id": uuid4(), "dispatch_id": row["dispatch_id"], "reported_ms": now_ms}
    if what in OUTCOMES:
        return TransportAcknowledged(
            **common, recipient=row["recipient"], outcome=what, reason=reason
        )
    return StatusReported(**common, recipient=row["recipient"], code=what, description=reason)
