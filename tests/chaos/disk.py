"""Small disks: file systems in memory whose quota can be taken away and given back.

They are mounted in a name space of this process and its children alone, so the kernel unmounts
them when the last of these ends, however that is.
"""

import ctypes
import os
import subprocess
from pathlib import Path

_CLONE_NEWNS = 0x00020000
_MIB = 2**20
_ROOM = 256 * 1024


class DiskRefused(Exception):
    """A file system cannot be mounted here."""


def isolate() -> None:
    """Give this thread, and all that it starts, mounts of its own; raises DiskRefused."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise DiskRefused(f"unshare: {os.strerror(ctypes.get_errno())}")
    _run("mount", "--make-rprivate", "/")


def mount(folder: Path, mib: int, mode: str, owner: tuple[int, int] | None = None) -> None:
    """Mount an empty file system of so many MiB; raises DiskRefused."""
    uid, gid = owner or (os.geteuid(), os.getegid())
    options = f"size={mib}m,mode={mode},uid={uid},gid={gid}"
    _run("mount", "-t", "tmpfs", "-o", options, "hoatoc-chaos", str(folder))


def fill(folder: Path) -> int:
    """Take away the room that is left; return the bytes that can still be written."""
    for _ in range(50):
        used = _used(folder)
        try:
            _run("mount", "-o", f"remount,size={(used + _ROOM) // 1024}k", str(folder))
        except DiskRefused:  # it has grown meanwhile
            continue
        return free(folder)
    raise DiskRefused(f"{folder} grows faster than it can be filled")


def empty(folder: Path, mib: int) -> None:
    """Give the room back."""
    _run("mount", "-o", f"remount,size={mib}m", str(folder))


def free(folder: Path) -> int:
    """Return the bytes that can still be written."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _used(folder: Path) -> int:
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _run(*words: str) -> None:
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise DiskRefused(f"{' '.join(words)}: {ran.stderr.strip()}")
