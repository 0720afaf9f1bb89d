"""XML and HTML: all text in them, whatever the markup says of showing it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser

from defusedxml.ElementTree import DefusedXMLParser

from hoatoc.extract.found import Findings, Text
from hoatoc.extract.plain import decoded, hidden_in

# Attributes that a reader of the document sees; others count when they hold Vietnamese letters.
_SPOKEN = {"string", "title", "descr", "alt", "name", "content", "value", "placeholder", "label"}
# Elements inside a line: a word may be cut into runs. Any other element begins and ends a line.
_INLINE = {
    *("r", "t", "rPr", "ins", "del", "delText", "hyperlink", "smartTag", "proofErr", "fld"),
    *("bookmarkStart", "bookmarkEnd", "lastRenderedPageBreak", "sz", "szCs", "rFonts", "rFont"),
    *("color", "spacing", "kern", "w", "position", "highlight", "bCs", "iCs", "caps", "lang"),
    *("latin", "ea", "cs", "solidFill", "srgbClr", "schemeClr", "effectLst", "noProof", "rStyle"),
    *("shd", "vertAlign", "scheme", "family", "charset", "soft-page-break", "bookmark"),
    *("span", "a", "b", "i", "u", "em", "strong", "font", "s", "sub", "sup", "small", "big"),
    *("mark", "tspan"),
}
_HEADER = {f"{which}{what}" for which in ("odd", "even", "first") for what in ("Header", "Footer")}
# Codes in a header of a sheet: &C, &"Arial,Bold", &12, &K00FF00 (ECMA-376, 18.3.1.46).
_CODES = re.compile(r'&(?:"[^"]*"|K[0-9A-F]{6}|\d+|[A-Za-z])')
_EMPTY_LINES = re.compile(r"\n{2,}")
_LAYOUT = re.compile(r"\s*\n\s*")


class _Pieces:
    """Collect the text of a document in order; a target of the XML parser."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._open: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        self._open.append(name)
        self._pieces.extend(_said(attributes))
        self._pieces.append("" if name in _INLINE else "\n")

    def data(self, text: str) -> None:
        if self._open[-1] in _HEADER:
            text = _CODES.sub("\n", text)
        elif _LAYOUT.fullmatch(text):
            return
        self._pieces.append(text)

    def end(self, _tag: str) -> None:
        self._pieces.append("" if self._open.pop() in _INLINE else "\n")

    def close(self) -> str:
        return _joined(self._pieces)


def read_xml(content: bytes) -> Findings:
    """Yield the text of an XML document and what its attributes say."""
    text = xml_text(content)
    yield Text(text)
    yield from hidden_in(text)


def xml_text(content: bytes) -> str:
    """Return the text of an XML document; runs are joined, any other element is a line.

    Raises what the parser raises: a document type or an entity is never resolved.
    """
    parser = DefusedXMLParser(target=_Pieces(), forbid_dtd=True)
    parser.feed(content)
    return str(parser.close())


def _joined(pieces: Iterable[str]) -> str:
    return _EMPTY_LINES.sub("\n", "".join(pieces))


def _said(attributes: Mapping[str, str]) -> Iterator[str]:
    for key, value in attributes.items():
        if not value.isascii() or key.rpartition("}")[2].lower() in _SPOKEN:
            yield f"\n{value}\n"


class _Page(HTMLParser):
    """Collect the text of a page, with its comments and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pieces.extend(_said({key: value or "" for key, value in attrs}))
        self.pieces.append("" if tag in _INLINE else "\n")

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append("" if tag in _INLINE else "\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(" " if _LAYOUT.fullmatch(data) else data)

    def handle_comment(self, data: str) -> None:
        self.pieces.append(f"\n{data}\n")


def read_html(content: bytes) -> Findings:
    """Yield the text of a page, hidden or not."""
    page, source = _Page(), decoded(content)
    page.feed(source)
    page.close()
    yield Text(_joined(page.pieces))
    yield from hidden_in(source)
