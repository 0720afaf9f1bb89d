"""Form: number and notation as NĐ 30/2020/NĐ-CP, Phụ lục I, II.3 has them.

What would give the document a false legal identity (Điều 15.1) refuses. What is printed on a
signed document cannot be changed by the clerk who sends it, so the rest warns: the recipient may
refuse it.
"""

import re
from unicodedata import is_normalized

from hoatoc.domain.check.document_type import SHIPPED, Group
from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots
from hoatoc.domain.organ_name import initials

_FORM = "NĐ 30/2020/NĐ-CP, Phụ lục I, II.3"
_NUMBER = "MessageHeader/Code/CodeNumber"
_NOTATION = "MessageHeader/Code/CodeNotation"
_NUMBER_FORM = re.compile(r"0*[1-9][0-9]*(/[0-9]{4})?")
# Eth and African D; Greek and Cyrillic; full-width forms.
_LOOK_ALIKE = re.compile(r"[\u00d0\u0189\u0370-\u03ff\u0400-\u04ff\uff01-\uff5e]")
# One office sends for several bodies: VPCP for Chính phủ and Thủ tướng, VP UBND for boards.
_SHARED = frozenset({"TTg", "CP", "CTN", "QH", "BCĐ", "HĐND", "ĐĐBQH", "HĐ"})


def _number_form(case: Case) -> Spots:
    if case.number and not _NUMBER_FORM.fullmatch(case.number):
        yield Spot(_NUMBER, case.packet.number, "1, 2, 3, …")


def _zero_missing(case: Case) -> Spots:
    if case.mark and len(case.mark.number) == 1 and case.mark.number != "0":
        yield Spot(_NUMBER, case.packet.number, f"0{case.mark.number}")


def _zero_extra(case: Case) -> Spots:
    if case.mark and case.mark.number.startswith("0") and len(case.mark.number) > 2:
        yield Spot(_NUMBER, case.packet.number, f"{int(case.mark.number):02}")


def _notation_form(case: Case) -> Spots:
    if case.mark or not case.notation:
        return
    # What is wrong with the number is told apart, and so is a number that is repeated.
    if _NUMBER_FORM.fullmatch(case.number) and not _repeats_number(case):
        yield Spot(_NOTATION, case.packet.notation, "VPCP-KSTT, QĐ-BNV, 2018/QĐ-TTg")


def _blanks(case: Case) -> Spots:
    for path, text in _written(case):
        if len(text.split()) > 1:
            yield Spot(path, text, "".join(text.split()))


def _written(case: Case) -> tuple[tuple[str, str], ...]:
    return (_NUMBER, case.packet.number), (_NOTATION, case.packet.notation)


def _look_alikes(case: Case) -> Spots:
    for path, text in _written(case):
        if match := _LOOK_ALIKE.search(text):
            yield Spot(path, text, f"U+{ord(match[0]):04X}")


def _decomposed(case: Case) -> Spots:
    packet, header = case.packet, "MessageHeader"
    texts = (
        (_NOTATION, packet.notation),
        (f"{header}/DocumentId", packet.document_id),
        (f"{header}/Subject", packet.subject),
        (f"{header}/Content", packet.content),
        (f"{header}/SignerInfo/FullName", packet.signer.full_name),
        (f"{header}/DocumentType/TypeName", packet.type_name),
    )
    return (Spot(path) for path, text in texts if not is_normalized("NFC", text))


def _lower_case(case: Case) -> Spots:
    if case.mark and any(group[0].islower() for group in case.mark.groups):
        yield Spot(_NOTATION, case.packet.notation)


def _number_repeated(case: Case) -> Spots:
    if case.number and _repeats_number(case):
        yield Spot(_NOTATION, case.packet.notation, case.notation[len(case.number) + 1 :])


def _repeats_number(case: Case) -> bool:
    return case.notation.startswith(f"{case.number}/")


def _year_differs(case: Case) -> Spots:
    year = str(case.packet.promulgated.year)
    if case.mark and case.mark.year not in ("", year):
        yield Spot("MessageHeader/Code", case.mark.year, year)


