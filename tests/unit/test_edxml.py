"""Facts about reading and writing edXML packets."""

from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.edxml import MAX_PACKET_BYTES, NAMESPACE, read_packet, write_packet
from hoatoc.domain.packet import (
    REASONS,
    Attachment,
    ContentTooLarge,
    DoctypeForbidden,
    ElementInvalid,
    ElementMissing,
    NotADocument,
    NotXml,
    OtherInfo,
    Packet,
    PacketFault,
    Party,
    ReceiverChange,
    RecipientDuplicate,
    Remark,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    Trace,
)

PACKET = Packet(
    sender=Party(code="G22", name="Văn phòng Chính phủ", email="vanthu@g22.example"),
    recipients=(Party(code="H16", name="UBND tỉnh Đắk Nông"), Party(code="H33")),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    place="Hà Nội",
    promulgated=date(2021, 2, 1),
    type_code="18",
    type_name="Công văn",
    subject="Tăng cường gửi, nhận văn bản điện tử",
    content="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(competence="KT.", position="PHÓ CHỦ NHIỆM", full_name="Nguyễn Văn A"),
    due=date(2021, 2, 9),
    places=("Lưu: VT",),
    priority=3,
    traces=(Trace(code="G22", at="2021/02/01 15:00:00"),),
    attachments=(
        Attachment(
            name="807.txt",
            content_type="text/plain",
            content=b"807",
            content_id="807.txt",
        ),
    ),
)
XML = write_packet(PACKET).decode()


def changed(old: str, new: str) -> bytes:
    assert old in XML
    return XML.replace(old, new).encode()


def fault_of(data: bytes) -> PacketFault:
    with pytest.raises(PacketFault) as caught:
        read_packet(data)
    return caught.value


def elements(name: str, text: str) -> str:
    return f"<edXML:{name}>{text}</edXML:{name}>"


def test_a_packet_written_is_read_back_as_it_was() -> None:
    assert read_packet(XML.encode()) == PACKET


texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=30).map(str.strip)
filled = texts.filter(bool)
codes = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,3})?", fullmatch=True)
parties = st.builds(Party, code=codes, name=texts, in_charge=texts, email=texts, website=texts)
attachments = st.builds(
    Attachment,
    name=filled,
    content_type=texts,
    content=st.binary(min_size=1, max_size=200),
    content_id=texts.filter(lambda text: not text.startswith("cid:")),
    description=texts,
)
staffs = st.builds(Staff, department=texts, name=texts, mobile=texts, email=texts, staff_id=texts)
others = st.builds(
    OtherInfo,
    sphere=texts,
    typer=texts,
    copies=st.from_regex(r"[0-9]{0,3}", fullmatch=True),
    pages=st.from_regex(r"[0-9]{0,3}", fullmatch=True),
    direction=texts,
    appendixes=st.lists(filled, max_size=2).map(tuple),
)
responses = st.builds(
    ResponseFor,
    organ=codes,
    code=filled,
    promulgated=st.none() | st.dates(),
    document_id=texts,
)
packets = st.builds(
    Packet,
    sender=parties,
    recipients=st.lists(parties, min_size=1, max_size=5, unique_by=lambda each: each.code).map(
        tuple
    ),
    document_id=filled,
    number=st.from_regex(r"[0-9]{1,11}", fullmatch=True),
    notation=filled,
    place=texts,
    type_code=texts,
    type_name=texts,
    type_detail=texts,
    subject=filled,
    content=texts,
    signer=st.builds(Signer, competence=texts, position=texts, full_name=texts),
    places=st.lists(filled, max_size=3).map(tuple),
    priority=st.integers(0, 4),
    business_type=st.integers(0, 3),
    business_reason=texts.filter(lambda text: text not in REASONS),
    business_document_id=texts,
    document_changed=st.booleans(),
    receiver_changes=st.lists(st.builds(ReceiverChange, code=codes), max_size=3).map(tuple),
    replacements=st.lists(
        st.builds(Replacement, document_id=filled, organs=st.lists(codes, max_size=3).map(tuple)),
        max_size=3,
    ).map(tuple),
    paper=st.booleans(),
    staff=staffs,
    other=others,
    responses=st.lists(responses, max_size=2).map(tuple),
    steering=texts,
    due=st.none() | st.dates(),
    traces=st.lists(st.builds(Trace, code=codes, at=texts), max_size=2).map(tuple),
    attachments=st.lists(attachments, max_size=3).map(tuple),
)


