"""Business types: what a new document, a recall, an update and a replacement must and may carry.

The structure is that of QCVN 102:2016/BTTTT. A recall that names no document, or an update that
changes nothing, cannot be acted on, so these refuse.
"""

from collections.abc import Callable, Iterable, Iterator

from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots
from hoatoc.domain.packet import NEW_DOCUMENT, RECALL, REPLACEMENT, UPDATE, Packet

_BUSINESS = "TraceHeaderList/Bussiness"
_CHANGES = f"{_BUSINESS}/BussinessDocumentInfo"
_REPLACED = f"{_BUSINESS}/ReplacementInfoList"
_PACKET = "QCVN 102:2016/BTTTT"
_RECALL = "QĐ 28/2018/QĐ-TTg, Điều 8.2"


def _earlier_missing(business_type: int) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        packet = case.packet
        if packet.business_type == business_type and not packet.business_document_id:
            yield Spot(f"{_BUSINESS}/DocumentId")

    return look


def _reason_missing(case: Case) -> Spots:
    if case.packet.business_type == RECALL and not case.packet.business_reason:
        yield Spot(f"{_BUSINESS}/BussinessDocReason")


def _update_empty(case: Case) -> Spots:
    packet = case.packet
    if packet.business_type != UPDATE:
        return
    if not packet.receiver_changes and not packet.document_changed:
        yield Spot(_CHANGES)


def _replacement_empty(case: Case) -> Spots:
    if case.packet.business_type == REPLACEMENT and not case.packet.replacements:
        yield Spot(_REPLACED)


def _replacement_incomplete(case: Case) -> Spots:
    for index, each in enumerate(case.packet.replacements, start=1):
        if not each.document_id:
            yield Spot(f"{_REPLACED}/ReplacementInfo[{index}]/DocumentId")
        if not each.organs:
            yield Spot(f"{_REPLACED}/ReplacementInfo[{index}]/OrganIdList")


def _named_organs(packet: Packet) -> Iterator[tuple[str, str]]:
    for index, change in enumerate(packet.receiver_changes, start=1):
        yield f"{_CHANGES}/ReceiverList/Receiver[{index}]/OrganId", change.code
    for index, each in enumerate(packet.replacements, start=1):
        for place, code in enumerate(each.organs, start=1):
            yield f"{_REPLACED}/ReplacementInfo[{index}]/OrganIdList/OrganId[{place}]", code


def _organ_unknown(case: Case) -> Spots:
    for path, code in _named_organs(case.packet):
        if not case.registry.resolve(code, case.today):
            yield Spot(path, code)


def _contradiction(case: Case) -> Spots:
    said: dict[str, bool] = {}
    for index, change in enumerate(case.packet.receiver_changes, start=1):
        if said.setdefault(case.canonical(change.code), change.added) != change.added:
            yield Spot(f"{_CHANGES}/ReceiverList/Receiver[{index}]", change.code)


def _parts(packet: Packet) -> Iterable[tuple[int, str, object]]:
    return (
        (UPDATE, _CHANGES, packet.receiver_changes or packet.document_changed),
        (REPLACEMENT, _REPLACED, packet.replacements),
    )


def _part_foreign(case: Case) -> Spots:
    for business_type, path, part in _parts(case.packet):
        if part and case.packet.business_type != business_type:
            yield Spot(path, str(case.packet.business_type), str(business_type))


def _earlier_of_new(case: Case) -> Spots:
    packet = case.packet
    earlier = packet.business_document_id
    if packet.business_type == NEW_DOCUMENT and earlier not in ("", packet.document_id):
        yield Spot(f"{_BUSINESS}/DocumentId", earlier, packet.document_id)


