"""The stored packets: what is written is these bytes, and what others write is read."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hoatoc.domain.content import whole
from hoatoc.domain.edxml import read_any, read_packet, unpack, write_packet, write_status
from hoatoc.domain.packet import (
    RECALL,
    REPLACEMENT,
    UPDATE,
    Attachment,
    OtherInfo,
    Packet,
    Party,
    ReceiverChange,
    Remark,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusPacket,
    Trace,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "edxml"
NEW = Packet(
    sender=Party(code="000.00.00.G22", name="Văn phòng Chính phủ", email="vanthu@g22.example"),
    recipients=(
        Party(code="000.00.00.H16", name="UBND tỉnh Đắk Nông"),
        Party(code="000.00.00.H33", name="UBND tỉnh Kiên Giang"),
    ),
    document_id="000.00.00.G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    place="Hà Nội",
    promulgated=date(2021, 2, 1),
    type_code="18",
    type_name="Công văn",
    subject="Tăng cường gửi, nhận văn bản điện tử & giám sát <tồn đọng>",
    content="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(competence="KT.", position="PHÓ CHỦ NHIỆM", full_name="Nguyễn Văn A"),
    due=date(2021, 2, 9),
    places=("Lưu: VT, KSTT", "Cổng TTĐT"),
    priority=1,
    staff=Staff(department="Văn thư", name="Nguyễn Thị B"),
    other=OtherInfo(sphere="Hành chính", copies="95", pages="2", appendixes=("Phụ lục I",)),
    responses=(ResponseFor(organ="000.00.00.H16", code="12/UBND-VX"),),
    traces=(Trace(code="000.00.00.G22", at="2021/02/01 15:00:00"),),
    attachments=(
        Attachment(
            name="807.txt",
            content_type="text/plain",
            content="Số: 807/VPCP-KSTT\n".encode(),
            content_id="807-1",
            description="Công văn",
        ),
    ),
)
LATER = replace(NEW, responses=(), attachments=(), business_document_id=NEW.document_id)
PACKETS = {
    "new": NEW,
    "recall": replace(LATER, business_type=RECALL, business_reason="Sai số liệu tại mục 2"),
    "update": replace(
        LATER,
        business_type=UPDATE,
        document_changed=True,
        receiver_changes=(
            ReceiverChange(code="000.00.00.H33", added=False),
            ReceiverChange(code="000.00.00.H50", added=True),
        ),
    ),
    "replacement": replace(
        LATER,
        number="808",
        document_id="000.00.00.G22,2021/02/03,808/VPCP-KSTT",
        promulgated=date(2021, 2, 3),
        business_type=REPLACEMENT,
        replacements=(
            Replacement(document_id=NEW.document_id, organs=("000.00.00.H16", "000.00.00.H33")),
        ),
    ),
}
STATUS = StatusPacket(
    sender=Party(code="000.00.00.H16", name="UBND tỉnh Đắk Nông"),
    response_for=ResponseFor(
        organ="000.00.00.G22",
        code="807/VPCP-KSTT",
        promulgated=date(2021, 2, 1),
        document_id=NEW.document_id,
    ),
    code="02",
    description="Gửi sai nơi nhận",
    at="2021/02/01 15:30:00",
    staff=Staff(department="Văn thư", name="Trần Văn C"),
)
WRITTEN = {
    **{name: write_packet(packet) for name, packet in PACKETS.items()},
    "status": write_status(STATUS),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_packet_is_written_byte_for_byte_as_stored(name: str) -> None:
    assert (GOLDEN / f"{name}.edxml").read_bytes() == WRITTEN[name]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_stored_packet_reads_as_what_was_written(name: str) -> None:
    expected = {**PACKETS, "status": STATUS}[name]
    assert read_any((GOLDEN / f"{name}.edxml").read_bytes()) == expected


FOREIGN = replace(
    NEW,
    content=NEW.subject,
    recipients=NEW.recipients[:1],
    staff=Staff(),
    other=OtherInfo(),
    responses=(),
    places=(),
    traces=(),
    priority=0,
    due=None,
    sender=replace(NEW.sender, email=""),
    attachments=(),
)


def test_a_packet_of_a_java_client_is_read() -> None:
    packet = read_packet((GOLDEN / "foreign-java.edxml").read_bytes())
    assert replace(packet, attachments=()) == replace(
        FOREIGN, traces=NEW.traces, steering="0", type_code="1", type_detail="0"
    )
    assert [whole(file.content).decode() for file in unpack(packet.attachments[0])] == [
        "Số: 807/VPCP-KSTT\n"
    ]


def test_a_packet_of_a_dotnet_client_is_read() -> None:
    packet = read_packet((GOLDEN / "foreign-dotnet.edxml").read_bytes())
    assert packet == replace(
        FOREIGN,
        traces=NEW.traces,
        steering="1",
        attachments=(replace(NEW.attachments[0], description=""),),
    )


def test_a_packet_in_the_older_namespace_and_a_soap_envelope_is_read() -> None:
    packet = read_packet((GOLDEN / "foreign-soap.edxml").read_bytes())
    path = "MessageHeader/PromulgationInfo/PromulgationDate"
    remarks = tuple(
        Remark(code=code, path=path, found="01/02/2021")
        for code in ("date-day-first", "date-ambiguous")
    )
    assert packet == replace(
        FOREIGN, other=OtherInfo(direction="false"), signed=True, remarks=remarks
    )