def is_told_apart(packet: Packet) -> bool:
    """A new document that names itself as the earlier one is read as naming none."""
    return packet.business_type != 0 or packet.business_document_id != packet.document_id


@given(packets.filter(is_told_apart))
def test_every_packet_written_is_read_back_as_it_was(packet: Packet) -> None:
    assert read_packet(write_packet(packet)) == packet


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    assert isinstance(fault_of(data), PacketFault)


@given(st.data())
def test_a_damaged_packet_is_read_or_refused_by_name(data: st.DataObject) -> None:
    raw = bytearray(XML.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PacketFault):
        read_packet(bytes(raw))


@pytest.mark.parametrize(
    "changes",
    [
        {NAMESPACE: "http://www.e-doc.vn/Schema/"},
        {"edXML:": "e:", "xmlns:edXML=": "xmlns:e="},
        {"edXML:": ""},
        {"<edXML xmlns": "<EDXML xmlns", "</edXML>": "</EDXML>"},
        {"<edXML:DigitalSignature/>": ""},
        {"<edXML:DigitalSignature/>": "<Signature><Reference><URI/></Reference></Signature>"},
        {"cid:": ""},
        {"<edXML xmlns": "<Edxml xmlns", "</edXML>": "</Edxml>"},
        {
            "<edXML xmlns": '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
            "><s:Body><edXML xmlns",
            "</edXML>": "</edXML></s:Body></s:Envelope>",
        },
        {"edXML:edXMLManifest": "edXML:edxmlManifest"},
        {"<ContentId>cid:": "<ContentId>"},
        {"<edXML:ContentId>cid:": "<edXML:ContentId>"},
        {"2021/02/01<": "2021-2-1<"},
        {"ODA3": "OD\n  A3"},
        {"ODA3": "<![CDATA[ODA3]]>"},
        {"Hà Nội": "Hà<!-- of the sender --> Nội"},
        {"<edXML:SignerInfo>": elements("Unknown", "<a>1</a>") + "<edXML:SignerInfo>"},
        {"<edXML:SignerInfo>": elements("ResponseFor", "") + "<edXML:SignerInfo>"},
        {"\n": ""},
    ],
)
def test_harmless_differences_between_producers_are_tolerated(
    changes: dict[str, str],
) -> None:
    xml = XML
    for old, new in changes.items():
        xml = xml.replace(old, new)
    assert (xml != XML, read_packet(xml.encode())) == (True, PACKET)


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_a_packet_is_read_as_it_comes(cut: int) -> None:
    data = XML.encode()
    pieces = (data[begin : begin + cut] for begin in range(0, len(data), cut))
    assert read_packet(pieces) == PACKET


def test_a_packet_is_signed_if_its_signature_has_a_value() -> None:
    signature = "<Signature><SignedInfo/><SignatureValue>{}</SignatureValue></Signature>"
    found = [
        read_packet(changed("<edXML:DigitalSignature/>", signature.format(value))).signed
        for value in ("", " ", "c2ln")
    ]
    assert found == [False, False, True]


DATE_PATH = "MessageHeader/PromulgationInfo/PromulgationDate"


