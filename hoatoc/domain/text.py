"""Texts that can be kept: PostgreSQL holds no U+0000, UTF-8 no half of a surrogate pair."""

import re

_UNKEPT = re.compile("[\0\ud800-\udfff]")


def is_kept(text: str) -> bool:
    """Tell whether a text can be kept as it is."""
    return _UNKEPT.search(text) is None


def kept(text: str) -> str:
    """Return a text as it can be kept: U+FFFD for U+0000, `?` for half of a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
