"""Signatures: what the verification of one file found, and what legal value follows.

Unknown is not invalid: a revocation list that could not be had, or a root that nobody configured,
leaves a signature unknown.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What can be said of one signature."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


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


class LegalValue(StrEnum):
    """QĐ 28/2018, Điều 4: signed, the value of the paper; unsigned, for reference only."""

    ORIGINAL = "original"
    REFERENCE_ONLY = "reference-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of a file; `reasons` are named codes, the first is the one that decides."""

    signer: str
    organisation: str
    role: Role
    signed_at: datetime | None
    timestamped: bool
    intact: bool
    trusted: bool | None
    in_validity: bool | None
    revocation: Revocation
    verdict: Verdict
    reasons: tuple[str, ...] = ()
