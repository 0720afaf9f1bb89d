"""Any bytes give a packet or a named refusal, soon and in little memory.

Good packets of every type are damaged along their structure; so are good archives. How long each
test goes on is `HOATOC_FUZZ_SECONDS`.
"""

import os
import random
import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from hoatoc.domain.content import size_of
from hoatoc.domain.edxml import (
    LARGEST_PACKET_BYTES,
    read_any,
    read_packet,
    read_status,
    unpack,
    write_packet,
    write_status,
)
from hoatoc.domain.edxml.archive import MAX_UNPACKED_BYTES
from hoatoc.domain.identity import content_digest, document_key, parse_document_id
from hoatoc.domain.packet import Attachment, Packet, PacketFault, StatusPacket

ROOT = Path(__file__).parents[2]
SEEDS = sorted([*ROOT.glob("tests/golden/edxml/*.edxml"), *ROOT.glob("examples/packets/*.edxml")])
SECONDS = float(os.environ.get("HOATOC_FUZZ_SECONDS", "2"))
MEMORY_KIB = 128 * 1024
MOST_CHARACTERS = 2_000_000
PIECE = re.compile(r"<[^>]*>|[^<]+")
TAG = re.compile(r"</?([\w:]+)")

pytestmark = [
    pytest.mark.timeout(SECONDS + 120),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
Pieces = list[str]

HOSTILE_TEXTS = (
    "",
    " ",
    "0",
    "-1",
    "٣",
    "2021/02/30",
    "31/12/2021",
    "0000/00/00",
    "807/VPCP-KSTT",
    "000.00.00.G22",
    "&#0;",
    "&#xD800;",
    "&#x1F4A9;",
    "&lt;b&gt;",
    "&undefined;",
    "cid:",
    "]]>",
    "\x00",
    "\x0b",
    "\ufeff",
    "e\u0301" * 600,
    "x" * 5_000,
    "A" * 70_000,
    "QUJD" * 30_000,
    "====",
)
HOSTILE_PIECES = (
    "<!-- -- -->",
    "<!---->",
    "<![CDATA[<x>]]>",
    "<?xml version='1.1'?>",
    "<?php ?>",
    "<!DOCTYPE edXML>",
    "<!DOCTYPE edXML [<!ENTITY a 'b'>]>",
    "<!ENTITY a 'b'>",
    "<x>" * 100 + "</x>" * 100,
    "<x " + " ".join(f"a{n}='{n}'" for n in range(100)) + "/>",
    "<x xmlns='urn:x'/>",
    "<y:x/>",
    "<x:MessageHeader xmlns:x='urn:x'/>",
    "<MessageHeader><StatusCode>13</StatusCode></MessageHeader>",
    "<Signature><SignatureValue>x</SignatureValue></Signature>",
    "<To/>" * 1_000,
    "".join(f"<n{n}/>" for n in range(1_100)),
    "<!--" + "x" * 200_000 + "-->",
    "<" + "a" * 200_000 + "/>",
)
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "latin-1", "cp1258", "utf-8-sig", "utf-7", "cp037")
NAMES = sorted({name for path in SEEDS for name in TAG.findall(path.read_text("utf-8"))})


def close_of(pieces: Pieces, begin: int) -> int:
    """Return where the element that begins here ends."""
    depth = 0
    for index in range(begin, len(pieces)):
        piece = pieces[index]
        if piece.startswith("</"):
            depth -= 1
        elif piece.startswith("<") and not piece.endswith(("/>", "?>")):
            depth += 1
        if depth <= 0:
            return index
    return len(pieces) - 1


@st.composite
def mutated(draw: st.DrawFn, pieces: Pieces) -> Pieces:
    """Damage a packet at one place."""
    at = draw(st.integers(0, len(pieces) - 1))
    to = draw(st.integers(0, len(pieces) - 1))
    end = close_of(pieces, at) + 1
    part, before, after = pieces[at:end], pieces[:at], pieces[end:]
    name, tag = draw(st.sampled_from(NAMES)), TAG.match(pieces[at])
    rest = before + after
    return draw(
        st.sampled_from(
            [
                before,
                rest,
                before + pieces[at + 1 :],
                before + part * draw(st.sampled_from([2, 3, 500])) + after,
                rest[:to] + part + rest[to:],
                [*before, draw(st.sampled_from(HOSTILE_TEXTS)), *pieces[at + 1 :]],
                [*before, draw(st.sampled_from(HOSTILE_PIECES)), *pieces[at:]],
                [*before, draw(st.text(max_size=20)), *pieces[at + 1 :]],
                [piece.replace(tag[1], name) for piece in pieces] if tag else pieces,
            ]
        )
    )


