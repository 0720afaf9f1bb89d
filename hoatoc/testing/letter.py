"""A registry, a letter and an examination without fault, from which tests make faulty ones."""

from dataclasses import replace
from datetime import UTC, date, datetime

from hoatoc.domain.check import Finding, check
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import Attachment, OtherInfo, Packet, Party, Signer, Staff
from hoatoc.domain.registry import Certainty, Organ, Registry
from hoatoc.domain.signature import Revocation, Role, Signature
from hoatoc.domain.signature_reason import Reason, verdict_of

TODAY = date(2021, 2, 1)
PDF = b"%PDF-1.7 807"


def organ(code: str, name: str) -> Organ:
    """Return an organ of this code and name; one of level 1 has its code of QCVN 102 too."""
    return Organ(
        code=OrganCode(code),
        code102=f"000.00.00.{code}" if len(code) == 3 else "",
        name=name,
        email="",
        telephone="",
        certainty=Certainty.VERIFIED,
    )


REGISTRY = Registry(
    [
        replace(organ("G22", "Văn phòng Chính phủ"), aliases=("00.01.G22",)),
        organ("G09", "Bộ Nội vụ"),
        organ("G19", "Ngân hàng Nhà nước Việt Nam"),
        organ("H16", "UBND tỉnh Đắk Nông"),
        organ("H33", "UBND tỉnh Kiên Giang"),
        replace(organ("H66", "UBND tỉnh Đã Khóa"), locked=True),
        replace(organ("H64", "UBND tỉnh Đã Hết"), valid_to=date(2020, 12, 31)),
        replace(organ("H65", "UBND tỉnh Cũ"), valid_to=date(2020, 12, 31), successor="H33"),
        replace(organ("H99", "Hà Giang test"), test=True),
    ]
)
LETTER = Packet(
    sender=Party(code="G22", name="Văn phòng Chính phủ"),
    recipients=(Party(code="H16", name="UBND tỉnh Đắk Nông"), Party(code="H33")),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    place="Hà Nội",
    promulgated=TODAY,
    type_code="18",
    type_name="Công văn",
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(
        competence="KT. BỘ TRƯỞNG, CHỦ NHIỆM", position="PHÓ CHỦ NHIỆM", full_name="Nguyễn Văn A"
    ),
    staff=Staff(name="Trần Thị B", email="b@vpcp.example"),
    other=OtherInfo(pages="2", copies="90"),
    attachments=(Attachment(name="807.pdf", content_type="application/pdf", content=PDF),),
)
DECISION = replace(
    LETTER,
    sender=Party(code="G09", name="Bộ Nội vụ"),
    document_id="G09,2021/02/01,15/QĐ-BNV",
    number="15",
    notation="QĐ-BNV",
    type_code="2",
    type_name="Quyết định (cá biệt)",
    signer=Signer(competence="KT. BỘ TRƯỞNG", position="THỨ TRƯỞNG", full_name="Nguyễn Văn C"),
)


def signature(role: Role, *reasons: Reason, **fields: object) -> Signature:
    """Return a signature that has these reasons, and their verdict; valid without any."""
    return replace(
        Signature(
            signer="Nguyễn Văn A",
            organisation="Văn phòng Chính phủ",
            role=role,
            signed_at=datetime(2021, 2, 1, 3, tzinfo=UTC),
            timestamped=True,
            intact=True,
            trusted=True,
            in_validity=True,
            revocation=Revocation.GOOD,
            of_sender=True,
            verdict=verdict_of(reasons),
            reasons=reasons,
        ),
        **fields,  # type: ignore[arg-type]
    )


PERSON, AGENCY = signature(Role.PERSON), signature(Role.AGENCY)


def examined(*signatures: Signature, **fields: object) -> Examination:
    """Return the examination of a packet of one file with these signatures."""
    file = FileExamined(name="807.pdf", media_type="application/pdf", signatures=signatures)
    return Examination(files=(replace(file, **fields),))  # type: ignore[arg-type]


def to(*codes: str) -> Packet:
    """Return the letter to these recipients."""
    return replace(LETTER, recipients=tuple(Party(code=code) for code in codes))


def attached(*files: tuple[str, bytes]) -> Packet:
    """Return the letter with these files (name, content) of no stated type."""
    attachments = (Attachment(name=n, content_type="", content=content) for n, content in files)
    return replace(LETTER, attachments=tuple(attachments))


def findings(packet: Packet, examination: Examination | None = None) -> tuple[Finding, ...]:
    """Return what is found in a packet on the day of the letter."""
    return check(packet, REGISTRY, TODAY, examination)


def codes(packet: Packet, examination: Examination | None = None) -> list[str]:
    """Return the codes of what is found."""
    return [each.code for each in findings(packet, examination)]
