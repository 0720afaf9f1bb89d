"""The calls of the national axis."""

import base64
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from hoatoc.domain.vxp import header, reply
from hoatoc.domain.vxp.entry import MessageType
from hoatoc.domain.vxp.header import ACKNOWLEDGED, AGENCY, DOCUMENT, Call
from hoatoc.domain.vxp.refusal import ErrorCode
from hoatoc.domain.vxp.reply import Reply
from producers.gateway.facade import agency, handing, taking
from producers.gateway.facade.answer import Tongue, said
from producers.gateway.facade.calling import Callers, Speaking
from producers.gateway.facade.file import axis_file, begun, small_body
from producers.gateway.state import Gateway

EITHER = ("GET", "POST")
"""What the official client names GET it sends as POST."""

Work = Callable[[Gateway, Call, Speaking, bytes], Awaitable[Reply]]


def refused(code: ErrorCode, name: str, text: str, method: str) -> Reply:
    """Tell a refusal; that of a hand-over must hold a `DocId`, or the client returns null."""
    more = {"DocId": ""} if method == "sendEdoc" else {}
    return reply.refused(code, name, text, **more)


TONGUE = Tongue("axis", refused, frozenset({"downloadEdoc"}))


def application(here: Gateway, callers: Callers) -> Starlette:
    """Return the application that speaks as the axis does."""

    def call(work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            called, speaking = await callers.of_axis(request)
            return said(await work(here, called, speaking, await small_body(here, request)))

        return answer

    async def send(request: Request) -> Response:
        called, speaking = await callers.of_axis(request)
        return said(await _send(here, called, speaking, request))

    async def download(request: Request) -> Response:
        called, speaking = await callers.of_axis(request)
        found = await taking.edoc(here, speaking, called.required(*DOCUMENT))
        return Response(found.packet, media_type="application/octet-stream")

    return TONGUE.application(
        [
            ("/sendEdoc", send, ("POST",)),
            ("/downloadEdoc", download, EITHER),
            *((f"/{name}", call(work), EITHER) for name, work in _WORKS.items()),
        ]
    )


async def _send(here: Gateway, called: Call, speaking: Speaking, request: Request) -> Reply:
    kind = taking.kind_named(called.get(header.MESSAGE_TYPE))
    stated = called.required(header.HASH_FILE)
    priority, coming = await begun(here, request)
    async with here.lanes.of(priority).entered():
        data = await axis_file(request, coming, stated)
        if kind is MessageType.STATUS:
            return reply.done(DocId=str(await handing.report(here, speaking, data)))
        organ = called.get(header.SENDER)
        return reply.done(DocId=str(await handing.hand_over(here, speaking, organ, data)))


async def _received(here: Gateway, called: Call, speaking: Speaking, _: bytes) -> Reply:
    kind = taking.kind_named(called.get(header.MESSAGE_TYPE))
    return reply.listed(each.as_axis() for each in await taking.waiting(here, speaking, kind))


async def _sent(here: Gateway, called: Call, speaking: Speaking, _: bytes) -> Reply:
    listed = await taking.sent(here, speaking, called.get(*DOCUMENT))
    return reply.listed(each.as_axis() for each in listed)


async def _edoc(here: Gateway, called: Call, speaking: Speaking, _: bytes) -> Reply:
    found = await taking.edoc(here, speaking, called.required(*DOCUMENT))
    return reply.done(data=base64.b64encode(found.packet or b"").decode())


async def _status(here: Gateway, called: Call, speaking: Speaking, _: bytes) -> Reply:
    wanted, word = called.required(*ACKNOWLEDGED), called.required(header.STATUS)
    await taking.acknowledge(here, speaking, wanted, word)
    return reply.done()


async def _documents(here: Gateway, _: Call, speaking: Speaking, __: bytes) -> Reply:
    return reply.done(count=await taking.count(here, speaking, MessageType.EDOC))


async def _statuses(here: Gateway, _: Call, speaking: Speaking, __: bytes) -> Reply:
    return reply.done(count=await taking.count(here, speaking, MessageType.STATUS))


async def _agencies(_: Gateway, __: Call, speaking: Speaking, ___: bytes) -> Reply:
    return reply.listed(agency.listed(speaking))


async def _agencies_of_2020(_: Gateway, __: Call, speaking: Speaking, ___: bytes) -> Reply:
    return reply.listed(agency.listed_of_2020(speaking))


async def _units(here: Gateway, _: Call, speaking: Speaking, __: bytes) -> Reply:
    return reply.listed(await agency.units(here, speaking))


async def _register(here: Gateway, _: Call, speaking: Speaking, body: bytes) -> Reply:
    await agency.register(here, speaking, body)
    return reply.done()


async def _end(here: Gateway, called: Call, speaking: Speaking, _: bytes) -> Reply:
    await agency.end(here, speaking, called.required(*AGENCY))
    return reply.done()


_WORKS: dict[str, Work] = {
    "getReceivedEdocList": _received,
    "getSentEdocList": _sent,
    "getEdoc": _edoc,
    "updateStatus": _status,
    "countReceiveEdoc": _documents,
    "countReceiveStatus": _statuses,
    "getAgenciesList": _agencies,
    "getAgenciesListQD20": _agencies_of_2020,
    "getSynchronizeUnit": _units,
    "registerAgency": _register,
    "deleteAgency": _end,
}