@pytest.mark.parametrize(
    ("written", "day", "codes"),
    [
        ("2021/03/04", date(2021, 3, 4), []),
        ("30/10/2020", date(2020, 10, 30), ["date-day-first"]),
        ("30-10-2020", date(2020, 10, 30), ["date-day-first"]),
        ("03/04/2021", date(2021, 4, 3), ["date-day-first", "date-ambiguous"]),
        ("04/04/2021", date(2021, 4, 4), ["date-day-first"]),
        ("12/11/2021", date(2021, 11, 12), ["date-day-first", "date-ambiguous"]),
    ],
)
def test_a_date_is_read_by_where_its_year_stands_and_that_is_remarked(
    written: str, day: date, codes: list[str]
) -> None:
    packet = read_packet(changed("2021/02/01</", f"{written}</"))
    remarks = tuple(Remark(code=code, path=DATE_PATH, found=written) for code in codes)
    assert (packet.promulgated, packet.remarks) == (day, remarks)


def test_the_order_of_elements_does_not_matter() -> None:
    subject = elements("Subject", PACKET.subject)
    moved = XML.replace(subject, "").replace("<edXML:From>", f"{subject}<edXML:From>")
    assert read_packet(moved.encode()) == PACKET


def test_a_packet_in_utf_16_is_read() -> None:
    data = XML.replace("UTF-8", "UTF-16").encode("utf-16")
    assert read_packet(data) == PACKET


def test_a_packed_attachment_is_kept_as_it_is() -> None:
    packed = replace(PACKET.attachments[0], content_type="application/zip", content=b"PK\x03\x04")
    packet = replace(PACKET, attachments=(packed,))
    assert read_packet(write_packet(packet)).attachments == (packed,)


@pytest.mark.parametrize("business_type", [1, 2, 3])
def test_recall_update_and_replacement_are_read(business_type: int) -> None:
    data = changed("DocType>0<", f"DocType>{business_type}<")
    assert read_packet(data) == replace(
        PACKET,
        business_type=business_type,
        business_reason=REASONS[0],
        business_document_id=PACKET.document_id,
    )


def test_an_absent_priority_is_normal() -> None:
    assert read_packet(changed(elements("Priority", "3"), "")).priority == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"not xml",
        b"\x00" * 8,
        XML.encode()[: len(XML) // 2],
        XML.encode() + b"<more/>",
        XML.encode("utf-16"),
        XML.replace("UTF-8", "US-ASCII").encode(),
        XML.replace("UTF-8", "TCVN3").encode(),
        XML.replace("UTF-8", "UTF-7").encode(),
        XML.replace("Văn phòng", "V\xe3n").encode("latin-1", errors="replace"),
        XML.replace("Văn phòng", "&nothing;").encode(),
        XML.replace("xmlns:edXML=", "xmlns:other=").encode(),
    ],
)
def test_what_is_not_well_formed_is_refused(data: bytes) -> None:
    assert type(fault_of(data)) is NotXml


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE edXML>",
        '<!DOCTYPE edXML SYSTEM "http://attacker.example/edxml.dtd">',
        '<!DOCTYPE edXML [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE edXML [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>',
        '<!DOCTYPE edXML [<!ENTITY % p SYSTEM "http://attacker.example/p.dtd"> %p;]>',
    ],
)
def test_a_doctype_or_an_entity_is_refused(doctype: str) -> None:
    assert type(fault_of(changed("<edXML xmlns", f"{doctype}<edXML xmlns"))) is DoctypeForbidden


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"<Status/>", "/"),
        (b"<html><body/></html>", "/"),
        (
            changed(elements("DueDate", "2021/02/09"), elements("StatusCode", "03")),
            "MessageHeader/StatusCode",
        ),
    ],
)
def test_a_status_packet_or_another_root_is_no_document(data: bytes, path: str) -> None:
    fault = fault_of(data)
    assert (type(fault), fault.path) == (NotADocument, path)


