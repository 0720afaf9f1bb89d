"""Variants of a real letter: as its draft, as it must not go, and as it is searched for."""

from dataclasses import replace
from datetime import date
from itertools import islice
from random import Random
from string import ascii_lowercase

from hoatoc.domain.content import whole
from hoatoc.domain.packet import Attachment, Packet, Party

UNKNOWN = Party(code="H99", name="Sở chưa đăng ký (minh họa)")
STAMP = "TỐI MẬT"
_ANNEX = "phu-luc.txt"
_WORDS, _LINES, _REPEATS = 12, 16, 8


def unnumbered(packet: Packet) -> Packet:
    """Return a packet as of a draft that was never registered: it has a notation, no number."""
    return replace(packet, number="", document_id=_document_id(packet, ""))


def unfit(packet: Packet, future: date) -> Packet:
    """Return a packet with a recipient that nobody knows, and a day still to come."""
    dated = replace(packet, promulgated=future)
    return replace(
        dated,
        document_id=_document_id(dated, packet.number),
        recipients=(*packet.recipients, UNKNOWN),
    )


def other_content(packet: Packet) -> Packet:
    """Return a packet that says something else under the same number."""
    return replace(packet, subject=f"{packet.subject} (bản khác)")


def annexed(packet: Packet, marker: str) -> Packet:
    """Return a letter with an annex that holds a marker to search for, and cannot be compressed.

    PostgreSQL compresses what can be compressed, and a text in it could not be found on disk.
    """
    chance = Random(marker)
    text = "\n".join(f"{marker}\n{_filling(chance)}" for _ in range(_REPEATS)).encode()
    annex = Attachment(name=_ANNEX, content_type="text/plain", content=text, content_id=_ANNEX)
    return replace(packet, attachments=(*_without_annex(packet), annex))


def _filling(chance: Random) -> str:
    """Return lines of words that mean nothing."""
    words = ("".join(chance.choices(ascii_lowercase, k=7)) for _ in range(_LINES * _WORDS))
    return "\n".join(" ".join(islice(words, _WORDS)) for _ in range(_LINES))


def stamped(packet: Packet, number: str, marker: str) -> Packet:
    """Return the same letter under another number, with a stamp of secrecy and its own marker."""
    first, *others = _without_annex(packet)
    text = f"{STAMP}\n\n".encode() + whole(first.content)
    bearing = replace(packet, attachments=(replace(first, content=text), *others))
    secret = replace(bearing, number=number, document_id=_document_id(packet, number))
    return annexed(secret, marker)


def _without_annex(packet: Packet) -> tuple[Attachment, ...]:
    return tuple(each for each in packet.attachments if each.name != _ANNEX)


def _document_id(packet: Packet, number: str) -> str:
    day = packet.promulgated
    return f"{packet.sender.code},{day:%Y/%m/%d},{number}/{packet.notation}"
