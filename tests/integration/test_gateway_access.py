"""Nobody gets at what is another's: every route, every role, foreign ids and ids that do not exist.

The table of access (`hoatoc.domain.access`) says what must come out; a route that is not listed
here is found out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hoatoc.domain.access import Action, Reach, Role, reach_of
from hoatoc.domain.edxml import write_status
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import EDXML, Door, issued
from hoatoc.testing.line import ORGANS

pytestmark = pytest.mark.timeout(240)

SENDER, RECIPIENT, STRANGER, _ = (organ.code for organ in ORGANS)
PUBLIC = {("GET", "/healthz"), ("GET", "/readyz")}
STATUS = {"code": "03"}
TAKE_BACK = {"code": "13", "description": "Gửi nhầm"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a route: what it does, and with whose thing (`of`: one by id, or a list)."""

    method: str
    path: str
    action: Action
    parties: tuple[str, ...] = (SENDER, RECIPIENT)
    body: Any = None
    packet: bytes | None = None

    @property
    def by_id(self) -> bool:
        """Tell whether the route names a thing by its id."""
        return "{" in self.path

    def url(self, ids: "Ids") -> str:
        """Return the path for things of these ids."""
        return self.path.format(dispatch_id=ids.dispatch_id, delivery_id=ids.delivery_id)


@dataclass(frozen=True, slots=True)
class Ids:
    """A dispatch and a copy of it."""

    dispatch_id: str
    delivery_id: str


DISPATCH, DELIVERY = "/v1/dispatches/{dispatch_id}", "/v1/deliveries/{delivery_id}"
OWN = (SENDER,)
REPORT = write_status(
    StatusPacket(
        sender=Party(code=RECIPIENT),
        response_for=ResponseFor(
            organ=SENDER, code="1/UBND-VP", document_id=f"{SENDER},2021/03/02,1/UBND-VP"
        ),
        code="05",
    )
)
CALLS = (
    Call("GET", DISPATCH, Action.READ_DISPATCH, OWN),
    Call("GET", f"{DISPATCH}/timeline", Action.READ_DISPATCH, OWN),
    Call("GET", f"{DISPATCH}/receipt", Action.RECEIPT, OWN),
    Call("POST", f"{DISPATCH}/recall", Action.RECALL, OWN, {"reason": "Gửi nhầm"}),
    Call("POST", f"{DISPATCH}/resend", Action.RESEND, OWN, {"recipients": [RECIPIENT]}),
    Call("GET", DELIVERY, Action.READ_DELIVERY),
    Call("GET", f"{DELIVERY}/content", Action.TAKE_CONTENT),
    Call(
        "POST",
        f"{DELIVERY}/acknowledgement",
        Action.ANSWER,
        (RECIPIENT,),
        {"outcome": "done"},
    ),
    Call("POST", f"{DELIVERY}/status", Action.ANSWER, (RECIPIENT,), STATUS),
    Call("POST", f"{DELIVERY}/status", Action.RECALL, OWN, TAKE_BACK),
    Call("POST", "/v1/statuses", Action.ANSWER, (RECIPIENT,), packet=REPORT),
    Call("POST", "/v1/documents", Action.HAND_OVER, packet=letter(SENDER, [RECIPIENT], "1")),
    Call("GET", "/v1/dispatches", Action.SEARCH),
    Call("GET", "/v1/inbox", Action.READ_INBOX),
    Call("GET", "/v1/inbox/stream", Action.READ_INBOX),
    Call("GET", "/v1/statuses", Action.READ_STATUSES),
    Call("GET", "/v1/statuses/stream", Action.READ_STATUSES),
    Call("GET", "/v1/backlog", Action.BACKLOG),
    Call("GET", "/v1/counts", Action.COUNTS),
    Call("GET", "/v1/organs", Action.REGISTRY_READ),
)


@dataclass(frozen=True, slots=True)
class Places:
    """A gateway with a dispatch from one organ to another, and a key of each role at each organ."""

    door: Door
    ids: Ids
    keys: dict[tuple[str, Role], str]

    async def ask(self, call: Call, key: str, ids: Ids, **query: str) -> httpx.Response:
        """Make a request; of a stream only its head is read."""
        headers = EDXML if call.packet else {}
        content = {"content": call.packet} if call.packet else {"json": call.body}
        async with self.door.showing(key) as client:
            request = client.build_request(
                call.method, call.url(ids), params=query, headers=headers, **content
            )
            answer = await client.send(request, stream=True)
            if "event-stream" not in answer.headers.get("content-type", ""):
                await answer.aread()
            await answer.aclose()
            return answer


@pytest.fixture(scope="module")
async def places(door: Door) -> Places:
    said = await door.send(letter(SENDER, [RECIPIENT], "1"), SENDER)
    ids = Ids(said["dispatch_id"], said["recipients"][0]["delivery_id"])
    line = door.line
    keys = {
        (str(organ), role): await issued(line.database, line.settings, organ, role)
        for organ in (SENDER, RECIPIENT, STRANGER)
        for role in Role
    }
    return Places(door, ids, keys)


