"""The fields of an organ as text: how each is read, and what to do when it cannot be."""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import date
from typing import Any, Final
from unicodedata import normalize

from hoatoc.domain.registry.fault import Fault
from hoatoc.domain.registry.organ import (
    NAME_WIDTH,
    Certainty,
    Organ,
    is_alias,
    is_qcvn102,
    is_storable,
)

COLUMNS: Final = tuple(field.name for field in fields(Organ))
REQUIRED: Final = ("code", "name", "certainty")
"""What an organ that is new cannot do without."""

EMPTY: Final[dict[str, Any]] = {"code102": "", "email": "", "telephone": ""} | {
    field.name: field.default for field in fields(Organ) if field.default is not MISSING
}
"""What every other field holds that is not written."""

Read = Callable[[str], Any]
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WRITTEN_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_YES, _NO = ("1", "true", "yes", "x", "có"), ("", "0", "false", "no", "không")
_CERTAINTIES = {each.value: each for each in Certainty}
SHOWN: Final = 60
"""How many characters of what was found are shown."""


def _code(text: str) -> str:
    if not is_storable(text):
        raise ValueError(text)
    return text


def _code102(text: str) -> str:
    if text and not is_qcvn102(text):
        raise ValueError(text)
    return text


def _aliases(text: str) -> tuple[str, ...]:
    codes = tuple(sorted(text.split()))
    if not all(map(is_alias, codes)):
        raise ValueError(text)
    return codes


def _certainty(text: str) -> Certainty:
    if text not in _CERTAINTIES:
        raise ValueError(text)
    return _CERTAINTIES[text]


def _text(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    if CONTROL.search(text):
        raise ValueError(text)
    return normalize("NFC", text)


def _name(text: str) -> str:
    if not 0 < len(text) <= NAME_WIDTH:
        raise ValueError(text)
    return _text(text)


def _day(text: str) -> date | None:
    if not text:
        return None
    if iso := _ISO_DAY.fullmatch(text):
        return date(int(iso[1]), int(iso[2]), int(iso[3]))
    if written := _WRITTEN_DAY.fullmatch(text):
        return date(int(written[3]), int(written[2]), int(written[1]))
    raise ValueError(text)


def _flag(text: str) -> bool:
    folded = text.casefold()
    if folded not in (*_YES, *_NO):
        raise ValueError(text)
    return folded in _YES


_CODE_REMEDY = (
    "ghi mã theo QĐ 20/2020 (G22, H16.05) hoặc QCVN 102:2016 (000.00.00.G22)",
    "write a code of QĐ 20/2020 (G22, H16.05) or of QCVN 102:2016 (000.00.00.G22)",
)
_TEXT_REMEDY = ("viết trên một dòng, bỏ ký tự điều khiển", "one line without control characters")
_DAY_REMEDY = (
    "ghi ngày như 2025-02-28 hoặc 28/02/2025, hoặc để trống",
    "write a day like 2025-02-28 or 28/02/2025, or leave it empty",
)
_FLAG_REMEDY = ("ghi 1 (có), 0 hoặc để trống (không)", "write 1 (yes), 0 or nothing (no)")
_LINK_REMEDY = (
    "ghi mã chính (cột code) của một cơ quan có trong danh mục, hoặc để trống",
    "write the code (column code) of an organ of the registry, or leave it empty",
)
_FIELDS: Final[dict[str, tuple[Read, tuple[str, str]]]] = {
    "code": (_code, _CODE_REMEDY),
    "code102": (
        _code102,
        (
            "ghi mã 13 ký tự theo QCVN 102:2016 (000.00.00.G22) hoặc để trống",
            "write a code of 13 characters as in QCVN 102:2016 (000.00.00.G22), or leave it empty",
        ),
    ),
    "name": (
        _name,
        (
            "ghi tên đầy đủ của cơ quan trên một dòng, tối đa 200 ký tự",
            "write the full name of the organ on one line, at most 200 characters",
        ),
    ),
    "email": (_text, _TEXT_REMEDY),
    "telephone": (_text, _TEXT_REMEDY),
    "certainty": (
        _certainty,
        (f"ghi một trong {', '.join(Certainty)}", f"write one of {', '.join(Certainty)}"),
    ),
    "aliases": (
        _aliases,
        (
            "ghi các mã khác, cách nhau bằng dấu cách, mỗi mã 3 đến 35 ký tự 0-9 A-Z a-z . _ -",
            "write the other codes, blanks between them, each 3 to 35 of 0-9 A-Z a-z . _ -",
        ),
    ),
    "hub": (lambda text: text and _code(text), _LINK_REMEDY),
    "parent": (lambda text: text and _code(text), _LINK_REMEDY),
    "valid_from": (_day, _DAY_REMEDY),
    "valid_to": (_day, _DAY_REMEDY),
    "successor": (lambda text: text and _code(text), _LINK_REMEDY),
    "locked": (_flag, _FLAG_REMEDY),
    "test": (_flag, _FLAG_REMEDY),
    "note": (_text, _TEXT_REMEDY),
}
READ: Final = {name: read for name, (read, _) in _FIELDS.items()}
"""What reads each field from its text, without blanks around it; raises ValueError."""


def fault_of(line: int, organ: str, field: str, found: str) -> Fault:
    """Return the fault of a field that holds what it cannot, with the remedy of that field."""
    remedy_vi, remedy_en = _FIELDS[field][1]
    return Fault(
        line=line,
        organ=organ,
        field=field,
        found=found[:SHOWN],
        remedy_vi=remedy_vi,
        remedy_en=remedy_en,
    )
