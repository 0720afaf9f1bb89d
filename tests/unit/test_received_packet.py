"""A packet is received in pieces, hashed on the way, and nothing of it is left."""

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.content.packet import SpooledPacket, receive, received, received_file
from hoatoc.content.scratch import Scratch
from hoatoc.domain.content import (
    HEAD_BYTES,
    INLINE_BYTES,
    claim_of,
    contains,
    digest_named,
    digest_of,
    head_of,
    size_of,
    whole,
    windows,
)
from hoatoc.domain.packet import ContentTooLarge

LARGE = os.urandom(3 * INLINE_BYTES + 5)


async def in_pieces(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def is_same(packet: SpooledPacket, data: bytes) -> bool:
    return (
        (packet.size, packet.sha256, packet.head)
        == (len(data), sha256(data).digest(), data[:HEAD_BYTES])
        and b"".join(packet.pieces()) == data
        and packet.open().read() == data
    )


@pytest.mark.parametrize("size", [0, 1, INLINE_BYTES, INLINE_BYTES + 1, len(LARGE)])
async def test_what_was_received_is_what_was_sent(tmp_path: Path, size: int) -> None:
    data = LARGE[:size]
    with await receive(in_pieces(data), len(LARGE), tmp_path) as packet:
        assert is_same(packet, data)
        assert packet.in_memory() == (data if size <= INLINE_BYTES else None)


async def test_a_large_packet_is_in_no_folder_while_it_is_there(tmp_path: Path) -> None:
    with await receive(in_pieces(LARGE), len(LARGE), tmp_path) as packet:
        assert packet.in_memory() is None
        assert [] == list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="let go"):
        list(packet.pieces())


async def test_one_that_is_too_large_is_refused_while_it_comes(tmp_path: Path) -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield bytes(1000)

    with pytest.raises(ContentTooLarge):
        await receive(endless(), 9_999, tmp_path)
    assert 10 == asked


async def test_one_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield LARGE
        raise ConnectionResetError

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ConnectionResetError):
        await receive(cut(), 10 * len(LARGE), tmp_path)
    assert before == len(list(Path("/proc/self/fd").iterdir()))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"small", LARGE])
def test_a_file_or_bytes_are_received_likewise(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "packet.edxml"
    file.write_bytes(data)
    with received(data) as one, received_file(file, len(data)) as other:
        assert is_same(one, data)
        assert is_same(other, data)
    with pytest.raises(ContentTooLarge):
        received_file(file, len(data) - 1)


def test_two_readers_of_one_packet_do_not_meet() -> None:
    with received(LARGE) as packet, packet.open() as one, packet.open() as other:
        assert one.read(10) == other.read(10)
        assert other.seek(-3, os.SEEK_END) == len(LARGE) - 3
        assert other.read() == LARGE[-3:]
        assert one.read(3) == LARGE[10:13]
        with pytest.raises(ValueError, match="before the beginning"):
            other.seek(-1)


def test_contents_lie_one_behind_another(tmp_path: Path) -> None:
    data = [LARGE, b"small", LARGE[7:], b""]
    with Scratch(tmp_path) as scratch:
        kept = []
        for each in data:
            sink = scratch.sink()
            for begin in range(0, len(each), 50_000):
                sink.write(each[begin : begin + 50_000])
            kept.append(sink.close())
        assert data == [whole(each) for each in kept]
        assert [False, True, False, True] == [isinstance(each, bytes) for each in kept]
    assert [sha256(each).digest() for each in data] == [digest_of(each) for each in kept]
    assert [len(each) for each in data] == [size_of(each) for each in kept]
    assert [each[:HEAD_BYTES] for each in data] == [head_of(each) for each in kept]


def test_two_contents_at_a_time_are_found_out() -> None:
    with Scratch() as scratch:
        one, other = scratch.sink(), scratch.sink()
        one.write(LARGE)
        other.write(LARGE)
        with pytest.raises(RuntimeError, match="before this one was closed"):
            one.write(LARGE)


@given(
    st.lists(st.sampled_from([b"", b"a", b"ab", b"aba", b"b" * 5]), max_size=12),
    st.sampled_from([b"a", b"ab", b"aab", b"bab"]),
)
def test_a_mark_is_found_wherever_it_stands(pieces: list[bytes], mark: bytes) -> None:
    content = InPieces(pieces)
    data = b"".join(pieces)
    assert contains(content, mark) == (mark in data)
    starts = sum(data.startswith(mark, at) for at in range(len(data)))
    found = sum(
        sum(window.startswith(mark, at) for at in range(len(window)))
        for window in windows(content, len(mark))
    )
    assert starts == found


class InPieces:
    """Content that comes in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = [piece for piece in pieces if piece]
        data = b"".join(pieces)
        self.size, self.sha256, self.head = len(data), sha256(data).digest(), data[:HEAD_BYTES]

    def open(self) -> BinaryIO:
        return Pieces(self.pieces)


class Pieces(BytesIO):
    """A reader that gives one piece after another, whatever is asked for."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self.rest = list(pieces)

    def read(self, size: int | None = -1, /) -> bytes:
        del size
        return self.rest.pop(0) if self.rest else b""


def test_the_name_of_content_tells_its_digest() -> None:
    claim = claim_of(b"x")
    assert claim.sha256 == digest_named(claim.name)
    for name in ("", "ab/readme.txt", f"00/{claim.sha256.hex()}", f"{claim.name}#1"):
        assert digest_named(name) is None
