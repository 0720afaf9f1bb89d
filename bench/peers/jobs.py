"""The tracked work on procrastinate: a job that delivers, and a job that is the deadline.

    jobs.py prepare DSN · jobs.py work DSN · jobs.py hand-over DSN DISPATCHES RECIPIENTS

A hand-over is one transaction: the deliveries, their jobs, their deadline jobs. The delivering job
stands for the copy and for the recipient: it writes the three answers, one statement each, and
cancels the deadline, all in one transaction. Tuned: psycopg's C core, batches of jobs in one
statement, deadlines behind all else in priority (so the query for the next job passes over none),
many jobs at a time in each worker, finished jobs deleted.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found]

ANSWERS = (("done", "taken"), ("01", "taken"), ("05", "accepted"))
LIMIT = timedelta(hours=4)
CONCURRENCY = 20
SENDERS = 4
_TABLES = """
    CREATE TABLE delivery (delivery_id uuid PRIMARY KEY, dispatch_id uuid NOT NULL,
                           recipient text NOT NULL, state text NOT NULL) WITH (fillfactor = 70);
    CREATE TABLE history (delivery_id uuid NOT NULL, code text NOT NULL,
                          at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (delivery_id, code))"""
_ADD = "INSERT INTO delivery VALUES (%s, %s, %s, 'registered')"
_ANSWER = """
    WITH line AS (INSERT INTO history (delivery_id, code) VALUES (%(of)s, %(code)s)
                  ON CONFLICT DO NOTHING)
    UPDATE delivery SET state = %(state)s WHERE delivery_id = %(of)s"""


def application(dsn: str) -> App:
    """Return the application with its two tasks."""
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=4, max_size=CONCURRENCY + 4))

    @app.task(name="deliver", queue="copies")  # type: ignore[untyped-decorator]
    async def deliver(of: str, deadline: int) -> None:
        async with app.connector.pool.connection() as connection:
            for code, state in ANSWERS:
                await connection.execute(_ANSWER, {"of": of, "code": code, "state": state})
            await app.job_manager.cancel_job_by_id_async(
                deadline, delete_job=True, connection=connection
            )

    @app.task(name="passed", queue="deadlines")  # type: ignore[untyped-decorator]
    async def passed(of: str) -> None:
        async with app.connector.pool.connection() as connection:
            await connection.execute(
                "UPDATE delivery SET state = 'overdue' WHERE delivery_id = %s"
                " AND state <> 'accepted'",
                [of],
            )

    return app


async def prepare(dsn: str) -> None:
    """Make the tables."""
    app = application(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        async with app.connector.pool.connection() as connection:
            await connection.execute(_TABLES)


async def work(dsn: str) -> None:
    """Run a worker until ended."""
    app = application(dsn)
    async with app.open_async():
        print("ready", flush=True)
        await app.run_worker_async(concurrency=CONCURRENCY, delete_jobs="successful")


async def hand_over(dsn: str, dispatches: int, recipients: int) -> None:
    """Hand dispatches over, as fast as a few connections can."""
    app = application(dsn)
    async with app.open_async():
        waiting = iter(range(dispatches))
        await asyncio.gather(*(_some(app, waiting, recipients) for _ in range(SENDERS)))


async def _some(app: App, waiting: Iterator[int], recipients: int) -> None:
    for _ in waiting:
        await _one(app, uuid4(), [f"R{number}" for number in range(recipients)])


async def _one(app: App, dispatch_id: UUID, recipients: list[str]) -> None:
    of = [str(uuid5(dispatch_id, recipient)) for recipient in recipients]
    due = datetime.now(UTC) + LIMIT
    async with app.connector.pool.connection() as connection:
        deadlines = app.configure_task(
            "passed", schedule_at=due, priority=-1, connection=connection
        )
        jobs = await deadlines.batch_defer_async(*({"of": each} for each in of))
        rows = [(i, dispatch_id, r) for i, r in zip(of, recipients, strict=True)]
        async with connection.cursor() as cursor:
            await cursor.executemany(_ADD, rows)
        copies = app.configure_task("deliver", connection=connection)
        await copies.batch_defer_async(
            *({"of": each, "deadline": job} for each, job in zip(of, jobs, strict=True))
        )


if __name__ == "__main__":
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    what, where, *numbers = sys.argv[1:]
    doing = {"prepare": prepare, "work": work, "hand-over": hand_over}[what]
    asyncio.run(doing(where, *map(int, numbers)))  # type: ignore[operator]