RULES = (
    Rule(
        "recall-document-missing",
        Severity.REFUSE,
        _earlier_missing(RECALL),
        ("Yêu cầu thu hồi không nêu văn bản nào.", "Ghi mã định danh của văn bản cần thu hồi."),
        ("The recall names no document.", "Enter the id of the document to recall."),
        _RECALL,
    ),
    Rule(
        "recall-reason-missing",
        Severity.WARN,
        _reason_missing,
        (
            "Yêu cầu thu hồi không nêu lý do.",
            "Ghi lý do: bên nhận phải hủy văn bản và thông báo lại.",
        ),
        (
            "The recall gives no reason.",
            "Enter it: the recipient has to destroy the document and confirm.",
        ),
        f"{_RECALL}, 9.2",
    ),
    Rule(
        "update-document-missing",
        Severity.REFUSE,
        _earlier_missing(UPDATE),
        ("Cập nhật không nêu văn bản nào.", "Ghi mã định danh của văn bản được cập nhật."),
        ("The update names no document.", "Enter the id of the document that is updated."),
        _PACKET,
    ),
    Rule(
        "update-empty",
        Severity.REFUSE,
        _update_empty,
        (
            "Cập nhật không thay đổi gì: không đổi nội dung, không thêm bớt nơi nhận.",
            "Ghi DocumentInfo = 1 nếu đổi nội dung, hoặc danh sách nơi nhận thêm, bớt.",
        ),
        (
            "The update changes nothing: neither the document nor its recipients.",
            "Write DocumentInfo = 1 if the content changed, or list who is added or removed.",
        ),
        _PACKET,
    ),
    Rule(
        "replacement-empty",
        Severity.REFUSE,
        _replacement_empty,
        ("Thay thế không nêu văn bản nào bị thay thế.", "Ghi danh sách văn bản bị thay thế."),
        ("The replacement names no document.", "List the documents that are replaced."),
        _PACKET,
    ),
    Rule(
        "replacement-incomplete",
        Severity.REFUSE,
        _replacement_incomplete,
        (
            "Một mục thay thế thiếu mã văn bản hoặc thiếu nơi nhận.",
            "Ghi đủ mã định danh văn bản và các cơ quan đã nhận văn bản đó.",
        ),
        (
            "An entry of the replacement lacks the document's id or the organs.",
            "Enter the id and the organs that received the document.",
        ),
        _PACKET,
    ),
    Rule(
        "business-organ-unknown",
        Severity.REFUSE,
        _organ_unknown,
        (
            "Mã cơ quan {found} trong nghiệp vụ cập nhật, thay thế không có trong danh mục.",
            "Kiểm tra mã, hoặc đề nghị đơn vị vận hành thêm cơ quan (`hoatoc registry add`).",
        ),
        (
            "The code {found}, named by an update or replacement, is not in the registry.",
            "Check it, or ask the operators to add the organ (`hoatoc registry add`).",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 8.2, 10.2.a",
        fixed=True,
    ),
    Rule(
        "update-contradictory",
        Severity.REFUSE,
        _contradiction,
        ("Cơ quan {found} vừa được thêm vừa bị bớt.", "Giữ một trong hai thay đổi."),
        ("The organ {found} is both added and removed.", "Keep one of the two."),
        _PACKET,
    ),
    Rule(
        "business-part-foreign",
        Severity.REFUSE,
        _part_foreign,
        (
            "Gói tin loại {found} mang phần nghiệp vụ của loại {expected} "
            "(0 mới, 1 thu hồi, 2 cập nhật, 3 thay thế).",
            "Sửa BussinessDocType, hoặc bỏ phần này.",
        ),
        (
            "A packet of type {found} carries a part of type {expected} (0 new, 1 recall, 2 "
            "update, 3 replacement).",
            "Correct BussinessDocType, or drop the part.",
        ),
        _PACKET,
    ),
    Rule(
        "business-document-differs",
        Severity.WARN,
        _earlier_of_new,
        (
            "Văn bản mới (loại 0) nhưng phần nghiệp vụ nêu văn bản khác: {found}.",
            "Nếu thu hồi, cập nhật hay thay thế, ghi đúng loại; nếu không, ghi {expected}.",
        ),
        (
            "The document is new (type 0), but its business part names another: {found}.",
            "If it recalls, updates or replaces, enter that type; if not, enter {expected}.",
        ),
        _PACKET,
    ),
)
