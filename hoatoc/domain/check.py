"""The checks at the door: what a clerk would look at before a document goes out.

A finding either refuses the hand-over or warns. Each names the element, what is wrong, what to do
and the rule it comes from. A check is a row of `_CHECKS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hoatoc.domain.error import PeerFault
from hoatoc.domain.packet import NEW_DOCUMENT, Packet
from hoatoc.domain.registry import Organ


class Severity(StrEnum):
    """What a finding does to the hand-over."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found at one element, with the rule it comes from."""

    severity: Severity
    code: str
    path: str
    text_vi: str
    text_en: str
    article: str


class CheckFailed(PeerFault):
    """A document did not pass the checks; `findings` holds all of them, warnings included."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        refusals = [each for each in findings if each.severity is Severity.REFUSE]
        super().__init__(
            "\n".join(f"{each.path}: {each.text_vi} / {each.text_en}" for each in refusals)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    packet: Packet
    registry: Mapping[str, Organ]
    today: date


def check(packet: Packet, registry: Mapping[str, Organ], today: date) -> tuple[Finding, ...]:
    """Check a document to be sent on a day of Vietnam (UTC+07:00) against the registry's index.

    `registry` is `registry.by_code(…)`, so that an organ is known by each of its codes.
    """
    case = _Case(packet=packet, registry=registry, today=today)
    return tuple(
        Finding(
            severity=rule.severity,
            code=rule.code,
            path=path,
            text_vi=rule.text_vi.format(found=found),
            text_en=rule.text_en.format(found=found),
            article=rule.article,
        )
        for rule in _CHECKS
        for path, found in rule.look(case)
    )


def require(findings: tuple[Finding, ...]) -> None:
    """Raise `CheckFailed` if a finding refuses the hand-over."""
    if any(each.severity is Severity.REFUSE for each in findings):
        raise CheckFailed(findings)


_Found = Iterator[tuple[str, str]]


def _recipients(case: _Case) -> Iterator[tuple[str, str]]:
    for index, party in enumerate(case.packet.recipients, start=1):
        yield f"MessageHeader/To[{index}]/OrganId", party.code


def _canonical(case: _Case, code: str) -> str:
    organ = case.registry.get(code)
    return organ.code if organ else code


def _unknown_sender(case: _Case) -> _Found:
    code = case.packet.sender.code
    if code not in case.registry:
        yield "MessageHeader/From/OrganId", code


def _unknown_recipients(case: _Case) -> _Found:
    return ((path, code) for path, code in _recipients(case) if code not in case.registry)


def _duplicate_recipients(case: _Case) -> _Found:
    seen: set[str] = set()
    for path, code in _recipients(case):
        canonical = _canonical(case, code)
        if canonical in seen:
            yield path, code
        seen.add(canonical)


def _sender_among_recipients(case: _Case) -> _Found:
    sender = _canonical(case, case.packet.sender.code)
    return ((path, code) for path, code in _recipients(case) if _canonical(case, code) == sender)


def _not_carried(case: _Case) -> _Found:
    if case.packet.business_type != NEW_DOCUMENT:
        yield (
            "TraceHeaderList/Bussiness/BussinessDocType",
            str(case.packet.business_type),
        )


def _future(case: _Case) -> _Found:
    if case.packet.promulgated > case.today:
        found = f"{case.packet.promulgated:%d/%m/%Y}"
        yield "MessageHeader/PromulgationInfo/PromulgationDate", found


def _no_attachment(case: _Case) -> _Found:
    if not case.packet.attachments:
        yield "AttachmentEncoded/Attachment", ""


@dataclass(frozen=True, slots=True)
class _Check:
    severity: Severity
    code: str
    look: Callable[[_Case], _Found]
    text_vi: str
    text_en: str
    article: str


_CHECKS = (
    _Check(
        Severity.REFUSE,
        "sender-unknown",
        _unknown_sender,
        "Mã cơ quan gửi {found} không có trong danh mục. Kiểm tra mã, hoặc thêm cơ quan bằng lệnh "
        "`hoatoc organs add`.",
        "The sender's code {found} is not in the registry. Check it, or add the organ with "
        "`hoatoc organs add`.",
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.a",
    ),
    _Check(
        Severity.REFUSE,
        "recipient-unknown",
        _unknown_recipients,
        "Mã nơi nhận {found} không có trong danh mục. Kiểm tra mã, hoặc thêm cơ quan bằng lệnh "
        "`hoatoc organs add`.",
        "The recipient's code {found} is not in the registry. Check it, or add the organ with "
        "`hoatoc organs add`.",
        "QĐ 28/2018/QĐ-TTg, Điều 8.2, 10.2.a",
    ),
    _Check(
        Severity.REFUSE,
        "recipient-duplicate",
        _duplicate_recipients,
        "Nơi nhận {found} bị lặp (có thể dưới mã khác của cùng cơ quan). Giữ mỗi cơ quan một lần.",
        "The recipient {found} is repeated (perhaps under another code of the same organ). Name "
        "each organ once.",
        "CV 807/VPCP-KSTT, mục 5",
    ),
    _Check(
        Severity.REFUSE,
        "sender-among-recipients",
        _sender_among_recipients,
        "Cơ quan gửi {found} cũng là nơi nhận. Bỏ cơ quan gửi khỏi danh sách nơi nhận.",
        "The sender {found} is among the recipients. Take it off the list of recipients.",
        "NĐ 30/2020/NĐ-CP, Điều 21.2.b",
    ),
    _Check(
        Severity.REFUSE,
        "business-type-not-carried",
        _not_carried,
        "Loại nghiệp vụ {found} (1 thu hồi, 2 cập nhật, 3 thay thế) chưa được chuyển qua Hoatoc. "
        "Gửi văn bản mới (loại 0), hoặc dùng kênh hiện có cho nghiệp vụ này.",
        "Business type {found} (1 recall, 2 update, 3 replacement) is not carried by Hoatoc yet. "
        "Send a new document (type 0), or use the existing channel for this business.",
        "QCVN 102:2016/BTTTT",
    ),
    _Check(
        Severity.REFUSE,
        "promulgated-in-future",
        _future,
        "Ngày ban hành {found} ở tương lai. Sửa ngày ban hành rồi gửi lại.",
        "The date of promulgation {found} is in the future. Correct it and send again.",
        "QCVN 102:2016/BTTTT",
    ),
    _Check(
        Severity.WARN,
        "attachment-missing",
        _no_attachment,
        "Gói tin không có tệp đính kèm. Kiểm tra xem tệp văn bản đã được đính kèm chưa.",
        "The packet has no attachment. Check whether the document's file was attached.",
        "CV 807/VPCP-KSTT, mục 5",
    ),
)
