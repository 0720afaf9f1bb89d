"""The text of real files: what a reader of them sees, and a named reason where it cannot be had."""

import contextlib
import faulthandler
import json
import os
import signal
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image
from pptx.util import Inches
from pypdf import PdfReader, PdfWriter
from reportlab.lib import pdfencrypt
from reportlab.lib.colors import white
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from hoatoc.domain.packet import Attachment
from hoatoc.domain.stamp import Certainty, Sighting, find_stamps
from hoatoc.example import LETTERS
from hoatoc.extract import content as content_module
from hoatoc.extract import worker
from hoatoc.extract.content import read
from hoatoc.extract.found import Budget, Extracted
from hoatoc.extract.reader import Reader
from hoatoc.secrecy_file import load_secrecy
from hoatoc.testing.font import font

STAMP = Sighting("TỐI MẬT", Certainty.STAMP)
BODY = "Kính gửi các bộ, cơ quan ngang bộ, cơ quan thuộc Chính phủ. " * 8
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
V = 'xmlns:v="urn:schemas-microsoft-com:vml"'
FONT = "Boxes"


def stamped(found: Extracted) -> bool:
    return STAMP in find_stamps(found.text, load_secrecy())


# PDF.


def pdf(*draw: Callable[[Canvas], None], **properties: str) -> bytes:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(FONT, BytesIO(font())))
    out = BytesIO()
    canvas = Canvas(out)
    for name, value in properties.items():
        getattr(canvas, f"set{name}")(value)
    for page in draw:
        canvas.setFont(FONT, 12)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def body(canvas: Canvas) -> None:
    for line in range(10):
        canvas.drawString(50, 700 - 20 * line, BODY[:60])


def beside_the_emblem(canvas: Canvas) -> None:
    canvas.drawString(50, 800, "TỐI MẬT")
    canvas.drawString(250, 800, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")


def rotated(canvas: Canvas) -> None:
    body(canvas)
    canvas.translate(300, 400)
    canvas.rotate(60)
    canvas.drawString(0, 0, "TỐI MẬT")


def white_on_white(canvas: Canvas) -> None:
    body(canvas)
    canvas.setFillColor(white)
    canvas.drawString(50, 800, "TỐI MẬT")


def off_the_page(canvas: Canvas) -> None:
    body(canvas)
    canvas.drawString(-400, 800, "TỐI MẬT")


def invisible(canvas: Canvas) -> None:
    body(canvas)
    text = canvas.beginText(50, 800)
    text.setTextRenderMode(3)
    text.textLine("TỐI MẬT")
    canvas.drawText(text)


def letter_by_letter(canvas: Canvas) -> None:
    body(canvas)
    for index, letter in enumerate("TỐI MẬT"):
        canvas.drawString(50 + 20 * index, 800, letter)


def upright(canvas: Canvas) -> None:
    body(canvas)
    for index, letter in enumerate("TỐIMẬT"):
        canvas.drawString(560, 800 - 30 * index, letter)


def in_an_annotation(canvas: Canvas) -> None:
    body(canvas)
    canvas.textAnnotation("TỐI MẬT", Rect=[10, 10, 50, 50])


def in_a_field(canvas: Canvas) -> None:
    body(canvas)
    canvas.acroForm.textfield(
        name="field", value="TOI MAT", x=50, y=500, fontName="Helvetica", tooltip="TỐI MẬT"
    )


def in_a_form_object(canvas: Canvas) -> None:
    canvas.beginForm("stamp")
    canvas.setFont(FONT, 12)
    canvas.drawString(50, 800, "TỐI MẬT")
    canvas.endForm()
    canvas.setFont(FONT, 12)
    body(canvas)
    canvas.doForm("stamp")


@pytest.mark.parametrize(
    "draw",
    [
        beside_the_emblem,
        rotated,
        white_on_white,
        off_the_page,
        invisible,
        letter_by_letter,
        upright,
        in_an_annotation,
        in_a_field,
        in_a_form_object,
    ],
)
def test_a_stamp_is_found_wherever_it_stands_in_a_pdf(draw: Callable[[Canvas], None]) -> None:
    found = read(pdf(body, draw))
    assert found.media_type == "application/pdf"
    assert found.unreadable == ""
    assert stamped(found)


@pytest.mark.parametrize("name", ["Title", "Subject", "Keywords", "Author"])
def test_a_stamp_is_found_in_the_properties_of_a_pdf(name: str) -> None:
    assert stamped(read(pdf(body, **{name: "TỐI MẬT"})))


def test_a_pdf_of_prose_is_readable_and_has_no_stamp() -> None:
    found = read(pdf(body, body))
    assert BODY[:60] in found.text
    assert found.unreadable == ""
    assert not stamped(found)


def scan(canvas: Canvas, share: float = 1.0) -> None:
    canvas.drawImage(picture(), 0, 0, width=595 * share, height=842)


def picture() -> ImageReader:
    return ImageReader(Image.new("RGB", (64, 64), (200, 200, 200)))


def scan_with_a_line_of_text(canvas: Canvas) -> None:
    scan(canvas)
    canvas.drawString(50, 20, "Ký bởi: Văn phòng Chính phủ")


def small_picture(canvas: Canvas) -> None:
    body(canvas)
    canvas.drawImage(picture(), 400, 100, width=100, height=100)


def outlines(canvas: Canvas) -> None:
    for index in range(60):
        canvas.circle(100 + index, 100 + index, 5)


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (scan, "no-text-on-page 2"),
        (scan_with_a_line_of_text, "picture-over-page 2"),
        (outlines, "no-text-on-page 2"),
        (small_picture, ""),
        (lambda _: None, ""),
    ],
)
def test_a_page_that_may_be_a_scan_is_unreadable(
    draw: Callable[[Canvas], None], reason: str
) -> None:
    assert reason == read(pdf(body, draw)).unreadable


