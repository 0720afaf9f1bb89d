"""Facts about packets that are built to do harm."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_packet
from hoatoc.domain.edxml.parser import MAX_HEADER_BYTES, MAX_SIGNATURE_BYTES, MAX_TOKEN_BYTES
from hoatoc.domain.packet import (
    Attachment,
    ContentTooLarge,
    DoctypeForbidden,
    ElementInvalid,
    Packet,
    PacketFault,
    Party,
    Signer,
    TooComplex,
)

PACKET = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H16"),),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    promulgated=date(2021, 2, 1),
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
    attachments=(Attachment(name="a", content_type="", content=bytes(range(256)) * 4096),),
)
LARGE = write_packet(PACKET, limit=LARGEST_PACKET_BYTES)
SMALL = write_packet(replace(PACKET, attachments=()))
HEADER = b"<edXML><MessageHeader>"


def fault_of(data: bytes, limit: int = LARGEST_PACKET_BYTES) -> PacketFault:
    with pytest.raises(PacketFault) as caught:
        read_packet(data, limit=limit)
    return caught.value


def test_a_door_for_large_content_reads_a_large_packet() -> None:
    assert read_packet(LARGE, limit=LARGEST_PACKET_BYTES) == PACKET


@pytest.mark.parametrize("limit", [0, LARGEST_PACKET_BYTES + 1])
def test_no_door_takes_more_than_fifty_megabytes(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        read_packet(SMALL, limit=limit)


def test_a_stream_is_given_up_where_it_passes_the_limit() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b" " * 1000

    with pytest.raises(ContentTooLarge):
        read_packet(endless(), limit=10_000)
    assert taken == 11


def test_a_stream_that_breaks_is_not_blamed_on_the_packet() -> None:
    def broken() -> Iterator[bytes]:
        yield SMALL[:100]
        raise ValueError("the connection")

    with pytest.raises(ValueError, match="the connection"):
        read_packet(broken())


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "data",
    [
        b"<edXML>" * 30_000,
        HEADER + b"<To>" * 60_000,
        b"<edXML><" + b"a" * (3 * MAX_TOKEN_BYTES) + b">",
        HEADER + b"<To/>" * 50_000,
        HEADER + b"<ToPlaces>" + b"<Place/>" * 50_000,
        b"<edXML>" + b"".join(b"<n%d/>" % number for number in range(5_000)),
        b"<edXML " + b" ".join(b"a%d=''" % number for number in range(100)) + b">",
        b"".join(b"<edXML>%s" % (b"<a b%d=''/>" % number) for number in range(5_000)),
        b"<edXML a='" + b"x" * (3 * MAX_TOKEN_BYTES),
        b"<edXML><!--" + b"x" * (3 * MAX_TOKEN_BYTES),
        b"<edXML><?x " + b"x" * (3 * MAX_TOKEN_BYTES),
        b"<edXML><x>" + b"x" * (MAX_HEADER_BYTES + 3 * MAX_TOKEN_BYTES),
        b"<edXML><Signature><x>" + b"x" * (MAX_SIGNATURE_BYTES + 3 * MAX_TOKEN_BYTES),
        b"<edXML><Signature>" + b"<x>x</x>" * 40_000 + b"</Signature>",
    ],
    ids=lambda data: f"{data[:30]!r}{len(data)}",
)
def test_a_hostile_shape_is_refused_as_too_complex(data: bytes) -> None:
    assert type(fault_of(data)) is TooComplex


@pytest.mark.parametrize("text", [b"x" * 300_000, b"&#65;" * 100_000, b"\n" * 300_000 + b"x"])
def test_a_text_without_end_is_refused_where_it_stands(text: bytes) -> None:
    fault = fault_of(HEADER + b"<Subject>" + text)
    assert (type(fault), fault.path) == (ElementInvalid, "MessageHeader/Subject")


@pytest.mark.timeout(10)
def test_a_bomb_of_entities_is_refused_before_the_first_is_declared() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE edXML [<!ENTITY e0 "ha">{entities}]><edXML>&e9;</edXML>'
    assert type(fault_of(bomb.encode())) is DoctypeForbidden


def test_many_recipients_are_no_attack() -> None:
    many = tuple(Party(code=f"H16.{number}", name="UBND xã") for number in range(10_000))
    data = write_packet(replace(PACKET, recipients=many), limit=LARGEST_PACKET_BYTES)
    assert read_packet(data, limit=LARGEST_PACKET_BYTES).recipients == many
