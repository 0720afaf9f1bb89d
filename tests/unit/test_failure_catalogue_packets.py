"""Failures of real integrations that reading a packet prevents.

Each was met in practice: a recall that nobody could correlate, a number taken for last year's, a
day read as a month, a limit that limited nothing, a packet refused for the case of its root.
"""

from dataclasses import replace
from datetime import date

import pytest

from hoatoc.domain.edxml import read_any, read_packet, read_status, write_packet, write_status
from hoatoc.domain.identity import document_key, duplicate_of
from hoatoc.domain.packet import (
    ElementInvalid,
    Packet,
    Party,
    Remark,
    ResponseFor,
    Signer,
    StatusPacket,
)

PACKET = Packet(
    sender=Party(code="000.00.00.G22", name="Văn phòng Chính phủ"),
    recipients=(Party(code="000.00.00.H16"),),
    document_id="000.00.00.G22,2021/02/01,01/VPCP-KSTT",
    number="01",
    notation="VPCP-KSTT",
    promulgated=date(2021, 2, 1),
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
)
XML = write_packet(PACKET).decode()


@pytest.mark.parametrize("business_type", range(4))
def test_f7_no_business_type_is_dropped_unread(business_type: int) -> None:
    earlier = "000.00.00.G22,2021/01/04,1/VPCP-KSTT"
    packet = replace(PACKET, business_type=business_type, business_document_id=earlier)
    assert read_any(write_packet(packet)) == packet


def test_f10_a_number_used_again_next_year_does_not_hit_last_years_document() -> None:
    next_year = replace(
        PACKET,
        promulgated=date(2022, 2, 1),
        document_id="000.00.00.G22,2022/02/01,01/VPCP-KSTT",
    )
    assert document_key(next_year) != document_key(PACKET)
    assert duplicate_of(next_year, PACKET) is None


@pytest.mark.parametrize("organ", ["000.00.00.G22", "G22", "G12.18", "00.99.H29", "999.010.01.H22"])
def test_f12_a_take_back_with_code_and_organ_swapped_is_correlated(organ: str) -> None:
    right = ResponseFor(organ=organ, code="7816/VPCP-TTĐT", promulgated=date(2015, 9, 30))
    status = StatusPacket(sender=Party(code=organ), response_for=right, code="13")
    swapped = replace(status, response_for=replace(right, organ=right.code, code=right.organ))
    found = read_status(write_status(swapped))
    remark = Remark(
        code="response-swapped",
        path="MessageHeader/ResponseFor[1]",
        found=f"7816/VPCP-TTĐT, {organ}",
    )
    assert (found.response_for, found.remarks) == (right, (remark,))


@pytest.mark.parametrize(
    ("organ", "code"),
    [("000.00.00.G22", "G22"), ("G22", ""), ("UBND xã", "G22"), ("7816/VPCP", "7817/VPCP")],
)
def test_f12_what_is_not_swapped_by_its_form_is_left_as_it_stands(organ: str, code: str) -> None:
    response = ResponseFor(organ=organ, code=code, document_id="18661")
    status = StatusPacket(sender=Party(code="H16"), response_for=response, code="13")
    assert read_status(write_status(status)) == status


def test_f13_a_day_that_stands_first_is_not_taken_for_another_day_or_year() -> None:
    found = read_packet(XML.replace(">2021/02/01<", ">30/10/2020<").encode())
    assert (found.promulgated, document_key(found).year) == (date(2020, 10, 30), 2020)
    assert [(remark.code, remark.found) for remark in found.remarks] == [
        ("date-day-first", "30/10/2020")
    ]


def test_f13_a_date_that_does_not_exist_makes_no_key() -> None:
    with pytest.raises(ElementInvalid):
        read_packet(XML.replace(">2021/02/01<", ">31/02/2021<").encode())


def test_f14_a_width_counts_characters_not_groups_between_dots() -> None:
    read_packet(XML.replace("Văn phòng Chính phủ", "ủ" * 200).encode())
    with pytest.raises(ElementInvalid, match="201"):
        read_packet(XML.replace("Văn phòng Chính phủ", "ủ" * 201).encode())


ROOTS = {
    "as specified": {},
    "root in capitals": {"<edXML ": "<EDXML ", "</edXML>": "</EDXML>"},
    "root with the prefix": {"<edXML ": "<edXML:edXML ", "</edXML>": "</edXML:edXML>"},
    "no default namespace": {'<edXML xmlns="': '<edXML xmlns:unused="'},
    "the older namespace": {"www.mic.gov.vn/TBT/QCVN_102_2016": "www.e-doc.vn/Schema/"},
    "no prefix at all": {"edXML:": ""},
}


@pytest.mark.parametrize("changes", ROOTS.values(), ids=ROOTS)
def test_f16_no_case_or_namespace_of_the_root_refuses_a_packet(changes: dict[str, str]) -> None:
    xml = XML
    for old, new in changes.items():
        assert old in xml
        xml = xml.replace(old, new)
    assert read_packet(xml.encode()) == PACKET
