"""The gate against state secrets: what a document is suspected of, before anything of it is kept.

Documents with state secrets are not sent over this exchange (QĐ 28/2018, Điều 1.2). edXML has no
element for secrecy, and `Priority` says nothing of it; so the gate goes by what the source system
declares and by the marks in the header and in the files. It fails closed: a file that could not be
read is not clean. A named person may answer for such a file, or for what is only possibly a stamp;
nobody for a stamp that was found or a secret that was declared.

Nothing here returns or raises any text of the document: only marks, codes and places.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from hoatoc.domain.check import Severity
from hoatoc.domain.error import PeerFault
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.packet import Attachment, Packet
from hoatoc.domain.secrecy import SecrecyRules
from hoatoc.domain.stamp import Certainty, find_notation, find_stamps

_REASON = re.compile(r"[a-z-]{1,40}(?: [0-9]{1,6})?")
LAW = "QĐ 28/2018/QĐ-TTg, Điều 1.2; Luật 117/2025/QH15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What those who hand a document over say of it.

    `secret` is None when the source system says nothing. `cleared_by` names the person who answers
    for it that what could not be read, or is only possibly a stamp, holds no state secret.
    """

    secret: bool | None = None
    cleared_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One reason to suspect a state secret; `mark` is the mark itself, never the text around it.

    `where` is the path of an element, with the index of a file: its name may say too much.
    A suspicion that was cleared stays as a warning, so that it is on record who answered for it.
    """

    severity: Severity
    code: str
    where: str
    mark: str
    text_vi: str
    text_en: str
    article: str


class SecretSuspected(PeerFault):
    """A document may hold a state secret and goes no further; this holds nothing of its text.

    `sha256` (hex) and `size` (bytes) are those of the packet as it came in, `organ` the code of
    the sender that it names.
    """

    def __init__(
        self, suspicions: Iterable[Suspicion], sha256: str, size: int, organ: str = ""
    ) -> None:
        self.suspicions = tuple(each for each in suspicions if each.severity is Severity.REFUSE)
        self.sha256, self.size, self.organ = sha256, size, organ
        lines = (f"{each.where}: {each.text_vi} / {each.text_en}" for each in self.suspicions)
        super().__init__("\n".join((*lines, f"sha256 {sha256}, {size} bytes")))

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes of the suspicions, each once."""
        return tuple(dict.fromkeys(each.code for each in self.suspicions))


def suspect(
    packet: Packet,
    examination: Examination,
    declaration: Declaration = Declaration(),
    *,
    rules: SecrecyRules,
) -> tuple[Suspicion, ...]:
    """Return every reason to suspect a state secret, warnings included.

    `examination` holds one file for each attachment, in their order; an attachment without one
    was not examined and is suspected. Files beyond them are searched too.
    """
    found = (
        *_declared(declaration),
        *_in_header(packet, rules),
        *_in_files(packet, examination, rules),
    )
    return tuple(_cleared(each, declaration.cleared_by.strip()) for each in found)


def require_open(suspicions: Iterable[Suspicion], sha256: str, size: int, organ: str = "") -> None:
    """Raise `SecretSuspected` if a suspicion holds the document back."""
    held = tuple(each for each in suspicions if each.severity is Severity.REFUSE)
    if held:
        raise SecretSuspected(held, sha256, size, organ)


def declared_by(elements: Iterable[tuple[str, str]], rules: SecrecyRules) -> Declaration:
    """Read a declaration from the elements of a packet that edXML does not know.

    `elements` are names (a path will do) and texts. A flag whose value is not understood declares
    a secret.
    """
    flags = [text.strip().lower() for name, text in elements if _local(name) in rules.flags]
    return Declaration(secret=any(text not in rules.no for text in flags) if flags else None)


def _local(name: str) -> str:
    return name.rpartition("/")[2].rpartition("}")[2].rpartition(":")[2].lower()


def _declared(declaration: Declaration) -> Iterator[Suspicion]:
    if declaration.secret:
        yield _suspicion("declared-secret", "/")


def _in_header(packet: Packet, rules: SecrecyRules) -> Iterator[Suspicion]:
    for where, text in _header_texts(packet):
        yield from _in_text(where, text, rules)
    path = "MessageHeader/Code"
    for name, text in (("CodeNumber", packet.number), ("CodeNotation", packet.notation)):
        if mark := find_notation(f"/{text}", rules):
            yield _suspicion("possible-stamp", f"{path}/{name}", mark)


def _header_texts(packet: Packet) -> Iterator[tuple[str, str]]:
    header, other = "MessageHeader", packet.other
    yield f"{header}/Subject", packet.subject
    yield f"{header}/Content", packet.content
    yield f"{header}/DocumentType/TypeName", packet.type_name
    yield f"{header}/DocumentType/TypeDetail", packet.type_detail
    yield f"{header}/OtherInfo/SphereOfPromulgation", other.sphere
    yield f"{header}/OtherInfo/TyperNotation", other.typer
    for index, text in enumerate(other.appendixes, start=1):
        yield f"{header}/OtherInfo/Appendixes/Appendix[{index}]", text
    for index, text in enumerate(packet.places, start=1):
        yield f"{header}/ToPlaces/Place[{index}]", text
    yield "TraceHeaderList/Bussiness/BussinessDocReason", packet.business_reason


