"""What came in at a connection point: the inbox, by long poll and as a stream."""

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from hoatoc import codec
from hoatoc.domain import topic
from hoatoc.domain.access import Action
from hoatoc.domain.error import HoatocError, PeerFault
from hoatoc.domain.event import DocumentDispatched, Event, RecallIssued
from hoatoc.domain.identity import OrganCode
from hoatoc.kafka.fetch import Fetched
from producers.gateway.openapi import problems
from producers.gateway.problem import document_of
from producers.gateway.refusal import CursorInvalid
from producers.gateway.shape import Entry, Inbox
from producers.gateway.speaking import Speaking, Speaks, speaking
from producers.gateway.state import Gateway, Here

MOST_WAIT_S = 60
LEAST_READ, SCAN_S = 100, 2.0
"""records at a time, and seconds after which a client is told how far it has come"""
STREAM_S = 25.0
"""how long a stream waits before it looks whether its client is still there"""
CLIENT_GONE = 499
"""what the metrics count where nobody is left to answer"""
_DIGITS = 19
router = APIRouter(prefix="/v1/inbox", tags=["inbox"])

Cursor = Annotated[
    str | None, Query(description="`next` of the last answer; none: from the oldest that is kept")
]
Limit = Annotated[int, Query(ge=1, le=500, description="entries at most")]
Wait = Annotated[float, Query(ge=0, le=MOST_WAIT_S, description="seconds to wait for an entry")]
LastEvent = Annotated[str | None, Header(description="where a stream that broke off goes on")]


@dataclass(frozen=True, slots=True)
class Reading:
    """Where one reads: a topic, from an offset, and whose entries."""

    topic: str
    cursor: int | None
    organs: frozenset[OrganCode]


def offset_of(cursor: str | None) -> int | None:
    """Return the offset that a cursor stands for; raises CursorInvalid."""
    if cursor is None or cursor == "":
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _DIGITS):
        raise CursorInvalid(cursor)
    offset = int(cursor)
    if offset >= 2**63:
        raise CursorInvalid(cursor)
    return offset


def own_topic(
    speaks: Speaking, action: Action, name: Callable[[str], str], cursor: str | None
) -> Reading:
    """Return where the organ that is acted for reads; raises AccessDenied, CursorInvalid.

    Behind a hub it reads the hub's topic, and sees what is its own there. A hub sees what is its
    own and what is of the organs behind it now: not what one has left there that went elsewhere.
    """
    organ = speaks.permit(action)
    known = speaks.registry.get(organ)
    connection = speaks.registry.connection(known) if known else organ
    own = speaks.caller.scope if connection == organ else frozenset({organ})
    return Reading(name(connection), offset_of(cursor), own)


async def inbox_of(speaks: Speaks, cursor: Cursor = None) -> Reading:
    """Return where the inbox is read."""
    return own_topic(speaks, Action.READ_INBOX, topic.documents, cursor)


async def stream_of(
    speaks: Speaks, cursor: Cursor = None, last_event_id: LastEvent = None
) -> Reading:
    """Return where a stream of the inbox begins, or goes on."""
    return own_topic(speaks, Action.READ_INBOX, topic.documents, last_event_id or cursor)


@router.get("", response_model=Inbox, responses=problems(401, 403, 409, 422, 429, 503))
async def inbox(
    request: Request,
    here: Here,
    reading: Annotated[Reading, Depends(inbox_of)],
    limit: Limit = 100,
    wait: Wait = 0,
) -> Inbox:
    """List what came in, in order, from a cursor on; wait for something if there is nothing."""
    page = await polled(request, next_page(here, reading, limit, wait, entries_of))
    return Inbox(entries=page.entries, next=str(page.cursor))


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses=problems(401, 403, 422, 429, 503),
)
async def stream(
    request: Request, here: Here, reading: Annotated[Reading, Depends(stream_of)]
) -> AsyncIterable[ServerSentEvent]:
    """Stream what comes in: events `entry`, whose id is the cursor behind it."""
    still = partial(asked_again, request, here, inbox_of)
    async for event in events(here, reading, entries_of, still):
        yield event


