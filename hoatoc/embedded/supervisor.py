"""The supervisor: starts children, restarts those that crash, ends them in order.

A child must become ready within its first three attempts, or the start fails with the end of its
log. From then on it is restarted for ever, with exponential back-off. The highest stage ends first,
each stage with its share of ten seconds.
"""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from hoatoc.domain.error import Unavailable
from hoatoc.embedded import folder
from hoatoc.embedded.folder import ChildState, RunState
from hoatoc.embedded.process import Child, Notices, spawn, tail

START_S = 120.0
BACKOFF_S = 0.5
BACKOFF_MOST_S = 30.0
HEALTHY_S = 30.0
FIRST_ATTEMPTS = 3
STOP_S = 9.5
_STAGE_SHARE = 0.5
_LAST_S = 1.0


class ChildFailed(Unavailable):
    """A child did not become ready."""


class Supervisor:
    """Children of one data folder, and the record of their states."""

    def __init__(self, data: Path, say: Callable[[str], None]) -> None:
        """Supervise on a folder whose lock the caller holds; `say` gets lines for people."""
        self._data = data
        self._say = say
        self._children: list[Child] = []
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, Process] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self.state = RunState(pid=os.getpid(), started_at=_now())
        self.note()

    def note(self, **changes: str) -> None:
        """Record what reaches the stack: `bootstrap_servers`, `dsn`, `policy`, `gateway`."""
        self._publish(self.state.model_copy(update=changes))

    async def until(self, test: Callable[[RunState], bool]) -> RunState:
        """Return the state as soon as it passes a test."""
        while not test(self.state):
            await self._changed.wait()
        return self.state

    async def start(self, children: Sequence[Child]) -> None:
        """Start children at once and return when all are ready.

        Raises ChildFailed when one is not ready within 120 s or crashes three times before.
        """
        self._children.extend(children)
        for child in children:
            self._keepers[child.name] = asyncio.create_task(self._keep(child))
        names = {child.name for child in children}
        ready = asyncio.create_task(self.until(lambda state: _ready(state) >= names))
        keepers = [self._keepers[name] for name in names]
        try:
            await asyncio.wait([ready, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for keeper in keepers:
                if keeper.done():
                    keeper.result()
        finally:
            ready.cancel()

    async def watch(self) -> None:
        """Wait for ever, unless supervision itself fails: then raise why."""
        done, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_COMPLETED)
        for keeper in done:
            keeper.result()

    async def stop(self) -> None:
        """End all children, the highest stage first, within 9.5 s."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_S
        for stage in sorted({child.stage for child in self._children}, reverse=True):
            share = (deadline - loop.time()) * _STAGE_SHARE
            ending = [child for child in self._children if child.stage == stage]
            await asyncio.gather(*(self._end(child, share) for child in ending))

    async def _end(self, child: Child, patience_s: float) -> None:
        process = self._processes.get(child.name)
        if process and not await _ends(process, child.stop, patience_s):
            self._tell(f"{child.name} overstays: {child.end.name}")
            await _ends(process, child.end, _LAST_S) or await _ends(process, signal.SIGKILL)
        keeper = self._keepers[child.name]
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        self._set(child, state="stopped", pid=None)

    async def _keep(self, child: Child) -> None:
        pause, was_ready, restarts = BACKOFF_S, False, 0
        while True:
            lived = await self._run_once(child, restarts)
            if self._stopping:
                return
            was_ready = was_ready or lived is not None
            restarts += 1
            if not was_ready and restarts == FIRST_ATTEMPTS:
                raise ChildFailed(
                    f"{child.name} does not start; the end of {child.log}:\n{tail(child.log)}"
                )
            if lived is not None and lived >= HEALTHY_S:
                pause = BACKOFF_S
            self._set(child, state="restarting", pid=None, restarts=restarts)
            ended = self._processes[child.name].returncode
            self._tell(f"{child.name} ended ({_cause(ended)}); again in {pause:g} s: {child.log}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_MOST_S)

    async def _run_once(self, child: Child, restarts: int) -> float | None:
        """Run a child to its end; return the seconds for which it was ready, None if never."""
        loop = asyncio.get_running_loop()
        notices = Notices()
        try:
            process = await spawn(child, notices.address)
            self._processes[child.name] = process
            self._set(child, state="starting", pid=process.pid, restarts=restarts)
            answers = child.answers() if child.answers else notices.ready()
            if not await _before_end(process, answers):
                return None
            since = loop.time()
            self._set(child, state="ready")
            await process.wait()
            return loop.time() - since
        finally:
            notices.close()

    def _set(self, child: Child, **changes: object) -> None:
        blank = ChildState(
            name=child.name, since=_now(), log=child.log, metrics_port=child.metrics_port
        )
        before = self.state.children.get(child.name, blank)
        after = before.model_copy(update={"since": _now(), **changes})
        children = {**self.state.children, child.name: after}
        self._publish(self.state.model_copy(update={"children": children}))

    def _publish(self, state: RunState) -> None:
        self.state = state
        folder.record(self._data, state)
        self._changed.set()
        self._changed = asyncio.Event()

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # the terminal may be gone; the children must still be ended
            self._say(line)


async def _before_end(process: Process, ready: Awaitable[None]) -> bool:
    """Tell whether a child became ready; one that does neither that nor end is killed."""
    waits = [asyncio.ensure_future(ready), asyncio.ensure_future(process.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in done:
            wait.result()
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    if not done:
        await _ends(process, signal.SIGKILL)
    return process.returncode is None


async def _ends(process: Process, number: signal.Signals, patience_s: float | None = None) -> bool:
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        return False
    return True


def _ready(state: RunState) -> set[str]:
    return {name for name, child in state.children.items() if child.state == "ready"}


def _cause(returncode: int | None) -> str:
    if returncode is None:
        return "not started"
    return signal.Signals(-returncode).name if returncode < 0 else f"status {returncode}"


def _now() -> datetime:
    return datetime.now(UTC)
