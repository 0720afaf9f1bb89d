"""The gateway: documents handed over and asked after by HTTP."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest

from hoatoc.domain.content import whole
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_status
from hoatoc.domain.event import StatusReported, Tick, TransportAcknowledged
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import EDXML, Door
from hoatoc.testing.line import ORGANS, eventually
from producers.gateway import standing

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


async def test_a_document_handed_over_is_a_dispatch_that_its_sender_can_ask_after(
    door: Door,
) -> None:
    packet = letter(A, [B, C], "101")
    answer = await door.hand_over(packet, A)
    assert 201 == answer.status_code, answer.text
    said = answer.json()
    assert (True, A, "101", {B, C}) == (
        said["new"],
        said["sender"],
        said["number"],
        {copy["recipient"] for copy in said["recipients"]},
    )
    again = await door.hand_over(packet, A)
    assert (200, False, said["dispatch_id"]) == (
        again.status_code,
        again.json()["new"],
        again.json()["dispatch_id"],
    )
    async with door.as_(A) as client:
        shown = (await client.get(f"/v1/dispatches/{said['dispatch_id']}")).json()
    assert sha256(packet).hexdigest() == shown["content_sha256"]
    assert {"unsent"} == {copy["state"] for copy in shown["recipients"]}


async def test_a_copy_is_listed_taken_acknowledged_and_reported(door: Door) -> None:
    packet = letter(A, [B, C], "102")
    said = await door.send(packet, A)
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
    said = await door.send(packet, A)
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
    await door.send(letter(A, [C], "107"), A)  # what other tests left unsent has come with it
    async with door.as_(C) as client:
        cursor = (await client.get("/v1/inbox", params={"limit": 500})).json()["next"]
        waiting = asyncio.create_task(client.get(f"/v1/inbox?cursor={cursor}&wait=60"))
        said = await door.send(letter(B, [C], "104"), B)
        (entry,) = (await waiting).json()["entries"]
    assert said["dispatch_id"] == entry["dispatch_id"]


async def test_a_stream_goes_on_behind_the_last_event(door: Door) -> None:
    first = await door.send(letter(A, [C], "105"), A)
    second = await door.send(letter(A, [C], "106"), A)
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
    parts = ("database", "broker", "content", "disk")
    assert (200, dict.fromkeys(parts, "ready")) == (ready.status_code, ready.json()["parts"])


FORM = {
    "sender": {"code": A, "name": "Cơ quan A"},
    "recipients": [{"code": B}, {"code": C}],
    "number": "201",
    "notation": "UBND-VP",
    "promulgated": "2021-03-02",
    "subject": "Công văn gửi bằng JSON",
    "signer": {"full_name": "Nguyễn Văn A"},
}


async def test_a_document_may_come_as_json_and_files(door: Door) -> None:
    big = b"".join(b"line %d of a text that is long\n" % n for n in range(20_000))
    files = [("files", ("a.txt", b"text", "text/plain")), ("files", ("b.txt", big, "text/plain"))]
    async with door.as_(A) as client:
        answers = [
            await client.post("/v1/documents", data={"document": json.dumps(FORM)}, files=files)
            for _ in range(2)
        ]
    assert [201, 200] == [a.status_code for a in answers], answers[0].text
    said = answers[0].json()
    assert f"{A},2021/03/02,201/UBND-VP" == said["document_id"]
    assert said["dispatch_id"] == answers[1].json()["dispatch_id"]
    path = f"/v1/deliveries/{said['recipients'][0]['delivery_id']}"
    async with door.as_(A) as client:
        packet = (await client.get(f"{path}/content")).content
        part = await client.get(f"{path}/content", headers={"Range": "bytes=300000-300099"})
    read = read_packet(packet, limit=LARGEST_PACKET_BYTES)
    assert [("a.txt", b"text"), ("b.txt", big)] == [
        (each.name, whole(each.content)) for each in read.attachments
    ]
    assert packet[300_000:300_100] == part.content


async def test_a_form_is_held_against_its_digest(door: Door) -> None:
    document = {
        "sender": {"code": A},
        "recipients": [{"code": B}],
        "number": "150",
        "notation": "UBND-VP",
        "promulgated": "2021-03-02",
        "subject": "Trích yếu",
        "signer": {"full_name": "Nguyễn Văn A"},
    }
    form = {"data": {"document": json.dumps(document)}, "files": NO_FILE}
    async with door.as_(A) as client:
        made = client.build_request("POST", "/v1/documents", **form)  # type: ignore[arg-type]
        body = made.read()
        answers = []
        for digest in (sha256(b"other").digest(), sha256(body).digest()):
            told = {"Content-Digest": f"sha-256=:{b64encode(digest).decode()}:"}
            kind = {"Content-Type": made.headers["content-type"]}
            answers.append(await client.post("/v1/documents", content=body, headers=told | kind))
    assert [422, 201] == [answer.status_code for answer in answers]
    assert "digest-mismatch" == answers[0].json()["code"]


async def test_a_form_without_what_it_needs_is_refused_by_its_field(door: Door) -> None:
    async with door.as_(A) as client:
        wrong = {**FORM, "number": ""}
        answers = [
            await client.post("/v1/documents", data={"document": json.dumps(wrong)}, files=NO_FILE),
            await client.post("/v1/documents", data={"other": "{}"}, files=NO_FILE),
        ]
    assert [(422, "form-invalid", "document.number"), (422, "form-invalid", "document")] == [
        (a.status_code, a.json()["code"], a.json()["field"]) for a in answers
    ]


NO_FILE = [("files", ("a.txt", b"text", "text/plain"))]


async def test_a_key_given_for_one_request_is_refused_for_another(door: Door) -> None:
    key = {"Idempotency-Key": "k-1"}
    packet = letter(A, [B], "110")
    first = await door.hand_over(packet, A, **key)
    again = await door.hand_over(packet, A, **key)
    other = await door.hand_over(letter(A, [B], "111"), A, **key)
    elsewhere = await door.hand_over(letter(B, [C], "112"), B, **key)
    assert [201, 200, 422, 201] == [a.status_code for a in (first, again, other, elsewhere)]
    assert first.json()["dispatch_id"] == again.json()["dispatch_id"]
    assert "key-reused" == other.json()["code"]


async def test_the_key_of_a_refused_request_may_be_used_for_the_corrected_one(door: Door) -> None:
    key = {"Idempotency-Key": "k-2"}
    refused = await door.hand_over(b"<not-edxml/>", A, **key)
    corrected = await door.hand_over(letter(A, [B], "113"), A, **key)
    assert [422, 201] == [refused.status_code, corrected.status_code]


async def test_a_key_by_which_something_was_handed_over_is_that_of_nothing_else(
    door: Door,
) -> None:
    key = {"Idempotency-Key": "k-3"}
    first = await door.hand_over(letter(A, [B], "130"), A, **key)
    urgent = await door.hand_over(letter(A, [B], "130"), A, **key, **{"Hoatoc-Priority": "2"})
    other = await door.hand_over(letter(A, [B], "131"), A, **key)
    assert [201, 422, 422] == [a.status_code for a in (first, urgent, other)]
    assert ["priority-mismatch", "key-reused"] == [a.json()["code"] for a in (urgent, other)]


async def test_another_content_under_a_number_shows_both_sides(door: Door) -> None:
    first = await door.hand_over(letter(A, [B], "114"), A)
    other = await door.hand_over(letter(A, [B], "114", b"another text"), A)
    assert (409, "document-conflict") == (other.status_code, other.json()["code"])
    assert "application/problem+json" == other.headers["content-type"]
    assert "114" in other.json()["detail"]
    sides = other.json()["sides"]
    assert first.json()["dispatch_id"] == sides["earlier"]["dispatch_id"]
    assert sides["earlier"]["packet_sha256"] != sides["now"]["packet_sha256"]
    assert (A, 1) == (sides["now"]["sender"], sides["now"]["recipients"])


async def test_what_is_handed_over_in_the_name_of_another_is_refused(door: Door) -> None:
    other = await door.hand_over(letter(B, [C], "115"), A)
    assert (403, "sender-mismatch") == (other.status_code, other.json()["code"])


async def test_the_checks_say_what_they_found(door: Door) -> None:
    unknown = await door.hand_over(letter(A, ["H99"], "116"), A)
    said = unknown.json()
    assert (422, "check-failed") == (unknown.status_code, said["code"])
    assert "recipient-unknown" in {finding["code"] for finding in said["findings"]}


async def test_a_digest_that_does_not_fit_is_refused_and_nothing_is_kept(door: Door) -> None:
    packet = letter(A, [B], "117")
    wrong = b64encode(sha256(b"other").digest()).decode()
    right = b64encode(sha256(packet).digest()).decode()
    digests = (f"sha-256=:{wrong}:", "sha-256=?", f"sha-256=:{right}:")
    answers = [await door.hand_over(packet, A, **{"Content-Digest": each}) for each in digests]
    assert [422, 422, 201] == [a.status_code for a in answers]
    assert ["digest-mismatch", "digest-invalid"] == [a.json()["code"] for a in answers[:2]]


async def test_a_document_is_asked_back_and_sent_again(door: Door) -> None:
    said = await door.send(letter(A, [B, C], "118"), A)
    path = f"/v1/dispatches/{said['dispatch_id']}"
    async with door.as_(A) as client:
        no_reason = await client.post(f"{path}/recall", json={"reason": " "})
        stranger = await client.post(f"{path}/recall", json={"reason": "x", "recipients": [D]})
        asked = await client.post(f"{path}/recall", json={"reason": "Nhầm", "recipients": [B]})
        again = await client.post(f"{path}/recall", json={"reason": "Nhầm", "recipients": [B]})
        early = await client.post(f"{path}/resend", json={"recipients": [C]})
        shown = (await client.get(path)).json()
    assert [422, 422, 202, 202, 409] == [
        a.status_code for a in (no_reason, stranger, asked, again, early)
    ]
    assert ([B], [], [B]) == (asked.json()["asked"], again.json()["asked"], again.json()["again"])
    assert ["not-resent", "no-copy"] == [early.json()["code"], stranger.json()["code"]]
    assert [([B], "Nhầm")] == [(r["asked"], r["reason"]) for r in shown["recalls"]]


async def test_a_copy_that_failed_is_sent_again_once_under_its_key(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await door.send(letter(A, [B], "119"), A)
    copy = said["recipients"][0]["delivery_id"]
    async with door.line.program("ledger"), door.as_(B) as recipient, door.as_(A) as sender:
        fail = {"outcome": "fail", "reason": "hỏng"}
        await recipient.post(f"/v1/deliveries/{copy}/acknowledgement", json=fail)

        async def failed() -> bool:
            found = (await sender.get(f"/v1/deliveries/{copy}")).json()
            return bool(found["state"] == "receive-failed")

        await eventually(failed, what="the failure in the books")
        backlog = (await sender.get("/v1/backlog")).json()
        assert copy in [each["delivery_id"] for each in backlog["as_sender"]]
        assert not backlog["more"]
        monkeypatch.setattr(standing, "MOST_LEFT", 0)
        few = (await sender.get("/v1/backlog")).json()
        assert ([], True) == (few["as_sender"], few["more"])
        counts = (await sender.get("/v1/counts")).json()
        assert counts["as_sender"]["states"]["receive-failed"] >= 1
        path = f"/v1/dispatches/{said['dispatch_id']}"
        found = (await sender.get("/v1/dispatches?state=receive-failed&q=119/UBND")).json()
        assert [said["dispatch_id"]] == [each["dispatch_id"] for each in found["items"]]
        timeline = (await sender.get(f"{path}/timeline")).json()["events"]
        assert "TransportAcknowledged" in [each["type"] for each in timeline]
        key = {"Idempotency-Key": "resend-1"}
        wanted = {"recipients": [B]}
        first = await sender.post(f"{path}/resend", json=wanted, headers=key)
        again = await sender.post(f"{path}/resend", json=wanted, headers=key)
        without = await sender.post(f"{path}/resend", json=wanted)
    assert [201, 201, 409] == [a.status_code for a in (first, again, without)]
    assert first.json() == again.json()


async def test_a_receipt_is_printed_with_what_stands_in_the_books(door: Door) -> None:
    said = (await door.hand_over(letter(A, [B], "120"), A)).json()
    async with door.as_(A) as client:
        page = await client.get(f"/v1/dispatches/{said['dispatch_id']}/receipt")
    assert "text/html" in page.headers["content-type"]
    for text in ("120/UBND-VP", said["dispatch_id"], ORGANS[1].name, "PHIẾU XÁC NHẬN"):
        assert text in page.text


async def test_a_status_packet_is_reported_for_the_copy_that_it_names(door: Door) -> None:
    said = await door.send(letter(A, [B], "121"), A)
    packet = StatusPacket(
        sender=Party(code=B),
        response_for=ResponseFor(
            organ=A,
            code="121/UBND-VP",
            promulgated=date(2021, 3, 2),
            document_id=f"{A},2021/03/02,121/UBND-VP",
        ),
        code="05",
        description="Đang xử lý",
        at="2026/11/20 08:00:00",
    )
    first, later = (write_status(replace(packet, at=f"2026/11/2{n} 08:00:00")) for n in (0, 5))
    async with door.as_(B) as recipient, door.as_(C) as stranger:
        answers = [
            await recipient.post("/v1/statuses", content=data, headers=EDXML)
            for data in (first, first, later)
        ]
        foreign = await stranger.post("/v1/statuses", content=first, headers=EDXML)
    assert [202, 202, 202, 404] == [a.status_code for a in (*answers, foreign)]
    found = {
        str(event.event_id): event
        for event in await door.line.events("deliveries", StatusReported)
        if str(event.dispatch_id) == said["dispatch_id"]
    }
    assert {a.json()["event_id"] for a in answers} == set(found)
    days = [datetime.fromtimestamp((e.reported_ms or 0) / 1000, UTC) for e in found.values()]
    assert [datetime(2026, 11, day, 1, tzinfo=UTC) for day in (20, 25)] == sorted(days)
    assert {(B, "05")} == {(e.recipient, e.code) for e in found.values()}


async def test_what_became_of_a_document_is_told_to_its_sender(door: Door) -> None:
    said = await door.send(letter(D, [B], "122"), D)
    async with door.line.program("ledger"), door.line.program("alerts"), door.as_(D) as client:
        page = (await client.get("/v1/statuses?wait=60")).json()
    assert said["dispatch_id"] in [entry["dispatch_id"] for entry in page["entries"]]


async def test_a_report_repeated_is_the_same_fact_and_one_made_anew_is_another(door: Door) -> None:
    said = await door.send(letter(A, [B], "124"), A)
    copy = f"/v1/deliveries/{said['recipients'][0]['delivery_id']}/status"
    first, anew = ({"code": "05", "description": f"đến bước {n}"} for n in (1, 2))
    async with door.as_(B) as client:
        ids = [
            (await client.post(copy, json=one)).json()["event_id"] for one in (first, first, anew)
        ]
    assert [True, False] == [ids[0] == ids[1], ids[1] == ids[2]]


@pytest.mark.parametrize(
    ("path", "organ", "told", "words"),
    [
        ("acknowledgement", B, {"outcome": "fail"}, "reason"),
        ("status", B, {"code": "05"}, "description"),
        ("status", A, {"code": "13"}, "description"),
    ],
)
async def test_a_key_of_an_answer_is_that_of_no_other_words(
    door: Door, path: str, organ: str, told: dict[str, str], words: str
) -> None:
    said = await door.send(letter(A, [B], f"14{len(path)}{organ == A:d}"), A)
    place = f"/v1/deliveries/{said['recipients'][0]['delivery_id']}/{path}"
    key = {"Idempotency-Key": "k-5"}
    async with door.as_(organ) as client:
        answers = [
            await client.post(place, json=told | {words: each}, headers=key)
            for each in ("một", "một", "hai")
        ]
    assert [202, 202, 422] == [answer.status_code for answer in answers]
    assert "key-reused" == answers[2].json()["code"]


async def test_another_reason_is_another_acknowledgement(door: Door) -> None:
    said = await door.send(letter(A, [B], "132"), A)
    copy = f"/v1/deliveries/{said['recipients'][0]['delivery_id']}/acknowledgement"
    async with door.as_(B) as client:
        ids = [
            (await client.post(copy, json={"outcome": "fail", "reason": why})).json()["event_id"]
            for why in ("hết đĩa", "hết đĩa", "có mã độc")
        ]
    assert [True, False] == [ids[0] == ids[1], ids[1] == ids[2]]


async def test_a_refusal_states_its_reason(door: Door) -> None:
    said = await door.send(letter(A, [B], "123"), A)
    copy = said["recipients"][0]["delivery_id"]
    async with door.as_(B) as client:
        bare = await client.post(f"/v1/deliveries/{copy}/status", json={"code": "02"})
        unknown = await client.post(f"/v1/deliveries/{copy}/status", json={"code": "07"})
    assert [(422, "reason-missing"), (422, "request-invalid")] == [
        (a.status_code, a.json()["code"]) for a in (bare, unknown)
    ]


async def test_the_registry_is_searched_by_code_and_name(door: Door) -> None:
    async with door.as_(A) as client:
        by_name = (await client.get("/v1/organs", params={"q": ORGANS[1].name.upper()})).json()
        all_ = (await client.get("/v1/organs?limit=3")).json()["items"]
        rest = (await client.get(f"/v1/organs?after={all_[-1]['code']}")).json()["items"]
    assert [B] == [organ["code"] for organ in by_name["items"]]
    assert [o.code for o in ORGANS] == [organ["code"] for organ in (*all_, *rest)]
