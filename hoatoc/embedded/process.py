"""A child process: what it is started with, and how it dies with us."""

import asyncio
import ctypes
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_LOG_KEPT = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child process to be kept running."""

    name: str
    stage: int
    """it ends before the children of lower stages"""
    argv: tuple[str, ...]
    log: Path
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    user: tuple[int, int] | None = None
    """uid and gid to run as; None: ours"""
    stop: signal.Signals = signal.SIGTERM
    """asks it to end in good order"""
    end: signal.Signals = signal.SIGKILL
    """ends it at once: sent when it overstays, and by the kernel when we die"""
    clear: Callable[[], None] | None = None
    """removes what a killed predecessor left; called before each start"""
    answers: Callable[[], Awaitable[None]] | None = None
    """returns once it is ready; None: it sends READY=1 to NOTIFY_SOCKET"""
    metrics_port: int | None = None


class Notices:
    """The socket on which one child says that it is ready (sd_notify)."""

    def __init__(self) -> None:
        """Bind a fresh name in the abstract namespace: no file, no limit on a path."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("")
        self.address = "@" + self._socket.getsockname()[1:].decode("ascii")

    async def ready(self) -> None:
        """Return when READY=1 has come."""
        loop = asyncio.get_running_loop()
        while b"READY=1" not in (await loop.sock_recv(self._socket, 4096)).splitlines():
            pass

    def close(self) -> None:
        """Release the name."""
        self._socket.close()


async def spawn(child: Child, notify: str) -> Process:
    """Start a child in a session of its own, its output appended to its log.

    Call it on the main thread only: the kernel's signal follows the thread that forked.
    """
    if child.clear:
        child.clear()
    if child.log.exists() and child.log.stat().st_size > _LOG_KEPT:
        child.log.replace(f"{child.log}.1")
    uid, gid = child.user or (None, None)
    with child.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *child.argv,
            cwd=child.cwd,
            env={**child.env, "NOTIFY_SOCKET": notify},
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=[] if child.user else None,
            preexec_fn=_die_with(os.getpid(), child.end),
        )


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(stream.read().decode("utf-8", "replace").splitlines()[-lines:])


def _die_with(parent: int, end: signal.Signals) -> Callable[[], None]:
    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(end), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)

    return before_exec
