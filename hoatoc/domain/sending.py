"""Sending: what a packet asks for: copies to send, and earlier copies to ask back.

The four business types of QCVN 102:2016 (`BussinessDocType`). A document that is sent again to some
of its recipients, updated or replaced is another act of sending, never a duplicate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import RECALL, REPLACEMENT, UPDATE, Packet


class Form(StrEnum):
    """How a copy is asked back."""

    STATUS_13 = "status-13"
    REVOCATION = "revocation"
    REMOVED = "removed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBack:
    """Copies of an earlier document that are asked back.

    `document_id` is as the packet writes it; "" stands for the packet's own document.
    """

    form: Form
    document_id: str
    organs: tuple[OrganCode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a packet asks for; organs are under their registered codes."""

    copies: tuple[OrganCode, ...]
    asked_back: tuple[AskedBack, ...] = ()


def sending_of(packet: Packet, canonical: Callable[[str], OrganCode]) -> Sending:
    """Tell what a packet asks for; `canonical` gives the registered code of a code as written."""
    recipients = tuple(sorted({canonical(party.code) for party in packet.recipients}))
    if packet.business_type == RECALL:
        return Sending(copies=(), asked_back=(_back(packet, Form.REVOCATION, recipients),))
    if packet.business_type == UPDATE:
        return _update(packet, recipients, canonical)
    if packet.business_type == REPLACEMENT:
        return Sending(copies=recipients, asked_back=tuple(_replaced(packet, canonical)))
    return Sending(copies=recipients)


def _back(packet: Packet, form: Form, organs: tuple[OrganCode, ...]) -> AskedBack:
    named = packet.business_document_id
    own = named in ("", packet.document_id)
    return AskedBack(form=form, document_id="" if own else named, organs=organs)


def _update(
    packet: Packet, recipients: tuple[OrganCode, ...], canonical: Callable[[str], OrganCode]
) -> Sending:
    """Send to those added, and to all if the document changed; ask back from those removed."""
    added = {canonical(each.code) for each in packet.receiver_changes if each.added}
    removed = {canonical(each.code) for each in packet.receiver_changes if not each.added}
    told = {*recipients, *added} if packet.document_changed else added
    back = _back(packet, Form.REMOVED, tuple(sorted(removed)))
    return Sending(copies=tuple(sorted(told - removed)), asked_back=(back,) if removed else ())


def _replaced(packet: Packet, canonical: Callable[[str], OrganCode]) -> Iterator[AskedBack]:
    for each in packet.replacements:
        organs = tuple(sorted({canonical(code) for code in each.organs}))
        yield AskedBack(form=Form.REPLACED, document_id=each.document_id, organs=organs)
