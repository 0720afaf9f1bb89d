"""The signature around a packet (XMLDSig, W3C 2013), by signxml.

It is verified over the bytes as received. Only a signature over the whole packet says anything of
the packet: its one reference must be the document itself, less the signature. Trust never comes
from the signature: the certificate in it is taken as a claim and led to a root like any other.

Many senders leave the place empty or fill it with a dummy: that is no signature, and no accusation.
"""

import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from asn1crypto import x509
from cryptography import x509 as pyca
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import InvalidInput, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hoatoc.domain.signature import (
    Algorithm,
    Chain,
    Evidence,
    Revocation,
    Signature,
    judge,
    unverified,
)
from hoatoc.domain.signature_reason import Reason
from hoatoc.verify import mark
from hoatoc.verify.chain import algorithm_of, chain_of, may_sign, revocation_of, subject_of
from hoatoc.verify.trust import Trust

# At DEBUG it would write the packet itself into the log.
logging.getLogger("signxml").setLevel(logging.CRITICAL)

MAX_PACKET_BYTES = 32 * 1024 * 1024
"""The greatest packet whose signature is verified; a single file in it may be 10 MB (libxml2)."""
_MAX_SIGNATURES = 4
_MAX_CERTIFICATES = 16

_MAX_REFERENCES = 4

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_METHODS = frozenset(each for each in SignatureMethod if "HMAC" not in each.name)
_WHOLE = {each.value for each in CanonicalizationMethod} | {
    SignatureConstructionMethod.enveloped.value
}
_DIGEST = re.compile(r"sha3-\d{3}|sha\d{1,3}|md5", re.IGNORECASE)


def verify_packet(data: bytes, trust: Trust, at: datetime) -> tuple[Signature, ...]:
    """Verify what signs a packet as seen at an instant with a zone.

    Empty: there is no place for a signature. An empty place, or a dummy in it, gives one that is
    absent. Bytes that are no XML, or hostile, are told as `unreadable-signature`.
    """
    if len(data) > MAX_PACKET_BYTES:
        return mark.if_signed(data, mark.PACKET, Reason.TOO_LARGE)
    try:
        places = _places(etree.fromstring(data, _parser()))
    except etree.XMLSyntaxError:
        return mark.if_signed(data, mark.PACKET, Reason.UNREADABLE)
    if len(places) > _MAX_SIGNATURES:
        return (unverified(Reason.TOO_LARGE),)
    if sum(not _is_dummy(place) for place in places) > 1:
        # Each is over the packet less itself, so none covers what the next one added.
        return tuple(unverified(Reason.UNREADABLE) for _place in places)
    return tuple(_signature(place, data, trust, at) for place in places)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def _places(root: etree._Element) -> list[etree._Element]:
    found = (each for each in root.iter("{*}Signature", "{*}DigitalSignature"))
    return [*islice(found, _MAX_SIGNATURES + 1)]


def _signature(place: etree._Element, data: bytes, trust: Trust, at: datetime) -> Signature:
    try:
        if _is_dummy(place):
            return unverified(Reason.EMPTY)
        unknown = _unknown_algorithm(place)
        return unverified(unknown) if unknown else judge(_evidence(place, data, trust, at), at)
    except UnsupportedAlgorithm:
        return unverified(Reason.ALGORITHM_UNKNOWN)
    except Exception:  # noqa: BLE001  a hostile packet can make its readers fail in any way
        return unverified(Reason.UNREADABLE)


def _is_dummy(place: etree._Element) -> bool:
    """Tell whether no signature is there: no value of one, or no certificate that can be read."""
    value = place.findtext(f"{_DS}SignatureValue") or place.findtext("{*}SignatureValue") or ""
    return not value.strip() or not _certificates(place)


def _certificates(place: etree._Element) -> list[pyca.Certificate]:
    texts = (each.text or "" for each in place.iter("{*}X509Certificate"))
    return [*_readable(islice(texts, _MAX_CERTIFICATES))]


def _readable(texts: Iterable[str]) -> Iterator[pyca.Certificate]:
    for text in texts:
        try:
            yield pyca.load_der_x509_certificate(b64decode(text))
        except ValueError:  # filled in to please a schema, as in many samples
            continue


