"""What strangers send: too long, too slow, cut off, hostile; refused by name, and nothing stays."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.packet import Attachment
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import EDXML, Door, door_on
from hoatoc.testing.line import ORGANS, NewLine, eventually
from producers.gateway import body
from producers.gateway.lane import AT_WORK

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
IDLE_S = 1.0


@pytest.fixture(scope="module")
async def strict(new_line: NewLine) -> AsyncIterator[Door]:
    """Give a gateway that waits for a second, takes a mebibyte, and one hand-over at a time."""
    async with new_line() as line:
        await line.database.execute("UPDATE organ SET locked = true WHERE code = $1", D)
        bounds = {"largest_mb": 1, "in_flight": 1, "urgent_in_flight": 1}
        async with door_on(line, idle_s=IDLE_S, **bounds) as door:
            yield door


@pytest.fixture(autouse=True)
async def _nothing_is_kept(strict: Door) -> AsyncIterator[None]:
    """Hold the books against themselves: whatever a test here sends, nothing of it may stay."""
    before = await rows(strict)
    yield
    assert before == await rows(strict)


async def rows(door: Door) -> list[int]:
    tables = ("handover", "outbox", "idempotency_key", "content")
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return list(await door.line.database.fetchrow(f"SELECT {counts}"))


async def raw(door: Door, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send bytes as they are and return all that comes back until the other side closes."""
    host, _, port = door.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(door: Door, length: int | None, *more: str, organ: str = A) -> bytes:
    """Return the head of a hand-over that says how long its body is."""
    lines = [
        "POST /v1/documents HTTP/1.1",
        "Host: hoatoc",
        f"Authorization: Bearer {door.keys[organ]}",
        "Content-Type: application/edxml+xml",
        *([f"Content-Length: {length}"] if length is not None else []),
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def problem(answer: bytes) -> tuple[int, str]:
    """Return the status and the code of an answer."""
    status, _, rest = answer.partition(b"\r\n")
    body = rest.partition(b"\r\n\r\n")[2]
    return int(status.split()[1]), json.loads(body)["code"]


async def test_a_head_that_does_not_end_is_let_go(strict: Door) -> None:
    assert b"" == await raw(strict, b"POST /v1/documents HTTP/1.1\r\nHost: hoa")


async def test_a_client_that_says_nothing_is_let_go(strict: Door) -> None:
    assert b"" == await raw(strict)


async def test_a_head_without_end_is_let_go(strict: Door) -> None:
    filling = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(200))
    answer = await raw(strict, b"GET /healthz HTTP/1.1\r\n", *[filling] * 3)
    assert b"200 OK" not in answer


async def test_a_body_that_stops_coming_is_refused_by_name(strict: Door) -> None:
    packet = letter(A, [B], "1")
    answer = await raw(strict, head(strict, len(packet), "Connection: close") + packet[:100])
    assert (408, "body-slow") == problem(answer)


async def test_a_body_that_drips_is_refused_though_it_never_stops(
    strict: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "AT_LEAST_S", IDLE_S * 1.1)
    packet = letter(A, [B], "1")
    drops = [bytes([each]) for each in packet[:6]]  # the last of them comes after that time
    start = head(strict, len(packet), "Connection: close")
    answer = await raw(strict, start, *drops, pause_s=IDLE_S / 4)
    assert (408, "body-slow") == problem(answer)


async def test_a_body_that_breaks_off_leaves_nothing(strict: Door) -> None:
    host, _, port = strict.url.removeprefix("http://").partition(":")
    packet = letter(A, [B], "2")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head(strict, len(packet)) + packet[:-10])
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_says_it_is_too_long_is_not_read(strict: Door) -> None:
    answer = await raw(strict, head(strict, 2 * 1024 * 1024, "Connection: close"))
    assert (413, "body-too-large") == problem(answer)


