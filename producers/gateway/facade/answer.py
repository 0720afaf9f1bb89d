"""Answers of the façade: always what its clients can read, whatever has happened.

What the caller must correct is answered by 200: proxies leave that body as it is, and the official
client looks at nothing else. What is ours is 503 or 500, for whoever watches; the body says it too.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hoatoc.admission import SenderMismatch
from hoatoc.domain.access import AccessDenied, NotFound
from hoatoc.domain.error import HoatocError, OurFault, Unavailable, name_of
from hoatoc.domain.vxp.refusal import ErrorCode, code_of
from hoatoc.domain.vxp.reply import Reply, write_reply
from producers.gateway.facade.calling import SenderUnknown, note_refusal
from producers.gateway.problem import RETRY_S, status_of
from producers.gateway.refusal import BodyIncomplete, BodySlow, BodyTooLarge

JSON = "application/json"
CALLS = Counter("hoatoc_facade_calls_total", "Calls of the façade", ["dialect", "method", "code"])
LOG = structlog.get_logger("gateway")

CODES: Mapping[type[Exception], ErrorCode] = {
    SenderMismatch: ErrorCode.SENDER_UNKNOWN,
    BodyTooLarge: ErrorCode.FILE_INVALID,
    SenderUnknown: ErrorCode.SENDER_UNKNOWN,
    BodySlow: ErrorCode.FILE_UNPROCESSED,
    BodyIncomplete: ErrorCode.FILE_UNPROCESSED,
}

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Tongue:
    """A dialect: its name, how it tells a refusal, which calls are answered by a file alone."""

    name: str
    refused: Callable[[ErrorCode, str, str, str], Reply]
    files: frozenset[str] = frozenset()

    def application(self, routes: Iterable[tuple[str, Endpoint, tuple[str, ...]]]) -> Starlette:
        """Return the application that answers in this dialect."""
        application = Starlette(
            routes=[Route(path, self._counted(end), methods=verbs) for path, end, verbs in routes],
            exception_handlers={
                HoatocError: self._of_error,
                ClientDisconnect: self._of_error,
                HTTPException: self._of_http,
                Exception: self._of_unforeseen,
            },
        )
        application.router.redirect_slashes = False  # a redirection is no reply
        return application

    def _counted(self, endpoint: Endpoint) -> Endpoint:
        async def counted(request: Request) -> Response:
            answer = await endpoint(request)
            CALLS.labels(self.name, method_of(request), ErrorCode.DONE).inc()
            return answer

        return counted

    async def _of_error(self, request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            error = BodyIncomplete()
        assert isinstance(error, HoatocError)  # noqa: S101 - registered for it alone
        if isinstance(error, AccessDenied | NotFound):
            await note_refusal(request, error)
        return self.answer_to(request, error)

    def answer_to(self, request: Request, error: HoatocError) -> Response:
        """Return the answer to an error."""
        code = code_of(error, CODES)
        status = _status(error)
        log = LOG.error if isinstance(error, OurFault) and status != 429 else LOG.info
        log(
            "facade_refused",
            dialect=self.name,
            method=method_of(request),
            reason=name_of(type(error)),
        )
        answer = self.refuse(request, code, name_of(type(error)), str(error), status)
        if answer.status_code in (429, 503):
            answer.headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_S))
        return answer

    async def _of_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        text = (
            f"Không có chức năng {request.method} {request.url.path} / there is no such call here: "
            f"{error.detail}"
        )
        name = "method-not-allowed" if error.status_code == 405 else "route-unknown"
        answer = self.refuse(request, ErrorCode.FORMAT_WRONG, name, text, error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    async def _of_unforeseen(self, request: Request, error: Exception) -> Response:
        LOG.error("request_crashed", exc_info=error)
        text = (
            "Lỗi chưa lường trước của hệ thống; không có gì được nhận nửa chừng. Gửi lại sau. / An "
            "unforeseen fault of ours; nothing was half taken. Try again later."
        )
        return self.refuse(request, ErrorCode.SYSTEM_FAILED, "internal-error", text, 500)

    def refuse(
        self, request: Request, code: ErrorCode, name: str, text: str, status: int
    ) -> Response:
        """Return a refusal as the caller can read it.

        The official client keeps whatever `downloadEdoc` answers as the packet, and calls it a
        success unless it is empty: there the reason stands in headers.
        """
        method = method_of(request)
        CALLS.labels(self.name, method if status not in (404, 405) else "unknown", code).inc()
        if method in self.files:
            headers = {"XroadVnpt-ErrorCode": code.value, "XroadVnpt-ErrorDesc": name} | CLOSING
            return Response(status_code=404 if status == 200 else status, headers=headers)
        return said(self.refused(code, name, text, method), status)


def method_of(request: Request) -> str:
    """Return the name of the call: the last part of its path."""
    return request.url.path.rpartition("/")[2]


CLOSING = {"Connection": "close"}
"""The official client opens a connection for each call, and never closes it."""


def said(reply: Reply, status: int = 200) -> Response:
    """Return a reply as an answer."""
    return Response(write_reply(reply), status, CLOSING, JSON)


TEXT = "\0"
"""What stands in a reply where a text comes in pieces."""


def said_around(
    reply: Reply, text: AsyncIterator[bytes], length: int | None = None
) -> StreamingResponse:
    """Return a reply around a text, in ASCII, that is never whole in memory."""
    # In quotes, as no other text can stand: a quote within a text has a backslash before it.
    before, _, after = write_reply(reply).partition(b'"\\u0000"')
    before, after = before + b'"', b'"' + after

    async def parts() -> AsyncIterator[bytes]:
        yield before
        async for piece in text:
            yield piece
        yield after

    sized = {} if length is None else {"Content-Length": str(len(before) + length + len(after))}
    return StreamingResponse(parts(), media_type=JSON, headers=sized | CLOSING)


def _status(error: HoatocError) -> int:
    status = status_of(error)
    if status == 429:
        return status
    if isinstance(error, Unavailable | BodySlow | BodyIncomplete):
        return 503
    return 500 if isinstance(error, OurFault) else 200
