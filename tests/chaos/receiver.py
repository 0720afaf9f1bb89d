"""The receiver of pages: a web server that is slow, refuses, fails, or dies with the page taken."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from hoatoc.history.note import Paged
from hoatoc.history.save import Notebook, now_ms
from hoatoc.signing import verify

MOODS = ("slow", "too many requests", "server error", "dies with the page")
MOODY = 0.9
"""how often it does what its mood is"""


@dataclass(slots=True)
class Receiver:
    """Takes pages as its mood is; notes each, and whether it was kept."""

    notes: Notebook
    chance: random.Random
    slow_s: float
    """longer than the pager waits"""
    public_key: str = ""
    mood: str = ""
    tried: int = 0
    kept: int = 0
    spoilt: int = 0
    """pages that were answered as a mood has it"""
    unsigned: int = 0
    url: str = ""
    ids: set[str] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take one page."""
        mood = self.mood if self.mood and self.chance.random() < MOODY else ""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.tried += 1
        self.spoilt += mood != ""
        if self.public_key and not verify(self.public_key, headers, body):
            self.unsigned += 1
        taken = mood in ("", "slow", "dies with the page")
        self._note(headers["webhook-id"], body, taken)
        if mood == "slow":
            await asyncio.sleep(self.slow_s)
        if mood == "dies with the page" and request.transport:
            request.transport.abort()
        if mood == "too many requests":
            return web.Response(status=429, headers={"Retry-After": "1"})
        return web.Response(status=503 if mood == "server error" else 204)

    def _note(self, identity: str, body: bytes, taken: bool) -> None:
        data = json.loads(body)["data"]
        if taken and identity not in self.ids:
            self.ids.add(identity)
            self.kept += 1
        self.notes.write(
            Paged(
                at_ms=now_ms(),
                id=identity,
                subject_id=data["subject_id"],
                kind=data["kind"],
                version=data["version"],
                taken=taken,
            )
        )


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port."""
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/"
        yield receiver
    finally:
        await runner.cleanup()
