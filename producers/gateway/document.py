"""Handing over: `POST /v1/documents`."""

from dataclasses import asdict
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from prometheus_client import Counter

from hoatoc.admission import Admitted
from hoatoc.domain.access import Action
from hoatoc.domain.error import PeerFault
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.postgres import handover
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.body import whole
from producers.gateway.lane import URGENT
from producers.gateway.openapi import problems
from producers.gateway.refusal import DiskShort, PriorityMismatch, Unsupported
from producers.gateway.shape import AskedBack, Copy, Finding, HandedOver, Priority
from producers.gateway.speaking import Speaking, Speaks
from producers.gateway.state import Gateway, Here

EDXML = "application/edxml+xml"
_EDXML = (EDXML, "application/xml", "text/xml")
LOG = structlog.get_logger("gateway")
HANDED_OVER = Counter("hoatoc_gateway_handovers_total", "Hand-overs through HTTP", ["outcome"])
router = APIRouter(tags=["documents"])


@router.post(
    "/v1/documents",
    status_code=201,
    response_model=HandedOver,
    responses=problems(400, 401, 403, 408, 409, 413, 415, 422, 429, 503)
    | {200: {"model": HandedOver, "description": "The same was handed over before."}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {EDXML: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def hand_over(
    request: Request,
    response: Response,
    here: Here,
    speaks: Speaks,
    hoatoc_priority: Annotated[
        Priority | None,
        Header(description="0 to 4, as in the packet: urgent documents have a lane of their own"),
    ] = None,
    declared_open_by: Annotated[
        str, Query(description="who declares that it holds no state secret", max_length=200)
    ] = "",
) -> HandedOver:
    """Hand a document over: a packet of edXML (QCVN 102:2016). The same again changes nothing."""
    speaks.permit(Action.HAND_OVER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _EDXML:
        raise Unsupported(kind, EDXML)
    declaration = Declaration(cleared_by=declared_open_by)
    taken = await take(here, speaks, request, hoatoc_priority or 0, declaration)
    response.status_code = 201 if taken.new else 200
    return taken


async def take(
    here: Gateway,
    speaks: Speaking,
    request: Request,
    priority: int,
    declaration: Declaration,
) -> HandedOver:
    """Take a packet in its lane; raises what a door and the body raise, LaneFull, DiskShort."""
    if not here.health.has_room():
        raise DiskShort
    settings = here.settings.gateway
    async with here.lanes.of(priority).entered():
        data = await whole(request, settings.largest_bytes, settings.idle_s)
        try:
            return await handed(here, speaks, data, priority, declaration)
        except SecretSuspected:
            HANDED_OVER.labels("suspected").inc()
            raise
        except PeerFault as fault:
            HANDED_OVER.labels("refused").inc()
            LOG.info("handover_refused", organ=speaks.organ, reason=type(fault).__name__)
            raise


async def handed(
    here: Gateway, speaks: Speaking, data: bytes, priority: int, declaration: Declaration
) -> HandedOver:
    """Hand a packet over as the organ that speaks; raises what a door raises."""

    def require(admitted: Admitted) -> None:
        if priority >= URGENT > admitted.packet.priority:
            raise PriorityMismatch(priority, admitted.packet.priority)

    async with here.connection() as connection:
        found = await here.door.take(connection, data, speaks.organ, declaration, require)
        tables = InboxTables(connection)
        dispatch = await tables.dispatch(found.dispatch_id) if found.dispatch_id else None
    HANDED_OVER.labels("taken" if found.new else "again").inc()
    LOG.info("handed_over", organ=speaks.organ, dispatch_id=found.dispatch_id, new=found.new)
    return shape_of(found, dispatch)


def shape_of(found: handover.HandedOver, dispatch: dict[str, Any] | None) -> HandedOver:
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
        recipients=[Copy(**copy) for copy in dispatch["recipients"]] if dispatch else [],
        asked_back=[AskedBack(**asdict(each)) for each in found.recalls],
    )
