"""Completeness: what must stand in the header of every document (CV 807, mục 5).

Without a number, a notation, a subject or a recipient a document has no identity or no way: that
refuses. What else is missing warns, because the signed file may hold it.
"""

import re
from collections.abc import Callable

from hoatoc.domain.check.rule import CV_807, Case, Rule, Severity, Spot, Spots
from hoatoc.domain.packet import Packet

_METADATA = "NĐ 30/2020/NĐ-CP, Phụ lục VI, Phần II"
_THREE_DIGITS = re.compile(r"0*[1-9][0-9]{0,2}")


def _empty(path: str, value: Callable[[Packet], object]) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        if not value(case.packet):
            yield Spot(path)

    return look


def _staff(case: Case) -> Spots:
    staff = case.packet.staff
    if not (staff.name and (staff.mobile or staff.email)):
        yield Spot("TraceHeaderList/Bussiness/StaffInfo", staff.name)


def _counts(case: Case) -> Spots:
    other = case.packet.other
    for name, text in (("PageAmount", other.pages), ("PromulgationAmount", other.copies)):
        if text and not _THREE_DIGITS.fullmatch(text):
            yield Spot(f"MessageHeader/OtherInfo/{name}", text, "1…999")


def _remarks(case: Case) -> Spots:
    return (Spot(each.path, each.found, each.code) for each in case.packet.remarks)


RULES = (
    Rule(
        "number-missing",
        Severity.REFUSE,
        _empty("MessageHeader/Code/CodeNumber", lambda packet: packet.number.strip()),
        ("Văn bản chưa có số.", "Lấy số tại văn thư, ghi vào gói tin rồi gửi lại."),
        ("The document has no number.", "Have it numbered, enter the number and send again."),
        "NĐ 30/2020/NĐ-CP, Điều 15.1, Phụ lục I, II.3",
        fixed=True,
    ),
    Rule(
        "notation-missing",
        Severity.REFUSE,
        _empty("MessageHeader/Code/CodeNotation", lambda packet: packet.notation.strip()),
        ("Văn bản chưa có ký hiệu.", "Ghi ký hiệu như trên văn bản rồi gửi lại."),
        ("The document has no notation.", "Enter it as it is printed and send again."),
        "NĐ 30/2020/NĐ-CP, Điều 15.1, Phụ lục I, II.3",
        fixed=True,
    ),
    Rule(
        "subject-missing",
        Severity.REFUSE,
        _empty("MessageHeader/Subject", lambda packet: packet.subject.strip()),
        ("Văn bản chưa có trích yếu.", "Ghi trích yếu nội dung rồi gửi lại."),
        ("The document has no subject.", "Enter its subject and send again."),
        _METADATA,
    ),
    Rule(
        "recipients-missing",
        Severity.REFUSE,
        _empty("MessageHeader/To", lambda packet: packet.recipients),
        ("Văn bản chưa có nơi nhận.", "Thêm ít nhất một cơ quan nhận rồi gửi lại."),
        ("The document has no recipient.", "Add at least one organ and send again."),
        "QĐ 28/2018/QĐ-TTg, Điều 8.2",
        fixed=True,
    ),
    Rule(
        "place-missing",
        Severity.WARN,
        _empty("MessageHeader/PromulgationInfo/Place", lambda packet: packet.place),
        ("Thiếu địa danh ban hành.", "Ghi địa danh như trên văn bản."),
        ("The place of promulgation is missing.", "Enter it as it is printed."),
        "NĐ 30/2020/NĐ-CP, Phụ lục I, mục II",
    ),
    Rule(
        "type-missing",
        Severity.WARN,
        _empty("MessageHeader/DocumentType", lambda packet: packet.type_name or packet.type_code),
        ("Thiếu loại văn bản.", "Chọn loại văn bản (Công văn, Quyết định, …)."),
        ("The type of the document is missing.", "Choose one (Công văn, Quyết định, …)."),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.c-q",
    ),
    Rule(
        "signer-name-missing",
        Severity.WARN,
        _empty("MessageHeader/SignerInfo/FullName", lambda packet: packet.signer.full_name),
        ("Thiếu họ tên người ký.", "Ghi họ tên người ký như trên văn bản."),
        ("The signer's name is missing.", "Enter it as it is printed."),
        _METADATA,
    ),
    Rule(
        "signer-position-missing",
        Severity.WARN,
        _empty("MessageHeader/SignerInfo/Position", lambda packet: packet.signer.position),
        ("Thiếu chức vụ người ký.", "Ghi chức vụ người ký như trên văn bản."),
        ("The signer's position is missing.", "Enter it as it is printed."),
        _METADATA,
    ),
    Rule(
        "sender-name-missing",
        Severity.WARN,
        _empty("MessageHeader/From/OrganName", lambda packet: packet.sender.name),
        ("Thiếu tên cơ quan gửi.", "Ghi tên đầy đủ của cơ quan gửi."),
        ("The sender's name is missing.", "Enter the full name of the sending organ."),
        _METADATA,
    ),
    Rule(
        "staff-missing",
        Severity.WARN,
        _staff,
        (
            "Thiếu cán bộ xử lý của bên gửi, hoặc không có cách liên hệ.",
            "Ghi họ tên và số điện thoại hoặc thư điện tử của người phụ trách.",
        ),
        (
            "The sender's clerk is missing, or cannot be reached.",
            "Enter the name and a telephone number or an e-mail address.",
        ),
        CV_807,
    ),
    Rule(
        "count-invalid",
        Severity.WARN,
        _counts,
        ("Số trang hoặc số bản «{found}» không hợp lệ.", "Ghi một số trong khoảng {expected}."),
        ("The count “{found}” of pages or copies is not valid.", "Enter a number in {expected}."),
        _METADATA,
    ),
    Rule(
        "read-tolerantly",
        Severity.WARN,
        _remarks,
        (
            "Phần tử ghi «{found}» không đúng chuẩn ({expected}); đã đọc theo nghĩa rõ nhất.",
            "Kiểm tra giá trị đã đọc; sửa phần mềm xuất gói tin cho đúng chuẩn.",
        ),
        (
            "The element says “{found}”, against the standard ({expected}); it was read in its "
            "plainest sense.",
            "Check the value that was read; have the exporting software follow the standard.",
        ),
        "QCVN 102:2016/BTTTT",
    ),
)
