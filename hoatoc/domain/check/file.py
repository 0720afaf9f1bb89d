"""Files: that they are there, can be opened, are what they claim to be, and do no harm.

What is named here is decided by the packet alone, and more of it where the files were examined.
"""

import re
from collections import Counter
from collections.abc import Iterator
from unicodedata import normalize

from hoatoc.domain.check.rule import CV_807, Case, Rule, Severity, Spot, Spots
from hoatoc.domain.content import digest_of, head_of, size_of
from hoatoc.domain.examination import FileExamined
from hoatoc.domain.packet import NEW_DOCUMENT, REPLACEMENT, Attachment

_FILES = "AttachmentEncoded/Attachment"
_SAFETY = "QĐ 28/2018/QĐ-TTg, Điều 6.1"
_FORMATS = "QĐ 28/2018/QĐ-TTg, Điều 6.4"
_NAME_BYTES = 255  # what common file systems hold
# Separators, controls, and marks that turn the reading direction and so disguise an extension.
_UNSAFE = re.compile(r"[/\\:*?\"<>|\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]|^\.{1,2}$")
_EXECUTABLE_NAMES = frozenset(
    (
        *("app", "apk", "com", "cpl", "dll", "exe", "msi", "msp", "pif", "scr", "sys"),
        *("bat", "cmd", "hta", "jar", "js", "jse", "ps1", "psm1", "sh", "vb", "vbe", "vbs"),
        *("dmg", "img", "iso", "lnk", "reg", "wsf", "wsh"),
    )
)
_EXECUTABLE_BYTES = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"dex\n")
_SAME_TYPE = {
    "application/x-zip-compressed": "application/zip",
    "application/x-zip": "application/zip",
    "application/x-pdf": "application/pdf",
    "text/xml": "application/xml",
    "text/rtf": "application/rtf",
    "image/jpg": "image/jpeg",
}
# What the first bytes of older Office documents tell is only that they are such a storage.
_FAMILIES = {
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "application/zip": ("application/epub", "application/java-archive"),
    "application/xml": ("image/svg+xml",),
}
# These say nothing of what a file is.
_NO_TYPE = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})


def _files(case: Case) -> Iterator[tuple[str, Attachment]]:
    for index, attachment in enumerate(case.packet.attachments, start=1):
        yield f"{_FILES}[{index}]", attachment


def _examined(case: Case) -> Iterator[tuple[str, FileExamined]]:
    for index, examined in enumerate(case.examination.files if case.examination else (), start=1):
        yield f"{_FILES}[{index}]", examined


def _none(case: Case) -> Spots:
    # A recall or an update may be its header alone.
    if case.packet.business_type in (NEW_DOCUMENT, REPLACEMENT) and not case.packet.attachments:
        yield Spot(_FILES)


def _no_pdf(case: Case) -> Spots:
    attachments = case.packet.attachments
    if not attachments or any(map(_is_pdf, attachments)):
        return
    if not any(examined.media_type == "application/pdf" for _, examined in _examined(case)):
        yield Spot(_FILES, attachments[0].name)


def _is_pdf(attachment: Attachment) -> bool:
    is_named = attachment.name.lower().endswith(".pdf")
    return is_named or head_of(attachment.content).startswith(b"%PDF-")


def _empty(case: Case) -> Spots:
    return (Spot(path, each.name) for path, each in _files(case) if not size_of(each.content))


def _unreadable(case: Case) -> Spots:
    for path, examined in _examined(case):
        if examined.unreadable:
            yield Spot(path, examined.name, examined.unreadable)


def _same_content(case: Case) -> Spots:
    if len(case.packet.attachments) < 2:
        return
    sizes = Counter(size_of(each.content) for each in case.packet.attachments)
    first: dict[bytes, str] = {}
    for path, each in _files(case):
        # Only files of one size are compared: hashing every file would cost more than all the rest.
        size = size_of(each.content)
        if size and sizes[size] > 1:
            earlier = first.setdefault(digest_of(each.content), each.name)
            if earlier is not each.name:
                yield Spot(path, each.name, earlier)


def _same_name(case: Case) -> Spots:
    seen: set[str] = set()
    for path, each in _files(case):
        folded = normalize("NFC", each.name).lower()
        if folded in seen:
            yield Spot(f"{path}/AttachmentName", each.name)
        seen.add(folded)


def _claimed_otherwise(case: Case) -> Spots:
    pairs = zip(_files(case), _examined(case), strict=False)
    for (path, attachment), (_, examined) in pairs:
        claimed, found = _media_type(attachment.content_type), _media_type(examined.media_type)
        packed = claimed == "application/zip"  # the usual builder packs each file and says so
        if not packed and not {claimed, found} & _NO_TYPE and not _is_one(claimed, found):
            yield Spot(f"{path}/ContentType", claimed, found)


def _media_type(text: str) -> str:
    bare = text.partition(";")[0].strip().lower()
    return _SAME_TYPE.get(bare, bare)


def _is_one(claimed: str, found: str) -> bool:
    """Tell whether two types are one, or what was found is only the family of the other."""
    if claimed.startswith("text/") and found.startswith("text/"):
        return True
    return claimed.startswith((found, *_FAMILIES.get(found, ())))


def _pdf_otherwise(case: Case) -> Spots:
    for path, each in _files(case):
        head = head_of(each.content)
        is_bare = head and not head.startswith((b"%PDF-", b"PK"))
        if is_bare and each.name.lower().endswith(".pdf") and b"%PDF-" not in head:
            yield Spot(path, each.name)


def _name_wide(case: Case) -> Spots:
    for path, each in _files(case):
        if (width := len(each.name.encode())) > _NAME_BYTES:
            yield Spot(f"{path}/AttachmentName", str(width), str(_NAME_BYTES))


