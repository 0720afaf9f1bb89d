"""The interface of the national axis: headers, digests, timestamps, refusals, replies."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.check import CheckFailed
from hoatoc.domain.credential import Pair
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.error import OurFault, PeerFault, Unavailable, name_of
from hoatoc.domain.packet import PacketFault
from hoatoc.domain.registry import OrganUnknown
from hoatoc.domain.vxp import entry, provincial, reply
from hoatoc.domain.vxp.digest import is_digest, unpadded_hex
from hoatoc.domain.vxp.header import (
    ACKNOWLEDGED,
    DOCUMENT,
    PREFIX,
    Call,
    read_call,
    sign,
)
from hoatoc.domain.vxp.refusal import (
    ErrorCode,
    HashWrong,
    HeaderAltered,
    HeaderInvalid,
    HeaderMissing,
    TimestampAhead,
    TimestampOld,
    code_of,
)
from hoatoc.domain.vxp.timestamp import read_timestamp, require_fresh, write_timestamp
from hoatoc.testing.letter import LETTER, REGISTRY, TODAY, findings
from hoatoc.testing.vxp_client import JavaMap, VxpClient
from producers.gateway.facade.file import meant_by
from producers.gateway.facade.taking import in_base64, in_json

NOON = datetime(2020, 11, 25, 4, 6, 53, 7000, tzinfo=UTC)
SECRET = "bí mật của hệ thống"


def client() -> VxpClient:
    return VxpClient("http://127.0.0.1:1/vxp", "VPCP.G22", SECRET, made=NOON)


def call(**headers: str) -> Call:
    """Return what the façade reads of a call of the official client."""
    made = client()
    for name, value in headers.items():
        made.headers.put(name.replace("_", "-"), value)
    return read_call(made.signed_headers())


def is_proven(one: Call, secret: str) -> bool:
    return Pair.signing(one.system_id, one.signed, one.signature).fits(secret.encode())


# The order of Java 17's `HashMap`, as it printed it.
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            "timestamp systemid Content-Type servicetype messagetype",
            "systemid servicetype messagetype timestamp Content-Type",
        ),
        (
            "timestamp systemid Content-Type servicetype messagetype docId filePath status docid "
            "from to hash-file",
            "systemid servicetype messagetype docId docid hash-file filePath from to timestamp "
            "Content-Type status",
        ),
        (
            "timestamp systemid Content-Type servicetype messagetype docId filePath status docid "
            "from to hash-file AgencyCode fromDate toDate",
            "systemid messagetype docId docid filePath toDate fromDate servicetype hash-file "
            "AgencyCode from to timestamp Content-Type status",
        ),
    ],
)
def test_the_client_writes_headers_in_the_order_of_java(names: str, expected: str) -> None:
    headers = JavaMap()
    for name in names.split():
        headers.put(name, "")
    assert expected.split() == [name for name, _ in headers.items()]


def test_a_digest_without_leading_zeros_is_as_java_writes_it() -> None:
    digest = sha256("Công văn 12".encode()).digest()
    assert "9e55edbd70f2cb423be72a734defd26c5d5be5c5a51562a382a363a26938c9" == unpadded_hex(digest)


@given(st.binary())
def test_both_forms_of_a_digest_are_taken_and_no_other(data: bytes) -> None:
    digest = sha256(data).digest()
    assert is_digest(digest.hex(), digest)
    assert is_digest(digest.hex().upper(), digest)
    assert is_digest(unpadded_hex(digest), digest)
    assert not is_digest(unpadded_hex(sha256(data + b"\0").digest()), digest)


def test_a_timestamp_is_as_java_writes_it() -> None:
    assert "25112020T110653+0007" == write_timestamp(NOON)


@given(st.integers(946_684_800_000, 4_070_908_800_000))
def test_a_timestamp_is_read_to_the_second(at_ms: int) -> None:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    assert at.replace(microsecond=0) == read_timestamp(write_timestamp(at))


def test_an_offset_in_the_place_of_the_milliseconds_gives_the_same_second() -> None:
    assert read_timestamp("25112020T110653+0700") == read_timestamp("25112020T110653+0000")


@pytest.mark.parametrize("text", ["", "25112020T110653", "32112020T110653+0000", "2020-11-25"])
def test_a_timestamp_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(HeaderInvalid):
        read_timestamp(text)


def test_a_call_may_be_as_old_as_is_allowed_and_hardly_ahead() -> None:
    day, minute = timedelta(days=1), timedelta(minutes=1)
    require_fresh(NOON, NOON + day, day, minute)
    require_fresh(NOON, NOON + 900 * day, timedelta(), minute)
    require_fresh(NOON + minute, NOON, day, minute)
    with pytest.raises(TimestampOld):
        require_fresh(NOON, NOON + day + minute, day, minute)
    with pytest.raises(TimestampAhead):
        require_fresh(NOON + 2 * minute, NOON, day, minute)


def test_what_the_official_client_signs_is_read_and_proven() -> None:
    found = call(messagetype="edoc", docId="5bebcfeff858e3e0cc154762")
    assert is_proven(found, SECRET)
    assert "VPCP.G22" == found.system_id
    assert NOON.replace(microsecond=0) == found.timestamp
    assert "edoc" == found.get("messagetype")


def test_a_call_signed_by_another_secret_is_not_proven() -> None:
    assert not is_proven(call(), SECRET + "!")


def test_names_of_headers_have_no_case_on_their_way() -> None:
    headers = [(name.lower(), value) for name, value in client().signed_headers()]
    assert is_proven(read_call(headers), SECRET)


def test_a_header_that_says_what_nobody_signed_is_refused() -> None:
    headers = [
        (name, "VPCP.H16" if name == "XroadVnpt-systemid" else value)
        for name, value in client().signed_headers()
    ]
    with pytest.raises(HeaderAltered):
        read_call(headers)


def test_a_header_that_a_proxy_dropped_is_what_was_signed() -> None:
    headers = [each for each in client().signed_headers() if each[0] != "XroadVnpt-systemid"]
    assert "VPCP.G22" == read_call(headers).system_id


def test_a_header_beside_the_signed_ones_counts_for_nothing() -> None:
    headers = [*client().signed_headers(), ("XroadVnpt-docId", "not signed")]
    assert "" == read_call(headers).get(*DOCUMENT)


def test_of_two_spellings_each_call_takes_its_own() -> None:
    found = call(docId="of an earlier call", docid="meant")
    assert "meant" == found.get(*ACKNOWLEDGED)
    assert "of an earlier call" == found.get(*DOCUMENT)
    assert "x" == call(docId="x").get(*ACKNOWLEDGED)
    assert "x" == call(DOCID="x").get(*DOCUMENT)


def test_two_spellings_of_which_one_came_are_both_what_was_signed() -> None:
    made = client()
    made.headers.put("docId", "a")
    made.headers.put("docid", "b")
    headers = [each for each in made.signed_headers() if each[0] != "XroadVnpt-docId"]
    assert is_proven(read_call(headers), SECRET)


@pytest.mark.parametrize("name", ["sign-header", "hash-header"])
def test_a_call_without_its_signature_is_refused(name: str) -> None:
    headers = [each for each in client().signed_headers() if each[0] != PREFIX + name]
    with pytest.raises(HeaderMissing):
        read_call(headers)


@pytest.mark.parametrize(
    "signed",
    [
        *("", "{", "[]", "null", '"x"', "{}", '{"XroadVnpt-systemid":null}', '{"systemid":"x"}'),
        *("[" * 100_000, '{"XroadVnpt-systemid":{"a":"b"}}', '{"XroadVnpt-timestamp":"x"}'),
    ],
    ids=range(11),
)
def test_signed_json_of_another_form_is_refused_by_name(signed: str) -> None:
    headers = [(f"{PREFIX}sign-header", signed), (f"{PREFIX}hash-header", "x")]
    with pytest.raises((HeaderMissing, HeaderInvalid)):
        read_call(headers)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=8))
def test_no_headers_at_all_do_more_than_be_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(PeerFault):
        read_call([(PREFIX + name, value) for name, value in headers])


def test_a_signature_is_that_of_the_bytes_as_they_came() -> None:
    assert sign(b"{}", "k") == sign(b"{}", "k")
    assert sign(b"{}", "k") != sign(b"{ }", "k")


@pytest.mark.parametrize(
    ("organ", "expected"),
    [
        ({"sender": replace(LETTER.sender, code="X99")}, ErrorCode.SENDER_UNKNOWN),
        ({"recipients": (replace(LETTER.sender, code="X99"),)}, ErrorCode.RECIPIENT_UNKNOWN),
        ({"recipients": (replace(LETTER.sender, code="H64"),)}, ErrorCode.RECIPIENT_UNKNOWN),
        ({"recipients": (replace(LETTER.sender, code="H66"),)}, ErrorCode.RECIPIENT_LOCKED),
        ({"number": ""}, ErrorCode.FORMAT_WRONG),
    ],
    ids=["sender unknown", "recipient unknown", "recipient ended", "recipient locked", "no number"],
)
def test_what_the_checks_refuse_has_the_code_of_the_guide(
    organ: dict[str, object], expected: ErrorCode
) -> None:
    faulty = replace(LETTER, **organ)  # type: ignore[arg-type]
    assert expected == code_of(CheckFailed(findings(faulty)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"502 Bad Gateway", ErrorCode.FILE_INVALID),
        (b"<html>502", ErrorCode.FORMAT_WRONG),
        (b"<edXML/>", ErrorCode.FORMAT_WRONG),
        (b"<!DOCTYPE a><a/>", ErrorCode.FORMAT_WRONG),
        (b" " * 300_000, ErrorCode.FILE_INVALID),
    ],
)
def test_a_packet_that_cannot_be_read_has_the_code_of_the_guide(
    data: bytes, expected: ErrorCode
) -> None:
    with pytest.raises(PacketFault) as refused:
        read_packet(data)
    assert expected == code_of(refused.value)


def test_what_is_ours_is_to_be_tried_again_and_nothing_else_is() -> None:
    assert ErrorCode.SYSTEM_FAILED == code_of(Unavailable("x"))
    assert ErrorCode.SYSTEM_FAILED == code_of(OurFault("x"))
    assert ErrorCode.SYSTEM_FAILED == code_of(RuntimeError("x"))
    assert ErrorCode.FORMAT_WRONG == code_of(PeerFault("x"))
    assert ErrorCode.RECIPIENT_UNKNOWN == code_of(OrganUnknown("x"))
    assert ErrorCode.FILE_UNPROCESSED == code_of(OurFault("x"), {OurFault: ErrorCode("21")})


def test_a_refusal_is_named_as_at_every_door() -> None:
    assert "timestamp-old" == name_of(TimestampOld)


def test_a_reply_is_ascii_with_every_field_and_without_null() -> None:
    written = reply.write_reply(
        reply.refused(ErrorCode.RECIPIENT_LOCKED, "check-failed", "Đơn vị đã khóa", DocId="")
    )
    assert written.isascii()
    found = json.loads(written)
    assert {"status", "ErrorCode", "ErrorDesc", "DocId"} == found.keys()
    assert ("FAIL", "23") == (found["status"], found["ErrorCode"])
    assert "check-failed: Đơn vị đã khóa" == found["ErrorDesc"]
    with pytest.raises(ValueError, match="null"):
        reply.write_reply({"status": None})


SENT = entry.Sent(
    dispatch_id=UUID(int=1),
    delivery_id=UUID(int=2),
    sender="G22",
    recipient="H16",
    notation="807/VPCP-KSTT",
    title="Tăng cường",
    sent=NOON,
    received=None,
    sending=entry.Sending.DONE,
    taking=entry.Taking.INITIAL,
)
RECEIVED = entry.Received(
    id=UUID(int=3),
    message_type=entry.MessageType.EDOC,
    created=NOON,
    updated=NOON,
    sender="G22",
    recipient="H16",
)


def test_an_entry_of_any_list_holds_no_null_and_vietnamese_time() -> None:
    for one in (SENT.as_axis(), RECEIVED.as_axis(), RECEIVED.as_province()):
        assert None not in one.values()
        assert "2020-11-25T11:06:53+07:00" in one.values()


def test_what_was_sent_and_what_was_received_are_told_apart() -> None:
    assert ("done", "initial") == (
        SENT.as_axis()["sendStatus"],
        SENT.as_axis()["receiveStatus"],
    )
    told = replace(SENT, taking=entry.Taking.DONE, status="03").as_axis()
    assert "Đã nhận; 03 Đã tiếp nhận" == told["receiveStatusDesc"]
    unknown = replace(SENT, taking=entry.Taking.DONE, status="999").as_axis()
    assert "Đã nhận; 999" == unknown["receiveStatusDesc"]


def test_agencies_are_listed_under_either_scheme_and_with_their_older_codes() -> None:
    axis = {each["name"]: each for each in entry.agencies(REGISTRY, TODAY)}
    later = {each["name"]: each for each in entry.agencies_of_2020(REGISTRY, TODAY)}
    name = "Văn phòng Chính phủ"
    assert ("000.00.00.G22", "00.01.G22") == (axis[name]["code"], axis[name]["oldCode"])
    assert ("G22", "000.00.00.G22") == (later[name]["code"], later[name]["code102"])
    assert "UBND tỉnh Cũ" not in axis
    units = {each["code"]: each for each in entry.units(REGISTRY, TODAY, 7)}
    assert (True, 7, "H65") == tuple(units["H65"][k] for k in ("deleted", "version", "centerCode"))


def test_the_provincial_dialect_says_when_to_try_again() -> None:
    ours = provincial.refused(ErrorCode.SYSTEM_FAILED, "database-away", "x")
    theirs = provincial.refused(ErrorCode.FORMAT_WRONG, "not-xml", "x")
    assert "try again" in ours["message"]
    assert "try again" not in theirs["message"]
    assert ("22", "") == (theirs["data"]["errorCode"], theirs["data"]["docId"])


def test_a_window_of_days_runs_from_midnight_to_midnight_in_vietnam() -> None:
    day = provincial.read_day("fromDate", "2020/11/25")
    assert date(2020, 11, 25) == day == provincial.read_day("toDate", "2020-11-25")
    begin, end = provincial.window(day, day)
    assert timedelta(days=1) == end - begin
    assert begin < NOON < end


@given(st.lists(st.binary(max_size=7)))
async def test_a_packet_in_pieces_is_the_same_text_as_the_whole(pieces: list[bytes]) -> None:
    async def coming() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    whole = b"".join(pieces)
    text = b"".join([piece async for piece in in_base64(coming())])
    assert b64encode(whole) == text


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=600),
    st.sampled_from(["UTF-8", "utf-8", "UTF-16"]),
    st.integers(1, 300),
)
async def test_a_packet_is_the_same_text_whatever_its_encoding(
    text: str, encoding: str, width: int
) -> None:
    document = f"<?xml version='1.0' encoding='{encoding}'?><a>{text}</a>"
    data = document.encode(encoding)

    async def coming() -> AsyncIterator[bytes]:
        for begin in range(0, len(data), width):
            yield data[begin : begin + width]

    told = b"".join([piece async for piece in in_json(coming())])
    expected = document.replace(f"'{encoding}'", "'UTF-8'", 1)
    assert expected == json.loads(b'"' + told + b'"')


@given(st.binary(min_size=1), st.integers(1, 9), st.booleans(), st.booleans())
async def test_a_digest_tells_where_the_file_ends(
    file: bytes, width: int, ends_line: bool, padded: bool
) -> None:
    digest = sha256(file).digest()
    stated = digest.hex() if padded else unpadded_hex(digest)
    body = file + b"\r\n" * ends_line

    async def coming() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), width):
            yield body[begin : begin + width]

    assert file == b"".join([piece async for piece in meant_by(stated, coming())])
    with pytest.raises(HashWrong):
        [piece async for piece in meant_by(sha256(file + b"!").hexdigest(), coming())]
