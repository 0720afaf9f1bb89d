"""Examining a packet: the text of its files, and its signatures."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hoatoc.admission import Admission
from hoatoc.config import Settings
from hoatoc.content.scratch import Scratch
from hoatoc.domain.content import Content, head_of
from hoatoc.domain.edxml import unpack
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.packet import ArchiveRefused, Attachment, Packet
from hoatoc.domain.policy import Policy
from hoatoc.domain.signature import Signature
from hoatoc.extract.reader import Reader
from hoatoc.secrecy_file import load_secrecy
from hoatoc.verify.process import Verifier
from hoatoc.verify.trust import Trust, load_trust


class Examiner:
    """Reads the files of packets and verifies signatures; blocks for seconds at most."""

    def __init__(self, reader: Reader, verifier: Verifier, folder: Path | None = None) -> None:
        self._reader, self._verifier, self._folder = reader, verifier, folder

    def examine(self, packet: Packet, data: Content) -> Examination:
        """Return what the files of a packet hold; `data` is the packet as it came."""
        at = datetime.now(UTC)
        return Examination(
            files=tuple(self._file(attachment, at) for attachment in packet.attachments),
            packet_signatures=self._verifier.packet(data, at) if packet.signed else (),
        )

    def _file(self, attachment: Attachment, at: datetime) -> FileExamined:
        found = self._reader.examine(attachment)
        with Scratch(self._folder) as scratch:
            try:
                files = unpack(attachment, scratch.sink)
            except ArchiveRefused as refused:  # the reader of its text names what else there is
                return replace(found, harmful=refused.found if refused.reason.is_harmful else "")
            signed = (each for file in files for each in self._signed(file.content, at))
            return replace(found, signatures=tuple(signed))

    def _signed(self, content: Content, at: datetime) -> tuple[Signature, ...]:
        """Return the signatures of a PDF; no other file is spared for a parser."""
        return self._verifier.pdf(content, at) if b"%PDF-" in head_of(content) else ()


@contextmanager
def admission(settings: Settings, policy: Policy) -> Iterator[Admission]:
    """Make ready to admit packets by a policy; raises TrustInvalid."""
    folder = settings.signature.trust
    trust = load_trust(Path(folder)) if folder else Trust()
    with Reader() as reader, closing(Verifier(trust)) as verifier:
        spool = settings.content.spool
        examiner = Examiner(reader, verifier, spool)
        yield Admission(policy=policy, secrecy=load_secrecy(), examiner=examiner, spool=spool)
