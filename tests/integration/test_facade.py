"""The façade, driven as the official client of the axis does, over HTTP, on Kafka and PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hoatoc.domain.access import Caller, Role
from hoatoc.domain.edxml import read_packet, read_status, write_status
from hoatoc.domain.event import StatusReported, TransportAcknowledged
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Badges, gateway_on, secret_of
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually
from hoatoc.testing.vxp_client import Result, VxpClient

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


def badge(organ: str, *roles: Role) -> Caller:
    return Caller(
        credential=f"pair-of-{organ}",
        organ=organ,  # type: ignore[arg-type]
        roles=frozenset(roles or Role),
        scope=frozenset({organ}),  # type: ignore[arg-type]
    )


BADGES = Badges({organ.code: badge(organ.code) for organ in ORGANS})


@dataclass(frozen=True, slots=True)
class Axis:
    """A gateway with its façade, on a line of its own with relay and ledger."""

    line: Line
    url: str

    def client(self, organ: str, secret: str | None = None) -> VxpClient:
        return VxpClient(f"{self.url}/vxp", organ, secret or secret_of(organ))

    async def sent(self, packet: bytes, organ: str = A) -> str:
        """Hand a packet over and return its DocId."""
        said = await asked(self.client(organ).send, packet, **HANDING, from_=organ)
        assert ("OK", "0") == (said["status"], said["ErrorCode"]), said
        return str(said["DocId"])

    async def listed(self, organ: str, kind: str = "edoc") -> list[dict[str, Any]]:
        """Return what waits for an organ."""
        said = await asked(self.client(organ).get_received, servicetype="eDoc", messagetype=kind)
        assert "0" == said["ErrorCode"], said
        return list(said["data"])

    async def waiting(self, organ: str, sender_doc: str) -> str:
        """Return the docId of a document at a recipient, once it is there."""

        async def there() -> str | None:
            for entry in await self.listed(organ):
                found = await asked(self.client(organ).get_edoc, docId=entry["docId"])
                if await self.dispatch_of(entry["docId"]) == sender_doc and found:
                    return str(entry["docId"])
            return None

        return await eventually(there)

    async def dispatch_of(self, doc_id: str) -> str:
        query = "SELECT dispatch_id FROM handover_recipient WHERE delivery_id = $1"
        return str(await self.line.database.fetchval(query, UUID(doc_id)))


HANDING = {"servicetype": "eDoc", "messagetype": "edoc"}


async def asked(call: Callable[..., Result], *words: Any, **headers: str) -> dict[str, Any]:
    """Call as the official client does, which blocks; its null is a failure of the test."""
    said = await asyncio.to_thread(call, *words, **headers)
    assert said is not None, "null: the outcome is unknown"
    return said


@pytest.fixture(scope="module")
async def axis(new_line: NewLine) -> AsyncIterator[Axis]:
    async with (
        new_line() as line,
        line.program("relay"),
        line.program("ledger"),
        gateway_on(line.settings, BADGES) as url,
    ):
        yield Axis(line, url)


async def test_a_document_goes_from_one_official_client_to_another_and_is_acknowledged(
    axis: Axis, tmp_path: Path
) -> None:
    packet = letter(A, [B], "1001")
    doc_id = await axis.sent(packet)
    there = await axis.waiting(B, doc_id)
    client = axis.client(B)
    (entry,) = [each for each in await axis.listed(B) if each["docId"] == there]
    assert (A, B, "edoc", "initial") == (
        entry["from"],
        entry["to"],
        entry["messageType"],
        entry["status"],
    )
    got = await asked(client.get_edoc, docId=there)
    assert packet.decode() == got["data"]
    kept = await asked(client.download, tmp_path, docId=there)
    assert packet == Path(kept["filePath"]).read_bytes()
    counted = await asked(client.count_documents)
    assert 1 <= counted["count"]
    said = await asked(client.update_status, docid=there, status="done")
    assert ("OK", "0") == (said["status"], said["ErrorCode"])
    assert there not in [each["docId"] for each in await axis.listed(B)]
    (told,) = [
        one
        for one in await axis.line.events("deliveries", TransportAcknowledged)
        if str(one.dispatch_id) == doc_id
    ]
    assert (B, "done") == (told.recipient, told.outcome)