def test_an_encrypted_pdf_is_unreadable() -> None:
    out = BytesIO()
    canvas = Canvas(out, encrypt=pdfencrypt.StandardEncryption("password", canPrint=0))
    canvas.drawString(50, 50, "x")
    canvas.save()
    assert read(out.getvalue()).unreadable == "encrypted"


def test_a_file_inside_a_pdf_is_read() -> None:
    writer = PdfWriter(PdfReader(BytesIO(pdf(body))))
    writer.add_attachment("inner.txt", "TỐI MẬT".encode())
    out = BytesIO()
    writer.write(out)
    assert stamped(read(out.getvalue()))


# Office Open XML.


def word(change: Callable[[docx.document.Document], None]) -> bytes:
    document = docx.Document()
    document.add_paragraph(BODY)
    change(document)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def unchanged(_document: docx.document.Document) -> None:
    pass


def in_a_text_box(document: docx.document.Document) -> None:
    document.add_paragraph()._p.append(
        parse_xml(
            f"<w:r {W} {V}><w:pict><v:shape><v:textbox><w:txbxContent><w:p>"
            "<w:r><w:t>TỐI</w:t></w:r><w:r><w:t> MẬT</w:t></w:r></w:p>"
            "</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
        )
    )


def as_a_watermark(document: docx.document.Document) -> None:
    document.sections[0].header.paragraphs[0]._p.append(
        parse_xml(
            f'<w:r {W} {V}><w:pict><v:shape><v:textpath string="TỐI MẬT"/></v:shape></w:pict></w:r>'
        )
    )


def cut_into_runs(document: docx.document.Document) -> None:
    paragraph = document.add_paragraph()
    for letter in "TỐI MẬT":
        paragraph.add_run(letter).bold = letter in "TM"


def in_a_cell(document: docx.document.Document) -> None:
    document.add_table(2, 2).cell(1, 1).text = "TỐI MẬT"


def in_the_header(document: docx.document.Document) -> None:
    document.sections[0].header.paragraphs[0].text = "TỐI MẬT"


