"""Packets that must not go: made from real letters, each wrong in a way of its own."""

from dataclasses import replace
from datetime import date

from hoatoc.domain.packet import Packet, Party

UNKNOWN = Party(code="H99", name="Sở chưa đăng ký (minh họa)")
STAMP = "TỐI MẬT"


def unfit(packet: Packet, future: date) -> Packet:
    """Return a packet with no number, a recipient that nobody knows, and a day still to come."""
    return replace(
        packet,
        number="",
        document_id=f"{packet.sender.code},{future:%Y/%m/%d},/{packet.notation}",
        promulgated=future,
        recipients=(*packet.recipients, UNKNOWN),
    )


def stamped(packet: Packet, number: str, marker: str) -> Packet:
    """Return another document whose text bears a stamp of secrecy, and a marker to search for."""
    (attachment,) = packet.attachments
    text = f"{STAMP}\n\n{marker}\n\n".encode() + attachment.content
    return replace(
        packet,
        number=number,
        document_id=_document_id(packet, number),
        attachments=(replace(attachment, content=text),),
    )


def other_content(packet: Packet) -> Packet:
    """Return a packet that says something else under the same number."""
    return replace(packet, subject=f"{packet.subject} (bản khác)")


def _document_id(packet: Packet, number: str) -> str:
    day = packet.promulgated
    return f"{packet.sender.code},{day:%Y/%m/%d},{number}/{packet.notation}"
