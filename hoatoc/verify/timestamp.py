"""Timestamps (RFC 3161): which of them prove a time.

A timestamp proves its time only if everything about it is good at the moment of verification: its
imprint, its signature, its algorithms, and a chain to a trusted root of which nothing is revoked.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime

from asn1crypto import cms, tsp, x509
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.generic_cms import (
    extract_certs_for_validation,
    validate_sig_integrity,
)

from hoatoc.domain.signature import Chain, Revocation, algorithm_reasons
from hoatoc.verify.chain import (
    algorithm_of,
    algorithms_of,
    chain_of,
    may_timestamp,
    revocation_of,
)
from hoatoc.verify.trust import Trust


def tokens(signer: cms.SignerInfo) -> Iterator[cms.SignedData]:
    """Iterate over the timestamps of a signature, which stand beside it, unsigned."""
    for attribute in signer["unsigned_attrs"] or ():
        if attribute["type"].native == "signature_time_stamp_token":
            yield from (value["content"] for value in attribute["values"])


def imprint_of(signature: bytes) -> Callable[[str], bytes]:
    """Return the digest of a signature's value under an algorithm that is named later."""
    return lambda algorithm: hashlib.new(algorithm.replace("sha3_", "sha3-"), signature).digest()


def proven_time(
    token: cms.SignedData, imprint: Callable[[str], bytes], trust: Trust, at: datetime
) -> datetime | None:
    """Return the time that a timestamp proves of what has this imprint; None if it proves none."""
    found = extract_certs_for_validation(token)
    certificate = found.signer_cert
    if not _unchanged(token, certificate, imprint):
        return None
    known = trust.known(Trust(intermediates=tuple(each.dump() for each in found.other_certs)))
    chain, algorithms = chain_of(certificate, known, at, may_timestamp)
    info = token["encap_content_info"]["content"].parsed
    own = algorithms_of(extract_signer_info(token), certificate)
    stamped = algorithm_of(certificate, _imprint_algorithm(info))
    weak = any(any(algorithm_reasons(each)) for each in (*algorithms, *own, stamped))
    moment: datetime = info["gen_time"].native
    in_validity = certificate.not_valid_before <= moment <= at <= certificate.not_valid_after
    if chain is not Chain.TRUSTED or weak or not in_validity:
        return None
    revocation, _since = revocation_of(certificate, known, at)
    return moment if revocation is Revocation.GOOD else None


def _unchanged(
    token: cms.SignedData, certificate: x509.Certificate, imprint: Callable[[str], bytes]
) -> bool:
    signer = extract_signer_info(token)
    content = token["encap_content_info"]["content"]
    info = content.parsed
    if not isinstance(info, tsp.TSTInfo):
        return False
    digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native, bytes(content)).digest()
    stamped = info["message_imprint"]["hashed_message"].native
    signed = validate_sig_integrity(signer, certificate, "tst_info", digest)
    return all(signed) and bool(stamped == imprint(_imprint_algorithm(info)))


def _imprint_algorithm(info: tsp.TSTInfo) -> str:
    return str(info["message_imprint"]["hash_algorithm"]["algorithm"].native)
