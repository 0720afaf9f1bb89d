"""The packets of a run: letters with one PDF, of text and of what a scan weighs."""

from datetime import datetime
from random import Random

from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, write_packet
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.domain.page import VIETNAM
from hoatoc.traffic.habit import Letter

_LINES = 12
_LINE = "De nghi cac don vi trien khai thuc hien va bao cao ket qua dung han."


def notation(run: str) -> str:
    """Return the notation of a run's documents."""
    return f"TRAFFIC-{run}"


def document_id(letter: Letter, run: str) -> str:
    """Return the id of a letter's document."""
    today = datetime.now(VIETNAM).date()
    return f"{letter.sender},{today:%Y/%m/%d},{letter.number}/{notation(run)}"


def packet_of(letter: Letter, run: str) -> bytes:
    """Write a letter as a packet."""
    scan = Random(f"{run}/{letter.number}").randbytes(letter.size)
    return write_packet(
        Packet(
            sender=Party(code=letter.sender, name=letter.sender),
            recipients=tuple(Party(code=code, name=code) for code in letter.recipients),
            document_id=document_id(letter, run),
            number=str(letter.number),
            notation=notation(run),
            promulgated=datetime.now(VIETNAM).date(),
            subject=f"Công văn số {letter.number} (hoatoc traffic)",
            signer=Signer(full_name="Nguyễn Văn A"),
            priority=letter.priority,
            attachments=(
                Attachment(
                    name="cong-van.pdf",
                    content_type="application/pdf",
                    content=pdf(f"Cong van so {letter.number}, luot {run}.", scan),
                ),
            ),
        ),
        limit=LARGEST_PACKET_BYTES,
    )


def pdf(title: str, scan: bytes) -> bytes:
    """Return a PDF of one page (ISO 32000): a letter's text, beside bytes that no reader reads."""
    rows = "".join(f"0 -20 Td ({line}) Tj " for line in (title, *[_LINE] * _LINES))
    drawn = f"BT /F 11 Tf 72 760 Td {rows}ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(drawn), drawn),
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(scan), scan),
    )
    parts, at = [b"%PDF-1.7\n"], 9
    places = [b"0000000000 65535 f \n"]
    for number, each in enumerate(objects, start=1):
        places.append(b"%010d 00000 n \n" % at)
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, each))
        at += len(parts[-1])
    table = b"xref\n0 %d\n%b" % (len(places), b"".join(places))
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(places), at)
    return b"".join((*parts, table, trailer))
