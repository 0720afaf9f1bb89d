"""Actors: processes that play a part in a run and are told what to do, a JSON object a line.

An actor answers each order by one line. The end of its standard input is its own end, so none
outlives the run, however the run ends.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_END_S = 10.0
_LINE = 2**24
Obey = Callable[[dict[str, Any]], Awaitable[object]]


class ActorDied(Exception):
    """An actor ended before it was told to: the run is worth nothing without it."""


@dataclass(slots=True)
class Actor:
    """A process that obeys orders."""

    name: str
    process: Process
    log: Path
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, **order: object) -> Any:
        """Give an order and return the answer; raises ActorDied."""
        async with self.turn:
            if self.process.stdin is None or self.process.stdout is None:
                raise ActorDied(self.name)
            try:
                self.process.stdin.write(json.dumps(order, default=str).encode() + b"\n")
                line = await self.process.stdout.readline()
            except (ConnectionError, ValueError) as error:
                raise ActorDied(f"{self.name}: {error!r}; see {self.log}") from error
            if not line:
                raise ActorDied(f"{self.name} ended; see {self.log}")
            return json.loads(line)


@asynccontextmanager
async def actor(name: str, words: Sequence[object], log: Path) -> AsyncIterator[Actor]:
    """Run `python -m WORDS…` as an actor; its end is the end of the block."""
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *map(str, words)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=out,
            start_new_session=True,
            limit=_LINE,
        )
    try:
        yield Actor(name, process, log)
    finally:
        await end(process)


async def end(process: Process) -> None:
    """Let a process end by the end of its input, and kill it if it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()


async def obey(handle: Obey) -> None:
    """Answer the orders on standard input until it ends; for an actor's own process."""
    lines = asyncio.StreamReader(limit=_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        print(json.dumps(await handle(json.loads(line)), default=str), flush=True)
