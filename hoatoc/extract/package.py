"""Zip files: Office Open XML (ECMA-376), OpenDocument (ISO 26300), and archives of files.

In a document every part of XML is read, because a stamp may stand in any of them: text boxes,
headers, notes, comments, drawings, properties. The libraries that know paragraphs, cells or slides
pass over some of these.
"""

import re
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import ZipFile, ZipInfo

from hoatoc.extract.found import Budget, Findings, Gap, Inner, Text
from hoatoc.extract.markup import xml_text

OOXML = "application/vnd.openxmlformats-officedocument"
ODF = "application/vnd.oasis.opendocument"
ARCHIVE = "application/zip"
_MAX_FILES = 4096
_XML = {".xml", ".rels", ".vml", ".rdf"}
_PICTURES = {
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
    ".emf",
    ".wmf",
    ".wdp",
    ".svm",
}
# Settings of printers, embedded fonts, previews: nothing that a reader of the document reads.
_SILENT = {".odttf", ".fntdata", ".ttf", ".sig", ".psmdcp"}
_BODY = re.compile(r"document\d*\.xml|sharedStrings\.xml|sheet\d+\.xml|slide\d+\.xml|content\.xml")
_SILENT_NAMES = {"mimetype", "layout-cache"}
_ENCRYPTED = 0x1


def read_package(content: bytes, budget: Budget) -> Findings:
    """Yield the text of a document, or the files of an archive; encrypted ones are gaps."""
    with ZipFile(BytesIO(content)) as package:
        members = [member for member in package.infolist() if not member.is_dir()]
        if len(members) > _MAX_FILES:
            yield Gap("too-many-files")
        is_document = package_kind(package) != ARCHIVE
        for member in members[:_MAX_FILES]:
            if member.flag_bits & _ENCRYPTED:
                yield Gap("encrypted")
            elif is_document:
                yield from _part(package, member, budget)
            else:
                yield Text(member.filename)
                yield Inner(_unpacked(package, member, budget))


def package_kind(package: ZipFile) -> str:
    """Tell a document from an archive by the parts that each kind must have."""
    names = set(package.namelist())
    if "[Content_Types].xml" in names:
        return OOXML
    return ODF if {"content.xml", "META-INF/manifest.xml"} <= names else ARCHIVE


def _part(package: ZipFile, member: ZipInfo, budget: Budget) -> Findings:
    path = PurePosixPath(member.filename)
    suffix = path.suffix.lower()
    if path.name in _SILENT_NAMES or suffix in _SILENT or path.name.startswith("printerSettings"):
        return
    if suffix in _PICTURES:
        yield Gap("image")
    elif path.name == "vbaProject.bin":
        yield Gap("macro")
    elif suffix in _XML:
        content = _unpacked(package, member, budget)
        if path.name == "manifest.xml" and b"encryption-data" in content:
            yield Gap("encrypted")
        yield Text(xml_text(content), body=_BODY.fullmatch(path.name) is not None)
    else:
        yield Inner(_unpacked(package, member, budget))


def _unpacked(package: ZipFile, member: ZipInfo, budget: Budget) -> bytes:
    # What the member claims is counted first, and zipfile reads no more than it claims.
    budget.unpack(member.file_size)
    return package.read(member)