async def asked_again(
    request: Request, here: Gateway, of: Callable[[Speaking], Awaitable[Reading]]
) -> Reading:
    """Tell again who reads, and whose entries; raises what the request itself would."""
    return await of(await speaking(request, here, request.query_params.get("organ")))


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, and the cursor behind it."""

    entries: list[Any]
    cursor: int


Shaping = Callable[[Gateway, Reading, Sequence[Fetched]], Any]


async def next_page(
    here: Gateway, reading: Reading, limit: int, wait_s: float, shaping: Shaping
) -> Page:
    """Return the next entries; wait so long for the first of them. Raises CursorAhead.

    Behind a hub most records may be another's: after some time of nothing but those, the cursor
    behind them is returned.
    """
    begun = time.monotonic()
    deadline, cursor = begun + wait_s, reading.cursor
    while True:
        left = deadline - time.monotonic()
        if left > 0 and cursor is not None and here.watch.ends_at(reading.topic, cursor):
            await here.watch.beyond(reading.topic, cursor, left)
            if time.monotonic() >= deadline and here.watch.ends_at(reading.topic, cursor):
                return Page([], cursor)  # a look for all who wait has seen that nothing came
        here.require_broker()
        stretch = await here.feed.read(reading.topic, cursor, max(limit, LEAST_READ))
        cursor = stretch.next
        entries = await shaping(here, reading, stretch.records)
        if len(entries) > limit:
            return Page(entries[:limit], int(entries[limit - 1].cursor))
        if not entries and cursor < stretch.end and time.monotonic() - begun > SCAN_S:
            return Page([], cursor)
        left = deadline - time.monotonic()
        if entries or here.watch.closing.is_set() or (left <= 0 and cursor >= stretch.end):
            return Page(entries, cursor)
        if cursor >= stretch.end:
            await here.watch.beyond(reading.topic, cursor, left)


async def polled(request: Request, work: Coroutine[Any, Any, Page]) -> Page:
    """Return a page, unless the client goes meanwhile: then nothing waits for it.

    Raises HTTPException, which nobody reads, and what the work raises.
    """
    doing, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise HTTPException(CLIENT_GONE, "the client has gone")
        return doing.result()
    finally:
        doing.cancel()
        gone.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    """Return when the client is not there any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def events(
    here: Gateway, reading: Reading, shaping: Shaping, still: Callable[[], Awaitable[Reading]]
) -> AsyncIterable[ServerSentEvent]:
    """Yield what comes in as events; one that says why ends the stream where it cannot go on.

    `still` tells before anything is given whether its reader may read on, and what from here.
    """
    while not here.watch.closing.is_set():
        try:
            page = await next_page(here, reading, 100, STREAM_S, shaping)
            reading = replace(await still(), cursor=page.cursor)
        except HoatocError as error:
            yield ServerSentEvent(event="problem", data=document_of(error))
            return
        for entry in page.entries:
            yield ServerSentEvent(event="entry", id=entry.cursor, data=entry)


async def entries_of(here: Gateway, reading: Reading, records: Sequence[Fetched]) -> list[Entry]:
    """Return the entries that records of an inbox are; what cannot be read is passed over."""
    del here
    read = ((record.offset, event_of(record)) for record in records)
    return [
        _entry(offset, event)
        for offset, event in read
        if isinstance(event, DocumentDispatched | RecallIssued)
        and event.recipient in reading.organs
    ]


def event_of(record: Fetched) -> Event | None:
    """Return what a record says; None where somebody else wrote what cannot be read."""
    try:
        return codec.decode(record.value)
    except PeerFault:
        return None


def _entry(offset: int, event: DocumentDispatched | RecallIssued) -> Entry:
    names = ("delivery_id", "dispatch_id", "sender", "recipient", "document_id", "issuer", "year")
    more = ("number", "notation", "subject", "priority", "content_type")
    told = {name: getattr(event, name) for name in (*names, *more)}
    digest = event.content_sha256
    told |= {"cursor": str(offset + 1), "content_sha256": digest.hex() if digest else None}
    if isinstance(event, RecallIssued):
        recall = {"recall_id": event.recall_id, "reason": event.reason, "form": event.form}
        return Entry(type="recall", **told, **recall)
    return Entry(
        type="document",
        content_bytes=event.content_bytes,
        business_type=event.business_type,
        legal_value=event.legal_value,
        **told,
    )
