"""Facts about the identity of documents, dispatches and deliveries."""

from dataclasses import replace
from datetime import date
from unicodedata import normalize
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.identity import (
    DispatchId,
    DocumentKey,
    OrganCode,
    content_digest,
    delivery_id,
    dispatch_id_from,
    document_key,
)
from hoatoc.domain.packet import Attachment, Packet, Party, Signer, Trace

FIRST = Attachment(name="Văn bản.txt", content_type="text/plain", content=b"807", content_id="1")
SECOND = Attachment(name="Phụ lục.txt", content_type="text/plain", content=b"775", content_id="2")
PACKET = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H16"), Party(code="H33")),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    promulgated=date(2021, 2, 1),
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
    due=date(2021, 2, 9),
    attachments=(FIRST, SECOND),
)
KEY = DocumentKey(issuer=OrganCode("G22"), year=2021, number="807", notation="VPCP-KSTT")
DISPATCH = DispatchId(UUID("01775b29-2c00-7000-8000-000000000001"))


def test_a_document_is_known_by_issuer_year_number_and_notation() -> None:
    assert document_key(PACKET) == KEY


@pytest.mark.parametrize(
    ("number", "notation", "key"),
    [
        ("0807", "VPCP-KSTT", KEY),
        ("807 ", "VPCP - KSTT", KEY),
        ("807", "vpcp-kstt", KEY),
        ("05", "UBND-TTĐT", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u00d0T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u0189T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u00f0T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("0", "QyĐ-BNV", replace(KEY, number="0", notation="QYĐ-BNV")),
    ],
)
def test_spellings_of_one_number_and_notation_are_one_document(
    number: str, notation: str, key: DocumentKey
) -> None:
    assert document_key(replace(PACKET, number=number, notation=notation)) == key


def test_the_same_number_in_another_year_is_another_document() -> None:
    next_year = replace(PACKET, promulgated=date(2022, 2, 1))
    assert document_key(next_year) == replace(KEY, year=2022)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_normalised_key_stays_as_it_is(number: str, notation: str) -> None:
    once = document_key(replace(PACKET, number=number, notation=notation))
    again = document_key(replace(PACKET, number=once.number, notation=once.notation))
    assert again == once


def test_a_dispatch_id_is_laid_out_as_in_rfc_9562() -> None:
    # RFC 9562, appendix A.6: rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    chance = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10)
    made = dispatch_id_from(1645557742000, chance)
    assert made == UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_dispatch_id_is_a_uuid_of_version_7_that_tells_its_time(
    now_ms: int, chance: bytes
) -> None:
    made = dispatch_id_from(now_ms, chance)
    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, now_ms)


@given(st.integers(0, 2**48 - 2), *[st.binary(min_size=10, max_size=10)] * 2)
def test_a_later_dispatch_has_a_greater_id(now_ms: int, one: bytes, other: bytes) -> None:
    assert dispatch_id_from(now_ms, one) < dispatch_id_from(now_ms + 1, other)


def test_anyone_can_compute_the_id_of_a_delivery() -> None:
    expected = UUID("f358d588-9ce9-5da2-9256-b8f2519e1fe2")
    assert delivery_id(DISPATCH, OrganCode("H16")) == expected


def test_deliveries_of_one_dispatch_differ() -> None:
    ids = {delivery_id(DISPATCH, OrganCode(code)) for code in ("H16", "H33", "000.00.00.H16")}
    assert len(ids) == 3


def test_the_digest_of_a_content_never_changes_between_releases() -> None:
    assert content_digest(PACKET).hex() == (
        "72fab01118c01f9f917e3d51634e36701c2b21bcb1fa11c18a3f912eea89a72b"
    )


@pytest.mark.parametrize(
    "same",
    [
        replace(PACKET, recipients=PACKET.recipients[::-1]),
        replace(PACKET, attachments=PACKET.attachments[::-1]),
        replace(PACKET, attachments=(replace(FIRST, content_id="x"), SECOND)),
        replace(PACKET, traces=(Trace(code="G22", at="2021/02/01 15:00:00"),)),
        replace(PACKET, subject=normalize("NFD", PACKET.subject)),
        replace(
            PACKET,
            attachments=(replace(FIRST, name=normalize("NFD", FIRST.name)), SECOND),
        ),
        read_packet(write_packet(PACKET)),
    ],
)
def test_the_same_content_serialised_otherwise_has_the_same_digest(
    same: Packet,
) -> None:
    assert content_digest(same) == content_digest(PACKET)


@pytest.mark.parametrize(
    "other",
    [
        replace(PACKET, subject="Khác"),
        replace(PACKET, priority=3),
        replace(PACKET, due=None),
        replace(PACKET, recipients=PACKET.recipients[:1]),
        replace(PACKET, attachments=(FIRST,)),
        replace(PACKET, attachments=(replace(FIRST, content=b"808"), SECOND)),
        replace(PACKET, attachments=(replace(FIRST, name="khác.txt"), SECOND)),
        replace(PACKET, place="ab", content="c"),
    ],
)
def test_another_content_has_another_digest(other: Packet) -> None:
    assert content_digest(other) != content_digest(PACKET)
