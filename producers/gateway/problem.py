"""Problems: every refusal and failure as a document of RFC 9457, in Vietnamese and English."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hoatoc.admission import SenderMismatch
from hoatoc.content.error import ContentAltered, ContentMissing
from hoatoc.domain.access import AccessDenied, NotFound, TooManyRequests, Unauthenticated
from hoatoc.domain.check import CheckFailed
from hoatoc.domain.error import HoatocError, OurFault, PeerFault, Unavailable, name_of
from hoatoc.domain.packet import ContentTooLarge, PacketFault
from hoatoc.domain.secret import SecretSuspected
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import NotResent
from producers.gateway.refusal import (
    BodyIncomplete,
    BodySlow,
    BodyTooLarge,
    CursorAhead,
    CursorExpired,
    LaneFull,
    ManyAtOnce,
    RangeUnsatisfiable,
    Unsupported,
)
from producers.gateway.state import gateway_of
from producers.gateway.trace import note_refusal

MEDIA_TYPE = "application/problem+json"
LOG = structlog.get_logger("gateway")
RETRY_S = 5
_SHOWN_FAULTS = 20

_STATUS: tuple[tuple[type[HoatocError], int], ...] = (  # the first that fits
    (Unauthenticated, 401),
    (AccessDenied, 403),
    (SenderMismatch, 403),
    (NotFound, 404),
    (BodySlow, 408),
    (DocumentConflict, 409),
    (NotResent, 409),
    (CursorAhead, 409),
    (CursorExpired, 409),
    (BodyTooLarge, 413),
    (ContentTooLarge, 413),
    (Unsupported, 415),
    (RangeUnsatisfiable, 416),
    (TooManyRequests, 429),
    (LaneFull, 429),
    (ManyAtOnce, 429),
    (BodyIncomplete, 400),
    (PeerFault, 422),
    (Unavailable, 503),
    (ContentMissing, 503),
    (ContentAltered, 503),
    (OurFault, 500),
)
_CODES = {400: "body-unreadable", 404: "route-unknown", 405: "method-not-allowed"}
_TITLES = {
    400: "Yêu cầu không đọc được / Bad request",
    401: "Chưa xác thực / Not authenticated",
    403: "Không được phép / Not permitted",
    404: "Không tìm thấy / Not found",
    405: "Phương thức không dùng được / Method not allowed",
    408: "Yêu cầu đến quá chậm / Request too slow",
    409: "Xung đột / Conflict",
    413: "Quá lớn / Too large",
    415: "Định dạng không nhận / Unsupported media type",
    416: "Khoảng không có / Range not satisfiable",
    422: "Không nhận / Refused",
    429: "Quá nhiều yêu cầu / Too many requests",
    500: "Lỗi của hệ thống / Fault of ours",
    503: "Tạm thời chưa phục vụ / Temporarily not served",
}


def status_of(error: HoatocError) -> int:
    """Return the status by which an error is answered."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def document_of(error: HoatocError) -> dict[str, Any]:
    """Return what a problem document says of an error."""
    detail = error.withheld() if isinstance(error, PacketFault) else str(error)
    problem = _problem(status_of(error), name_of(type(error)), detail)
    if isinstance(error, PacketFault):
        problem["field"] = error.path
    elif field := getattr(error, "field", ""):
        problem["field"] = field
    if isinstance(error, CheckFailed):
        problem["findings"] = [finding_document(each) for each in error.findings]
    if isinstance(error, DocumentConflict):
        problem["sides"] = jsonable_encoder(error.sides)
    if isinstance(error, SecretSuspected):
        problem["suspicions"] = list(error.codes)
    return problem


def finding_document(finding: Any) -> dict[str, Any]:
    """Return a finding of the checks as JSON."""
    names = ("severity", "code", "path", "text_vi", "text_en", "remedy_vi", "remedy_en", "article")
    return {name: getattr(finding, name) for name in names}


def _problem(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:hoatoc:problem:{code}",
        "title": _TITLES.get(status, _TITLES[400]),
        "status": status,
        "detail": detail,
        "code": code,
    }


def _answer(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        problem, status_code=problem["status"], headers=headers, media_type=MEDIA_TYPE
    )


def answer_to(error: HoatocError) -> JSONResponse:
    """Return the answer to an error."""
    problem = document_of(error)
    status, headers = problem["status"], {}
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_S))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="hoatoc"'
    if isinstance(error, RangeUnsatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, Unavailable):  # it is asked again, and the metrics count it
        log = LOG.info if status == 429 else LOG.warning
        log("not_served", reason=type(error).__name__, detail=str(error))
    elif isinstance(error, OurFault):
        LOG.error("request_failed", reason=type(error).__name__, detail=str(error))
    return _answer(problem, headers)


async def _of_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HoatocError)  # noqa: S101 - registered for it alone
    speaks = getattr(request.state, "speaks", None)
    if speaks is not None and isinstance(error, AccessDenied | NotFound):
        with suppress(Unavailable):  # the refusal itself stands
            await note_refusal(gateway_of(request), speaks, error)
    return answer_to(error)


async def _of_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    faults = [
        {
            "field": ".".join(map(str, each["loc"])),
            "reason": each["msg"].removeprefix("Value error, "),
        }
        for each in error.errors()[:_SHOWN_FAULTS]
    ]
    named = "; ".join(f"{each['field']}: {each['reason']}" for each in faults)
    detail = f"Yêu cầu không hợp lệ: {named}. / The request is not valid: {named}."
    problem = _problem(422, "request-invalid", detail)
    return _answer(problem | {"field": faults[0]["field"], "faults": faults})


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    code = _CODES.get(error.status_code, "bad-request")
    title = _TITLES.get(error.status_code, _TITLES[400])
    detail = f"{title}: {error.detail}. Xem /docs. / See /docs."
    return _answer(_problem(error.status_code, code, detail), error.headers)


async def _of_disconnect(_: Request, error: Exception) -> JSONResponse:
    del error  # nobody is there to read this
    return answer_to(BodyIncomplete())


async def _of_unforeseen(_: Request, error: Exception) -> JSONResponse:
    LOG.error("request_crashed", exc_info=error)
    detail = (
        "Lỗi chưa lường trước của hệ thống; không có gì được nhận nửa chừng. Gửi lại, và báo mã "
        "yêu cầu (X-Request-Id) cho đơn vị vận hành. / An unforeseen fault of ours; nothing was "
        "half taken. Try again, and tell the operators the X-Request-Id."
    )
    return _answer(_problem(500, "internal-error", detail))


def answer_by_problems(app: FastAPI) -> None:
    """Answer every refusal and failure of an application by a problem document."""
    app.add_exception_handler(HoatocError, _of_error)
    app.add_exception_handler(RequestValidationError, _of_invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _of_disconnect)
    app.add_exception_handler(Exception, _of_unforeseen)
