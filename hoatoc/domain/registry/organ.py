"""An organ: an agency with the codes that it is known by, and the forms that codes have.

Two schemes of codes are in use and read in opposite directions (`G12.18`, `000.00.18.G12`); one is
never computed from the other: an organ carries both, and its older codes as aliases.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hoatoc.domain.identity import OrganCode

CODE_WIDTH = 35  # QĐ 20/2020/QĐ-TTg, Điều 4
NAME_WIDTH = 200  # NĐ 30/2020/NĐ-CP, Phụ lục VI

_QD20 = re.compile(rf"(?=.{{3,{CODE_WIDTH}}}$)[A-Z][0-9]{{2}}(\.[0-9A-Z]+)*")
_QCVN102 = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")  # QĐ 28/2018, Điều 10.2.a
_LEGACY = re.compile(r"[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")  # seen in registries from before 2016
_CODE = re.compile(rf"(?=.{{3,{CODE_WIDTH}}}$)[0-9A-Z]+([.-][0-9A-Z]+)*")
_ALIAS = re.compile(rf"[0-9A-Za-z._-]{{3,{CODE_WIDTH}}}")
_TOPIC_SAFE = re.compile(r"[A-Za-z0-9._-]+")


class Certainty(StrEnum):
    """How well the code of an organ is attested."""

    VERIFIED = "verified"
    SINGLE_SOURCE = "single-source"
    MEMORY = "memory"


class Form(StrEnum):
    """The scheme that a code has the form of; `OTHER` is of none that we know, and allowed."""

    QD20 = "QĐ 20/2020"
    QCVN102 = "QCVN 102:2016"
    LEGACY = "legacy"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Organ:
    """An agency: `code` as registered, `code102` its code in QCVN 102:2016 (may be empty).

    `aliases` are its other codes, older ones for instance. `hub` is the organ whose connection it
    uses, `parent` the one it belongs to, `successor` the one that took over its duties after
    `valid_to`; all three are codes as registered. `valid_from` and `valid_to` are the first and
    the last day in Vietnam on which it stands; none is open. `locked`: it takes nothing for now.
    `test`: it is no real organ.
    """

    code: OrganCode
    code102: str
    name: str
    email: str
    telephone: str
    certainty: Certainty
    aliases: tuple[str, ...] = ()
    hub: str = ""
    parent: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str = ""
    locked: bool = False
    test: bool = False
    note: str = ""

    def codes(self) -> tuple[str, ...]:
        """Return every code that it is known by."""
        if self.code102:
            return self.code, self.code102, *self.aliases
        return self.code, *self.aliases

    def is_ordinary(self) -> bool:
        """Tell whether it stands on every day, takes documents and is no test."""
        return (
            self.valid_to is None and self.valid_from is None and not self.locked and not self.test
        )

    def has_begun(self, on: date) -> bool:
        """Tell whether a day is not before its first one."""
        return self.valid_from is None or self.valid_from <= on

    def has_ended(self, on: date) -> bool:
        """Tell whether a day is after its last one."""
        return self.valid_to is not None and self.valid_to < on


def is_code(code: str) -> bool:
    """Tell whether a code is of one of the two schemes in force."""
    return form_of(code) in (Form.QD20, Form.QCVN102)


def form_of(code: str) -> Form:
    """Tell which scheme a code has the form of."""
    for form, pattern in ((Form.QD20, _QD20), (Form.QCVN102, _QCVN102), (Form.LEGACY, _LEGACY)):
        if pattern.fullmatch(code):
            return form
    return Form.OTHER


def is_qcvn102(code: str) -> bool:
    """Tell whether a code has the form of QCVN 102:2016."""
    return bool(_QCVN102.fullmatch(code))


def is_storable(code: str) -> bool:
    """Tell whether a code may be that of an organ: of a known scheme, or 3 to 35 of `0-9 A-Z . -`.

    Real registries hold codes of no scheme, such as `999.010.01.H22`.
    """
    return bool(_CODE.fullmatch(code))


def is_alias(code: str) -> bool:
    """Tell whether a code may be an alias: 3 to 35 of `0-9 A-Z a-z . _ -`."""
    return bool(_ALIAS.fullmatch(code))


def is_topic_safe(code: str) -> bool:
    """Tell whether a code may stand in the name of a Kafka topic."""
    return bool(_TOPIC_SAFE.fullmatch(code))


def level_of(code: str) -> int:
    """Return how many groups a code has; in the scheme of QĐ 20/2020 that is its level."""
    return code.count(".") + 1
