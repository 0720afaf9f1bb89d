"""The core of both clients: what a call sends, and what its answer means. It does no I/O.

A call is sent as often as its retries want; whatever it writes carries a key of idempotency, the
same for each try, so that an answer that was lost leaves no doubt: asked again, it is the same act.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from hoatoc.client.error import ReplyUnreadable, problem_of
from hoatoc.retry_after import seconds_of

T = TypeVar("T")
PROBLEM = "application/problem+json"
JSON = "application/json"
EDXML = "application/edxml+xml"
HTML = "text/html"
WAIT_S = 45.0
"""how long our own readers wait in one call: under the minute after which many proxies give up"""
_PIECE = 64 * 1024
_REDIRECTS_FROM, _ERRORS_FROM, _FAULTS_FROM = 300, 400, 500
_MOST_RETRY_S, _MOST_FOREIGN_RETRY_S = 300.0, 30.0
"""how long `Retry-After` is obeyed: of a gateway, and of something on the way to it"""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to be sent, perhaps more than once, from memory or from a file."""

    source: bytes | Path

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def sha256(self) -> bytes:
        """Return their digest."""
        if isinstance(self.source, bytes):
            return sha256(self.source).digest()
        with self.source.open("rb") as file:
            return file_digest(file, "sha256").digest()

    def pieces(self) -> Iterator[bytes]:
        """Yield them, piece by piece."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        with self.source.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether what was asked was done."""
        return self.status < _REDIRECTS_FROM

    @property
    def is_fault(self) -> bool:
        """Whether the other side could not do it."""
        return self.status >= _FAULTS_FROM

    @property
    def etag(self) -> str:
        """Return its ETag as it was given, though something on the way made it a weak one."""
        return etag_of(self.headers)

    @property
    def kind(self) -> str:
        """Return its media type."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def etag_of(headers: Mapping[str, str]) -> str:
    """Return the ETag (RFC 9110, 8.8.3) of headers, strong or weak; empty if there is none."""
    return headers.get("etag", "").removeprefix("W/").strip('"').lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One thing to be asked, and how its answer is read.

    `writes`: something is done, so that an answer that is lost leaves its outcome unknown.
    `wait_s`: how long the gateway may wait before it answers.
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    writes: bool = False
    wait_s: float = 0.0

    @property
    def key(self) -> str:
        """Return its key of idempotency, or an empty text."""
        return self.headers.get("Idempotency-Key", "")


def queried(**values: object) -> dict[str, str]:
    """Return a query without what is not there."""
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def json_body(value: object) -> Body:
    """Return a value as JSON."""
    return Body(msgspec.json.encode(value))


def digest_header(digest: bytes) -> str:
    """Return a SHA-256 as `Content-Digest` has it (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def require_success(reply: Reply) -> None:
    """Raise the problem that an answer is, if it is one; a redirect is ReplyUnreadable."""
    if reply.is_success:
        return
    if reply.status < _ERRORS_FROM:
        raise _unreadable(reply, "a redirect, which is not followed")
    document: dict[str, Any] = {}
    if reply.kind in (PROBLEM, JSON):
        try:
            document = msgspec.json.decode(reply.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            document = {}
        if reply.kind != PROBLEM:  # other gateways have codes, too: theirs say nothing of ours
            document.pop("code", None)
    if not document:  # not ours: a proxy's page
        document = {"detail": f"HTTP {reply.status}: {_shown(reply)}"}
    most_s = _MOST_RETRY_S if document.get("code") else _MOST_FOREIGN_RETRY_S
    asked_s = seconds_of(reply.headers.get("retry-after", ""))
    retry_after_s = None if asked_s is None else min(asked_s, most_s)
    problem = problem_of(document, reply.status, retry_after_s)
    problem.request_id = reply.headers.get("x-request-id", "")
    raise problem


def decoded(kind: type[T]) -> Callable[[Reply], T]:
    """Return what reads an answer of JSON as a value; it raises ReplyUnreadable."""

    def read(reply: Reply) -> T:
        require_kind(reply, JSON)
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unreadable(reply, str(error)) from error

    return read


def as_page(reply: Reply) -> str:
    """Read an answer as a page of ours; raises ReplyUnreadable."""
    require_kind(reply, HTML)
    return reply.body.decode("utf-8", "replace")


def nothing(reply: Reply) -> None:
    """Read nothing of an answer but that it is ours; raises ReplyUnreadable."""
    require_kind(reply, JSON)


def require_kind(reply: Reply, kind: str) -> None:
    """Raise ReplyUnreadable unless an answer is of a media type: else it is a proxy's page."""
    if reply.kind != kind:
        raise _unreadable(reply, f"expected {kind}")


def _unreadable(reply: Reply, why: str) -> ReplyUnreadable:
    return ReplyUnreadable(
        f"Trả lời không đọc được (HTTP {reply.status}, {_shown(reply)}): kiểm tra địa chỉ có đúng "
        "là cổng Hoatoc và phiên bản của nó. / The answer cannot be read (HTTP "
        f"{reply.status}, {_shown(reply)}; {why}): check that the address is a Hoatoc gateway's, "
        "and its version."
    )


def _shown(reply: Reply) -> str:
    return f"{reply.kind or 'no type'}, {len(reply.body)} bytes"[:_SHOWN]