@pytest.mark.parametrize(
    ("old", "path"),
    [
        (elements("OrganId", "G22") + "\n<edXML:Org", "MessageHeader/From/OrganId"),
        (elements("OrganId", "H33"), "MessageHeader/To[2]/OrganId"),
        (elements("DocumentId", PACKET.document_id), "MessageHeader/DocumentId"),
        (elements("CodeNotation", "VPCP-KSTT"), "MessageHeader/Code/CodeNotation"),
        (elements("Subject", PACKET.subject), "MessageHeader/Subject"),
        (
            elements("PromulgationDate", "2021/02/01"),
            "MessageHeader/PromulgationInfo/PromulgationDate",
        ),
        (
            elements("BussinessDocType", "0"),
            "TraceHeaderList/Bussiness/BussinessDocType",
        ),
        (
            "<AttachmentName>807.txt</AttachmentName>",
            "AttachmentEncoded/Attachment[1]/AttachmentName",
        ),
        (
            elements("ContentTransferEncoded", "ODA3"),
            "AttachmentEncoded/Attachment[1]/ContentTransferEncoded",
        ),
        (
            "<ContentId>cid:807.txt</ContentId>",
            "AttachmentEncoded/Attachment[ContentId='807.txt']",
        ),
    ],
)
def test_a_missing_element_is_named(old: str, path: str) -> None:
    fault = fault_of(changed(old, "<edXML:Org" if old.endswith("<edXML:Org") else ""))
    assert (type(fault), fault.path) == (ElementMissing, path)


def test_an_empty_element_is_a_missing_one() -> None:
    fault = fault_of(changed(elements("CodeNotation", "VPCP-KSTT"), elements("CodeNotation", " ")))
    assert (type(fault), fault.path) == (
        ElementMissing,
        "MessageHeader/Code/CodeNotation",
    )


def test_a_packet_without_recipients_is_refused() -> None:
    fault = fault_of(write_packet(replace(PACKET, recipients=())))
    assert (type(fault), fault.path) == (ElementMissing, "MessageHeader/To")


@pytest.mark.parametrize(
    ("old", "new", "path", "found"),
    [
        (
            "2021/02/01</",
            "2021/02/30</",
            "MessageHeader/PromulgationInfo/PromulgationDate",
            "2021/02/30",
        ),
        (
            "2021/02/01</",
            "30/02/2021</",
            "MessageHeader/PromulgationInfo/PromulgationDate",
            "30/02/2021",
        ),
        (
            "2021/02/01</",
            "hôm qua</",
            "MessageHeader/PromulgationInfo/PromulgationDate",
            "hôm qua",
        ),
        (
            "2021/02/01</",
            "01/02/21</",
            "MessageHeader/PromulgationInfo/PromulgationDate",
            "01/02/21",
        ),
        ("2021/02/09", "٢٠٢١/02/09", "MessageHeader/DueDate", "٢٠٢١/02/09"),
        ("2021/02/09", "2021/13/01", "MessageHeader/DueDate", "2021/13/01"),
        ("Priority>3", "Priority>5", "MessageHeader/OtherInfo/Priority", "5"),
        ("Priority>3", "Priority>-1", "MessageHeader/OtherInfo/Priority", "-1"),
        ("Priority>3", "Priority>٣", "MessageHeader/OtherInfo/Priority", "٣"),
        ("DocType>0", "DocType>4", "TraceHeaderList/Bussiness/BussinessDocType", "4"),
        ("Paper>0", "Paper>2", "TraceHeaderList/Bussiness/Paper", "2"),
    ],
)
def test_an_impossible_value_is_named(old: str, new: str, path: str, found: str) -> None:
    fault = fault_of(changed(old, new))
    assert (type(fault), fault.path, fault.found) == (ElementInvalid, path, found)


@pytest.mark.parametrize("content", ["OD*3", "ODA", "đ", "YQ==YQ=="])
def test_wrong_base64_is_refused(content: str) -> None:
    fault = fault_of(changed("ODA3", content))
    assert (type(fault), fault.expected) == (ElementInvalid, "Base64")


