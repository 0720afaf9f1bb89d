"""The client on asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
import httpx_sse
from tenacity import AsyncRetrying

from hoatoc.client import interface
from hoatoc.client.call import Body, Call
from hoatoc.client.connection import (
    Connection,
    event_of,
    is_content,
    problem_in,
    reply_of,
    require_content,
    require_stream,
)
from hoatoc.client.download import Download
from hoatoc.client.error import GatewayAway
from hoatoc.client.trying import Backoff, Patience, Trying, is_passing
from hoatoc.client.value import (
    Answered,
    AskedBack,
    Backlog,
    Counts,
    Delivery,
    Dispatch,
    Entry,
    HandedOver,
    Listed,
    Organ,
    Resent,
    Spooled,
    Stretch,
    Summary,
    Timeline,
    Told,
)
from hoatoc.domain.error import HoatocError

T = TypeVar("T")


class AsyncClient:
    """Speaks to a gateway; every call is tried again while that may help.

    Raises, whatever is called: a `Problem` by its name, GatewayAway, OutcomeUnknown for what may
    have been done, ReplyUnreadable. Use it as a context.
    """

    def __init__(self, url: str, key: str = "", *, organ: str = "", **more: Any) -> None:
        """Reach a gateway at `url`; `more` are the other fields of `Connection`."""
        self.connection = Connection(url=url, key=key, organ=organ, **more)
        self._http = httpx.AsyncClient(**self.connection.options())

    @property
    def _patience(self) -> Patience:
        return self.connection.patience

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, call: Call[T]) -> T:
        """Make a call."""
        trying = Trying(call)

        async def once() -> T:
            content = _pieces(call.body) if call.body is not None else None
            request = self._http.build_request(**self.connection.request(call), content=content)
            try:
                response = await self._http.send(request)
            except httpx.HTTPError as error:
                raise trying.lost(error) from error
            return trying.read(reply_of(response))

        try:
            return await self._again(once)
        except HoatocError as error:
            trying.require_outcome(error)
            raise

    async def _again(self, once: Callable[[], Awaitable[T]]) -> T:
        return await AsyncRetrying(**self._patience.options())(once)

    async def hand_over(
        self,
        packet: bytes | Path,
        *,
        priority: int | None = None,
        declared_open_by: str = "",
        key: str = "",
    ) -> HandedOver:
        """Hand a packet (edXML) over; the same again gives the dispatch that it already has.

        `priority`, 0 to 4 as in the packet, lets an urgent one pass before its body is read.
        `key` is the Idempotency-Key: without one it is derived from the content.
        """
        return await self.run(interface.hand_over(packet, priority, declared_open_by, key))

    async def leave(
        self,
        packet: bytes | Path,
        *,
        priority: int | None = None,
        declared_open_by: str = "",
    ) -> Spooled:
        """Leave a packet with a spool, which answers when it is durable and forwards it."""
        return await self.run(interface.leave(packet, priority, declared_open_by, ""))

    async def dispatches(
        self, q: str = "", *, state: str = "", after: str = "", limit: int | None = None
    ) -> Listed[Summary]:
        """Search what one has sent."""
        return await self.run(interface.dispatches(q, state, after, limit))

    async def dispatch(self, dispatch_id: UUID) -> Dispatch:
        """Return a dispatch, and how the copy for each recipient stands."""
        return await self.run(interface.dispatch(dispatch_id))

    async def timeline(self, dispatch_id: UUID) -> Timeline:
        """Return what the log says of a dispatch."""
        return await self.run(interface.timeline(dispatch_id))

    async def receipt(self, dispatch_id: UUID) -> str:
        """Return the receipt for the clerk's file, as HTML."""
        return await self.run(interface.receipt(dispatch_id))

    async def recall(
        self, dispatch_id: UUID, reason: str, recipients: Iterable[str] = (), *, key: str = ""
    ) -> AskedBack:
        """Ask the copies of these recipients back, or all; asked again it changes nothing."""
        return await self.run(interface.recall(dispatch_id, reason, recipients, key))

    async def resend(
        self, dispatch_id: UUID, recipients: Iterable[str], *, key: str = ""
    ) -> Resent:
        """Send a dispatch once more to recipients who do not have it."""
        return await self.run(interface.resend(dispatch_id, recipients, key))

    async def inbox(
        self, cursor: str | None = None, *, limit: int | None = None, wait_s: float = 0
    ) -> Stretch[Entry]:
        """Return what stands behind a cursor; `wait_s` (60 at most): wait until there is any."""
        return await self.run(interface.inbox(cursor, limit, wait_s))

    async def statuses(
        self, cursor: str | None = None, *, limit: int | None = None, wait_s: float = 0
    ) -> Stretch[Told]:
        """Return what became of one's documents, behind a cursor; it waits as `inbox` does."""
        return await self.run(interface.statuses(cursor, limit, wait_s))

    async def follow_inbox(self, cursor: str | None = None) -> AsyncIterator[Entry]:
        """Yield the entries of the inbox as they come, for ever, through broken lines."""
        async for entry in self._follow("/v1/inbox/stream", cursor, Entry):
            yield entry

    async def follow_statuses(self, cursor: str | None = None) -> AsyncIterator[Told]:
        """Yield what becomes of one's documents, for ever, through broken lines."""
        async for told in self._follow("/v1/statuses/stream", cursor, Told):
            yield told

    async def _follow(self, path: str, cursor: str | None, kind: type[Any]) -> AsyncIterator[Any]:
        backoff = Backoff()
        while True:
            try:
                stream = await self._opened(path, cursor, kind)
            except HoatocError as error:
                if not is_passing(error):
                    raise
                await asyncio.sleep(backoff.after_s(error))
                continue
            async with aclosing(stream):
                while (entry := await _next(stream)) is not None:
                    cursor, backoff.failures = entry.cursor, 0
                    yield entry
            await asyncio.sleep(backoff.next_s())

    async def _opened(
        self, path: str, cursor: str | None, kind: type[Any]
    ) -> AsyncGenerator[Any, None]:
        """Return a stream that the gateway has begun to answer."""
        stream = self._stream(path, cursor, kind)
        await anext(stream)
        return stream

    async def _stream(
        self, path: str, cursor: str | None, kind: type[Any]
    ) -> AsyncGenerator[Any, None]:
        """Yield None when the gateway answers, then each entry."""
        query = self.connection.query(**({"cursor": cursor} if cursor else {}))
        try:
            async with httpx_sse.aconnect_sse(self._http, "GET", path, params=query) as source:
                if source.response.is_error:
                    await source.response.aread()
                    require_stream(source.response)
                yield None
                async for event in source.aiter_sse():
                    if event.event == "problem":
                        raise problem_in(event.data)
                    if event.event == "entry":
                        yield event_of(event.data, kind)
        except (httpx.HTTPError, httpx_sse.SSEError) as error:
            raise GatewayAway(f"{path}: {type(error).__name__}: {error}") from error

    async def delivery(self, delivery_id: UUID) -> Delivery:
        """Return a copy, for its recipient or its sender."""
        return await self.run(interface.delivery(delivery_id))

    async def content(self, delivery_id: UUID, sha256: str = "") -> bytes:
        """Return the packet of a copy; raises ContentAltered if it is not that of this SHA-256."""
        return await self.run(interface.content(delivery_id, sha256))

    async def save(self, delivery_id: UUID, to: Path, sha256: str = "") -> None:
        """Take the packet of a copy into a file; a broken line is taken up where it broke.

        Raises ContentAltered; the file stands there only when it is whole.
        """
        download = Download(to, sha256)
        await self._again(partial(self._save, interface.content_path(delivery_id), download))

    async def _save(self, path: str, download: Download) -> None:
        query, headers = self.connection.query(), download.headers()
        try:
            async with self._http.stream("GET", path, params=query, headers=headers) as response:
                if not download.is_complete(response.status_code):
                    if not is_content(response):
                        await response.aread()
                        require_content(response)
                    with download.opened(response.status_code, response.headers) as file:
                        async for piece in response.aiter_bytes():
                            file.write(piece)
                download.finish()
        except httpx.HTTPError as error:
            raise GatewayAway(f"{path}: {type(error).__name__}: {error}") from error

    async def acknowledge(
        self, delivery_id: UUID, outcome: str = "done", reason: str = "", *, key: str = ""
    ) -> Answered:
        """Say what became of a packet: `done`, `fail` (with a reason) or `processing`."""
        return await self.run(interface.acknowledge(delivery_id, outcome, reason, key))

    async def report(
        self,
        delivery_id: UUID,
        code: str,
        description: str = "",
        *,
        reported_at: datetime | None = None,
        key: str = "",
    ) -> Answered:
        """Report a business status: 01 to 06, 15, 16 as recipient, 13 as sender."""
        return await self.run(interface.report(delivery_id, code, description, reported_at, key))

    async def backlog(self) -> Backlog:
        """Return what one is missing: as recipient not taken, as sender unsent, failed, overdue."""
        return await self.run(interface.backlog())

    async def counts(self) -> Counts:
        """Return how many copies stand in each state, as sender and as recipient."""
        return await self.run(interface.counts())

    async def organs(self, q: str = "") -> Listed[Organ]:
        """Search the registry."""
        return await self.run(interface.organs(q))

    async def ready(self) -> None:
        """Return if the gateway is ready; raises NotServed, which says what part is not."""
        await self.run(interface.ready())


async def _pieces(body: Body) -> AsyncIterator[bytes]:
    for piece in body.pieces():
        yield piece


async def _next(stream: AsyncGenerator[Any, None]) -> Any:
    """Return the next entry; None when the stream is broken, or has ended."""
    try:
        return await anext(stream, None)
    except HoatocError as error:
        if not error.retriable:
            raise
        return None
