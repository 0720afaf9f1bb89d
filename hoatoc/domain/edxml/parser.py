"""The parser: one pass over the bytes of a packet, keeping only what `element` knows.

It drives expat by its events and builds no tree. What a hostile packet could make it keep is
bounded: size, depth, names, attributes, texts, repetitions, signatures. A DOCTYPE is refused where
it begins, so no entity is ever declared, and nothing outside the packet is ever opened.
"""

from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from unicodedata import normalize
from xml.parsers import expat

from hoatoc.domain.content import INLINE_BYTES, PIECE_BYTES, Content, InMemory, Sinks
from hoatoc.domain.edxml.element import DOCUMENT, TAGS, Element, Kind
from hoatoc.domain.edxml.record import Record
from hoatoc.domain.packet import (
    ContentTooLarge,
    DoctypeForbidden,
    ElementInvalid,
    ElementMissing,
    NotADocument,
    NotXml,
    TooComplex,
)

MAX_PACKET_BYTES = INLINE_BYTES
"""The greatest packet that is carried inside a record; larger content needs its own store."""

LARGEST_PACKET_BYTES = 50 * 1024 * 1024
"""The greatest packet that any door may take."""

MAX_HEADER_BYTES = 8 * 1024 * 1024
"""The most that may stand outside the contents of attachments."""

MAX_KEPT = 30_000
"""The most groups (recipients, attachments, …) and repeated texts of one packet."""

MAX_SIGNATURE_BYTES = 256 * 1024
MAX_TOKEN_BYTES = _CHUNK = PIECE_BYTES
MAX_DEPTH = 64
MAX_ATTRIBUTES = 64
MAX_NAMES = 1_000

_TEXT, _GROUP = Kind.TEXT, Kind.GROUP


def parse(data: bytes | Iterable[bytes], limit: int, sinks: Sinks = InMemory) -> Record:
    """Read the bytes of one packet, at most `limit` of them; raise a `PacketFault`.

    The contents of attachments go, decoded, to one sink each.
    """
    if not 0 < limit <= LARGEST_PACKET_BYTES:
        raise ValueError(f"limit: {limit} bytes; expected 1 to {LARGEST_PACKET_BYTES}")
    return _Parser(sinks).run(_chunks(data, limit))


