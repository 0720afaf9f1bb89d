"""A real webhook receiver on the loopback address: takes pages and checks their signatures."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from hoatoc.signing import verify


@dataclass(slots=True)
class Receiver:
    """Takes pages; `pages` holds each once, in the order in which it first came."""

    public_key: Callable[[], str]
    url: str = ""
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    forged: int = 0
    on_page: Callable[[dict[str, Any]], None] | None = None

    async def take(self, request: web.Request) -> web.Response:
        """Take one page; one that is not signed by Hoatoc is refused."""
        body = await request.read()
        if not verify(self.public_key(), dict(request.headers), body):
            self.forged += 1
            return web.Response(status=401)
        page = await request.json()
        if page["id"] in self.pages:
            return web.Response(status=204)
        self.pages[page["id"]] = page
        if self.on_page is not None:
            self.on_page(page)
        return web.Response(status=204)


@asynccontextmanager
async def receiver(public_key: Callable[[], str]) -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port."""
    taking = Receiver(public_key)
    application = web.Application()
    application.router.add_post("/pages", taking.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    taking.url = f"http://127.0.0.1:{port}/pages"
    try:
        yield taking
    finally:
        await runner.cleanup()
