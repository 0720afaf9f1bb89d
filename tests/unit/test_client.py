"""The client's core: what a call sends, what an answer means, when it is tried again."""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from tenacity import Future, RetryCallState

from hoatoc import client
from hoatoc.client import AsyncClient, Client, Patience, interface
from hoatoc.client.call import Body, Reply, decoded, require_success
from hoatoc.client.connection import Connection
from hoatoc.client.download import Download
from hoatoc.client.source import HttpSource, Item
from hoatoc.client.trying import Trying, is_retriable
from hoatoc.client.value import HandedOver, Stretch, Told
from hoatoc.testing.entry import ENTRY

HERE = "http://gateway.invalid"
QUICK = Patience(total_s=5, first_s=0.001, longest_s=0.002)
HANDED = {"dispatch_id": str(UUID(int=1)), "new": True, "document_id": "D", "later": "field"}


def reply(status: int, body: object = None, kind: str = "application/json", **more: str) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {"content-type": kind, **more}, data)


def problem(status: int, code: str = "", **more: Any) -> Reply:
    document = {"status": status, "detail": "vì sao / why", "code": code, **more}
    return reply(status, document, "application/problem+json")


def answering(*answers: httpx.Response | Exception) -> tuple[AsyncClient, list[httpx.Request]]:
    """Return a client to which these answers come, one after another, and what it has sent."""
    asked: list[httpx.Request] = []
    left: Iterator[httpx.Response | Exception] = iter(answers)

    async def answer(request: httpx.Request) -> httpx.Response:
        await request.aread()
        asked.append(request)
        said = next(left)
        if isinstance(said, Exception):
            raise said
        return said

    made = AsyncClient(HERE, "hoatoc_key", organ="G01", patience=QUICK)
    options = {**made.connection.options(), "verify": False}
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(answer), **options)
    return made, asked


def handed() -> httpx.Response:
    return httpx.Response(201, json=HANDED)


def refusal(status: int, code: str) -> httpx.Response:
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(status, json={"code": code, "detail": "x"}, headers=headers)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthenticated", client.Unauthenticated),
        (403, "access-denied", client.AccessDenied),
        (404, "not-found", client.NotFound),
        (409, "document-conflict", client.DocumentConflict),
        (409, "something-new", client.Conflict),
        (413, "content-too-large", client.TooLarge),
        (422, "check-failed", client.CheckFailed),
        (422, "secret-suspected", client.SecretSuspected),
        (422, "not-xml", client.Refused),
        (429, "lane-full", client.Busy),
        (500, "internal-error", client.GatewayFault),
        (503, "disk-short", client.NotServed),
        (507, "spool-full", client.SpoolFull),
    ],
)
def test_a_problem_has_the_name_of_its_code_or_status(
    status: int, code: str, kind: type[client.Problem]
) -> None:
    with pytest.raises(client.Problem, match="vì sao / why") as raised:
        require_success(problem(status, code, field="To/OrganId", findings=[{"code": "x"}]))
    assert kind is type(raised.value)
    assert (status, code, "To/OrganId", [{"code": "x"}]) == (
        raised.value.status,
        raised.value.code,
        raised.value.field,
        raised.value.findings,
    )


def test_a_page_of_a_proxy_is_a_problem_without_a_code() -> None:
    with pytest.raises(client.NotServed) as raised:
        require_success(reply(502, b"<html>Bad gateway</html>", "text/html"))
    assert "" == raised.value.code


@pytest.mark.parametrize(
    "strange",
    [
        reply(200, b"<html>log in</html>", "text/html"),
        reply(200, b"", "application/json"),
        reply(200, b"null"),
        reply(200, {"items": []}),
    ],
)
def test_f1_what_cannot_be_read_is_never_an_empty_list(strange: Reply) -> None:
    with pytest.raises(client.ReplyUnreadable):
        decoded(Stretch[Told])(strange)


def test_fields_of_a_later_gateway_are_passed_over() -> None:
    assert UUID(int=1) == decoded(HandedOver)(reply(201, HANDED)).dispatch_id