def in_the_first_footer(document: docx.document.Document) -> None:
    document.sections[0].different_first_page_header_footer = True
    document.sections[0].first_page_footer.paragraphs[0].text = "TỐI MẬT"


def in_the_properties(document: docx.document.Document) -> None:
    document.core_properties.keywords = "TỐI MẬT"


def in_a_comment(document: docx.document.Document) -> None:
    document.add_comment(document.paragraphs[0].runs[0], text="TỐI MẬT")


def hidden(document: docx.document.Document) -> None:
    document.add_paragraph().add_run("TỐI MẬT").font.hidden = True


def deleted_in_revision(document: docx.document.Document) -> None:
    document.add_paragraph()._p.append(
        parse_xml(f"<w:del {W}><w:r><w:delText>TỐI MẬT</w:delText></w:r></w:del>")
    )


def after_a_tab(document: docx.document.Document) -> None:
    document.add_paragraph("BỘ CÔNG AN\tTỐI MẬT")


@pytest.mark.parametrize(
    "change",
    [
        in_a_text_box,
        as_a_watermark,
        cut_into_runs,
        in_a_cell,
        in_the_header,
        in_the_first_footer,
        in_the_properties,
        in_a_comment,
        hidden,
        deleted_in_revision,
        after_a_tab,
    ],
)
def test_a_stamp_is_found_wherever_it_stands_in_a_docx(
    change: Callable[[docx.document.Document], None],
) -> None:
    found = read(word(change))
    assert found.unreadable == ""
    assert stamped(found)


def test_a_docx_of_prose_is_readable_and_has_no_stamp() -> None:
    found = read(word(unchanged))
    assert BODY.strip() in found.text
    assert ("", False) == (found.unreadable, stamped(found))


def with_parts(content: bytes, **parts: bytes) -> bytes:
    out = BytesIO(content)
    with zipfile.ZipFile(out, "a") as package:
        for name, part in parts.items():
            package.writestr(name.replace("__", "/").replace("_dot_", "."), part)
    return out.getvalue()


def test_a_document_inside_a_document_is_read() -> None:
    inner = word(in_a_text_box)
    assert stamped(read(with_parts(word(unchanged), word__embeddings__a_dot_docx=inner)))


def test_an_object_that_no_reader_knows_makes_a_docx_unreadable() -> None:
    found = read(with_parts(word(unchanged), word__embeddings__a_dot_bin=b"\0\1\2"))
    assert found.unreadable == "unknown-type"


def test_a_macro_makes_a_document_unreadable() -> None:
    found = read(with_parts(word(unchanged), word__vbaProject_dot_bin=b"\0"))
    assert found.unreadable == "macro"


def test_a_docx_that_is_only_a_picture_is_unreadable() -> None:
    document = docx.Document()
    png = BytesIO()
    Image.new("RGB", (64, 64)).save(png, "PNG")
    document.add_picture(png)
    out = BytesIO()
    document.save(out)
    assert read(out.getvalue()).unreadable == "image-without-text"


def sheet(change: Callable[[Worksheet], None]) -> bytes:
    workbook = openpyxl.Workbook()
    assert workbook.active
    workbook.active["A1"] = BODY
    change(workbook.active)
    out = BytesIO()
    workbook.save(out)
    return out.getvalue()


def in_a_sheet_cell(made: Worksheet) -> None:
    made["Z99"] = "TỐI MẬT"
    made.sheet_state = "visible"


def in_a_sheet_header(made: Worksheet) -> None:
    assert made.oddHeader is not None
    made.oddHeader.center.text = "TỐI MẬT"
    made.oddHeader.center.font = "Arial,Bold"
    made.oddHeader.center.size = 14


def in_a_sheet_comment(made: Worksheet) -> None:
    made["A1"].comment = Comment("TỐI MẬT", "a")


def in_the_name_of_a_sheet(made: Worksheet) -> None:
    made.title = "TỐI MẬT"


