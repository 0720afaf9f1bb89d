"""The provincial REST dialect of the façade, as its known client speaks it; and large packets."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from hoatoc import codec
from hoatoc.domain.content import claim_of
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_packet, write_status
from hoatoc.domain.event import AlertRaised, StatusReported, TransportAcknowledged
from hoatoc.domain.page import VIETNAM
from hoatoc.testing.agency import letter
from hoatoc.testing.axis import Axis, axis_on, done, refused, secret_of, status
from hoatoc.testing.line import ORGANS, NewLine, eventually

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


@pytest.fixture(scope="module")
async def axis(new_line: NewLine) -> AsyncIterator[Axis]:
    async with new_line() as line:
        facade = line.settings.facade.model_copy(update={"province_path": "/lgsp"})
        changed = line.settings.model_copy(update={"facade": facade})
        line.settings = changed
        async with axis_on(line) as made:
            yield made


def province(axis: Axis, organ: str, secret: str = "") -> httpx.AsyncClient:
    headers = {"X-SystemId": organ, "X-SecretKey": secret or secret_of(organ)}
    return httpx.AsyncClient(base_url=f"{axis.url}/lgsp/v1", headers=headers, timeout=60)


async def sent(axis: Axis, packet: bytes, organ: str = A, kind: str = "edoc") -> dict[str, Any]:
    files = {"edocFile": ("807_VPCP.edxml", packet, "application/xml")}
    async with province(axis, organ) as client:
        answer = await client.post("/sendEdoc", files=files, data={"messageType": kind})
    return dict(answer.json())


async def listed(axis: Axis, organ: str, **asked: str) -> list[dict[str, Any]]:
    today = f"{datetime.now(VIETNAM):%Y/%m/%d}"
    query = {"messageType": "edoc", "fromDate": today, "toDate": today} | asked
    async with province(axis, organ) as client:
        said = (await client.get("/syncReceivedEdocList", params=query)).json()
    assert said["success"], said
    assert len(said["data"]) == said["count"]
    return list(said["data"])


async def arrived(axis: Axis, organ: str, known: set[str]) -> str:
    async def there() -> str | None:
        fresh = [e["docId"] for e in await listed(axis, organ) if e["docId"] not in known]
        return fresh[0] if fresh else None

    return await eventually(there)


async def test_a_document_goes_from_system_to_system_and_is_reported_by_number(axis: Axis) -> None:
    known = {each["docId"] for each in await listed(axis, B)}
    packet = letter(A, [B], "4001")
    said = await sent(axis, packet)
    assert said["success"], said
    assert said["docId"] == (await sent(axis, packet))["docId"]
    there = await arrived(axis, B, known)
    async with province(axis, B) as client:
        got = (await client.get("/getEdoc", params={"docId": there})).json()["data"]
        assert (packet.decode(), A, "4001/UBND-VP") == (got["edxml"], got["from"], got["edocCode"])
        for word in ("03", "done"):
            answer = await client.post("/updateStatus", json={"docId": there, "status": word})
            assert {"success": True, "message": "OK"} == answer.json()
    (entry,) = (each for each in await listed(axis, B) if each["docId"] == there)
    assert "done" == entry["status"]
    log = await axis.line.events("deliveries", StatusReported, TransportAcknowledged)
    own = [each for each in log if str(each.dispatch_id) == said["docId"]]
    words = {getattr(each, "code", None) or each.outcome for each in own}
    assert {"03", "done"} == words


async def test_what_waits_is_listed_whatever_days_are_asked_for(axis: Axis) -> None:
    known = {each["docId"] for each in await listed(axis, B)}
    await sent(axis, letter(A, [B], "4002"))
    there = await arrived(axis, B, known)
    week_ago = f"{datetime.now(VIETNAM) - timedelta(days=7):%Y/%m/%d}"
    days = {"fromDate": week_ago, "toDate": week_ago}
    assert there in [each["docId"] for each in await listed(axis, B, **days)]
    async with province(axis, B) as client:
        await client.post("/updateStatus", json={"docId": there, "status": "done"})
    assert there not in [each["docId"] for each in await listed(axis, B, **days)]
    assert there in [each["docId"] for each in await listed(axis, B)]


async def test_a_packet_is_the_same_text_whatever_its_encoding_and_its_subject(axis: Axis) -> None:
    packet = read_packet(letter(A, [B], "4010"), limit=LARGEST_PACKET_BYTES)
    odd = write_packet(replace(packet, subject='V/v "\\u0000" và \\u0000'))
    in_16 = odd.decode().replace('"UTF-8"', '"UTF-16"', 1).replace("4010", "4011").encode("utf-16")
    for written, number in ((odd, "4010"), (in_16, "4011")):
        known = {each["docId"] for each in await listed(axis, B)}
        assert (await sent(axis, written))["success"]
        async with province(axis, B) as client:
            asked = {"docId": await arrived(axis, B, known)}
            said = (await client.get("/getEdoc", params=asked)).json()["data"]
        assert f"{number}/UBND-VP" == said["edocCode"]
        assert odd.decode().replace("4010", number) == said["edxml"]


async def test_any_days_may_be_asked_for(axis: Axis) -> None:
    known = {each["docId"] for each in await listed(axis, B)}
    await sent(axis, letter(A, [B], "4012"))
    fresh = await arrived(axis, B, known)
    for first, last in (("0001/01/01", "9999/12/31"), ("1970/01/01", "2999/01/01")):
        found = await listed(axis, B, fromDate=first, toDate=last)
        assert fresh in [each["docId"] for each in found]


async def test_refusals_are_told_in_its_own_shape_by_the_codes_of_the_guide(axis: Axis) -> None:
    for packet, code in (
        (b"noise", "10"),
        (letter(A, ["X99"], "4003"), "18"),
        (letter(B, [C], "4004"), "19"),
    ):
        said = await sent(axis, packet)
        assert (False, code) == (said["success"], said["data"]["errorCode"])
    async with province(axis, A, "wrong") as client:
        said = (await client.get("/syncReceivedEdocList")).json()
        assert (False, "15") == (said["success"], said["data"]["errorCode"])
    async with province(axis, A) as client:
        pair = {"username": A, "password": secret_of(A), "applicationCode": "x"}
        said = (await client.post("/auth/login?allow_anonymous=true", json=pair)).json()
        assert said["success"]
        assert said["data"]["token"]
        wrong = {**pair, "password": "wrong"}
        said = (await client.post("/auth/login", json=wrong)).json()
        assert (False, "15") == (said["success"], said["data"]["errorCode"])
        said = (await client.get("/getEdoc", params={"docId": "none"})).json()
        assert (False, "10") == (said["success"], said["data"]["errorCode"])
        said = (await client.post("/updateStatus", content=b"{")).json()
        assert (False, "22") == (said["success"], said["data"]["errorCode"])
        said = (await client.get("/syncReceivedEdocList", params={"fromDate": "yesterday"})).json()
        assert (False, "22") == (said["success"], said["data"]["errorCode"])
        agencies = (await client.get("/getAgenciesList")).json()
        assert A in [each["orgCode"] for each in agencies["data"]]
        assert 404 == (await client.get("/none")).status_code


async def test_a_status_packet_is_a_hand_over_of_its_own_kind(axis: Axis) -> None:
    known = {each["docId"] for each in await listed(axis, B)}
    doc_id = (await sent(axis, letter(A, [B], "4005")))["docId"]
    await arrived(axis, B, known)
    said = await sent(axis, write_status(status(B, A, "4005", "01")), B, "status")
    assert said["success"], said
    entry = await axis.status_of(A, doc_id)
    assert entry["docId"] in [e["docId"] for e in await listed(axis, A, messageType="status")]


async def test_a_large_packet_goes_through_either_dialect_as_it_is(axis: Axis) -> None:
    plain = read_packet(letter(A, [B], "4006"))
    file = replace(plain.attachments[0], content=b"a line of text, and another.\n" * 100_000)
    packet = write_packet(replace(plain, attachments=(file,)), limit=50_000_000)
    assert 3_000_000 < len(packet)
    doc_id = await axis.sent(packet, A)
    there = await axis.waiting(B, doc_id)
    got = await done(axis.client(B).get_edoc, docId=there)
    assert sha256(packet).hexdigest() == sha256(got["data"].encode()).hexdigest()
    async with province(axis, B) as client:
        same = (await client.get("/getEdoc", params={"docId": there})).json()["data"]
    assert packet.decode() == same["edxml"]
    assert doc_id == (await sent(axis, packet))["docId"]


async def test_a_large_packet_that_is_lost_is_refused_by_name_and_alerted(axis: Axis) -> None:
    packet = letter(A, [B], "4007", b"a line of text, and another.\n" * 20_000)
    claim = claim_of(packet)
    there = await axis.waiting(B, await axis.sent(packet, A))
    (axis.line.settings.data / "content" / claim.name).unlink()
    refusal = await refused(axis.client(B).get_edoc, docId=there)
    assert "content-missing" == refusal[1]
    async with province(axis, B) as client:
        said = (await client.get("/getEdoc", params={"docId": there})).json()
    assert (False, refusal[0]) == (said["success"], said["data"]["errorCode"])
    database = axis.line.database
    query = "SELECT lost, episode FROM content WHERE sha256 = $1"
    assert ("ContentMissing", 1) == tuple(await database.fetchrow(query, claim.sha256))
    told = await database.fetch("SELECT value FROM announcement WHERE type = 'AlertRaised'")
    raised = [event for row in told if isinstance(event := codec.decode(row["value"]), AlertRaised)]
    assert 1 == sum(event.kind == "content-lost" for event in raised)
    await axis.sent(packet, A)  # which puts it there again
    assert packet.decode() == (await done(axis.client(B).get_edoc, docId=there))["data"]