@pytest.mark.parametrize(
    ("old", "name", "width"),
    [
        ("807", "CodeNumber", 11),
        ("VPCP-KSTT", "CodeNotation", 30),
        ("Công văn", "TypeName", 100),
        (PACKET.subject, "Subject", 500),
        ("PHÓ CHỦ NHIỆM", "Position", 100),
        ("Nguyễn Văn A", "FullName", 50),
        ("H33", "OrganId", 35),
        ("UBND tỉnh Đắk Nông", "OrganName", 200),
    ],
)
def test_a_width_is_counted_in_characters(old: str, name: str, width: int) -> None:
    read_packet(changed(elements(name, old), elements(name, "ệ" * width)))
    fault = fault_of(changed(elements(name, old), elements(name, "ệ" * (width + 1))))
    assert (type(fault), fault.expected) == (ElementInvalid, f"≤ {width}")


def test_a_decomposed_text_is_as_wide_as_its_composed_form() -> None:
    read_packet(changed(elements("Subject", PACKET.subject), elements("Subject", "e\u0301" * 500)))


def test_places_for_information_are_limited_together() -> None:
    fault = fault_of(write_packet(replace(PACKET, places=("x" * 600, "y" * 600))))
    assert (type(fault), fault.path) == (ElementInvalid, "MessageHeader/ToPlaces")


def test_an_element_that_stands_twice_is_refused() -> None:
    subject = elements("Subject", PACKET.subject)
    fault = fault_of(changed(subject, subject + elements("Subject", "another")))
    assert (type(fault), fault.path) == (ElementInvalid, "MessageHeader/Subject")


def test_markup_inside_a_text_is_refused() -> None:
    fault = fault_of(changed(PACKET.place, "Hà <b>Nội</b>"))
    assert (type(fault), fault.path) == (
        ElementInvalid,
        "MessageHeader/PromulgationInfo/Place",
    )


def test_a_recipient_named_twice_is_refused() -> None:
    fault = fault_of(changed("H33", "H16"))
    assert (type(fault), fault.path, fault.found) == (
        RecipientDuplicate,
        "MessageHeader/To[2]/OrganId",
        "H16",
    )


def packet_of(size: int) -> bytes:
    body = elements("Content", PACKET.content)
    filler = f"<edXML:Unknown>{'x' * (size - len(XML.encode()) - 31)}</edXML:Unknown>"
    return changed(body, f"{body}{filler}")


def test_a_packet_of_256_kib_is_read() -> None:
    assert read_packet(packet_of(MAX_PACKET_BYTES)) == PACKET


def test_a_packet_above_256_kib_is_refused_with_its_size() -> None:
    fault = fault_of(packet_of(MAX_PACKET_BYTES + 1))
    assert (type(fault), fault.found) == (ContentTooLarge, "262145 bytes")


def test_a_packet_above_256_kib_is_not_written() -> None:
    large = Attachment(name="a", content_type="", content=bytes(200 * 1024))
    with pytest.raises(ContentTooLarge):
        write_packet(replace(PACKET, attachments=(large,)))


def test_a_fault_speaks_both_languages_and_names_the_remedy() -> None:
    fault = fault_of(changed("Priority>3", "Priority>5"))
    assert str(fault) == (
        "Phần tử MessageHeader/OtherInfo/Priority không hợp lệ: có «5», cần 0…4. "
        "Sửa giá trị rồi gửi lại. / "
        "The element MessageHeader/OtherInfo/Priority is not valid: found “5”, expected 0…4. "
        "Correct it and send again."
    )


def test_a_list_of_receivers_beside_a_flag_that_denies_it_is_refused() -> None:
    change = ReceiverChange(code="H16", added=True)
    xml = write_packet(replace(PACKET, business_type=2, receiver_changes=(change,))).decode()
    data = xml.replace("DocumentReceiver>1<", "DocumentReceiver>0<").encode()
    assert fault_of(data).path.endswith("BussinessDocumentInfo/DocumentReceiver")


def test_a_character_that_xml_cannot_carry_is_not_written() -> None:
    with pytest.raises(ElementInvalid, match=r"U\+000B"):
        write_packet(replace(PACKET, subject="a\x0bb"))


def test_content_is_written_as_plain_base64() -> None:
    encoded = b64encode(b"807").decode()
    assert elements("ContentTransferEncoded", encoded) in XML
