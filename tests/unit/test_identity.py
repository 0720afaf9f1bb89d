"""Facts about the identity of documents, dispatches and deliveries."""

import json
from dataclasses import asdict, replace
from datetime import date
from hashlib import sha256
from unicodedata import normalize
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.content import whole
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.identity import (
    DispatchId,
    DocumentKey,
    DocumentReference,
    Duplicate,
    Namesake,
    OrganCode,
    content_digest,
    delivery_id,
    dispatch_id_from,
    document_key,
    duplicate_of,
    may_repeat,
    parse_document_id,
)
from hoatoc.domain.packet import (
    Attachment,
    OtherInfo,
    Packet,
    Party,
    ReceiverChange,
    Remark,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    Trace,
)

FIRST = Attachment(name="Văn bản.txt", content_type="text/plain", content=b"807", content_id="1")
SECOND = Attachment(name="Phụ lục.txt", content_type="text/plain", content=b"775", content_id="2")
PACKET = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H16"), Party(code="H33")),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    promulgated=date(2021, 2, 1),
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
    due=date(2021, 2, 9),
    attachments=(FIRST, SECOND),
)
KEY = DocumentKey(issuer=OrganCode("G22"), year=2021, number="807", notation="VPCP-KSTT")
DISPATCH = DispatchId(UUID("01775b29-2c00-7000-8000-000000000001"))


def test_a_document_is_known_by_issuer_year_number_and_notation() -> None:
    assert document_key(PACKET) == KEY


@pytest.mark.parametrize(
    ("number", "notation", "key"),
    [
        ("0807", "VPCP-KSTT", KEY),
        ("807 ", "VPCP - KSTT", KEY),
        ("807", "vpcp-kstt", KEY),
        ("05", "UBND-TTĐT", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u00d0T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u0189T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u00f0T", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("5", "UBND-TT\u200bĐT\ufeff", replace(KEY, number="5", notation="UBND-TTĐT")),
        ("0", "QyĐ-BNV", replace(KEY, number="0", notation="QYĐ-BNV")),
    ],
)
def test_spellings_of_one_number_and_notation_are_one_document(
    number: str, notation: str, key: DocumentKey
) -> None:
    assert document_key(replace(PACKET, number=number, notation=notation)) == key


def test_the_issuer_is_the_code_under_which_the_sender_is_registered() -> None:
    packet = replace(PACKET, sender=Party(code="000.00.00.G22"))
    assert document_key(packet, OrganCode("G22")) == KEY


def test_the_same_number_in_another_year_is_another_document() -> None:
    next_year = replace(PACKET, promulgated=date(2022, 2, 1))
    assert document_key(next_year) == replace(KEY, year=2022)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_normalised_key_stays_as_it_is(number: str, notation: str) -> None:
    once = document_key(replace(PACKET, number=number, notation=notation))
    again = document_key(replace(PACKET, number=once.number, notation=once.notation))
    assert again == once


def test_a_dispatch_id_is_laid_out_as_in_rfc_9562() -> None:
    # RFC 9562, appendix A.6: rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    chance = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10)
    made = dispatch_id_from(1645557742000, chance)
    assert made == UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_every_dispatch_id_is_a_uuid_of_version_7_that_tells_its_time(
    now_ms: int, chance: bytes
) -> None:
    made = dispatch_id_from(now_ms, chance)
    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, now_ms)


@given(st.integers(0, 2**48 - 2), *[st.binary(min_size=10, max_size=10)] * 2)
def test_a_later_dispatch_has_a_greater_id(now_ms: int, one: bytes, other: bytes) -> None:
    assert dispatch_id_from(now_ms, one) < dispatch_id_from(now_ms + 1, other)


def test_anyone_can_compute_the_id_of_a_delivery() -> None:
    expected = UUID("f358d588-9ce9-5da2-9256-b8f2519e1fe2")
    assert delivery_id(DISPATCH, OrganCode("H16")) == expected


def test_deliveries_of_one_dispatch_differ() -> None:
    ids = {delivery_id(DISPATCH, OrganCode(code)) for code in ("H16", "H33", "000.00.00.H16")}
    assert len(ids) == 3


