"""The chain of a certificate up to a trusted root, and whether any of it was revoked.

Path validation is pyhanko-certvalidator's (RFC 5280, 6). It is given no fetcher, never the trust of
the operating system, and no event loop: it cannot wait for a network even if it tried. It is given
only certificates that a trusted root issued, directly or not: a file cannot make it search a maze
of certificates of its own making.
"""

import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from asn1crypto import algos, cms, crl, x509
from cryptography import x509 as pyca
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    InvalidCertificateError,
    PathBuildingError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    REQUIRE_REVINFO,
    AcceptAllAlgorithms,
    AlgorithmUsagePolicy,
    CertRevTrustPolicy,
    DisallowWeakAlgorithmsPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

from hoatoc.domain.signature import Algorithm, Chain, Revocation, Subject
from hoatoc.verify.trust import Trust

# What it could say of a certificate comes back as a reason; its own log lines name signers.
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)

MAX_CERTIFICATES = 64
"""The most certificates besides the roots that take part in building one chain."""

_STRONG = DisallowWeakAlgorithmsPolicy()  # type: ignore[no-untyped-call]
_SIGNER_FIRST = RevocationCheckingPolicy(
    ee_certificate_rule=RevocationCheckingRule.CRL_OR_OCSP_REQUIRED,
    intermediate_ca_cert_rule=RevocationCheckingRule.NO_CHECK,
)


def may_sign(certificate: x509.Certificate) -> bool:
    """Tell whether the key usage lets a certificate sign documents (RFC 5280, 4.2.1.3)."""
    usage = certificate.key_usage_value
    return usage is None or bool(usage.native & {"digital_signature", "non_repudiation"})