async def test_a_body_that_is_too_long_without_saying_so_is_cut(strict: Door) -> None:
    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    async with strict.as_(A) as client:
        answer = await client.post("/v1/documents", content=without_end(), headers=EDXML)
    assert (413, "body-too-large") == (answer.status_code, answer.json()["code"])


async def test_json_that_is_too_long_is_refused(strict: Door) -> None:
    async with strict.as_(A) as client:
        answer = await client.post(
            f"/v1/dispatches/{'0' * 8}-0000-7000-8000-{'0' * 12}/recall",
            json={"reason": "x" * 2_000_000},
        )
    assert (413, "body-too-large") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 422, "body-empty"),
        (b"<x/>", {"Content-Type": "text/plain"}, 415, "unsupported"),
        (b"not xml", {}, 422, "not-xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', {}, 422, "doctype-forbidden"),
        (b"<x/>", {"Hoatoc-Priority": "9"}, 422, "request-invalid"),
        (b"<x/>", {"Idempotency-Key": ""}, 422, "key-invalid"),
        (b"<x/>", {"Idempotency-Key": "k" * 256}, 422, "request-invalid"),
        (b"<x/>", {"Content-Type": "multipart/form-data"}, 422, "form-invalid"),
        (b"nothing", {"Content-Type": "multipart/form-data; boundary=b"}, 422, "form-invalid"),
    ],
)
async def test_what_is_no_packet_is_refused_by_name(
    strict: Door, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await strict.hand_over(body, A, **headers)
    assert (status, code) == (answer.status_code, answer.json()["code"]), answer.text
    assert answer.headers["x-request-id"]


def with_file(name: str, content: bytes) -> bytes:
    """Return a packet with one file."""
    packet = read_packet(letter(A, [B], "3"))
    file = Attachment(name=name, content_type="application/zip", content=content)
    return write_packet(replace(packet, attachments=(file,)), limit=1024 * 1024)


def zipped(content: bytes, name: str = "a") -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "packet",
    [
        with_file("a.zip", zipped(b"\0" * 50_000_000)),
        with_file("../../a.txt", b"x"),
        with_file("a.zip", zipped(b"root", "../../etc/passwd")),
    ],
    ids=["bomb", "traversal in a name", "traversal in an archive"],
)
async def test_a_hostile_file_is_refused_before_anything_is_kept(
    strict: Door, packet: bytes
) -> None:
    answer = await strict.hand_over(packet, A)
    assert 422 == answer.status_code, answer.text
    assert answer.json()["code"] in ("check-failed", "archive-refused", "secret-suspected")


@pytest.mark.parametrize(
    ("recipient", "found"), [(D, "recipient-locked"), ("X99", "recipient-unknown")]
)
async def test_a_recipient_that_is_locked_or_unknown_is_refused_by_name(
    strict: Door, recipient: str, found: str
) -> None:
    answer = await strict.hand_over(letter(A, [B, recipient], "6"), A)
    problem = answer.json()
    assert (422, "check-failed") == (answer.status_code, problem["code"]), answer.text
    assert found in [finding["code"] for finding in problem["findings"]]


async def test_a_sender_that_is_locked_sends_nothing_new_and_still_looks(strict: Door) -> None:
    answer = await strict.hand_over(letter(D, [A], "7"), D)
    assert (403, "access-denied") == (answer.status_code, answer.json()["code"])
    assert "khóa" in answer.json()["detail"]
    async with strict.as_(D) as client:
        assert 200 == (await client.get("/v1/inbox")).status_code


async def test_an_urgent_lane_is_for_urgent_documents(strict: Door) -> None:
    answer = await strict.hand_over(letter(A, [B], "4"), A, **{"Hoatoc-Priority": "3"})
    assert (422, "priority-mismatch") == (answer.status_code, answer.json()["code"])


async def drip(writer: asyncio.StreamWriter, body: bytes) -> None:
    """Send a body so slowly that its hand-over stays at work, and is not let go."""
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(IDLE_S / 4)


