"""Types of documents: their names, abbreviations and codes, and which go without paper.

The name decides, never the code: the two lists of SĐ1:2022 QCVN 102:2016 both count from 1, and how
they share the element `Type` is not known. Where one name stands in both groups (Quyết định),
the mark decides: only legislative documents carry the year in it (NĐ 30/2020, Phụ lục I, II.3).
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any
from unicodedata import normalize

from hoatoc.domain.error import OurFault
from hoatoc.domain.organ_name import begins

_INDIVIDUAL = re.compile(r"\(\s*cá biệt\s*\)")


class Group(StrEnum):
    """The legal group of a type."""

    LEGISLATIVE = "legislative"
    ADMINISTRATIVE = "administrative"
    COPY = "copy"


class Paper(StrEnum):
    """Whether a paper copy follows the electronic document (QĐ 28/2018, Điều 5.3; CV 775)."""

    NONE = "none"
    ALLOWED = "allowed"
    UNKNOWN = "unknown"


class DocumentTypesInvalid(OurFault):
    """The table of types names something unknown, or lacks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """A type of document; a list that is empty, or a text, says that nothing is settled.

    `code` is the position in its group's list. `paperless_of` and `issuers` are beginnings of the
    names of organs.
    """

    name: str
    group: Group
    source: str
    abbreviation: str = ""
    code: str = ""
    paperless: bool | None = None
    paperless_of: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()

    def paper(self, issuer: str) -> Paper:
        """Tell whether paper follows a document of this type by an issuer of this name."""
        if self.paperless is None:
            return Paper.UNKNOWN
        if self.paperless_of and not begins(issuer, self.paperless_of):
            return Paper.UNKNOWN
        return Paper.NONE if self.paperless else Paper.ALLOWED

    def may_issue(self, issuer: str) -> bool:
        """Tell whether an issuer of this name may issue it; true where nothing is settled."""
        return not self.issuers or begins(issuer, self.issuers)


class DocumentTypes:
    """All types, by name and by abbreviation."""

    def __init__(self, types: Iterable[DocumentType]) -> None:
        self.types = tuple(types)
        self.abbreviations = frozenset(each.abbreviation for each in self.types) - {""}
        named: defaultdict[str, list[DocumentType]] = defaultdict(list)
        for each in self.types:
            for key in {_key(each.name), _INDIVIDUAL.sub("", _key(each.name)).strip()}:
                named[key].append(each)
        self._named = {key: tuple(found) for key, found in named.items()}

    def named(self, name: str) -> tuple[DocumentType, ...]:
        """Return the types of a name, as compared (NFC, any case, single blanks)."""
        return self._named.get(_key(name), ())

    def resolve(self, name: str, *, year_in_mark: bool) -> DocumentType | None:
        """Return the one type that a name means, or None where it means none or several."""
        found = self.named(name)
        if len(found) > 1:
            group = Group.LEGISLATIVE if year_in_mark else Group.ADMINISTRATIVE
            found = tuple(each for each in found if each.group is group)
        return found[0] if len(found) == 1 else None


def _key(name: str) -> str:
    return " ".join(normalize("NFC", name).lower().split())


_TEXTS = {"name", "group", "source", "abbreviation", "code"}
_LISTS = {"paperless_of", "issuers"}


def parse_document_types(text: str) -> DocumentTypes:
    """Read the types from TOML; raise `DocumentTypesInvalid` naming type, field and remedy."""
    try:
        rows: list[dict[str, Any]] = tomllib.loads(text)["type"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise _invalid("type", repr(error), "TOML [[type]] …") from error
    return DocumentTypes([_document_type(index, row) for index, row in enumerate(rows, start=1)])


def _document_type(index: int, row: Mapping[str, Any]) -> DocumentType:
    where = f"type[{index}] {row.get('name', '')}"
    for field, value in row.items():
        if not _is_taken(field, value):
            raise _invalid(f"{where}.{field}", repr(value), _expected(field))
    for field in ("name", "group", "source"):
        if not row.get(field):
            raise _invalid(f"{where}.{field}", "", _expected(field))
    lists = {field: tuple(row[field]) for field in _LISTS & row.keys()}
    return DocumentType(**{**row, **lists, "group": Group(row["group"])})


def _is_taken(field: str, value: object) -> bool:
    if field == "group":
        return value in list(Group)
    if field == "paperless":
        return isinstance(value, bool)
    if field in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return field in _TEXTS and isinstance(value, str)


def _expected(field: str) -> str:
    if field == "group":
        return ", ".join(Group)
    if field == "paperless":
        return "true, false"
    known = ", ".join(sorted(_TEXTS | _LISTS | {"paperless"}))
    return f"[…]; {known}" if field in _LISTS else f"“…”; {known}"


def _invalid(where: str, found: str, expected: str) -> DocumentTypesInvalid:
    return DocumentTypesInvalid(
        f"Danh mục loại văn bản, {where}: có «{found}», cần {expected}. Sửa rồi chạy lại. / "
        f"Table of document types, {where}: found “{found}”, expected {expected}. Correct it and "
        "run again."
    )


# Shipped with the code and changed with it only: a constant, kept where people can read it.
SHIPPED = parse_document_types(
    files("hoatoc.data").joinpath("document_types.toml").read_text("utf-8")
)
