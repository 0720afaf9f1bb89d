"""The gateway: documents handed over and asked after by HTTP."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pytest

from hoatoc.domain.event import StatusReported, Tick, TransportAcknowledged
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import gateway_on, issued
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
EDXML = {"Content-Type": "application/edxml+xml"}


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway on a line of its own, and a key of each organ."""

    line: Line
    url: str
    keys: dict[str, str]

    def as_(self, organ: str | None = None, **more: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.keys[organ]}"} if organ else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=90, **more)


@pytest.fixture(scope="module")
async def door(new_line: NewLine) -> AsyncIterator[Door]:
    async with new_line() as line, gateway_on(line.settings) as url:
        keys = {str(o.code): await issued(line.database, line.settings, o.code) for o in ORGANS}
        yield Door(line, url, keys)


async def handed(door: Door, packet: bytes, organ: str = A, **headers: str) -> httpx.Response:
    async with door.as_(organ) as client:
        return await client.post("/v1/documents", content=packet, headers=EDXML | headers)


async def test_a_document_handed_over_is_a_dispatch_that_its_sender_can_ask_after(
    door: Door,
) -> None:
    packet = letter(A, [B, C], "101")
    answer = await handed(door, packet)
    assert 201 == answer.status_code, answer.text
    said = answer.json()
    assert (True, A, "101", {B, C}) == (
        said["new"],
        said["sender"],
        said["number"],
        {copy["recipient"] for copy in said["recipients"]},
    )
    again = await handed(door, packet)
    assert (200, False, said["dispatch_id"]) == (
        again.status_code,
        again.json()["new"],
        again.json()["dispatch_id"],
    )
    async with door.as_(A) as client:
        shown = (await client.get(f"/v1/dispatches/{said['dispatch_id']}")).json()
    assert sha256(packet).hexdigest() == shown["content_sha256"]
    assert {"unsent"} == {copy["state"] for copy in shown["recipients"]}


async def sent(door: Door, packet: bytes, organ: str = A) -> dict[str, Any]:
    """Hand a packet over and return when its copies are confirmed."""
    answer = await handed(door, packet, organ)
    assert answer.status_code in (200, 201), answer.text
    said: dict[str, Any] = answer.json()

    async def left() -> bool:
        query = "SELECT state FROM outbox WHERE dispatch_id = $1"
        return bool("sent" == await door.line.database.fetchval(query, said["dispatch_id"]))

    async with door.line.program("relay"):
        await eventually(left, what="publication")
    return said


async def test_a_copy_is_listed_taken_acknowledged_and_reported(door: Door) -> None:
    packet = letter(A, [B, C], "102")
    said = await sent(door, packet)
    async with door.as_(B) as client:
        listed = (await client.get("/v1/inbox")).json()
        (entry,) = [e for e in listed["entries"] if e["dispatch_id"] == said["dispatch_id"]]
        assert ("document", B, "102", len(packet), sha256(packet).hexdigest()) == (
            entry["type"],
            entry["recipient"],
            entry["number"],
            entry["content_bytes"],
            entry["content_sha256"],
        )
        copy = f"/v1/deliveries/{entry['delivery_id']}"
        taken = await client.get(f"{copy}/content")
        assert packet == taken.content
        digest = b64encode(sha256(packet).digest()).decode()
        assert f"sha-256=:{digest}:" == taken.headers["content-digest"]
        done = await client.post(f"{copy}/acknowledgement", json={"outcome": "done"})
        again = await client.post(f"{copy}/acknowledgement", json={"outcome": "done"})
        status = await client.post(f"{copy}/status", json={"code": "03"})
        assert [202, 202, 202] == [done.status_code, again.status_code, status.status_code]
        assert done.json() == again.json()
    answers = await door.line.events("deliveries", TransportAcknowledged, StatusReported)
    mine = [a for a in answers if str(a.dispatch_id) == said["dispatch_id"]]
    assert [("TransportAcknowledged", B), ("StatusReported", B)] == [
        (type(a).__name__, a.recipient) for a in mine
    ]
    assert done.json()["event_id"] == str(mine[0].event_id)


async def test_a_part_of_a_packet_is_taken_by_its_range(door: Door) -> None:
    packet = letter(A, [D], "103")
    said = await sent(door, packet)
    path = f"/v1/deliveries/{said['recipients'][0]['delivery_id']}/content"
    async with door.as_(D) as client:
        head = await client.get(path, headers={"Range": "bytes=0-9"})
        tail = await client.get(path, headers={"Range": "bytes=10-"})
        last = await client.get(path, headers={"Range": "bytes=-5"})
        beyond = await client.get(path, headers={"Range": f"bytes={len(packet)}-"})
        same = await client.get(path, headers={"If-None-Match": head.headers["etag"]})
        stale = await client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert [206, 206, 206, 416, 304, 200] == [
        r.status_code for r in (head, tail, last, beyond, same, stale)
    ]
    assert packet == head.content + tail.content
    assert packet[-5:] == last.content
    assert f"bytes 0-9/{len(packet)}" == head.headers["content-range"]
    assert f"bytes */{len(packet)}" == beyond.headers["content-range"]
    assert "range-unsatisfiable" == beyond.json()["code"]


async def test_a_long_poll_is_answered_when_something_comes(door: Door) -> None:
    async with door.as_(C) as client:
        cursor = (await client.get("/v1/inbox", params={"limit": 500})).json()["next"]
        waiting = asyncio.create_task(client.get(f"/v1/inbox?cursor={cursor}&wait=60"))
        said = await sent(door, letter(B, [C], "104"), B)
        (entry,) = (await waiting).json()["entries"]
    assert said["dispatch_id"] == entry["dispatch_id"]


async def test_a_stream_goes_on_behind_the_last_event(door: Door) -> None:
    first = await sent(door, letter(A, [C], "105"))
    second = await sent(door, letter(A, [C], "106"))
    wanted = {first["dispatch_id"], second["dispatch_id"]}
    async with door.as_(C) as client:
        found = [e async for e in streamed(client, {}, 2, wanted)]
        assert [first["dispatch_id"], second["dispatch_id"]] == [e[1]["dispatch_id"] for e in found]
        headers = {"Last-Event-ID": found[0][0]}
        (rest,) = [e async for e in streamed(client, headers, 1, wanted)]
    assert second["dispatch_id"] == rest[1]["dispatch_id"]


async def streamed(
    client: httpx.AsyncClient, headers: dict[str, str], most: int, wanted: set[str]
) -> AsyncIterator[tuple[str, Any]]:
    """Read (id, entry) of some dispatches from a stream of the inbox."""
    event: dict[str, str] = {}
    async with client.stream("GET", "/v1/inbox/stream", headers=headers) as answer:
        assert "text/event-stream" in answer.headers["content-type"]
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            event[name] = value
            if not line and event.get("event") == "entry":
                entry = json.loads(event["data"])
                if entry["dispatch_id"] in wanted:
                    yield event["id"], entry
                    most -= 1
                event = {}
            if not most:
                return


async def test_the_gateway_ticks_while_its_door_is_open(door: Door) -> None:
    async def ticked() -> bool:
        ticks = [t for t in await door.line.events("deliveries", Tick) if t.path == "gateway"]
        return len(ticks) >= 2 * door.line.settings.kafka.partitions

    await eventually(ticked, what="two ticks of every partition")


async def test_readiness_names_every_part(door: Door) -> None:
    async with door.as_() as client:
        ready = await client.get("/readyz")
    assert (200, {"database": "ready", "broker": "ready", "disk": "ready"}) == (
        ready.status_code,
        ready.json()["parts"],
    )
