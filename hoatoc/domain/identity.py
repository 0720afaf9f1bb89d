"""Identity: what makes two hand-overs the same document, the same dispatch, the same delivery."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import date
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from json import JSONEncoder
from operator import attrgetter
from typing import NamedTuple, NewType
from unicodedata import normalize
from uuid import UUID, uuid5

from hoatoc.domain.content import digest_of
from hoatoc.domain.packet import NEW_DOCUMENT, RECALL, Attachment, Packet, Party

DispatchId = NewType("DispatchId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
OrganCode = NewType("OrganCode", str)

# Blanks of Unicode, and the marks of no width that come with pasted text.
_BLANKS = re.compile(r"[\s\u00ad\u200b-\u200d\u2060\ufeff]+")
# Eth and African D print like Đ and are typed in its place.
_LOOK_ALIKES = str.maketrans({"\u00d0": "\u0110", "\u0189": "\u0110"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKey:
    """The legal identity of a document, normalised for comparison only (NĐ 30/2020, Điều 15.1)."""

    issuer: OrganCode
    year: int
    number: str
    notation: str


def document_key(packet: Packet, issuer: OrganCode | None = None) -> DocumentKey:
    """Tell the legal identity of a document: numbers begin again each year (NĐ 30, Điều 15.1).

    `issuer` is the code under which the sender is registered; without it the sender's code stands
    as written.
    """
    return DocumentKey(
        issuer=OrganCode(_folded(issuer or packet.sender.code)),
        year=packet.promulgated.year,
        number=_number(packet.number),
        notation=_folded(packet.notation),
    )


def folded_mark(number: str, notation: str) -> tuple[str, str]:
    """Return number and notation as `DocumentKey` has them, for comparison only."""
    return _number(number), _folded(notation)


def _number(text: str) -> str:
    return _folded(text).lstrip("0") or "0"


def _folded(text: str) -> str:
    upper = _BLANKS.sub("", normalize("NFC", text)).upper()
    return normalize("NFC", upper.translate(_LOOK_ALIKES))


def dispatch_id_from(now_ms: int, random: bytes) -> DispatchId:
    """Build a UUIDv7 of milliseconds since 1970 UTC and 10 random bytes (RFC 9562, 5.7)."""
    chance = int.from_bytes(random)
    high = now_ms << 16 | 0x7000 | chance >> 62 & 0x0FFF
    low = 0b10 << 62 | chance & (1 << 62) - 1
    return DispatchId(UUID(int=high << 64 | low))


@lru_cache(65_536)
@lru_cache(16_384)  # what is said of a copy comes close together
def delivery_id(dispatch_id: DispatchId, recipient: OrganCode) -> DeliveryId:
    """Derive the id of one copy from its dispatch and the recipient's code as registered."""
    return DeliveryId(uuid5(dispatch_id, recipient))


def content_digest(packet: Packet) -> bytes:
    """Digest (SHA-256) what a person would call the content, however it was serialised.

    The order of recipients and files, the ids of files inside the packet, the systems it passed,
    its signature and the remarks of its reading do not count; texts count as NFC.
    """
    content = ", ".join(f"{_json(name)}: {text}" for name, text in sorted(_content(packet)))
    return sha256(f"{{{content}}}".encode()).digest()


_json = JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_PARTY = sorted(each.name for each in fields(Party))
_PARTY_FORM = ", ".join(f'"{name}": %s' for name in _PARTY)
_party_values = attrgetter(*_PARTY)
# Fields that came after digests were first kept: at their defaults they do not count.
_LATER = (
    "business_document_id",
    "business_reason",
    "document_changed",
    "other",
    "receiver_changes",
    "replacements",
    "responses",
    "staff",
    "steering",
)
_PLAIN = (
    "business_type",
    "content",
    "document_id",
    "notation",
    "number",
    "paper",
    "place",
    "places",
    "priority",
    "subject",
    "type_code",
    "type_detail",
    "type_name",
)
_DEFAULT = {each.name: each.default for each in fields(Packet) if each.name in _LATER}


def _content(packet: Packet) -> Iterator[tuple[str, str]]:
    """Yield each field that counts, with its canonical form."""
    yield "attachments", _canonical(sorted(map(_file, packet.attachments)))
    yield "due", _canonical(packet.due and packet.due.isoformat())
    yield "promulgated", _canonical(packet.promulgated.isoformat())
    yield "recipients", f"[{', '.join(sorted(map(_party, packet.recipients)))}]"
    yield "sender", _party(packet.sender)
    yield "signer", _canonical(asdict(packet.signer))
    for name in _PLAIN:
        yield name, _canonical(getattr(packet, name))
    for name in _LATER:
        if (value := getattr(packet, name)) != _DEFAULT[name]:
            yield name, _canonical(_plain(value))


def _party(party: Party) -> str:
    return normalize("NFC", f"{{{_PARTY_FORM % tuple(map(_json, _party_values(party)))}}}")


def _file(attachment: Attachment) -> list[str]:
    texts = (attachment.name, attachment.content_type, attachment.description)
    return [
        digest_of(attachment.content).hex(),
        *(normalize("NFC", text) for text in texts),
    ]


def _canonical(value: object) -> str:
    return normalize("NFC", _json(value))


