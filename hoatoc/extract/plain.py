"""Plain text, in the encodings that Vietnamese text comes in."""

import re
from unicodedata import normalize

from hoatoc.extract.found import Findings, Gap, Text

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# Files, pictures among them, that were written into a text as Base64 (RFC 4648).
_BASE64 = re.compile(r"[A-Za-z0-9+/]{400,}|(?:[A-Za-z0-9+/]{60,76}\s+){5,}")


def read_plain(content: bytes) -> Findings:
    """Yield the text of a file.

    What is not UTF-8 is read twice: as Windows-1258, and as Latin-1, in which the letters of TCVN
    and VNI fonts stand as the rules of secrecy name them.
    """
    text = decoded(content)
    yield Text(text)
    yield from hidden_in(text)


def decoded(content: bytes) -> str:
    """Decode a text by its mark of order, else as UTF-8, else in both legacy readings."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content[len(bom) :].decode(encoding)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        windows = normalize("NFC", content.decode("cp1258", "replace"))
        return f"{windows}\n{content.decode('latin-1')}"


def hidden_in(text: str) -> Findings:
    """Yield a gap if a file was written into a text."""
    if _BASE64.search(text):
        yield Gap("embedded-data")
