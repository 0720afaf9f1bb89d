"""The local port of a spool: the gateway's `POST /v1/documents`, answered when it is durable."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from aiohttp import web

from hoatoc.domain.edxml import LARGEST_PACKET_BYTES
from hoatoc.domain.error import HoatocError, OurFault, PeerFault, Unavailable, name_of
from hoatoc.domain.packet import ContentTooLarge, PacketFault
from hoatoc.domain.secret import SecretSuspected
from hoatoc.spool.arrival import Arrivals
from hoatoc.spool.outbox import Outbox, SpoolFull
from hoatoc.spool.telling import Teller
from hoatoc.sqlite import DiskFull

EDXML = "application/edxml+xml"
_KINDS = (EDXML, "application/xml", "text/xml")
_BODY_S = 60.0
_RETRY_S = 30
_MOST = 8
"""requests with a body at a time"""
LONGEST_NAME = 200
"""letters, as at the gateway"""
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Refusal(PeerFault):
    status: ClassVar[int] = 422


class MediaTypeUnknown(_Refusal):
    """The body is of no type that is taken here."""

    status = 415


class BodySlow(_Refusal):
    """The body does not come."""

    status = 408


class DigestMismatch(_Refusal):
    """The body is not what `Content-Digest` says."""


class DeclarationInvalid(_Refusal):
    """Who declares that a packet holds no secret is not named as the gateway takes it."""


class BodyUnreadable(_Refusal):
    """The body is not in the encoding that its head names."""

    status = 400


class NotListening(OurFault):
    """The port cannot listen at its address."""


class PacketUnknown(_Refusal):
    """No packet of this id was ever taken."""

    status = 404


class SpoolBusy(Unavailable):
    """Too many bodies come at a time."""


@dataclass(frozen=True, slots=True)
class Port:
    """Answers at a local port."""

    arrivals: Arrivals
    outbox: Outbox
    teller: Teller
    turns: asyncio.Semaphore

    async def take(self, request: web.Request) -> web.Response:
        """Take a packet: 202 when it is durable, whatever the line is like."""
        if request.content_type not in _KINDS:
            raise MediaTypeUnknown(
                f"Content-Type: {request.content_type} không nhận tại đây, cần {EDXML}. / "
                f"Content-Type: {request.content_type} is not taken here, expected {EDXML}."
            )
        if self.turns.locked():
            raise SpoolBusy("Đang bận, gửi lại sau giây lát. / Busy; send it again in a moment.")
        async with self.turns:
            content = await _body(request)
            declared_by = _declared_by(request)
            packet, taken = await self.arrivals.take(content, declared_by)
        return _json(
            {
                "id": taken.id,
                "new": taken.new,
                "document_id": packet.document_id,
                "sha256": sha256(content).hexdigest(),
                "state": taken.state,
            },
            202,
        )

    async def fate(self, request: web.Request) -> web.Response:
        """Tell what became of a packet."""
        fate = await self.outbox.fate(_id(request))
        if fate is None:
            raise PacketUnknown(_UNKNOWN)
        return _json(asdict(fate) | {"sha256": fate.sha256.hex()})

    async def dispatch(self, request: web.Request) -> web.Response:
        """Tell what became of the copies of a dispatch, as far as it was heard."""
        return _json(await self.outbox.told(_id(request)))

    async def alive(self, _: web.Request) -> web.Response:
        """Tell that the spool takes packets."""
        return _json(await self.teller.state())


def _declared_by(request: web.Request) -> str:
    name = request.query.get("declared_open_by", "")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise DeclarationInvalid(
            f"declared_open_by: tên người khai, không quá {LONGEST_NAME} ký tự in được. / "
            f"declared_open_by: the name of who declares it, {LONGEST_NAME} printable letters at "
            "most."
        )
    return name


_UNKNOWN = "Không có mã này trong hàng đợi. / The spool knows nothing of this id."


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise PacketUnknown(_UNKNOWN) from error


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > LARGEST_PACKET_BYTES:
        raise ContentTooLarge("/", f"{request.content_length} bytes", f"{LARGEST_PACKET_BYTES}")
    try:
        async with asyncio.timeout(_BODY_S):
            content = await request.read()
    except web.RequestPayloadError as error:
        raise BodyUnreadable(
            "Không giải mã được nội dung theo Content-Encoding; gửi lại không nén. / The body is "
            "not in the Content-Encoding that is named; send it as it is."
        ) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise ContentTooLarge("/", "", f"{LARGEST_PACKET_BYTES} bytes") from error
    except TimeoutError as error:
        raise BodySlow(
            f"Nội dung không đến đủ trong {_BODY_S:g} giây; gửi lại. / The body did not come "
            f"within {_BODY_S:g} s; send it again."
        ) from error
    told = _SHA256.search(request.headers.get("Content-Digest", ""))
    if told and told[1] != base64.b64encode(sha256(content).digest()).decode():
        raise DigestMismatch(
            "Content-Digest không khớp nội dung nhận được; gửi lại. / Content-Digest does not "
            "match the body; send it again."
        )
    return content


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value, enc_hook=str),
        status=status,
        content_type="application/json",
    )


_STATUS: tuple[tuple[type[HoatocError], int], ...] = (
    (SpoolFull, 507),
    (DiskFull, 507),
    (ContentTooLarge, 413),
    (PeerFault, 422),
    (Unavailable, 503),
    (OurFault, 500),
)


def problem_of(error: HoatocError) -> web.Response:
    """Return a refusal or failure as a problem document (RFC 9457)."""
    usual = next(status for kind, status in _STATUS if isinstance(error, kind))
    status = error.status if isinstance(error, _Refusal) else usual
    code = name_of(type(error))
    detail = error.withheld() if isinstance(error, PacketFault) else str(error)
    more: dict[str, Any] = {}
    if isinstance(error, PacketFault):
        more["field"] = error.path
    if isinstance(error, SecretSuspected):
        more["suspicions"] = list(error.codes)
    answer = _problem(status, code, detail, **more)
    if status in (503, 507):
        answer.headers["Retry-After"] = str(_RETRY_S)
    return answer


_CODES = {404: "route-unknown", 405: "method-not-allowed", 413: "content-too-large"}


def _problem(status: int, code: str, detail: str, **more: object) -> web.Response:
    problem = {
        "type": f"urn:hoatoc:problem:{code}",
        "title": f"{status}",
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    answer = _json(problem, status)
    answer.content_type = "application/problem+json"
    return answer


@web.middleware
async def _by_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except HoatocError as error:
        answer = problem_of(error)
        if isinstance(error, BodyUnreadable):
            answer.force_close()  # the rest of it is read no more
        return answer
    except web.HTTPException as error:
        return _problem(error.status, _CODES.get(error.status, "request-invalid"), error.reason)


async def _listen(runner: web.AppRunner, listen: str) -> None:
    """Listen at `host:port`, or at a port of this machine alone; raises NotListening."""
    host, _, number = listen.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(number)).start()
    except (OSError, ValueError, OverflowError) as error:
        raise NotListening(
            f"Không nhận được tại «{listen}» ({error}): đặt HOATOC_SPOOL_LISTEN là host:cổng còn "
            f"trống. / “{listen}” cannot be listened at ({error}): set HOATOC_SPOOL_LISTEN to a "
            "host:port that is free."
        ) from error


@asynccontextmanager
async def served(
    listen: str, arrivals: Arrivals, outbox: Outbox, teller: Teller
) -> AsyncIterator[str]:
    """Serve the port at `host:port` (port 0: any free one) and yield its address."""
    port = Port(arrivals, outbox, teller, asyncio.Semaphore(_MOST))
    app = web.Application(client_max_size=LARGEST_PACKET_BYTES, middlewares=[_by_problems])
    app.add_routes(
        [
            web.post("/v1/documents", port.take),
            web.get("/v1/documents/{id}", port.fate),
            web.get("/v1/dispatches/{id}", port.dispatch),
            web.get("/healthz", port.alive),
            web.get("/readyz", port.alive),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5)
    await runner.setup()
    try:
        await _listen(runner, listen)
        address = runner.addresses[0]
        yield f"http://{address[0]}:{address[1]}"
    finally:
        await runner.cleanup()
