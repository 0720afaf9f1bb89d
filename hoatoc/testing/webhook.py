"""A receiver of pages, for tests: a real web server that may fail as receivers do."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from hoatoc.signing import verify


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came."""

    headers: dict[str, str]
    body: bytes
    answer: int | None
    at_s: float

    @property
    def identity(self) -> str:
        """The id by which a receiver knows a repeat."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def signed_by(self, public_key: str) -> bool:
        """Tell whether the holder of this key signed it."""
        return verify(public_key, self.headers, self.body)


Answer = tuple[int | None, dict[str, str]]
"""A status (None: the line goes dead after the page was taken) and headers."""


@dataclass(slots=True)
class Receiver:
    """Keeps every page that came; `answer` decides what to answer to the n-th one."""

    answer: Callable[[int], Answer] = lambda _count: (204, {})
    pages: list[Page] = field(default_factory=list)
    url: str = ""

    @property
    def taken(self) -> list[Page]:
        """The pages that the receiver has kept, whether or not it could say so."""
        return [page for page in self.pages if page.answer is None or page.answer < 300]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take one page."""
        status, headers = self.answer(len(self.pages))
        body = await request.read()
        received = {name.lower(): value for name, value in request.headers.items()}
        self.pages.append(Page(received, body, status, time.monotonic()))
        if status is None:
            if request.transport:
                request.transport.abort()
            return web.Response()
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port."""
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/"
        yield receiver
    finally:
        await runner.cleanup()
