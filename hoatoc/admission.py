"""Admission: what every door does with a packet before the first durable byte of it.

Read, examine the files, the gate against state secrets, the checks, the identity; in this order,
and nothing of the packet is kept, logged or announced on the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from hoatoc.content.scratch import Scratch
from hoatoc.domain.check import Finding, check, require
from hoatoc.domain.content import ClaimCheck, Content, digest_of, pieces_of, size_of
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.examination import Examination
from hoatoc.domain.identity import DocumentKey, OrganCode, content_digest, document_key
from hoatoc.domain.packet import Packet
from hoatoc.domain.policy import Policy
from hoatoc.domain.registry import Organ, Registry
from hoatoc.domain.secrecy import SecrecyRules
from hoatoc.domain.secret import Declaration, Suspicion, require_open, suspect
from hoatoc.domain.secret_flag import declared_in
from hoatoc.domain.sending import Sending, sending_of
from hoatoc.domain.signature import Claim, LegalValue, Signature, compare, legal_value


class SenderMismatch(PeerFault):
    """The packet names another sender than the organ that hands it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A packet that may be taken, with all that is known of it.

    `data` is the packet as it came; of a large one the files can no longer be read. `connections`
    holds, of each organ that a copy goes to, whose topic it goes to. `edition` is that of a large
    packet once it is in the store.
    """

    data: Content
    packet: Packet
    issuer: Organ
    key: DocumentKey
    digest: bytes
    sending: Sending
    connections: dict[OrganCode, OrganCode]
    sender_connection: OrganCode
    examination: Examination
    legal_value: LegalValue
    findings: tuple[Finding, ...]
    suspicions: tuple[Suspicion, ...]
    cleared_by: str
    edition: int | None = None

    @property
    def sha256(self) -> bytes:
        """Return the digest of the packet, byte by byte."""
        return digest_of(self.data)

    @property
    def size(self) -> int:
        """Return the size of the packet in bytes."""
        return size_of(self.data)

    @property
    def inline(self) -> bytes | None:
        """Return the packet if records may carry it; None: they name it in the store."""
        return self.data if isinstance(self.data, bytes) else None

    @property
    def claim(self) -> ClaimCheck:
        """Return by what the packet is claimed from the store, if it lies there."""
        return ClaimCheck(self.sha256, self.size)


class Examiner(Protocol):
    """Reads the files of packets and verifies signatures, outside the domain."""

    def examine(self, packet: Packet, data: Content) -> Examination:
        """Return what the files of a packet hold; `data` is the packet as it came."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a door goes by: the operator's policy, the rules of secrecy, readers of files.

    `spool` is where files lie while they are examined, without a name, if they are large.
    """

    policy: Policy
    secrecy: SecrecyRules
    examiner: Examiner
    spool: Path | None = None

    def admit(
        self,
        data: Content,
        registry: Registry,
        today: date,
        sender: str | None = None,
        declaration: Declaration = Declaration(),
    ) -> Admitted:
        """Admit a packet on a day of Vietnam; `sender` is whom the door has authenticated, if any.

        One in memory may have 256 KiB at most, one that is kept elsewhere 50 MiB.

        Raises PacketFault, SecretSuspected, CheckFailed or SenderMismatch. It may take seconds of
        processor time: call it in a thread.
        """
        with Scratch(self.spool) as scratch:
            packet = read(data, scratch)
            return self._admit(data, packet, registry, today, sender, declaration)

    def _admit(
        self,
        data: Content,
        packet: Packet,
        registry: Registry,
        today: date,
        sender: str | None,
        declaration: Declaration,
    ) -> Admitted:
        examination = self.examine(packet, data, registry, today)
        suspicions = self.suspect(packet, data, examination, declaration)
        require_open(suspicions, digest_of(data).hex(), size_of(data), organ=packet.sender.code)
        findings = check(packet, registry, today, examination, self.policy.checks)
        require(findings)
        issuer = registry[packet.sender.code] if sender is None else _same(packet, registry, sender)
        sending = sending_of(packet, lambda code: _canonical(registry, code, today))
        return Admitted(
            data=data,
            packet=packet,
            issuer=issuer,
            key=replace(document_key(packet), issuer=issuer.code),
            digest=content_digest(packet),
            sending=sending,
            connections=_connections(registry, sending.copies),
            sender_connection=registry.connection(issuer),
            examination=examination,
            legal_value=legal_value([file.signatures for file in examination.files]),
            findings=findings,
            suspicions=suspicions,
            cleared_by=declaration.cleared_by,
        )

    def suspect(
        self, packet: Packet, data: Content, examination: Examination, declaration: Declaration
    ) -> tuple[Suspicion, ...]:
        """Return what the gate finds; where nobody declared anything, the packet's own flags do."""
        if declaration.secret is None:
            own = declared_in(data, self.secrecy)
            declaration = replace(declaration, secret=own.secret)
        return suspect(packet, examination, declaration, rules=self.secrecy)

    def examine(
        self, packet: Packet, data: Content, registry: Registry, today: date
    ) -> Examination:
        """Return what the files of a packet hold, its signatures held against its sender."""
        found = self.examiner.examine(packet, data)
        claim = _claim(packet, registry, today)
        return Examination(
            files=tuple(
                replace(file, signatures=_compared(file.signatures, claim)) for file in found.files
            ),
            packet_signatures=_compared(found.packet_signatures, claim),
        )


def read(data: Content, scratch: Scratch) -> Packet:
    """Read a packet: in memory if it is there, else in pieces; raises PacketFault."""
    if isinstance(data, bytes):
        return read_packet(data)
    return read_packet(pieces_of(data), limit=LARGEST_PACKET_BYTES, sinks=scratch.sink)


def _compared(signatures: Iterable[Signature], claim: Claim) -> tuple[Signature, ...]:
    return tuple(compare(signature, claim) for signature in signatures)


def _claim(packet: Packet, registry: Registry, today: date) -> Claim:
    """Return whose signatures the packet should bear."""
    resolved = registry.resolve(packet.sender.code, today)
    organ = resolved.organ if resolved else None
    return Claim(
        codes=tuple(filter(None, (organ.code, organ.code102, *organ.aliases))) if organ else (),
        names=(organ.name,) if organ else (),
        signer=packet.signer.full_name,
        promulgated=packet.promulgated,
    )


def _same(packet: Packet, registry: Registry, sender: str) -> Organ:
    issuer = registry[packet.sender.code]
    if sender not in (issuer.code, registry.connection(issuer)):
        raise SenderMismatch(
            f"MessageHeader/From/OrganId: cơ quan gửi là {issuer.code} nhưng gói tin do {sender} "
            f"chuyển đến / the packet names {issuer.code} as sender, {sender} hands it over"
        )
    return issuer


def _canonical(registry: Registry, code: str, today: date) -> OrganCode:
    resolved = registry.resolve(code, today)
    return resolved.organ.code if resolved else OrganCode(code)


def _connections(registry: Registry, organs: Iterable[OrganCode]) -> dict[OrganCode, OrganCode]:
    return {code: registry.connection(registry[code]) for code in organs}
