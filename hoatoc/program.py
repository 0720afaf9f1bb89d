"""The frame of a program: settings, logs, metrics, signals; then its body until told to stop.

SIGTERM and SIGINT cancel the body, which closes what it opened; whatever else ends the body is a
crash, said in the log, and the supervisor starts the program again. Exit status: 0 stopped,
1 crashed, 2 settings that cannot be used.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from hoatoc import config, telemetry
from hoatoc.config import Settings
from hoatoc.domain.error import HoatocError


@dataclass(frozen=True, slots=True)
class Context:
    """What a program's body works with."""

    name: str
    settings: Settings
    log: structlog.stdlib.BoundLogger


Body = Callable[[Context], Awaitable[None]]


def run(name: str, body: Body) -> None:
    """Run a program until it is stopped or crashes, then exit."""
    try:
        settings = config.load()
    except config.SettingsInvalid as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    if not (settings.postgres.dsn and settings.kafka.bootstrap_servers):
        print(
            f"{name}: set HOATOC_POSTGRES_DSN and HOATOC_KAFKA_BOOTSTRAP_SERVERS", file=sys.stderr
        )
        raise SystemExit(2)
    start(name, body, settings)


def start(name: str, body: Body, settings: Settings) -> None:
    """Run a program with settings that were read, until it is stopped or crashes; then exit."""
    log = telemetry.configure(name, settings.log)
    port = telemetry.serve_metrics(name, settings.metrics)
    log.info("starting", metrics_port=port)
    raise SystemExit(asyncio.run(_until_stopped(body, Context(name, settings, log))))


async def _until_stopped(body: Body, context: Context) -> int:
    task = asyncio.ensure_future(body(context))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        context.log.info("stopped")
        return 0
    except HoatocError as error:
        context.log.error("crashed", reason=type(error).__name__, detail=str(error))
        return 1
    except Exception:
        context.log.exception("crashed")
        return 1
    context.log.info("ended")
    return 0
