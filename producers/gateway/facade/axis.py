"""The calls of the national axis."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hoatoc.domain.vxp import header, reply
from hoatoc.domain.vxp.entry import MessageType
from hoatoc.domain.vxp.header import ACKNOWLEDGED, AGENCY, DOCUMENT, Call
from hoatoc.domain.vxp.refusal import ErrorCode
from hoatoc.domain.vxp.reply import Reply
from producers.gateway.facade import agency, handing, taking
from producers.gateway.facade.answer import CLOSING, TEXT, Tongue, said, said_around
from producers.gateway.facade.calling import Callers, Known
from producers.gateway.facade.file import axis_packet, begun, small_body
from producers.gateway.state import Gateway

EITHER = ("GET", "POST")
"""What the official client names GET it sends as POST."""

Work = Callable[[Gateway, Call, Known, bytes], Awaitable[Reply]]


def refused(code: ErrorCode, name: str, text: str, method: str) -> Reply:
    """Tell a refusal; that of a hand-over must hold a `DocId`, or the client returns null."""
    more = {"DocId": ""} if method == "sendEdoc" else {}
    return reply.refused(code, name, text, **more)


TONGUE = Tongue("axis", refused, frozenset({"downloadEdoc"}))


def application(here: Gateway, callers: Callers) -> Starlette:
    """Return the application that speaks as the axis does."""

    def call(work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            called, known = await callers.of_axis(request)
            return said(await work(here, called, known, await small_body(here, request)))

        return answer

    async def send(request: Request) -> Response:
        called, known = await callers.of_axis(request)
        return said(await _send(here, called, known, request))

    async def download(request: Request) -> Response:
        called, known = await callers.of_axis(request)
        found = await taking.edoc(here, known, called.required(*DOCUMENT))
        return StreamingResponse(
            taking.pieces_of(here, found),
            media_type="application/octet-stream",
            headers={"Content-Length": str(found.size)} | CLOSING,
        )

    async def get(request: Request) -> Response:
        called, known = await callers.of_axis(request)
        await small_body(here, request)
        found = await taking.edoc(here, known, called.required(*DOCUMENT))
        text = taking.in_base64(taking.pieces_of(here, found))
        return said_around(reply.done(data=TEXT), text, 4 * -(-found.size // 3))

    return TONGUE.application(
        [
            ("/sendEdoc", send, ("POST",)),
            ("/downloadEdoc", download, EITHER),
            ("/getEdoc", get, EITHER),
            *((f"/{name}", call(work), EITHER) for name, work in _WORKS.items()),
        ]
    )


async def _send(here: Gateway, called: Call, known: Known, request: Request) -> Reply:
    kind = taking.kind_named(called.get(header.MESSAGE_TYPE))
    stated = called.required(header.HASH_FILE)
    coming = await begun(here, request)
    async with here.lanes.of(coming.priority).entered(known.caller.organ):
        with await axis_packet(here, request, coming, stated) as packet:
            if kind is MessageType.STATUS:
                return reply.done(DocId=str(await handing.report(here, known, packet)))
            organ = called.get(header.SENDER)
            return reply.done(
                DocId=str(await handing.hand_over(here, known, organ, packet, coming.priority))
            )


async def _received(here: Gateway, called: Call, known: Known, _: bytes) -> Reply:
    kind = taking.kind_named(called.get(header.MESSAGE_TYPE))
    return reply.listed(each.as_axis() for each in await taking.waiting(here, known, kind))


async def _sent(here: Gateway, called: Call, known: Known, _: bytes) -> Reply:
    listed = await taking.sent(here, known, called.get(*DOCUMENT))
    return reply.listed(each.as_axis() for each in listed)


async def _status(here: Gateway, called: Call, known: Known, _: bytes) -> Reply:
    wanted, word = called.required(*ACKNOWLEDGED), called.required(header.STATUS)
    await taking.acknowledge(here, known, wanted, word)
    return reply.done()


async def _documents(here: Gateway, _: Call, known: Known, __: bytes) -> Reply:
    return reply.done(count=await taking.count(here, known, MessageType.EDOC))


async def _statuses(here: Gateway, _: Call, known: Known, __: bytes) -> Reply:
    return reply.done(count=await taking.count(here, known, MessageType.STATUS))


async def _agencies(_: Gateway, __: Call, known: Known, ___: bytes) -> Reply:
    return reply.listed(agency.listed(known))


async def _agencies_of_2020(_: Gateway, __: Call, known: Known, ___: bytes) -> Reply:
    return reply.listed(agency.listed_of_2020(known))


async def _units(here: Gateway, _: Call, known: Known, __: bytes) -> Reply:
    return reply.listed(await agency.units(here, known))


async def _register(here: Gateway, _: Call, known: Known, body: bytes) -> Reply:
    await agency.register(here, known, body)
    return reply.done()


async def _end(here: Gateway, called: Call, known: Known, _: bytes) -> Reply:
    await agency.end(here, known, called.required(*AGENCY))
    return reply.done()


_WORKS: dict[str, Work] = {
    "getReceivedEdocList": _received,
    "getSentEdocList": _sent,
    "updateStatus": _status,
    "countReceiveEdoc": _documents,
    "countReceiveStatus": _statuses,
    "getAgenciesList": _agencies,
    "getAgenciesListQD20": _agencies_of_2020,
    "getSynchronizeUnit": _units,
    "registerAgency": _register,
    "deleteAgency": _end,
}
