"""The type of a file by its first bytes: what it claims to be does not count."""

import re

PDF = "application/pdf"
ZIP = "application/zip"
OLE = "application/x-ole-storage"
RTF = "application/rtf"
HTML = "text/html"
XML = "application/xml"
MAIL = "message/rfc822"
PLAIN = "text/plain"
UNKNOWN = "application/octet-stream"

_MAGIC = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"{\\rtf", RTF),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (b"\x01\0\0\0", "image/emf"),
)
_PDF = re.compile(rb"%PDF-\d")
_MAIL = re.compile(
    rb"(?:From|To|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|X-[\w-]+)"
    rb":[^\n]*\n(?:[\w-]+:|[ \t])",
    re.IGNORECASE,
)
_XML = re.compile(rb"<\?xml\b")
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|meta|table|div|p|span|h\d)\b", re.IGNORECASE
)
_ELEMENT = re.compile(rb"<[A-Za-z_][\w.:-]*[\s/>]")
_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(content: bytes) -> str:
    """Return the media type of a file; `UNKNOWN` when none of ours."""
    # Readers of PDF accept its signature anywhere in the first 1024 bytes.
    if _PDF.search(content[:1024]):
        return PDF
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "image/bmp"
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    return _kind_of_text(content)


def _kind_of_text(content: bytes) -> str:
    if not content.startswith(_BOMS[:2]) and _CONTROL.search(content):
        return UNKNOWN
    start = content[:4096]
    if start.startswith(_BOMS[:2]):
        start = start.decode("utf-16", "ignore").encode()
    start = start.removeprefix(_BOMS[2]).lstrip()
    if _HTML.search(start[:2048]) and start[:1] == b"<":
        return HTML
    if _XML.match(start) or _ELEMENT.match(start):
        return XML
    return MAIL if _MAIL.match(start) else PLAIN
