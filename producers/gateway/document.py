"""Handing over: `POST /v1/documents`."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from prometheus_client import Counter

from hoatoc.admission import Admitted
from hoatoc.content.packet import SpooledPacket, receive
from hoatoc.domain.access import Action
from hoatoc.domain.error import PeerFault
from hoatoc.domain.packet import URGENT
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.postgres import handover
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.inbox import InboxTables, KeyTables
from producers.gateway import form
from producers.gateway.body import pieces, require_digest
from producers.gateway.openapi import problems
from producers.gateway.refusal import DiskShort, KeyReused, PriorityMismatch, Unsupported
from producers.gateway.repeating import Key, checked
from producers.gateway.shape import AskedBack, Copy, Finding, HandedOver, Words
from producers.gateway.speaking import Speaking, Speaks
from producers.gateway.state import Gateway, Here
from producers.gateway.trace import note

EDXML, FORM = "application/edxml+xml", "multipart/form-data"
XML = (EDXML, "application/xml", "text/xml")
LOG = structlog.get_logger("gateway")
HANDED_OVER = Counter("hoatoc_gateway_handovers_total", "Hand-overs through HTTP", ["outcome"])
router = APIRouter(tags=["documents"])
_BINARY = {"type": "string", "format": "binary"}


@router.post(
    "/v1/documents",
    status_code=201,
    response_model=HandedOver,
    responses=problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
    | {200: {"model": HandedOver, "description": "The same was handed over before."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                EDXML: {"schema": _BINARY},
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["document"],
                        "properties": {
                            "document": {"$ref": "#/components/schemas/DocumentIn"},
                            "files": {"type": "array", "items": _BINARY},
                        },
                    },
                    "encoding": {"document": {"contentType": "application/json"}},
                },
            },
        }
    },
)
async def hand_over(
    request: Request,
    response: Response,
    here: Here,
    speaks: Speaks,
    hoatoc_priority: Annotated[
        int,
        Header(
            ge=0,
            le=4,
            description="0 to 4, as in the packet: urgent documents have a lane of their own",
        ),
    ] = 0,
    key: Key = None,
    declared_open_by: Annotated[
        Words, Query(description="who declares that it holds no state secret", max_length=200)
    ] = "",
) -> HandedOver:
    """Hand a document over: a packet of edXML (QCVN 102:2016), or JSON and files.

    The same again changes nothing.
    """
    speaks.permit(Action.HAND_OVER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*XML, FORM):
        raise Unsupported(kind, f"{EDXML}, {FORM}")
    if not here.health.room.is_left():
        raise DiskShort
    priority = hoatoc_priority
    async with here.lanes.of(priority).entered(speaks.caller.organ):
        with await received(here, request, is_form=kind == FORM) as packet:
            declaration = Declaration(cleared_by=declared_open_by)
            taken = await take(here, speaks, packet, priority, declaration, checked(key))
    response.status_code = 201 if taken.new else 200
    return taken


async def received(here: Gateway, request: Request, *, is_form: bool) -> SpooledPacket:
    """Receive the packet of a request, large ones on the disk.

    Raises what `pieces`, `form_of` and `require_digest` raise, ContentTooLarge, DiskShort.
    """
    settings = here.settings.gateway
    body = pieces(request, settings.largest_bytes, settings.idle_s)
    if is_form:
        return await _received_form(here, request)
    packet = await _spooled(here, body)
    try:
        require_digest(request, packet.sha256)
    except PeerFault:
        packet.close()
        raise
    return packet


async def _received_form(here: Gateway, request: Request) -> SpooledPacket:
    settings = here.settings.gateway
    parts = await form.form_of(request, settings.largest_bytes, settings.idle_s)
    try:
        document, files = await form.document_of(parts), form.files_of(parts)
        return await _spooled(here, form.written(form.packet_of(document, files), files))
    finally:
        await parts.close()


async def _spooled(here: Gateway, body: AsyncIterator[bytes]) -> SpooledPacket:
    try:
        return await receive(body, here.settings.gateway.largest_bytes, here.settings.content.spool)
    except OSError as error:
        raise DiskShort from error


async def take(
    here: Gateway,
    speaks: Speaking,
    packet: SpooledPacket,
    priority: int = 0,
    declaration: Declaration = Declaration(),
    key: str = "",
) -> HandedOver:
    """Take a packet from the organ that speaks; raises what a door raises, KeyReused."""
    digest = sha256(b"documents" + packet.sha256).digest()
    async with here.connection() as connection:
        keys = KeyTables(connection)
        reserved = await keys.reserve(speaks.organ, key, digest) if key else None
        if reserved and reserved.digest != digest:
            raise KeyReused
        try:
            return await _taken(here, connection, speaks, packet, (priority, declaration))
        except PeerFault as fault:
            suspected = isinstance(fault, SecretSuspected)
            HANDED_OVER.labels("suspected" if suspected else "refused").inc()
            LOG.info("handover_refused", organ=speaks.organ, reason=type(fault).__name__)
            if reserved and reserved.new:  # else something has come of it before
                await keys.free(speaks.organ, key, digest)
            raise


async def _taken(
    here: Gateway,
    connection: Connection,
    speaks: Speaking,
    packet: SpooledPacket,
    told: tuple[int, Declaration],
) -> HandedOver:
    priority, declaration = told

    def require(admitted: Admitted) -> None:
        if priority >= URGENT > admitted.packet.priority:
            raise PriorityMismatch(priority, admitted.packet.priority)

    async def written(within: Connection, found: handover.HandedOver) -> None:
        subject = found.dispatch_id or found.packet.document_id
        await note(within, speaks, Action.HAND_OVER, subject, again=not found.new)

    door = replace(here.door_of(priority), require=require, note=written)
    found = await door.take_file(connection, packet, speaks.organ, declaration)
    sent = found.dispatch_id
    copies = await InboxTables(connection).copies(sent) if sent else []
    HANDED_OVER.labels("taken" if found.new else "again").inc()
    LOG.info("handed_over", organ=speaks.organ, dispatch_id=found.dispatch_id, new=found.new)
    return shape_of(found, copies)


def shape_of(found: handover.HandedOver, copies: Iterable[dict[str, Any]]) -> HandedOver:
    """Return what is answered to a hand-over."""
    packet = found.packet
    return HandedOver(
        dispatch_id=found.dispatch_id,
        new=found.new,
        sender=packet.sender.code,
        document_id=packet.document_id,
        number=packet.number,
        notation=packet.notation,
        subject=packet.subject,
        priority=packet.priority,
        business_type=packet.business_type,
        legal_value=found.legal_value,
        findings=[Finding(**asdict(each)) for each in found.findings],
        recipients=[Copy(**copy) for copy in copies],
        asked_back=[AskedBack(**asdict(each)) for each in found.recalls],
    )
