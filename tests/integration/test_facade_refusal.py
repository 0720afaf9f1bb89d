"""What the façade refuses, and an outage: every answer is one that the official client can read."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from hoatoc.domain.access import Role
from hoatoc.domain.edxml import write_status
from hoatoc.testing.agency import letter
from hoatoc.testing.axis import (
    HANDING,
    REPORTING,
    Axis,
    asked,
    axis_on,
    done,
    paired,
    refused,
    status,
)
from hoatoc.testing.line import ORGANS, NewLine
from hoatoc.testing.vxp_client import VxpClient

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
NOBODY = "VPCP.X99"


@pytest.fixture(scope="module")
async def axis(new_line: NewLine) -> AsyncIterator[Axis]:
    async with new_line() as line:
        await line.database.execute("UPDATE organ SET locked = true WHERE code = $1", D)
        async with axis_on(line) as made:
            yield made


async def test_a_wrong_secret_and_an_unknown_system_are_one_refusal(axis: Axis) -> None:
    wrong = axis.client(A, "another secret")
    unknown = axis.client(NOBODY)
    assert ("15", "unauthenticated") == await refused(wrong.get_received, messagetype="edoc")
    assert ("15", "unauthenticated") == await refused(unknown.get_received, messagetype="edoc")
    assert ("15", "unauthenticated") == await refused(wrong.send, letter(A, [B], "1"), **HANDING)


async def test_a_call_from_long_ago_or_from_the_future_is_refused(axis: Axis) -> None:
    now = datetime.now(UTC)
    old = axis.client(A, made=now - timedelta(days=32))
    ahead = axis.client(A, made=now + timedelta(minutes=10))
    assert ("15", "timestamp-old") == await refused(old.count_documents)
    assert ("15", "timestamp-ahead") == await refused(ahead.count_documents)


async def test_a_file_damaged_on_its_way_is_refused_and_nothing_is_kept(axis: Axis) -> None:
    client, packet = axis.client(A), letter(A, [B], "2001")
    client.headers.put("Content-Type", "application/octet-stream")
    for name, value in (HANDING | {"from": A, "hash-file": "0" * 64}).items():
        client.headers.put(name, value)
    async with httpx.AsyncClient() as plain:
        answer = await plain.post(
            f"{client.endpoint}/sendEdoc", content=packet, headers=client.signed_headers()
        )
    said = answer.json()
    assert (200, "10", "") == (answer.status_code, said["ErrorCode"], said["DocId"])
    assert said["ErrorDesc"].startswith("hash-wrong: ")
    assert not await axis.line.database.fetchval(
        "SELECT count(*) FROM handover WHERE printed_number = '2001'"
    )


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (b"noise", ("10", "not-xml")),
        (b"<edXML/>", ("22", "element-missing")),
        (letter(A, ["X99"], "2002"), ("18", "check-failed")),
        (letter(A, [D], "2003"), ("23", "check-failed")),
        (letter(B, [C], "2004"), ("19", "sender-mismatch")),
        (letter(A, [A], "2005"), ("22", "check-failed")),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', ("22", "doctype-forbidden")),
    ],
    ids=["noise", "empty", "recipient unknown", "locked", "another's", "to itself", "entity"],
)
async def test_a_packet_that_is_not_taken_is_refused_by_the_code_of_the_guide(
    axis: Axis, packet: bytes, expected: tuple[str, str]
) -> None:
    client = axis.client(A)
    assert expected == await refused(client.send, packet, from_=A, **HANDING)
    assert client.replies[-1][1].isascii()


async def test_a_hand_over_for_an_organ_that_is_not_ones_own_is_refused(axis: Axis) -> None:
    packet = letter(B, [C], "2006")
    code = await refused(axis.client(A).send, packet, from_=B, **HANDING)
    assert ("19", "access-denied") == code
    code = await refused(axis.client(A).send, packet, from_="X99", **HANDING)
    assert ("19", "sender-unknown") == code


async def test_another_document_under_the_same_number_is_refused_with_both_shown(
    axis: Axis,
) -> None:
    await axis.sent(letter(A, [B], "2007"), A)
    said = await asked(axis.client(A).send, letter(A, [B], "2007", b"another"), from_=A, **HANDING)
    assert "22" == said["ErrorCode"]
    assert said["ErrorDesc"].startswith("document-conflict: ")


async def test_what_belongs_to_others_is_answered_as_what_does_not_exist(
    axis: Axis, tmp_path: Path
) -> None:
    doc_id = await axis.sent(letter(A, [B], "2008"), A)
    there = await axis.waiting(B, doc_id)
    stranger = axis.client(C)
    for wanted in (there, "0dbcb61d-e30e-55e9-8c49-d2819759e3f4", "5bebcfeff858e3e0cc154762"):
        assert ("10", "not-found") == await refused(stranger.get_edoc, docId=wanted)
        word = {"docId": wanted, "status": "done"}
        assert ("10", "not-found") == await refused(stranger.update_status, **word)
    assert ("10", "not-found") == await refused(stranger.get_sent, docId=doc_id)
    kept = await asked(stranger.download, tmp_path, docId=there)
    assert "FAIL" == kept["status"]
    assert there in [each["docId"] for each in await axis.listed(B)]


@pytest.mark.parametrize("role", Role)
async def test_no_role_of_another_organ_sees_or_changes_a_document_by_any_call(
    axis: Axis, tmp_path: Path, role: Role
) -> None:
    number = f"21{list(Role).index(role)}"
    doc_id = await axis.sent(letter(A, [B], number), A)
    there = await axis.waiting(B, doc_id)
    await paired(axis.line, C, role, system_id=f"c-{role}")

    def stranger() -> VxpClient:
        return axis.client(f"c-{role}")

    calls: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, str]]] = [
        (stranger().send, (letter(A, [B], f"9{number}"),), {"from_": A, **HANDING}),
        (stranger().send, (write_status(status(B, A, number, "03")),), {"from_": B, **REPORTING}),
        (stranger().get_edoc, (), {"docId": there}),
        (stranger().update_status, (), {"docId": there, "status": "done"}),
        (stranger().get_sent, (), {"docId": doc_id, **HANDING}),
        (stranger().download, (tmp_path,), {"docId": there}),
        (stranger().get_received, (), HANDING),
        (stranger().get_received, (), REPORTING),
        (stranger().count_documents, (), HANDING),
        (stranger().count_statuses, (), REPORTING),
    ]
    for call, words, headers in calls[:5]:
        said = await asked(call, *words, **headers)
        assert said["ErrorCode"] != "0", (call.__name__, said)
    for call, words, headers in calls[5:]:
        await asked(call, *words, **headers)
        told = call.__self__.replies[-1][1]  # type: ignore[attr-defined]
        for ours in (there, doc_id, f"{number}/UBND-VP"):
            assert ours.encode() not in told, (call.__name__, told)
    waiting = [each for each in await axis.listed(B) if each["docId"] == there]
    assert ["initial"] == [each["status"] for each in waiting]
    kept = "SELECT count(*) FROM handover WHERE printed_number = $1"
    assert not await axis.line.database.fetchval(kept, f"9{number}")


async def test_a_word_that_means_nothing_is_refused_by_name(axis: Axis) -> None:
    there = await axis.waiting(B, await axis.sent(letter(A, [B], "2009"), A))
    client = axis.client(B)
    assert ("22", "body-invalid") == await refused(client.update_status, docId=there, status="ok")
    assert ("22", "body-invalid") == await refused(client.get_received, messagetype="letters")
    assert ("15", "header-missing") == await refused(axis.client(B).get_edoc)
    assert ("22", "body-invalid") == await refused(client.register_agency, '{"mail":cc""}')


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [("POST", "/vxp/getEverything", 404), ("DELETE", "/vxp/sendEdoc", 405), ("GET", "/vxp", 404)],
)
async def test_a_call_that_does_not_exist_is_answered_in_the_shape_of_the_reference(
    axis: Axis, verb: str, path: str, status: int
) -> None:
    async with httpx.AsyncClient(follow_redirects=True) as plain:
        answer = await plain.request(verb, axis.url + path)
    said = answer.json()
    assert status == answer.status_code
    assert ("FAIL", "22") == (said["status"], said["ErrorCode"])


async def test_a_call_without_headers_is_refused_in_the_shape_of_the_reference(axis: Axis) -> None:
    async with httpx.AsyncClient() as plain:
        for method in ("getReceivedEdocList", "sendEdoc", "getEdoc", "countReceiveEdoc"):
            said = (await plain.post(f"{axis.url}/vxp/{method}", content=b"{}")).json()
            assert ("FAIL", "15") == (said["status"], said["ErrorCode"])


async def test_a_body_that_breaks_off_leaves_nothing_behind(axis: Axis) -> None:
    packet = letter(A, [B], "2011")
    client = axis.client(A)
    for name, value in (HANDING | {"from": A, "hash-file": "x"}).items():
        client.headers.put(name, value)
    head = "".join(f"{name}: {value}\r\n" for name, value in client.signed_headers())
    where = urlsplit(axis.url)
    request = (
        f"POST /vxp/sendEdoc HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(packet)}\r\n\r\n"
    )

    def break_off() -> bytes:
        with socket.create_connection((where.hostname, where.port), 10) as line:
            line.sendall(request.encode() + packet[:200])
            line.shutdown(socket.SHUT_WR)
            return line.recv(100)

    await asyncio.to_thread(break_off)
    assert not await axis.line.database.fetchval(
        "SELECT count(*) FROM handover WHERE printed_number = '2011'"
    )
    assert await axis.sent(packet, A)


async def test_what_was_done_and_what_was_refused_is_written_down(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "2012"), A)
    there = await axis.waiting(B, doc_id)
    await done(axis.client(B).get_edoc, docId=there)
    await done(axis.client(B).update_status, docId=there, status="done")
    assert ("10", "not-found") == await refused(axis.client(C).get_edoc, docId=there)

    async def written(where: str, *values: object) -> list[tuple[str, ...]]:
        query = f"SELECT organ, action, outcome FROM access_audit WHERE {where} ORDER BY id"
        return [tuple(row) for row in await axis.line.database.fetch(query, *values)]

    assert [
        (A, "hand-over", "done"),
        (B, "take-content", "done"),
        (B, "answer", "done"),
    ] == await written("subject = ANY($1) AND outcome = 'done'", [doc_id, there])
    assert (C, "read-delivery", "refused") in await written("outcome = 'refused'")


METHODS = (
    *("sendEdoc", "getReceivedEdocList", "getSentEdocList", "getEdoc", "updateStatus"),
    *("countReceiveEdoc", "countReceiveStatus", "getAgenciesList", "registerAgency"),
    *("deleteAgency", "getSynchronizeUnit"),
)
NAMES = (
    *("docId", "docid", "status", "messagetype", "servicetype", "from", "to", "hash-file"),
    *("AgencyCode", "filePath", "timestamp", "systemid", "x"),
)


async def test_whatever_is_asked_the_answer_has_the_shape_of_the_reference_and_is_no_crash(
    axis: Axis,
) -> None:
    chance = random.Random(17)
    there = await axis.waiting(B, await axis.sent(letter(A, [B], "2013"), A))
    words = [
        "",
        "edoc",
        "status",
        "done",
        there,
        A,
        "../../etc/passwd",
        "0" * 64,
        "a" * 3000,
        "a\tb",
        "Lý do",
    ]
    words += ["25112020T110653+0000", "[]", '"', "00000000-0000-0000-0000-000000000000", "'; --"]
    bodies = [b"", b"{}", b"[]", b"\0\xff" * 99, letter(A, [B], "2014"), b"<edXML>", b"[" * 9999]
    async with httpx.AsyncClient(timeout=30) as plain:
        for _ in range(250):
            client = axis.client(chance.choice([A, B, C]))
            for name in chance.sample(NAMES, chance.randint(0, 6)):
                if name not in ("timestamp", "systemid") or chance.random() < 0.2:
                    client.headers.put(name, chance.choice(words))
            method, body = chance.choice(METHODS), chance.choice(bodies)
            headers = [(name.encode(), text.encode()) for name, text in client.signed_headers()]
            answer = await plain.post(f"{client.endpoint}/{method}", content=body, headers=headers)
            said = answer.json()
            assert answer.status_code == 200, (method, said)
            assert {"status", "ErrorCode", "ErrorDesc"} <= said.keys()
            assert (said["status"] == "OK") == (said["ErrorCode"] == "0")
            assert said["ErrorCode"] not in ("20", "21"), (method, said)
            assert method != "sendEdoc" or "DocId" in said
