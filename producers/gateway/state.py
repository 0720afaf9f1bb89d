"""What the routes of the gateway work with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Protocol, cast

import asyncpg
from fastapi import Depends, Request

from hoatoc.config import Settings
from hoatoc.domain.access import Caller
from hoatoc.domain.credential import Presented
from hoatoc.postgres.connection import AWAY, Connection, DatabaseAway
from hoatoc.postgres.door import Door
from producers.gateway.health import Health
from producers.gateway.lane import Lanes
from producers.gateway.outlet import Outlet

NAME = "gateway"
ACQUIRE_S = 10.0


class Keys(Protocol):
    """Knows credentials."""

    async def caller(self, connection: Connection, bearer: str | None, certificate: str) -> Caller:
        """Return whose key, or whose certificate (SHA-256, hex; or ""), this is.

        Raises Unauthenticated, TooManyRequests.
        """
        ...

    async def shown(self, connection: Connection, presented: Presented) -> Caller:
        """Return who shows a credential; raises Unauthenticated, TooManyRequests."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One replica of the gateway."""

    settings: Settings
    database: asyncpg.Pool
    door: Door
    outlet: Outlet
    health: Health
    lanes: Lanes
    keys: Keys

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Take a connection to the database for a while; raises DatabaseAway."""
        try:
            async with self.database.acquire(timeout=ACQUIRE_S) as connection:
                yield connection
        except (*AWAY, TimeoutError) as error:
            raise DatabaseAway(
                "Cơ sở dữ liệu tạm thời không trả lời; gửi lại yêu cầu này là an toàn. / The "
                "database does not answer; sending this request again is safe."
            ) from error


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that answers a request."""
    return cast("Gateway", request.app.state.gateway)


Here = Annotated[Gateway, Depends(gateway_of)]
