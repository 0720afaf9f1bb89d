"""News for a sender: what became of its documents, by long poll and as a stream."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hoatoc.answering import is_take_back
from hoatoc.domain import topic
from hoatoc.domain.access import Action, Thing
from hoatoc.domain.correlation import meant, reported_at
from hoatoc.domain.edxml import MAX_PACKET_BYTES, read_status
from hoatoc.domain.event import DeliveriesUpdated
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.domain.packet import StatusPacket
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry
from hoatoc.kafka.fetch import Fetched
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.answer import status
from producers.gateway.body import pieces
from producers.gateway.document import EDXML, XML
from producers.gateway.incoming import (
    Cursor,
    LastEvent,
    Limit,
    Reading,
    Wait,
    asked_again,
    event_of,
    events,
    next_page,
    own_topic,
    polled,
)
from producers.gateway.openapi import problems
from producers.gateway.refusal import Unsupported
from producers.gateway.repeating import Key, checked
from producers.gateway.shape import Answered, StatusEntry, Statuses, Update
from producers.gateway.speaking import Speaking, Speaks
from producers.gateway.state import Gateway, Here

router = APIRouter(prefix="/v1/statuses", tags=["statuses"])


async def news_of(speaks: Speaks, cursor: Cursor = None) -> Reading:
    """Return where the news of a sender is read."""
    return own_topic(speaks, Action.READ_STATUSES, topic.statuses, cursor)


async def stream_of(
    speaks: Speaks, cursor: Cursor = None, last_event_id: LastEvent = None
) -> Reading:
    """Return where a stream of news begins, or goes on."""
    return own_topic(speaks, Action.READ_STATUSES, topic.statuses, last_event_id or cursor)


@router.get("", response_model=Statuses, responses=problems(401, 403, 409, 422, 429, 503))
async def statuses(
    request: Request,
    here: Here,
    reading: Annotated[Reading, Depends(news_of)],
    limit: Limit = 100,
    wait: Wait = 0,
) -> Statuses:
    """List what became of one's documents, in order, from a cursor on."""
    page = await polled(request, next_page(here, reading, limit, wait, entries_of))
    return Statuses(entries=page.entries, next=str(page.cursor))


@router.post(
    "",
    status_code=202,
    response_model=Answered,
    responses=problems(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {EDXML: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def report(request: Request, here: Here, speaks: Speaks, key: Key = None) -> Answered:
    """Report a status by a status packet of edXML (QCVN 102:2016)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in XML:
        raise Unsupported(kind, EDXML)
    body = pieces(request, MAX_PACKET_BYTES, here.settings.gateway.idle_s)
    written = b"".join([piece async for piece in body])
    own = checked(key) or sha256(written).hexdigest()  # another packet is another report
    return Answered(event_id=await told(here, speaks, read_status(written), own))


async def told(here: Gateway, speaks: Speaking, packet: StatusPacket, key: str) -> UUID:
    """Report what a status packet says, as the organ that it is from; return the event.

    Raises AccessDenied, NotFound where it names no copy that the caller may speak of, BrokerAway.
    """
    copy = meant(packet)
    sender, recipient = (_code(speaks.registry, each) for each in (copy.sender, copy.recipient))
    async with here.connection() as connection:
        dispatch_id = await InboxTables(connection).named(copy, sender, recipient)
    back = is_take_back(packet.code)
    own = [] if dispatch_id is None else [sender if back else recipient]
    action, mark = Action.RECALL if back else Action.ANSWER, f"{copy.number}/{copy.notation}"
    speaks.find(action, Thing.DOCUMENT, copy.document_id or mark, own)
    assert dispatch_id is not None  # noqa: S101 - it was found
    of = delivery_id(DispatchId(dispatch_id), OrganCode(recipient))
    at = reported_at(packet)
    return await status(here, speaks, of, packet.code, packet.description, at, key)


def _code(registry: Registry, written: str) -> str:
    """Return the registered code of an organ; one that is unknown stays as it is."""
    resolved = registry.resolve(written, datetime.now(VIETNAM).date())
    return resolved.organ.code if resolved else written


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses=problems(401, 403, 422, 429, 503),
)
async def stream(
    request: Request, here: Here, reading: Annotated[Reading, Depends(stream_of)]
) -> AsyncIterable[ServerSentEvent]:
    """Stream what becomes of one's documents: events `entry`, whose id is the cursor behind it."""
    still = partial(asked_again, request, here, news_of)
    async for event in events(here, reading, entries_of, still):
        yield event


async def entries_of(
    here: Gateway, reading: Reading, records: Sequence[Fetched]
) -> list[StatusEntry]:
    """Return the news that records are; behind a hub, of one's own dispatches only."""
    read = ((record.offset, event_of(record)) for record in records)
    told = [(offset, event) for offset, event in read if isinstance(event, DeliveriesUpdated)]
    if told:
        async with here.connection() as connection:
            dispatches = {event.dispatch_id for _, event in told}
            senders = await InboxTables(connection).senders(dispatches)
        told = [one for one in told if senders.get(one[1].dispatch_id) in reading.organs]
    return [
        StatusEntry(
            cursor=str(offset + 1),
            event_id=event.event_id,
            dispatch_id=event.dispatch_id,
            updates=[Update(**asdict(update)) for update in event.updates],
        )
        for offset, event in told
    ]