def _year_missing(case: Case) -> Spots:
    if (
        case.mark
        and case.kind
        and not case.mark.year
        and case.kind.group is Group.LEGISLATIVE
        and case.kind.abbreviation
    ):
        year = case.packet.promulgated.year
        expected = f"{case.mark.number}/{year}/{'-'.join(case.mark.groups)}"
        yield Spot("MessageHeader/Code", case.kind.name, expected)


def _year_superfluous(case: Case) -> Spots:
    if case.mark and case.mark.year and case.kind and case.kind.group is Group.ADMINISTRATIVE:
        yield Spot("MessageHeader/Code", case.mark.year, case.kind.name)


def _abbreviation(case: Case) -> Spots:
    if not case.mark or not case.kind or not case.kind.abbreviation:
        return
    if case.mark.groups[0] not in (case.kind.abbreviation, *_COPIES):
        yield Spot(_NOTATION, case.packet.notation, f"{case.kind.abbreviation}-…")


_COPIES = tuple(each.abbreviation for each in SHIPPED.types if each.group is Group.COPY)
_NOT_OF_A_LETTER = (SHIPPED.abbreviations | {"CV"}) - set(_COPIES)


def _abbreviation_superfluous(case: Case) -> Spots:
    if not case.mark or not case.kind or case.kind.name != "Công văn":
        return
    if len(case.mark.groups) > 1 and case.mark.groups[0] in _NOT_OF_A_LETTER:
        yield Spot(_NOTATION, case.packet.notation, "-".join(case.mark.groups[1:]))


def _organ_differs(case: Case) -> Spots:
    if not case.mark or not case.issuer:
        return
    own = initials(case.issuer)
    groups = [group for group in case.mark.groups if group not in _NOT_OF_A_LETTER]
    if groups and not any(group in _SHARED or _abbreviates(group, own) for group in groups):
        yield Spot(_NOTATION, case.packet.notation, own)


def _abbreviates(group: str, own: str) -> bool:
    return len(group) > 1 and (group in own or own in group)