def test_what_retry_after_bids_is_waited_for_and_else_longer_each_time() -> None:
    state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]
    state.outcome = Future(1)
    state.outcome.set_exception(client.Busy({}, 429, 10.0))
    assert 10 <= QUICK.wait(state) <= 12.5
    state.outcome = Future(1)
    state.outcome.set_exception(client.GatewayAway())
    state.attempt_number = 10
    waits = [Patience(longest_s=20).wait(state) for _ in range(50)]
    assert 0 <= min(waits)
    assert 10 < max(waits) <= 20


async def test_a_hand_over_is_tried_again_by_the_same_key_until_it_is_answered() -> None:
    busy = httpx.Response(429, json={"code": "lane-full"}, headers={"Retry-After": "0"})
    lost = httpx.ReadTimeout("")
    sender, asked = answering(httpx.ConnectError("refused"), lost, busy, handed())
    assert (await sender.hand_over(b"<packet/>", priority=4)).new
    assert 4 == len(asked)
    assert 1 == len({request.headers["Idempotency-Key"] for request in asked})
    last = asked[-1]
    assert b"<packet/>" == last.content
    assert ("Bearer hoatoc_key", "4", "9", "G01") == (
        last.headers["Authorization"],
        last.headers["Hoatoc-Priority"],
        last.headers["Content-Length"],
        last.url.params["organ"],
    )


async def test_what_is_refused_is_not_tried_again() -> None:
    sender, asked = answering(refusal(422, "not-xml"))
    with pytest.raises(client.Refused):
        await sender.hand_over(b"<packet/>")
    assert 1 == len(asked)


def test_a_key_is_that_of_the_content_and_of_what_is_declared() -> None:
    one, same, other = (sha256(content).digest() for content in (b"1", b"1", b"2"))
    assert interface.key_of(one) == interface.key_of(same)
    assert 3 == len({interface.key_of(one), interface.key_of(other), interface.key_of(one, "An")})


def test_an_outcome_is_unknown_only_if_something_may_have_been_heard() -> None:
    writes, refused = interface.hand_over(b"x", None, "", "the-key"), httpx.ConnectError("refused")
    unheard = Trying(writes)
    unheard.require_outcome(unheard.lost(refused))
    heard = Trying(writes)
    heard.lost(httpx.ReadError("cut"))
    with pytest.raises(client.OutcomeUnknown) as unknown:
        heard.require_outcome(heard.lost(refused))
    assert "the-key" == unknown.value.key
    heard.require_outcome(client.Refused({"code": "not-xml"}, 422, None))  # that is an outcome
    looks = Trying(interface.counts())
    looks.require_outcome(looks.lost(httpx.ReadError("cut")))


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_a_proxy_says_after_the_upload_leaves_the_outcome_open(status: int) -> None:
    page = httpx.Response(status, html="<html>upstream timed out</html>")
    ours = refusal(503, "crowded")
    for answer, expected in ((page, client.OutcomeUnknown), (ours, client.NotServed)):
        sender, _ = answering(answer)
        sender.connection = replace(sender.connection, patience=Patience(total_s=0))
        with pytest.raises(expected):
            await sender.hand_over(b"<packet/>")


@pytest.mark.parametrize(
    "page",
    [
        httpx.Response(200, text="sign in"),
        httpx.Response(302, headers={"Location": "https://proxy.example/login"}),
    ],
)
async def test_a_page_of_something_on_the_way_is_never_taken_for_an_answer(
    page: httpx.Response, tmp_path: Path
) -> None:
    place = tmp_path / "packet"
    calls: list[Callable[[client.AsyncClient], Awaitable[object]]] = [
        lambda c: c.ready(),
        lambda c: c.receipt(UUID(int=1)),
        lambda c: c.content(UUID(int=1), "ab"),
        lambda c: c.save(UUID(int=1), place, "ab"),
        lambda c: c.inbox(),
    ]
    for call in calls:
        reader, _ = answering(page)
        with pytest.raises(client.ReplyUnreadable):
            await call(reader)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("code", ["404", "content-missing", None])
def test_a_code_of_another_gateway_says_nothing(code: str | None) -> None:
    with pytest.raises(client.NotFound) as refused:
        require_success(reply(404, {"code": code, "type": "Status report", "detail": "no backend"}))
    assert ("", "no backend") == (refused.value.code, str(refused.value))


