"""Writing edXML: the same packet always gives the same bytes.

What QCVN 102:2016/BTTTT has in every packet is written even if empty; what only some packets have
(recalls, updates, replacements, answers) is written where it says something.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import date
from xml.sax.saxutils import escape

from hoatoc.domain.content import Content, whole
from hoatoc.domain.edxml.element import NAMESPACE
from hoatoc.domain.edxml.parser import MAX_PACKET_BYTES
from hoatoc.domain.packet import (
    NEW_DOCUMENT,
    REASONS,
    Attachment,
    ContentTooLarge,
    ElementInvalid,
    OtherInfo,
    Packet,
    Party,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    StatusPacket,
)

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_ROOT = f'edXML xmlns="{NAMESPACE}" xmlns:edXML="{NAMESPACE}"'
# XML 1.0, 2.2: the characters that no escape can carry.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_packet(packet: Packet, *, limit: int = MAX_PACKET_BYTES) -> bytes:
    """Write a document as UTF-8; raise `ContentTooLarge` above `limit` bytes.

    Raises `ElementInvalid` for a character that XML cannot carry. No signature is written.
    """
    envelope = _node("edXML:edXMLEnvelope", *_header(packet), *_body(packet))
    return _document(limit, *envelope, *_attachments(packet))


def write_status(status: StatusPacket, *, limit: int = MAX_PACKET_BYTES) -> bytes:
    """Write a status report as UTF-8; raise as `write_packet` does."""
    header = _node("edXML:edXMLHeader", *_node("edXML:MessageHeader", *_report(status)))
    return _document(limit, *_node("edXML:edXMLEnvelope", *header))


def _document(limit: int, *lines: str) -> bytes:
    data = "\n".join((_DECLARATION, *_node(_ROOT, *lines), "")).encode()
    if len(data) > limit:
        raise ContentTooLarge("/", f"{len(data)} bytes", f"{limit} bytes")
    return data


def _node(tag: str, *lines: str) -> list[str]:
    return [f"<{tag}>", *lines, f"</{tag.partition(' ')[0]}>"]


def _leaf(name: str, text: str, prefix: str = "edXML:") -> str:
    if bad := _UNWRITABLE.search(text):
        raise ElementInvalid(name, f"U+{ord(bad[0]):04X}", "XML 1.0, 2.2")
    # A bare carriage return would be read back as a line feed.
    return f"<{prefix}{name}>{escape(text, {chr(13): '&#13;'})}</{prefix}{name}>"


def _leaves(tag: str, **texts: str) -> list[str]:
    return _node(f"edXML:{tag}", *(_leaf(name, text) for name, text in texts.items()))


def _filled(**texts: str) -> Iterator[str]:
    return (_leaf(name, text) for name, text in texts.items() if text)


def _filled_node(tag: str, lines: Iterable[str]) -> list[str]:
    inside = list(lines)
    return _node(f"edXML:{tag}", *inside) if inside else []


def _header(packet: Packet) -> list[str]:
    return _node(
        "edXML:edXMLHeader",
        *_node("edXML:MessageHeader", *_message(packet)),
        *_node("edXML:TraceHeaderList", *_traces(packet)),
        "<edXML:DigitalSignature/>",
    )


def _message(packet: Packet) -> Iterator[str]:
    yield from _party("From", packet.sender)
    for recipient in packet.recipients:
        yield from _party("To", recipient)
    yield _leaf("DocumentId", packet.document_id)
    yield from _leaves("Code", CodeNumber=packet.number, CodeNotation=packet.notation)
    promulgated = _date(packet.promulgated)
    yield from _leaves("PromulgationInfo", Place=packet.place, PromulgationDate=promulgated)
    yield from _type(packet)
    yield _leaf("Subject", packet.subject)
    yield _leaf("Content", packet.content)
    yield from _signer(packet.signer)
    yield _leaf("DueDate", _date(packet.due))
    yield from _node("edXML:ToPlaces", *(_leaf("Place", place) for place in packet.places))
    yield from _node("edXML:OtherInfo", *_other(packet.priority, packet.other))
    for response in packet.responses:
        yield from _response(response)
    yield from _filled(SteeringType=packet.steering)


def _party(tag: str, party: Party) -> list[str]:
    return _leaves(
        tag,
        OrganId=party.code,
        OrganizationInCharge=party.in_charge,
        OrganName=party.name,
        OrganAdd=party.address,
        Email=party.email,
        Telephone=party.telephone,
        Fax=party.fax,
        Website=party.website,
    )


def _date(day: date | None) -> str:
    return f"{day.year:04}/{day.month:02}/{day.day:02}" if day else ""


def _type(packet: Packet) -> list[str]:
    return _leaves(
        "DocumentType",
        Type=packet.type_code,
        TypeName=packet.type_name,
        TypeDetail=packet.type_detail,
    )


def _signer(signer: Signer) -> list[str]:
    return _leaves(
        "SignerInfo",
        Competence=signer.competence,
        Position=signer.position,
        FullName=signer.full_name,
    )


def _other(priority: int, other: OtherInfo) -> Iterator[str]:
    yield _leaf("Priority", str(priority))
    yield from _filled(
        SphereOfPromulgation=other.sphere,
        TyperNotation=other.typer,
        PromulgationAmount=other.copies,
        PageAmount=other.pages,
        Direction=other.direction,
    )
    yield from _filled_node("Appendixes", (_leaf("Appendix", each) for each in other.appendixes))


def _response(response: ResponseFor) -> list[str]:
    return _leaves(
        "ResponseFor",
        OrganId=response.organ,
        Code=response.code,
        PromulgationDate=_date(response.promulgated),
        DocumentId=response.document_id,
    )


def _traces(packet: Packet) -> Iterator[str]:
    for trace in packet.traces:
        yield from _leaves("TraceHeader", OrganId=trace.code, Timestamp=trace.at)
    yield from _node("edXML:Bussiness", *_business(packet))


def _business(packet: Packet) -> Iterator[str]:
    document_id = packet.business_document_id
    if packet.business_type == NEW_DOCUMENT:
        document_id = document_id or packet.document_id
    yield _leaf("DocumentId", document_id)
    yield _leaf("BussinessDocType", str(packet.business_type))
    yield _leaf("BussinessDocReason", packet.business_reason or REASONS[packet.business_type])
    yield _leaf("Paper", str(int(packet.paper)))
    yield from _staff(packet.staff)
    if packet.document_changed or packet.receiver_changes:
        yield from _node("edXML:BussinessDocumentInfo", *_changes(packet))
    replaced = (line for each in packet.replacements for line in _replacement(each))
    yield from _filled_node("ReplacementInfoList", replaced)


def _staff(staff: Staff) -> list[str]:
    always = _leaves(
        "StaffInfo",
        Department=staff.department,
        Staff=staff.name,
        Mobile=staff.mobile,
        Email=staff.email,
    )
    ids = _filled(DepartmentId=staff.department_id, StaffId=staff.staff_id)
    return [*always[:-1], *ids, always[-1]]


def _changes(packet: Packet) -> Iterator[str]:
    yield _leaf("DocumentInfo", str(int(packet.document_changed)))
    yield _leaf("DocumentReceiver", str(int(bool(packet.receiver_changes))))
    receivers = (line for each in packet.receiver_changes for line in _receiver(each))
    yield from _filled_node("ReceiverList", receivers)


def _receiver(change: ReceiverChange) -> list[str]:
    return _leaves("Receiver", OrganId=change.code, ReceiverType=str(int(change.added)))


def _replacement(replacement: Replacement) -> list[str]:
    organs = (_leaf("OrganId", organ) for organ in replacement.organs)
    return _node(
        "edXML:ReplacementInfo",
        _leaf("DocumentId", replacement.document_id),
        *_node("edXML:OrganIdList", *organs),
    )


def _body(packet: Packet) -> list[str]:
    references = (line for each in packet.attachments for line in _reference(each))
    manifest = _node('edXML:edXMLManifest version="1.0"', *references)
    return _node("edXML:edXMLBody", *manifest)


def _reference(attachment: Attachment) -> list[str]:
    return _leaves(
        "Reference",
        ContentId=f"cid:{attachment.content_id}",
        ContentType=attachment.content_type,
        Description=attachment.description,
        AttachmentName=attachment.name,
    )


def _attachments(packet: Packet) -> list[str]:
    files = (line for each in packet.attachments for line in _attachment(each))
    return _node("AttachmentEncoded", *files)


def _attachment(attachment: Attachment) -> list[str]:
    return _node(
        "Attachment",
        _leaf("ContentId", f"cid:{attachment.content_id}", prefix=""),
        _leaf("AttachmentName", attachment.name, prefix=""),
        _leaf("Description", attachment.description, prefix=""),
        _leaf("ContentType", attachment.content_type, prefix=""),
        _content(attachment.content),
    )


def _content(content: Content) -> str:
    name = "edXML:ContentTransferEncoded"
    return f"<{name}>{b64encode(whole(content)).decode()}</{name}>"


def _report(status: StatusPacket) -> Iterator[str]:
    yield from _party("From", status.sender)
    yield from _response(status.response_for)
    yield from _staff(status.staff)
    yield _leaf("StatusCode", status.code)
    yield _leaf("Description", status.description)
    yield _leaf("Timestamp", status.at)
