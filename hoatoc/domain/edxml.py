"""edXML, the packet of QCVN 102:2016/BTTTT: read with tolerance, written to the letter.

Real producers differ in namespace, prefix, order of elements, case of the root, form of dates and
presence of a signature; reading matches local names below four sections and lets these differ. It
does not let pass what could change the meaning: an element that stands twice, a date that does not
exist, a file that the manifest names and the packet lacks.
"""

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple
from unicodedata import normalize
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from hoatoc.domain.packet import (
    Attachment,
    ContentTooLarge,
    DoctypeForbidden,
    ElementInvalid,
    ElementMissing,
    NotADocument,
    NotXml,
    Packet,
    Party,
    RecipientDuplicate,
    Signer,
    Trace,
)

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
MAX_PACKET_BYTES = 256 * 1024
"""The greatest packet that is carried inside a record; larger content needs its own store."""


_PARTY = {
    "OrganId": "code",
    "OrganizationInCharge": "in_charge",
    "OrganName": "name",
    "OrganAdd": "address",
    "Email": "email",
    "Telephone": "telephone",
    "Fax": "fax",
    "Website": "website",
}
_REPEATED = {
    "MessageHeader/To",
    "MessageHeader/ToPlaces/Place",
    "TraceHeaderList/TraceHeader",
    "edXMLManifest/Reference",
    "AttachmentEncoded/Attachment",
}
_STATUS = "MessageHeader/StatusCode"
_LEAVES = frozenset(
    {
        *(f"MessageHeader/From/{name}" for name in _PARTY),
        *(f"MessageHeader/To/{name}" for name in _PARTY),
        _STATUS,
        "MessageHeader/DocumentId",
        "MessageHeader/Code/CodeNumber",
        "MessageHeader/Code/CodeNotation",
        "MessageHeader/PromulgationInfo/Place",
        "MessageHeader/PromulgationInfo/PromulgationDate",
        "MessageHeader/DocumentType/Type",
        "MessageHeader/DocumentType/TypeName",
        "MessageHeader/DocumentType/TypeDetail",
        "MessageHeader/Subject",
        "MessageHeader/Content",
        "MessageHeader/SignerInfo/Competence",
        "MessageHeader/SignerInfo/Position",
        "MessageHeader/SignerInfo/FullName",
        "MessageHeader/DueDate",
        "MessageHeader/ToPlaces/Place",
        "MessageHeader/OtherInfo/Priority",
        "TraceHeaderList/TraceHeader/OrganId",
        "TraceHeaderList/TraceHeader/Timestamp",
        "TraceHeaderList/Bussiness/BussinessDocType",
        "TraceHeaderList/Bussiness/Paper",
        "edXMLManifest/Reference/ContentId",
        "AttachmentEncoded/Attachment/ContentId",
        "AttachmentEncoded/Attachment/AttachmentName",
        "AttachmentEncoded/Attachment/Description",
        "AttachmentEncoded/Attachment/ContentType",
        "AttachmentEncoded/Attachment/ContentTransferEncoded",
    }
)
_KNOWN = _LEAVES | {
    "/".join(names[:depth])
    for names in (leaf.split("/") for leaf in _LEAVES)
    for depth in range(1, len(names))
}
# Widths of ND 30/2020, Phụ lục VI, Phần II, in characters; OrganId as in QĐ 20/2020, Điều 4.
_WIDTHS = {
    "OrganId": 35,
    "OrganName": 200,
    "CodeNumber": 11,
    "CodeNotation": 30,
    "TypeName": 100,
    "Subject": 500,
    "Content": 500,
    "Position": 100,
    "FullName": 50,
    "Description": 500,
}
_PLACES_WIDTH = 1000
_DATE = re.compile(r"(\d{4})[/-](\d\d?)[/-](\d\d?)|(\d\d?)[/-](\d\d?)[/-](\d{4})", re.ASCII)
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


class _Spot(NamedTuple):
    """An open element that we know: its path in the table, and its path in this packet."""

    plain: str
    path: str