@pytest.mark.parametrize(
    "change", [in_a_sheet_cell, in_a_sheet_header, in_a_sheet_comment, in_the_name_of_a_sheet]
)
def test_a_stamp_is_found_wherever_it_stands_in_a_workbook(
    change: Callable[[Worksheet], None],
) -> None:
    found = read(sheet(change))
    assert found.unreadable == ""
    assert stamped(found)


@pytest.mark.parametrize("place", ["shape", "notes", "table"])
def test_a_stamp_is_found_wherever_it_stands_in_slides(place: str) -> None:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    box = (Inches(1), Inches(1), Inches(2), Inches(1))
    if place == "shape":
        slide.shapes.add_textbox(*box).text_frame.text = "TỐI MẬT"
    elif place == "notes":
        assert slide.notes_slide.notes_text_frame
        slide.notes_slide.notes_text_frame.text = "TỐI MẬT"
    else:
        slide.shapes.add_table(1, 1, *box).table.cell(0, 0).text = "TỐI MẬT"
    slide.shapes.add_textbox(*box).text_frame.text = BODY
    out = BytesIO()
    made.save(out)
    found = read(out.getvalue())
    assert found.unreadable == ""
    assert stamped(found)


# OpenDocument, RTF, mail, HTML, text.

TEXT = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'


def opendocument(body_xml: str, styles: str = "", manifest: str = "") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("content.xml", f"<c {TEXT}>{body_xml}</c>")
        package.writestr("styles.xml", f"<s {TEXT}>{styles}</s>")
        package.writestr("META-INF/manifest.xml", f"<m>{manifest}</m>")
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        opendocument("<text:p><text:span>TỐI</text:span> <text:span>MẬT</text:span></text:p>"),
        opendocument("<text:p>x</text:p>", styles="<text:p>TỐI MẬT</text:p>"),
    ],
)
def test_a_stamp_is_found_in_an_opendocument(content: bytes) -> None:
    found = read(content)
    assert found.media_type == "application/vnd.oasis.opendocument"
    assert stamped(found)


def test_an_encrypted_opendocument_is_unreadable() -> None:
    found = read(opendocument("<text:p>x</text:p>", manifest="<encryption-data/>"))
    assert found.unreadable == "encrypted"


@pytest.mark.parametrize(
    "group",
    [
        r"T\u7888?I M\u7852?T\par",
        r"{\header T\u7888?I M\u7852?T\par}",
        r"{\footnote T\u7888?I M\u7852?T}",
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt\pard T\u7888?I M\u7852?T\par}}}",
        r"{\v T\u7888?I\~M\u7852?T}\par",
        r"{\uc2 T\u7888\'d4\'cdI M\u7852\'c2\'f2T}\par",
    ],
)
def test_a_stamp_is_found_wherever_it_stands_in_rtf(group: str) -> None:
    source = rf"{{\rtf1\ansi\ansicpg1258{{\fonttbl{{\f0 Arial;}}}}{group} Body}}"
    found = read(source.encode("ascii"))
    assert found.media_type == "application/rtf"
    assert "Arial" not in found.text
    assert stamped(found)


def test_a_file_inside_a_mail_is_read() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@x.example", "b@x.example", "Báo cáo"
    mail.set_content(BODY)
    mail.add_attachment(word(in_a_text_box), maintype="application", subtype="msword")
    found = read(bytes(mail))
    assert found.media_type == "message/rfc822"
    assert stamped(found)


@pytest.mark.parametrize(
    "source",
    [
        "<html><body><p style='display:none'>TỐI <b>MẬT</b></p></body></html>",
        "<!DOCTYPE html><title>TỐI MẬT</title>",
        "<div>x<img alt='TỐI MẬT'></div>",
        "<div>x<!-- TỐI MẬT --></div>",
        "<table><tr><td>BỘ CÔNG AN</td><td>T&#7888;I M&#7852;T</td></tr></table>",
    ],
)
def test_a_stamp_is_found_wherever_it_stands_in_html(source: str) -> None:
    found = read(source.encode())
    assert found.media_type == "text/html"
    assert stamped(found)


