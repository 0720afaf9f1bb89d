"""The floor of a door: the same framework and server, answering with one durable insert."""

import asyncio
from uuid import uuid4

from fastapi import FastAPI, Request

from bench.helping import READY
from hoatoc import config
from hoatoc.postgres.connection import pool
from producers.gateway.server import serving


async def main() -> None:
    """Answer until ended."""
    settings, app = config.load(), FastAPI()
    async with pool(settings.postgres.dsn, settings.gateway.in_flight) as database:
        await database.execute(
            "CREATE TABLE IF NOT EXISTS floor_door (id uuid PRIMARY KEY, packet bytea NOT NULL)"
        )

        @app.post("/", status_code=201)
        async def take(request: Request) -> dict[str, str]:
            own = uuid4()
            packet = await request.body()
            await database.execute("INSERT INTO floor_door VALUES ($1, $2)", own, packet)
            return {"id": str(own)}

        async with serving(app, settings.gateway):
            print(READY, flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
