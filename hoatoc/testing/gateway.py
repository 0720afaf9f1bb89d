"""A gateway for tests: the real one, by real HTTP, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from hoatoc.config import Settings
from hoatoc.domain.access import Role
from hoatoc.domain.identity import OrganCode
from hoatoc.embedded.port import free_ports
from hoatoc.postgres.credential import CredentialTables, NewKey, Terms
from hoatoc.seal import Seal
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
