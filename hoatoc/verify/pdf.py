"""Signatures inside PDF files (PAdES, ISO 32000-2, 12.8), by pyHanko.

pyHanko says whether the signed bytes are as they were and what was added since; the times, the
chain and the verdict are ours, by the same rules as for packets. The PDF is read with tolerance:
Word writes files with two kinds of cross-reference at once (hybrid), and agencies sign them as they
are. Such a section added after a signature counts as a change: readers differ in how they read it.

What is read is bounded in size here, and in time by a process apart (`hoatoc.verify.process`).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import SEEK_END, BytesIO
from itertools import islice
from typing import ParamSpec, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from pyhanko.pdf_utils.generic import IndirectObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import XRefSectionType
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.errors import AlgorithmNotSupported

from hoatoc.domain.signature import (
    VIETNAM,
    Chain,
    Evidence,
    Revocation,
    Signature,
    existed_by,
    judge,
    unverified,
)
from hoatoc.domain.signature_reason import Reason
from hoatoc.verify import mark
from hoatoc.verify.chain import algorithms_of, chain_of, may_sign, revocation_of, subject_of
from hoatoc.verify.timestamp import imprint_of, proven_time, tokens
from hoatoc.verify.trust import Trust

# What it could say of a file comes back as a reason; its own log lines name signers.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)

MAX_PDF_BYTES = 64 * 1024 * 1024
"""The greatest file whose signatures are verified."""
MAX_SIGNATURES = 16
"""The most places for a signature that one file may have."""

_FORMS = ("/adbe.pkcs7.detached", "/ETSI.CAdES.detached", "/ETSI.RFC3161")


def verify_pdf(content: bytes, trust: Trust, at: datetime) -> tuple[Signature, ...]:
    """Verify each signature of a PDF as seen at an instant with a zone, in order of signing.

    Empty: the file is not signed, or is no PDF. A place for a signature with none in it gives one
    that is absent. What a hostile file does to the reader is told as `unreadable-signature`.
    """
    if len(content) > MAX_PDF_BYTES:
        return mark.if_signed(content, mark.PDF, Reason.TOO_LARGE)
    file = _guarded(_opened, content, trust)
    if isinstance(file, Reason):
        return mark.if_signed(content, mark.PDF, file)
    if len(file.filled) + file.empty > MAX_SIGNATURES:
        return (unverified(Reason.TOO_LARGE),)
    if not file.filled and not file.empty:
        return mark.if_signed(content, mark.PDF, Reason.UNREADABLE)
    return _verified(file, at)


@dataclass(frozen=True, slots=True)
class _File:
    """An open PDF: its places for signatures, filled and empty, and whom to trust with it."""

    reader: PdfFileReader
    filled: tuple[tuple[IndirectObject, str], ...]
    empty: int
    trust: Trust


P = ParamSpec("P")
T = TypeVar("T")


def _guarded(read: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | Reason:
    """Read what may be hostile, and so may make its reader fail in any way; name the failure."""
    try:
        return read(*args, **options)
    except (UnsupportedAlgorithm, AlgorithmNotSupported):
        return Reason.ALGORITHM_UNKNOWN
    except Exception:  # noqa: BLE001  see above
        return Reason.UNREADABLE


def _verified(file: _File, at: datetime) -> tuple[Signature, ...]:
    opened = [_guarded(_embedded, file, place) for place in file.filled]
    broken = [each for each in opened if isinstance(each, Reason)]
    embedded = [each for each in opened if isinstance(each, EmbeddedPdfSignature)]
    judged = _judged(sorted(embedded, key=_revision), file.trust, at)
    return (*judged, *map(unverified, broken), *[unverified(Reason.EMPTY)] * file.empty)


def _opened(content: bytes, trust: Trust) -> _File:
    reader = PdfFileReader(BytesIO(content), strict=False)
    if reader.encrypted:
        reader.decrypt("")  # a file that anybody may open, but not change
    places = [*islice(enumerate_sig_fields(reader), MAX_SIGNATURES + 1)]
    filled = tuple((field, name) for name, value, field in places if value)
    store = _guarded(_security_store, reader)
    # A store that cannot be read verifies nothing; the signatures may stand without it.
    known = trust if isinstance(store, Reason) else trust.known(store)
    return _File(reader, filled, len(places) - len(filled), known)


def _security_store(reader: PdfFileReader) -> Trust:
    """Return what the file brings along to be verified by (ISO 32000-2, 12.8.4.3)."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return Trust()
    context = store.as_validation_context({"trust_roots": ()})
    return Trust(
        intermediates=tuple(each.dump() for each in store.load_certs()),
        crls=tuple(each.dump() for each in context.crls),
        ocsps=tuple(each.dump() for each in context.ocsps),
    )


