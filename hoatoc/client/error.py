"""What a gateway refuses, and what it means when it does not answer; each by its name.

A problem document (RFC 9457) becomes the class of its `code`, else that of its status. `retriable`
says whether the same may succeed later; the clients try such again by themselves for a while.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from hoatoc.domain.error import HoatocError, OurFault, Unavailable


class GatewayAway(Unavailable):
    """The gateway does not answer. What was asked was not done, or only looked at something."""


class OutcomeUnknown(Unavailable):
    """No answer came to something that may have been done; doing it again by `key` is safe."""

    retry_after_s: float | None = None

    def __init__(self, what: str, key: str, cause: str) -> None:
        self.key = key
        super().__init__(
            f"{what}: không có trả lời ({cause}), chưa biết đã được thực hiện hay chưa. Gọi lại "
            f"với cùng nội dung và Idempotency-Key {key or '(không)'}: sẽ không bị thực hiện hai "
            f"lần. / {what}: no answer came ({cause}), and whether it was done is not known. Do it "
            f"again with the same content and Idempotency-Key {key or '(none)'}: it is done once."
        )


class ReplyUnreadable(OurFault):
    """An answer is not what the interface says; it is never taken for an empty one."""


class ContentAltered(OurFault):
    """The bytes of a document are not those that its sender handed over."""


class Problem(HoatocError):
    """The gateway refuses, or cannot; `detail` says in Vietnamese and English what to do."""

    def __init__(
        self, document: Mapping[str, Any], status: int, retry_after_s: float | None
    ) -> None:
        self.document = dict(document)
        self.status, self.retry_after_s = status, retry_after_s
        self.code = str(document.get("code", ""))
        self.field: str | None = document.get("field")
        self.findings: list[dict[str, Any]] = list(document.get("findings") or ())
        self.request_id = ""
        super().__init__(str(document.get("detail") or document.get("title") or status))


class Unauthenticated(Problem):
    """The credential is missing, wrong, revoked or expired."""


class AccessDenied(Problem):
    """The credential may not do this."""


class NotFound(Problem):
    """It does not exist, or belongs to another organ."""


class Conflict(Problem):
    """It contradicts what was done before."""


class DocumentConflict(Conflict):
    """The document's number was handed over with another content; the text shows both sides."""


class NotResent(Conflict):
    """A copy may not be sent again."""


class TooLarge(Problem):
    """The packet is larger than what the gateway takes."""


class Refused(Problem):
    """What was sent cannot be taken as it is; `field` and `findings` say where and why."""


class CheckFailed(Refused):
    """The checks before sending refuse the document; `findings` holds each with its remedy."""


class SecretSuspected(Refused):
    """The document may hold a state secret: it may not pass here."""


class KeyReused(Refused):
    """The Idempotency-Key was used for another content."""


class Busy(Problem):
    """Too many requests, or a full lane; again after `retry_after_s`."""

    retriable: ClassVar[bool] = True


class NotServed(Problem):
    """The gateway cannot serve now: database, broker or disk; again after `retry_after_s`."""

    retriable: ClassVar[bool] = True


class SpoolFull(NotServed):
    """The quota of the spool, or its disk, is used up; nothing was taken."""

    retriable: ClassVar[bool] = False


class ContentGone(Problem):
    """The content of a document is not what was handed over, or is not there; it was alerted."""


class CursorLost(Conflict):
    """What stands behind a cursor is kept no more, or was made anew: some of it was never read."""


class GatewayFault(Problem):
    """A fault of the gateway; trying again is safe."""

    retriable: ClassVar[bool] = True


MISUNDERSTOOD = (
    "key-invalid",
    "method-not-allowed",
    "request-invalid",
    "route-unknown",
    "unsupported",
)
"""codes by which a gateway of another version says that it does not know what is asked"""
_BY_CODE: Mapping[str, type[Problem]] = {
    "content-missing": ContentGone,
    "content-altered": ContentGone,
    "cursor-ahead": CursorLost,
    "cursor-expired": CursorLost,
    "document-conflict": DocumentConflict,
    "not-resent": NotResent,
    "check-failed": CheckFailed,
    "secret-suspected": SecretSuspected,
    "key-reused": KeyReused,
    "key-in-use": Busy,  # the same request is at work: its outcome can be had soon
    "disk-full": SpoolFull,
    "spool-full": SpoolFull,
}
_BY_STATUS: Mapping[int, type[Problem]] = {
    401: Unauthenticated,
    403: AccessDenied,
    404: NotFound,
    408: NotServed,
    409: Conflict,
    413: TooLarge,
    425: Busy,
    429: Busy,
    502: NotServed,
    503: NotServed,
    504: NotServed,
}
_FAULTS_FROM = 500


def is_foreign(error: BaseException) -> bool:
    """Tell whether something on the way to the gateway has answered, which says nothing of it."""
    return isinstance(error, ReplyUnreadable) or (isinstance(error, Problem) and not error.code)


def problem_of(document: Mapping[str, Any], status: int, retry_after_s: float | None) -> Problem:
    """Return the error that a problem document is."""
    usual = GatewayFault if status >= _FAULTS_FROM else Refused
    kind = _BY_CODE.get(str(document.get("code")), _BY_STATUS.get(status, usual))
    return kind(document, status, retry_after_s)
