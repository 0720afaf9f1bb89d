"""A gateway for tests: the real one, by real HTTP, in the test's own loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hoatoc.config import Settings
from hoatoc.domain.access import Caller, Doubt, Unauthenticated
from hoatoc.domain.credential import Pair, Presented
from hoatoc.embedded.port import free_ports
from hoatoc.postgres.connection import Connection
from producers.gateway.app import opened


@dataclass(frozen=True, slots=True)
class Badges:
    """Keys that a test gives out, by what is shown."""

    callers: dict[str, Caller] = field(default_factory=dict)

    async def caller(self, connection: Connection, bearer: str | None, certificate: str) -> Caller:
        """Return whose key this is; raises Unauthenticated."""
        del connection, certificate
        if bearer is None:
            raise Unauthenticated(Doubt.MISSING)
        if bearer not in self.callers:
            raise Unauthenticated(Doubt.WRONG)
        return self.callers[bearer]

    async def shown(self, connection: Connection, presented: Presented) -> Caller:
        """Return whose pair this is: its secret is its system id eight times; or raise."""
        del connection
        if isinstance(presented, Pair) and presented.fits(secret_of(presented.system_id).encode()):
            return self.callers[presented.system_id]
        raise Unauthenticated(Doubt.WRONG)


def secret_of(system_id: str) -> str:
    """Return the secret of a system that has a badge."""
    return 8 * system_id


def with_port(settings: Settings, **changes: object) -> Settings:
    """Return settings with a free port for the gateway; `changes` are other settings of it."""
    port = next(free_ports(settings.gateway.host))
    gateway = settings.gateway.model_copy(update={"port": port, **changes})
    return settings.model_copy(update={"gateway": gateway})


@asynccontextmanager
async def gateway_on(settings: Settings, badges: Badges, **changes: object) -> AsyncIterator[str]:
    """Run a gateway on a prepared database and broker; yield its address."""
    reached = with_port(settings, **changes)
    async with opened(reached, badges):
        yield reached.gateway.url
