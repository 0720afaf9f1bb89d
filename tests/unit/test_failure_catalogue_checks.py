"""Failures met in real integrations that the checks prevent; F: the number in the catalogue."""

from dataclasses import replace
from datetime import date

import pytest

from hoatoc.domain.check import CheckFailed, require
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.packet import ElementInvalid, Packet, Party, Signer
from hoatoc.testing.letter import LETTER, codes, findings, to

WITHOUT_DOTS = "Đ"


@pytest.mark.parametrize(
    ("packet", "element"),
    [
        (replace(LETTER, subject=WITHOUT_DOTS * 501), "Subject"),
        (replace(LETTER, number="1" * 12), "CodeNumber"),
        (replace(LETTER, notation=WITHOUT_DOTS * 31), "CodeNotation"),
        (replace(LETTER, type_name=WITHOUT_DOTS * 101), "TypeName"),
        (replace(LETTER, sender=Party(code="G22", name=WITHOUT_DOTS * 201)), "OrganName"),
        (replace(LETTER, sender=Party(code="G" * 36)), "OrganId"),
        (replace(LETTER, signer=Signer(full_name=WITHOUT_DOTS * 51)), "FullName"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_f14_lengths_are_of_characters_not_of_parts_between_dots(
    packet: Packet, element: str
) -> None:
    with pytest.raises(ElementInvalid, match=element):
        read_packet(write_packet(packet))


@pytest.mark.parametrize("subject", ["a.b.c.d.e.f", "." * 100, WITHOUT_DOTS * 500])
def test_f14_dots_in_a_text_are_no_fault(subject: str) -> None:
    packet = read_packet(write_packet(replace(LETTER, subject=subject)))
    assert codes(packet) == []


@pytest.mark.parametrize(
    ("number", "notation", "code"),
    [
        ("80a", "VPCP-KSTT", "number-form"),
        ("807/VPCP", "VPCP-KSTT", "number-form"),
        ("807", "807/VPCP-KSTT", "notation-number-repeated"),
        ("807", "VPCP_KSTT", "notation-form"),
    ],
)
def test_f14_a_number_and_a_notation_have_a_form(number: str, notation: str, code: str) -> None:
    packet = read_packet(write_packet(replace(LETTER, number=number, notation=notation)))
    assert code in codes(packet)


def test_f14_an_empty_number_of_a_draft_goes_nowhere() -> None:
    with pytest.raises(CheckFailed, match="Văn bản chưa có số"):
        require(findings(replace(LETTER, number="", notation="UBND-TTĐT")))


def test_f6_a_recipient_named_twice_under_two_codes_is_sent_nothing_twice() -> None:
    with pytest.raises(CheckFailed, match=r"000\.00\.00\.H16 bị lặp"):
        require(findings(to("H16", "H33", "000.00.00.H16")))


@pytest.mark.parametrize("business_type", [0, 1, 2, 3])
def test_f7_every_business_type_is_looked_at_and_none_is_dropped(business_type: int) -> None:
    found = codes(replace(LETTER, business_type=business_type, promulgated=date(2022, 1, 1)))
    assert "promulgated-in-future" in found


def test_f13_a_date_written_day_first_is_shown_to_a_person() -> None:
    written = write_packet(LETTER).replace(b"2021/02/01</", b"01/02/2021</", 1)
    packet = read_packet(written)
    assert packet.promulgated == LETTER.promulgated
    assert "read-tolerantly" in codes(packet)


def test_f19_a_recall_without_its_reason_is_noticed() -> None:
    recall = replace(LETTER, business_type=1, business_document_id=LETTER.document_id)
    assert codes(recall) == ["recall-reason-missing"]
    assert codes(replace(recall, business_reason="Gửi nhầm nơi nhận")) == []
