"""Content: bytes in memory, or kept elsewhere and read in pieces, as often as wanted.

A packet and its files may be as great as fifty megabytes; what reads them holds a piece at a time.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, Protocol, final

INLINE_BYTES = 256 * 1024
"""The greatest content that is carried inside a record; larger content needs its own store."""

PIECE_BYTES = 64 * 1024
HEAD_BYTES = 1024
"""What tells the type of a file stands in its first bytes."""


class Kept(Protocol):
    """Content that is kept elsewhere than in memory."""

    @property
    def size(self) -> int:
        """Its size in bytes."""
        ...

    @property
    def sha256(self) -> bytes:
        """Its digest."""
        ...

    @property
    def head(self) -> bytes:
        """Its first `HEAD_BYTES` bytes."""
        ...

    def open(self) -> BinaryIO:
        """Return a reader of its own, at the beginning."""
        ...


Content = bytes | Kept


class Sink(Protocol):
    """Where content goes piece by piece."""

    def write(self, piece: bytes, /) -> object:
        """Take a piece."""
        ...

    def close(self) -> Content:
        """Return the content that was written."""
        ...


Sinks = Callable[[], Sink]


class InMemory:
    """A sink whose content is bytes."""

    def __init__(self) -> None:
        self._written = BytesIO()  # gives its bytes without a second copy of them

    def write(self, piece: bytes, /) -> None:
        """Take a piece."""
        self._written.write(piece)

    def close(self) -> bytes:
        """Return the bytes."""
        return self._written.getvalue()


def size_of(content: Content) -> int:
    """Return how many bytes there are."""
    return len(content) if isinstance(content, bytes) else content.size


def digest_of(content: Content) -> bytes:
    """Return the SHA-256."""
    return sha256(content).digest() if isinstance(content, bytes) else content.sha256


def head_of(content: Content) -> bytes:
    """Return the first `HEAD_BYTES` bytes."""
    return content[:HEAD_BYTES] if isinstance(content, bytes) else content.head


def opened(content: Content) -> BinaryIO:
    """Return a reader of its own, at the beginning."""
    return BytesIO(content) if isinstance(content, bytes) else content.open()


def pieces_of(content: Content, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the content from the beginning; bytes come whole, and no piece is empty."""
    if isinstance(content, bytes):
        yield from (content,) if content else ()
        return
    with content.open() as reader:
        while piece := reader.read(size):
            yield piece


def whole(content: Content) -> bytes:
    """Return all of it, in memory."""
    return b"".join(pieces_of(content))


def windows(content: Content, width: int) -> Iterator[bytes]:
    """Yield the pieces, each behind the last `width` - 1 bytes of what came before.

    Whatever is `width` bytes long stands in one of them, and in no more.
    """
    rest = b""
    for piece in pieces_of(content):
        window = rest + piece if rest else piece
        yield window
        rest = window[max(len(window) - width + 1, 0) :]


def contains(content: Content, mark: bytes) -> bool:
    """Tell whether these bytes stand in the content."""
    return any(mark in window for window in windows(content, len(mark)))


@final
@dataclass(frozen=True, slots=True, order=True)
class ClaimCheck:
    """The claim check of content that lies in the store: its digest and its size in bytes."""

    sha256: bytes
    size: int

    @property
    def name(self) -> str:
        """Return the name of the content in the store, as records carry it."""
        digest = self.sha256.hex()
        return f"{digest[:2]}/{digest}"


def claim_of(content: Content) -> ClaimCheck:
    """Return by what content is claimed."""
    return ClaimCheck(digest_of(content), size_of(content))


_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


def digest_named(name: str) -> bytes | None:
    """Return the digest that the name of content in the store tells; None if it is none."""
    match = _NAME.fullmatch(name)
    return bytes.fromhex(match[2]) if match else None