RULES = (
    Rule(
        "number-form",
        Severity.REFUSE,
        _number_form,
        (
            "Số văn bản «{found}» không phải số thứ tự bằng chữ số Ả Rập ({expected}).",
            "Chỉ ghi chữ số; phần chữ thuộc ký hiệu.",
        ),
        (
            "The number “{found}” is not a serial number in Arabic digits ({expected}).",
            "Enter digits only; letters belong to the notation.",
        ),
        _FORM,
    ),
    Rule(
        "number-zero-missing",
        Severity.WARN,
        _zero_missing,
        ("Số văn bản «{found}» nhỏ hơn 10 mà không có số 0 phía trước.", "Ghi {expected}."),
        ("The number “{found}” is below 10 and lacks its leading zero.", "Write {expected}."),
        _FORM,
    ),
    Rule(
        "number-zero-extra",
        Severity.WARN,
        _zero_extra,
        ("Số văn bản «{found}» có số 0 thừa phía trước.", "Ghi {expected}."),
        ("The number “{found}” has superfluous leading zeros.", "Write {expected}."),
        _FORM,
    ),
    Rule(
        "notation-form",
        Severity.WARN,
        _notation_form,
        (
            "Ký hiệu «{found}» không đúng thể thức (ví dụ đúng: {expected}).",
            "Ghi chữ cái viết tắt, nối bằng dấu gạch nối (-), không có dấu khác.",
        ),
        (
            "The notation “{found}” has not the lawful form (such as {expected}).",
            "Write abbreviations joined by hyphens (-) and no other signs.",
        ),
        _FORM,
    ),
    Rule(
        "mark-blank",
        Severity.WARN,
        _blanks,
        ("Số, ký hiệu «{found}» có khoảng trắng bên trong.", "Ghi liền: {expected}."),
        ("The mark “{found}” holds blanks.", "Write it without: {expected}."),
        _FORM,
    ),
    Rule(
        "mark-look-alike",
        Severity.WARN,
        _look_alikes,
        (
            "Số, ký hiệu «{found}» có ký tự {expected} chỉ giống chữ Việt (ví dụ Ð thay cho Đ).",
            "Gõ lại bằng bộ gõ tiếng Việt Unicode.",
        ),
        (
            "The mark “{found}” holds the character {expected}, which only looks like a Vietnamese "
            "letter (such as Ð for Đ).",
            "Type it again with a Vietnamese Unicode keyboard.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I (Unicode, TCVN 6909:2001)",
    ),
    Rule(
        "text-decomposed",
        Severity.WARN,
        _decomposed,
        (
            "Chữ có dấu ở phần tử này là Unicode tổ hợp, không phải dựng sẵn (NFC).",
            "Chuyển sang Unicode dựng sẵn rồi gửi lại.",
        ),
        (
            "Accented letters of this element are decomposed, not composed Unicode (NFC).",
            "Convert it to composed Unicode and send again.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I (Unicode, TCVN 6909:2001)",
    ),
    Rule(
        "notation-lower-case",
        Severity.WARN,
        _lower_case,
        ("Ký hiệu «{found}» viết chữ thường.", "Viết hoa như in trên văn bản."),
        ("The notation “{found}” is in lower case.", "Write capitals, as printed."),
        _FORM,
    ),
    Rule(
        "notation-number-repeated",
        Severity.REFUSE,
        _number_repeated,
        ("Ký hiệu «{found}» lặp lại số văn bản.", "Chỉ ghi ký hiệu: {expected}."),
        ("The notation “{found}” repeats the number.", "Write the notation alone: {expected}."),
        "NĐ 30/2020/NĐ-CP, Điều 15.1, Phụ lục I, II.3",
    ),
    Rule(
        "mark-year-differs",
        Severity.REFUSE,
        _year_differs,
        (
            "Năm {found} trong số, ký hiệu khác năm ban hành {expected}.",
            "Sửa số, ký hiệu hoặc ngày ban hành cho khớp rồi gửi lại.",
        ),
        (
            "The year {found} in the mark is not the year of promulgation, {expected}.",
            "Correct the mark or the date and send again.",
        ),
        "NĐ 30/2020/NĐ-CP, Điều 15.1, Phụ lục I, II.3",
    ),
    Rule(
        "mark-year-missing",
        Severity.WARN,
        _year_missing,
        (
            "{found} là văn bản quy phạm pháp luật nhưng số, ký hiệu không có năm.",
            "Ghi năm ban hành: {expected}.",
        ),
        (
            "{found} is a legislative document, but its mark carries no year.",
            "Write the year of promulgation: {expected}.",
        ),
        _FORM,
    ),
    Rule(
        "mark-year-superfluous",
        Severity.WARN,
        _year_superfluous,
        (
            "Số, ký hiệu có năm {found}, nhưng {expected} là văn bản hành chính.",
            "Bỏ năm khỏi số, ký hiệu, hoặc sửa loại văn bản.",
        ),
        (
            "The mark carries the year {found}, but {expected} is an administrative document.",
            "Take the year out of the mark, or correct the type.",
        ),
        _FORM,
    ),
    Rule(
        "notation-abbreviation",
        Severity.WARN,
        _abbreviation,
        (
            "Ký hiệu «{found}» không mở đầu bằng chữ viết tắt của loại văn bản.",
            "Ghi {expected}, hoặc sửa loại văn bản.",
        ),
        (
            "The notation “{found}” does not begin with the abbreviation of its type.",
            "Write {expected}, or correct the type.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I, II.3, Phụ lục III, mục I",
    ),
    Rule(
        "notation-abbreviation-superfluous",
        Severity.WARN,
        _abbreviation_superfluous,
        (
            "Công văn không có chữ viết tắt tên loại, nhưng ký hiệu là «{found}».",
            "Ghi {expected}, hoặc sửa loại văn bản.",
        ),
        (
            "A Công văn has no abbreviation of its type, but its notation is “{found}”.",
            "Write {expected}, or correct the type.",
        ),
        "NĐ 30/2020/NĐ-CP, Phụ lục I, II.3, Phụ lục III, mục I",
    ),
    Rule(
        "notation-organ",
        Severity.WARN,
        _organ_differs,
        (
            "Ký hiệu «{found}» không thấy chữ viết tắt của cơ quan gửi ({expected}).",
            "Kiểm tra ký hiệu và mã cơ quan gửi.",
        ),
        (
            "The notation “{found}” does not show the sender's abbreviation ({expected}).",
            "Check the notation and the sender's code.",
        ),
        f"{_FORM} [D]",
    ),
)
