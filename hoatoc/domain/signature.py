"""Signatures: what the verification of one file found, and what legal value follows.

Readers of PDF and XML outside the domain gather `Evidence`; `judge` alone says what it is worth, so
that a signature in a file and one around a packet are held to the same rules:

1. Unknown is not invalid. A root that nobody configured, a revocation list that could not be had or
   an algorithm of no list leaves a signature unknown: a person decides, nobody is accused.
2. A certificate is judged at the time of signing. A timestamp proves that time; without one it is
   the signer's own word, and what befell the certificate since leaves the signature unknown.
3. Reasons stand in the order of `Reason`, and the first decides.
4. A signature counts for a legal value only if it is the sender's: `compare` must have said so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import chain
from unicodedata import normalize

from hoatoc.domain.organ_name import fold
from hoatoc.domain.signature_reason import Reason, Verdict, ordered, verdict_of

VIETNAM = timezone(timedelta(hours=7))
"""The time zone of every date on a document (QĐ 28/2018, Điều 14.4)."""


class Role(StrEnum):
    """Whose signature it is: a person's, or the agency's seal (NĐ 30/2020, Điều 5.1)."""

    PERSON = "person"
    AGENCY = "agency"
    UNKNOWN = "unknown"


class Revocation(StrEnum):
    """What is known of the revocation of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Chain(StrEnum):
    """Where the chain of a certificate ends; `UNFIT`: at a root, but against the chain's rules."""

    TRUSTED = "trusted"
    NO_ROOTS = "no-roots"
    ISSUER_MISSING = "issuer-missing"
    UNTRUSTED = "untrusted"
    UNFIT = "unfit"


class LegalValue(StrEnum):
    """QĐ 28/2018, Điều 4: signed, the value of the paper; unsigned, for reference only.

    `UNKNOWN`: it would be an original if every unknown signature were found valid.
    """

    ORIGINAL = "original"
    REFERENCE_ONLY = "reference-only"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a certificate names.

    `identifiers` are serialNumber and UID as written; `personal_names` are given name, surname
    and title.
    """

    common_name: str = ""
    organisation: str = ""
    units: tuple[str, ...] = ()
    organisation_identifier: str = ""
    identifiers: tuple[str, ...] = ()
    personal_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """A signature's digest (`sha256`), kind of key (`rsa`, `ec`) and its size in bits."""

    digest: str
    key: str
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a reader found in one signature, before anything is made of it.

    `algorithms` are the signature's own and those of its chain. `timestamp_at` is set only if the
    timestamp was verified, `timestamp_failed` if there is one that was not. `revocation` is that
    at `existed_by`, with the instant of the revocation.
    """

    subject: Subject
    algorithms: tuple[Algorithm, ...]
    unchanged: bool
    changed_after: bool = False
    covers_all: bool = True
    claimed_at: datetime | None = None
    timestamp_at: datetime | None = None
    timestamp_failed: bool = False
    chain: Chain
    not_before: datetime
    not_after: datetime
    revocation: Revocation = Revocation.UNKNOWN
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of a file; `reasons` are named codes, the first is the one that decides.

    `of_sender` is set by `compare`: whether the certificate's organisation is the sender. Of the
    certificate's identifiers only an organisation's is kept; a person's number is not our business.
    """

    signer: str
    organisation: str
    units: tuple[str, ...] = ()
    organisation_identifier: str = ""
    role: Role
    signed_at: datetime | None
    timestamped: bool
    intact: bool
    trusted: bool | None
    in_validity: bool | None
    revocation: Revocation
    of_sender: bool | None = None
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What packet and registry say of the sender: its codes and names, who signed, and when.

    `names` are those of the registry, none if it does not know the sender.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    signer: str
    promulgated: date


def unverified(reason: Reason) -> Signature:
    """Make what stands for a signature of which no evidence could be gathered."""
    return Signature(
        signer="",
        organisation="",
        role=Role.UNKNOWN,
        signed_at=None,
        timestamped=False,
        intact=False,
        trusted=None,
        in_validity=None,
        revocation=Revocation.UNKNOWN,
        verdict=verdict_of((reason,)),
        reasons=(reason,),
    )


def existed_by(timestamp_at: datetime | None, at: datetime) -> datetime:
    """Tell by when a signature seen at `at` existed beyond doubt."""
    return min(timestamp_at or at, at)


