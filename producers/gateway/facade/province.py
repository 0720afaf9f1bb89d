"""The calls of the provincial dialect."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from hoatoc.domain.delivery import STATUSES
from hoatoc.domain.vxp import provincial
from hoatoc.domain.vxp.entry import MessageType
from hoatoc.domain.vxp.provincial import read_day, window
from hoatoc.domain.vxp.refusal import BodyInvalid, ErrorCode
from hoatoc.domain.vxp.reply import Reply
from producers.gateway.facade import agency, handing, taking
from producers.gateway.facade.answer import TEXT, Tongue, said, said_around
from producers.gateway.facade.calling import Callers, Known
from producers.gateway.facade.file import begun, form, province_packet, small_body
from producers.gateway.state import Gateway

FILE = "edocFile"
NO_TOKEN = "none-is-needed"  # noqa: S105 - what a client wants that logs in before it calls
"""Each call shows the pair itself; a token opens nothing here."""
Work = Callable[[Gateway, Known, Request], Awaitable[Reply]]


def refused(code: ErrorCode, name: str, text: str, _: str) -> Reply:
    """Tell a refusal."""
    return provincial.refused(code, name, text)


TONGUE = Tongue("province", refused)


def application(here: Gateway, callers: Callers) -> Starlette:
    """Return the application that speaks the provincial dialect."""

    def call(work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return said(await work(here, await callers.of_province(request), request))

        return answer

    async def login(request: Request) -> Response:
        told = _object(await small_body(here, request), "username", "password")
        await callers.of_pair(request, told["username"], told["password"])
        return said(provincial.done(code=200, data={"token": NO_TOKEN}))

    async def edoc(request: Request) -> Response:
        known = await callers.of_province(request)
        wanted = request.query_params.get("docId", "")
        found = await taking.edoc(here, known, wanted)
        told = {
            "docId": wanted,
            "from": found.sender,
            "fromName": found.sender_name,
            "edocCode": found.notation,
            "edocAbstract": found.subject,
            "edxml": TEXT,
        }
        text = taking.in_json(taking.pieces_of(here, found))
        return said_around(provincial.done(data=told), text)

    return TONGUE.application(
        [
            ("/v1/auth/login", login, ("POST",)),
            ("/v1/sendEdoc", call(_send), ("POST",)),
            ("/v1/syncReceivedEdocList", call(_received), ("GET",)),
            ("/v1/getEdoc", edoc, ("GET",)),
            ("/v1/updateStatus", call(_status), ("POST",)),
            ("/v1/getAgenciesList", call(_agencies), ("GET",)),
        ]
    )


async def _send(here: Gateway, known: Known, request: Request) -> Reply:
    coming = await begun(here, request)
    lane = here.lanes.of(coming.priority)
    async with lane.entered(known.caller.organ), form(request, coming) as found:
        kind = taking.kind_named(str(found.get("messageType", "")))
        with await province_packet(here, found, FILE) as packet:
            if kind is MessageType.STATUS:
                return provincial.done(docId=str(await handing.report(here, known, packet)))
            return provincial.done(
                docId=str(await handing.hand_over(here, known, "", packet, coming.priority))
            )


async def _received(here: Gateway, known: Known, request: Request) -> Reply:
    asked = request.query_params
    kind = taking.kind_named(asked.get("messageType", ""))
    if kind is MessageType.STATUS:
        listed = await taking.waiting(here, known, kind)
    else:
        today = agency.today().isoformat()
        days = (read_day(name, asked.get(name, today)) for name in ("fromDate", "toDate"))
        listed = await taking.between(here, known, *window(*days))
    return provincial.listed(each.as_province() for each in listed)


async def _status(here: Gateway, known: Known, request: Request) -> Reply:
    told = _object(await small_body(here, request), "docId", "status")
    wanted, word = told["docId"], told["status"]
    if word in STATUSES:
        await taking.report_on(here, known, wanted, word)
    elif word.lower() in taking.WORDS:
        await taking.acknowledge(here, known, wanted, word)
    else:
        raise BodyInvalid("status", word, ", ".join([*taking.WORDS, *STATUSES]))
    return provincial.done()


async def _agencies(_: Gateway, known: Known, __: Request) -> Reply:
    data = [
        {
            "orgCode": each["code"],
            "orgName": each["name"],
            "parentCode": each["pid"],
            "email": each["mail"],
        }
        for each in agency.listed_of_2020(known)
    ]
    return provincial.listed(data)


def _object(body: bytes, *names: str) -> dict[str, str]:
    """Read the texts of a body that is an object of JSON; raises BodyInvalid."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyInvalid("JSON", "?", ", ".join(names)) from error
    found = told if isinstance(told, dict) else {}
    for name in names:
        if not isinstance(found.get(name), str):
            raise BodyInvalid(name, "?", "text")
    return {name: found[name].strip() for name in names}
