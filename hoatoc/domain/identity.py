"""Identity: what makes two hand-overs the same document, the same dispatch, the same delivery."""

import json
import re
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import NewType
from unicodedata import normalize
from uuid import UUID, uuid5

from hoatoc.domain.packet import Attachment, Packet

DispatchId = NewType("DispatchId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
OrganCode = NewType("OrganCode", str)

_BLANKS = re.compile(r"\s+")
# Eth and African D print like Đ and are typed in its place.
_LOOK_ALIKES = str.maketrans({"\u00d0": "\u0110", "\u0189": "\u0110"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKey:
    """The legal identity of a document, normalised for comparison only (NĐ 30/2020, Điều 15.1)."""

    issuer: OrganCode
    year: int
    number: str
    notation: str


def document_key(packet: Packet) -> DocumentKey:
    """Tell the legal identity of a document; the issuer is the sender's code as written."""
    return DocumentKey(
        issuer=OrganCode(_folded(packet.sender.code)),
        year=packet.promulgated.year,
        number=_folded(packet.number).lstrip("0") or "0",
        notation=_folded(packet.notation),
    )


def _folded(text: str) -> str:
    upper = _BLANKS.sub("", normalize("NFC", text)).upper()
    return normalize("NFC", upper.translate(_LOOK_ALIKES))


def dispatch_id_from(now_ms: int, random: bytes) -> DispatchId:
    """Build a UUIDv7 of milliseconds since 1970 UTC and 10 random bytes (RFC 9562, 5.7)."""
    chance = int.from_bytes(random)
    high = now_ms << 16 | 0x7000 | chance >> 62 & 0x0FFF
    low = 0b10 << 62 | chance & (1 << 62) - 1
    return DispatchId(UUID(int=high << 64 | low))


def delivery_id(dispatch_id: DispatchId, recipient: OrganCode) -> DeliveryId:
    """Derive the id of one copy from its dispatch and the recipient's code as registered."""
    return DeliveryId(uuid5(dispatch_id, recipient))


def content_digest(packet: Packet) -> bytes:
    """Digest (SHA-256) what a person would call the content, however it was serialised.

    The order of recipients and files, the ids of files inside the packet and the systems it
    passed do not count; texts count as NFC.
    """
    fields = asdict(packet) | {
        "promulgated": packet.promulgated.isoformat(),
        "due": packet.due and packet.due.isoformat(),
        "recipients": sorted((asdict(each) for each in packet.recipients), key=_canonical),
        "attachments": sorted(map(_file, packet.attachments)),
    }
    for apart in ("traces", "remarks", "signed"):
        del fields[apart]
    return sha256(_canonical(fields).encode()).digest()


def _file(attachment: Attachment) -> list[str]:
    texts = (attachment.name, attachment.content_type, attachment.description)
    return [
        sha256(attachment.content).hexdigest(),
        *(normalize("NFC", text) for text in texts),
    ]


def _canonical(value: object) -> str:
    return normalize("NFC", json.dumps(value, ensure_ascii=False, sort_keys=True))
