"""Facts about every check: a fault that it finds, and a letter without fault that it lets pass.

Each case is a packet with one fault, the path that must be named, and what must be told of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import pytest

from hoatoc.domain.check import RULES, Finding, Severity
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.packet import (
    Attachment,
    OtherInfo,
    Packet,
    Party,
    ReceiverChange,
    Remark,
    Replacement,
    Signer,
    Staff,
)
from hoatoc.domain.signature import Role
from hoatoc.domain.signature_reason import Reason
from hoatoc.testing.letter import (
    AGENCY,
    DECISION,
    LETTER,
    PDF,
    PERSON,
    attached,
    examined,
    findings,
    signature,
    to,
)

PAGE = Path(__file__).parents[2] / "docs" / "parts" / "check.md"


class Fault(NamedTuple):
    """A packet with one fault, where it is, and what of it stands in the Vietnamese text."""

    packet: Packet
    path: str
    told: str = ""
    examination: Examination | None = None


def _signed(position: str, competence: str, packet: Packet = LETTER) -> Packet:
    signer = Signer(competence=competence, position=position, full_name="Nguyễn Văn A")
    return replace(packet, signer=signer)


def _mark(number: str, notation: str, packet: Packet = LETTER) -> Packet:
    return replace(packet, number=number, notation=notation, document_id="")


def _dated(day: date) -> Packet:
    return replace(LETTER, promulgated=day, document_id="")


def _type(name: str, code: str = "", packet: Packet = LETTER) -> Packet:
    return replace(packet, type_name=name, type_code=code)


RECALL = replace(
    LETTER, business_type=1, business_document_id=LETTER.document_id, business_reason="Gửi nhầm"
)
UPDATE = replace(
    LETTER,
    business_type=2,
    business_document_id=LETTER.document_id,
    receiver_changes=(ReceiverChange(code="G09", added=True),),
)
REPLACEMENT = replace(
    LETTER,
    business_type=3,
    replacements=(Replacement(document_id="G22,2021/01/05,700/VPCP-KSTT", organs=("H16",)),),
)
TWO_FILES = attached(("807.pdf", PDF), ("phụ lục.pdf", b"%PDF-1.7 annex"))
CONVERTED = Signer(competence=LETTER.signer.competence, position=LETTER.signer.position)
NUMBER, NOTATION = "MessageHeader/Code/CodeNumber", "MessageHeader/Code/CodeNotation"
DOCUMENT_ID = "MessageHeader/DocumentId"
SIGNER = "MessageHeader/SignerInfo"
FILE = "AttachmentEncoded/Attachment[1]"
SECOND_FILE = "AttachmentEncoded/Attachment[2]"
BUSINESS = "TraceHeaderList/Bussiness"

HEADER: Mapping[str, Fault] = {
    "number-missing": Fault(_mark("", "VPCP-KSTT"), NUMBER),
    "notation-missing": Fault(_mark("807", " "), NOTATION),
    "subject-missing": Fault(replace(LETTER, subject=" "), "MessageHeader/Subject"),
    "recipients-missing": Fault(to(), "MessageHeader/To"),
    "place-missing": Fault(replace(LETTER, place=""), "MessageHeader/PromulgationInfo/Place"),
    "type-missing": Fault(_type(""), "MessageHeader/DocumentType"),
    "signer-name-missing": Fault(replace(LETTER, signer=CONVERTED), f"{SIGNER}/FullName"),
    "signer-position-missing": Fault(_signed("", ""), f"{SIGNER}/Position"),
    "sender-name-missing": Fault(
        replace(LETTER, sender=Party(code="G22")), "MessageHeader/From/OrganName"
    ),
    "staff-missing": Fault(
        replace(LETTER, staff=Staff(name="Trần Thị B")), f"{BUSINESS}/StaffInfo"
    ),
    "count-invalid": Fault(
        replace(LETTER, other=OtherInfo(pages="hai")),
        "MessageHeader/OtherInfo/PageAmount",
        "«hai»",
    ),
    "read-tolerantly": Fault(
        replace(
            LETTER,
            remarks=(
                Remark(code="date-day-first", path="MessageHeader/DueDate", found="1/2/2021"),
            ),
        ),
        "MessageHeader/DueDate",
        "«1/2/2021» không đúng chuẩn (date-day-first)",
    ),
}
FORM: Mapping[str, Fault] = {
    "number-form": Fault(_mark("80a", "VPCP-KSTT"), NUMBER, "«80a»"),
    "number-zero-missing": Fault(_mark("5", "VPCP-KSTT"), NUMBER, "«5»"),
    "number-zero-extra": Fault(_mark("0807", "VPCP-KSTT"), NUMBER, "«0807»"),
    "notation-form": Fault(_mark("807", "VPCP–KSTT"), NOTATION, "«VPCP–KSTT»"),
    "mark-blank": Fault(_mark("807", "VPCP - KSTT"), NOTATION, "«VPCP - KSTT»"),
    "mark-look-alike": Fault(
        _mark("15", "Q\u00d0-BNV", DECISION), NOTATION, "có ký tự U+00D0 chỉ giống"
    ),
    "text-decomposed": Fault(
        replace(LETTER, subject=normalize("NFD", LETTER.subject)), "MessageHeader/Subject"
    ),
    "notation-lower-case": Fault(_mark("807", "VPCP-kstt"), NOTATION, "«VPCP-kstt»"),
    "notation-number-repeated": Fault(_mark("807", "807/VPCP-KSTT"), NOTATION, "«807/VPCP-KSTT»"),
    "mark-year-differs": Fault(
        _mark("15", "2020/QĐ-BNV", _type("Quyết định", "8", DECISION)),
        "MessageHeader/Code",
        "2020 trong số, ký hiệu khác năm ban hành 2021",
    ),
    "mark-year-missing": Fault(
        _mark("15", "TT-BNV", _type("Thông tư", "9", DECISION)), "MessageHeader/Code", "Thông tư"
    ),
    "mark-year-superfluous": Fault(
        _mark("807", "2021/VPCP-KSTT"), "MessageHeader/Code", "có năm 2021, nhưng Công văn"
    ),
    "notation-abbreviation": Fault(
        _mark("15", "TB-BNV", DECISION), NOTATION, "«TB-BNV» không mở đầu"
    ),
    "notation-abbreviation-superfluous": Fault(
        _mark("807", "CV-VPCP"), NOTATION, "ký hiệu là «CV-VPCP»"
    ),
    "notation-organ": Fault(_mark("807", "UBND-KSTT"), NOTATION, "(VPCP)"),
    "document-id-form": Fault(replace(LETTER, document_id="18661"), DOCUMENT_ID, "«18661»"),
    "document-id-differs": Fault(
        replace(LETTER, document_id="G22,2021/02/01,808/VPCP-KSTT"),
        DOCUMENT_ID,
        "808/VPCP-KSTT, trong khi phần khác của gói tin ghi 807/VPCP-KSTT",
    ),
}
TIME: Mapping[str, Fault] = {
    "promulgated-in-future": Fault(
        _dated(date(2021, 2, 2)),
        "MessageHeader/PromulgationInfo/PromulgationDate",
        "02/02/2021 sau ngày gửi 01/02/2021",
    ),
    "promulgated-long-ago": Fault(
        _dated(date(2020, 1, 31)),
        "MessageHeader/PromulgationInfo/PromulgationDate",
        "31/01/2020",
    ),
    "due-before-promulgation": Fault(
        replace(LETTER, due=date(2021, 1, 31)), "MessageHeader/DueDate", "31/01/2021 trước"
    ),
    "due-passed": Fault(
        replace(_dated(date(2021, 1, 4)), due=date(2021, 1, 31)),
        "MessageHeader/DueDate",
        "31/01/2021 đã qua",
    ),
}
AUTHORITY: Mapping[str, Fault] = {
    "competence-form": Fault(
        _signed("CHỦ NHIỆM", "CHỦ NHIỆM"), f"{SIGNER}/Competence", "«CHỦ NHIỆM»"
    ),
    "competence-missing": Fault(
        _signed("PHÓ CHỦ NHIỆM", ""), f"{SIGNER}/Competence", "(PHÓ CHỦ NHIỆM)"
    ),
    "competence-deputy-expected": Fault(
        _signed("VỤ TRƯỞNG", "KT. CHỦ NHIỆM"), f"{SIGNER}/Position", "KT. CHỦ NHIỆM là ký thay"
    ),
    "competence-own-position": Fault(
        _signed("Chủ nhiệm", "TL. CHỦ NHIỆM"), f"{SIGNER}/Competence", "(CHỦ NHIỆM)"
    ),
    "competence-collective": Fault(
        _signed("BỘ TRƯỞNG", "TM. BỘ NỘI VỤ", DECISION), f"{SIGNER}/Competence", "BỘ NỘI VỤ"
    ),
    "position-not-of-issuer": Fault(
        _signed("CHỦ TỊCH", "", DECISION), f"{SIGNER}/Position", "«CHỦ TỊCH»"
    ),
    "type-not-of-issuer": Fault(
        _mark("15", "2021/NĐ-BNV", _type("Nghị định", "7", DECISION)),
        "MessageHeader/DocumentType/TypeName",
        "Bộ Nội vụ không ban hành Nghị định",
    ),
}
TYPE: Mapping[str, Fault] = {
    "type-name-missing": Fault(_type("", "18"), "MessageHeader/DocumentType/TypeName", "mã 18"),
    "type-unknown": Fault(_type("Thư ngỏ"), "MessageHeader/DocumentType/TypeName", "«Thư ngỏ»"),
    "type-code-differs": Fault(
        _type("Công văn", "1"),
        "MessageHeader/DocumentType/Type",
        "1 không khớp với tên loại (mã 18)",
    ),
    "paper-superfluous": Fault(replace(LETTER, paper=True), f"{BUSINESS}/Paper", "Công văn"),
    "paper-expected": Fault(
        _mark("15", "BB-BNV", _type("Biên bản", "15", DECISION)), f"{BUSINESS}/Paper", "Biên bản"
    ),
}
URGENCY: Mapping[str, Fault] = {
    "urgency-understated": Fault(
        LETTER,
        "MessageHeader/OtherInfo/Priority",
        "đóng dấu HỎA TỐC (807.pdf), nhưng mức độ khẩn của gói tin là 0 (Thường)",
        examined(PERSON, AGENCY, text="VĂN PHÒNG CHÍNH PHỦ\n  HỎA TỐC\nSố: 807/VPCP-KSTT\n"),
    ),
}
RECIPIENT: Mapping[str, Fault] = {
    "sender-unknown": Fault(
        replace(LETTER, sender=Party(code="G77", name="Bộ Lạ"), document_id=""),
        "MessageHeader/From/OrganId",
        "G77",
    ),
    "sender-locked": Fault(
        _mark(
            "807", "UBND-VX", replace(LETTER, sender=Party(code="H66", name="UBND tỉnh Đã Khóa"))
        ),
        "MessageHeader/From/OrganId",
        "H66",
    ),
    "sender-void": Fault(
        _mark("807", "UBND-VX", replace(LETTER, sender=Party(code="H64", name="UBND tỉnh Đã Hết"))),
        "MessageHeader/From/OrganId",
        "H64",
    ),
    "sender-succeeded": Fault(
        replace(
            _mark(
                "807", "UBND-VX", replace(to("H16"), sender=Party(code="H65", name="Kiên Giang"))
            ),
        ),
        "MessageHeader/From/OrganId",
        "H33 UBND tỉnh Kiên Giang",
    ),
    "recipient-unknown": Fault(to("H16", "H77"), "MessageHeader/To[2]/OrganId", "H77"),
    "recipient-locked": Fault(to("H66"), "MessageHeader/To[1]/OrganId", "UBND tỉnh Đã Khóa"),
    "recipient-void": Fault(to("H16", "H64"), "MessageHeader/To[2]/OrganId", "UBND tỉnh Đã Hết"),
    "recipient-succeeded": Fault(to("H65"), "MessageHeader/To[1]/OrganId", "được gửi cho H33"),
    "organ-code-old": Fault(
        replace(
            LETTER,
            sender=Party(code="00.01.G22", name="Văn phòng Chính phủ"),
            document_id="00.01.G22,2021/02/01,807/VPCP-KSTT",
        ),
        "MessageHeader/From/OrganId",
        "00.01.G22 là mã cũ của G22",
    ),
    "recipient-test": Fault(to("H99"), "MessageHeader/To[1]/OrganId", "mã thử nghiệm"),
    "sender-test": Fault(
        _mark("807", "HGT-VX", replace(to("H16"), sender=Party(code="H99", name="Hà Giang test"))),
        "MessageHeader/To[1]/OrganId",
        "H16",
    ),
    "recipient-duplicate": Fault(
        to("H16", "000.00.00.H16"),
        "MessageHeader/To[2]/OrganId",
        "000.00.00.H16 bị lặp: cùng cơ quan với H16",
    ),
    "sender-among-recipients": Fault(
        to("H16", "000.00.00.G22"), "MessageHeader/To[2]/OrganId", "000.00.00.G22"
    ),
    "organ-name-differs": Fault(
        replace(LETTER, recipients=(Party(code="H16", name="UBND tỉnh Đắk Lắk"),)),
        "MessageHeader/To[1]/OrganName",
        "«UBND tỉnh Đắk Lắk» không khớp với mã H16 UBND tỉnh Đắk Nông",
    ),
}
BUSINESS_TYPES: Mapping[str, Fault] = {
    "recall-document-missing": Fault(
        replace(RECALL, business_document_id=""), f"{BUSINESS}/DocumentId"
    ),
    "recall-reason-missing": Fault(
        replace(RECALL, business_reason=""), f"{BUSINESS}/BussinessDocReason"
    ),
    "update-document-missing": Fault(
        replace(UPDATE, business_document_id=""), f"{BUSINESS}/DocumentId"
    ),
    "update-empty": Fault(
        replace(UPDATE, receiver_changes=()), f"{BUSINESS}/BussinessDocumentInfo"
    ),
    "replacement-empty": Fault(
        replace(REPLACEMENT, replacements=()), f"{BUSINESS}/ReplacementInfoList"
    ),
    "replacement-incomplete": Fault(
        replace(REPLACEMENT, replacements=(Replacement(document_id="", organs=("H16",)),)),
        f"{BUSINESS}/ReplacementInfoList/ReplacementInfo[1]/DocumentId",
    ),
    "business-organ-unknown": Fault(
        replace(UPDATE, receiver_changes=(ReceiverChange(code="G77", added=True),)),
        f"{BUSINESS}/BussinessDocumentInfo/ReceiverList/Receiver[1]/OrganId",
        "G77",
    ),
    "update-contradictory": Fault(
        replace(
            UPDATE,
            receiver_changes=(
                ReceiverChange(code="H16", added=True),
                ReceiverChange(code="000.00.00.H16", added=False),
            ),
        ),
        f"{BUSINESS}/BussinessDocumentInfo/ReceiverList/Receiver[2]",
        "000.00.00.H16",
    ),
    "business-part-foreign": Fault(
        replace(LETTER, document_changed=True),
        f"{BUSINESS}/BussinessDocumentInfo",
        "loại 0 mang phần nghiệp vụ của loại 2",
    ),
    "business-document-differs": Fault(
        replace(LETTER, business_document_id="G22,2021/01/05,700/VPCP-KSTT"),
        f"{BUSINESS}/DocumentId",
        "700/VPCP-KSTT",
    ),
}
FILES: Mapping[str, Fault] = {
    "attachment-missing": Fault(attached(), "AttachmentEncoded/Attachment"),
    "document-file-missing": Fault(
        attached(("807.txt", b"807")), "AttachmentEncoded/Attachment", "«807.txt»"
    ),
    "attachment-empty": Fault(attached(("807.pdf", PDF), ("a.docx", b"")), SECOND_FILE, "«a.docx»"),
    "attachment-unreadable": Fault(
        LETTER, FILE, "«807.pdf» (encrypted)", examined(PERSON, AGENCY, unreadable="encrypted")
    ),
    "attachment-repeated": Fault(
        attached(("807.pdf", PDF), ("phụ lục.pdf", PDF)),
        SECOND_FILE,
        "«phụ lục.pdf» có cùng nội dung với «807.pdf»",
    ),
    "attachment-name-repeated": Fault(
        attached(("807.pdf", PDF), ("807.PDF", b"%PDF-2")),
        f"{SECOND_FILE}/AttachmentName",
        "«807.PDF»",
    ),
    "attachment-type-differs": Fault(
        LETTER,
        f"{FILE}/ContentType",
        "application/pdf, nội dung thực là image/png",
        examined(PERSON, AGENCY, media_type="image/png"),
    ),
    "attachment-not-pdf": Fault(attached(("807.pdf", b"807")), FILE, "«807.pdf»"),
    "attachment-name-wide": Fault(
        attached((f"{'ă' * 130}.pdf", PDF)), f"{FILE}/AttachmentName", "264 byte, quá 255"
    ),
    "attachment-name-unsafe": Fault(
        attached(("807\u202efdp.exe.pdf", PDF)), f"{FILE}/AttachmentName", "U+202E"
    ),
    "attachment-archive-harmful": Fault(
        LETTER, FILE, "«807.pdf» ", examined(PERSON, AGENCY, harmful="../../a")
    ),
    "attachment-executable": Fault(
        attached(("807.pdf", PDF), ("đọc tôi.js", b"1")), SECOND_FILE, "«đọc tôi.js»"
    ),
}
OF_TWO = Examination(
    files=(
        FileExamined(name="807.pdf", media_type="application/pdf", signatures=(PERSON, AGENCY)),
        FileExamined(name="phụ lục.pdf", media_type="application/pdf"),
    )
)


def _judged(*reasons: Reason) -> Examination:
    return examined(signature(Role.PERSON, *reasons), AGENCY)


SIGNATURES: Mapping[str, Fault] = {
    "signature-missing": Fault(LETTER, "AttachmentEncoded", "tham khảo", examined()),
    "attachment-unsigned": Fault(TWO_FILES, SECOND_FILE, "«phụ lục.pdf»", OF_TWO),
    "signature-invalid": Fault(
        LETTER, FILE, "không đúng với nội dung đã ký", _judged(Reason.CONTENT_CHANGED)
    ),
    "certificate-revoked": Fault(LETTER, FILE, "Nguyễn Văn A", _judged(Reason.REVOKED)),
    "certificate-expired": Fault(LETTER, FILE, "Nguyễn Văn A", _judged(Reason.NOT_IN_VALIDITY)),
    "certificate-untrusted": Fault(LETTER, FILE, "Nguyễn Văn A", _judged(Reason.ROOT_UNTRUSTED)),
    "signature-weak": Fault(LETTER, FILE, "SHA-1", _judged(Reason.ALGORITHM_WEAK)),
    "signature-unknown": Fault(
        LETTER, FILE, "Chưa biết chứng thư số", _judged(Reason.REVOCATION_UNKNOWN)
    ),
    "signature-unstamped": Fault(
        LETTER,
        FILE,
        "Nguyễn Văn A không có dấu thời gian",
        examined(PERSON, signature(Role.AGENCY, timestamped=False)),
    ),
    "timestamp-unproven": Fault(
        LETTER,
        FILE,
        "Dấu thời gian của chữ ký Nguyễn Văn A sai",
        examined(signature(Role.PERSON, Reason.TIMESTAMP_NOT_PROVEN, timestamped=False), AGENCY),
    ),
    "signer-not-issuer": Fault(
        LETTER, FILE, "«Văn phòng Chính phủ»", _judged(Reason.ORGANISATION_DIFFERS)
    ),
    "agency-signature-missing": Fault(LETTER, FILE, "của cơ quan", examined(PERSON)),
    "person-signature-missing": Fault(LETTER, FILE, "người có thẩm quyền", examined(AGENCY)),
    "signed-after-promulgation": Fault(
        LETTER, FILE, "sau ngày ban hành", _judged(Reason.SIGNED_AFTER_PROMULGATION)
    ),
    "packet-signature-invalid": Fault(
        LETTER,
        "Signature",
        "gói tin (Nguyễn Văn A)",
        Examination(
            files=examined(PERSON, AGENCY).files,
            packet_signatures=(signature(Role.AGENCY, Reason.CONTENT_CHANGED),),
        ),
    ),
}
FAULTS: Mapping[str, Fault] = {
    **HEADER,
    **FORM,
    **TIME,
    **AUTHORITY,
    **TYPE,
    **URGENCY,
    **RECIPIENT,
    **BUSINESS_TYPES,
    **FILES,
    **SIGNATURES,
}


def found(code: str) -> tuple[Finding, ...]:
    fault = FAULTS[code]
    return findings(fault.packet, fault.examination)


def test_every_check_has_a_fault_that_it_finds() -> None:
    assert set(FAULTS) == set(RULES)


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_found_at_its_element_and_told(code: str) -> None:
    (finding,) = (each for each in found(code) if each.code == code)
    assert finding.path == FAULTS[code].path
    assert FAULTS[code].told in finding.text_vi
    assert finding.severity is RULES[code].severity


@pytest.mark.parametrize("code", FAULTS)
def test_a_finding_has_all_its_texts(code: str) -> None:
    for finding in found(code):
        texts = (finding.text_vi, finding.text_en, finding.remedy_vi, finding.remedy_en)
        assert [] == [text for text in (*texts, finding.article) if not text.strip()]
        assert [] == [text for text in texts if "{" in text or not text.endswith((".", "…"))]


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_raises_no_other_alarm(code: str) -> None:
    assert {finding.code for finding in found(code)} == {code}


@pytest.mark.parametrize(
    ("packet", "examination"),
    [
        (LETTER, None),
        (LETTER, examined(PERSON, AGENCY)),
        (DECISION, None),
        (RECALL, None),
        (UPDATE, None),
        (REPLACEMENT, None),
        (replace(RECALL, attachments=()), None),
    ],
    ids=["letter", "examined", "decision", "recall", "update", "replacement", "bare-recall"],
)
def test_what_has_no_fault_has_no_findings(packet: Packet, examination: Examination | None) -> None:
    assert findings(packet, examination) == ()


def test_what_rests_on_no_compared_text_never_refuses() -> None:
    uncertain = [rule for rule in RULES.values() if rule.article.endswith(("[M]", "[D]"))]
    assert {rule.severity for rule in uncertain} == {Severity.WARN}


def test_the_fixed_checks_are_those_that_the_hand_over_relies_on() -> None:
    assert {code for code, rule in RULES.items() if rule.fixed} == {
        "number-missing",
        "notation-missing",
        "recipients-missing",
        "sender-unknown",
        "recipient-unknown",
        "recipient-duplicate",
        "sender-among-recipients",
        "business-organ-unknown",
    }


def test_a_packed_attachment_may_be_called_a_zip() -> None:
    packed = Attachment(name="807.pdf", content_type="application/zip", content=b"PK\x03\x04")
    assert findings(replace(LETTER, attachments=(packed,)), examined(PERSON, AGENCY)) == ()


@pytest.mark.parametrize("code", RULES)
def test_every_check_is_documented_as_it_is(code: str) -> None:
    rule = RULES[code]
    mark = "*" if rule.fixed else ""
    assert f"| `{code}` | {rule.severity}{mark} | {rule.article} |" in PAGE.read_text("utf-8")


def test_no_other_check_is_documented() -> None:
    rows = (line.split("`") for line in PAGE.read_text("utf-8").splitlines() if line[:3] == "| `")
    assert [row[1] for row in rows] == list(RULES)
