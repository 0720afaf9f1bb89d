"""Credentials: what an organ shows at a door, and whether it fits what is kept.

Whatever is shown is brought into its form before it goes anywhere; what has no such form is refused
as malformed. Comparisons take the same time wherever a difference lies.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final, Self

from hoatoc.domain.access import Doubt, Unauthenticated

PREFIX: Final = "hoatoc"
ID_DIGITS: Final = 16
SECRET_BYTES: Final = 32
LONGEST_SHOWN: Final = 512
"""characters of a secret or a signature, at most"""

_KEY: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{{ID_DIGITS}}})_([A-Za-z0-9_-]{{43}})")
_BEARER: Final = re.compile(r"[Bb]earer +(\S+)")
_SYSTEM: Final = re.compile(r"[A-Za-z0-9._:@/-]{2,64}")
_SECRET: Final = re.compile(rf"[!-~]{{16,{LONGEST_SHOWN}}}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class Kind(StrEnum):
    """How a credential is shown."""

    API_KEY = "api-key"
    HMAC_PAIR = "hmac-pair"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, `hoatoc_<id>_<secret>`: the secret is 256 random bits in base64url."""

    credential_id: str
    secret: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a key; raises Unauthenticated."""
        match = _KEY.fullmatch(text)
        if match is None:
            raise Unauthenticated(Doubt.MALFORMED)
        return cls(*match.groups())

    @classmethod
    def of_header(cls, authorization: str | None) -> Self:
        """Read the header Authorization (RFC 6750, section 2.1); raises Unauthenticated."""
        match = _BEARER.fullmatch(_bounded(authorization or "").strip(" \t"))
        if match is None:
            raise Unauthenticated(Doubt.MALFORMED)
        return cls.of(match[1])

    def __str__(self) -> str:
        """Return the key as its holder keeps it."""
        return f"{PREFIX}_{self.credential_id}_{self.secret}"

    def __repr__(self) -> str:
        """Return its id without its secret: a log may show it."""
        return f"ApiKey({self.credential_id!r})"

    @property
    def verifier(self) -> bytes:
        """Return what is kept of it; 256 random bits need no slow hash."""
        return sha256(self.secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Pair:
    """A system id, and whether what was shown with it was made with a secret."""

    system_id: str
    fits: Callable[[bytes], bool]

    @classmethod
    def signing(cls, system_id: str, message: bytes, signature: str) -> Self:
        """Read a message signed with HMAC-SHA256, in hex; raises Unauthenticated."""
        given = _bounded(signature).strip().lower().encode("utf-8", "replace")

        def fits(secret: bytes) -> bool:
            return compare_digest(hmac_digest(secret, message, "sha256").hex().encode(), given)

        return cls(_system(system_id), fits)

    @classmethod
    def showing(cls, system_id: str, secret: str) -> Self:
        """Read a secret that is shown as it is; raises Unauthenticated."""
        given = sha256(_bounded(secret).encode("utf-8", "replace")).digest()

        def fits(kept: bytes) -> bool:
            return compare_digest(sha256(kept).digest(), given)

        return cls(_system(system_id), fits)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client certificate that the transport has verified, by the SHA-256 of its DER."""

    sha256: bytes

    @classmethod
    def of(cls, der: bytes) -> Self:
        """Read a certificate as the transport has it."""
        return cls(sha256(der).digest())

    @classmethod
    def of_fingerprint(cls, text: str) -> Self:
        """Read a fingerprint in hex, with or without colons; raises Unauthenticated."""
        digits = _bounded(text).strip().replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(digits):
            raise Unauthenticated(Doubt.MALFORMED)
        return cls(bytes.fromhex(digits))


Presented = ApiKey | Pair | Certificate
"""What may be shown at a door."""


def is_system_id(text: str) -> bool:
    """Tell whether a text may name a system: 2 to 64 of `0-9 A-Z a-z . _ : @ / -`."""
    return bool(_SYSTEM.fullmatch(text))


def is_secret(text: str) -> bool:
    """Tell whether a text may be a secret brought along: 16 to 512 visible letters of ASCII."""
    return bool(_SECRET.fullmatch(text))


def _system(text: str) -> str:
    if not text:
        raise Unauthenticated(Doubt.MISSING)
    if not is_system_id(text):
        raise Unauthenticated(Doubt.MALFORMED)
    return text


def _bounded(text: str) -> str:
    if not text:
        raise Unauthenticated(Doubt.MISSING)
    if len(text) > LONGEST_SHOWN:
        raise Unauthenticated(Doubt.MALFORMED)
    return text