async def test_a_full_lane_sends_the_next_away_and_lets_the_urgent_pass(strict: Door) -> None:
    """Two organs hold the normal lane: one at work, one waiting its turn."""
    packet = letter(A, [B], "5")
    host, _, port = strict.url.removeprefix("http://").partition(":")
    held = [(await asyncio.open_connection(host, int(port)))[1] for _ in range(2)]
    for writer, organ in zip(held, (A, B), strict=True):
        writer.write(head(strict, len(packet), organ=organ))
    dripping = [asyncio.create_task(drip(writer, packet)) for writer in held]
    try:

        async def is_full() -> bool:
            (metric,) = AT_WORK.collect()
            return 2 in [each.value for each in metric.samples if "normal" in each.labels.values()]

        await eventually(is_full, what="a full lane")
        sent_away = await strict.hand_over(b"<x/>", C)
        own = await strict.hand_over(b"<x/>", A)
        urgent = await strict.hand_over(b"<x/>", A, **{"Hoatoc-Priority": "3"})
    finally:
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
        for writer in held:
            writer.close()
    assert [(429, "lane-full"), (429, "many-at-once")] == [
        (answer.status_code, answer.json()["code"]) for answer in (sent_away, own)
    ]
    assert int(sent_away.headers["retry-after"]) >= 1
    assert 422 == urgent.status_code


@pytest.mark.parametrize("path", ["/healthz", "/vxp/getReceivedEdocList"])
async def test_what_is_no_request_is_answered_by_what_every_client_can_read(
    strict: Door, path: str
) -> None:
    answer = await raw(strict, f"POST {path} HTTP/1.1\r\nHost: h\r\nX-A: a\x01b\r\n\r\n".encode())
    assert (400, "request-unreadable") == problem(answer)
    assert answer.isascii()


NOBODY = UUID(int=1)


@pytest.mark.parametrize(
    ("path", "said", "field"),
    [
        (f"deliveries/{NOBODY}/acknowledgement", {"outcome": "fail", "reason": "a\0"}, "reason"),
        (f"deliveries/{NOBODY}/status", {"code": "13", "description": "a\0"}, "description"),
        (f"deliveries/{NOBODY}/status", {"code": "05", "description": "\ud800"}, "description"),
        (
            f"deliveries/{NOBODY}/status",
            {"code": "05", "reported_at": "2026-11-29T10:00:00"},
            "reported_at",
        ),
        (f"dispatches/{NOBODY}/recall", {"reason": "a\0"}, "reason"),
        (f"dispatches/{NOBODY}/recall", {"reason": "a", "recipients": ["\0"]}, "recipients"),
        (f"dispatches/{NOBODY}/resend", {"recipients": ["\0"]}, "recipients"),
        ("documents?declared_open_by=%00", {}, "declared_open_by"),
    ],
)
async def test_a_text_that_cannot_be_kept_is_refused_by_its_field(
    strict: Door, path: str, said: dict[str, object], field: str
) -> None:
    async with strict.as_(A) as client:
        as_json = {"Content-Type": "application/json"}
        answer = await client.post(f"/v1/{path}", content=json.dumps(said), headers=as_json)
    told = answer.json()
    assert (422, "request-invalid") == (answer.status_code, told["code"]), answer.text
    assert field in told["field"]


async def test_a_text_with_nul_is_looked_for_nowhere(strict: Door) -> None:
    async with strict.as_(A) as client:
        answer = await client.get("/v1/dispatches", params={"q": "a\0"})
    assert (422, "request-invalid") == (answer.status_code, answer.json()["code"])


async def test_a_cursor_that_was_not_given_out_is_refused(strict: Door) -> None:
    async with strict.as_(B) as client:
        found = [await client.get("/v1/inbox", params={"cursor": c}) for c in ("x", "-1", "999")]
    assert [(422, "cursor-invalid"), (422, "cursor-invalid"), (409, "cursor-ahead")] == [
        (a.status_code, a.json()["code"]) for a in found
    ]