def _plain(value: object) -> object:
    """Take a value apart into what JSON has."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value


class Duplicate(StrEnum):
    """Which of the two alarms of NĐ 30/2020, Phụ lục VI, Phần I, III.1.h a document sets off."""

    IDENTIFIER = "document-identifier-repeats"
    NUMBER_NOTATION_ISSUER = "number-notation-issuer-repeat"


class Namesake(NamedTuple):
    """What is kept, beside its packet, of an earlier document of the same id, or number and year.

    `issuer` is the code of a `DocumentKey`.
    """

    document_id: str
    issuer: str
    issuer_name: str
    business_type: int
    content_digest: bytes


def may_repeat(new: Packet, key: DocumentKey, digest: bytes, earlier: Namesake) -> bool:
    """Tell whether `duplicate_of` may find an alarm, so that its packet has to be read."""
    if new.business_type != NEW_DOCUMENT or earlier.business_type == RECALL:
        return False
    if digest == earlier.content_digest:
        return False
    if _folded(new.document_id) == _folded(earlier.document_id):
        return True
    name = _folded(new.sender.name)
    same_name = bool(name and name == _folded(earlier.issuer_name))
    return same_name or earlier.issuer in {key.issuer, _folded(new.sender.code)}


def duplicate_of(new: Packet, earlier: Packet) -> Duplicate | None:
    """Tell whether a new document repeats the marks of an earlier one, and which.

    None for what repeats them lawfully: the same document sent again, to whomever; an update,
    recall or replacement of an earlier one; another year, for numbers begin again (Điều 15.1).
    """
    return None if earlier.business_type == RECALL else repeats(new, marks_of(earlier))


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the two alarms go by of an earlier document; `digest` is its `document_digest`."""

    digest: bytes
    document_id: str
    year: int
    number: str
    notation: str
    issuer: Party


def marks_of(packet: Packet) -> Marks:
    """Return the marks of a document."""
    return Marks(
        digest=document_digest(packet),
        document_id=packet.document_id,
        year=packet.promulgated.year,
        number=packet.number,
        notation=packet.notation,
        issuer=packet.sender,
    )


def document_digest(packet: Packet) -> bytes:
    """Digest (SHA-256) the content but for the recipients: the same for whomever it is sent to."""
    return content_digest(replace(packet, recipients=()))


def repeats(new: Packet, earlier: Marks) -> Duplicate | None:
    """Tell as `duplicate_of` does of an earlier document that was no recall, by its marks."""
    if new.business_type != NEW_DOCUMENT or document_digest(new) == earlier.digest:
        return None
    if _folded(new.document_id) == _folded(earlier.document_id):
        return Duplicate.IDENTIFIER
    if _numbers(marks_of(new)) == _numbers(earlier) and _is_same_issuer(new.sender, earlier.issuer):
        return Duplicate.NUMBER_NOTATION_ISSUER
    return None


def _numbers(marks: Marks) -> tuple[int, str, str]:
    return marks.year, _number(marks.number), _folded(marks.notation)


def _is_same_issuer(one: Party, other: Party) -> bool:
    """The law compares names; an organ that gives none is known by its code."""
    name = _folded(one.name)
    return bool(name and name == _folded(other.name)) or _folded(one.code) == _folded(other.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReference:
    """What a document id says, of whichever form; `raw` is all that an unknown form gives."""

    organ: str = ""
    year: int | None = None
    promulgated: date | None = None
    number: str = ""
    notation: str = ""
    raw: str


_ID_ORGAN = r"(?P<organ>[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)"
_ID_CODE = r"(?P<number>[0-9]{1,11})\s*/\s*(?P<notation>\S.*)"
_ID_FORMS = (
    # of most producers: 000.00.00.G22,2015/09/30,7816/VPCP-TTĐT
    rf"{_ID_ORGAN}\s*,\s*(?P<date>[0-9]{{4}}[/-][0-9]{{1,2}}[/-][0-9]{{1,2}})\s*,\s*{_ID_CODE}",
    # QĐ 28/2018, Điều 10.2.b, to the letter: 000.00.01.H08,2018,10
    rf"{_ID_ORGAN}\s*,\s*(?P<year>[0-9]{{4}})\s*,\s*(?P<number>[0-9]{{1,11}})",
    # of some systems of ministries: G22-2021-807/VPCP-KSTT
    rf"{_ID_ORGAN}-(?P<year>[0-9]{{4}})-{_ID_CODE}",
)
_ID_PATTERNS = tuple(re.compile(form) for form in _ID_FORMS)


def parse_document_id(text: str) -> DocumentReference:
    """Read a document id in any of the forms in use; one of another form stays `raw`.

    An id whose date does not exist is of no known form. Nothing is normalised.
    """
    stripped = normalize("NFC", text).strip()
    for pattern in _ID_PATTERNS:
        if match := pattern.fullmatch(stripped):
            return _reference(match.groupdict(default=""), text)
    return DocumentReference(raw=text)


def _reference(found: dict[str, str], raw: str) -> DocumentReference:
    try:
        numbers = [int(part) for part in re.split("[/-]", found.get("date", "")) if part]
        promulgated = date(*numbers) if numbers else None
    except ValueError:
        return DocumentReference(raw=raw)
    return DocumentReference(
        organ=found["organ"],
        year=promulgated.year if promulgated else int(found["year"]),
        promulgated=promulgated,
        number=found["number"],
        notation=found.get("notation", ""),
        raw=raw,
    )
