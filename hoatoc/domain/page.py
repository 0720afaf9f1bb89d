"""The page: what a person reads when a copy did not arrive in time, and when it did after all.

It tells the document, the sender, the recipient and its contact, the deadline, since when, and
what to do next; in Vietnamese, with English beside it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from hoatoc.domain.packet import PRIORITIES

AlertKind = Literal[
    "publish",
    "arrive",
    "accept",
    "handle",
    "reply",
    "recall",
    "receive-failed",
    "send-failed",
    "recall-failed",
    "unreadable",
    "unsent",
    "secret-suspected",
    "content-lost",
]
VIETNAM = timezone(timedelta(hours=7))
"""The zone of every time shown to a person (QĐ 28/2018/QĐ-TTg, Điều 14.4)."""

_PRIORITIES_EN = ("normal", "urgent", "very urgent", "express", "express by the hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The copy that a page is about.

    Times are aware; `due` is None where no deadline is meant; `reason` is what was reported of a
    failure; number and notation are empty where no document could be named. Where what a sender
    handed over was not taken there is no recipient, and e-mail and telephone are the sender's.
    """

    number: str
    notation: str
    subject: str
    priority: int
    sender: str
    recipient: str
    email: str
    telephone: str
    since: datetime
    due: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The text of a page."""

    title_vi: str
    title_en: str
    body_vi: str
    body_en: str
    next_step_vi: str
    next_step_en: str


def raised(kind: AlertKind, copy: Copy) -> Page:
    """Write the page of an alert."""
    text = _TEXTS[kind]
    return Page(
        title_vi=f"{_mark(_priority_vi(copy), copy)}{text.title_vi}: {_about(copy)}",
        title_en=f"{_mark(_priority_en(copy), copy)}{text.title_en}: {_about(copy)}",
        body_vi=_body_vi(copy, text.deadline_vi),
        body_en=_body_en(copy, text.deadline_en),
        next_step_vi=text.next_step_vi,
        next_step_en=text.next_step_en,
    )


def resolved(kind: AlertKind, copy: Copy, at: datetime) -> Page:
    """Write the page that takes an alert back, resolved at an instant."""
    text = _TEXTS[kind]
    return Page(
        title_vi=f"[Đã khắc phục] {text.title_vi}: {_about(copy)}",
        title_en=f"[Recovered] {text.title_en}: {_about(copy)}",
        body_vi=f"{_body_vi(copy, text.deadline_vi)}\nĐã khắc phục lúc: {_time(at)}",
        body_en=f"{_body_en(copy, text.deadline_en)}\nRecovered at: {_time(at)}",
        next_step_vi="Không cần làm gì thêm.",
        next_step_en="Nothing more to do.",
    )


def _mark(priority: str, copy: Copy) -> str:
    return f"[{priority}] " if copy.number else ""


def _about(copy: Copy) -> str:
    if copy.recipient:
        return f"{_name(copy)} → {copy.recipient}"
    return f"{_name(copy)} ({copy.sender})" if copy.number else copy.sender


def _name(copy: Copy) -> str:
    return f"{copy.number}/{copy.notation}" if copy.number else "—"


def _priority_vi(copy: Copy) -> str:
    return PRIORITIES[copy.priority]


def _priority_en(copy: Copy) -> str:
    return _PRIORITIES_EN[copy.priority]


def _time(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def _contact(copy: Copy) -> str:
    return ", ".join(filter(None, (copy.telephone, copy.email))) or "—"


def _document(copy: Copy, name: str, subject: str, priority: str, urgency: str) -> list[str]:
    if not copy.number and not copy.recipient:
        return []
    return [f"{name}: {_name(copy)}", f"{subject}: {copy.subject}", f"{priority}: {urgency}"]


def _body_vi(copy: Copy, deadline: str) -> str:
    lines = _document(copy, "Văn bản", "Trích yếu", "Độ khẩn", _priority_vi(copy))
    contact = f"(liên hệ: {_contact(copy)})"
    if copy.recipient:
        lines += [f"Nơi gửi: {copy.sender}", f"Nơi nhận: {copy.recipient} {contact}"]
    else:
        lines += [f"Nơi gửi: {copy.sender} {contact}"]
    lines += [f"Từ lúc: {_time(copy.since)}"]
    lines += [f"{deadline}: {_time(copy.due)}"] if copy.due else []
    return "\n".join(lines + ([f"Lý do: {copy.reason}"] if copy.reason else []))


def _body_en(copy: Copy, deadline: str) -> str:
    lines = _document(copy, "Document", "Subject", "Priority", _priority_en(copy))
    contact = f"(contact: {_contact(copy)})"
    if copy.recipient:
        lines += [f"Sender: {copy.sender}", f"Recipient: {copy.recipient} {contact}"]
    else:
        lines += [f"Sender: {copy.sender} {contact}"]
    lines += [f"Since: {_time(copy.since)}"]
    lines += [f"{deadline}: {_time(copy.due)}"] if copy.due else []
    return "\n".join(lines + ([f"Reason: {copy.reason}"] if copy.reason else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    title_vi: str
    title_en: str
    next_step_vi: str
    next_step_en: str
    deadline_vi: str = "Hạn"
    deadline_en: str = "Deadline"


_TEXTS: dict[AlertKind, _Text] = {
    "publish": _Text(
        title_vi="Văn bản chưa được phát đi",
        title_en="Document not published",
        deadline_vi="Hạn phát đi",
        deadline_en="To be published by",
        next_step_vi="Người trực Hoatoc kiểm tra dịch vụ chuyển tiếp và Kafka. Nơi gửi không cần "
        "gửi lại: văn bản được giữ và sẽ tự đi tiếp. Nếu khẩn, báo nơi nhận qua điện thoại.",
        next_step_en="Whoever is on duty for Hoatoc checks the relay and Kafka. The sender need "
        "not send again: the document is kept and will go on by itself. If urgent, telephone the "
        "recipient.",
    ),
    "arrive": _Text(
        title_vi="Văn bản chưa đến nơi nhận",
        title_en="Document not arrived",
        deadline_vi="Hạn đến nơi nhận",
        deadline_en="To arrive by",
        next_step_vi="Gọi văn thư nơi nhận, đề nghị kiểm tra kết nối của hệ thống quản lý văn bản. "
        "Nếu khẩn, gửi bằng cách khác ngay và ghi lại.",
        next_step_en="Telephone the recipient's clerk and ask to check the connection of its "
        "document system. If urgent, send by other means at once and make a note of it.",
    ),
    "accept": _Text(
        title_vi="Nơi nhận chưa tiếp nhận văn bản",
        title_en="Document not accepted",
        deadline_vi="Hạn tiếp nhận",
        deadline_en="To be accepted by",
        next_step_vi="Gọi văn thư nơi nhận, đề nghị tiếp nhận hoặc từ chối (nêu lý do) trên hệ "
        "thống (NĐ 30/2020, Điều 21.2.c).",
        next_step_en="Telephone the recipient's clerk and ask to accept the document in its "
        "system, or to refuse it with a reason (Decree 30/2020, Article 21.2.c).",
    ),
    "handle": _Text(
        title_vi="Nơi nhận đã tiếp nhận nhưng chưa chuyển xử lý",
        title_en="Document accepted but not handed over for handling",
        deadline_vi="Hạn chuyển xử lý",
        deadline_en="To be handed over by",
        next_step_vi="Gọi văn thư nơi nhận, đề nghị trình, chuyển giao văn bản (NĐ 30/2020, Điều "
        "23.1) và cập nhật trạng thái 04, 05 hoặc 06.",
        next_step_en="Telephone the recipient's clerk and ask to present and hand over the "
        "document (Decree 30/2020, Article 23.1) and to report status 04, 05 or 06.",
    ),
    "reply": _Text(
        title_vi="Quá hạn trả lời văn bản",
        title_en="Reply overdue",
        deadline_vi="Hạn trả lời",
        deadline_en="Reply due by",
        next_step_vi="Gọi nơi nhận để hỏi kết quả xử lý; nơi nhận cập nhật trạng thái 06 khi hoàn "
        "thành, hoặc 02 nếu từ chối.",
        next_step_en="Telephone the recipient and ask for the result; it reports status 06 when "
        "done, or 02 if it refuses.",
    ),
    "recall": _Text(
        title_vi="Nơi nhận chưa trả lời yêu cầu thu hồi",
        title_en="Recall not answered",
        deadline_vi="Hạn trả lời thu hồi",
        deadline_en="Recall to be answered by",
        next_step_vi="Gọi văn thư nơi nhận: đề nghị hủy văn bản bị thu hồi và trả lời 15 (đồng ý) "
        "hoặc 16 (từ chối) (QĐ 28/2018, Điều 9.2).",
        next_step_en="Telephone the recipient's clerk: ask to cancel the recalled document and to "
        "answer 15 (agreed) or 16 (declined) (Decision 28/2018, Article 9.2).",
    ),
    "receive-failed": _Text(
        title_vi="Nơi nhận báo nhận lỗi",
        title_en="Recipient failed to receive",
        next_step_vi="Gọi nơi nhận để biết hệ thống lỗi ở đâu; khi đã khắc phục, gửi lại riêng cho "
        "nơi nhận này.",
        next_step_en="Telephone the recipient to learn what failed in its system; once repaired, "
        "send again to this recipient only.",
    ),
    "send-failed": _Text(
        title_vi="Gửi lỗi",
        title_en="Sending failed",
        next_step_vi="Người trực Hoatoc xem lý do Kafka từ chối bản gửi, khắc phục rồi cho đi "
        "tiếp. Các nơi nhận khác không bị ảnh hưởng.",
        next_step_en="Whoever is on duty for Hoatoc reads why Kafka refused the copy, repairs the "
        "cause and lets it go on. Other recipients are not affected.",
    ),
    "recall-failed": _Text(
        title_vi="Không gửi được yêu cầu thu hồi",
        title_en="Sending the recall failed",
        next_step_vi="Báo ngay nơi nhận qua điện thoại rằng văn bản đã bị thu hồi. Người trực "
        "Hoatoc xem lý do Kafka từ chối và khắc phục.",
        next_step_en="Tell the recipient by telephone at once that the document is recalled. "
        "Whoever is on duty for Hoatoc reads why Kafka refused it and repairs the cause.",
    ),
    "content-lost": _Text(
        title_vi="Nội dung văn bản trong kho bị mất hoặc bị thay đổi",
        title_en="Content of a document is missing from the store, or altered",
        next_step_vi="Người trực Hoatoc khôi phục kho nội dung từ bản sao lưu rồi chạy `hoatoc "
        "content check`. Nếu không có bản sao lưu, nơi gửi gửi lại đúng văn bản đó; không sửa gì.",
        next_step_en="Whoever is on duty for Hoatoc restores the store of content and runs `hoatoc "
        "content check`. Without a backup the sender hands the same document over again, as it is.",
    ),
    "secret-suspected": _Text(
        title_vi="Nghi có bí mật nhà nước, đã chặn",
        title_en="State secret suspected, stopped at the door",
        next_step_vi="Gọi nơi gửi ngay, qua điện thoại: không gửi lại qua hệ thống này. Văn bản "
        "mật phải gửi theo Luật Bảo vệ bí mật nhà nước (117/2025/QH15). Hoatoc không giữ nội dung.",
        next_step_en="Telephone the sender at once: do not send again through this system. Secret "
        "documents go as the Law on protection of state secrets (117/2025/QH15) says. Hoatoc has "
        "kept no content.",
    ),
    "unreadable": _Text(
        title_vi="Không đọc được phản hồi của nơi nhận",
        title_en="Recipient's answer cannot be read",
        next_step_vi="Người trực Hoatoc xem bản ghi lỗi đang được giữ riêng, rồi đưa trở lại. "
        "Không phải lỗi chậm trễ của nơi nhận.",
        next_step_en="Whoever is on duty for Hoatoc looks at the parked record and puts it back. "
        "The recipient is not late.",
    ),
    "unsent": _Text(
        title_vi="Văn bản nhận từ nơi gửi đang chờ quá lâu",
        title_en="Document handed over but waiting too long",
        next_step_vi="Người trực Hoatoc kiểm tra dịch vụ chuyển tiếp và Kafka. Nơi gửi không cần "
        "gửi lại.",
        next_step_en="Whoever is on duty for Hoatoc checks the relay and Kafka. The sender need "
        "not send again.",
    ),
}
