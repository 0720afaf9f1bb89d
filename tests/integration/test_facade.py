"""The façade, driven as the official client of the axis does, over HTTP, on real stores."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from hoatoc.domain.access import Role
from hoatoc.domain.edxml import read_packet, read_status, write_packet, write_status
from hoatoc.domain.event import StatusReported, TransportAcknowledged
from hoatoc.domain.packet import RECALL
from hoatoc.testing.agency import letter
from hoatoc.testing.axis import (
    HANDING,
    REPORTING,
    Axis,
    asked,
    axis_on,
    done,
    paired,
    status,
)
from hoatoc.testing.line import ORGANS, NewLine, eventually

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


@pytest.fixture(scope="module")
async def axis(new_line: NewLine) -> AsyncIterator[Axis]:
    async with new_line() as line, axis_on(line) as made:
        yield made


async def said_of(axis: Axis, doc_id: str, of: type = TransportAcknowledged) -> list[str]:
    """Return what stands in the log of a dispatch, by the words of the answers."""
    log = await axis.line.events("deliveries", of)
    words = [each for each in log if str(each.dispatch_id) == doc_id]
    return [getattr(each, "outcome", None) or each.code for each in words]


async def test_a_document_goes_from_one_official_client_to_another_and_is_acknowledged(
    axis: Axis, tmp_path: Path
) -> None:
    packet = letter(A, [B], "1001")
    doc_id = await axis.sent(packet, A)
    there = await axis.waiting(B, doc_id)
    client = axis.client(B)
    (entry,) = (each for each in await axis.listed(B) if each["docId"] == there)
    assert (A, B, "edoc", "initial") == tuple(
        entry[name] for name in ("from", "to", "messageType", "status")
    )
    got = await asked(client.get_edoc, docId=there)
    assert packet.decode() == got["data"]
    kept = await asked(client.download, tmp_path, docId=there)
    assert packet == Path(kept["filePath"]).read_bytes()
    assert 1 <= (await asked(client.count_documents))["count"]
    said = await asked(client.update_status, docid=there, status="done")
    assert "0" == said["ErrorCode"]
    assert there not in [each["docId"] for each in await axis.listed(B)]
    assert ["done"] == await said_of(axis, doc_id)


async def test_a_document_sent_twice_for_want_of_an_answer_is_one(axis: Axis) -> None:
    packet = letter(A, [B, C], "1002")
    first = await axis.sent(packet, A)
    assert first == await axis.sent(packet, A)
    query = "SELECT count(*) FROM handover WHERE printed_number = '1002'"
    assert 1 == await axis.line.database.fetchval(query)


async def test_a_recipient_at_work_keeps_its_document_in_the_list(axis: Axis) -> None:
    there = await axis.waiting(B, await axis.sent(letter(A, [B], "1003"), A))
    await asked(axis.client(B).update_status, docId=there, status="processing")
    (entry,) = (each for each in await axis.listed(B) if each["docId"] == there)
    assert "processing" == entry["status"]


async def test_what_is_being_worked_on_hides_nothing_that_came_later(axis: Axis) -> None:
    first = await axis.waiting(B, await axis.sent(letter(A, [B], "1018"), A))
    await asked(axis.client(B).update_status, docId=first, status="processing")
    later = await axis.waiting(B, await axis.sent(letter(A, [B], "1019"), A))
    listed = [each["docId"] for each in await axis.listed(B)]
    assert listed.index(later) < listed.index(first)


async def test_f5_a_fail_of_what_was_done_before_changes_nothing(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1004"), A)
    there = await axis.waiting(B, doc_id)
    for word in ("done", "fail", "done", "processing"):
        said = await asked(axis.client(B).update_status, docId=there, status=word)
        assert "0" == said["ErrorCode"]
    assert ["done"] == await said_of(axis, doc_id)


async def test_a_document_that_could_not_be_taken_leaves_the_list_and_is_told(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1005"), A)
    there = await axis.waiting(B, doc_id)
    await asked(axis.client(B).update_status, docId=there, status="fail")
    assert there not in [each["docId"] for each in await axis.listed(B)]
    assert ["fail"] == await said_of(axis, doc_id)
    (row,) = (await asked(axis.client(A).get_sent, docId=doc_id))["data"]
    assert ("done", "fail") == (row["sendStatus"], row["receiveStatus"])


async def test_a_status_goes_back_to_the_sender_as_a_packet(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1006"), A)
    await axis.waiting(B, doc_id)
    await axis.listed(A, "status")
    packet = write_status(status(B, A, "1006", "03", "Văn thư đã vào sổ"))
    fact = await axis.reported(packet, B)
    assert fact == await axis.reported(packet, B)
    entry = await axis.status_of(A, doc_id)
    assert (B, A, "status") == (entry["from"], entry["to"], entry["messageType"])
    client = axis.client(A)
    got = read_status((await asked(client.get_edoc, docId=entry["docId"]))["data"].encode())
    name = next(organ.name for organ in ORGANS if organ.code == B)
    assert ("03", "Văn thư đã vào sổ", B, name, A, "1006/UBND-VP") == (
        got.code,
        got.description,
        got.sender.code,
        got.sender.name,
        got.response_for.organ,
        got.response_for.code,
    )
    assert 1 <= (await asked(client.count_statuses))["count"]
    await asked(client.update_status, docId=entry["docId"], status="done")
    assert entry["docId"] not in [each["docId"] for each in await axis.listed(A, "status")]
    assert {"03"} == set(await said_of(axis, doc_id, StatusReported))
    (row,) = (await asked(client.get_sent, docId=doc_id))["data"]
    assert "done" == row["receiveStatus"]
    assert "03" in row["receiveStatusDesc"]
    assert (await asked(axis.client(B).get_sent, docId=fact))["status"] == "OK"


async def test_f8_a_code_that_nobody_knows_is_kept_and_told_to_nobody(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1007"), A)
    await axis.waiting(B, doc_id)
    await axis.listed(A, "status")
    await axis.reported(write_status(status(B, A, "1007", "999")), B)
    await axis.reported(write_status(status(B, A, "1007", "05")), B)
    entry = await axis.status_of(A, doc_id)
    got = await asked(axis.client(A).get_edoc, docId=entry["docId"])
    assert "05" == read_status(got["data"].encode()).code
    assert {"999", "05"} == set(await said_of(axis, doc_id, StatusReported))
    assert [entry["docId"]] == [each["docId"] for each in await axis.about(A, doc_id)]


async def test_a_copy_is_taken_back_by_status_13_and_given_back_by_15(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1008"), A)
    await axis.waiting(B, doc_id)
    await axis.listed(A, "status")
    await axis.reported(write_status(status(A, B, "1008", "13", "Gửi nhầm")), A)
    entry = await axis.status_of(B, doc_id)
    got = await asked(axis.client(B).get_edoc, docId=entry["docId"])
    asking = read_status(got["data"].encode())
    assert ("13", "Gửi nhầm", A, B) == (
        asking.code,
        asking.description,
        asking.sender.code,
        asking.response_for.organ,
    )
    await asked(axis.client(B).update_status, docId=entry["docId"], status="done")
    assert entry["docId"] not in [each["docId"] for each in await axis.listed(B, "status")]
    await axis.reported(write_status(status(B, A, "1008", "15")), B)
    back = await axis.status_of(A, doc_id)
    agreed = await asked(axis.client(A).get_edoc, docId=back["docId"])
    assert "15" == read_status(agreed["data"].encode()).code


async def test_f12_a_recall_with_code_and_organ_swapped_finds_its_copy(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1009"), A)
    await axis.waiting(B, doc_id)
    straight = write_status(status(A, B, "1009", "13"))
    mark, organ = b">1009/UBND-VP<", f">{B}<".encode()
    swapped = straight.replace(organ, b">@<").replace(mark, organ).replace(b">@<", mark)
    assert swapped != straight
    await axis.reported(swapped, A)
    assert await axis.status_of(B, doc_id)


async def test_f7_a_revocation_reaches_the_recipient_as_a_packet_and_leaves_when_taken(
    axis: Axis,
) -> None:
    first = letter(A, [B], "1010")
    await axis.waiting(B, await axis.sent(first, A))
    there = {each["docId"] for each in await axis.listed(B)}
    named = read_packet(first)
    revocation = replace(
        named, business_type=RECALL, business_document_id=named.document_id, attachments=()
    )
    await axis.sent(write_packet(revocation), A)

    async def arrived() -> str | None:
        fresh = [each["docId"] for each in await axis.listed(B) if each["docId"] not in there]
        return fresh[0] if fresh else None

    doc_id = await eventually(arrived)
    got = await asked(axis.client(B).get_edoc, docId=doc_id)
    assert RECALL == read_packet(got["data"].encode()).business_type
    for _ in range(2):
        said = await asked(axis.client(B).update_status, docId=doc_id, status="done")
        assert "0" == said["ErrorCode"]
    assert doc_id not in [each["docId"] for each in await axis.listed(B)]


async def test_one_object_for_every_call_asks_what_it_means(axis: Axis) -> None:
    client = axis.client(B)
    for number in ("1011", "1012"):
        await axis.waiting(B, await axis.sent(letter(A, [B], number), A))
    ids = [each["docId"] for each in await axis.listed(B)][-2:]
    for doc_id in ids:  # both are fetched before one is acknowledged
        await asked(client.get_edoc, docId=doc_id, filePath="xml")
    await asked(client.update_status, docid=ids[0], status="done")
    left = [each["docId"] for each in await axis.listed(B)]
    assert (False, True) == (ids[0] in left, ids[1] in left)
    sent = await asked(client.send, letter(B, [C], "1013"), from_=B, **HANDING)
    assert "0" == sent["ErrorCode"]
    listed = await asked(client.get_received, servicetype="eDoc", messagetype="edoc")
    assert ids[1] in [each["docId"] for each in listed["data"]]
    rows = await asked(client.get_sent, servicetype="eDoc", messagetype="edoc")
    assert sent["DocId"] in [each["senderDocId"] for each in rows["data"]]
    assert "0" == (await asked(client.count_documents))["ErrorCode"]
    assert "0" == (await asked(client.get_agencies))["ErrorCode"]


async def test_a_timestamp_made_weeks_ago_is_that_of_an_object_made_weeks_ago(axis: Axis) -> None:
    made = datetime.now(UTC) - timedelta(days=21)
    said = await asked(axis.client(B, made=made).count_documents)
    assert "0" == said["ErrorCode"]


async def test_f2_what_became_of_a_hand_over_without_an_answer_is_in_the_list_of_what_was_sent(
    axis: Axis,
) -> None:
    doc_id = await axis.sent(letter(A, [B, C], "1014"), A)
    rows = (await asked(axis.client(A).get_sent, servicetype="eDoc", messagetype="edoc"))["data"]
    mine = [each for each in rows if each["notation"] == "1014/UBND-VP"]
    assert {(doc_id, B), (doc_id, C)} == {(each["senderDocId"], each["toCode"]) for each in mine}


async def test_f4_what_the_axis_took_has_not_arrived(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B], "1015"), A)
    there = await axis.waiting(B, doc_id)
    (row,) = (await asked(axis.client(A).get_sent, docId=doc_id))["data"]
    assert ("done", "initial", "", there) == (
        row["sendStatus"],
        row["receiveStatus"],
        row["receivedTime"],
        row["receiverDocId"],
    )


async def test_a_file_sent_as_the_part_of_a_multipart_body_is_the_same_file(axis: Axis) -> None:
    packet = letter(A, [B], "1016")
    client = axis.client(A)
    for name, value in (HANDING | {"from": A}).items():
        client.headers.put(name, value)
    boundary = "----x"
    client.headers.put("Content-Type", f"multipart/form-data; boundary={boundary}")
    client.headers.put("hash-file", sha256(packet).hexdigest())
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file_doc"; filename="a"\r\n\r\n'
    body = head.encode() + packet + f"\r\n--{boundary}--\r\n".encode()
    async with httpx.AsyncClient() as plain:
        answer = await plain.post(
            f"{client.endpoint}/sendEdoc", content=body, headers=client.signed_headers()
        )
    assert "0" == answer.json()["ErrorCode"], answer.text
    assert answer.json()["DocId"] == await axis.sent(packet, A)


async def test_agencies_are_listed_under_both_schemes(axis: Axis) -> None:
    client = axis.client(A)
    axis_codes = (await asked(client.get_agencies))["data"]
    later = (await asked(client.get_agencies_2020))["data"]
    units = (await asked(client.get_units))["data"]
    assert "000.00.00.G01" in [each["code"] for each in axis_codes]
    assert ("G01", "000.00.00.G01") in [(each["code"], each["code102"]) for each in later]
    assert {"false"} == {each["deleted"] for each in units}


async def test_an_agency_is_registered_and_changed_and_nothing_is_deleted(axis: Axis) -> None:
    await paired(axis.line, A, Role.ADMINISTRATOR, system_id="admin")
    client = axis.client("admin")
    body = '{"id":"","pcode":"%s","code":"%s.77","name":"%s","mail":"a@b.example","mobile":"1"}'
    for name in ("Cục Thử nghiệm", "Cục Thử nghiệm mới"):
        said = await asked(client.register_agency, body % (A, A, name))
        assert "0" == said["ErrorCode"], said
    below = '{"pcode":"%s.77","code":"%s.77.01","name":"Phòng","mail":"c@d.example","mobile":"2"}'
    renamed = '{"code":"%s.77.01","name":"Phòng mới"}'
    for body in (below % (A, A), renamed % (A,)):
        await asked(client.register_agency, body)
    found = {each["code"]: each for each in (await asked(client.get_agencies_2020))["data"]}
    changed = found[f"{A}.77.01"]
    assert ("Phòng mới", f"{A}.77", "c@d.example") == (
        changed["name"],
        changed["pid"],
        changed["mail"],
    )
    assert ("Cục Thử nghiệm mới", A) == (found[f"{A}.77"]["name"], found[f"{A}.77"]["pid"])
    foreign = '{"code":"%s.77","name":"Văn phòng của cơ quan khác"}'
    for code in (B, "X99"):
        said = await asked(client.register_agency, foreign % code)
        assert ("22", True) == (said["ErrorCode"], f"{A}.<…>" in said["ErrorDesc"]), said
    assert (
        "22" == (await asked(client.register_agency, '{"code":"A","name":"\\ud800"}'))["ErrorCode"]
    )
    for _ in range(2):
        await done(client.delete_agency, f"{A}.77")
    query = "SELECT valid_to IS NOT NULL FROM organ WHERE code = $1"
    assert await axis.line.database.fetchval(query, f"{A}.77")
    refused = await asked(axis.client(B).delete_agency, f"{A}.77")
    assert "19" == refused["ErrorCode"]


async def test_a_status_packet_about_nothing_that_was_sent_is_refused_by_name(axis: Axis) -> None:
    packet = write_status(status(B, A, "9999", "03"))
    said = await asked(axis.client(B).send, packet, from_=B, **REPORTING)
    assert ("FAIL", "10", "") == (said["status"], said["ErrorCode"], said["DocId"])
    assert said["ErrorDesc"].startswith("not-found: ")


async def test_f6_the_document_sent_again_to_some_gives_nobody_a_second_copy(axis: Axis) -> None:
    doc_id = await axis.sent(letter(A, [B, C], "1017"), A)
    again = await asked(axis.client(A).send, letter(A, [C], "1017"), from_=A, **HANDING)
    assert "22" == again["ErrorCode"]
    assert again["ErrorDesc"].startswith("document-conflict: ")
    assert doc_id == await axis.sent(letter(A, [B, C], "1017"), A)
    there = await axis.waiting(B, doc_id)
    assert 1 == [each["docId"] for each in await axis.listed(B)].count(there)
