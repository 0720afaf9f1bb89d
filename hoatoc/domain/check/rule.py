"""What a check is made of: the case it looks at, the spots it finds, the rule that it states.

A rule is a row of a table: a code, a severity, a function that yields the spots where it is broken,
what was found and what to do in both languages, and the article it comes from. An article marked
[M] was not compared with its text yet, one marked [D] is derived: such rules never refuse.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from hoatoc.domain.check.document_type import SHIPPED, DocumentType
from hoatoc.domain.check.mark import Mark, clean, read_mark
from hoatoc.domain.examination import Examination
from hoatoc.domain.packet import Packet
from hoatoc.domain.registry import Registry, Resolved

CV_807 = "CV 807/VPCP-KSTT, mục 5"


class Severity(StrEnum):
    """What a finding does to the hand-over."""

    REFUSE = "refuse"
    WARN = "warn"


class Spot(NamedTuple):
    """Where a rule is broken: the element, what stands there, what should, and why (vi, en)."""

    path: str
    found: str = ""
    expected: str = ""
    why: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One document on one day of Vietnam, with what the registry and its files tell of it.

    `recipients` are in the order of the packet's; None is a code that the registry does not know.
    `codes` are theirs as registered, or as written if not known; `noticed` are the indices of those
    of whom the registry has something to say. `number` and `notation` are cleaned for comparison.
    `mark` is None unless it has the lawful form, `kind`
    unless the name of the type is known.
    """

    packet: Packet
    registry: Registry
    today: date
    examination: Examination | None
    sender: Resolved | None
    recipients: tuple[Resolved | None, ...]
    codes: tuple[str, ...]
    noticed: tuple[int, ...]
    number: str
    notation: str
    mark: Mark | None
    kind: DocumentType | None

    @property
    def issuer(self) -> str:
        """Return the name of the sending organ as registered; empty if it is not known."""
        return self.sender.organ.name if self.sender else ""

    def canonical(self, code: str) -> str:
        """Return the code under which an organ is registered; a code not known is its own."""
        resolved = self.registry.resolve(code, self.today)
        return resolved.organ.code if resolved else code


def case_of(
    packet: Packet, registry: Registry, today: date, examination: Examination | None
) -> Case:
    """Look up once what several rules ask."""
    number, notation = clean(packet.number), clean(packet.notation)
    mark = read_mark(number, notation)
    codes = [party.code for party in packet.recipients]
    recipients = tuple([registry.resolve(code, today) for code in codes])
    noticed = []
    for index, resolved in enumerate(recipients):
        if resolved:
            codes[index] = resolved.organ.code
            if resolved.notice:
                noticed.append(index)
    return Case(
        packet=packet,
        registry=registry,
        today=today,
        examination=examination,
        sender=registry.resolve(packet.sender.code, today),
        recipients=recipients,
        codes=tuple(codes),
        noticed=tuple(noticed),
        number=number,
        notation=notation,
        mark=mark,
        kind=SHIPPED.resolve(packet.type_name, year_in_mark=bool(mark and mark.year)),
    )


Spots = Iterator[Spot]


@dataclass(frozen=True, slots=True)
class Rule:
    """One check; `vi` and `en` hold what was found and the remedy, as templates of a `Spot`.

    A rule is `fixed` when the hand-over itself relies on it: no policy can soften it.
    """

    code: str
    severity: Severity
    look: Callable[[Case], Spots]
    vi: tuple[str, str]
    en: tuple[str, str]
    article: str
    fixed: bool = False
