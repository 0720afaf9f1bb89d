"""What was handed over before under the identity of a document, and what follows for a new one."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import asyncpg

from hoatoc.admission import Admitted
from hoatoc.domain.check import Finding, Severity
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import Duplicate, Marks, duplicate_of, repeats
from hoatoc.domain.packet import NEW_DOCUMENT, REPLACEMENT, Packet, Party
from hoatoc.domain.page import VIETNAM


class DocumentConflict(PeerFault):
    """The number is taken by another content; the message shows both, `sides` does for machines."""

    def __init__(self, text: str, sides: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.sides = {name: dict(side) for name, side in (sides or {}).items()}
        super().__init__(text)


def act_of(admitted: Admitted, taken: Iterable[asyncpg.Record]) -> str:
    """Return what tells this act of sending from others of the document; "" is the first."""
    kind = admitted.packet.business_type
    first = next((row for row in taken if row["act"] == ""), None)
    own = first is None or first["content_digest"] == admitted.digest
    if kind == NEW_DOCUMENT or (kind == REPLACEMENT and own):
        return ""
    return f"{kind}:{admitted.digest.hex()}"


def dispatch_of(admitted: Admitted, act: str, taken: Iterable[asyncpg.Record]) -> UUID | None:
    """Return the dispatch that has this identity already; raises DocumentConflict."""
    earlier = next((row for row in taken if row["act"] == act), None)
    if earlier is None:
        return None
    if earlier["content_digest"] != admitted.digest:
        raise _conflict(earlier, admitted)
    return UUID(str(earlier["dispatch_id"]))


def alarm_of(packet: Packet, earlier: asyncpg.Record) -> Duplicate | None:
    """Return which alarm a document sets off by an earlier one, read anew if it is at hand."""
    if earlier["packet"] is not None:
        return duplicate_of(packet, read_packet(earlier["packet"]))
    marks = Marks(
        digest=earlier["document_digest"],
        document_id=earlier["document_id"],
        year=earlier["year"],
        number=earlier["printed_number"],
        notation=earlier["printed_notation"],
        issuer=Party(code=earlier["sender"], name=earlier["issuer_name"]),
    )
    return repeats(packet, marks)


def finding_of(alarm: Duplicate, earlier: asyncpg.Record, issuer: str) -> Finding:
    """Return the alarm that a document repeats the marks of an earlier one, with both sides.

    Of another organ's document an issuer learns nothing but that there is one.
    """
    path, which_vi, which_en = _ALARMS[alarm]
    at = earlier["handed_over_at"].astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
    own = earlier["issuer"] == issuer
    named = f": «{earlier['subject']}», {issuer}, {at}, dispatch {earlier['dispatch_id']}"
    return Finding(
        severity=Severity.WARN,
        code=alarm,
        path=path,
        text_vi=f"{which_vi} trùng với văn bản đã gửi{named if own else ' của cơ quan khác'}.",
        text_en=f"{which_en} repeats that of a document sent before"
        f"{named if own else ' by another organ'}.",
        remedy_vi="Kiểm tra có gửi trùng hoặc ghi nhầm không; nếu nhầm, thu hồi và gửi lại.",
        remedy_en="Check whether it was sent twice or written wrongly; if so, recall and correct.",
        article="NĐ 30/2020/NĐ-CP, Phụ lục VI, Phần I, III.1.h",
    )


_ALARMS = {
    Duplicate.IDENTIFIER: (
        "MessageHeader/DocumentId",
        "Mã định danh văn bản",
        "The document id",
    ),
    Duplicate.NUMBER_NOTATION_ISSUER: (
        "MessageHeader/Code",
        "Số, ký hiệu và tên cơ quan ban hành",
        "Number, notation and name of the issuing agency",
    ),
}


def _conflict(earlier: asyncpg.Record, admitted: Admitted) -> DocumentConflict:
    """Return the fault of a number that another content has, with both side by side."""
    packet = admitted.packet
    at = earlier["handed_over_at"].astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")
    mark = f"{packet.number}/{packet.notation}"
    names = ("dispatch_id", "sender", "subject", "recipients", "handed_over_at", "packet_sha256")
    sides = {
        "earlier": {name: earlier[name] for name in names},
        "now": {
            "sender": packet.sender.code,
            "subject": packet.subject,
            "recipients": len(packet.recipients),
            "packet_sha256": admitted.sha256.hex(),
        },
    }
    return DocumentConflict(
        f"MessageHeader/Code: số {mark} đã dùng cho văn bản khác. / The number {mark} was used for "
        "another content.\n"
        f"  đã gửi · sent: {earlier['printed_number']}/{earlier['printed_notation']}, «"
        f"{earlier['subject']}», {earlier['recipients']} nơi nhận · recipients, {at}, dispatch "
        f"{earlier['dispatch_id']}, sha256 {earlier['packet_sha256'][:16]}…\n"
        f"  gửi lần này · now: {mark}, «{packet.subject}», {len(packet.recipients)} nơi nhận · "
        f"recipients, sha256 {admitted.sha256.hex()[:16]}…\n"
        "Sửa số, ký hiệu rồi gửi lại; nếu thay thế hay cập nhật văn bản cũ, dùng loại 3 hoặc 2. / "
        "Correct the number and send again; to replace or update the earlier one use type 3 or 2.",
        sides,
    )
