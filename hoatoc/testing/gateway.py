"""A gateway for tests: the real one, by real HTTP, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from hoatoc.config import Settings
from hoatoc.domain.access import Role
from hoatoc.domain.identity import OrganCode
from hoatoc.embedded.port import free_ports
from hoatoc.postgres.credential import CredentialTables, NewKey, Terms
from hoatoc.seal import Seal
from hoatoc.testing.line import ORGANS, Line, eventually
from producers.gateway.app import opened


async def issued(
    connection: asyncpg.Connection, settings: Settings, organ: str, *roles: Role
) -> str:
    """Issue a key of an organ; without roles it has both of an agency: sender and recipient."""
    both = (Role.SENDER, Role.RECIPIENT)
    terms = Terms(organ=OrganCode(organ), roles=frozenset(roles or both), by="test")
    made = await CredentialTables(connection, Seal(settings.seal_key)).issue(terms, NewKey())
    return made.secret


def with_port(settings: Settings, **changes: object) -> Settings:
    """Return settings with a free port for the gateway; `changes` are other settings of it."""
    port = next(free_ports(settings.gateway.host))
    gateway = settings.gateway.model_copy(update={"port": port, **changes})
    return settings.model_copy(update={"gateway": gateway})


@asynccontextmanager
async def gateway_on(settings: Settings, **changes: object) -> AsyncIterator[str]:
    """Run a gateway on a prepared database and broker; yield its address."""
    reached = with_port(settings, **changes)
    async with opened(reached):
        yield reached.gateway.url


EDXML = {"Content-Type": "application/edxml+xml"}


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway on a line of its own, and a key of each organ."""

    line: Line
    url: str
    keys: dict[str, str]

    def as_(self, organ: str | None = None, patience_s: float = 90) -> httpx.AsyncClient:
        """Return a client that shows the key of an organ, or none."""
        return self.showing(self.keys[organ] if organ else "", patience_s)

    def showing(self, key: str, patience_s: float = 90) -> httpx.AsyncClient:
        """Return a client that shows a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=patience_s)

    async def hand_over(self, packet: bytes, organ: str, **headers: str) -> httpx.Response:
        """Hand a packet over as an organ."""
        async with self.as_(organ) as client:
            return await client.post("/v1/documents", content=packet, headers=EDXML | headers)

    async def send(self, packet: bytes, organ: str) -> dict[str, Any]:
        """Hand a packet over and return when its copies are confirmed: what the door answered."""
        answer = await self.hand_over(packet, organ)
        if answer.status_code not in (200, 201):
            raise AssertionError(answer.text)
        said: dict[str, Any] = answer.json()

        async def left() -> bool:
            query = "SELECT state FROM outbox WHERE dispatch_id = $1"
            return bool(await self.line.database.fetchval(query, said["dispatch_id"]) == "sent")

        async with self.line.program("relay"):
            await eventually(left, what="publication")
        return said


@asynccontextmanager
async def door_on(line: Line, **changes: object) -> AsyncIterator[Door]:
    """Run a gateway on a line; `changes` are other settings of the gateway."""
    async with gateway_on(line.settings, **changes) as url:
        keys = {str(o.code): await issued(line.database, line.settings, o.code) for o in ORGANS}
        yield Door(line, url, keys)
