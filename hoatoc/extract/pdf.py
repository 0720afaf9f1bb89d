"""PDF: the text of pages, annotations, forms, properties and embedded files (ISO 32000).

By PDFium, the reader of Chrome: fast, fuzzed, under the BSD licence. Two things are added to it. A
wide gap in a line separates columns, so that a stamp beside a letterhead stands alone. And a page
that shows pictures or shapes, and little or no text, is a gap: it may be a scan.
"""

import ctypes
import re
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import raw

from hoatoc.extract.found import Findings, Gap, Inner, Text
from hoatoc.extract.markup import xml_text

_MAX_PAGES = 2000
_COLUMN_GAP = 1.5  # of the height of the letters beside it; a gap between words is a third
_SCAN = 0.5  # of the page covered by pictures
_DRAWN = 20  # shapes on a page without text: letters turned into outlines, perhaps
_UNMAPPED = 0.02  # of the letters of a page
_XMP = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>", re.DOTALL)
_SAID = (b"Contents", b"Subj", b"T", b"Name", b"RC", b"OverlayText")
_SPACE = re.compile(r"(?<=\S) (?=\S)")


def read_pdf(content: bytes) -> Findings:
    """Yield the text page by page, and what stands beside the pages."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError:
        yield Gap("encrypted" if raw.FPDF_GetLastError() == raw.FPDF_ERR_PASSWORD else "corrupt")
        return
    with document:
        yield from _beside(document, content)
        document.init_forms()
        if len(document) > _MAX_PAGES:
            yield Gap("too-many-pages")
        for index in range(min(len(document), _MAX_PAGES)):
            yield from _page(document, index)


def _beside(document: pypdfium2.PdfDocument, content: bytes) -> Findings:
    for name, value in document.get_metadata_dict().items():
        yield Text(f"{name}: {value}\n{value}")
    for packet in _XMP.findall(content):
        yield Text(xml_text(packet))
    yield from (Text(mark.get_title()) for mark in document.get_toc())
    for index in range(document.count_attachments()):
        attachment = document.get_attachment(index)
        yield Text(attachment.get_name())
        yield Inner(bytes(attachment.get_data()))
    if document.get_formtype() in {raw.FORMTYPE_XFA_FULL, raw.FORMTYPE_XFA_FOREGROUND}:
        yield Gap("xfa-form")


def _page(document: pypdfium2.PdfDocument, index: int) -> Findings:
    page = document[index]
    yield from map(Text, _annotations(document, page))
    # Merges what annotations show, such as a stamp or a filled field, into the page.
    if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS:
        page.close()
        page = document[index]
    letters = page.get_textpage()
    text = _columns_apart(letters)
    yield Text(text)
    yield from (Gap(f"{reason} {index + 1}") for reason in _gaps(page, text, _unmapped(letters)))
    page.close()


def _gaps(page: pypdfium2.PdfPage, text: str, unmapped: float) -> Iterator[str]:
    pictures, shapes = _covered(page)
    if not text.strip() and (pictures or shapes > _DRAWN):
        yield "no-text-on-page"
    elif pictures > _SCAN:
        yield "picture-over-page"
    if unmapped > _UNMAPPED:
        yield "letters-without-meaning-on-page"


def _covered(page: pypdfium2.PdfPage) -> tuple[float, int]:
    """Return the share of a page that pictures cover, and how many shapes are drawn on it."""
    width, height = page.get_size()
    area, shapes = 0.0, 0
    for thing in page.get_objects(max_depth=8):
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = thing.get_bounds()
            area += max(right - left, 0) * max(top - bottom, 0)
        elif thing.type in {raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING}:
            shapes += 1
    return area / (width * height or 1), shapes


def _columns_apart(page: pypdfium2.PdfTextPage) -> str:
    """Return the text of a page in reading order, with a line for each column of a line."""
    text = page.get_text_range()
    columns, begin = [], 0
    for space in _SPACE.finditer(text):
        if _is_between_columns(page, space.start()):
            columns.append(text[begin : space.start()])
            begin = space.end()
    return "\n".join((*columns, text[begin:]))


def _is_between_columns(page: pypdfium2.PdfTextPage, position: int) -> bool:
    index = raw.FPDFText_GetCharIndexFromTextIndex(page, position)
    before, after = raw.FS_RECTF(), raw.FS_RECTF()
    # Loose boxes are as high as the font: a comma has a small box of its own.
    known = raw.FPDFText_GetLooseCharBox(page, index - 1, before)
    if not (known and raw.FPDFText_GetLooseCharBox(page, index + 1, after)):
        return False
    height = max(before.top - before.bottom, before.right - before.left)
    apart = max(after.left - before.right, after.bottom - before.top, before.bottom - after.top)
    return bool(apart > _COLUMN_GAP * height)


def _unmapped(page: pypdfium2.PdfTextPage) -> float:
    """Return the share of letters that the fonts of a page give no meaning, by every eighth."""
    sample = range(0, page.count_chars(), 8)
    unmapped = sum(1 for at in sample if raw.FPDFText_HasUnicodeMapError(page, at) == 1)
    return unmapped / (len(sample) or 1)


def _annotations(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> Iterator[str]:
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        for key in _SAID:
            yield _utf16(raw.FPDFAnnot_GetStringValue, annotation, key)
        if document.formenv:
            for get in (raw.FPDFAnnot_GetFormFieldValue, raw.FPDFAnnot_GetFormFieldAlternateName):
                yield _utf16(get, document.formenv, annotation)
        raw.FPDFPage_CloseAnnot(annotation)


def _utf16(get: object, *arguments: object) -> str:
    """Call a getter of PDFium that fills a buffer with UTF-16, and return its text."""
    size = get(*arguments, None, 0)  # type: ignore[operator]
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    get(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)  # type: ignore[operator]
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")
