"""Facts about documents as agencies write them: what is right raises no alarm."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.check import Severity, check
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.packet import PRIORITIES, Packet, Party, Signer
from hoatoc.domain.registry import Registry
from hoatoc.testing.letter import (
    AGENCY,
    DECISION,
    LETTER,
    PERSON,
    TODAY,
    attached,
    codes,
    examined,
    organ,
)

PACKETS = Path(__file__).parents[2] / "examples" / "packets"
LETTERS = ("807-vpcp-kstt", "dak-nong", "kien-giang-142", "news-807", "quang-tri-1473")


@pytest.mark.parametrize("name", LETTERS)
def test_an_example_letter_is_refused_by_no_check(name: str) -> None:
    packet = read_packet((PACKETS / f"{name}.edxml").read_bytes())
    parties = {party.code: party.name for party in (packet.sender, *packet.recipients)}
    registry = Registry([organ(code, name) for code, name in parties.items()])
    found = check(packet, registry, date(2021, 3, 1))
    assert {each.severity for each in found} <= {Severity.WARN}
    # The examples are plain text and name no clerk; all else about them is in order.
    assert {each.code for each in found} <= {"document-file-missing", "staff-missing"}


def signed(competence: str, position: str, packet: Packet) -> list[str]:
    signer = Signer(competence=competence, position=position, full_name="Nguyễn Văn A")
    return codes(replace(packet, signer=signer))


PROVINCE = replace(
    LETTER,
    sender=Party(code="H16", name="Ủy ban nhân dân tỉnh Đắk Nông"),
    recipients=(Party(code="G22"),),
    document_id="H16,2021/02/01,12/UBND-VX",
    number="12",
    notation="UBND-VX",
)


@pytest.mark.parametrize(
    ("competence", "position", "packet"),
    [
        ("", "BỘ TRƯỞNG", DECISION),
        ("Q.", "BỘ TRƯỞNG", DECISION),
        ("KT. BỘ TRƯỞNG", "THỨ TRƯỞNG", DECISION),
        ("KT.BỘ TRƯỞNG", "Thứ trưởng", DECISION),
        ("TL. BỘ TRƯỞNG", "CHÁNH VĂN PHÒNG", DECISION),
        ("TUQ. BỘ TRƯỞNG", "VỤ TRƯỞNG VỤ PHÁP CHẾ", DECISION),
        ("TM. CHÍNH PHỦ", "BỘ TRƯỞNG", DECISION),
        ("KT. BỘ TRƯỞNG, CHỦ NHIỆM", "PHÓ CHỦ NHIỆM", LETTER),
        ("TUQ. THỦ TƯỚNG CHÍNH PHỦ", "BỘ TRƯỞNG, CHỦ NHIỆM", LETTER),
        ("", "CHỦ TỊCH", PROVINCE),
        ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", PROVINCE),
        ("TM. UỶ BAN NHÂN DÂN, KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", PROVINCE),
        ("TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", PROVINCE),
        ("TL. CHỦ TỊCH, KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG", PROVINCE),
        (normalize("NFD", "TM. ỦY BAN NHÂN DÂN"), "CHỦ TỊCH", PROVINCE),
        ("TM. BAN CHỈ ĐẠO", "TRƯỞNG BAN", PROVINCE),
    ],
)
def test_a_usual_signature_block_raises_no_alarm(
    competence: str, position: str, packet: Packet
) -> None:
    assert signed(competence, position, packet) == []


@pytest.mark.parametrize(
    ("competence", "position", "packet", "code"),
    [
        ("TM. ỦY BAN NHÂN DÂN", "PHÓ CHỦ TỊCH", PROVINCE, "competence-missing"),
        ("TM. ỦY BAN NHÂN DÂN, KT. CHỦ TỊCH", "CHỦ TỊCH", PROVINCE, "competence-deputy-expected"),
        ("TL. CHỦ TỊCH", "Chủ tịch", PROVINCE, "competence-own-position"),
        ("TM. BỘ TRƯỞNG", "VỤ TRƯỞNG", DECISION, "competence-collective"),
        ("TM.", "VỤ TRƯỞNG", DECISION, "competence-collective"),
        ("KT. BỘ TRƯỞNG", "THỨ TRƯỞNG", PROVINCE, "position-not-of-issuer"),
        ("", "CHỦ TỊCH", DECISION, "position-not-of-issuer"),
        ("", "THỐNG ĐỐC", DECISION, "position-not-of-issuer"),
        ("", "THỦ TƯỚNG", PROVINCE, "position-not-of-issuer"),
        ("TM ỦY BAN NHÂN DÂN", "CHỦ TỊCH", PROVINCE, "competence-form"),
    ],
)
def test_an_unusual_signature_block_is_shown_to_a_person(
    competence: str, position: str, packet: Packet, code: str
) -> None:
    assert code in signed(competence, position, packet)


def marked(number: str, notation: str, packet: Packet) -> list[str]:
    return codes(replace(packet, number=number, notation=notation, document_id=""))


def typed(name: str, packet: Packet) -> Packet:
    return replace(packet, type_name=name, type_code="")


@pytest.mark.parametrize(
    ("number", "notation", "packet"),
    [
        ("05", "BNV-VP", typed("Công văn", DECISION)),
        ("142", "UBND-HCC", PROVINCE),
        ("11796", "VPCP-KSTT", LETTER),
        ("1", "2021/TT-BNV", typed("Thông tư", DECISION)),
        ("28", "2021/QĐ-TTg", typed("Quyết định", replace(LETTER, signer=Signer()))),
        ("28/2021", "QĐ-TTg", typed("Quyết định", replace(LETTER, signer=Signer()))),
        ("30", "2021/NĐ-CP", typed("Nghị định", LETTER)),
        ("12", "CTr-UBND", typed("Chương trình", PROVINCE)),
        ("12", "QyĐ-UBND", typed("Quy định", PROVINCE)),
        ("12", "TTr-BNV", typed("Tờ trình", DECISION)),
        ("12", "SY-UBND", typed("Quyết định", PROVINCE)),
        ("12", "NQ-HĐND", typed("Nghị quyết", PROVINCE)),
        ("12", "KH-BCĐ", typed("Kế hoạch", PROVINCE)),
    ],
)
def test_a_usual_mark_raises_no_alarm(number: str, notation: str, packet: Packet) -> None:
    of_signer = {"signer-name-missing", "signer-position-missing"}
    expected = {"number-zero-missing"} if len(number) == 1 else set()
    assert set(marked(number, notation, packet)) - of_signer == expected


@pytest.mark.parametrize(
    ("number", "notation", "packet", "expected"),
    [
        ("142 ", "UBND-HCC", PROVINCE, []),
        ("1 42", "UBND-HCC", PROVINCE, ["mark-blank"]),
        ("0", "UBND-HCC", PROVINCE, ["number-form"]),
        ("-5", "UBND-HCC", PROVINCE, ["number-form"]),
        ("١٢", "UBND-HCC", PROVINCE, ["number-form"]),
        ("12", "UBND_HCC", PROVINCE, ["notation-form"]),
        ("12", "UBND--HCC", PROVINCE, ["notation-form"]),
        ("12", "-HCC", PROVINCE, ["notation-form"]),
        ("12", "UBND-\u0412\u041f", PROVINCE, ["mark-look-alike"]),
        ("12", "BNV-VP", PROVINCE, ["notation-organ"]),
    ],
)
def test_a_mark_of_another_form_is_told(
    number: str, notation: str, packet: Packet, expected: list[str]
) -> None:
    assert marked(number, notation, packet) == expected


@given(st.integers(10, 10**10), st.lists(st.text("ABCĐTVX", min_size=2), min_size=1, max_size=2))
def test_every_mark_of_the_lawful_form_passes(number: int, units: list[str]) -> None:
    found = marked(str(number), "-".join(["UBND", *units]), PROVINCE)
    assert set(found) <= {"notation-abbreviation-superfluous"}


@pytest.mark.parametrize(
    "document_id",
    [
        "",
        "G22,2021/02/01,807/VPCP-KSTT",
        "000.00.00.G22,2021/02/01,0807/VPCP-KSTT",
        "G22,2021,10",
        "G22-2021-807/VPCP-KSTT",
    ],
)
def test_every_form_of_a_document_id_is_understood(document_id: str) -> None:
    assert codes(replace(LETTER, document_id=document_id)) == []


@pytest.mark.parametrize(
    ("document_id", "expected"),
    [
        ("H16,2021/02/01,807/VPCP-KSTT", ["document-id-differs"]),
        ("G22,2020/02/01,807/VPCP-KSTT", ["document-id-differs"]),
        ("G22,2020,10", ["document-id-differs"]),
        ("H16-2020-806/VPCP-KSTT", ["document-id-differs"] * 3),
        ("G22,2021/02/30,807/VPCP-KSTT", ["document-id-form"]),
        ("53234", ["document-id-form"]),
    ],
)
def test_a_document_id_that_says_something_else_is_told(
    document_id: str, expected: list[str]
) -> None:
    assert codes(replace(LETTER, document_id=document_id)) == expected


def urgent(subject: str = "", text: str = "", priority: int = 0) -> list[str]:
    packet = replace(LETTER, subject=subject or LETTER.subject, priority=priority)
    return codes(packet, examined(PERSON, AGENCY, text=text))


@pytest.mark.parametrize(
    "subject",
    [
        "V/v khẩn trương triển khai phòng, chống dịch",
        "KHẨN TRƯƠNG TRIỂN KHAI PHÒNG, CHỐNG DỊCH",
        "Ban bố tình trạng khẩn cấp",
        "Triển khai công điện khẩn của Thủ tướng",
        "Quy định về dấu hỏa tốc, thượng khẩn, khẩn",
    ],
)
def test_prose_about_urgency_is_no_stamp(subject: str) -> None:
    assert urgent(subject=subject) == []
    assert urgent(text=f"Kính gửi:\n{subject}\n") == []


@pytest.mark.parametrize(
    ("stamp", "level"),
    [
        ("KHẨN", 1),
        ("THƯỢNG KHẨN", 2),
        ("HỎA TỐC", 3),
        ("HOẢ TỐC", 3),
        ("HỎA TỐC HẸN GIỜ", 4),
        ("  * KHẨN *", 1),
        ("Độ khẩn: KHẨN", 0),
        ("ĐỘ KHẨN: HỎA TỐC", 3),
        (normalize("NFD", "HỎA TỐC"), 3),
    ],
)
def test_a_stamp_alone_on_its_line_asks_for_its_priority(stamp: str, level: int) -> None:
    text = f"BỘ NỘI VỤ\n{stamp}\nSố: 12/BNV-VP\n"
    for priority in range(len(PRIORITIES)):
        expected = ["urgency-understated"] if priority < level else []
        assert urgent(text=text, priority=priority) == expected


@pytest.mark.parametrize(
    "subject", ["HỎA TỐC: phòng, chống dịch", "(Hỏa tốc) Phòng, chống dịch", "Chống dịch – KHẨN"]
)
def test_a_stamp_set_apart_in_the_subject_counts(subject: str) -> None:
    assert urgent(subject=subject) == ["urgency-understated"]


def test_the_subject_is_not_repeated_in_what_is_found() -> None:
    found = check(
        replace(LETTER, subject="HỎA TỐC: bí mật nhân sự"),
        Registry([organ("G22", "Văn phòng Chính phủ"), organ("H16", ""), organ("H33", "")]),
        TODAY,
    )
    assert [] == [each for each in found if "nhân sự" in each.text_vi + each.text_en]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("setup.EXE", b"1"),
        ("a.pdf.exe", b"1"),
        ("a.exe ", b"1"),
        ("a.exe.", b"1"),
        ("a.pdf", b"MZ\x90\x00"),
        ("a.pdf", b"\x7fELF\x02"),
        ("a.txt", b"#!/bin/sh"),
    ],
)
def test_a_program_is_known_by_name_or_by_bytes(name: str, content: bytes) -> None:
    assert "attachment-executable" in codes(attached(("807.pdf", b"%PDF-1.7"), (name, content)))


@pytest.mark.parametrize("name", ["../a.pdf", "a/b.pdf", "a\\b.pdf", "..", "a\n.pdf", "C:a.pdf"])
def test_a_name_that_leaves_its_folder_is_refused(name: str) -> None:
    assert "attachment-name-unsafe" in codes(attached(("807.pdf", b"%PDF-1.7"), (name, b"1")))


@pytest.mark.parametrize("name", ["Phụ lục 1 (kèm theo).docx", "Danh sách_2021-02.xlsx", "a.b.pdf"])
def test_a_usual_name_of_a_file_is_taken(name: str) -> None:
    assert codes(attached(("807.pdf", b"%PDF-1.7"), (name, b"PK\x03\x04"))) == []


def test_a_document_packed_by_the_usual_builder_holds_its_pdf() -> None:
    packed = attached(("807.zip", b"PK\x03\x04"))
    inside = Examination(
        files=(
            FileExamined(name="807.zip", media_type="application/pdf", signatures=(PERSON, AGENCY)),
        )
    )
    assert "document-file-missing" in codes(packed)
    assert "document-file-missing" not in codes(packed, inside)


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("application/pdf", "application/pdf"),
        ("Application/PDF; name=807.pdf", "application/pdf"),
        ("application/x-zip-compressed", "application/zip"),
        ("application/octet-stream", "application/pdf"),
        ("application/pdf", "application/octet-stream"),
        ("application/msword", "application/x-ole-storage"),
        ("application/vnd.ms-excel", "application/x-ole-storage"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument",
        ),
        ("text/csv", "text/plain"),
        ("text/xml", "application/xml"),
    ],
)
def test_a_claimed_type_may_be_closer_than_the_bytes_tell(claimed: str, found: str) -> None:
    (attachment,) = LETTER.attachments
    packet = replace(LETTER, attachments=(replace(attachment, content_type=claimed),))
    assert codes(packet, examined(PERSON, AGENCY, media_type=found)) == []


@pytest.mark.parametrize(
    ("claimed", "found"),
    [
        ("application/pdf", "text/plain"),
        ("application/pdf", "application/vnd.openxmlformats-officedocument"),
        ("application/msword", "application/vnd.openxmlformats-officedocument"),
        ("image/png", "image/jpeg"),
    ],
)
def test_a_file_of_another_type_than_claimed_is_told(claimed: str, found: str) -> None:
    (attachment,) = LETTER.attachments
    packet = replace(LETTER, attachments=(replace(attachment, content_type=claimed),))
    assert codes(packet, examined(PERSON, AGENCY, media_type=found)) == ["attachment-type-differs"]