class _Reading:
    """Keep the text of the elements that we know, by path; a target of the XML parser.

    Unknown elements leave nothing behind, so a hostile packet cannot make us keep more than
    its own size.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._texts: dict[str, str] = {}
        self._open: list[_Spot | None] = []
        self._pieces: list[str] = []

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if not self._open and name.lower() != "edxml":
            raise NotADocument("/", f"<{name[:40]}>", "<edXML>")
        self._open.append(self._enter(self._open[-1] if self._open else None, name))
        self._pieces.clear()

    def _enter(self, parent: _Spot | None, name: str) -> _Spot | None:
        if parent and parent.plain in _LEAVES:
            raise ElementInvalid(parent.path, f"<{name[:40]}>", "text")
        plain = f"{parent.plain}/{name}" if parent else name
        if plain not in _KNOWN:
            return None
        if plain == _STATUS:
            raise NotADocument(plain, "<StatusCode>", "<DocumentId>, <Code>, <Subject>")
        return _Spot(plain, self._path(f"{parent.path}/{name}" if parent else name, plain))

    def _path(self, path: str, plain: str) -> str:
        self.counts[path] += 1
        if plain in _REPEATED:
            return f"{path}[{self.counts[path]}]"
        if self.counts[path] > 1:
            raise ElementInvalid(path, "2 lần / times", "1")
        return path

    def data(self, piece: str) -> None:
        if self._open[-1]:
            self._pieces.append(piece)

    def end(self, _tag: str) -> None:
        spot = self._open.pop()
        if spot and spot.plain in _LEAVES:
            text = "".join(self._pieces).strip()
            _limit_width(spot.path, text, _WIDTHS.get(spot.plain.rpartition("/")[2]))
            self._texts[spot.path] = text
        self._pieces.clear()

    def each(self, path: str) -> list[str]:
        return [f"{path}[{index}]" for index in range(1, self.counts[path] + 1)]

    def text(self, path: str) -> str:
        return self._texts.get(path, "")

    def required(self, path: str) -> str:
        if text := self.text(path):
            return text
        raise ElementMissing(path)

    def digit(self, path: str, highest: int, default: str = "") -> int:
        text = self.text(path) or default or self.required(path)
        if text in map(str, range(highest + 1)):
            return int(text)
        raise ElementInvalid(path, text, f"0…{highest}")


def read_packet(data: bytes) -> Packet:
    """Read an edXML document of at most `MAX_PACKET_BYTES` bytes; raise a `PacketFault`.

    A packed (zip) attachment is kept as it is. QCVN 102:2016/BTTTT; QĐ 28/2018/QĐ-TTg, Điều 9.1.
    """
    _limit_size(data)
    reading = _Reading()
    _parse(data, reading)
    return _packet(reading)


def _packet(reading: _Reading) -> Packet:
    required, text, digit = reading.required, reading.text, reading.digit
    header, business = "MessageHeader", "TraceHeaderList/Bussiness"
    return Packet(
        sender=_party(reading, f"{header}/From"),
        recipients=_recipients(reading),
        document_id=required(f"{header}/DocumentId"),
        number=required(f"{header}/Code/CodeNumber"),
        notation=required(f"{header}/Code/CodeNotation"),
        place=text(f"{header}/PromulgationInfo/Place"),
        promulgated=_date(reading, f"{header}/PromulgationInfo/PromulgationDate"),
        type_code=text(f"{header}/DocumentType/Type"),
        type_name=text(f"{header}/DocumentType/TypeName"),
        type_detail=text(f"{header}/DocumentType/TypeDetail"),
        subject=required(f"{header}/Subject"),
        content=text(f"{header}/Content"),
        signer=_signer(reading),
        due=_date(reading, f"{header}/DueDate") if text(f"{header}/DueDate") else None,
        places=_places(reading),
        # An urgent document must say so (QĐ 28/2018, Điều 6.2): one that says nothing is normal.
        priority=digit(f"{header}/OtherInfo/Priority", 4, default="0"),
        business_type=digit(f"{business}/BussinessDocType", 3),
        # Paper is the exception (QĐ 28/2018, Điều 5.3).
        paper=digit(f"{business}/Paper", 1, default="0") == 1,
        traces=_traces(reading),
        attachments=_attachments(reading),
    )


def _limit_size(data: bytes) -> None:
    if len(data) > MAX_PACKET_BYTES:
        raise ContentTooLarge("/", f"{len(data)} bytes", f"{MAX_PACKET_BYTES} bytes")


def _limit_width(path: str, text: str, width: int | None) -> None:
    if width and (length := len(normalize("NFC", text))) > width:
        raise ElementInvalid(path, f"{length} ký tự / characters", f"≤ {width}")


def _parse(data: bytes, reading: _Reading) -> None:
    parser = DefusedXMLParser(target=reading, forbid_dtd=True)
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException as error:
        raise DoctypeForbidden("/", type(error).__name__) from error
    except (ParseError, LookupError, ValueError) as error:
        raise NotXml("/", str(error), "XML 1.0, UTF-8") from error


def _party(reading: _Reading, path: str) -> Party:
    reading.required(f"{path}/OrganId")
    return Party(**{field: reading.text(f"{path}/{name}") for name, field in _PARTY.items()})


def _recipients(reading: _Reading) -> tuple[Party, ...]:
    paths = reading.each("MessageHeader/To")
    if not paths:
        raise ElementMissing("MessageHeader/To")
    seen: dict[str, Party] = {}
    for path in paths:
        party = _party(reading, path)
        if party.code in seen:
            raise RecipientDuplicate(f"{path}/OrganId", party.code, "1")
        seen[party.code] = party
    return tuple(seen.values())


def _date(reading: _Reading, path: str) -> date:
    text = reading.required(path)
    match = _DATE.fullmatch(text)
    numbers = [int(group) for group in match.groups() if group] if match else []
    try:
        year, month, day = numbers if match and match[1] else reversed(numbers)
        return date(year, month, day)
    except ValueError as error:
        raise ElementInvalid(path, text, "yyyy/MM/dd, dd/MM/yyyy") from error


def _signer(reading: _Reading) -> Signer:
    path = "MessageHeader/SignerInfo"
    return Signer(
        competence=reading.text(f"{path}/Competence"),
        position=reading.text(f"{path}/Position"),
        full_name=reading.text(f"{path}/FullName"),
    )


def _places(reading: _Reading) -> tuple[str, ...]:
    path = "MessageHeader/ToPlaces"
    places = tuple(filter(None, map(reading.text, reading.each(f"{path}/Place"))))
    _limit_width(path, "; ".join(places), _PLACES_WIDTH)
    return places


def _traces(reading: _Reading) -> tuple[Trace, ...]:
    return tuple(
        Trace(code=reading.text(f"{path}/OrganId"), at=reading.text(f"{path}/Timestamp"))
        for path in reading.each("TraceHeaderList/TraceHeader")
    )


def _attachments(reading: _Reading) -> tuple[Attachment, ...]:
    paths = reading.each("AttachmentEncoded/Attachment")
    attachments = tuple(_attachment(reading, path) for path in paths)
    present = {attachment.content_id for attachment in attachments}
    for path in reading.each("edXMLManifest/Reference"):
        content_id = _content_id(reading, path)
        if content_id and content_id not in present:
            raise ElementMissing(f"AttachmentEncoded/Attachment[ContentId='{content_id[:60]}']")
    return attachments


def _attachment(reading: _Reading, path: str) -> Attachment:
    return Attachment(
        name=reading.required(f"{path}/AttachmentName"),
        content_type=reading.text(f"{path}/ContentType"),
        content=_content(reading, f"{path}/ContentTransferEncoded"),
        content_id=_content_id(reading, path),
        description=reading.text(f"{path}/Description"),
    )


def _content_id(reading: _Reading, path: str) -> str:
    return reading.text(f"{path}/ContentId").removeprefix("cid:")


def _content(reading: _Reading, path: str) -> bytes:
    text = "".join(reading.required(path).split())
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise ElementInvalid(path, str(error), "Base64") from error


_REASONS = (
    "Văn bản điện tử mới",
    "Thu hồi văn bản điện tử",
    "Cập nhật văn bản điện tử",
    "Thay thế văn bản điện tử",
)


def write_packet(packet: Packet) -> bytes:
    """Write the edXML of a packet as UTF-8; raise `ContentTooLarge` above `MAX_PACKET_BYTES`."""
    envelope = _node("edXML:edXMLEnvelope", *_written_header(packet), *_written_body(packet))
    root = f'<edXML xmlns="{NAMESPACE}" xmlns:edXML="{NAMESPACE}">'
    lines = (
        _DECLARATION,
        root,
        *envelope,
        *_written_attachments(packet),
        "</edXML>",
        "",
    )
    data = "\n".join(lines).encode()
    _limit_size(data)
    return data


def _node(tag: str, *lines: str) -> list[str]:
    return [f"<{tag}>", *lines, f"</{tag.partition(' ')[0]}>"]


def _leaf(name: str, text: str, prefix: str = "edXML:") -> str:
    # A bare carriage return would be read back as a line feed.
    return f"<{prefix}{name}>{escape(text, {chr(13): '&#13;'})}</{prefix}{name}>"


def _leaves(tag: str, **texts: str) -> list[str]:
    return _node(f"edXML:{tag}", *(_leaf(name, text) for name, text in texts.items()))


def _written_header(packet: Packet) -> list[str]:
    return _node(
        "edXML:edXMLHeader",
        *_node("edXML:MessageHeader", *_written_message(packet)),
        *_node("edXML:TraceHeaderList", *_written_traces(packet)),
        "<edXML:DigitalSignature/>",
    )


def _written_message(packet: Packet) -> Iterable[str]:
    yield from _written_party("From", packet.sender)
    for recipient in packet.recipients:
        yield from _written_party("To", recipient)
    yield _leaf("DocumentId", packet.document_id)
    yield from _leaves("Code", CodeNumber=packet.number, CodeNotation=packet.notation)
    promulgated = _written_date(packet.promulgated)
    yield from _leaves("PromulgationInfo", Place=packet.place, PromulgationDate=promulgated)
    yield from _written_type(packet)
    yield _leaf("Subject", packet.subject)
    yield _leaf("Content", packet.content)
    yield from _written_signer(packet.signer)
    yield _leaf("DueDate", _written_date(packet.due))
    yield from _node("edXML:ToPlaces", *(_leaf("Place", place) for place in packet.places))
    yield from _leaves("OtherInfo", Priority=str(packet.priority))


def _written_party(tag: str, party: Party) -> list[str]:
    return _leaves(tag, **{name: getattr(party, field) for name, field in _PARTY.items()})


def _written_date(day: date | None) -> str:
    return f"{day.year:04}/{day.month:02}/{day.day:02}" if day else ""


def _written_type(packet: Packet) -> list[str]:
    return _leaves(
        "DocumentType",
        Type=packet.type_code,
        TypeName=packet.type_name,
        TypeDetail=packet.type_detail,
    )


def _written_signer(signer: Signer) -> list[str]:
    return _leaves(
        "SignerInfo",
        Competence=signer.competence,
        Position=signer.position,
        FullName=signer.full_name,
    )


def _written_traces(packet: Packet) -> Iterable[str]:
    for trace in packet.traces:
        yield from _leaves("TraceHeader", OrganId=trace.code, Timestamp=trace.at)
    yield from _node(
        "edXML:Bussiness",
        _leaf("DocumentId", packet.document_id),
        _leaf("BussinessDocType", str(packet.business_type)),
        _leaf("BussinessDocReason", _REASONS[packet.business_type]),
        _leaf("Paper", str(int(packet.paper))),
        *_leaves("StaffInfo", Department="", Staff="", Mobile="", Email=""),
    )


def _written_body(packet: Packet) -> list[str]:
    references = (line for each in packet.attachments for line in _written_reference(each))
    manifest = _node('edXML:edXMLManifest version="1.0"', *references)
    return _node("edXML:edXMLBody", *manifest)


def _written_reference(attachment: Attachment) -> list[str]:
    return _leaves(
        "Reference",
        ContentId=f"cid:{attachment.content_id}",
        ContentType=attachment.content_type,
        Description=attachment.description,
        AttachmentName=attachment.name,
    )


def _written_attachments(packet: Packet) -> list[str]:
    files = (line for each in packet.attachments for line in _written_attachment(each))
    return _node("AttachmentEncoded", *files)


def _written_attachment(attachment: Attachment) -> list[str]:
    return _node(
        "Attachment",
        _leaf("ContentId", f"cid:{attachment.content_id}", prefix=""),
        _leaf("AttachmentName", attachment.name, prefix=""),
        _leaf("Description", attachment.description, prefix=""),
        _leaf("ContentType", attachment.content_type, prefix=""),
        _leaf("ContentTransferEncoded", b64encode(attachment.content).decode()),
    )
