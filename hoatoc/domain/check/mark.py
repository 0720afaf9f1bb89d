"""The mark of a document, its number and notation: `807/VPCP-KSTT`, `28/2018/QĐ-TTg`.

The form is that of NĐ 30/2020/NĐ-CP, Phụ lục I, II.3. A mark is read for comparison only: what is
kept and sent stays as written.
"""

import re
from dataclasses import dataclass
from unicodedata import normalize

# Eth and African D print like Đ and are typed in its place.
LOOK_ALIKES = str.maketrans({"\u00d0": "\u0110", "\u0189": "\u0110"})
_MARK = re.compile(
    r"([0-9]{1,11})(?:/([0-9]{4}))?/([^\W\d_][^\W_]*(?:[-&.][^\W_]+)*)",
)
_BETWEEN_GROUPS = re.compile(r"[-&.]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark of the lawful form; `year` is empty unless it stands in the mark."""

    number: str
    year: str
    groups: tuple[str, ...]


def clean(text: str) -> str:
    """Return a number or notation without blanks and look-alikes of Đ, in NFC."""
    return normalize("NFC", "".join(text.split())).translate(LOOK_ALIKES)


def read_mark(number: str, notation: str) -> Mark | None:
    """Read a mark, whichever of the two elements holds the year; None if it has not the form."""
    match = _MARK.fullmatch(f"{clean(number)}/{clean(notation)}")
    if not match:
        return None
    groups = tuple(_BETWEEN_GROUPS.split(match[3]))
    return Mark(number=match[1], year=match[2] or "", groups=groups)
