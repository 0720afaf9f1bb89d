"""The data folder of a stack: its format, its lock, and the record of what runs in it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from hoatoc.domain.error import OurFault

FORMAT = 1
_LOCK_TRIES = 5
_LOCK_PAUSE_S = 0.05


class FolderRefused(OurFault):
    """The data folder cannot be used as it is."""


class FolderBusy(FolderRefused):
    """Another stack runs on the data folder."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class ChildState(_Record):
    """What is known of one child; `since` is UTC."""

    name: str
    pid: int | None = None
    since: datetime
    restarts: int = 0
    state: Literal["starting", "ready", "restarting", "stopped"] = "starting"
    metrics_port: int | None = None
    log: Path


class RunState(_Record):
    """What runs on a data folder; `started_at` is UTC."""

    pid: int
    started_at: datetime
    bootstrap_servers: str = ""
    dsn: str = ""
    policy: str = ""
    gateway: str = ""
    children: dict[str, ChildState] = {}


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Create the folder if need be, hold its lock and bring it to our format.

    Raises FolderBusy when another stack holds it, FolderRefused when it cannot be used.
    """
    try:
        _make(data)
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise FolderRefused(
            f"{data} cannot be written ({error.strerror}): name another folder by --data or "
            "HOATOC_DATA, or change its owner"
        ) from error
    try:
        _acquire(lock, data)
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        migrate(data)
        yield
    finally:
        os.close(lock)


def holder(data: Path) -> int | None:
    """Return the pid of the supervisor that holds the folder, or None."""
    try:
        lock = os.open(data / "lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(lock, 20, 0) or 0) or None
    finally:
        os.close(lock)
    return None


def running(data: Path) -> RunState | None:
    """Return what runs on the folder, or None when nothing does, whatever a stale file says."""
    pid = holder(data)
    with suppress(FileNotFoundError):
        state = RunState.model_validate_json((data / "run.json").read_bytes())
        return state if state.pid == pid else None
    return None


def record(data: Path, state: RunState) -> None:
    """Write the state to DATA/run.json, whole or not at all."""
    replace(data / "run.json", state.model_dump_json(indent=2) + "\n")


def replace(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, "utf-8")
    fresh.replace(file)


def migrate(data: Path) -> None:
    """Bring the folder to our format; raise FolderRefused when it is of a later Hoatoc."""
    file = data / "VERSION"
    found = int(file.read_text("ascii")) if file.exists() else FORMAT
    if found > FORMAT:
        raise FolderRefused(
            f"{data} has format {found}, and this Hoatoc knows up to {FORMAT}: "
            "use the newer Hoatoc that wrote it, or another folder by --data"
        )
    replace(file, f"{FORMAT}\n")


def _make(data: Path) -> None:
    if not data.is_dir():
        data.mkdir(parents=True)
        # The database's user must pass through, whatever the umask.
        data.chmod(0o755)
    (data / "logs").mkdir(exist_ok=True)


def _acquire(lock: int, data: Path) -> None:
    for remaining in reversed(range(_LOCK_TRIES)):
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if remaining:  # `status` holds a shared lock for an instant
                time.sleep(_LOCK_PAUSE_S)
    pid = int(os.pread(lock, 20, 0) or 0)
    raise FolderBusy(
        f"{data} is in use by pid {pid}: stop it (hoatoc stop --data {data}), "
        "or name another folder by --data"
    )
