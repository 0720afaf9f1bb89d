"""Processes that help the bench, in one environment with the stack: recipients, observers."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.section import Unmeasured
from bench.stage import end
from hoatoc.config import Settings
from hoatoc.embedded.stack import environment

READY = "ready"
_READY_S = 60.0


@asynccontextmanager
async def helper(settings: Settings, module: str, *words: str) -> AsyncIterator[Process]:
    """Run a module until the end of the block; yield when it has said that it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *words),
        env={**os.environ, **environment(settings)},
        stdout=PIPE,
    )
    try:
        said = await asyncio.wait_for(process.stdout.readline(), _READY_S)  # type: ignore[union-attr]
        if said.decode().strip() != READY:
            raise Unmeasured(f"{module} does not start")
        yield process
    finally:
        await end(process)
