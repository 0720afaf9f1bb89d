"""News for a sender: what became of its documents, by long poll and as a stream."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import asdict
from typing import Annotated

from aiokafka.structs import ConsumerRecord
from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hoatoc.domain import topic
from hoatoc.domain.access import Action
from hoatoc.domain.event import DeliveriesUpdated
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.incoming import (
    Cursor,
    LastEvent,
    Limit,
    Reading,
    Wait,
    event_of,
    events,
    next_page,
    own_topic,
)
from producers.gateway.openapi import problems
from producers.gateway.shape import StatusEntry, Statuses, Update
from producers.gateway.speaking import Speaks
from producers.gateway.state import Gateway, Here

router = APIRouter(prefix="/v1/statuses", tags=["statuses"])


def news_of(speaks: Speaks, cursor: Cursor = None) -> Reading:
    """Return where the news of a sender is read."""
    return own_topic(speaks, Action.READ_STATUSES, topic.statuses, cursor)


def stream_of(speaks: Speaks, cursor: Cursor = None, last_event_id: LastEvent = None) -> Reading:
    """Return where a stream of news begins, or goes on."""
    return own_topic(speaks, Action.READ_STATUSES, topic.statuses, last_event_id or cursor)


@router.get("", response_model=Statuses, responses=problems(401, 403, 409, 422, 429, 503))
async def statuses(
    here: Here,
    reading: Annotated[Reading, Depends(news_of)],
    limit: Limit = 100,
    wait: Wait = 0,
) -> Statuses:
    """List what became of one's documents, in order, from a cursor on."""
    page = await next_page(here, reading, limit, wait, entries_of)
    return Statuses(entries=page.entries, next=str(page.cursor))


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses=problems(401, 403, 422, 429, 503),
)
async def stream(
    here: Here, reading: Annotated[Reading, Depends(stream_of)]
) -> AsyncIterable[ServerSentEvent]:
    """Stream what becomes of one's documents: events `entry`, whose id is the cursor behind it."""
    async for event in events(here, reading, entries_of):
        yield event


async def entries_of(
    here: Gateway, reading: Reading, records: Sequence[ConsumerRecord]
) -> list[StatusEntry]:
    """Return the news that records are; behind a hub, of one's own dispatches only."""
    read = ((record.offset, event_of(record)) for record in records)
    told = [(offset, event) for offset, event in read if isinstance(event, DeliveriesUpdated)]
    if reading.organs is not None and told:
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
