"""The client without asyncio: the same calls, each of which blocks."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
import httpx_sse
from tenacity import Retrying

from hoatoc.client import interface
from hoatoc.client.call import Call
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


class Client:
    """Speaks to a gateway; every call is tried again while that may help.

    Raises, whatever is called: a `Problem` by its name, GatewayAway, OutcomeUnknown for what may
    have been done, ReplyUnreadable. Use it as a context.
    """

    def __init__(self, url: str, key: str = "", *, organ: str = "", **more: Any) -> None:
        """Reach a gateway at `url`; `more` are the other fields of `Connection`."""
        self.connection = Connection(url=url, key=key, organ=organ, **more)
        self._http = httpx.Client(**self.connection.options())

    @property
    def _patience(self) -> Patience:
        return self.connection.patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, call: Call[T]) -> T:
        """Make a call."""
        trying = Trying(call)

        def once() -> T:
            content = call.body.pieces() if call.body is not None else None
            request = self._http.build_request(**self.connection.request(call), content=content)
            try:
                response = self._http.send(request)
            except httpx.HTTPError as error:
                raise trying.lost(error) from error
            return trying.read(reply_of(response))

        try:
            return self._again(once)
        except HoatocError as error:
            trying.require_outcome(error)
            raise

    def _again(self, once: Callable[[], T]) -> T:
        return Retrying(**self._patience.options())(once)

    def hand_over(
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
        return self.run(interface.hand_over(packet, priority, declared_open_by, key))

    def leave(
        self,
        packet: bytes | Path,
        *,
        priority: int | None = None,
        declared_open_by: str = "",
    ) -> Spooled:
        """Leave a packet with a spool, which answers when it is durable and forwards it."""
        return self.run(interface.leave(packet, priority, declared_open_by, ""))

    def dispatches(
        self, q: str = "", *, state: str = "", after: str = "", limit: int | None = None
    ) -> Listed[Summary]:
        """Search what one has sent."""
        return self.run(interface.dispatches(q, state, after, limit))

    def dispatch(self, dispatch_id: UUID) -> Dispatch:
        """Return a dispatch, and how the copy for each recipient stands."""
        return self.run(interface.dispatch(dispatch_id))

    def timeline(self, dispatch_id: UUID) -> Timeline:
        """Return what the log says of a dispatch."""
        return self.run(interface.timeline(dispatch_id))

    def receipt(self, dispatch_id: UUID) -> str:
        """Return the receipt for the clerk's file, as HTML."""
        return self.run(interface.receipt(dispatch_id))

    def recall(
        self, dispatch_id: UUID, reason: str, recipients: Iterable[str] = (), *, key: str = ""
    ) -> AskedBack:
        """Ask the copies of these recipients back, or all; asked again it changes nothing."""
        return self.run(interface.recall(dispatch_id, reason, recipients, key))

    def resend(self, dispatch_id: UUID, recipients: Iterable[str], *, key: str = "") -> Resent:
        """Send a dispatch once more to recipients who do not have it."""
        return self.run(interface.resend(dispatch_id, recipients, key))

    def inbox(
        self, cursor: str | None = None, *, limit: int | None = None, wait_s: float = 0
    ) -> Stretch[Entry]:
        """Return what stands behind a cursor; `wait_s` (60 at most): wait until there is any."""
        return self.run(interface.inbox(cursor, limit, wait_s))

    def statuses(
        self, cursor: str | None = None, *, limit: int | None = None, wait_s: float = 0
    ) -> Stretch[Told]:
        """Return what became of one's documents, behind a cursor; it waits as `inbox` does."""
        return self.run(interface.statuses(cursor, limit, wait_s))

    def follow_inbox(self, cursor: str | None = None) -> Iterator[Entry]:
        """Yield the entries of the inbox as they come, for ever, through broken lines."""
        yield from self._follow("/v1/inbox/stream", cursor, Entry)

    def follow_statuses(self, cursor: str | None = None) -> Iterator[Told]:
        """Yield what becomes of one's documents, for ever, through broken lines."""
        yield from self._follow("/v1/statuses/stream", cursor, Told)

    def _follow(self, path: str, cursor: str | None, kind: type[Any]) -> Iterator[Any]:
        backoff = Backoff()
        while True:
            try:
                stream = self._opened(path, cursor, kind)
            except HoatocError as error:
                if not is_passing(error):
                    raise
                time.sleep(backoff.after_s(error))
                continue
            with closing(stream):
                while (entry := _next(stream)) is not None:
                    cursor, backoff.failures = entry.cursor, 0
                    yield entry
            time.sleep(backoff.next_s())

    def _opened(self, path: str, cursor: str | None, kind: type[Any]) -> Generator[Any, None, None]:
        """Return a stream that the gateway has begun to answer."""
        stream = self._stream(path, cursor, kind)
        next(stream)
        return stream

    def _stream(self, path: str, cursor: str | None, kind: type[Any]) -> Generator[Any, None, None]:
        """Yield None when the gateway answers, then each entry."""
        query = self.connection.query(**({"cursor": cursor} if cursor else {}))
        try:
            with httpx_sse.connect_sse(self._http, "GET", path, params=query) as source:
                if source.response.is_error:
                    source.response.read()
                    require_stream(source.response)
                yield None
                for event in source.iter_sse():
                    if event.event == "problem":
                        raise problem_in(event.data)
                    if event.event == "entry":
                        yield event_of(event.data, kind)
        except (httpx.HTTPError, httpx_sse.SSEError) as error:
            raise GatewayAway(f"{path}: {type(error).__name__}: {error}") from error

    def delivery(self, delivery_id: UUID) -> Delivery:
        """Return a copy, for its recipient or its sender."""
        return self.run(interface.delivery(delivery_id))

    def content(self, delivery_id: UUID, sha256: str = "") -> bytes:
        """Return the packet of a copy; raises ContentAltered if it is not that of this SHA-256."""
        return self.run(interface.content(delivery_id, sha256))

    def save(self, delivery_id: UUID, to: Path, sha256: str = "") -> None:
        """Take the packet of a copy into a file; a broken line is taken up where it broke.

        Raises ContentAltered; the file stands there only when it is whole.
        """
        download = Download(to, sha256)
        self._again(partial(self._save, interface.content_path(delivery_id), download))

    def _save(self, path: str, download: Download) -> None:
        query, headers = self.connection.query(), download.headers()
        try:
            with self._http.stream("GET", path, params=query, headers=headers) as response:
                if not download.is_complete(response.status_code):
                    if not is_content(response):
                        response.read()
                        require_content(response)
                    with download.opened(response.status_code, response.headers) as file:
                        for piece in response.iter_bytes():
                            file.write(piece)
                download.finish()
        except httpx.HTTPError as error:
            raise GatewayAway(f"{path}: {type(error).__name__}: {error}") from error

    def acknowledge(
        self, delivery_id: UUID, outcome: str = "done", reason: str = "", *, key: str = ""
    ) -> Answered:
        """Say what became of a packet: `done`, `fail` (with a reason) or `processing`."""
        return self.run(interface.acknowledge(delivery_id, outcome, reason, key))

    def report(
        self,
        delivery_id: UUID,
        code: str,
        description: str = "",
        *,
        reported_at: datetime | None = None,
        key: str = "",
    ) -> Answered:
        """Report a business status: 01 to 06, 15, 16 as recipient, 13 as sender."""
        return self.run(interface.report(delivery_id, code, description, reported_at, key))

    def backlog(self) -> Backlog:
        """Return what one is missing: as recipient not taken, as sender unsent, failed, overdue."""
        return self.run(interface.backlog())

    def counts(self) -> Counts:
        """Return how many copies stand in each state, as sender and as recipient."""
        return self.run(interface.counts())

    def organs(self, q: str = "") -> Listed[Organ]:
        """Search the registry."""
        return self.run(interface.organs(q))

    def ready(self) -> None:
        """Return if the gateway is ready; raises NotServed, which says what part is not."""
        self.run(interface.ready())


def _next(stream: Generator[Any, None, None]) -> Any:
    """Return the next entry; None when the stream is broken, or has ended."""
    try:
        return next(stream, None)
    except HoatocError as error:
        if not error.retriable:
            raise
        return None
