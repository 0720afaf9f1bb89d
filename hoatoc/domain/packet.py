"""The packet: one document with its header, recipients and files, and why one is not taken.

Names follow the elements of edXML (QCVN 102:2016/BTTTT); values are kept as the sender wrote them.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import SimpleNamespace
from typing import ClassVar

from hoatoc.domain.content import Content
from hoatoc.domain.error import PeerFault

URGENT = 1
"""the least priority that waits for no others: it has a lane, a place of its own"""
PRIORITIES = ("Thường", "Khẩn", "Thượng khẩn", "Hỏa tốc", "Hỏa tốc hẹn giờ")
"""The words of `Packet.priority`, 0 to 4."""

NEW_DOCUMENT, RECALL, UPDATE, REPLACEMENT = range(4)
"""The business types (`BussinessDocType`): a new document, or what becomes of an earlier one."""

REASONS = (
    "Văn bản điện tử mới",
    "Thu hồi văn bản điện tử",
    "Cập nhật văn bản điện tử",
    "Thay thế văn bản điện tử",
)
"""The standing phrase of each business type (`BussinessDocReason`), 0 to 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An agency as a packet names it."""

    code: str
    in_charge: str = ""
    name: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed, and by what authority (TM., KT., TL., TUQ.)."""

    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A system that the packet passed, at a time as that system wrote it."""

    code: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of the document; `content_id` is without its `cid:` prefix."""

    name: str
    content_type: str
    content: Content
    content_id: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as its sender made it: an attachment, or one member of a packed attachment."""

    name: str
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """The clerk who handles the packet at the sender's; the two ids are of some systems only."""

    department: str = ""
    name: str = ""
    mobile: str = ""
    email: str = ""
    department_id: str = ""
    staff_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    """What else a header may say; numbers are kept as text, as written."""

    sphere: str = ""
    typer: str = ""
    copies: str = ""
    pages: str = ""
    direction: str = ""
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverChange:
    """Of an update (type 2): an organ was added to the receivers, or removed from them."""

    code: str
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Of a replacement (type 3): which earlier document is replaced, at which organs."""

    document_id: str
    organs: tuple[str, ...]


DAY_FIRST = "date-day-first"
"""Remark: the date stands as dd/MM/yyyy; the year stands last, so the day stands first."""

DATE_AMBIGUOUS = "date-ambiguous"
"""Remark, beside `DAY_FIRST`: read with the month first, it would be another date."""

RESPONSE_SWAPPED = "response-swapped"
"""Remark: `Code` and `OrganId` of a `ResponseFor` stood in each other's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What was read with tolerance: a code, the path of the element, the text as it stood."""

    code: str
    path: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFor:
    """The document that a status speaks of, or that a document answers, as its sender names it.

    `code` is number and notation in one, `807/VPCP-KSTT`.
    """

    organ: str
    code: str
    promulgated: date | None = None
    document_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One document on its way from a sender to its recipients.

    `document_id` is the sender's own, as written; the legal identity is `identity.document_key`.
    `places` are those told for information: no copy goes to them. `paper`: a paper copy follows.
    `business_document_id` names, in a recall, update or replacement, the earlier document; a new
    document that repeats its own id there says nothing. `business_reason` is empty where it is the
    standing phrase of the type. `steering` is kept as written, for sources disagree on its meaning.
    `signed`: the packet carries a signature that is not empty. `remarks` are no part of the
    content.
    """

    sender: Party
    recipients: tuple[Party, ...]
    document_id: str
    number: str
    notation: str
    place: str = ""
    promulgated: date
    type_code: str = ""
    type_name: str = ""
    type_detail: str = ""
    subject: str
    content: str = ""
    signer: Signer
    due: date | None = None
    places: tuple[str, ...] = ()
    priority: int = 0
    business_type: int = NEW_DOCUMENT
    business_reason: str = ""
    business_document_id: str = ""
    document_changed: bool = False
    receiver_changes: tuple[ReceiverChange, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    paper: bool = False
    staff: Staff = Staff()
    other: OtherInfo = OtherInfo()
    responses: tuple[ResponseFor, ...] = ()
    steering: str = ""
    signed: bool = False
    traces: tuple[Trace, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPacket:
    """A status report (QCVN 102:2016): who reports, of which document, which code.

    `code` is kept as written: an unknown one is data. `at` is the reporter's own timestamp.
    """

    sender: Party
    response_for: ResponseFor
    code: str
    description: str = ""
    at: str = ""
    staff: Staff = Staff()
    remarks: tuple[Remark, ...] = ()


class PacketFault(PeerFault):
    """A packet cannot be taken; `path` is the element, beside what was `found` and `expected`."""

    vietnamese: ClassVar[str]
    english: ClassVar[str]

    def __init__(self, path: str, found: str = "", expected: str = "") -> None:
        self.path, self.found, self.expected = path, found[:60], expected
        super().__init__(self._text())

    def withheld(self) -> str:
        """Return the text without what was found: no gate has passed the packet it is from."""
        return self._text(found="…")

    def _text(self, **instead: str) -> str:
        shown = SimpleNamespace(**{**vars(self), **instead})
        return " / ".join(text.format(fault=shown) for text in (self.vietnamese, self.english))


class NotXml(PacketFault):
    """The bytes are not one well-formed XML document in an encoding that we can read."""

    vietnamese = (
        "Gói tin không phải XML đúng cú pháp: {fault.found}. Xuất lại gói tin bằng UTF-8 rồi gửi."
    )
    english = "The packet is not well-formed XML: {fault.found}. Export it again as UTF-8 and send."


class DoctypeForbidden(PacketFault):
    """The packet declares a DOCTYPE or an entity, through which XML can attack its reader."""

    vietnamese = (
        "Gói tin có khai báo DOCTYPE hoặc ENTITY ({fault.found}), không được phép. "
        "Bỏ khai báo này rồi gửi lại."
    )
    english = (
        "The packet declares a DOCTYPE or an entity ({fault.found}), which is forbidden. "
        "Remove the declaration and send again."
    )


class NotADocument(PacketFault):
    """The packet is a status report or no edXML at all."""

    vietnamese = (
        "Gói tin không phải văn bản: có {fault.found} tại {fault.path}, cần {fault.expected}. "
        "Gửi gói tin trạng thái qua kênh báo trạng thái; gửi văn bản theo QCVN 102:2016."
    )
    english = (
        "The packet is no document: {fault.found} at {fault.path}, expected {fault.expected}. "
        "Report a status through the channel for reports; send documents as in QCVN 102:2016."
    )


class NotAStatus(PacketFault):
    """The packet is a document or no edXML at all."""

    vietnamese = (
        "Gói tin không phải gói tin trạng thái: có {fault.found} tại {fault.path}, cần "
        "{fault.expected}. Gửi văn bản qua kênh gửi văn bản; báo trạng thái theo QCVN 102:2016."
    )
    english = (
        "The packet is no status report: {fault.found} at {fault.path}, expected {fault.expected}. "
        "Hand documents over through the channel for documents; report a status as in QCVN "
        "102:2016."
    )


class ElementMissing(PacketFault):
    """An element that must be there is absent or empty."""

    vietnamese = "Thiếu phần tử {fault.path} hoặc để trống. Điền giá trị rồi gửi lại."
    english = "The element {fault.path} is missing or empty. Fill it in and send again."


class ElementInvalid(PacketFault):
    """An element holds what it cannot mean."""

    vietnamese = (
        "Phần tử {fault.path} không hợp lệ: có «{fault.found}», cần {fault.expected}. "
        "Sửa giá trị rồi gửi lại."
    )
    english = (
        "The element {fault.path} is not valid: found “{fault.found}”, expected "
        "{fault.expected}. Correct it and send again."
    )


class RecipientDuplicate(PacketFault):
    """The same organ stands twice among the recipients."""

    vietnamese = (
        "Nơi nhận {fault.found} bị lặp tại {fault.path}. Giữ mỗi mã cơ quan một lần rồi gửi lại."
    )
    english = (
        "The recipient {fault.found} is repeated at {fault.path}. Name each organ once and "
        "send again."
    )


class ContentTooLarge(PacketFault):
    """The packet is larger than what this door takes."""

    vietnamese = (
        "Gói tin có {fault.found}, vượt mức {fault.expected} được nhận tại đây. Giảm dung lượng "
        "tệp đính kèm, hoặc gửi qua kênh nhận nội dung lớn."
    )
    english = (
        "The packet has {fault.found}, above the {fault.expected} that are taken here. Make the "
        "attachments smaller, or send through the channel for large content."
    )


class TooComplex(PacketFault):
    """The XML is built so that reading it would cost more than any real packet does."""

    vietnamese = (
        "Cấu trúc XML của gói tin quá phức tạp tại {fault.path}: {fault.found}, tối đa "
        "{fault.expected}. Xuất lại gói tin theo QCVN 102:2016 rồi gửi lại."
    )
    english = (
        "The XML of the packet is too complex at {fault.path}: {fault.found}, at most "
        "{fault.expected}. Export it again as in QCVN 102:2016 and send again."
    )


class ArchiveReason(StrEnum):
    """Why a packed attachment is not unpacked."""

    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    METHOD_UNKNOWN = "method-unknown"
    NAME_UNSAFE = "name-unsafe"
    NAME_REPEATED = "name-repeated"
    TOO_MANY_ENTRIES = "too-many-entries"
    TOO_LARGE = "too-large"
    RATIO_TOO_HIGH = "ratio-too-high"
    NESTED_TOO_DEEP = "nested-too-deep"

    @property
    def is_harmful(self) -> bool:
        """Tell an archive that was built to do harm from one that is damaged, locked or large."""
        return self in (ArchiveReason.NAME_UNSAFE, ArchiveReason.RATIO_TOO_HIGH)


class ArchiveRefused(PacketFault):
    """A packed attachment cannot be unpacked, or not safely; `reason` names why."""

    vietnamese = (
        "Không giải nén được tệp đính kèm «{fault.path}» ({fault.reason}): có {fault.found}, cần "
        "{fault.expected}. Đính kèm trực tiếp tệp văn bản, hoặc nén lại dạng ZIP thông thường rồi "
        "gửi lại."
    )
    english = (
        "The attachment “{fault.path}” cannot be unpacked ({fault.reason}): found {fault.found}, "
        "expected {fault.expected}. Attach the document's file as it is, or pack it again as an "
        "ordinary ZIP, and send again."
    )

    def __init__(self, path: str, reason: ArchiveReason, found: str, expected: str) -> None:
        self.reason = reason
        super().__init__(path[:200], found, expected)
