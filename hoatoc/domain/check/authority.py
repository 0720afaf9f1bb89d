"""Competence: by what authority somebody signed, and whether this organ issues such a document.

The abbreviations TM., Q., KT., TL. and TUQ. are those of NĐ 30/2020/NĐ-CP, Phụ lục I. Who may stand
behind which of them is not settled in any text at hand, so all of this warns and is marked [M].
"""

import re
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from hoatoc.domain.check.rule import CV_807, Case, Rule, Severity, Spot, Spots
from hoatoc.domain.organ_name import begins

_COMPETENCE = "MessageHeader/SignerInfo/Competence"
_POSITION = "MessageHeader/SignerInfo/Position"
_SIGNING = "NĐ 30/2020/NĐ-CP, Điều 13, Phụ lục I, II.7 [M]"

_ABBREVIATION = re.compile(r"(?<!\w)(TM|KT|TL|TUQ|Q)\.")
_DEPUTY = re.compile(r"(?<!\w)PHÓ(?!\w)|(?<!\w)THỨ TRƯỞNG(?!\w)")
# Bodies under one head: nobody signs for them as for a collective.
_ONE_HEAD = re.compile(
    r"(BỘ(?! CHÍNH TRỊ| TƯ LỆNH)|SỞ|CỤC|TỔNG CỤC|CHI CỤC|VỤ|PHÒNG|VĂN PHÒNG|THANH TRA|GIÁM ĐỐC"
    r"|CỤC TRƯỞNG|CHỦ TỊCH|CHÁNH)(?!\w)"
)
# Positions that only some organs have, by how the name of the organ begins.
_HOLDERS = (
    (
        re.compile(r"(?<!\w)(BỘ|THỨ) TRƯỞNG(?!\w)"),
        ("Bộ", "Văn phòng Chính phủ", "Ủy ban Dân tộc", "Chính phủ"),
    ),
    (
        re.compile(r"(?<!\w)THỦ TƯỚNG(?!\w)"),
        ("Chính phủ", "Thủ tướng Chính phủ", "Văn phòng Chính phủ"),
    ),
    (re.compile(r"(?<!\w)THỐNG ĐỐC(?!\w)"), ("Ngân hàng Nhà nước",)),
    (re.compile(r"(?<!\w)TỔNG THANH TRA(?!\w)"), ("Thanh tra Chính phủ",)),
)
_WITHOUT_CHAIRMAN = ("Bộ", "Sở", "Cục", "Chi cục", "Tổng cục", "Ngân hàng Nhà nước")
_CHAIRMAN = re.compile(r"(PHÓ )?CHỦ TỊCH(?! HỘI ĐỒNG| CÔNG ĐOÀN)(?!\w)")
_PARTY = re.compile(r"A[0-9]{2}")


class _Authority(NamedTuple):
    """One step of an authority: `KT.` of a `CHỦ TỊCH`."""

    abbreviation: str
    holder: str


def _authorities(case: Case) -> tuple[_Authority, ...]:
    """Return the steps in order; the last is by which the signer signed."""
    return _steps(case.packet.signer.competence)


# Several rules ask the same, and the signers of an agency are few.
@lru_cache(maxsize=1024)
def _steps(competence: str) -> tuple[_Authority, ...]:
    pieces = _ABBREVIATION.split(_plain(competence))
    holders = (holder.strip(" ,;-–/") for holder in pieces[2::2])
    return tuple(_Authority(*step) for step in zip(pieces[1::2], holders, strict=True))


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    return " ".join(normalize("NFC", text).upper().split())


def _is_deputy(case: Case) -> bool:
    return bool(_DEPUTY.search(_plain(case.packet.signer.position)))


def _form(case: Case) -> Spots:
    competence = case.packet.signer.competence
    if competence and not _authorities(case):
        yield Spot(_COMPETENCE, competence, "TM., Q., KT., TL., TUQ.")


def _deputy_without_authority(case: Case) -> Spots:
    if not _is_deputy(case) or (case.sender and _PARTY.match(case.sender.organ.code)):
        return
    if not any(step.abbreviation in ("KT", "TL", "TUQ") for step in _authorities(case)):
        yield Spot(_COMPETENCE, case.packet.signer.position, "KT. …")


def _deputy_expected(case: Case) -> Spots:
    steps = _authorities(case)
    position = case.packet.signer.position
    if position and steps and steps[-1].abbreviation == "KT" and not _is_deputy(case):
        yield Spot(_POSITION, position, f"KT. {steps[-1].holder}")


