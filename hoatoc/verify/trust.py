"""Trust: the roots that the operator trusts, and what is known of certificates besides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from hoatoc.domain.error import OurFault

T = TypeVar("T")
MAX_FILE_BYTES = 64 * 1024 * 1024
"""The greatest file of a trust folder; a revocation list of a million entries is about 40 MB."""


class TrustInvalid(OurFault):
    """A file of the trust folder cannot be used; the message names it and the remedy."""

    def __init__(self, path: Path, found: str, remedy_vi: str, remedy_en: str) -> None:
        self.path, self.found = path, found[:80]
        super().__init__(
            f"Thư mục chứng thư tin cậy, {path}: {self.found}; {remedy_vi}."
            f" / Folder of trusted certificates, {path}: {self.found}; {remedy_en}."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Certificates, revocation lists and OCSP responses, each in DER. Empty: nothing is trusted.

    Only `roots` are trusted. The rest counts as far as its own signatures lead to a root, so it may
    come from anywhere, even from the file that is verified.
    """

    roots: tuple[bytes, ...] = ()
    intermediates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()

    def known(self, other: "Trust") -> "Trust":
        """Add what another knows, but not whom it trusts."""
        return replace(
            self,
            intermediates=self.intermediates + other.intermediates + other.roots,
            crls=self.crls + other.crls,
            ocsps=self.ocsps + other.ocsps,
        )


def load_trust(folder: Path) -> Trust:
    """Read every file of a folder: certificates of authorities, CRLs, OCSP responses.

    PEM (any number in a file) or DER, told apart by content. A self-issued certificate is a root.
    Hidden files do not count. Raises TrustInvalid, also when there is no root.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        found = [item for path in paths for item in _read(path)]
    except OSError as error:
        raise _unusable(Path(error.filename or folder), error.strerror or "?") from error
    trust = Trust(
        roots=_all(found, "root"),
        intermediates=_all(found, "intermediate"),
        crls=_all(found, "crl"),
        ocsps=_all(found, "ocsp"),
    )
    if not trust.roots:
        raise TrustInvalid(
            folder,
            "không có chứng thư gốc / no root certificate",
            "chép chứng thư gốc (PEM hoặc DER) của cơ quan chứng thực vào thư mục",
            "copy the root certificate (PEM or DER) of the authority into the folder",
        )
    return trust


_Item = tuple[str, bytes]


def _all(items: list[_Item], kind: str) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(der for of, der in items if of == kind))


def _unusable(path: Path, found: str) -> TrustInvalid:
    return TrustInvalid(
        path,
        found,
        "chỉ để trong thư mục chứng thư của cơ quan chứng thực, danh sách thu hồi (CRL) hoặc phản "
        "hồi OCSP, dạng PEM hoặc DER",
        "keep only certificates of authorities, revocation lists (CRL) and OCSP responses there, "
        "as PEM or DER",
    )


def _read(path: Path) -> Iterator[_Item]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise _unusable(path, f"{path.stat().st_size} > {MAX_FILE_BYTES} bytes")
    data = path.read_bytes()
    if b"-----BEGIN X509 CRL-----" in data:
        yield "crl", _parsed(path, data, x509.load_pem_x509_crl).public_bytes(Encoding.DER)
    elif b"-----BEGIN CERTIFICATE-----" in data:
        for certificate in _parsed(path, data, x509.load_pem_x509_certificates):
            yield _kind(path, certificate), certificate.public_bytes(Encoding.DER)
    else:
        yield _kind_of_der(path, data), data


def _parsed(path: Path, data: bytes, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(data)
    except ValueError as error:
        raise _unusable(path, str(error)) from error


def _kind_of_der(path: Path, data: bytes) -> str:
    if _is(data, x509.load_der_x509_crl):
        return "crl"
    if _is(data, ocsp.load_der_ocsp_response):
        return "ocsp"
    return _kind(path, _parsed(path, data, x509.load_der_x509_certificate))


def _is(data: bytes, parse: Callable[[bytes], object]) -> bool:
    try:
        parse(data)
    except ValueError:
        return False
    return True


def _kind(path: Path, certificate: x509.Certificate) -> str:
    try:
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        authority = False
    if not authority:
        raise _unusable(path, f"{certificate.subject.rfc4514_string()}: CA:FALSE")
    return "root" if certificate.subject == certificate.issuer else "intermediate"
