"""Signed files for tests: PDFs signed through pyHanko, packets by signxml, at any time one likes.

Each function adds to a file as signing software does: an incremental update that leaves what was
there as it was.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import cms, crl, keys, ocsp, x509
from lxml import etree
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import (
    DocumentTimestamp,
    PdfSignedData,
    SignatureObject,
)
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes, SimpleSigner
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from hoatoc.testing.certificate import Holder

_RESERVED_BYTES = 32 * 1024
_DS = "http://www.w3.org/2000/09/xmldsig#"


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who puts a timestamp on a signature, and when."""

    by: Holder
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a signature is made; `chain`: it brings the certificates of its issuers along."""

    field: str = "Signature1"
    digest: str = "sha256"
    pss: bool = False
    chain: bool = True
    visible: bool = False


def plain_pdf(text: str = "Kinh gui") -> bytes:
    """Make an unsigned PDF of one page (ASCII text)."""
    drawn = f"BT 72 720 Td ({text}) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>/Contents 4 0 R>>",
        f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream",
    )
    body, places = "%PDF-1.7\n", [f"{0:010} 65535 f "]
    for number, each in enumerate(objects, start=1):
        places.append(f"{len(body):010} 00000 n ")
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "\n".join((f"xref\n0 {len(places)}", *places))
    return f"{body}{table}\n{_trailer(len(places), len(body))}".encode("ascii")


def _trailer(size: int, start: int, entries: str = "") -> str:
    entries = f"<</Size {size}/Root 1 0 R{entries}>>"
    return f"trailer\n{entries}\nstartxref\n{start}\n%%EOF\n"


def with_hybrid_section(pdf: bytes) -> bytes:
    """Add a revision with two kinds of cross-reference at once, as Word writes them (7.5.8.4)."""
    stream_at = len(pdf)
    stream = (
        "90 0 obj\n<</Type/XRef/Size 91/W[1 4 1]/Index[90 1]/Root 1 0 R/Length 6>>\nstream\n"
        f"\x01{stream_at.to_bytes(4).decode('latin-1')}\x00\nendstream\nendobj\n"
    ).encode("latin-1")
    before = int(pdf.rpartition(b"startxref")[2].split()[0])
    entries = f"/Prev {before}/XRefStm {stream_at}"
    table = "xref\n0 1\n0000000000 65535 f \n" + _trailer(91, stream_at + len(stream), entries)
    return pdf + stream + table.encode("ascii")


def sign_pdf(
    pdf: bytes, holder: Holder, at: datetime, stamp: Stamp | None = None, form: Form | None = None
) -> bytes:
    """Sign a PDF (PAdES-B-B; with a timestamp B-T), claiming to do it at `at`."""
    form = form or Form()
    box = (72, 72, 272, 122) if form.visible else None
    placeholder = SignatureObject(
        timestamp=at, subfilter=SigSeedSubFilter.PADES, bytes_reserved=_RESERVED_BYTES
    )

    def sign(document_digest: bytes) -> cms.ContentInfo:
        return sign_digest(document_digest, holder, at, stamp, form)

    return _embed(pdf, SigFieldSpec(form.field, box=box), placeholder, form.digest, sign)


def sign_digest(
    document_digest: bytes,
    holder: Holder,
    at: datetime,
    stamp: Stamp | None = None,
    form: Form | None = None,
) -> cms.ContentInfo:
    """Sign the digest of the bytes that a signature in a PDF covers."""
    form = form or Form()
    signer = SimpleSigner(
        signing_cert=x509.Certificate.load(holder.der),
        signing_key=keys.PrivateKeyInfo.load(holder.key_der),
        cert_registry=_store(holder.above() if form.chain else ()),
        prefer_pss=form.pss,
    )
    return asyncio.run(
        signer.async_sign(
            document_digest,
            form.digest,
            use_pades=True,
            timestamper=_stamper(stamp) if stamp else None,
            signed_attr_settings=PdfCMSSignedAttributes(signing_time=at),
        )
    )


def stamp_pdf(pdf: bytes, stamp: Stamp) -> bytes:
    """Put a timestamp over a whole PDF (PAdES-B-LTA)."""

    def sign(document_digest: bytes) -> cms.ContentInfo:
        return asyncio.run(_stamper(stamp).async_timestamp(document_digest, "sha256"))

    placeholder = DocumentTimestamp(bytes_reserved=_RESERVED_BYTES)  # type: ignore[no-untyped-call]
    return _embed(pdf, SigFieldSpec("Stamp1"), placeholder, "sha256", sign)


def _embed(
    pdf: bytes,
    spec: SigFieldSpec,
    placeholder: PdfSignedData,
    digest: str,
    sign: Callable[[bytes], cms.ContentInfo],
) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    if writer.prev.encrypted:
        writer.encrypt("")  # type: ignore[no-untyped-call]
    steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(spec.sig_field_name, writer)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=placeholder))
    prepared, out = steps.send(SigIOSetup(md_algorithm=digest))
    steps.send(sign(prepared.document_digest))
    return bytes(out.getvalue())


def _store(holders: Iterable[Holder]) -> SimpleCertificateStore:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple(x509.Certificate.load(each.der) for each in holders)
    return store


def _stamper(stamp: Stamp) -> DummyTimeStamper:
    return DummyTimeStamper(
        x509.Certificate.load(stamp.by.der),
        keys.PrivateKeyInfo.load(stamp.by.key_der),
        certs_to_embed=_store(stamp.by.above()),
        fixed_dt=stamp.at,
    )


def with_revocation_data(
    pdf: bytes,
    *,
    certificates: Iterable[bytes] = (),
    crls: Iterable[bytes] = (),
    ocsps: Iterable[bytes] = (),
) -> bytes:
    """Add what a signature is verified by to its PDF (PAdES-B-LT)."""
    out = BytesIO(pdf)
    DocumentSecurityStore.add_dss(
        out,
        None,
        certs=[x509.Certificate.load(der) for der in certificates],
        crls=[crl.CertificateList.load(der) for der in crls],
        ocsps=[ocsp.OCSPResponse.load(der) for der in ocsps],
        force_write=True,
    )
    return out.getvalue()


def with_password(pdf: bytes, owner: str = "x") -> bytes:
    """Encrypt a PDF so that anybody may open it, and only its owner may change it."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdf)))
    writer.encrypt(owner_pass=owner, user_pass="")  # type: ignore[no-untyped-call]
    out = BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def with_empty_field(pdf: bytes, field: str = "Signature1") -> bytes:
    """Add a place for a signature, and none in it."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    append_signature_field(writer, SigFieldSpec(field))
    return _written(writer)


def with_page_changed(pdf: bytes, text: str = "Sua sau khi ky") -> bytes:
    """Change the text of the page by an incremental update, as an attacker would."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    page = writer.root["/Pages"]["/Kids"][0]
    content = generic.StreamObject(stream_data=f"BT ({text}) Tj ET".encode())
    page["/Contents"] = writer.add_object(content)
    writer.update_container(page)
    return _written(writer)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    out = BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


class _AnySigner(XMLSigner):
    """Also signs by algorithms that are not secure any more."""

    def check_deprecated_methods(self) -> None:
        """Allow them."""


def sign_packet(
    packet: bytes,
    holder: Holder,
    *,
    method: SignatureMethod = SignatureMethod.RSA_SHA256,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    reference: str = "",
) -> bytes:
    """Sign a packet by XMLDSig, enveloped in its header; `reference` "" is the whole packet."""
    root = etree.fromstring(packet)
    for place in [*root.iter("{*}DigitalSignature")]:
        parent = place.getparent()
        if parent is not None:
            parent.remove(place)
    header = next(root.iter("{*}edXMLHeader"))
    etree.SubElement(header, f"{{{_DS}}}Signature", nsmap={"ds": _DS}, Id="placeholder")
    chain = [holder.certificate, *(each.certificate for each in holder.above())]
    signer = _AnySigner(signature_algorithm=method, digest_algorithm=digest)
    signed = signer.sign(root, key=holder.key, cert=chain, reference_uri=reference or None)
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