def _chunks(data: bytes | Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Cut the bytes alike however they come, so that a bound is met at the same place."""
    if isinstance(data, bytes):
        if len(data) > limit:
            raise ContentTooLarge("/", f"{len(data)} bytes", f"{limit} bytes")
        yield from (data[begin : begin + _CHUNK] for begin in range(0, len(data), _CHUNK))
        return
    total, rest = 0, bytearray()
    for piece in data:
        total += len(piece)
        if total > limit:
            raise ContentTooLarge("/", f"> {limit} bytes", f"{limit} bytes")
        rest += piece
        while len(rest) >= _CHUNK:
            yield bytes(rest[:_CHUNK])
            del rest[:_CHUNK]
    yield bytes(rest)


class _Names(dict[str, str]):
    """The local part of every name met so far."""

    def __missing__(self, tag: str) -> str:
        if len(self) == MAX_NAMES:
            raise TooComplex("/", f"> {MAX_NAMES} tên phần tử / names", f"{MAX_NAMES}")
        name = self[tag] = tag.rpartition("}")[2]
        return name


class _Base64:
    """Decode Base64 as it comes; blanks and line ends between its characters do not count."""

    def __init__(self, path: str, sinks: Sinks) -> None:
        self._path = path
        self._decoded = sinks()
        self._rest = ""
        self._empty = True
        self._padded = False

    def feed(self, piece: str) -> None:
        text = self._rest + "".join(piece.split())
        whole = len(text) & ~3
        self._rest = text[whole:]
        if whole:
            self._decode(text[:whole])

    def _decode(self, text: str) -> None:
        if self._padded:
            raise ElementInvalid(self._path, "Excess data after padding", "Base64")
        try:
            piece = a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise ElementInvalid(self._path, str(error), "Base64") from error
        self._decoded.write(piece)
        self._empty = False
        self._padded = text.endswith("=")

    def close(self) -> Content:
        if self._rest:
            self._decode(self._rest)
        if self._empty:
            raise ElementMissing(self._path)
        return self._decoded.close()


class _Parser:
    """The handlers of expat's events, and what is open between them."""

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._open = [DOCUMENT]
        self._record = Record()
        self._records: list[Record] = []
        self._names = _Names(TAGS)
        self._pieces: list[str] = []
        self._base64: _Base64 | None = None
        self._kept = self._content_bytes = 0
        self._content_begin = 0
        self._signature_begin: int | None = None
        self._interned: dict[str, str] = {}
        self._expat = self._new_expat()

    def _new_expat(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator="}", intern=self._interned)
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.ordered_attributes = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._pieces.append
        return parser

    def run(self, chunks: Iterable[bytes]) -> Record:
        """Read all the chunks; raise a `PacketFault`."""
        fed = 0
        for chunk in chunks:
            self._feed(chunk, final=False)
            fed += len(chunk)
            self._bound(fed)
        self._feed(b"", final=True)
        return self._record

    def _feed(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._expat.Parse(chunk, final)
        except (expat.ExpatError, LookupError, ValueError) as error:
            # LookupError and ValueError come from the codec of an encoding that expat has not.
            raise NotXml("/", str(error), "XML 1.0, UTF-8") from error

    def _start(self, tag: str, attributes: list[str]) -> None:
        # Here and in `_end` most of the time is spent: the common cases come first, in line.
        opened = self._open
        element = opened[-1].children[self._names[tag]]
        opened.append(element)
        if (kind := element.kind) is _TEXT:
            self._pieces.clear()
        elif kind is _GROUP:
            self._enter_group(element)
        else:
            self._enter(element, tag)
        if attributes and len(attributes) > 2 * MAX_ATTRIBUTES:
            raise self._too_complex("thuộc tính / attributes", MAX_ATTRIBUTES)

    def _end(self, _tag: str) -> None:
        element = self._open.pop()
        if (kind := element.kind) is _GROUP:
            self._record = self._records.pop()
        elif kind is not _TEXT:
            self._leave(kind)
        else:
            text, texts = "".join(self._pieces).strip(), self._record.texts
            if element.plain_width < len(text) or element.repeated or element.name in texts:
                self._keep(element, text)
            else:
                texts[element.name] = text

    def _enter_group(self, element: Element) -> None:
        record, name = self._record, element.name
        groups = record.groups.setdefault(name, [])
        if groups and not element.repeated:
            raise self._twice(element)
        groups.append(inside := Record(name, record, len(groups) + 1 if element.repeated else 0))
        self._records.append(record)
        self._record = inside
        self._count()

    def _enter(self, element: Element, tag: str) -> None:
        if len(self._open) > MAX_DEPTH:
            raise self._too_complex("tầng phần tử / nested elements", MAX_DEPTH)
        if element.kind is Kind.SIGNATURE:
            self._enter_group(element)
            self._signature_begin = self._expat.CurrentByteIndex
        elif element.kind is Kind.CONTENT:
            self._enter_content(element)
        elif element.kind is Kind.MARKUP:
            path = self._record.where(self._open[-2].name)
            raise ElementInvalid(path, f"<{self._names[tag][:40]}>", "text")
        elif element.kind is Kind.FOREIGN:
            raise NotADocument("/", f"<{self._names[tag][:40]}>", "<edXML>")

    def _enter_content(self, element: Element) -> None:
        if self._record.content is not None:
            raise self._twice(element)
        self._base64 = _Base64(self._record.where(element.name), self._sinks)
        self._expat.CharacterDataHandler = self._base64.feed
        self._content_begin = self._expat.CurrentByteIndex

    def _leave(self, kind: Kind) -> None:
        if kind is Kind.SIGNATURE:
            self._bound_signature(self._expat.CurrentByteIndex)
            self._signature_begin = None
            self._record = self._records.pop()
        elif self._base64 and kind is Kind.CONTENT:
            self._record.content = self._base64.close()
            self._base64 = None
            self._content_bytes += self._expat.CurrentByteIndex - self._content_begin
            self._expat.CharacterDataHandler = self._pieces.append

    def _keep(self, element: Element, text: str) -> None:
        """Keep a text that may be too wide, or that is not the first of its name."""
        record, name = self._record, element.name
        limit_width(record.where(name), text, element.width)
        if element.repeated:
            record.many.setdefault(name, []).append(text)
            self._count()
        elif name in record.texts:
            raise self._twice(element)
        else:
            record.texts[name] = text

    def _count(self) -> None:
        self._kept += 1
        if self._kept > MAX_KEPT:
            raise self._too_complex("phần tử / elements", MAX_KEPT)

    def _bound(self, fed: int) -> None:
        """Look, between two chunks, at what has grown in the last one."""
        at = self._expat.CurrentByteIndex
        if fed - at > MAX_TOKEN_BYTES:
            raise self._too_complex("một thẻ, chú thích / a tag, a comment", MAX_TOKEN_BYTES)
        if len(self._interned) > 4 * MAX_NAMES:
            raise self._too_complex("tên / names", 4 * MAX_NAMES)
        if self._base64:
            return
        if at - self._content_bytes > MAX_HEADER_BYTES:
            raise self._too_complex("phần đầu / header", MAX_HEADER_BYTES)
        self._bound_signature(at)
        self._bound_text()

    def _bound_text(self) -> None:
        element = self._open[-1]
        if element.kind is not _TEXT:
            self._pieces.clear()
        elif sum(map(len, self._pieces)) > _CHUNK:
            path = self._record.where(element.name)
            raise ElementInvalid(path, f"> {_CHUNK} ký tự / characters", f"≤ {element.width}")

    def _bound_signature(self, at: int) -> None:
        if self._signature_begin is not None and at - self._signature_begin > MAX_SIGNATURE_BYTES:
            raise self._too_complex("chữ ký / signature", MAX_SIGNATURE_BYTES)

    def _twice(self, element: Element) -> ElementInvalid:
        return ElementInvalid(self._record.where(element.name), "2 lần / times", "1")

    def _too_complex(self, found: str, most: int) -> TooComplex:
        return TooComplex(self._record.path or "/", f"> {most} {found}", f"{most}")


def _refuse_doctype(name: str, *_rest: object) -> None:
    raise DoctypeForbidden("/", f"<!DOCTYPE {name[:40]}>")


def limit_width(path: str, text: str, width: int) -> None:
    """Raise `ElementInvalid` if a text has more than `width` characters, composed (NFC)."""
    if (length := len(normalize("NFC", text))) > width:
        raise ElementInvalid(path, f"{length} ký tự / characters", f"≤ {width}")