def _name_unsafe(case: Case) -> Spots:
    for path, each in _files(case):
        if match := _UNSAFE.search(each.name):
            yield Spot(f"{path}/AttachmentName", _visible(each.name), _visible(match[0]))


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() else f"U+{ord(each):04X}" for each in text)


def _archive_harmful(case: Case) -> Spots:
    for path, examined in _examined(case):
        if examined.harmful:
            yield Spot(path, examined.name, examined.harmful)


def _executable(case: Case) -> Spots:
    for path, each in _files(case):
        extension = each.name.rstrip(" .").rpartition(".")[2].lower()
        if extension in _EXECUTABLE_NAMES or head_of(each.content).startswith(_EXECUTABLE_BYTES):
            yield Spot(path, _visible(each.name))


RULES = (
    Rule(
        "attachment-missing",
        Severity.REFUSE,
        _none,
        ("Gói tin không có tệp đính kèm nào.", "Đính kèm tệp văn bản rồi gửi lại."),
        ("The packet has no attachment.", "Attach the document's file and send again."),
        CV_807,
    ),
    Rule(
        "document-file-missing",
        Severity.WARN,
        _no_pdf,
        (
            "Không tệp nào là PDF (tệp đầu: «{found}»).",
            "Đính kèm tệp PDF của văn bản đã ký số.",
        ),
        (
            "No file is a PDF (the first is “{found}”).",
            "Attach the PDF of the signed document.",
        ),
        _FORMATS,
    ),
    Rule(
        "attachment-empty",
        Severity.REFUSE,
        _empty,
        ("Tệp «{found}» rỗng.", "Đính kèm lại tệp có nội dung."),
        ("The file “{found}” is empty.", "Attach it again with its content."),
        CV_807,
    ),
    Rule(
        "attachment-unreadable",
        Severity.WARN,
        _unreadable,
        (
            "Không đọc được tệp «{found}» ({expected}).",
            "Mở thử tệp; bỏ mật khẩu, hoặc xuất lại dạng PDF có văn bản.",
        ),
        (
            "The file “{found}” cannot be read ({expected}).",
            "Open it; remove its password, or export it again as a PDF with text.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 9.1",
    ),
    Rule(
        "attachment-repeated",
        Severity.WARN,
        _same_content,
        (
            "Tệp «{found}» có cùng nội dung với «{expected}».",
            "Bỏ một tệp, hoặc đính kèm đúng tệp còn thiếu.",
        ),
        (
            "The file “{found}” has the same content as “{expected}”.",
            "Drop one of them, or attach the one that was meant.",
        ),
        CV_807,
    ),
    Rule(
        "attachment-name-repeated",
        Severity.WARN,
        _same_name,
        ("Hai tệp cùng tên «{found}».", "Đổi tên một tệp: bên nhận có thể ghi đè."),
        ("Two files are named “{found}”.", "Rename one: the recipient may overwrite it."),
        CV_807,
    ),
    Rule(
        "attachment-type-differs",
        Severity.WARN,
        _claimed_otherwise,
        (
            "Gói tin ghi tệp là {found}, nội dung thực là {expected}.",
            "Sửa ContentType, hoặc đính kèm đúng tệp.",
        ),
        (
            "The packet calls the file {found}; its bytes are {expected}.",
            "Correct ContentType, or attach the right file.",
        ),
        _FORMATS,
    ),
    Rule(
        "attachment-not-pdf",
        Severity.WARN,
        _pdf_otherwise,
        (
            "Tệp «{found}» có đuôi .pdf nhưng không phải PDF.",
            "Mở thử tệp; xuất lại PDF rồi ký số.",
        ),
        (
            "The file “{found}” is named .pdf, but is none.",
            "Open it; export it as PDF again and sign it.",
        ),
        _FORMATS,
    ),
    Rule(
        "attachment-name-wide",
        Severity.WARN,
        _name_wide,
        (
            "Tên tệp dài {found} byte, quá {expected}: nhiều hệ thống không lưu được.",
            "Đặt tên ngắn hơn.",
        ),
        (
            "The name of the file has {found} bytes, above {expected}: many systems cannot store "
            "it.",
            "Give it a shorter name.",
        ),
        CV_807,
    ),
    Rule(
        "attachment-name-unsafe",
        Severity.REFUSE,
        _name_unsafe,
        (
            "Tên tệp «{found}» có ký tự không an toàn ({expected}).",
            "Đổi tên tệp: chỉ chữ, số, dấu cách, gạch nối, gạch dưới và dấu chấm.",
        ),
        (
            "The name “{found}” of a file holds what is not safe ({expected}).",
            "Rename it: letters, digits, blanks, hyphens, underscores and full stops only.",
        ),
        _SAFETY,
    ),
    Rule(
        "attachment-archive-harmful",
        Severity.REFUSE,
        _archive_harmful,
        (
            "Tệp nén «{found}» gây hại cho máy giải nén nó ({expected}).",
            "Đính kèm trực tiếp tệp văn bản, hoặc nén lại chỉ với tên tệp thông thường.",
        ),
        (
            "The archive “{found}” would harm whoever unpacks it ({expected}).",
            "Attach the document's file as it is, or pack it again with plain names.",
        ),
        _SAFETY,
    ),
    Rule(
        "attachment-executable",
        Severity.REFUSE,
        _executable,
        (
            "Tệp «{found}» là chương trình hoặc tập lệnh chạy được.",
            "Bỏ tệp này: văn bản không gửi kèm chương trình.",
        ),
        (
            "The file “{found}” is a program or a script.",
            "Take it off: programs are not sent with documents.",
        ),
        _SAFETY,
    ),
)
