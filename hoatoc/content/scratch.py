"""A file without a name: what is written to it is gone when it is closed, or its process ends.

What a door examines and has not yet taken lies here, so that nothing of a document that is refused,
or whose door is killed, is left on a disk. Small content never leaves memory.
"""

import io
import os
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, BinaryIO, Self

from hoatoc.domain.content import HEAD_BYTES, INLINE_BYTES, PIECE_BYTES, Content


@dataclass(frozen=True, slots=True)
class Part:
    """A part of such a file, from `begin`; equal to what holds the same bytes."""

    scratch: "Scratch" = field(compare=False, repr=False)
    begin: int = field(compare=False)
    size: int
    sha256: bytes
    head: bytes = field(compare=False, repr=False)

    def open(self) -> BinaryIO:
        """Return a reader of its own, at the beginning."""
        return io.BufferedReader(_PartReader(self), PIECE_BYTES)


class _PartReader(io.RawIOBase):
    """Reads by position, so that several may read one file at a time."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self._part = part
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._part.size}[whence]
        if begin + offset < 0:
            raise ValueError(f"position {begin + offset} lies before the beginning")
        self._at = begin + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        view = memoryview(buffer)[: max(self._part.size - self._at, 0)]
        read = self._part.scratch.read(view, self._part.begin + self._at)
        self._at += read
        return read


class Scratch:
    """Takes contents one after another; a small one stays in memory.

    `folder` is where the file would have its name; by default where the system keeps such.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._end = 0
        # A thread may still read or write when its task was cancelled and this is closed: the
        # number of the descriptor may be another file's then.
        self._lock = Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def sink(self) -> "ScratchSink":
        """Return where the next content goes; close it before the next is asked for."""
        return ScratchSink(self)

    def append(self, piece: bytes) -> int:
        """Write at the end; return where it began. Raises OSError when the disk is full."""
        with self._lock:
            file, begin, view = self._opened(), self._end, memoryview(piece)
            while view:
                written = os.pwrite(file.fileno(), view, self._end)
                self._end += written
                view = view[written:]
            return begin

    def read(self, into: memoryview, at: int) -> int:
        """Read from a position; return how many bytes."""
        with self._lock:
            return os.preadv(self._opened().fileno(), [into], at)

    def _opened(self) -> IO[bytes]:
        if self._closed:
            raise ValueError("what was written here was let go")
        if self._file is None:
            # Without buffer: it is read and written by position.
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        return self._file

    def close(self) -> None:
        """Let go of what was written; its digests, sizes and heads stay known."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()


class ScratchSink:
    """Takes one content, hashed on the way."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._digest = sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._begin: int | None = None
        self._head = b""
        self.size = 0

    def write(self, piece: bytes, /) -> None:
        """Take a piece; raises OSError when the disk is full."""
        self._digest.update(piece)
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        self.size += len(piece)
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        if self._waiting_bytes > INLINE_BYTES:
            self._flush()

    def _flush(self) -> None:
        at = self._scratch.append(b"".join(self._waiting))
        if self._begin is None:
            self._begin = at
        if at != self._begin + self.size - self._waiting_bytes:
            raise RuntimeError("another content was begun before this one was closed")
        self._waiting, self._waiting_bytes = [], 0

    def close(self) -> Content:
        """Return the content: bytes if it is small."""
        if self._begin is None:
            return b"".join(self._waiting)
        self._flush()
        return Part(self._scratch, self._begin, self.size, self._digest.digest(), self._head)