def _own_position(case: Case) -> Spots:
    steps = _authorities(case)
    if not steps or steps[-1].abbreviation not in ("KT", "TL", "TUQ"):
        return
    if steps[-1].holder and steps[-1].holder == _plain(case.packet.signer.position):
        yield Spot(_COMPETENCE, case.packet.signer.competence, steps[-1].holder)


def _for_one_head(case: Case) -> Spots:
    for step in _authorities(case):
        body = step.holder or _plain(case.issuer)
        if step.abbreviation == "TM" and _ONE_HEAD.match(body):
            yield Spot(_COMPETENCE, case.packet.signer.competence, body)


def _position_elsewhere(case: Case) -> Spots:
    position, issuer = _plain(case.packet.signer.position), case.issuer
    if not position or not issuer:
        return
    for pattern, beginnings in _HOLDERS:
        if pattern.search(position) and not begins(issuer, beginnings):
            yield Spot(_POSITION, case.packet.signer.position, issuer)
            return
    if _CHAIRMAN.match(position) and begins(issuer, _WITHOUT_CHAIRMAN):
        yield Spot(_POSITION, case.packet.signer.position, issuer)


def _type_elsewhere(case: Case) -> Spots:
    if case.kind and case.issuer and not case.kind.may_issue(case.issuer):
        yield Spot("MessageHeader/DocumentType/TypeName", case.kind.name, case.issuer)


RULES = (
    Rule(
        "competence-form",
        Severity.WARN,
        _form,
        (
            "Quyền hạn ký «{found}» không có chữ viết tắt nào của thẩm quyền ký ({expected}).",
            "Ghi quyền hạn như trên văn bản, hoặc để trống nếu người đứng đầu ký trực tiếp.",
        ),
        (
            "The signing authority “{found}” has none of the abbreviations ({expected}).",
            "Enter it as printed, or leave it empty if the head signed directly.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I, II.7",
    ),
    Rule(
        "competence-missing",
        Severity.WARN,
        _deputy_without_authority,
        (
            "Người ký là cấp phó ({found}) nhưng quyền hạn không có KT., TL. hay TUQ.",
            "Ghi quyền hạn ký, ví dụ {expected}; kiểm tra thẩm quyền ký.",
        ),
        (
            "The signer is a deputy ({found}), but signs by none of KT., TL. and TUQ.",
            "Enter the authority, such as {expected}; check who may sign.",
        ),
        _SIGNING,
    ),
    Rule(
        "competence-deputy-expected",
        Severity.WARN,
        _deputy_expected,
        (
            "Quyền hạn {expected} là ký thay, nhưng chức vụ «{found}» không phải cấp phó.",
            "Kiểm tra quyền hạn và chức vụ người ký.",
        ),
        (
            "{expected} is for a deputy, but the position “{found}” is none.",
            "Check the signer's authority and position.",
        ),
        _SIGNING,
    ),
    Rule(
        "competence-own-position",
        Severity.WARN,
        _own_position,
        (
            "Quyền hạn «{found}» ký cho chính chức vụ của người ký ({expected}).",
            "Bỏ quyền hạn, hoặc sửa chức vụ người ký.",
        ),
        (
            "By “{found}” the signer would act for their own position ({expected}).",
            "Drop the authority, or correct the position.",
        ),
        _SIGNING,
    ),
    Rule(
        "competence-collective",
        Severity.WARN,
        _for_one_head,
        (
            "«{found}»: {expected} làm việc theo chế độ thủ trưởng, không ký TM.",
            "Kiểm tra quyền hạn ký.",
        ),
        (
            "“{found}”: {expected} is under a single head; TM. is for a collective.",
            "Check the signing authority.",
        ),
        _SIGNING,
    ),
    Rule(
        "position-not-of-issuer",
        Severity.WARN,
        _position_elsewhere,
        (
            "Chức vụ «{found}» không phải của cơ quan gửi ({expected}).",
            "Kiểm tra chức vụ người ký và mã cơ quan gửi.",
        ),
        (
            "The position “{found}” is not one of the sender ({expected}).",
            "Check the signer's position and the sender's code.",
        ),
        f"{CV_807} (đúng thẩm quyền) [M]",
    ),
    Rule(
        "type-not-of-issuer",
        Severity.WARN,
        _type_elsewhere,
        (
            "{expected} không ban hành {found}.",
            "Kiểm tra loại văn bản và mã cơ quan gửi.",
        ),
        (
            "{expected} does not issue a {found}.",
            "Check the type of the document and the sender's code.",
        ),
        "Luật Ban hành văn bản quy phạm pháp luật [M]",
    ),
)