@pytest.mark.parametrize(
    "content",
    [
        "x\nTỐI MẬT\ny".encode(),
        "x\nTỐI MẬT\ny".encode("utf-8-sig"),
        "x\nTỐI MẬT\ny".encode("utf-16"),
        b"\xfe\xff" + "x\nTỐI MẬT\ny".encode("utf-16-be"),
        "x\nTÔ\u0301I MÂ\u0323T\ny".encode("cp1258"),
        "<a><b>TỐI MẬT</b></a>".encode(),
        '<a title="TỐI MẬT"/>'.encode(),
    ],
)
def test_a_stamp_is_found_in_text_of_any_encoding(content: bytes) -> None:
    assert stamped(read(content))


@pytest.mark.parametrize("spelling", ["tèi mËt", "TOÁI MAÄT"])
def test_a_stamp_in_a_legacy_font_is_possible(spelling: str) -> None:
    found = read(f"x\n{spelling}\ny".encode("latin-1"))
    assert Sighting("TỐI MẬT", Certainty.POSSIBLE) in find_stamps(found.text, load_secrecy())


# OLE.


def ole(name: str, data: bytes) -> bytes:
    """Build the smallest file of [MS-CFB]: a header, a FAT, a directory, one stream."""
    data = data.ljust(4096, b"\0")  # smaller ones are kept elsewhere
    sectors = -(-len(data) // 512)
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    fat = [0xFFFFFFFD, end, *range(3, 2 + sectors), end]
    fat += [free] * (128 - len(fat))
    header = struct.pack(
        "<8s16x5H6x6L4s2L", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, 1, 1, 0, 4096, end, bytes(4), end, 0,
    )  # fmt: skip
    header += struct.pack("<109L", 0, *[free] * 108)

    def entry(title: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = title.encode("utf-16-le")
        return struct.pack(
            "<64sHBB3L16x4x8x8xLQ", raw, len(raw) + 2, kind, 1, none, none, child, start, size
        )

    directory = entry("Root Entry", 5, 1, end, 0) + entry(name, 2, none, 2, len(data))
    directory = directory.ljust(512, b"\0")
    return header + struct.pack("<128L", *fat) + directory + data.ljust(sectors * 512, b"\0")


@pytest.mark.parametrize("odd", [b"", b"\x01"])
def test_a_stamp_is_seen_in_an_old_word_file_which_stays_unreadable(odd: bytes) -> None:
    text = "BỘ CÔNG AN\rTỐI MẬT\rKính gửi".encode("utf-16-le")
    found = read(ole("WordDocument", odd + b"\0\x01" * 40 + text))
    assert ("application/x-ole-storage", "legacy-office") == (found.media_type, found.unreadable)
    assert stamped(found)


def test_a_stamp_in_a_legacy_font_is_seen_in_an_old_word_file() -> None:
    found = read(ole("WordDocument", b"\0" * 80 + b"B\xe9 C\xabng an\rt\xe8i m\xcbt\rK"))
    assert Sighting("TỐI MẬT", Certainty.POSSIBLE) in find_stamps(found.text, load_secrecy())


def test_an_encrypted_office_file_is_unreadable() -> None:
    assert read(ole("EncryptedPackage", b"x")).unreadable == "encrypted"


# Archives and bounds.


def archive(*files: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for index, file in enumerate(files):
            package.writestr(str(index), file)
    return out.getvalue()


def test_files_in_archives_in_archives_are_read() -> None:
    assert stamped(read(archive(b"x", archive(b"y", "TỐI MẬT".encode()))))


def test_archives_are_opened_to_a_depth() -> None:
    content = b"x"
    for _ in range(content_module.MAX_DEPTH + 1):
        content = archive(content)
    assert read(content).unreadable == "too-deep"


def test_an_archive_that_unpacks_to_too_much_is_unreadable() -> None:
    reading = content_module._Reading(Budget(unpacked=1_000_000, text=100))
    reading.take(archive(b"\0" * 2_000_000), 0)
    assert reading.unreadable == "too-large"


def test_a_text_that_is_too_long_is_unreadable() -> None:
    reading = content_module._Reading(Budget(unpacked=100, text=100))
    reading.take(b"x" * 101, 0)
    assert reading.unreadable == "too-large"


@pytest.mark.parametrize(
    ("content", "media_type", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", "picture"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "picture"),
        (b"\0\1\2\3", "application/octet-stream", "unknown-type"),
        (b"PK\x03\x04 broken", "application/zip", "corrupt"),
        (b"%PDF-1.7 broken", "application/pdf", "corrupt"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", "corrupt"),
        (b"<a><b></a>", "application/xml", "corrupt"),
        (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            "application/xml",
            "corrupt",
        ),
        (b"BM" + bytes(12), "image/bmp", "picture"),
        ("BMW và BMI".encode(), "text/plain", ""),
        (b"QUJD" * 200, "text/plain", "embedded-data"),
        (b"", "text/plain", ""),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, media_type: str, reason: str) -> None:
    found = read(content)
    assert (media_type, reason) == (found.media_type, found.unreadable)


@given(
    st.binary(),
    st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", b"{\\rtf1", b"<a>", b"From: x\nTo:"]),
)
@settings(max_examples=200)
def test_no_bytes_raise(content: bytes, start: bytes) -> None:
    read(start + content)


@given(st.integers(0, 3000), st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_a_damaged_pdf_raises_nothing(at: int, byte: int) -> None:
    damaged = bytearray(DAMAGED)
    damaged[at % len(damaged)] = byte
    read(bytes(damaged))


DAMAGED = pdf(body)


# The process apart.


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with contextlib.closing(Reader()) as opened:
        yield opened


@pytest.mark.parametrize("letter", sorted(LETTERS.glob("*/text.txt")), ids=lambda p: p.parent.name)
def test_a_real_letter_is_read_in_a_process_apart(reader: Reader, letter: Path) -> None:
    attachment = Attachment(name="a.txt", content_type="x", content=letter.read_bytes())
    found = reader.examine(attachment)
    assert (letter.read_text("utf-8"), "") == (found.text, found.unreadable)
    assert ("a.txt", "text/plain") == (found.name, found.media_type)


def test_a_reader_goes_on_after_its_process_was_killed(reader: Reader) -> None:
    assert reader.extract(b"one").text == "one"
    assert reader._worker
    reader._worker.kill()
    reader._worker.wait()
    assert reader.extract(b"two").text == "two"


def abort(_content: bytes) -> Extracted:
    faulthandler.disable()  # pytest's own, which would print a stack
    os.abort()


def spin(_content: bytes) -> Extracted:
    while True:
        pass


def devour(_content: bytes) -> Extracted:
    bytearray(4 * worker.MEMORY_BYTES)
    raise AssertionError("the memory of a child is not limited")


def leave_a_file(_content: bytes) -> Extracted:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
        file.flush()
    raise AssertionError("a child can write to a disk")


@pytest.mark.parametrize(
    ("parser", "reason"),
    [(abort, "crash"), (spin, "too-slow"), (devour, "crash"), (leave_a_file, "crash")],
)
def test_a_parser_that_breaks_breaks_nothing_else(
    parser: Callable[[bytes], Extracted], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "read", parser)
    monkeypatch.setattr(worker, "cpu_seconds", lambda _: 1)
    answer = json.loads(worker._answer(b"x"))
    assert reason == answer["unreadable"]


def test_a_process_that_does_not_answer_is_ended() -> None:
    with contextlib.closing(Reader(patience=lambda size: 0.2 if size == 3 else 30)) as reader:
        assert reader.extract(b"ones").text == "ones"
        assert reader._worker
        reader._worker.send_signal(signal.SIGSTOP)
        assert reader.extract(b"two").unreadable == "too-slow"
        assert reader.extract(b"four").text == "four"