def judge(evidence: Evidence, at: datetime) -> Signature:
    """Judge one signature as seen at an instant; every time has a zone."""
    reasons = ordered(_reasons(evidence, at))
    subject = evidence.subject
    return Signature(
        signer=subject.common_name,
        organisation=subject.organisation,
        units=subject.units,
        organisation_identifier=subject.organisation_identifier,
        role=role_of(subject),
        signed_at=evidence.timestamp_at or evidence.claimed_at,
        timestamped=evidence.timestamp_at is not None,
        intact=evidence.unchanged and evidence.covers_all and not evidence.changed_after,
        trusted=_TRUSTED.get(evidence.chain),
        in_validity=_in_validity(evidence, at),
        revocation=evidence.revocation,
        verdict=verdict_of(reasons),
        reasons=reasons,
    )


_TRUSTED = {Chain.TRUSTED: True, Chain.UNTRUSTED: False, Chain.UNFIT: False}
_CHAIN_REASONS = {
    Chain.UNTRUSTED: Reason.ROOT_UNTRUSTED,
    Chain.UNFIT: Reason.CERTIFICATE_UNFIT,
    Chain.NO_ROOTS: Reason.NO_ROOTS,
    Chain.ISSUER_MISSING: Reason.ISSUER_MISSING,
}


def _reasons(evidence: Evidence, at: datetime) -> Iterator[Reason]:
    found = {
        Reason.CONTENT_CHANGED: not evidence.unchanged,
        Reason.CHANGED_AFTER: evidence.changed_after,
        Reason.COVERS_PART: not evidence.covers_all,
        Reason.TIMESTAMP_NOT_PROVEN: evidence.timestamp_failed,
        Reason.ROLE_UNKNOWN: role_of(evidence.subject) is Role.UNKNOWN,
        Reason.NOT_IN_VALIDITY: not _in_validity(evidence, at),
        Reason.TIME_NOT_PROVEN: existed_by(evidence.timestamp_at, at) > evidence.not_after,
    }
    yield from (reason for reason, true in found.items() if true)
    yield from chain.from_iterable(map(algorithm_reasons, evidence.algorithms))
    if evidence.chain is Chain.TRUSTED:
        yield from _revocation_reasons(evidence)
    else:
        yield _CHAIN_REASONS[evidence.chain]


def _in_validity(evidence: Evidence, at: datetime) -> bool:
    # Nobody can have signed after we saw it, so a later claim is not believed.
    moment = min(evidence.timestamp_at or evidence.claimed_at or at, at)
    return evidence.not_before <= moment <= evidence.not_after


def _revocation_reasons(evidence: Evidence) -> Iterator[Reason]:
    if evidence.revocation is Revocation.UNKNOWN:
        yield Reason.REVOCATION_UNKNOWN
    elif evidence.revocation is Revocation.REVOKED:
        signed_before = (
            evidence.timestamp_at is None
            and evidence.claimed_at is not None
            and evidence.revoked_at is not None
            and evidence.claimed_at < evidence.revoked_at
        )
        yield Reason.TIME_NOT_PROVEN if signed_before else Reason.REVOKED


