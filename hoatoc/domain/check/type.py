"""Types: name against code, and whether paper follows (CV 775/VPCP-KSTT)."""

from hoatoc.domain.check.document_type import SHIPPED, Paper
from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots

_NAME = "MessageHeader/DocumentType/TypeName"
_PAPER = "TraceHeaderList/Bussiness/Paper"
_LIST = "SĐ1:2022 QCVN 102:2016/BTTTT"


def _name_missing(case: Case) -> Spots:
    if case.packet.type_code and not case.packet.type_name:
        yield Spot(_NAME, case.packet.type_code)


def _unknown(case: Case) -> Spots:
    name = case.packet.type_name
    if name and not case.kind and not SHIPPED.named(name):
        yield Spot(_NAME, name)


def _code_differs(case: Case) -> Spots:
    code = case.packet.type_code
    if not code or not case.packet.type_name:
        return
    known = [each.code for each in SHIPPED.named(case.packet.type_name) if each.code]
    if known and code.lstrip("0") not in known:
        yield Spot("MessageHeader/DocumentType/Type", code, ", ".join(known))


def _paper_superfluous(case: Case) -> Spots:
    if case.packet.paper and case.kind and case.kind.paper(case.issuer) is Paper.NONE:
        yield Spot(_PAPER, case.kind.name, "0")


def _paper_expected(case: Case) -> Spots:
    if not case.packet.paper and case.kind and case.kind.paper(case.issuer) is Paper.ALLOWED:
        yield Spot(_PAPER, case.kind.name, "1")


RULES = (
    Rule(
        "type-name-missing",
        Severity.WARN,
        _name_missing,
        (
            "Loại văn bản chỉ có mã {found}, không có tên; một mã có thể chỉ hai loại.",
            "Ghi tên loại văn bản.",
        ),
        (
            "The type has only a code, {found}, and no name; one code may mean two types.",
            "Enter the name of the type.",
        ),
        _LIST,
    ),
    Rule(
        "type-unknown",
        Severity.WARN,
        _unknown,
        (
            "Không nhận ra loại văn bản «{found}»; giá trị được giữ nguyên.",
            "Ghi tên loại theo Điều 7 NĐ 30/2020 hoặc tên văn bản quy phạm pháp luật.",
        ),
        (
            "The type “{found}” is not known; it is kept as it is.",
            "Write a name of NĐ 30/2020, Điều 7, or of a legislative document.",
        ),
        f"NĐ 30/2020/NĐ-CP, Điều 7; {_LIST}",
    ),
    Rule(
        "type-code-differs",
        Severity.WARN,
        _code_differs,
        (
            "Mã loại văn bản {found} không khớp với tên loại (mã {expected}); tên loại được dùng.",
            "Sửa mã hoặc tên loại văn bản cho khớp.",
        ),
        (
            "The code {found} is not that of the type's name ({expected}); the name is used.",
            "Correct the code or the name.",
        ),
        _LIST,
    ),
    Rule(
        "paper-superfluous",
        Severity.WARN,
        _paper_superfluous,
        (
            "{found} thuộc 26 loại gửi điện tử không kèm bản giấy, nhưng gói tin ghi có bản giấy.",
            "Ghi Paper = {expected}, trừ văn bản gửi Chính phủ, Thủ tướng theo Quy chế (Điều 7.2).",
        ),
        (
            "{found} is one of the 26 types that go without paper, but the packet says that paper "
            "follows.",
            "Write Paper = {expected}, unless it goes to the Government or the Prime Minister by "
            "their rules (Điều 7.2).",
        ),
        "CV 775/VPCP-KSTT; QĐ 28/2018/QĐ-TTg, Điều 5.3",
    ),
    Rule(
        "paper-expected",
        Severity.WARN,
        _paper_expected,
        (
            "{found} không thuộc 26 loại gửi không kèm bản giấy, nhưng gói tin ghi không có bản "
            "giấy.",
            "Kiểm tra xem bản giấy có gửi kèm không; nếu có, ghi Paper = {expected}.",
        ),
        (
            "{found} is not one of the 26 types that go without paper, but the packet says that "
            "none follows.",
            "Check whether paper follows; if so, write Paper = {expected}.",
        ),
        "CV 775/VPCP-KSTT [D]",
    ),
)
