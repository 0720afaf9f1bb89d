"""The gateway: agencies hand over and take documents, answer and ask by HTTP (OpenAPI 3.1)."""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

import asyncpg
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from hoatoc import notify
from hoatoc.config import Settings
from hoatoc.content.store import Store, store_of
from hoatoc.domain import topic
from hoatoc.domain.error import Unavailable
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.rate import Limiter
from hoatoc.examine import admission
from hoatoc.kafka.tick import Ticker, tick
from hoatoc.policy_file import load_policy
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import pool
from hoatoc.postgres.content import Contents
from hoatoc.postgres.door import Door
from hoatoc.postgres.inbox import KeyTables
from hoatoc.postgres.keyring import Keyring
from hoatoc.program import Context, run
from hoatoc.seal import Seal
from producers.gateway import (
    answer,
    delivery,
    dispatch,
    document,
    incoming,
    news,
    openapi,
    standing,
)
from producers.gateway.crowd import Crowd
from producers.gateway.facade.app import crowded, mounts
from producers.gateway.feed import Feed
from producers.gateway.health import Health, Probe, Room
from producers.gateway.lane import Lanes
from producers.gateway.outlet import Outlet
from producers.gateway.problem import answer_by_problems
from producers.gateway.request import Requests
from producers.gateway.server import serving
from producers.gateway.state import NAME, Gateway
from producers.gateway.watch import Watch

DOOR = "http"
CALENDARS_S = 5.0
FORGET_S = 3600.0
KEYS_KEPT = timedelta(days=30)
OTHERS = 12
"""connections for all but hand-overs"""
ROUTERS = (
    document.router,
    dispatch.router,
    incoming.router,
    delivery.router,
    answer.router,
    news.router,
    standing.router,
)


def application(gateway: Gateway) -> FastAPI:
    """Return the application that answers for a gateway."""
    app = FastAPIOffline(  # of which /docs needs no other host
        title="Hoatoc",
        version="1",
        summary="Gửi, nhận văn bản điện tử / Exchange of official documents",
        redoc_url=None,
        responses=openapi.problems(500),
    )
    app.state.gateway = gateway
    for router in ROUTERS:
        app.include_router(router)
    for path, part in mounts(gateway):
        app.mount(path, part)
    answer_by_problems(app)
    app.add_middleware(Requests, crowd=gateway.crowd, refuse=crowded(gateway))
    described = app.openapi
    app.openapi = lambda: openapi.told(described())  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Gateway]:
    """Open a gateway that answers, and carries time while its parts do, for as long as the block.

    Raises DatabaseAway where there is no database, and NotListening.
    """
    policy = load_policy(settings)
    with admission(settings, policy) as admitting, admission(settings, policy) as urgent:
        async with (
            pool(settings.postgres.dsn, connections_of(settings), keeps_sessions=False) as database,
            asyncio.TaskGroup() as tasks,
        ):
            store, partitions = store_of(settings), settings.kafka.partitions
            door = Door(DOOR, admitting, partitions, store=store)
            outlet, feed = Outlet(settings.kafka), Feed(settings.kafka)
            gateway = Gateway(
                settings=settings,
                database=database,
                door=door,
                urgent=replace(door, admission=urgent, large=asyncio.Semaphore(1)),
                outlet=outlet,
                feed=feed,
                watch=Watch(feed, settings.postgres.dsn),
                health=Health(probes(database, feed, store), room_of(settings)),
                lanes=Lanes(settings.gateway.in_flight, settings.gateway.urgent_in_flight),
                contents=Contents(store, database, partitions),
                keys=Keyring(Seal(settings.seal_key), door.registry, today),
                limiter=Limiter(settings.access.rate, settings.access.burst),
                crowd=Crowd(settings.gateway.connections),
            )
            works = (outlet.run(), feed.run(), gateway.watch.run(), gateway.health.run())
            own = (carry_time(gateway), forget_keys(gateway))
            running = [tasks.create_task(work) for work in (*works, *own)]
            try:
                async with serving(application(gateway), settings.gateway):
                    await gateway.health.first.wait()
                    try:
                        yield gateway
                    finally:
                        gateway.watch.close()
            finally:
                for task in running:
                    task.cancel()


async def body(context: Context) -> None:
    """Serve agencies until stopped."""
    # It outlives an absence of the broker, of which the client would tell ten times a second.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # A hand-over at work may hold a thread, and wait there for the reader of files.
    threads = ThreadPoolExecutor(connections_of(context.settings), "gateway")
    asyncio.get_running_loop().set_default_executor(threads)
    spool = context.settings.content.spool
    spool.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(spool)  # where the parts of forms lie, too: the disk that is watched
    async with opened(context.settings):
        notify.ready()
        context.log.info("ready", address=context.settings.gateway.url)
        await asyncio.Event().wait()


def today() -> date:
    """Return the day in Vietnam."""
    return datetime.now(VIETNAM).date()


def connections_of(settings: Settings) -> int:
    """Return how many connections there may be: one for each hand-over at work, some for others."""
    return settings.gateway.in_flight + settings.gateway.urgent_in_flight + OTHERS


def room_of(settings: Settings) -> Room:
    """Return which folders need how many free bytes."""
    return Room((settings.data, settings.content.spool), settings.gateway.free_bytes)


def probes(database: asyncpg.Pool, feed: Feed, store: Store) -> dict[str, Probe]:
    """Return how each part is asked whether it answers."""
    return {
        "database": lambda: database.fetchval("SELECT 1"),
        "broker": lambda: feed.ends([topic.DELIVERIES]),
        "content": store.ready,
    }


async def forget_keys(gateway: Gateway) -> None:
    """Forget the keys of requests that nobody repeats any more, once an hour."""
    while True:
        with suppress(Unavailable):
            async with gateway.connection() as connection:
                await KeyTables(connection).forget(KEYS_KEPT)
        await asyncio.sleep(FORGET_S)


async def carry_time(gateway: Gateway) -> None:
    """Tick while the door is open; a broker that is away gets no tick, and the gateway goes on."""
    policy, versions = gateway.door.admission.policy, {"calendar": 0}
    ticker = Ticker(
        path=NAME,
        paths=gateway.settings.paths_in_force,
        writer=f"{NAME}-{uuid4().hex[:12]}",
        partitions=gateway.settings.kafka.partitions,
        max_gap_ms=policy.max_gap_ms,
    )

    async def follow_calendars() -> None:
        """Name the calendar version that is current; while none can be read, the last."""
        while True:
            with suppress(Unavailable):
                async with gateway.connection() as connection:
                    versions["calendar"] = await CalendarTables(connection).current()
            await asyncio.sleep(CALENDARS_S)

    def serves() -> bool:
        return gateway.health.is_open(policy.max_gap_ms / 1000)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow_calendars())
        append, version = gateway.outlet.try_send, lambda: versions["calendar"]
        tasks.create_task(tick(ticker, append, serves, version, time.time_ns))


if __name__ == "__main__":
    run(NAME, body)