# TT 15/2025/TT-BKHCN, as TT 06/2015/TT-BTTTT before it: the lower bounds are the same.
_STRONG = frozenset({"sha224", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"}) | {
    f"sha3_{bits}" for bits in (224, 256, 384, 512)
}
_WEAK = frozenset({"md2", "md4", "md5", "sha1"})
_LEAST_BITS = {"rsa": 2048, "ec": 256}


def algorithm_reasons(algorithm: Algorithm) -> Iterator[Reason]:
    """Tell what speaks against an algorithm: that it is weak, or in no list."""
    least = _LEAST_BITS.get(algorithm.key)
    if algorithm.digest in _WEAK or (least and algorithm.bits < least):
        yield Reason.ALGORITHM_WEAK
    if algorithm.digest not in _STRONG | _WEAK or least is None:
        yield Reason.ALGORITHM_UNKNOWN


# Prefixes of ETSI EN 319 412-1 (5.1.3, 5.1.4), and those in use in Viet Nam.
_PERSONAL = ("PAS", "IDC", "PNO", "CMND:", "CCCD:", "HC:")
_ORGANISATIONAL = ("NTR", "VAT", "GOV", "MST:", "MNS:")


def role_of(subject: Subject) -> Role:
    """Tell from a certificate alone who signs by it; without a mark of either kind, unknown."""
    names = (subject.common_name, subject.organisation)
    person = bool(subject.personal_names) or _marked(subject, _PERSONAL)
    agency = (
        bool(subject.organisation_identifier)
        or _marked(subject, _ORGANISATIONAL)
        or (all(names) and len(set(map(folded, names))) == 1)
    )
    if person == agency:
        return Role.UNKNOWN
    return Role.PERSON if person else Role.AGENCY


def _marked(subject: Subject, prefixes: tuple[str, ...]) -> bool:
    return any(identifier.upper().startswith(prefixes) for identifier in subject.identifiers)


_TONES = "\u0300\u0301\u0303\u0309\u0323"
# Eth and African D print like Đ and are typed in its place.
_LOOK_ALIKES = str.maketrans({"\u00d0": "\u0110", "\u0189": "\u0110"})


def folded(name: str) -> str:
    """Fold a name for comparison only, also of where its tones are written (`Hoà`, `Hòa`)."""
    return " ".join(map(_tone_last, fold(name.translate(_LOOK_ALIKES)).split()))


def _tone_last(word: str) -> str:
    letters = normalize("NFD", word)
    tones = "".join(letter for letter in letters if letter in _TONES)
    return normalize("NFC", "".join(each for each in letters if each not in _TONES)) + tones


def compare(signature: Signature, claim: Claim) -> Signature:
    """Hold a signature against what the packet claims; an unverified one stays as it is.

    The certificate's common name settles a role that the certificate leaves open: the agency's
    own name, or that of the person who signed. NĐ 30/2020/NĐ-CP, Điều 5.1, 18.1.
    """
    if signature.in_validity is None:
        return signature
    role = _role_claimed(signature, claim) if signature.role is Role.UNKNOWN else signature.role
    of_sender = _of_sender(signature, claim)
    found = {
        Reason.ROLE_UNKNOWN: role is Role.UNKNOWN,
        Reason.ORGANISATION_DIFFERS: of_sender is False,
        Reason.ORGANISATION_UNKNOWN: of_sender is None,
        Reason.SIGNED_AFTER_PROMULGATION: _signed_after(signature, claim),
    }
    kept = (reason for reason in signature.reasons if reason not in found)
    reasons = ordered((*kept, *(reason for reason, true in found.items() if true)))
    return replace(signature, role=role, of_sender=of_sender, reasons=reasons)


def _role_claimed(signature: Signature, claim: Claim) -> Role:
    signer = folded(signature.signer)
    if signer in set(map(folded, claim.names)):
        return Role.AGENCY
    return Role.PERSON if signer == folded(claim.signer) else Role.UNKNOWN


def _of_sender(signature: Signature, claim: Claim) -> bool | None:
    identifier = signature.organisation_identifier
    codes = {identifier, *identifier.replace(":", "-").split("-")} - {""}
    names = {folded(name) for name in (signature.organisation, *signature.units) if name}
    if signature.role is not Role.PERSON:
        names.add(folded(signature.signer))
    if codes & set(claim.codes) or names & set(map(folded, claim.names)):
        return True
    comparable = claim.names and (signature.organisation or signature.units or codes)
    return False if comparable else None


def _signed_after(signature: Signature, claim: Claim) -> bool:
    signed_at = signature.signed_at
    return signed_at is not None and signed_at.astimezone(VIETNAM).date() > claim.promulgated


def legal_value(files: Sequence[Iterable[Signature]], document: int = 0) -> LegalValue:
    """Tell what the files of a packet are worth, from the signatures of each, after `compare`.

    The file at `document` (by default the first: edXML does not mark it) must be signed by a
    person and by the agency, every other by the agency. NĐ 30/2020/NĐ-CP, Điều 5.1 and Phụ lục I,
    II.8.b; QĐ 28/2018/QĐ-TTg, Điều 4.
    """
    both, agency = (Role.PERSON, Role.AGENCY), (Role.AGENCY,)
    standings = {
        standing
        for index, signatures in enumerate(files)
        for standing in _standings(tuple(signatures), both if index == document else agency)
    }
    if not standings or Verdict.INVALID in standings:
        return LegalValue.REFERENCE_ONLY
    return LegalValue.UNKNOWN if Verdict.UNKNOWN in standings else LegalValue.ORIGINAL


def _standings(signatures: tuple[Signature, ...], roles: tuple[Role, ...]) -> Iterator[Verdict]:
    possible = [each for each in signatures if _may_count(each)]
    if len(possible) < len(roles):
        yield Verdict.INVALID  # one signature of an unknown role cannot be two
    yield from (_standing(possible, role) for role in roles)


def _may_count(signature: Signature) -> bool:
    return (
        signature.verdict in (Verdict.VALID, Verdict.UNKNOWN) and signature.of_sender is not False
    )


def _standing(possible: list[Signature], role: Role) -> Verdict:
    settled = (each for each in possible if each.role is role and each.of_sender)
    if any(each.verdict is Verdict.VALID for each in settled):
        return Verdict.VALID
    maybe = any(each.role in (role, Role.UNKNOWN) for each in possible)
    return Verdict.UNKNOWN if maybe else Verdict.INVALID
