"""The gateway: documents handed over and asked after by HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pytest

from hoatoc.domain.access import Caller, Role
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Badges, gateway_on
from hoatoc.testing.line import ORGANS, Line, NewLine

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
EDXML = {"Content-Type": "application/edxml+xml"}


def badge(organ: str, *roles: Role) -> Caller:
    return Caller(
        credential=f"key-of-{organ}",
        organ=organ,  # type: ignore[arg-type]
        roles=frozenset(roles or Role),
        scope=frozenset({organ}),  # type: ignore[arg-type]
    )


BADGES = Badges({organ.code: badge(organ.code) for organ in ORGANS})


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway on a line of its own."""

    line: Line
    url: str

    def as_(self, organ: str | None = None, **more: Any) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {organ}"} if organ else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, **more)


@pytest.fixture(scope="module")
async def door(new_line: NewLine) -> AsyncIterator[Door]:
    async with new_line() as line, gateway_on(line.settings, BADGES) as url:
        yield Door(line, url)


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
