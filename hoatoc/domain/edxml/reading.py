"""Reading edXML: with tolerance for form, and none for what could change the meaning.

Real producers differ in namespace, prefix, order of elements, case of the root, envelope, form of
dates and presence of a signature; all of that is read. An element that stands twice, a date that
does not exist, a file that the manifest names and the packet lacks are refused by name. What was
read by a rule rather than to the letter leaves a `Remark`.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date

from hoatoc.domain.content import InMemory, Sinks
from hoatoc.domain.edxml.element import MAX_PLACES, SIGNATURES
from hoatoc.domain.edxml.parser import MAX_PACKET_BYTES, limit_width, parse
from hoatoc.domain.edxml.record import Record
from hoatoc.domain.packet import (
    DATE_AMBIGUOUS,
    DAY_FIRST,
    NEW_DOCUMENT,
    REASONS,
    RESPONSE_SWAPPED,
    Attachment,
    ElementInvalid,
    ElementMissing,
    NotADocument,
    NotAStatus,
    OtherInfo,
    Packet,
    Party,
    ReceiverChange,
    RecipientDuplicate,
    Remark,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusPacket,
    Trace,
)

_DATE = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)|(\d\d?)[/-](\d\d?)[/-](\d{4})", re.ASCII)
# The code of an organ in any of the schemes in use: digits, letters and dots, one group of them
# a letter with two digits (G22, 000.00.00.G22, 00.99.H29); and number/notation, as in 807/VPCP.
_ORGAN = re.compile(r"(?=(?:.*\.)?[A-Z][0-9]{2}(?:\.|$))[0-9A-Z]+(?:\.[0-9A-Z]+)*")
_NUMBER_NOTATION = re.compile(r"\d{1,11}\s*/.+", re.ASCII)


def read_packet(
    data: bytes | Iterable[bytes], *, limit: int = MAX_PACKET_BYTES, sinks: Sinks = InMemory
) -> Packet:
    """Read a document of at most `limit` bytes, whole or as it comes; raise a `PacketFault`.

    What its attachments hold goes, decoded, to one of the `sinks` each. A packed (zip) attachment
    is kept as it is: see `unpack`. QCVN 102:2016/BTTTT; QĐ 28/2018/QĐ-TTg, Điều 9.1.
    """
    record = parse(data, limit, sinks)
    if _is_status(record):
        path = "MessageHeader/StatusCode"
        raise NotADocument(path, "<StatusCode>", "<DocumentId>, <Code>, <Subject>")
    return _packet(record)


def read_status(data: bytes | Iterable[bytes], *, limit: int = MAX_PACKET_BYTES) -> StatusPacket:
    """Read a status report of at most `limit` bytes; raise a `PacketFault`.

    QCVN 102:2016/BTTTT; QĐ 28/2018/QĐ-TTg, Điều 9.2, 10.2.
    """
    record = parse(data, limit)
    if not _is_status(record):
        raise NotAStatus("MessageHeader", "không có / no <StatusCode>", "<StatusCode>")
    return _status(record)


def read_any(
    data: bytes | Iterable[bytes], *, limit: int = MAX_PACKET_BYTES
) -> Packet | StatusPacket:
    """Read a document or a status report of at most `limit` bytes; raise a `PacketFault`."""
    record = parse(data, limit)
    return _status(record) if _is_status(record) else _packet(record)


def _is_status(record: Record) -> bool:
    return "StatusCode" in record.group("MessageHeader").texts


def _packet(record: Record) -> Packet:
    remarks: list[Remark] = []
    header = record.group("MessageHeader")
    code = header.group("Code")
    promulgation = header.group("PromulgationInfo")
    document_type = header.group("DocumentType")
    traces = record.group("TraceHeaderList")
    business = traces.group("Bussiness")
    document_id = header.required("DocumentId")
    business_type = business.digit("BussinessDocType", 3)
    return Packet(
        sender=_party(header.group("From")),
        recipients=_recipients(header),
        document_id=document_id,
        # A draft has none yet: the checks refuse it by name, beside all else that they find.
        number=code.text("CodeNumber"),
        notation=code.required("CodeNotation"),
        place=promulgation.text("Place"),
        promulgated=_date(promulgation, "PromulgationDate", remarks),
        type_code=document_type.text("Type"),
        type_name=document_type.text("TypeName"),
        type_detail=document_type.text("TypeDetail"),
        subject=header.required("Subject"),
        content=header.text("Content"),
        signer=_signer(header.group("SignerInfo")),
        due=_optional_date(header, "DueDate", remarks),
        places=_places(header.group("ToPlaces")),
        # An urgent document must say so (QĐ 28/2018, Điều 6.2): one that says nothing is normal.
        priority=header.group("OtherInfo").digit("Priority", 4, default="0"),
        business_type=business_type,
        business_reason=_reason(business, business_type),
        business_document_id=_earlier(business, business_type, document_id),
        document_changed=_is_changed(business),
        receiver_changes=_receiver_changes(business.group("BussinessDocumentInfo")),
        replacements=tuple(map(_replacement, _replaced(business))),
        # Paper is the exception (QĐ 28/2018, Điều 5.3).
        paper=business.digit("Paper", 1, default="0") == 1,
        staff=_staff(business.group("StaffInfo")),
        other=_other(header.group("OtherInfo")),
        responses=tuple(_response(each, remarks) for each in _answered(header)),
        steering=header.text("SteeringType"),
        signed=_is_signed(record),
        traces=tuple(map(_trace, traces.each("TraceHeader"))),
        attachments=_attachments(record),
        remarks=tuple(remarks),
    )


def _status(record: Record) -> StatusPacket:
    remarks: list[Remark] = []
    header = record.group("MessageHeader")
    answered = header.each("ResponseFor")
    if len(answered) > 1:
        raise ElementInvalid("MessageHeader/ResponseFor", f"{len(answered)} lần / times", "1")
    if not answered:
        raise ElementMissing("MessageHeader/ResponseFor")
    return StatusPacket(
        sender=_party(header.group("From")),
        response_for=_response(answered[0], remarks),
        code=header.required("StatusCode"),
        description=header.text("Description"),
        at=header.text("Timestamp"),
        staff=_staff(header.group("StaffInfo")),
        remarks=tuple(remarks),
    )


def _party(record: Record) -> Party:
    text = record.texts.get
    return Party(
        code=record.required("OrganId"),
        in_charge=text("OrganizationInCharge", ""),
        name=text("OrganName", ""),
        address=text("OrganAdd", ""),
        email=text("Email", ""),
        telephone=text("Telephone", ""),
        fax=text("Fax", ""),
        website=text("Website", ""),
    )


def _recipients(header: Record) -> tuple[Party, ...]:
    seen: dict[str, Party] = {}
    for record in header.each("To"):
        party = _party(record)
        if party.code in seen:
            raise RecipientDuplicate(record.where("OrganId"), party.code, "1")
        seen[party.code] = party
    if not seen:
        raise ElementMissing(header.where("To"))
    return tuple(seen.values())


def _optional_date(record: Record, name: str, remarks: list[Remark]) -> date | None:
    return _date(record, name, remarks) if record.text(name) else None


def _date(record: Record, name: str, remarks: list[Remark]) -> date:
    """Read yyyy/MM/dd, or dd/MM/yyyy with a remark: the end where the year stands decides."""
    text = record.required(name)
    match = _DATE.fullmatch(text)
    numbers = [int(group) for group in match.groups() if group] if match else []
    day_first = bool(match and not match[1])
    try:
        year, month, day = reversed(numbers) if day_first else numbers
        found = date(year, month, day)
    except ValueError as error:
        raise ElementInvalid(record.where(name), text, "yyyy/MM/dd, dd/MM/yyyy") from error
    if day_first:
        remarks.append(Remark(code=DAY_FIRST, path=record.where(name), found=text))
    if day_first and day <= 12 and day != month:
        remarks.append(Remark(code=DATE_AMBIGUOUS, path=record.where(name), found=text))
    return found


def _signer(record: Record) -> Signer:
    return Signer(
        competence=record.text("Competence"),
        position=record.text("Position"),
        full_name=record.text("FullName"),
    )


def _filled(record: Record, name: str) -> tuple[str, ...]:
    return tuple(filter(None, record.many.get(name, ())))


def _places(record: Record) -> tuple[str, ...]:
    places = _filled(record, "Place")
    limit_width(record.path, "; ".join(places), MAX_PLACES)
    return places


def _reason(business: Record, business_type: int) -> str:
    reason = business.text("BussinessDocReason")
    return "" if reason == REASONS[business_type] else reason


def _earlier(business: Record, business_type: int, document_id: str) -> str:
    named = business.text("DocumentId")
    return "" if business_type == NEW_DOCUMENT and named == document_id else named


def _is_changed(business: Record) -> bool:
    return business.group("BussinessDocumentInfo").digit("DocumentInfo", 1, default="0") == 1


def _receiver_changes(record: Record) -> tuple[ReceiverChange, ...]:
    """Read who was added (1) or removed (0); a flag that denies its own list is refused."""
    changed = record.digit("DocumentReceiver", 1, default="1") == 1
    receivers = record.group("ReceiverList").each("Receiver")
    if receivers and not changed:
        raise ElementInvalid(record.where("DocumentReceiver"), "0", "1, <ReceiverList>")
    return tuple(
        ReceiverChange(code=each.required("OrganId"), added=each.digit("ReceiverType", 1) == 1)
        for each in receivers
    )


def _replaced(business: Record) -> Iterable[Record]:
    return business.group("ReplacementInfoList").each("ReplacementInfo")


def _replacement(record: Record) -> Replacement:
    organs = _filled(record.group("OrganIdList"), "OrganId")
    return Replacement(document_id=record.required("DocumentId"), organs=organs)


def _staff(record: Record) -> Staff:
    return Staff(
        department=record.text("Department"),
        name=record.text("Staff"),
        mobile=record.text("Mobile"),
        email=record.text("Email"),
        department_id=record.text("DepartmentId"),
        staff_id=record.text("StaffId"),
    )


def _other(record: Record) -> OtherInfo:
    return OtherInfo(
        sphere=record.text("SphereOfPromulgation"),
        typer=record.text("TyperNotation"),
        copies=record.text("PromulgationAmount"),
        pages=record.text("PageAmount"),
        direction=record.text("Direction"),
        appendixes=_filled(record.group("Appendixes"), "Appendix"),
    )


def _answered(header: Record) -> Iterator[Record]:
    """Yield what a document answers; some producers write the element and leave it empty."""
    return (each for each in header.each("ResponseFor") if any(each.texts.values()))


def _response(record: Record, remarks: list[Remark]) -> ResponseFor:
    """Read a document referred to, also if organ and code stand in each other's place (F12)."""
    organ, code = record.required("OrganId"), record.text("Code")
    document_id = record.text("DocumentId")
    if _ORGAN.fullmatch(code) and _NUMBER_NOTATION.fullmatch(organ):
        remarks.append(Remark(code=RESPONSE_SWAPPED, path=record.path, found=f"{organ}, {code}"))
        organ, code = code, organ
    if not document_id:
        code = code or record.required("Code")
    promulgated = _optional_date(record, "PromulgationDate", remarks)
    return ResponseFor(organ=organ, code=code, promulgated=promulgated, document_id=document_id)


def _is_signed(record: Record) -> bool:
    signatures = (each for name in SIGNATURES for each in record.each(name))
    return any(_filled(each, "SignatureValue") for each in signatures)


def _trace(record: Record) -> Trace:
    return Trace(code=record.text("OrganId"), at=record.text("Timestamp"))


def _attachments(record: Record) -> tuple[Attachment, ...]:
    attachments = tuple(map(_attachment, record.group("AttachmentEncoded").each("Attachment")))
    present = {attachment.content_id for attachment in attachments}
    for reference in record.group("edXMLManifest").each("Reference"):
        content_id = _content_id(reference)
        if content_id and content_id not in present:
            raise ElementMissing(f"AttachmentEncoded/Attachment[ContentId='{content_id[:60]}']")
    return attachments


def _attachment(record: Record) -> Attachment:
    if record.content is None:
        raise ElementMissing(record.where("ContentTransferEncoded"))
    return Attachment(
        name=record.required("AttachmentName"),
        content_type=record.text("ContentType"),
        content=record.content,
        content_id=_content_id(record),
        description=record.text("Description"),
    )


def _content_id(record: Record) -> str:
    return record.text("ContentId").removeprefix("cid:")