def _embedded(file: _File, place: tuple[IndirectObject, str]) -> EmbeddedPdfSignature:
    field, name = place
    embedded = EmbeddedPdfSignature(file.reader, field.get_object(), name)  # type: ignore[no-untyped-call]
    if embedded.sig_object.get("/SubFilter") not in _FORMS:
        raise SignatureValidationError("not a form that can be verified")
    embedded.compute_integrity_info()  # type: ignore[no-untyped-call]
    return embedded


def _revision(embedded: EmbeddedPdfSignature) -> int:
    return int(embedded.signed_revision)


def _is_stamp(embedded: EmbeddedPdfSignature) -> bool:
    return bool(embedded.sig_object.get("/SubFilter") == "/ETSI.RFC3161")


def _judged(
    embedded: Sequence[EmbeddedPdfSignature], trust: Trust, at: datetime
) -> list[Signature]:
    stamps = {
        _revision(each): time
        for each in filter(_is_stamp, embedded)
        if isinstance(time := _guarded(_stamped, each, trust, at), datetime)
    }
    found = [
        _guarded(_evidence, each, stamps, trust, at) for each in embedded if not _is_stamp(each)
    ]
    return [unverified(each) if isinstance(each, Reason) else judge(each, at) for each in found]


def _stamped(stamp: EmbeddedPdfSignature, trust: Trust, at: datetime) -> datetime | None:
    if _changed_after(stamp) or not _covers_all(stamp):
        return None
    return proven_time(stamp.signed_data, stamp.compute_digest, trust, at)


def _evidence(
    embedded: EmbeddedPdfSignature, stamps: Mapping[int, datetime], trust: Trust, at: datetime
) -> Evidence:
    certificate, signer = embedded.signer_cert, embedded.signer_info
    known = trust.known(
        Trust(intermediates=tuple(each.dump() for each in embedded.other_embedded_certs))
    )
    imprint = imprint_of(signer["signature"].native)
    times = [
        _guarded(proven_time, token, imprint, known, at)
        for token in islice(tokens(signer), MAX_SIGNATURES)
    ]
    later = (time for revision, time in stamps.items() if revision > _revision(embedded))
    proven = [*later, *(time for time in times if isinstance(time, datetime))]
    timestamp_at = min(proven, default=None)
    claimed_at = _claimed_at(embedded)
    chain, algorithms = chain_of(certificate, known, timestamp_at or claimed_at or at, may_sign)
    revocation, revoked_at = Revocation.UNKNOWN, None
    if chain is Chain.TRUSTED:
        moment = existed_by(timestamp_at, at)
        revocation, revoked_at = revocation_of(certificate, known, moment)
    return Evidence(
        subject=subject_of(certificate),
        algorithms=(*algorithms_of(signer, certificate), *algorithms),
        unchanged=_unchanged(embedded),
        changed_after=_changed_after(embedded),
        covers_all=_covers_all(embedded),
        claimed_at=claimed_at,
        timestamp_at=timestamp_at,
        timestamp_failed=bool(times) and timestamp_at is None,
        chain=chain,
        not_before=certificate.not_valid_before,
        not_after=certificate.not_valid_after,
        revocation=revocation,
        revoked_at=revoked_at,
    )


def _claimed_at(embedded: EmbeddedPdfSignature) -> datetime | None:
    time: datetime | None = embedded.self_reported_timestamp
    return time if time is None or time.tzinfo else time.replace(tzinfo=VIETNAM)


def _unchanged(embedded: EmbeddedPdfSignature) -> bool:
    if embedded.signed_data["encap_content_info"]["content"].native is not None:
        raise SignatureValidationError("a detached signature with content of its own")
    digest = embedded.compute_digest()
    return all(validate_sig_integrity(embedded.signer_info, embedded.signer_cert, "data", digest))


def _changed_after(embedded: EmbeddedPdfSignature) -> bool:
    """Tell whether more was added than further signatures and what verifies them."""
    xrefs, first = embedded.reader.xrefs, _revision(embedded) + 1
    hybrid = any(
        xrefs.get_xref_container_info(revision).xref_section_type is XRefSectionType.HYBRID_MAIN
        for revision in range(first, xrefs.total_revisions)
    )
    allowed = embedded.summarise_integrity_info()["docmdp_ok"]
    return hybrid or not allowed or _has_rest(embedded)


def _has_rest(embedded: EmbeddedPdfSignature) -> bool:
    """Tell whether something unsigned follows the end of the file's last revision."""
    if embedded.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return False
    stream = embedded.reader.stream
    stream.seek(0)
    return bool(stream.read().rpartition(b"%%EOF")[2].strip(b"\0\t\n\f\r "))


def _covers_all(embedded: EmbeddedPdfSignature) -> bool:
    """Tell whether the signed range is all of the file up to its end but the signature itself."""
    if len(embedded.byte_range) != 4:
        return False
    start, length, after, rest = map(int, embedded.byte_range)
    gap = 2 * len(embedded.pkcs7_content) + len("<>")
    size = embedded.reader.stream.seek(0, SEEK_END)
    return start == 0 and after == length + gap and rest > 0 and after + rest <= size