def _in_files(packet: Packet, examination: Examination, rules: SecrecyRules) -> Iterator[Suspicion]:
    for index, attachment in enumerate(packet.attachments, start=1):
        yield from _in_names(f"AttachmentEncoded/Attachment[{index}]", attachment, rules)
        if index > len(examination.files):
            yield _suspicion("not-examined", f"AttachmentEncoded/Attachment[{index}]")
    for index, file in enumerate(examination.files, start=1):
        yield from _in_file(f"AttachmentEncoded/Attachment[{index}]", file, rules)


def _in_names(where: str, attachment: Attachment, rules: SecrecyRules) -> Iterator[Suspicion]:
    stem = attachment.name.rpartition(".")[0] or attachment.name
    words = stem.replace("_", " ").replace("-", " ").replace(".", " ")
    yield from _in_text(f"{where}/AttachmentName", words, rules)
    yield from _in_text(f"{where}/Description", attachment.description, rules)


def _in_file(where: str, file: FileExamined, rules: SecrecyRules) -> Iterator[Suspicion]:
    yield from _in_text(where, file.text, rules)
    if file.unreadable:
        yield _suspicion("unreadable", where, reason=_name_of(file.unreadable))


def _name_of(reason: str) -> str:
    """Return a reason if it is a name that a reader gives, should a text ever stand there."""
    return reason if _REASON.fullmatch(reason) else "unreadable"


def _in_text(where: str, text: str, rules: SecrecyRules) -> Iterator[Suspicion]:
    for mark, certainty in find_stamps(text, rules) if text else ():
        yield _suspicion(_CODES[certainty], where, mark)


_CODES = {
    Certainty.STAMP: "stamp",
    Certainty.POSSIBLE: "possible-stamp",
    Certainty.MENTION: "mention",
}


class _Meaning(NamedTuple):
    """What a code means: its texts, and whether a person may answer for it."""

    severity: Severity
    clearable: bool
    text_vi: str
    text_en: str
    article: str = LAW


_MEANINGS = {
    "declared-secret": _Meaning(
        Severity.REFUSE,
        False,
        "Hệ thống gửi khai báo văn bản là bí mật nhà nước. Không gửi qua Trục; chuyển theo pháp "
        "luật về bảo vệ bí mật nhà nước.",
        "The source system declares a state secret. Do not send it over this exchange; carry it "
        "as the law on state secrets says.",
    ),
    "stamp": _Meaning(
        Severity.REFUSE,
        False,
        "Có dấu chỉ độ mật «{mark}». Không gửi qua Trục; chuyển theo pháp luật về bảo vệ bí mật "
        "nhà nước. Nếu dấu không đúng, sửa văn bản rồi gửi lại.",
        "There is a stamp of secrecy “{mark}”. Do not send it over this exchange; carry it as the "
        "law on state secrets says. If the stamp is wrong, correct the document and send again.",
        "QĐ 28/2018/QĐ-TTg, Điều 1.2; TT 24/2020/TT-BCA, Mẫu số 02, 07; Luật 117/2025/QH15",
    ),
    "possible-stamp": _Meaning(
        Severity.REFUSE,
        True,
        "Có thể có dấu hoặc ký hiệu mật «{mark}». Mở văn bản kiểm tra: nếu là mật, không gửi qua "
        "Trục; nếu không, người chịu trách nhiệm xác nhận rồi gửi lại.",
        "There may be a stamp or notation of secrecy “{mark}”. Look at the document: if it is "
        "secret, do not send it here; if not, a responsible person clears it and it is sent again.",
    ),
    "unreadable": _Meaning(
        Severity.REFUSE,
        True,
        "Không đọc được toàn bộ tệp ({reason}), nên không loại trừ được bí mật nhà nước. Gửi tệp "
        "có lớp chữ (PDF, DOCX), hoặc người chịu trách nhiệm xác nhận rồi gửi lại.",
        "Not all of the file could be read ({reason}), so a state secret cannot be ruled out. Send "
        "a file whose text can be read (PDF, DOCX), or a responsible person clears it.",
    ),
    "not-examined": _Meaning(
        Severity.REFUSE,
        False,
        "Tệp chưa được kiểm tra. Gửi lại; nếu vẫn lỗi, báo bộ phận vận hành Hoatoc.",
        "The file was not examined. Send again; if it happens again, tell those who run Hoatoc.",
    ),
    "mention": _Meaning(
        Severity.WARN,
        False,
        "Văn bản có nhắc đến «{mark}». Kiểm tra rằng đây không phải là dấu chỉ độ mật.",
        "The document mentions “{mark}”. Check that this is no stamp of secrecy.",
    ),
}


def _suspicion(code: str, where: str, mark: str = "", reason: str = "") -> Suspicion:
    meaning = _MEANINGS[code]
    return Suspicion(
        severity=meaning.severity,
        code=code,
        where=where,
        mark=mark,
        text_vi=meaning.text_vi.format(mark=mark, reason=reason),
        text_en=meaning.text_en.format(mark=mark, reason=reason),
        article=meaning.article,
    )


def _cleared(suspicion: Suspicion, person: str) -> Suspicion:
    if not (person and _MEANINGS[suspicion.code].clearable):
        return suspicion
    return replace(
        suspicion,
        severity=Severity.WARN,
        text_vi=f"{suspicion.text_vi} Người xác nhận: {person}.",
        text_en=f"{suspicion.text_en} Cleared by: {person}.",
    )
