"""What the gateway itself refuses, each with its remedy."""

from collections.abc import Sequence
from typing import ClassVar

from hoatoc.domain.error import PeerFault, Unavailable


class BodyTooLarge(PeerFault):
    """The body of a request is longer than what is taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Nội dung yêu cầu vượt quá {limit} byte được nhận. Giảm dung lượng tệp đính kèm rồi "
            f"gửi lại. / The body is longer than the {limit} bytes that are taken. Make the "
            "attachments smaller and send again."
        )


class BodySlow(PeerFault):
    """Nothing of the body came for too long, or too little all the time."""

    retriable: ClassVar[bool] = True

    def __init__(self, seconds: float, came: int = 0) -> None:
        super().__init__(
            f"Chỉ nhận được {came} byte trong {seconds:.0f} giây; không có gì được giữ lại. Kiểm "
            f"tra đường truyền rồi gửi lại. / {came} bytes came in {seconds:.0f} s; nothing was "
            "kept. Check the line and send again."
        )


class BodyIncomplete(PeerFault):
    """The body ended before it was whole."""

    retriable: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(
            "Nội dung yêu cầu bị đứt giữa chừng; không có gì được giữ lại. Gửi lại. / The body "
            "broke off; nothing was kept. Send again."
        )


class BodyEmpty(PeerFault):
    """A request without the body that it must have."""

    field: ClassVar[str] = "body"

    def __init__(self) -> None:
        super().__init__(
            "Yêu cầu không có nội dung. Gửi gói tin edXML trong thân yêu cầu. / The request has no "
            "body. Send the edXML packet as the body."
        )


class Unsupported(PeerFault):
    """A body of a media type that is not taken here."""

    field: ClassVar[str] = "Content-Type"

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(
            f"Content-Type «{found[:80]}» không được nhận; dùng {expected}. / Content-Type "
            f"“{found[:80]}” is not taken; use {expected}."
        )


class DigestMismatch(PeerFault):
    """The content is not what `Content-Digest` says (RFC 9530)."""

    field: ClassVar[str] = "Content-Digest"

    def __init__(self) -> None:
        super().__init__(
            "Nội dung nhận được không khớp với Content-Digest: bị hỏng trên đường truyền, hoặc "
            "tính sai. Tính lại SHA-256 rồi gửi lại. / The content does not match Content-Digest: "
            "it was damaged on the way, or the digest is wrong. Compute SHA-256 again and send "
            "again."
        )


class DigestInvalid(PeerFault):
    """`Content-Digest` cannot be read, or names no SHA-256."""

    field: ClassVar[str] = "Content-Digest"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Không đọc được Content-Digest «{found[:80]}»; dạng đúng: sha-256=:<base64>:. / "
            f"Content-Digest “{found[:80]}” cannot be read; expected: sha-256=:<base64>:."
        )


class PriorityMismatch(PeerFault):
    """The lane asked for is not that of the packet."""

    field: ClassVar[str] = "Hoatoc-Priority"

    def __init__(self, told: int, found: int) -> None:
        super().__init__(
            f"Hoatoc-Priority ghi {told} nhưng độ khẩn trong gói tin là {found}. Ghi đúng độ khẩn "
            f"của văn bản. / Hoatoc-Priority says {told}, the packet says {found}. Give the "
            "document's own priority."
        )


class KeyInvalid(PeerFault):
    """An `Idempotency-Key` that cannot be one."""

    field: ClassVar[str] = "Idempotency-Key"

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key phải có từ 1 đến 255 ký tự ASCII in được. / Idempotency-Key must be 1 "
            "to 255 printable ASCII characters."
        )


class KeyReused(PeerFault):
    """An `Idempotency-Key` that was given with another request."""

    field: ClassVar[str] = "Idempotency-Key"

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key này đã dùng cho một yêu cầu khác. Dùng khóa mới cho nội dung mới. / "
            "This Idempotency-Key was used for another request. Use a new key for new content."
        )


class LaneFull(Unavailable):
    """As many hand-overs are at work and waiting as there may be."""

    retry_after_s: ClassVar[int] = 2

    def __init__(self, lane: str) -> None:
        super().__init__(
            f"Đang có quá nhiều lần gửi cùng lúc (làn {lane}); không có gì được giữ lại. Thử lại "
            f"sau {self.retry_after_s} giây. / Too many hand-overs at a time (lane {lane}); "
            f"nothing was kept. Try again in {self.retry_after_s} s."
        )


class DiskShort(Unavailable):
    """The disk is too full to take anything more."""

    retry_after_s: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__(
            "Ổ đĩa của hệ thống sắp đầy nên tạm dừng nhận văn bản; không có gì bị mất. Thử lại "
            f"sau {self.retry_after_s} giây. / Our disk is nearly full, so nothing is taken for "
            f"now; nothing is lost. Try again in {self.retry_after_s} s."
        )


class CursorExpired(PeerFault):
    """A cursor before the oldest entry that is kept: some were never read."""

    field: ClassVar[str] = "cursor"

    def __init__(self, cursor: int, begin: int) -> None:
        super().__init__(
            f"Con trỏ {cursor} cũ hơn mục cũ nhất còn giữ ({begin}): có mục đã hết hạn mà chưa "
            "được đọc. Xem danh sách văn bản chưa nhận (/v1/backlog), rồi đọc lại từ đầu (không "
            f"gửi con trỏ). / The cursor {cursor} is older than the oldest that is kept ({begin}): "
            "entries have expired unread. See what is missing (/v1/backlog), then read from the "
            "beginning (send no cursor)."
        )


class CursorAhead(PeerFault):
    """A cursor that lies behind the end of the inbox."""

    field: ClassVar[str] = "cursor"

    def __init__(self, cursor: int, end: int) -> None:
        super().__init__(
            f"Con trỏ {cursor} vượt quá điểm cuối {end} của hộp thư: hộp thư đã được tạo lại, hoặc "
            "con trỏ thuộc hộp thư khác. Báo đơn vị vận hành, rồi đọc lại từ đầu (không gửi "
            f"cursor). / The cursor {cursor} lies behind the end {end} of the inbox: the inbox was "
            "made anew, or the cursor belongs to another. Tell the operators, then read from the "
            "beginning (send no cursor)."
        )


class CursorInvalid(PeerFault):
    """A cursor that was not given out here."""

    field: ClassVar[str] = "cursor"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Con trỏ «{found[:40]}» không phải do hệ thống cấp. Dùng «next» của lần đọc trước. / "
            f"The cursor “{found[:40]}” was not given out here. Use “next” of the last answer."
        )


class RangeUnsatisfiable(PeerFault):
    """A range that the content does not have."""

    field: ClassVar[str] = "Range"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(
            f"Khoảng yêu cầu nằm ngoài nội dung dài {size} byte. / The range lies outside of the "
            f"content of {size} bytes."
        )


class ReasonMissing(PeerFault):
    """A refusal or a recall without its reason."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(
            f"Thiếu lý do ({field}): từ chối hoặc thu hồi phải nêu lý do (QĐ 28/2018, Điều 5.4, "
            f"8.2). / The reason ({field}) is missing: a refusal or a recall states its reason."
        )


