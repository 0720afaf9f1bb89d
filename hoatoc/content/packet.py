"""The packet as a door receives it: streamed, hashed on the way, never whole in memory if large.

Up to `INLINE_BYTES` it stays in memory; above that it lies in a file without a name until its door
has taken it (`hoatoc.content.scratch`).
"""

import asyncio
from collections.abc import AsyncIterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from hoatoc.content.scratch import Scratch, ScratchSink
from hoatoc.domain.content import Content, digest_of, head_of, opened, pieces_of, size_of
from hoatoc.domain.packet import ContentTooLarge


class SpooledPacket:
    """A packet that was received and not yet taken; close it, or use it in `with`."""

    def __init__(self, content: Content, scratch: Scratch) -> None:
        self._content, self._scratch = content, scratch
        self.size = size_of(content)
        self.sha256 = digest_of(content)
        self.head = head_of(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def in_memory(self) -> bytes | None:
        """Return the packet if it is small enough to be in memory, else None."""
        return self._content if isinstance(self._content, bytes) else None

    def pieces(self) -> Iterator[bytes]:
        """Yield it from the beginning, again at every call; a large one in pieces of 64 KiB."""
        return pieces_of(self._content)

    def open(self) -> BinaryIO:
        """Return a reader of its own, at the beginning."""
        return opened(self._content)

    def close(self) -> None:
        """Let go of it: nothing is left on the disk."""
        self._scratch.close()


async def receive(
    pieces: AsyncIterable[bytes], largest: int, folder: Path | None = None
) -> SpooledPacket:
    """Receive a packet of at most `largest` bytes as it comes.

    `folder` is where a large one would have its name. Raises ContentTooLarge as soon as there is
    more, what the stream raises, and OSError when the disk is full; nothing is left then.
    """
    with _Receiving(largest, folder) as receiving:
        async for piece in pieces:
            if receiving.take(piece):
                await asyncio.to_thread(receiving.write)
        return await asyncio.to_thread(receiving.done)


def received(data: bytes) -> SpooledPacket:
    """Return a packet that is in memory, of any size, as one that was received."""
    with _Receiving(len(data), None) as receiving:
        receiving.take(data)
        return receiving.done()


def received_file(path: Path, largest: int, folder: Path | None = None) -> SpooledPacket:
    """Receive a packet from a file, as `receive` does; raises ContentTooLarge, and OSError."""
    with _Receiving(largest, folder) as receiving, path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            if receiving.take(piece):
                receiving.write()
        return receiving.done()


_CHUNK_BYTES = 256 * 1024
"""What is written to the disk at a time: the loop is left for a thread so often, not more."""


class _Receiving:
    """A packet on its way in; what is not `done` is let go at the end of `with`."""

    def __init__(self, largest: int, folder: Path | None) -> None:
        self._largest = largest
        self._scratch = Scratch(folder)
        self._sink = ScratchSink(self._scratch)
        self._waiting = bytearray()
        self._size = 0
        self._done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if not self._done:
            self._scratch.close()

    def take(self, piece: bytes) -> bool:
        """Take a piece; tell whether enough waits to be written."""
        self._size += len(piece)
        if self._size > self._largest:
            raise ContentTooLarge("/", f"> {self._largest} bytes", f"{self._largest} bytes")
        self._waiting += piece
        return len(self._waiting) >= _CHUNK_BYTES

    def write(self) -> None:
        """Hash what waits, and write it; blocks."""
        self._sink.write(bytes(self._waiting))
        self._waiting.clear()

    def done(self) -> SpooledPacket:
        """Return the packet; blocks."""
        self.write()
        self._done = True
        return SpooledPacket(self._sink.close(), self._scratch)
