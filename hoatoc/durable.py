"""Files that are there whole or not at all, after a power cut too."""

import errno
import os
import shutil
from pathlib import Path


def write(place: Path, data: bytes) -> None:
    """Write a file, in place of one that is there; raises OSError."""
    beside = place.with_name(f".{place.name}.part")
    _fill(beside, data, 0o666)
    os.replace(beside, place)
    sync(place.parent)


def create(place: Path, data: bytes) -> None:
    """Write a file that its owner alone may read; of several that try at once, one stays."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    _fill(beside, data, 0o600)
    try:
        os.link(beside, place)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    sync(place.parent)


def move(file: Path, place: Path) -> None:
    """Move a file, to another file system too, where it is copied first; raises OSError."""
    try:
        os.replace(file, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = place.with_name(f".{place.name}.part")
        shutil.copyfile(file, beside)
        sync(beside)
        os.replace(beside, place)
        sync(place.parent)
        file.unlink()
    else:
        sync(place.parent)


def sync(place: Path) -> None:
    """Have a file reach the disk; of a folder, what was moved or deleted in it."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(file: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
