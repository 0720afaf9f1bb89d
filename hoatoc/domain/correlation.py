"""Correlation: which copy a status packet speaks of (QCVN 102:2016, `ResponseFor`).

The direction rule: status 13 asks a copy back and comes from the original sender, so `ResponseFor`
names the recipient; every other status comes from the recipient, and `ResponseFor` names the
sender. The document is named by its id, or by number and notation with the day of promulgation.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from hoatoc.domain.delivery import canonical
from hoatoc.domain.identity import parse_document_id
from hoatoc.domain.packet import StatusPacket
from hoatoc.domain.page import VIETNAM

TAKE_BACK = "13"
"""The one status that the sender reports, and of a recipient's copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The copy that is meant: organs as written; `year` is None where no date was given."""

    sender: str
    recipient: str
    document_id: str
    year: int | None
    number: str
    notation: str


def meant(status: StatusPacket) -> Meant:
    """Tell which copy a status packet speaks of, as far as it says so."""
    answered = status.response_for
    takes_back = canonical(status.code) == TAKE_BACK
    named = parse_document_id(answered.document_id)
    number, _, notation = answered.code.partition("/")
    year = answered.promulgated.year if answered.promulgated else named.year
    return Meant(
        sender=status.sender.code if takes_back else answered.organ,
        recipient=answered.organ if takes_back else status.sender.code,
        document_id=answered.document_id,
        year=year,
        number=number or named.number,
        notation=notation or named.notation,
    )


def reported_at(status: StatusPacket) -> datetime | None:
    """Return when a status was reported by its own word, in Vietnam; None if it cannot be read."""
    for form in ("%Y/%m/%d %H:%M:%S", "%d/%m/%Y %H:%M:%S"):
        with suppress(ValueError):
            return datetime.strptime(status.at.strip(), form).replace(tzinfo=VIETNAM)
    return None