def may_timestamp(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is a timestamp authority's (RFC 3161, 2.3)."""
    usage = certificate.extended_key_usage_value
    return usage is not None and usage.native == ["time_stamping"]


def chain_of(
    certificate: x509.Certificate,
    trust: Trust,
    moment: datetime,
    fit: Callable[[x509.Certificate], bool],
) -> tuple[Chain, tuple[Algorithm, ...]]:
    """Build and validate a chain at a moment, or at the nearest at which the certificate is valid.

    Return where it ends, and the algorithms by which its certificates were signed.
    """
    if not trust.roots:
        return Chain.NO_ROOTS, ()
    context = _context(certificate, trust, moment, NO_REVOCATION, AcceptAllAlgorithms())
    validator = CertificateValidator(certificate, validation_context=context)
    try:
        path = _at_once(validator.async_validate_path())
    except (PathBuildingError, InvalidCertificateError):
        return _end(certificate, trust), ()
    except ValidationError:
        return Chain.UNFIT, ()
    return (Chain.TRUSTED if fit(certificate) else Chain.UNFIT), tuple(_algorithms(path))


def revocation_of(
    certificate: x509.Certificate, trust: Trust, moment: datetime
) -> tuple[Revocation, datetime | None]:
    """Tell whether a certificate, or one above it, was revoked at a moment, and since when.

    Good needs an answer for each of the chain; revoked is told even if the answer for an authority
    above is missing.
    """
    answers = [
        _answer(certificate, trust, moment, policy) for policy in (_SIGNER_FIRST, REQUIRE_REVINFO)
    ]
    revoked = [answer for answer in answers if answer[0] is Revocation.REVOKED]
    return revoked[0] if revoked else answers[-1]


def _answer(
    certificate: x509.Certificate,
    trust: Trust,
    moment: datetime,
    policy: RevocationCheckingPolicy,
) -> tuple[Revocation, datetime | None]:
    context = _context(certificate, trust, moment, policy, _STRONG)
    validator = CertificateValidator(certificate, validation_context=context)
    try:
        _at_once(validator.async_validate_path())
    except RevokedError as error:
        return Revocation.REVOKED, error.revocation_dt
    except (PathBuildingError, ValidationError):
        return Revocation.UNKNOWN, None
    return Revocation.GOOD, None


T = TypeVar("T")


def _at_once(coroutine: Coroutine[object, None, T]) -> T:
    """Run a coroutine that waits for nothing; raise RuntimeError if it would wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("the validation of a chain waits for something outside")


def _context(
    certificate: x509.Certificate,
    trust: Trust,
    moment: datetime,
    policy: RevocationCheckingPolicy,
    algorithms: AlgorithmUsagePolicy,
) -> ValidationContext:
    not_after = certificate.not_valid_after
    return ValidationContext(
        trust_roots=list(map(x509.Certificate.load, trust.roots)),
        other_certs=list(map(x509.Certificate.load, _issued(trust))),
        moment=min(max(moment, certificate.not_valid_before), not_after),
        allow_fetching=False,
        crls=list(_lists(trust.crls, not_after)),
        ocsps=list(trust.ocsps),
        revinfo_policy=CertRevTrustPolicy(policy, retroactive_revinfo=True),
        algorithm_usage_policy=algorithms,
    )


def _lists(crls: Iterable[bytes], not_after: datetime) -> Iterator[crl.CertificateList]:
    # A list made after a certificate expired need not name it any more (RFC 5280, 3.3), so its
    # silence proves nothing.
    for each in map(crl.CertificateList.load, crls):
        if each["tbs_cert_list"]["this_update"].native <= not_after:
            yield each


def _issued(trust: Trust) -> list[bytes]:
    """Keep the certificates that a root issued, directly or through others that are kept."""
    waiting = [*_readable(dict.fromkeys(trust.intermediates))][:MAX_CERTIFICATES]
    issuers = [*_readable(trust.roots)]
    kept: list[pyca.Certificate] = []
    while issuers:
        found = [each for each in waiting if any(_issued_by(each, by) for by in issuers)]
        waiting = [each for each in waiting if each not in found]
        kept += found
        issuers = found
    return [each.public_bytes(Encoding.DER) for each in kept]


def _readable(certificates: Iterable[bytes]) -> Iterator[pyca.Certificate]:
    for der in certificates:
        try:
            yield pyca.load_der_x509_certificate(der)
        except ValueError:  # a certificate that nobody can read can have issued nothing
            continue


def _issued_by(certificate: pyca.Certificate, issuer: pyca.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _end(certificate: x509.Certificate, trust: Trust) -> Chain:
    """Tell why no chain was found: its last issuer is missing, or is a root that is not trusted."""
    others = {
        each.subject.hashable: each
        for each in map(x509.Certificate.load, trust.intermediates[:MAX_CERTIFICATES])
    }
    seen = set()
    while certificate.issuer != certificate.subject and certificate.subject.hashable not in seen:
        seen.add(certificate.subject.hashable)
        issuer = others.get(certificate.issuer.hashable)
        if issuer is None:
            return Chain.ISSUER_MISSING
        certificate = issuer
    return Chain.UNTRUSTED


def _algorithms(path: ValidationPath) -> Iterator[Algorithm]:
    certificates = list(path.iter_certs(include_root=True))
    for issuer, issued in pairwise(certificates):
        yield algorithm_of(issuer, _hash_of(issued["signature_algorithm"]))


def algorithm_of(signer: x509.Certificate, digest: str) -> Algorithm:
    """Describe a signature by a certificate's key over a digest."""
    key = signer.public_key
    kind = {"rsassa_pss": "rsa"}.get(key.algorithm, key.algorithm)
    return Algorithm(digest=digest, key=kind, bits=key.bit_size or 0)


def algorithms_of(signer: cms.SignerInfo, certificate: x509.Certificate) -> tuple[Algorithm, ...]:
    """Describe a CMS signature: the digest of its content, and that of its own, if it names one."""
    digests = (
        signer["digest_algorithm"]["algorithm"].native,
        _hash_of(signer["signature_algorithm"]),
    )
    return tuple(algorithm_of(certificate, digest) for digest in digests if digest)


def _hash_of(algorithm: algos.SignedDigestAlgorithm) -> str:
    try:
        return str(algorithm.hash_algo)
    except ValueError:  # a name such as rsassa_pkcs1v15 or ed25519 implies none
        return ""


def subject_of(certificate: x509.Certificate) -> Subject:
    """Read whom a certificate names."""
    found: dict[str, list[str]] = {}
    for name in certificate.subject.chosen:
        for part in name:
            found.setdefault(part["type"].native, []).append(str(part["value"].native))

    def first(kind: str) -> str:
        return next(iter(found.get(kind, ())), "")

    return Subject(
        common_name=first("common_name"),
        organisation=first("organization_name"),
        units=tuple(found.get("organizational_unit_name", ())),
        organisation_identifier=first("organization_identifier"),
        identifiers=tuple(found.get("serial_number", [])) + tuple(found.get("user_id", [])),
        personal_names=tuple(
            text for kind in ("given_name", "surname", "title") for text in found.get(kind, ())
        ),
    )