def named(call: Call) -> str:
    return f"{call.method} {call.path} {call.action}"


async def test_every_route_is_walked(door: Door) -> None:
    async with door.as_() as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    routes = {(method.upper(), path) for path, of in paths.items() for method in of}
    assert routes == {(call.method, call.path) for call in CALLS} | PUBLIC


def test_every_action_of_a_door_is_walked() -> None:
    elsewhere = {a for a in Action if a.startswith("key-")} | {
        Action.REGISTRY_WRITE,
        Action.AUDIT_READ,
    }
    assert set(Action) - elsewhere == {call.action for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=named)
async def test_without_a_key_that_is_known_nothing_is_answered(places: Places, call: Call) -> None:
    wrong = f"hoatoc_{'0' * 16}_{'A' * 43}"
    for key, code in (("", "missing"), (wrong, "wrong"), ("nonsense", "malformed")):
        answer = await places.ask(call, key, places.ids)
        assert (401, "unauthenticated") == (answer.status_code, answer.json()["code"]), code
        assert "Bearer" in answer.headers["www-authenticate"]


def strangers() -> Iterator[Any]:
    for call in CALLS:
        for role in Role:
            yield pytest.param(call, role, id=f"{named(call)} {role}")


@pytest.mark.parametrize(("call", "role"), list(strangers()))
async def test_a_stranger_learns_nothing_whatever_its_role(
    places: Places, call: Call, role: Role
) -> None:
    key = places.keys[STRANGER, role]
    reach = reach_of({role}, call.action)
    answer = await places.ask(call, key, places.ids)
    nothing = Ids(str(uuid4()), str(uuid4()))
    if reach is Reach.NOTHING:
        assert (403, "access-denied") == (answer.status_code, answer.json()["code"])
    elif call.by_id or (call.method, call.path) == ("POST", "/v1/statuses"):
        unknown = await places.ask(call, key, nothing)
        assert (404, "not-found") == (answer.status_code, answer.json()["code"])
        assert same(answer, places.ids) == same(unknown, nothing)
    elif call.action is Action.HAND_OVER:
        assert (403, "sender-mismatch") == (answer.status_code, answer.json()["code"])
    else:
        assert answer.status_code == 200
        if "json" in answer.headers["content-type"]:
            assert places.ids.dispatch_id not in answer.text
            assert places.ids.delivery_id not in answer.text
    for party in (SENDER, RECIPIENT):
        if call.by_id or reach is not Reach.SCOPE:
            continue
        instead = await places.ask(call, key, places.ids, organ=party)
        assert instead.status_code in (403, 404), instead.status_code


def same(answer: httpx.Response, ids: Ids) -> str:
    """Return what an answer says but for the ids that were asked for."""
    return answer.text.replace(ids.dispatch_id, "…").replace(ids.delivery_id, "…")


def parties() -> Iterator[Any]:
    for call in CALLS:
        for organ in (SENDER, RECIPIENT):
            for role in Role:
                yield pytest.param(call, organ, role, id=f"{named(call)} {organ} {role}")


@pytest.mark.parametrize(("call", "organ", "role"), list(parties()))
async def test_a_party_gets_what_its_role_permits_and_no_more(
    places: Places, call: Call, organ: str, role: Role
) -> None:
    answer = await places.ask(call, places.keys[organ, role], places.ids)
    if reach_of({role}, call.action) is Reach.NOTHING:
        assert (403, "access-denied") == (answer.status_code, answer.json()["code"])
    elif organ not in call.parties:
        assert (404, "not-found") == (answer.status_code, answer.json()["code"])
    elif call.action is Action.HAND_OVER and organ != SENDER:
        assert (403, "sender-mismatch") == (answer.status_code, answer.json()["code"])
    else:
        assert answer.status_code in (200, 201, 202, 409), answer.text  # 409: it has the copy


async def test_the_audit_says_who_did_what_and_who_was_refused(places: Places) -> None:
    take = next(call for call in CALLS if call.action is Action.TAKE_CONTENT)
    await places.ask(take, places.keys[RECIPIENT, Role.RECIPIENT], places.ids)
    await places.ask(take, places.keys[STRANGER, Role.RECIPIENT], places.ids)
    await places.ask(take, places.keys[STRANGER, Role.AUDITOR], places.ids)
    rows = await places.door.line.database.fetch(
        "SELECT organ, outcome FROM access_audit WHERE action = 'take-content' AND subject = $1",
        places.ids.delivery_id,
    )
    assert {(RECIPIENT, "done"), (STRANGER, "refused")} <= {
        (row["organ"], row["outcome"]) for row in rows
    }
