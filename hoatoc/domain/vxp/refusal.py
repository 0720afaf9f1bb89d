"""Why the façade refuses, and the error code that says so.

The codes are those of the provincial guide v2.2, section 4; the axis' own are not published. Of
these, 20 and 21 are ours: trying again later is right. All others stand until the sender corrects
what it sent. Which of our named refusals is meant stands at the head of `ErrorDesc`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType, SimpleNamespace
from typing import ClassVar

from hoatoc.domain.access import AccessDenied, NotFound, TooManyRequests, Unauthenticated
from hoatoc.domain.check import CheckFailed, Severity
from hoatoc.domain.error import OurFault, PeerFault
from hoatoc.domain.packet import ArchiveRefused, ContentTooLarge, NotXml, PacketFault
from hoatoc.domain.registry import OrganUnknown
from hoatoc.domain.secret import SecretSuspected


class ErrorCode(StrEnum):
    """What a reply says in `ErrorCode`."""

    DONE = "0"
    FILE_INVALID = "10"
    CREDENTIAL_WRONG = "15"
    RECIPIENT_UNKNOWN = "18"
    SENDER_UNKNOWN = "19"
    SYSTEM_FAILED = "20"
    FILE_UNPROCESSED = "21"
    FORMAT_WRONG = "22"
    RECIPIENT_LOCKED = "23"


class CallRefused(PeerFault):
    """A call cannot be taken; `field` is the header or the part, beside `found` and `expected`."""

    vietnamese: ClassVar[str]
    english: ClassVar[str]
    code: ClassVar[ErrorCode] = ErrorCode.CREDENTIAL_WRONG

    def __init__(self, field: str, found: str = "", expected: str = "") -> None:
        self.field, self.found, self.expected = field, found[:60], expected
        shown = SimpleNamespace(field=field, found=self.found, expected=expected)
        texts = (self.vietnamese, self.english)
        super().__init__(" / ".join(text.format(it=shown) for text in texts))


class HeaderMissing(CallRefused):
    """A header that a call cannot do without is not there."""

    vietnamese = "Thiếu header {it.field}. Gửi lại với đầy đủ header theo tài liệu của trục."
    english = "The header {it.field} is missing. Send all headers of the axis' interface."


class HeaderInvalid(CallRefused):
    """A header holds what it cannot mean."""

    vietnamese = "Header {it.field} không hợp lệ: có «{it.found}», cần {it.expected}."
    english = "The header {it.field} is not valid: found “{it.found}”, expected {it.expected}."


class HeaderAltered(CallRefused):
    """A header does not say what was signed."""

    vietnamese = (
        "Header {it.field} khác với giá trị đã ký trong sign-header. Gửi lại, không để thiết bị "
        "trung gian sửa header."
    )
    english = (
        "The header {it.field} differs from what was signed in sign-header. Send again; let no "
        "proxy change headers."
    )


class TimestampOld(CallRefused):
    """The timestamp is older than is taken here: the call may be a replay."""

    vietnamese = (
        "Timestamp {it.field} đã quá cũ so với giờ hệ thống {it.found}. Tạo lại đối tượng kết nối "
        "của SDK (timestamp được tạo một lần khi khởi tạo) rồi gọi lại."
    )
    english = (
        "The timestamp {it.field} is too old at {it.found}. Make a new client object (its "
        "timestamp is made once) and call again."
    )


class TimestampAhead(CallRefused):
    """The timestamp lies in the future: the caller's clock is wrong."""

    vietnamese = "Timestamp {it.field} đi trước giờ hệ thống {it.found}. Chỉnh lại đồng hồ máy gửi."
    english = "The timestamp {it.field} is ahead of {it.found}. Set the clock of the sender."


class HashWrong(CallRefused):
    """The file is not the one whose digest was signed."""

    code = ErrorCode.FILE_INVALID
    vietnamese = (
        "Header {it.field} không phải SHA-256 của tệp nhận được ({it.expected}). Tệp bị hỏng trên "
        "đường truyền; gửi lại."
    )
    english = (
        "The header {it.field} is not the SHA-256 of the file that came ({it.expected}). The file "
        "was damaged on its way; send again."
    )


class FileMissing(CallRefused):
    """A hand-over without a file."""

    code = ErrorCode.FILE_INVALID
    vietnamese = "Không có tệp trong phần {it.field}. Gửi lại kèm tệp edXML."
    english = "There is no file in {it.field}. Send again with the edXML file."


class BodyInvalid(CallRefused):
    """The body of a call is not what the interface says."""

    code = ErrorCode.FORMAT_WRONG
    vietnamese = "Nội dung {it.field} không hợp lệ: có «{it.found}», cần {it.expected}."
    english = "The body’s {it.field} is not valid: found “{it.found}”, expected {it.expected}."


class NotAllowedHere(CallRefused):
    """What no caller of this interface may do."""

    code = ErrorCode.SENDER_UNKNOWN
    vietnamese = "{it.field} không thực hiện được qua giao diện này: {it.found}."
    english = "{it.field} cannot be done through this interface: {it.expected}."


Table = Mapping[type[Exception], ErrorCode]

CODES: Table = {
    Unauthenticated: ErrorCode.CREDENTIAL_WRONG,
    AccessDenied: ErrorCode.SENDER_UNKNOWN,
    NotFound: ErrorCode.FILE_INVALID,
    TooManyRequests: ErrorCode.SYSTEM_FAILED,
    NotXml: ErrorCode.FILE_INVALID,
    ContentTooLarge: ErrorCode.FILE_INVALID,
    ArchiveRefused: ErrorCode.FILE_INVALID,
    PacketFault: ErrorCode.FORMAT_WRONG,
    SecretSuspected: ErrorCode.FILE_INVALID,
    OrganUnknown: ErrorCode.RECIPIENT_UNKNOWN,
    PeerFault: ErrorCode.FORMAT_WRONG,
    OurFault: ErrorCode.SYSTEM_FAILED,
}
"""Of the classes that an error belongs to, the nearest counts."""

_OF_FINDINGS = (
    (("sender-unknown", "sender-void", "sender-locked"), ErrorCode.SENDER_UNKNOWN),
    (("recipient-unknown", "recipient-void", "recipient-test"), ErrorCode.RECIPIENT_UNKNOWN),
    (("recipient-locked",), ErrorCode.RECIPIENT_LOCKED),
)


def code_of(error: Exception, more: Table = MappingProxyType({})) -> ErrorCode:
    """Return the code of an error; `more` names classes that the domain does not know."""
    if isinstance(error, CallRefused):
        return error.code
    if isinstance(error, CheckFailed):
        return _of_findings(
            finding.code for finding in error.findings if finding.severity is Severity.REFUSE
        )
    table = {**CODES, **more}
    return next(
        (table[each] for each in type(error).__mro__ if each in table), ErrorCode.SYSTEM_FAILED
    )


def _of_findings(found: Iterable[str]) -> ErrorCode:
    codes = set(found)
    meant = (code for named, code in _OF_FINDINGS if codes.intersection(named))
    return next(meant, ErrorCode.FORMAT_WRONG)
