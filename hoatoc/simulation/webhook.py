"""A receiver of pages: slow at times, failing at times, dead at times after it has taken one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp

from hoatoc.history.note import Paged
from hoatoc.simulation.world import World


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answers."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Takes pages over HTTP, as `aiohttp.ClientSession.post` reaches it."""

    world: World

    @asynccontextmanager
    async def post(self, url: str, data: bytes, headers: dict[str, str]) -> AsyncIterator[Answer]:
        """Take a page, or not; raises aiohttp.ClientError when the line breaks afterwards."""
        del url
        world, chance = self.world, self.world.chance
        await asyncio.sleep(chance.expovariate(10))
        mood = chance.random() if world.webhook_is_moody else 1.0
        page = json.loads(data)["data"]
        taken = mood > 0.25
        note = Paged(
            at_ms=world.now_ms(),
            id=headers["webhook-id"],
            subject_id=UUID(page["subject_id"]),
            kind=page["kind"],
            version=page["version"],
            taken=taken,
        )
        world.notes.append(note)
        await asyncio.sleep(chance.expovariate(10))
        if taken and mood < 0.35:
            raise aiohttp.ServerDisconnectedError
        if taken:
            yield Answer(204)
        else:
            yield Answer(503 if mood < 0.15 else 429, {"retry-after": "2"} if mood > 0.2 else {})
