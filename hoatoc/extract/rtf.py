"""RTF: the text of every group, headers, footnotes, text boxes and comments included.

Read here because the libraries that turn RTF into text leave out what does not flow with the body,
and a stamp stands in just these places. (Microsoft, Rich Text Format Specification 1.9.1.)
"""

import codecs
import re
from dataclasses import dataclass, replace

from hoatoc.extract.found import Findings, Gap, Text

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|([^\\{}\r\n]+)",
    re.DOTALL,
)
_PAGE = re.compile(rb"\\ansicpg(\d{3,5})")
_LINES = {b"par", b"line", b"cell", b"row", b"sect", b"page", b"tab", b"nestcell", b"nestrow"}
_TABLES = {
    *(b"fonttbl", b"colortbl", b"stylesheet", b"listtable", b"listoverridetable", b"rsidtbl"),
    *(b"themedata", b"colorschememapping", b"datastore", b"latentstyles", b"generator"),
}
_PARTS = (b"header", b"footer", b"footnote", b"annotation", b"shptxt", b"dptxbxtext")
_GAPS = {b"pict": "image", b"objdata": "embedded-object", b"bin": "embedded-data"}
_LITERAL = {b"~": " ", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n"}


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds within braces: no text; a part of its own; the letters that repeat one of `u`."""

    silent: bool = False
    part: bool = False
    stand_ins: int = 1


class _Reading:
    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.pieces: list[str] = []
        self.gaps: dict[str, None] = {}
        self._groups = [_Group()]
        self._skip = 0

    def take(self, token: re.Match[bytes]) -> None:
        word, number, code, literal, brace, text = token.groups()
        if word:
            self._word(word, int(number or 0))
        elif brace:
            self._brace(brace)
        elif code:
            self._say(bytes.fromhex(code.decode()).decode(self.encoding, "replace"), stands_in=True)
        elif literal:
            self._say(_LITERAL.get(literal, ""))
        else:
            self._say(text.decode(self.encoding, "replace"), stands_in=True)

    def _brace(self, brace: bytes) -> None:
        self._skip = 0
        if brace == b"{":
            self._groups.append(replace(self._groups[-1], part=False))
        elif len(self._groups) > 1 and self._groups.pop().part:
            self.pieces.append("\n")

    def _word(self, word: bytes, number: int) -> None:
        group = self._groups[-1]
        if word == b"u":
            self._say(chr(number % 0x10000))
            self._skip = group.stand_ins
        elif word == b"uc":
            self._groups[-1] = replace(group, stand_ins=number)
        elif word in _LINES:
            self._say("\n")
        elif word in _GAPS or word in _TABLES:
            self.gaps |= {_GAPS[word]: None} if word in _GAPS else {}
            self._groups[-1] = replace(group, silent=True)
        elif word.startswith(_PARTS):
            self.pieces.append("\n")
            self._groups[-1] = replace(group, part=True)

    def _say(self, text: str, *, stands_in: bool = False) -> None:
        if stands_in and self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[skipped:]
        if not self._groups[-1].silent:
            self.pieces.append(text)


def read_rtf(content: bytes) -> Findings:
    """Yield the text; a picture, an embedded object or raw data is a gap."""
    reading = _Reading(_encoding(content))
    for token in _TOKEN.finditer(content):
        reading.take(token)
    text = "".join(reading.pieces)
    yield Text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    yield from map(Gap, reading.gaps)


def _encoding(content: bytes) -> str:
    found = _PAGE.search(content[:4096])
    name = f"cp{found[1].decode()}" if found else "cp1252"
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