def test_the_digest_of_a_content_never_changes_between_releases() -> None:
    assert content_digest(PACKET).hex() == (
        "72fab01118c01f9f917e3d51634e36701c2b21bcb1fa11c18a3f912eea89a72b"
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
parties = st.builds(Party, code=texts, name=texts, fax=texts)


def plain_digest(packet: Packet) -> bytes:
    """Digest the fields that every release has had, as the first release did."""
    recipients = sorted(map(asdict, packet.recipients), key=canonical)
    attachments = sorted(
        [
            sha256(whole(each.content)).hexdigest(),
            *(normalize("NFC", t) for t in (each.name, each.content_type, each.description)),
        ]
        for each in packet.attachments
    )
    names = (
        "document_id number notation place type_code type_name type_detail subject content places "
        "priority business_type paper"
    )
    fields = {name: getattr(packet, name) for name in names.split()} | {
        "sender": asdict(packet.sender),
        "recipients": recipients,
        "promulgated": packet.promulgated.isoformat(),
        "due": packet.due and packet.due.isoformat(),
        "signer": asdict(packet.signer),
        "attachments": attachments,
    }
    return sha256(canonical(fields).encode()).digest()


def canonical(value: object) -> str:
    return normalize("NFC", json.dumps(value, ensure_ascii=False, sort_keys=True))


@given(
    st.builds(
        Packet,
        sender=parties,
        recipients=st.lists(parties, max_size=4).map(tuple),
        document_id=texts,
        number=texts,
        notation=texts,
        promulgated=st.dates(),
        subject=texts,
        signer=st.builds(Signer, full_name=texts),
        due=st.none() | st.dates(),
        places=st.lists(texts, max_size=2).map(tuple),
        paper=st.booleans(),
        attachments=st.lists(
            st.builds(Attachment, name=texts, content_type=texts, content=st.binary(max_size=4)),
            max_size=3,
        ).map(tuple),
    )
)
def test_fields_that_came_later_change_no_digest_while_they_are_empty(packet: Packet) -> None:
    assert content_digest(packet) == plain_digest(packet)


@pytest.mark.parametrize(
    "same",
    [
        replace(PACKET, recipients=PACKET.recipients[::-1]),
        replace(PACKET, attachments=PACKET.attachments[::-1]),
        replace(PACKET, attachments=(replace(FIRST, content_id="x"), SECOND)),
        replace(PACKET, traces=(Trace(code="G22", at="2021/02/01 15:00:00"),)),
        replace(PACKET, signed=True),
        replace(PACKET, remarks=(Remark(code="date-day-first", path="/", found="01/02/2021"),)),
        replace(PACKET, subject=normalize("NFD", PACKET.subject)),
        replace(
            PACKET,
            attachments=(replace(FIRST, name=normalize("NFD", FIRST.name)), SECOND),
        ),
        read_packet(write_packet(PACKET)),
    ],
)
def test_the_same_content_serialised_otherwise_has_the_same_digest(
    same: Packet,
) -> None:
    assert content_digest(same) == content_digest(PACKET)


@pytest.mark.parametrize(
    "other",
    [
        replace(PACKET, subject="Khác"),
        replace(PACKET, priority=3),
        replace(PACKET, due=None),
        replace(PACKET, recipients=PACKET.recipients[:1]),
        replace(PACKET, attachments=(FIRST,)),
        replace(PACKET, attachments=(replace(FIRST, content=b"808"), SECOND)),
        replace(PACKET, attachments=(replace(FIRST, name="khác.txt"), SECOND)),
        replace(PACKET, place="ab", content="c"),
        replace(PACKET, business_type=1),
        replace(PACKET, business_reason="Sai số liệu"),
        replace(PACKET, business_document_id="G22,2021/01/04,1/VPCP"),
        replace(PACKET, document_changed=True),
        replace(PACKET, receiver_changes=(ReceiverChange(code="H16", added=True),)),
        replace(PACKET, replacements=(Replacement(document_id="1", organs=("H16",)),)),
        replace(PACKET, staff=Staff(name="B")),
        replace(PACKET, other=OtherInfo(pages="2")),
        replace(PACKET, responses=(ResponseFor(organ="H16", code="1/UBND"),)),
        replace(
            PACKET,
            responses=(ResponseFor(organ="H16", code="1/UBND", promulgated=date(2021, 1, 1)),),
        ),
        replace(PACKET, steering="1"),
    ],
)
def test_another_content_has_another_digest(other: Packet) -> None:
    assert content_digest(other) != content_digest(PACKET)


NAMED = replace(PACKET, sender=Party(code="G22", name="Văn phòng Chính phủ"))
CHANGED = replace(NAMED, subject="Nội dung khác")


@pytest.mark.parametrize(
    ("new", "alarm"),
    [
        (CHANGED, Duplicate.IDENTIFIER),
        (replace(CHANGED, number="99", notation="KHÁC"), Duplicate.IDENTIFIER),
        (replace(CHANGED, document_id="g22,2021/02/01, 807/vpcp-kstt"), Duplicate.IDENTIFIER),
        (replace(CHANGED, document_id="18661"), Duplicate.NUMBER_NOTATION_ISSUER),
        (
            replace(CHANGED, document_id="18661", number="0807", notation="VPCP - KSTT"),
            Duplicate.NUMBER_NOTATION_ISSUER,
        ),
        (
            replace(
                CHANGED,
                document_id="18661",
                sender=Party(code="000.00.00.G22", name="VĂN PHÒNG  CHÍNH PHỦ "),
            ),
            Duplicate.NUMBER_NOTATION_ISSUER,
        ),
        (
            replace(CHANGED, document_id="18661", sender=Party(code="G22")),
            Duplicate.NUMBER_NOTATION_ISSUER,
        ),
        (
            replace(CHANGED, document_id="18661", promulgated=date(2021, 12, 31)),
            Duplicate.NUMBER_NOTATION_ISSUER,
        ),
    ],
)
def test_a_repeated_mark_raises_the_alarm_that_the_law_names(new: Packet, alarm: Duplicate) -> None:
    assert duplicate_of(new, NAMED) is alarm


@pytest.mark.parametrize(
    "new",
    [
        NAMED,
        replace(NAMED, recipients=(Party(code="H50"),)),
        replace(NAMED, attachments=NAMED.attachments[::-1]),
        replace(CHANGED, business_type=1),
        replace(CHANGED, business_type=2),
        replace(CHANGED, business_type=3),
        replace(CHANGED, document_id="1", promulgated=date(2022, 2, 1)),
        replace(CHANGED, document_id="1", number="808"),
        replace(CHANGED, document_id="1", notation="VPCP-TH"),
        replace(CHANGED, document_id="1", sender=Party(code="G12", name="Bộ Tài chính")),
        replace(CHANGED, document_id="1", sender=Party(code="G12")),
    ],
)
def test_what_is_lawfully_repeated_raises_no_alarm(new: Packet) -> None:
    assert duplicate_of(new, NAMED) is None


def kept(packet: Packet, issuer: str = "") -> Namesake:
    """Return what is kept of a packet beside it."""
    return Namesake(
        packet.document_id,
        document_key(packet, OrganCode(issuer) if issuer else None).issuer,
        packet.sender.name or "Cơ quan đã đăng ký",
        packet.business_type,
        content_digest(packet),
    )


def is_worth_reading(new: Packet, earlier: Namesake) -> bool:
    return may_repeat(new, document_key(new), content_digest(new), earlier)


@pytest.mark.parametrize("earlier", [NAMED, replace(NAMED, business_type=1)])
@pytest.mark.parametrize("id_", [NAMED.document_id, "18661"])
@pytest.mark.parametrize("sender", [NAMED.sender, Party(code="G22"), Party(code="G12", name="Bộ")])
@pytest.mark.parametrize("kind", [0, 1])
def test_an_earlier_packet_is_read_wherever_it_may_raise_an_alarm(
    earlier: Packet, id_: str, sender: Party, kind: int
) -> None:
    new = replace(CHANGED, document_id=id_, sender=sender, business_type=kind)
    alarm = duplicate_of(new, earlier)
    assert bool(alarm) == is_worth_reading(new, kept(earlier))


def test_the_packet_of_another_issuer_with_the_same_number_is_not_read() -> None:
    other = replace(CHANGED, document_id="1", sender=Party(code="G12", name="Bộ Tài chính"))
    assert not is_worth_reading(other, kept(NAMED))


def test_the_packet_of_the_same_content_is_not_read() -> None:
    assert not is_worth_reading(NAMED, kept(NAMED))


def test_an_issuer_that_is_registered_under_another_code_is_still_found() -> None:
    new = replace(CHANGED, document_id="1", sender=Party(code="000.00.00.G22"))
    earlier = kept(replace(NAMED, sender=Party(code="000.00.00.G22")), issuer="G22")
    key = document_key(new, OrganCode("G22"))
    assert may_repeat(new, key, content_digest(new), earlier)


def test_the_packet_that_recalled_a_document_issued_none() -> None:
    assert duplicate_of(CHANGED, replace(NAMED, business_type=1)) is None


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (
            "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT",
            DocumentReference(
                organ="000.00.00.G22",
                year=2015,
                promulgated=date(2015, 9, 30),
                number="7816",
                notation="VPCP-TTĐT",
                raw="000.00.00.G22,2015/09/30,7816/VPCP-TTĐT",
            ),
        ),
        (
            "G22, 2018-5-1, 28/2018/QĐ-TTg ",
            DocumentReference(
                organ="G22",
                year=2018,
                promulgated=date(2018, 5, 1),
                number="28",
                notation="2018/QĐ-TTg",
                raw="G22, 2018-5-1, 28/2018/QĐ-TTg ",
            ),
        ),
        (
            "000.00.01.H08,2018,10",
            DocumentReference(
                organ="000.00.01.H08", year=2018, number="10", raw="000.00.01.H08,2018,10"
            ),
        ),
        (
            "G12.18-2026-807/VPCP-KSTT",
            DocumentReference(
                organ="G12.18",
                year=2026,
                number="807",
                notation="VPCP-KSTT",
                raw="G12.18-2026-807/VPCP-KSTT",
            ),
        ),
    ],
)
def test_a_document_id_is_taken_apart_in_every_form_in_use(
    text: str, reference: DocumentReference
) -> None:
    assert parse_document_id(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "18661",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "64b7f0c2a1b2c3d4e5f60718",
        "",
        "G22,2015/02/30,7816/VPCP",
        "G22,2015/09/30,/UBND-TTĐT",
        "G22,2015/09/30",
        "G22,hôm qua,1/VPCP",
    ],
)
def test_a_document_id_of_an_unknown_form_stays_as_it_is(text: str) -> None:
    assert parse_document_id(text) == DocumentReference(raw=text)


@given(st.text())
def test_every_document_id_keeps_its_text(text: str) -> None:
    assert parse_document_id(text).raw == text