def bounded_pieces(pieces: Pieces) -> Pieces:
    """Return as many pieces as make 2 MB: what is repeated may be repeated again."""
    sizes = accumulate(map(len, pieces))
    return [piece for piece, size in zip(pieces, sizes, strict=True) if size <= MOST_CHARACTERS]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Return the bytes of a good packet, damaged a few times, perhaps in another encoding."""
    pieces = PIECE.findall(draw(st.sampled_from(SEEDS)).read_text("utf-8"))
    for _ in range(draw(st.integers(0, 4))):
        pieces = bounded_pieces(draw(mutated(pieces))) or [""]
    encoding = draw(st.sampled_from(("utf-8",) * 8 + ENCODINGS))
    text = "".join(pieces)
    if draw(st.booleans()):
        text = text.replace('"UTF-8"', f'"{encoding}"')
    data = bytearray(text.encode(encoding, errors="xmlcharrefreplace"))
    for _ in range(draw(st.integers(0, 2)) if data else 0):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


def is_read_or_refused(data: bytes, cut: int) -> None:
    """Read bytes, whole and as they come; what is read can be written and read again."""
    began = time.process_time()
    found = outcome(data)
    pieces = (data[begin : begin + cut] for begin in range(0, len(data), cut))
    again = outcome(pieces)
    spent = time.process_time() - began
    assert repr(again) == repr(found)
    assert spent < 2 * max(1.0, len(data) / 1e6), f"{spent} s for {len(data)} bytes"
    if isinstance(found, Packet):
        document_key(found)
        content_digest(found)
        parse_document_id(found.document_id)
        plain = replace(found, signed=False, remarks=())
        assert read_packet(write_packet(plain, limit=LARGEST_PACKET_BYTES)) == plain
    elif isinstance(found, StatusPacket):
        plain_status = replace(found, remarks=())
        assert read_status(write_status(plain_status)) == plain_status


def outcome(data: bytes | Iterator[bytes]) -> Packet | StatusPacket | PacketFault:
    try:
        return read_any(data, limit=LARGEST_PACKET_BYTES)
    except PacketFault as fault:
        return fault


def archive(members: list[tuple[str, bytes]], method: int) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", method) as packed:
        for number, (name, content) in enumerate(members):
            packed.writestr(f"{number}{name}", content)
    return buffer.getvalue()


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Return a good archive, perhaps inside another, damaged where it hurts."""
    contents = st.binary(max_size=50) | st.just(bytes(100_000))
    members = draw(st.lists(st.tuples(st.text(max_size=5), contents), max_size=4))
    method = draw(st.sampled_from([ZIP_STORED, ZIP_DEFLATED]))
    inner = archive(
        [(name.encode("ascii", "ignore").decode(), content) for name, content in members], method
    )
    data = bytearray(archive([("inner.zip", inner)], ZIP_STORED) if draw(st.booleans()) else inner)
    marks = [match.start() for match in re.finditer(rb"PK..", data, re.DOTALL)]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.sampled_from(marks)) + draw(st.integers(0, 60))
        if at < len(data):
            data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    end = draw(st.sampled_from([len(data)] * 4 + [len(data) // 2]))
    return bytes(data[:end])


def is_unpacked_or_refused(content: bytes) -> None:
    """Unpack an archive: what it gives is no more than it may be."""
    attachment = Attachment(name="a.zip", content_type="application/zip", content=content)
    began = time.process_time()
    with suppress(PacketFault):
        files = unpack(attachment)
        assert sum(size_of(file.content) for file in files) <= MAX_UNPACKED_BYTES + len(content)
    assert time.process_time() - began < 2


def spend(strategies: dict[str, st.SearchStrategy[object]], check: Callable[..., None]) -> None:
    """Try ever new examples until the time is over; watch the memory."""
    bounded = settings(
        max_examples=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    def watched(
        **example: object,
    ) -> None:  # not what makes examples: on a new machine it takes much
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        check(**example)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        assert grown < MEMORY_KIB, f"{grown} KiB more"

    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed(random.getrandbits(64))(bounded(given(**strategies)(watched)))()


def test_a_damaged_packet_is_read_or_refused_by_name() -> None:
    spend({"data": mutants(), "cut": st.sampled_from([100, 4_096, 65_536])}, is_read_or_refused)


def test_any_bytes_are_read_or_refused_by_name() -> None:
    spend({"data": st.binary(max_size=300), "cut": st.just(7)}, is_read_or_refused)


def test_a_damaged_archive_is_unpacked_or_refused_by_name() -> None:
    spend({"content": archives()}, is_unpacked_or_refused)
