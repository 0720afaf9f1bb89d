"""What the routes of the gateway work with."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from fastapi import Depends, Request

from hoatoc.config import Settings
from hoatoc.domain.packet import URGENT
from hoatoc.domain.rate import Limiter
from hoatoc.postgres.connection import AWAY, Connection, DatabaseAway
from hoatoc.postgres.content import Contents
from hoatoc.postgres.door import Door
from hoatoc.postgres.keyring import Keyring
from producers.gateway.crowd import Crowd
from producers.gateway.feed import Feed
from producers.gateway.health import Health
from producers.gateway.lane import Lanes
from producers.gateway.outlet import Outlet, away
from producers.gateway.refusal import Crowded
from producers.gateway.watch import Watch

NAME = "gateway"
ACQUIRE_S = 10.0
AWAY_FOR_NOW = (
    *AWAY,
    asyncpg.InsufficientResourcesError,  # no room, no more connections
    asyncpg.TransactionRollbackError,  # what met another at the same rows
    TimeoutError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One replica of the gateway."""

    settings: Settings
    database: asyncpg.Pool
    door: Door
    urgent: Door
    """the same for urgent documents: their files are read by a process of their own"""
    outlet: Outlet
    feed: Feed
    watch: Watch
    health: Health
    lanes: Lanes
    contents: Contents
    keys: Keyring
    limiter: Limiter
    crowd: Crowd

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Take a connection to the database for a while; raises DatabaseAway, Crowded."""
        try:
            connection = await self._acquired()
            try:
                yield connection
            finally:
                await self.database.release(connection)
        except AWAY_FOR_NOW as error:
            raise DatabaseAway(
                "Cơ sở dữ liệu tạm thời không trả lời; gửi lại yêu cầu này là an toàn. / The "
                "database does not answer; sending this request again is safe."
            ) from error

    async def _acquired(self) -> PoolConnectionProxy:
        """Return a connection; raises Crowded where all are in use for too long."""
        try:
            return await self.database.acquire(timeout=ACQUIRE_S)
        except TimeoutError as error:
            pool = self.database
            if pool.get_idle_size() == 0 and pool.get_size() == pool.get_max_size():
                raise Crowded from error
            raise

    def admit(self, request: Request, organ: str) -> None:
        """Let an organ ask; raises TooManyRequests, ManyAtOnce."""
        self.limiter.admit(organ, time.monotonic())
        self.crowd.admit(request.scope, organ)

    def door_of(self, priority: int) -> Door:
        """Return the door of a lane."""
        return self.urgent if priority >= URGENT else self.door

    def require_broker(self) -> None:
        """Raise BrokerAway at once where the broker did not answer when it was asked last."""
        if "broker" in self.health.faults:
            raise away()


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that answers a request."""
    return cast("Gateway", request.app.state.gateway)


async def _here(request: Request) -> Gateway:
    """Return it without a thread, which a dependency that is no coroutine would get."""
    return gateway_of(request)


Here = Annotated[Gateway, Depends(_here)]