@pytest.mark.parametrize(
    ("problem", "asked_s", "obeyed_s"),
    [({"code": "crowded"}, "5", 5), ({"code": "crowded"}, "86400", 300), ({}, "86400", 30)],
)
def test_retry_after_is_obeyed_within_bounds(
    problem: dict[str, str], asked_s: str, obeyed_s: float
) -> None:
    body = msgspec.json.encode(problem)
    headers = {"content-type": "application/problem+json", "retry-after": asked_s}
    with pytest.raises(client.NotServed) as refused:
        require_success(Reply(503, headers, body))
    assert obeyed_s == refused.value.retry_after_s


def test_what_is_retriable_is_said_by_its_class() -> None:
    assert is_retriable(client.NotServed({}, 503, None))
    assert is_retriable(client.GatewayAway())
    assert not is_retriable(client.SpoolFull({}, 507, None))
    assert not is_retriable(client.Refused({}, 422, None))
    assert not is_retriable(ValueError())


def test_a_file_is_sent_in_pieces_as_often_as_it_must(tmp_path: Path) -> None:
    file = tmp_path / "packet"
    file.write_bytes(bytes(200_000))
    body = Body(file)
    for _ in "12":
        pieces = list(body.pieces())
        assert len(pieces) > 1
        assert bytes(200_000) == b"".join(pieces)
    assert (200_000, sha256(bytes(200_000)).digest()) == (body.size, body.sha256())


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("weak", ["", "W/"])
def test_content_is_taken_on_from_where_it_stands(tmp_path: Path, is_told: bool, weak: str) -> None:
    place, whole = tmp_path / "a.edxml", b"one and two"
    digest = sha256(whole).hexdigest()
    headers = {"etag": f'{weak}"{digest}"'}
    download = Download(place, digest if is_told else "")
    assert {} == download.headers()
    with download.opened(200, headers) as file:
        file.write(whole[:4])
    assert {"Range": "bytes=4-", "If-Range": f'"{digest}"'} == download.headers()
    with download.opened(206, headers) as file:
        file.write(whole[4:])
    download.finish()
    assert whole == place.read_bytes()


async def test_an_inbox_takes_a_large_document_on_from_where_the_line_broke(
    tmp_path: Path,
) -> None:
    whole = bytes(300_000)
    digest = sha256(whole).hexdigest()
    headers = {"content-type": "application/edxml+xml", "etag": f'"{digest}"'}

    async def cut() -> AsyncIterator[bytes]:
        yield whole[:200_000]
        raise httpx.ReadError("cut")

    reader, asked = answering(
        httpx.Response(200, headers=headers, content=cut()),
        httpx.Response(206, headers=headers, content=whole[200_000:]),
    )
    entry = replace(ENTRY, content_bytes=len(whole), content_sha256=digest)
    source = HttpSource(reader, scratch=tmp_path)
    assert whole == await source.content(Item(cursor="1", entry=entry))
    assert [None, "bytes=200000-"] == [request.headers.get("range") for request in asked]
    assert [] == list(tmp_path.iterdir())


def test_content_that_is_not_what_was_handed_over_never_stands_there(tmp_path: Path) -> None:
    place = tmp_path / "a.edxml"
    download = Download(place, "0" * 64)
    with download.opened(200, {}) as file:
        file.write(b"other")
    with pytest.raises(client.ContentAltered):
        download.finish()
    assert [] == list(tmp_path.iterdir())


def test_a_key_is_sent_as_it_was_issued_or_not_at_all() -> None:
    told = Connection(url="http://a", key=" hoatoc_key\r\n").options()["headers"]
    assert "Bearer hoatoc_key" == told["Authorization"]
    for key in ("hoatoc\r_key", "hoatoc_khóa", "hoatoc\0"):
        with pytest.raises(client.Unauthenticated) as refused:
            Connection(url="http://a", key=key).options()
        assert key not in str(refused.value)


def test_what_was_wrong_with_a_request_of_ours_is_not_quoted() -> None:
    trying = Trying(interface.organs(""))
    lost = trying.lost(httpx.LocalProtocolError("Illegal header value b'Bearer hoatoc_key'"))
    assert "hoatoc_key" not in str(lost)


def test_both_clients_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        members = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: list(inspect.signature(function).parameters)
            for name, function in members
            if not name.startswith("_")
        }

    assert calls(Client) == calls(AsyncClient)
    assert 20 <= len(calls(Client))
