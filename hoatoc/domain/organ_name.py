"""Names of organs as people write them: compared, and abbreviated.

A registry says `UBND tỉnh Kiên Giang` where a packet says `ỦY BAN NHÂN DÂN TỈNH KIÊN GIANG`. Names
are only compared here; whatever is kept or sent stays as written.
"""

import re
from functools import lru_cache
from unicodedata import normalize

_EXPANSIONS = {
    "ủy ban nhân dân": "ubnd",
    "uỷ ban nhân dân": "ubnd",
    "hội đồng nhân dân": "hđnd",
    "uỷ ban": "ủy ban",
    "thành phố": "tp",
    "tp.": "tp",
    "t.p": "tp",
}
_NOT_LETTERS = re.compile(r"[\W_]+")
_UNABBREVIATED = frozenset({"và", "của", "các", "về", "cho"})


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """Fold a name for comparison: NFC, lower case, usual short forms, single blanks."""
    folded = normalize("NFC", name).lower()
    for long, short in _EXPANSIONS.items():
        folded = folded.replace(long, short)
    return _NOT_LETTERS.sub(" ", folded).strip()


def is_same(one: str, other: str) -> bool:
    """Tell whether two names may be of one organ: equal, or one contains the other."""
    if one == other:
        return True
    first, second = f" {fold(one)} ", f" {fold(other)} "
    return first in second or second in first


def begins(name: str, beginnings: tuple[str, ...]) -> bool:
    """Tell whether a name begins with one of these, word by word."""
    return f"{fold(name)} ".startswith(tuple(f"{fold(each)} " for each in beginnings))


@lru_cache(maxsize=4096)
def initials(name: str) -> str:
    """Abbreviate a name by its initials: `Bộ Nội vụ` → `BNV`; words in capitals stay whole."""
    words = re.findall(r"[^\W\d_]+", normalize("NFC", name))
    kept = (word for word in words if word.lower() not in _UNABBREVIATED)
    return "".join(word if len(word) > 1 and word.isupper() else _initial(word) for word in kept)


def _initial(word: str) -> str:
    letter = word[0].upper()
    return letter if letter == "Đ" else normalize("NFD", letter)[0]
