"""Archives: the files inside a packed attachment, bounded against archives built to do harm.

Some producers pack every file as a ZIP of one entry and say `application/zip`; others attach it as
it is. What an archive says of its sizes is not believed: everything is counted as it is unpacked.
An Office or OpenDocument file is a ZIP too, and is left whole.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - it is a class
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from hoatoc.domain.content import Content, InMemory, Sinks, head_of, opened, windows
from hoatoc.domain.packet import ArchiveReason, ArchiveRefused, Attachment, File

MAX_UNPACKED_BYTES = 50 * 1024 * 1024
"""The most that one attachment may unpack to, all its members together."""

MAX_ENTRIES = 200
MAX_RATIO = 200
"""The most that a member may grow by; plain text grows ten times, an empty scan a hundred."""

MAX_DEPTH = 2
"""How deep archives may stand inside each other: one inside another."""

MAX_NAME = 255
_RATIO_MATTERS_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
_MAGIC, _DIRECTORY_ENTRY = b"PK\x03\x04", b"PK\x01\x02"
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_UNSAFE = re.compile(r"^[/~]|^[A-Za-z]:|[\\\x00-\x1f\x7f]|(?:^|/)\.\.?(?:/|$)|//")
# The members by which a ZIP is itself a document: Office Open XML, OpenDocument and EPUB.
_DOCUMENT_MEMBERS = frozenset({"[Content_Types].xml", "mimetype"})
_DAMAGED = (BadZipFile, zlib.error, EOFError, NotImplementedError, StructError, ValueError)


@dataclass(slots=True)
class _Budget:
    """What the members of one attachment may still take, at any depth."""

    name: str
    sinks: Sinks
    size: int = MAX_UNPACKED_BYTES
    entries: int = MAX_ENTRIES

    def take_entries(self, count: int) -> None:
        self.entries -= count
        if self.entries < 0:
            found = f"> {MAX_ENTRIES} tệp / files"
            raise self.refusal(ArchiveReason.TOO_MANY_ENTRIES, found, f"≤ {MAX_ENTRIES}")

    def take(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            found = f"> {MAX_UNPACKED_BYTES} bytes"
            raise self.refusal(ArchiveReason.TOO_LARGE, found, f"≤ {MAX_UNPACKED_BYTES} bytes")

    def refusal(self, reason: ArchiveReason, found: str, expected: str) -> ArchiveRefused:
        return ArchiveRefused(self.name, reason, found, expected)


def unpack(attachment: Attachment, sinks: Sinks = InMemory) -> tuple[File, ...]:
    """Return the files of an attachment: itself, or what it packs; raise `ArchiveRefused`.

    A member of an archive inside the archive is named `inner.zip/member`: names are only names.
    What is unpacked goes to one of the `sinks` for each member.
    """
    whole = File(name=attachment.name, content=attachment.content)
    if not head_of(attachment.content).startswith(_MAGIC):
        return (whole,)
    return tuple(_files(whole, _Budget(attachment.name, sinks), 1)) or (whole,)


def _files(file: File, budget: _Budget, depth: int) -> Iterator[File]:
    """Yield what a ZIP packs, or the file itself if it is a document of its own."""
    try:
        # Every entry of the directory has this mark: their number is bounded before one is read.
        budget.take_entries(0 if _entries_at_most(file.content) else MAX_ENTRIES + 1)
        with opened(file.content) as packed, ZipFile(packed) as archive:
            members = archive.infolist()
            if _DOCUMENT_MEMBERS.intersection(each.filename for each in members):
                yield file
                return
            yield from _members(archive, members, budget, depth)
    except _DAMAGED as error:
        found = f"{type(error).__name__}: {error}"
        raise budget.refusal(ArchiveReason.DAMAGED, found, "ZIP") from error


def _entries_at_most(content: Content) -> bool:
    marks = (piece.count(_DIRECTORY_ENTRY) for piece in windows(content, len(_DIRECTORY_ENTRY)))
    return sum(marks) <= 10 * MAX_ENTRIES


def _members(
    archive: ZipFile, members: list[ZipInfo], budget: _Budget, depth: int
) -> Iterator[File]:
    if depth > MAX_DEPTH:
        raise budget.refusal(ArchiveReason.NESTED_TOO_DEEP, f"> {MAX_DEPTH}", f"≤ {MAX_DEPTH}")
    budget.take_entries(len(members))
    names = [_name(each, budget) for each in members]
    for name, count in Counter(names).items():
        if count > 1:
            raise budget.refusal(ArchiveReason.NAME_REPEATED, f"«{name}» × {count}", "1")
    for member, name in zip(members, names, strict=True):
        if not member.is_dir():
            yield from _member(archive, member, name, budget, depth)


def _member(
    archive: ZipFile, member: ZipInfo, name: str, budget: _Budget, depth: int
) -> Iterator[File]:
    file = File(name=name, content=_content(archive, member, budget))
    if not head_of(file.content).startswith(_MAGIC):
        yield file
        return
    for inner in _files(file, budget, depth + 1):
        yield inner if inner is file else File(name=f"{name}/{inner.name}", content=inner.content)


def _name(member: ZipInfo, budget: _Budget) -> str:
    """Return a member's name, read as UTF-8 if it is that but does not say so."""
    name = member.filename
    if not member.flag_bits & _UTF_8:
        raw = name.encode("cp437", errors="replace")
        name = raw.decode() if _is_utf_8(raw) else name
    if _UNSAFE.search(name) or not 0 < len(name) <= MAX_NAME:
        found = f"«{name[:40]!a}»"
        raise budget.refusal(ArchiveReason.NAME_UNSAFE, found, "tên tương đối / a relative name")
    return name


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _content(archive: ZipFile, member: ZipInfo, budget: _Budget) -> Content:
    if member.flag_bits & _ENCRYPTED:
        raise budget.refusal(ArchiveReason.ENCRYPTED, "mật khẩu / a password", "không / none")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        found = f"method {member.compress_type}"
        raise budget.refusal(ArchiveReason.METHOD_UNKNOWN, found, "stored, deflated")
    content, size = budget.sinks(), 0
    with archive.open(member) as packed:
        while piece := packed.read(_CHUNK):
            budget.take(len(piece))
            content.write(piece)
            size += len(piece)
            _bound_ratio(size, member.compress_size, budget)
    return content.close()


def _bound_ratio(size: int, packed: int, budget: _Budget) -> None:
    if size > _RATIO_MATTERS_BYTES and size > MAX_RATIO * packed:
        found = f"> {MAX_RATIO} × {packed} bytes"
        raise budget.refusal(ArchiveReason.RATIO_TOO_HIGH, found, f"≤ {MAX_RATIO}")
