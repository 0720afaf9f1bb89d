"""The text of any file: by its first bytes to the reader of its type, files inside it likewise."""

from collections.abc import Callable, Mapping
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from hoatoc.extract import kind
from hoatoc.extract.found import (
    Budget,
    BudgetSpent,
    Extracted,
    Findings,
    Gap,
    Inner,
    Text,
)
from hoatoc.extract.mail import read_mail
from hoatoc.extract.markup import read_html, read_xml
from hoatoc.extract.ole import read_ole
from hoatoc.extract.package import package_kind, read_package
from hoatoc.extract.pdf import read_pdf
from hoatoc.extract.plain import read_plain
from hoatoc.extract.rtf import read_rtf

MAX_DEPTH = 4
"""Files inside files that are opened: an archive in a mail in an archive, and one more."""
_UNPACKED_BYTES = 512 * 1024 * 1024
# Searching it takes a microsecond a character.
_TEXT_CHARACTERS = 8 * 1024 * 1024
# A document with a picture and less text than a letter has may be nothing but a scan.
_TEXT_OF_A_LETTER = 200


def read(content: bytes) -> Extracted:
    """Return the text of a file and of all files in it; raises nothing that a parser may raise."""
    media_type = _media_type(content)
    reading = _Reading(Budget(_UNPACKED_BYTES, _TEXT_CHARACTERS))
    reading.take(content, 0)
    return Extracted(
        media_type=media_type, text="\n".join(reading.texts), unreadable=reading.unreadable
    )


def _media_type(content: bytes) -> str:
    found = kind.kind_of(content)
    if found != kind.ZIP:
        return found
    try:
        with ZipFile(BytesIO(content)) as package:
            return package_kind(package)
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return found


class _Reading:
    """What was found in a file so far; of several gaps the first is told."""

    def __init__(self, budget: Budget) -> None:
        self.texts: list[str] = []
        self.unreadable = ""
        self._budget = budget

    def take(self, content: bytes, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._gap("too-deep")
            return
        try:
            self._take(content, depth)
        except BudgetSpent:
            self._gap("too-large")
        except MemoryError:
            self._gap("out-of-memory")
        except Exception:  # noqa: BLE001 - whatever a parser raises at hostile bytes is the answer
            self._gap("corrupt")

    def _take(self, content: bytes, depth: int) -> None:
        if not content:
            return
        pictures, letters = False, 0
        for finding in self._findings(content):
            if isinstance(finding, Text):
                self._budget.keep(finding.text)
                self.texts.append(finding.text)
                letters += sum(map(str.isalnum, finding.text)) if finding.body else 0
            elif isinstance(finding, Inner):
                self.take(finding.content, depth + 1)
            elif finding.reason == "image":
                pictures = True
            else:
                self._gap(finding.reason)
        if pictures and letters < _TEXT_OF_A_LETTER:
            self._gap("image-without-text")

    def _gap(self, reason: str) -> None:
        self.unreadable = self.unreadable or reason

    def _findings(self, content: bytes) -> Findings:
        found = kind.kind_of(content)
        if found in _WITH_BUDGET:
            return _WITH_BUDGET[found](content, self._budget)
        if found in _READERS:
            return _READERS[found](content)
        return iter((Gap("picture" if found.startswith("image/") else "unknown-type"),))


_READERS: Mapping[str, Callable[[bytes], Findings]] = {
    kind.PDF: read_pdf,
    kind.RTF: read_rtf,
    kind.HTML: read_html,
    kind.XML: read_xml,
    kind.MAIL: read_mail,
    kind.PLAIN: read_plain,
}
_WITH_BUDGET: Mapping[str, Callable[[bytes, Budget], Findings]] = {
    kind.ZIP: read_package,
    kind.OLE: read_ole,
}
