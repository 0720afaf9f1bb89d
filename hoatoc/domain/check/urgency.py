"""Urgency: what is stamped on the document against what the packet says (QĐ 28/2018, Điều 6.2).

Only a stamp counts: alone on its line in a file, or set apart in the subject. "Khẩn trương" and
"khẩn cấp" are words of ordinary prose.
"""

import re
from collections.abc import Iterator
from unicodedata import normalize

from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots
from hoatoc.domain.packet import PRIORITIES

_WORDS = r"H(?:ỎA|OẢ) TỐC HẸN GIỜ|H(?:ỎA|OẢ) TỐC|THƯỢNG KHẨN|KHẨN"
_STAMP = re.compile(rf"^[^\w\n]*(?:ĐỘ KHẨN\s*:\s*)?({_WORDS})[^\w\n]*$", re.MULTILINE)
_IN_SUBJECT = re.compile(
    rf"^\W*({_WORDS})\s*(?:[:.)\]»”!–-]|$)|[(\[«“–-]\s*({_WORDS})\s*(?:[)\]»”!]|$)"
)


def _stamps(case: Case) -> Iterator[tuple[str, str]]:
    subject = _composed(case.packet.subject).upper()
    if _may_hold(subject):
        for match in _IN_SUBJECT.finditer(subject):
            yield "MessageHeader/Subject", match[1] or match[2]
    for examined in case.examination.files if case.examination else ():
        if _may_hold(text := _composed(examined.text)):
            for match in _STAMP.finditer(text):
                yield examined.name, match[1]


def _may_hold(text: str) -> bool:
    # Most texts hold neither word: two quick searches spare them the pattern.
    return "KHẨN" in text or "TỐC" in text


def _composed(text: str) -> str:
    return text if text.isascii() else normalize("NFC", text)


def _level(stamp: str) -> int:
    return [word.upper() for word in PRIORITIES].index(stamp.replace("HOẢ", "HỎA"))


def _understated(case: Case) -> Spots:
    stamps = [(_level(stamp), where) for where, stamp in _stamps(case)]
    level, where = max(stamps, default=(0, ""))
    if level > case.packet.priority:
        stated = f"{case.packet.priority} ({PRIORITIES[case.packet.priority]})"
        found = f"{PRIORITIES[level].upper()} ({where})"
        yield Spot("MessageHeader/OtherInfo/Priority", found, stated)


RULES = (
    Rule(
        "urgency-understated",
        Severity.WARN,
        _understated,
        (
            "Văn bản đóng dấu {found}, nhưng mức độ khẩn của gói tin là {expected}.",
            "Ghi đúng mức độ khẩn: văn bản khẩn được ưu tiên và phải gửi ngay sau khi ký.",
        ),
        (
            "The document is stamped {found}, but the packet's priority is {expected}.",
            "Enter the right one: urgent documents go first, and at once after signing.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 6.2",
    ),
)