class NoCopy(PeerFault):
    """An organ that got no copy of a dispatch."""

    field: ClassVar[str] = "recipients"

    def __init__(self, organs: Sequence[str]) -> None:
        named = ", ".join(organs)
        super().__init__(
            f"{named}: không có trong nơi nhận của lần gửi này. Kiểm tra mã cơ quan. / {named}: "
            "got no copy of this dispatch. Check the codes."
        )


class RequestUnreadable(PeerFault):
    """What came is no request of HTTP."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Yêu cầu không đúng HTTP ({found.rstrip('.')}): kiểm tra dòng đầu và các header. / No "
            f"request of HTTP ({found.rstrip('.')}): check its first line and its headers."
        )


class ManyAtOnce(Unavailable):
    """As many requests of one organ are at work as there may be of one."""

    retry_after_s: ClassVar[int] = 2

    def __init__(self, most: int) -> None:
        super().__init__(
            f"Cơ quan đang có {most} yêu cầu cùng lúc, mức cao nhất cho một cơ quan. Đợi một yêu "
            f"cầu xong hoặc thử lại sau {self.retry_after_s} giây. / {most} requests of this organ "
            f"are at work, as many as one may have. Try again in {self.retry_after_s} s."
        )


class Crowded(Unavailable):
    """As many requests are at work as there may be."""

    retry_after_s: ClassVar[int] = 5

    def __init__(self) -> None:
        super().__init__(
            f"Cổng đang phục vụ số yêu cầu tối đa. Thử lại sau {self.retry_after_s} giây. / The "
            f"gateway serves as many requests as it may. Try again in {self.retry_after_s} s."
        )
