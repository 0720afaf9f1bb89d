"""OLE files: Word, Excel and PowerPoint before 2007, Outlook messages ([MS-CFB]).

No library reads all the text in them. So they count as unreadable; what letters can be seen in
their streams is searched all the same, because nobody may clear a stamp that is found.
"""

import re
from io import BytesIO

from olefile import OleFileIO

from hoatoc.extract.found import Budget, Findings, Gap, Text

_UTF16 = re.compile(r"[\t\n\r\x07\x0b -\u024f\u0300-\u036f\u1e00-\u1eff\u2010-\u2026]{3,}")
_BYTES = re.compile(rb"[\t\n\r\x07\x0b -\xff]{5,}")
_BREAKS = str.maketrans("\x07\x0b", "\n\n")


def read_ole(content: bytes, budget: Budget) -> Findings:
    """Yield what looks like text in every stream, then that this is not all of it."""
    with OleFileIO(BytesIO(content)) as opened:
        names = ["/".join(path) for path in opened.listdir()]
        for name in names:
            data = opened.openstream(name).read()
            budget.unpack(len(data))
            yield Text(_letters(data))
    yield Gap("encrypted" if "EncryptedPackage" in names else "legacy-office")


def _letters(data: bytes) -> str:
    shifted = (data[start:].decode("utf-16-le", "replace") for start in (0, 1))
    wide = (run for text in shifted for run in _UTF16.findall(text))
    narrow = (run.decode("latin-1") for run in _BYTES.findall(data))
    return "\n".join((*wide, *narrow)).translate(_BREAKS)
