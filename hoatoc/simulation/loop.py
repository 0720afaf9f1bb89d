"""Virtual time, and processes that can be killed and stopped at any step of any of their tasks.

An event loop of asyncio whose time goes on only when nobody has anything to do; what happens is a
function of the seed. A callback belongs to the process in whose context it was scheduled. A process
that is killed runs no callback any more, no `finally` either, as after SIGKILL; one that is stopped
keeps its callbacks until it goes on, as between SIGSTOP and SIGCONT.
"""

import asyncio
import contextvars
import heapq
from collections.abc import Callable, Coroutine
from typing import Any

PROCESS: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)
_NOTHING: list[Any] = []


class Stuck(Exception):
    """Nobody has anything to do, and nothing will ever happen again."""


class Process:
    """A process of the simulated world.

    `fatal` is the step at which `struck` is called: the fault falls before that step is taken.
    """

    def __init__(self, name: str, failed: Callable[["Process", BaseException], None]) -> None:
        self.name = name
        self.alive = True
        self.steps = 0
        self.fatal = 0
        self.struck: Callable[[], None] = lambda: None
        self._failed = failed
        self._held: list[asyncio.Handle] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, body: Coroutine[Any, Any, None]) -> None:
        """Run its body; what the body raises is told to who made the process."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        loop = asyncio.get_running_loop()
        context.run(self._keep, loop.create_task, body)

    def _keep(self, create: Callable[..., "asyncio.Task[Any]"], body: Any) -> None:
        task = create(body)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        error = None if task.cancelled() else task.exception()
        error = error or RuntimeError(f"{self.name} has ended")
        outside = contextvars.Context()  # what follows is not the process's
        asyncio.get_running_loop().call_soon(self._failed, self, error, context=outside)

    def may_run(self, handle: asyncio.Handle) -> bool:
        """Tell whether a callback of this process may run now."""
        if not self.alive:
            return False
        if self._held is not None:
            self._held.append(handle)
            return False
        self.steps += 1
        if self.steps == self.fatal:
            self.struck()
            return self.may_run(handle) if self._held is not None or not self.alive else True
        return True

    def kill(self) -> None:
        """End it between two steps."""
        self.alive = False
        self._held = None

    @property
    def is_stopped(self) -> bool:
        """Tell whether it stands still."""
        return self._held is not None

    def stop(self) -> None:
        """Let it stand still."""
        if self.alive and self._held is None:
            self._held = []

    def go_on(self, loop: "SimulatedLoop") -> None:
        """Let it go on with what it held."""
        held, self._held = self._held, None
        if held and self.alive:
            loop.push(held)


class _Owned(asyncio.Handle):
    """A callback that belongs to a process."""

    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or process.may_run(self):
            super()._run()  # type: ignore[misc]


class _OwnedTimer(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        process = self._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is None or process.may_run(self):
            super()._run()  # type: ignore[misc]


class _Selector:
    """What makes time pass: instead of waiting, the clock is moved."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is scheduled")
        if timeout > 0:
            self._loop.pass_time(timeout)
        return _NOTHING

    def close(self) -> None:
        """Have nothing to close."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """An event loop in virtual time, which begins at 0 s."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._clock_resolution = 1e-9
        self._selector = _Selector(self)

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        """Let time go on."""
        self._now_s += seconds

    def push(self, handles: list[asyncio.Handle]) -> None:
        """Have callbacks run that were held."""
        self._ready.extend(handles)  # type: ignore[attr-defined]

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        """Schedule a callback for the next turn."""
        handle = _Owned(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        """Schedule a callback for an instant."""
        timer = _OwnedTimer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001
        return timer

    def _process_events(self, event_list: list[Any]) -> None:
        """Have no events of the system."""

    def _write_to_self(self) -> None:
        """Have nobody to wake: all happens in one thread."""
