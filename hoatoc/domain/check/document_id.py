"""Document ids: that the sender's own id says what the rest of the packet says.

Recipients answer by this id, so one that differs leads their answers astray. It warns: real systems
write ids of many forms, some of them mere numbers.
"""

from collections.abc import Iterator

from hoatoc.domain.check.mark import clean
from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots
from hoatoc.domain.identity import parse_document_id

_PATH = "MessageHeader/DocumentId"


def _is_usual(case: Case) -> bool:
    """Tell whether the id is the usual one of this packet, to the letter; most are."""
    packet, day = case.packet, case.packet.promulgated
    mark = f"{packet.number}/{packet.notation}"
    usual = f"{packet.sender.code},{day.year}/{day.month:02}/{day.day:02},{mark}"
    return packet.document_id in ("", usual)


def _unknown(case: Case) -> Spots:
    if not _is_usual(case) and not parse_document_id(case.packet.document_id).organ:
        yield Spot(_PATH, case.packet.document_id, "G22,2021/02/01,807/VPCP-KSTT")


def _differs(case: Case) -> Spots:
    if not _is_usual(case):
        for found, expected in _parts(case):
            if found != expected:
                yield Spot(_PATH, found, expected)


def _parts(case: Case) -> Iterator[tuple[str, str]]:
    """Return what the id says, part by part, beside what the rest of the packet says."""
    packet, stated = case.packet, parse_document_id(case.packet.document_id)
    if stated.organ:
        yield case.canonical(stated.organ), case.canonical(packet.sender.code)
    if stated.promulgated:
        yield stated.promulgated.isoformat(), packet.promulgated.isoformat()
    elif stated.year:
        yield str(stated.year), str(packet.promulgated.year)
    if stated.notation:
        written = f"{stated.number.lstrip('0')}/{clean(stated.notation)}"
        yield written, f"{case.number.lstrip('0')}/{case.notation}"


RULES = (
    Rule(
        "document-id-form",
        Severity.WARN,
        _unknown,
        (
            "Mã định danh văn bản «{found}» không có dạng mã cơ quan, ngày, số ký hiệu.",
            "Ghi theo dạng {expected}.",
        ),
        (
            "The document id “{found}” is not of organ, date and mark.",
            "Write it like {expected}.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.b",
    ),
    Rule(
        "document-id-differs",
        Severity.WARN,
        _differs,
        (
            "Mã định danh văn bản ghi {found}, trong khi phần khác của gói tin ghi {expected}.",
            "Kiểm tra cơ quan, ngày, số và ký hiệu; sửa mã định danh cho khớp.",
        ),
        (
            "The document id says {found}, where the rest of the packet says {expected}.",
            "Check organ, date, number and notation; correct the id.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.b; NĐ 30/2020/NĐ-CP, Phụ lục VI, Phần I, III.1.h",
    ),
)
