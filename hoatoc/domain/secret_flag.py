"""Flags of secrecy that a source system writes into a packet beside what edXML knows.

edXML has no element for secrecy (QCVN 102:2016), and its reader drops what it does not know; some
systems add an element or an attribute of their own, such as `DoMat`. This looks for those alone.
"""

from collections.abc import Mapping

from defusedxml.ElementTree import DefusedXMLParser

from hoatoc.domain.content import Content, head_of, pieces_of, windows
from hoatoc.domain.secrecy import SecrecyRules
from hoatoc.domain.secret import Declaration, declared_by


class _Flags:
    """Keep the elements and attributes of these names; a target of the XML parser."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._open: list[list[str] | None] = []
        self.found: list[tuple[str, str]] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        wanted = (pair for pair in attributes.items() if _local(pair[0]) in self._names)
        self.found.extend(wanted)
        self._open.append([] if _local(tag) in self._names else None)

    def data(self, text: str) -> None:
        pieces = self._open[-1]
        if pieces is not None:
            pieces.append(text)

    def end(self, tag: str) -> None:
        pieces = self._open.pop()
        if pieces is not None:
            self.found.append((tag, "".join(pieces)))


def declared_in(data: Content, rules: SecrecyRules) -> Declaration:
    """Read what a packet declares of its secrecy; call it with what was read as a packet.

    Raises what the parser raises of bytes that are no XML, or that declare a document type.
    """
    if not _may_flag(data, rules.flags):
        return Declaration()
    flags = _Flags(rules.flags)
    parser = DefusedXMLParser(target=flags, forbid_dtd=True)
    for piece in pieces_of(data):
        parser.feed(piece)
    parser.close()
    return declared_by(flags.found, rules)


def _may_flag(data: Content, names: frozenset[str]) -> bool:
    """Tell whether a flag can be there at all: most packets are spared a second parser.

    A name in an encoding that writes letters otherwise than ASCII cannot be looked for in bytes.
    """
    head = head_of(data)
    if not head.startswith((b"<", b"\xef\xbb\xbf<")) or b"\0" in head[:200]:
        return True
    wanted = [name.encode() for name in names]
    folded = (piece.lower() for piece in windows(data, max(map(len, wanted), default=1)))
    return any(name in window for window in folded for name in wanted)


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()
