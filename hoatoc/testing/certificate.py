"""A certificate authority for tests: certificates of every kind, good and bad, lists and answers.

Names are built like those of the authority for official duty, but say that they are for tests.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

from hoatoc.verify.trust import Trust

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

SINCE = datetime(2024, 1, 1, tzinfo=UTC)
"""From when certificates are valid, unless said otherwise; for `YEARS` years."""
YEARS = 5
# Nobody answers there (RFC 6761): whoever tries to go online fails a test.
_LIST_URL, _ANSWER_URL = "http://crl.invalid/ca.crl", "http://ocsp.invalid/"
_NAMES = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "T": NameOID.TITLE,
    "ID": NameOID.SERIAL_NUMBER,
    "UID": NameOID.USER_ID,
    "ORG": NameOID.ORGANIZATION_IDENTIFIER,
}


class Kind(StrEnum):
    """What a certificate is for."""

    AUTHORITY = "authority"
    SIGNER = "signer"
    ENCIPHERER = "encipherer"
    TIMESTAMPER = "timestamper"


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """A certificate with its key, and who issued it (itself: nobody)."""

    certificate: x509.Certificate
    key: Key
    issuer: "Holder | None" = None

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_der(self) -> bytes:
        """The key in PKCS#8."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def above(self) -> Iterator["Holder"]:
        """Iterate over the issuers, the root last."""
        if self.issuer:
            yield self.issuer
            yield from self.issuer.above()


def name_of(**parts: str) -> x509.Name:
    """Build a subject of CN, O, OU, T, ID (serialNumber), UID and ORG (organizationIdentifier)."""
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")]
        + [x509.NameAttribute(_NAMES[kind], text) for kind, text in parts.items()]
    )


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make an RSA key."""
    return rsa.generate_private_key(65537, bits)


def issue(
    issuer: Holder | None,
    subject: x509.Name,
    kind: Kind = Kind.SIGNER,
    *,
    key: Key | None = None,
    since: datetime = SINCE,
    until: datetime | None = None,
) -> Holder:
    """Issue a certificate; without an issuer it signs itself. The key is P-256 by default."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until or since + timedelta(days=365 * YEARS))
    )
    for extension in _extensions(kind, self_issued=issuer is None):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        critical |= kind is Kind.TIMESTAMPER and isinstance(extension, x509.ExtendedKeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    signing_key = issuer.key if issuer else key
    return Holder(builder.sign(signing_key, hashes.SHA256()), key, issuer)


def _extensions(kind: Kind, *, self_issued: bool) -> Iterator[x509.ExtensionType]:
    authority = kind is Kind.AUTHORITY
    yield x509.BasicConstraints(ca=authority, path_length=None)
    yield x509.KeyUsage(
        digital_signature=kind in (Kind.SIGNER, Kind.TIMESTAMPER),
        content_commitment=kind is Kind.SIGNER,
        key_encipherment=kind is Kind.ENCIPHERER,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    if kind is Kind.TIMESTAMPER:
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    if not self_issued:
        url = x509.UniformResourceIdentifier
        yield x509.CRLDistributionPoints(
            [x509.DistributionPoint([url(_LIST_URL)], None, None, None)]
        )
        yield x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(method, url(_ANSWER_URL))
                for method in (
                    AuthorityInformationAccessOID.OCSP,
                    AuthorityInformationAccessOID.CA_ISSUERS,
                )
            ]
        )


def revocation_list(
    issuer: Holder,
    revoked: Mapping[Holder, datetime] | None = None,
    *,
    at: datetime,
    until: datetime | None = None,
) -> bytes:
    """Make the list (CRL, DER) of an authority as of an instant, for a week by default."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(until or at + timedelta(days=7))
    )
    for holder, since in (revoked or {}).items():
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(holder.certificate.serial_number)
            .revocation_date(since)
            .build()
        )
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def status_answer(holder: Holder, *, at: datetime, revoked_at: datetime | None = None) -> bytes:
    """Make the answer (OCSP response, DER) of an issuer for one certificate, for a week."""
    if holder.issuer is None:
        raise ValueError("nobody answers for a root")
    status = ocsp.OCSPCertStatus
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=holder.certificate,
        issuer=holder.issuer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=status.REVOKED if revoked_at else status.GOOD,
        this_update=at,
        next_update=at + timedelta(days=7),
        revocation_time=revoked_at,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked_at else None,
    )
    answer = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, holder.issuer.certificate).sign(
        holder.issuer.key, hashes.SHA256()
    )
    return answer.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """A root, an issuing authority, and what an agency signs with."""

    root: Holder
    issuing: Holder
    person: Holder
    agency: Holder
    stamper: Holder

    def trust(self, at: datetime, revoked: Mapping[Holder, datetime] | None = None) -> Trust:
        """Trust the root, with the lists of both authorities as of an instant."""
        lists = (revocation_list(self.root, at=at), revocation_list(self.issuing, revoked, at=at))
        return Trust(roots=(self.root.der,), crls=lists)


def hierarchy(organisation: str = "Văn phòng Chính phủ", signer: str = "Nguyễn Văn A") -> Hierarchy:
    """Make the certificates of one agency: the person has an RSA key, the agency P-256."""
    root = issue(None, name_of(CN="Test Root CA", O="Test only"), Kind.AUTHORITY)
    issuing = issue(root, name_of(CN="Test Issuing CA", O="Test only"), Kind.AUTHORITY)
    person = name_of(CN=signer, O=organisation, T="Phó Chủ nhiệm")
    return Hierarchy(
        root=root,
        issuing=issuing,
        person=issue(issuing, person, key=rsa_key()),
        agency=issue(issuing, name_of(CN=organisation, O=organisation)),
        stamper=issue(issuing, name_of(CN="Test TSA"), Kind.TIMESTAMPER, key=rsa_key()),
    )
