"""The registry: which organs there are, under which codes.

Two schemes of codes are in use and read in opposite directions (`G12.18`, `000.00.18.G12`); one is
never computed from the other: an organ carries both.
"""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import OrganCode

COLUMNS = ("code", "code102", "name", "email", "telephone", "certainty")

_QD20 = re.compile(r"(?=.{3,35}$)[A-Z][0-9]{2}(\.[0-9A-Z]+)*")  # QĐ 20/2020/QĐ-TTg, Điều 4
_QCVN102 = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")  # QĐ 28/2018, Điều 10.2.a
_NAME_WIDTH = 200  # NĐ 30/2020/NĐ-CP, Phụ lục VI
_TOPIC_SAFE = re.compile(r"[A-Za-z0-9._-]+")


class Certainty(StrEnum):
    """How well the code of an organ is attested."""

    VERIFIED = "verified"
    SINGLE_SOURCE = "single-source"
    MEMORY = "memory"


class RegistryInvalid(PeerFault):
    """A line of the registry cannot be taken; the message names line, field and remedy."""

    def __init__(self, line: int, field: str, found: str, remedy_vi: str, remedy_en: str) -> None:
        self.line, self.field, self.found = line, field, found[:60]
        super().__init__(
            f"Danh mục cơ quan, dòng {line}, cột {field}: «{self.found}» không hợp lệ; {remedy_vi}."
            f" / Registry of organs, line {line}, column {field}: “{self.found}” is not valid;"
            f" {remedy_en}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Organ:
    """An agency: `code` as registered, `code102` its alias in QCVN 102:2016 (may be empty)."""

    code: OrganCode
    code102: str
    name: str
    email: str
    telephone: str
    certainty: Certainty


def is_code(code: str) -> bool:
    """Tell whether a code is of one of the two schemes."""
    return bool(_QD20.fullmatch(code) or _QCVN102.fullmatch(code))


def is_topic_safe(code: str) -> bool:
    """Tell whether a code may stand in the name of a Kafka topic."""
    return bool(_TOPIC_SAFE.fullmatch(code))


def parse_organs(text: str) -> tuple[Organ, ...]:
    """Read organs from CSV with the header `COLUMNS`; raise `RegistryInvalid` at a fault."""
    reader = csv.DictReader(text.splitlines(), restval="")
    if tuple(reader.fieldnames or ()) != COLUMNS:
        columns = ",".join(COLUMNS)
        found = ",".join(reader.fieldnames or ())
        raise RegistryInvalid(1, "*", found, f"dòng đầu phải là {columns}", f"expected {columns}")
    organs = tuple(_organ(reader.line_num, row) for row in reader)
    by_code(organs)
    return organs


def by_code(organs: Iterable[Organ]) -> dict[str, Organ]:
    """Index organs by each of their codes; raise `RegistryInvalid` if two share one."""
    index: dict[str, Organ] = {}
    for line, organ in enumerate(organs, start=2):
        for code in filter(None, (organ.code, organ.code102)):
            if index.setdefault(code, organ) is not organ:
                raise RegistryInvalid(
                    line,
                    "code",
                    code,
                    "mã đã có, hãy bỏ một dòng",
                    "remove one of the two lines",
                )
    return index


_Rule = tuple[str, Callable[[str], bool], str, str]
_RULES: tuple[_Rule, ...] = (
    (
        "code",
        is_code,
        "ghi mã theo QĐ 20/2020 (G22, H16.05) hoặc QCVN 102:2016 (000.00.00.G22)",
        "write a code of QĐ 20/2020 (G22, H16.05) or of QCVN 102:2016 (000.00.00.G22)",
    ),
    (
        "code102",
        lambda code: not code or bool(_QCVN102.fullmatch(code)),
        "ghi mã 13 ký tự theo QCVN 102:2016 (000.00.00.G22) hoặc để trống",
        "write a code of 13 characters as in QCVN 102:2016 (000.00.00.G22), or leave it empty",
    ),
    (
        "name",
        lambda name: 0 < len(name) <= _NAME_WIDTH,
        "ghi tên đầy đủ của cơ quan, tối đa 200 ký tự",
        "write the full name of the organ, at most 200 characters",
    ),
    (
        "certainty",
        lambda certainty: certainty in list(Certainty),
        f"ghi một trong {', '.join(Certainty)}",
        f"write one of {', '.join(Certainty)}",
    ),
)


def _organ(line: int, row: dict[str, str]) -> Organ:
    for field, valid, remedy_vi, remedy_en in _RULES:
        if not valid(row[field]):
            raise RegistryInvalid(line, field, row[field], remedy_vi, remedy_en)
    return Organ(
        code=OrganCode(row["code"]),
        code102=row["code102"],
        name=row["name"],
        email=row["email"],
        telephone=row["telephone"],
        certainty=Certainty(row["certainty"]),
    )
