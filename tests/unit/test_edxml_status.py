"""Facts about reading and writing status packets."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.edxml import read_any, read_packet, read_status, write_packet, write_status
from hoatoc.domain.packet import (
    ElementInvalid,
    ElementMissing,
    NotADocument,
    NotAStatus,
    Packet,
    PacketFault,
    Party,
    Remark,
    ResponseFor,
    Signer,
    Staff,
    StatusPacket,
)

STATUS = StatusPacket(
    sender=Party(code="H16", name="UBND tỉnh Đắk Nông"),
    response_for=ResponseFor(
        organ="000.00.00.G22",
        code="807/VPCP-KSTT",
        promulgated=date(2021, 2, 1),
        document_id="000.00.00.G22,2021/02/01,807/VPCP-KSTT",
    ),
    code="03",
    description="Đã tiếp nhận",
    at="2021/02/01 15:30:00",
    staff=Staff(department="Văn thư", name="Nguyễn Thị B"),
)
XML = write_status(STATUS).decode()
DOCUMENT = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H16"),),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    promulgated=date(2021, 2, 1),
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
)


def changed(old: str, new: str) -> bytes:
    assert old in XML
    return XML.replace(old, new).encode()


def fault_of(data: bytes) -> PacketFault:
    with pytest.raises(PacketFault) as caught:
        read_status(data)
    return caught.value


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=30).map(str.strip)
filled = texts.filter(bool)
codes = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,3})?", fullmatch=True)
statuses = st.builds(
    StatusPacket,
    sender=st.builds(Party, code=codes, name=texts),
    response_for=st.builds(
        ResponseFor,
        organ=codes,
        code=filled,
        promulgated=st.none() | st.dates(),
        document_id=texts,
    ),
    code=filled,
    description=texts,
    at=texts,
    staff=st.builds(Staff, department=texts, name=texts, department_id=texts),
)


@given(statuses)
def test_every_status_written_is_read_back_as_it_was(status: StatusPacket) -> None:
    assert read_status(write_status(status)) == status


@pytest.mark.parametrize("code", ["01", "16", "07", "0", "null", "999"])
def test_a_code_is_kept_as_written_known_or_not(code: str) -> None:
    assert read_status(changed("Code>03<", f"Code>{code}<")) == replace(STATUS, code=code)


def test_a_packet_tells_by_itself_whether_it_is_a_document_or_a_status() -> None:
    assert read_any(XML.encode()) == STATUS
    assert read_any(write_packet(DOCUMENT)) == DOCUMENT


def test_a_document_is_no_status_and_a_status_no_document() -> None:
    assert type(fault_of(write_packet(DOCUMENT))) is NotAStatus
    with pytest.raises(NotADocument):
        read_packet(XML.encode())


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (">H16<", "><", "MessageHeader/From/OrganId"),
        (">000.00.00.G22<", "><", "MessageHeader/ResponseFor[1]/OrganId"),
        (">03<", "> <", "MessageHeader/StatusCode"),
        ("ResponseFor>", "Other>", "MessageHeader/ResponseFor"),
    ],
)
def test_what_a_status_lacks_is_named(old: str, new: str, path: str) -> None:
    fault = fault_of(changed(old, new))
    assert (type(fault), fault.path) == (ElementMissing, path)


def test_a_status_may_name_the_document_by_its_id_alone() -> None:
    data = changed(">807/VPCP-KSTT<", "><")
    expected = replace(STATUS, response_for=replace(STATUS.response_for, code=""))
    assert read_status(data) == expected


def test_a_status_that_names_the_document_neither_way_is_refused() -> None:
    data = changed(">807/VPCP-KSTT<", "><").replace(
        b">000.00.00.G22,2021/02/01,807/VPCP-KSTT<", b"><"
    )
    assert fault_of(data).path == "MessageHeader/ResponseFor[1]/Code"


def test_a_status_speaks_of_one_document() -> None:
    begin, end = XML.index("<edXML:ResponseFor>"), XML.index("<edXML:StaffInfo>")
    fault = fault_of(changed(XML[begin:end], XML[begin:end] * 2))
    assert (type(fault), fault.path) == (ElementInvalid, "MessageHeader/ResponseFor")


def test_a_day_that_stands_first_is_remarked() -> None:
    found = read_status(changed(">2021/02/01<", ">30/01/2021<"))
    path = "MessageHeader/ResponseFor[1]/PromulgationDate"
    assert found.response_for.promulgated == date(2021, 1, 30)
    assert found.remarks == (Remark(code="date-day-first", path=path, found="30/01/2021"),)


def test_a_date_that_does_not_exist_is_refused() -> None:
    fault = fault_of(changed(">2021/02/01<", ">2021/02/30<"))
    assert (type(fault), fault.found) == (ElementInvalid, "2021/02/30")


def test_a_fault_speaks_both_languages() -> None:
    text = str(fault_of(write_packet(DOCUMENT)))
    assert "Gói tin không phải gói tin trạng thái" in text
    assert "The packet is no status report" in text