def _unknown_algorithm(place: etree._Element) -> Reason | None:
    """Return why a signature cannot be verified because of how it was made."""
    method = place.find(f"{_DS}SignedInfo/{_DS}SignatureMethod")
    uri = (method.get("Algorithm") or "") if method is not None else ""
    if uri in {each.value for each in _METHODS}:
        return None
    return Reason.ALGORITHM_WEAK if _digest(uri) == "md5" else Reason.ALGORITHM_UNKNOWN


def _evidence(place: etree._Element, data: bytes, trust: Trust, at: datetime) -> Evidence:
    certificates = _certificates(place)
    signer = _leaf(certificates)
    certificate = x509.Certificate.load(signer.public_bytes(Encoding.DER))
    known = trust.known(
        Trust(intermediates=tuple(each.public_bytes(Encoding.DER) for each in certificates))
    )
    chain, algorithms = chain_of(certificate, known, at, may_sign)
    revocation, revoked_at = Revocation.UNKNOWN, None
    if chain is Chain.TRUSTED:
        revocation, revoked_at = revocation_of(certificate, known, at)
    return Evidence(
        subject=subject_of(certificate),
        algorithms=(*_algorithms(place, certificate), *algorithms),
        unchanged=_unchanged(data, signer, _references(place)),
        covers_all=any(map(_covers_all, _references(place))),
        chain=chain,
        not_before=certificate.not_valid_before,
        not_after=certificate.not_valid_after,
        revocation=revocation,
        revoked_at=revoked_at,
    )


def _leaf(certificates: list[pyca.Certificate]) -> pyca.Certificate:
    """Return the certificate that issued none of the others."""
    issuers = {each.issuer for each in certificates if each.issuer != each.subject}
    return next((each for each in certificates if each.subject not in issuers), certificates[0])


def _references(place: etree._Element) -> list[etree._Element]:
    return place.findall(f"{_DS}SignedInfo/{_DS}Reference")


def _covers_all(reference: etree._Element) -> bool:
    transforms = {each.get("Algorithm") for each in reference.iter(f"{_DS}Transform")}
    return reference.get("URI") == "" and transforms <= _WHOLE


class _Verifier(XMLVerifier):
    """A verifier that reads a part of a document anew before it brings it to canonical form.

    libxml2 2.14 writes `xmlns=""` into the canonical form of a part whose default namespace is
    declared above it, which is how the axis' samples are built: it would call them changed.
    """

    def _c14n(
        self,
        nodes: etree._Element,
        algorithm: CanonicalizationMethod,
        inclusive_ns_prefixes: list[str] | None = None,
    ) -> bytes:
        alone = etree.fromstring(etree.tostring(nodes, with_tail=False), self.parser)
        found = super()._c14n(alone, algorithm, inclusive_ns_prefixes)
        return bytes(found)


def _unchanged(data: bytes, signer: pyca.Certificate, references: list[etree._Element]) -> bool:
    if not 0 < len(references) <= _MAX_REFERENCES:
        raise InvalidInput("too many references, or none")
    # The certificate is judged by its chain; here its key alone counts.
    expected = SignatureConfiguration(
        expect_references=len(references),
        signature_methods=_METHODS,
        digest_algorithms=frozenset(DigestAlgorithm),
        verification_time=signer.not_valid_before_utc,
    )
    try:
        _Verifier().verify(data, x509_cert=signer, parser=_parser(), expect_config=expected)
    except InvalidSignature:
        return False
    except InvalidInput:
        if any(map(_covers_all, references)):
            raise
        return False  # it signs what is not there
    return True


def _algorithms(place: etree._Element, signer: x509.Certificate) -> Iterator[Algorithm]:
    for name in ("SignatureMethod", "DigestMethod"):
        for method in place.iter(f"{_DS}{name}"):
            yield algorithm_of(signer, _digest(method.get("Algorithm") or ""))


def _digest(uri: str) -> str:
    """Name the digest of an algorithm's URI as elsewhere: `sha256`, `sha3_256`; "" if none."""
    found = _DIGEST.search(uri.rpartition("#")[2])
    return found[0].lower().replace("-", "_") if found else ""
