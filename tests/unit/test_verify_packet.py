"""The signature around a real packet."""

import logging
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.domain.signature import Role, Signature
from hoatoc.domain.signature_reason import Reason, Verdict
from hoatoc.testing.certificate import Hierarchy, Kind, hierarchy, issue, name_of
from hoatoc.testing.signed_file import sign_packet
from hoatoc.verify import packet as verify
from hoatoc.verify.packet import verify_packet
from hoatoc.verify.trust import Trust

MADE = datetime(2026, 1, 15, 3, tzinfo=UTC)
AT = MADE + timedelta(hours=1)
PACKET = write_packet(
    Packet(
        sender=Party(code="G22", name="Văn phòng Chính phủ"),
        recipients=(Party(code="H16"),),
        document_id="G22,2026/01/15,1/VPCP-KSTT",
        number="1",
        notation="VPCP-KSTT",
        promulgated=date(2026, 1, 15),
        subject="Gửi, nhận văn bản điện tử",
        signer=Signer(full_name="Nguyễn Văn A"),
        attachments=(Attachment(name="1.txt", content_type="text/plain", content=b"1"),),
    )
)
DIGITAL_SIGNATURE = b"<edXML:DigitalSignature/>"


@cache
def pki() -> Hierarchy:
    return hierarchy()


@cache
def signed() -> bytes:
    return sign_packet(PACKET, pki().agency, method=SignatureMethod.ECDSA_SHA256)


def trust() -> Trust:
    return pki().trust(MADE)


def only(signatures: Sequence[Signature]) -> Signature:
    (signature,) = signatures
    return signature


def test_a_signed_packet_is_verified_as_it_was_received() -> None:
    signature = only(verify_packet(signed(), trust(), AT))
    assert (Verdict.VALID, ()) == (signature.verdict, signature.reasons)
    assert ("Văn phòng Chính phủ", Role.AGENCY) == (signature.signer, signature.role)


def test_a_signed_packet_can_still_be_read() -> None:
    assert replace(read_packet(signed()), signed=False) == read_packet(PACKET)


SIGNED_INFO = """<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<Reference URI=""><Transforms>
<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#{transform}"/>
</Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
<DigestValue>{digest}</DigestValue></Reference></SignedInfo>
<SignatureValue>{value}</SignatureValue>
<KeyInfo><X509Data><X509SubjectName>CN=A</X509SubjectName>
<X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></Signature>"""


def whole() -> bytes:
    unsigned = PACKET.replace(DIGITAL_SIGNATURE, b"")
    return etree.tostring(etree.fromstring(unsigned), method="c14n")


def signed_without_a_prefix(content: bytes, transform: str = "enveloped-signature") -> bytes:
    """Sign by nothing but the standard and a canonical form, as the axis' samples are built."""
    texts = {
        "transform": transform,
        "digest": b64encode(sha256(content).digest()).decode(),
        "certificate": b64encode(pki().person.der).decode(),
        "value": "",
    }
    placed = PACKET.replace(DIGITAL_SIGNATURE, SIGNED_INFO.format(**texts).encode())
    signed_info = next(etree.fromstring(placed).iter("{*}SignedInfo"))
    key = pki().person.key
    assert isinstance(key, RSAPrivateKey)
    alone = etree.fromstring(etree.tostring(signed_info, with_tail=False))
    value = key.sign(etree.tostring(alone, method="c14n"), PKCS1v15(), SHA256())
    texts["value"] = b64encode(value).decode()
    return PACKET.replace(DIGITAL_SIGNATURE, SIGNED_INFO.format(**texts).encode())


def test_a_signature_built_as_the_samples_are_is_verified() -> None:
    content = signed_without_a_prefix(whole())
    known = replace(trust(), intermediates=(pki().issuing.der,))
    assert (Verdict.VALID, ()) == (
        only(verify_packet(content, known, AT)).verdict,
        only(verify_packet(content, known, AT)).reasons,
    )
    assert (Reason.CONTENT_CHANGED,) == only(
        verify_packet(content.replace(b"H16", b"H17"), known, AT)
    ).reasons


@pytest.mark.parametrize("method", [SignatureMethod.RSA_SHA256, SignatureMethod.SHA256_RSA_MGF1])
def test_every_accepted_form_is_verified(method: SignatureMethod) -> None:
    content = sign_packet(PACKET, pki().person, method=method)
    assert Verdict.VALID == only(verify_packet(content, trust(), AT)).verdict


def test_the_samples_of_2015_are_weak() -> None:
    content = sign_packet(
        PACKET, pki().person, method=SignatureMethod.RSA_SHA1, digest=DigestAlgorithm.SHA1
    )
    signature = only(verify_packet(content, trust(), AT))
    assert (Reason.ALGORITHM_WEAK,) == signature.reasons
    assert signature.intact


def test_a_weak_digest_under_a_strong_signature_is_weak() -> None:
    content = sign_packet(PACKET, pki().person, digest=DigestAlgorithm.SHA1)
    assert (Reason.ALGORITHM_WEAK,) == only(verify_packet(content, trust(), AT)).reasons


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", Reason.ALGORITHM_WEAK),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", Reason.ALGORITHM_UNKNOWN),
        ("urn:tcvn:gost", Reason.ALGORITHM_UNKNOWN),
    ],
)
def test_a_method_that_is_not_verified_is_weak_or_unknown(method: str, reason: Reason) -> None:
    content = re.sub(rb'(SignatureMethod Algorithm=")[^"]+', rb"\1" + method.encode(), signed())
    assert (reason,) == only(verify_packet(content, trust(), AT)).reasons


# No signature


def test_an_unsigned_packet_of_ours_has_an_empty_place() -> None:
    signature = only(verify_packet(PACKET, trust(), AT))
    assert (Verdict.ABSENT, (Reason.EMPTY,)) == (signature.verdict, signature.reasons)


def test_without_a_place_there_is_nothing_to_say() -> None:
    assert () == verify_packet(PACKET.replace(DIGITAL_SIGNATURE, b""), trust(), AT)


@pytest.mark.parametrize(
    "dummy",
    [
        b"<Signature><SignedInfo/><SignatureValue> </SignatureValue></Signature>",
        b"<Signature><SignatureValue>AAAA</SignatureValue><KeyInfo/></Signature>",
        b"<Signature xmlns='http://www.w3.org/2000/09/xmldsig#'><SignatureValue>x</SignatureValue>"
        b"<KeyInfo><X509Data><X509Certificate>MIID</X509Certificate></X509Data></KeyInfo>"
        b"</Signature>",
    ],
    ids=["blank", "no-certificate", "not-a-certificate"],
)
def test_a_dummy_that_pleases_a_schema_is_no_signature(dummy: bytes) -> None:
    content = PACKET.replace(DIGITAL_SIGNATURE, dummy)
    assert (Reason.EMPTY,) == only(verify_packet(content, trust(), AT)).reasons


# What was changed


def test_a_changed_packet_is_found_out() -> None:
    signature = only(verify_packet(signed().replace(b"H16", b"H17"), trust(), AT))
    assert (Reason.CONTENT_CHANGED,) == signature.reasons
    assert (Verdict.INVALID, False) == (signature.verdict, signature.intact)


def test_a_changed_value_of_the_signature_is_found_out() -> None:
    value = re.search(rb"SignatureValue>([^<]+)<", signed())
    assert value
    content = signed().replace(value[1], value[1][:40].swapcase() + value[1][40:])
    assert (Reason.CONTENT_CHANGED,) == only(verify_packet(content, trust(), AT)).reasons


def test_another_certificate_under_a_signature_is_found_out() -> None:
    other = sign_packet(PACKET, pki().stamper)
    mine = sign_packet(PACKET, pki().person)
    certificate = re.compile(rb"(?<=X509Certificate>)[^<]+")
    theirs = certificate.findall(other)[0]
    content = certificate.sub(lambda _found: theirs, mine, count=1)
    assert Reason.CONTENT_CHANGED in only(verify_packet(content, trust(), AT)).reasons


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_letter_outside_the_signature_can_change_and_it_stay_valid(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, signed().index(b"<ds:Signature") - 1))
    other = data.draw(st.sampled_from(b"0aZ<>&\x00"))
    content = bytearray(signed())
    was, content[place] = content[place], other
    verdicts = {each.verdict for each in verify_packet(bytes(content), trust(), AT)}
    # The XML declaration is no part of what is signed (Canonical XML 1.1, 2.3).
    declared = place < signed().index(b"?>")
    assert Verdict.VALID not in verdicts or declared or was == other


def test_a_signature_over_a_part_says_nothing_of_the_packet() -> None:
    part = PACKET.replace(b"<edXML:MessageHeader>", b'<edXML:MessageHeader Id="header">')
    content = sign_packet(part, pki().person, reference="#header")
    signature = only(verify_packet(content, trust(), AT))
    assert (Reason.COVERS_PART,) == signature.reasons
    assert (Verdict.INVALID, False) == (signature.verdict, signature.intact)


def test_a_transform_that_leaves_out_content_covers_a_part() -> None:
    content = signed_without_a_prefix(b"", transform="base64")
    known = replace(trust(), intermediates=(pki().issuing.der,))
    assert (Reason.COVERS_PART,) == only(verify_packet(content, known, AT)).reasons


def test_a_reference_to_what_is_not_there_covers_nothing() -> None:
    content = re.sub(rb'Reference URI=""', b'Reference URI="#gone"', signed())
    signature = only(verify_packet(content, trust(), AT))
    assert (Reason.CONTENT_CHANGED, Reason.COVERS_PART) == signature.reasons


def test_a_reference_to_elsewhere_is_not_followed() -> None:
    content = re.sub(rb'Reference URI=""', b'Reference URI="http://ocsp.invalid/"', signed())
    assert Verdict.INVALID == only(verify_packet(content, trust(), AT)).verdict


# Certificates


def test_the_certificate_in_a_signature_is_a_claim_like_any_other() -> None:
    other = hierarchy()
    content = sign_packet(PACKET, other.person)
    assert (Reason.ROOT_UNTRUSTED,) == only(verify_packet(content, trust(), AT)).reasons
    assert (Reason.NO_ROOTS,) == only(verify_packet(content, Trust(), AT)).reasons


def test_a_revoked_or_expired_certificate_makes_it_invalid() -> None:
    expired = issue(
        pki().issuing, name_of(CN="A", T="Phó"), Kind.SIGNER, until=MADE - timedelta(days=1)
    )
    late = sign_packet(PACKET, expired, method=SignatureMethod.ECDSA_SHA256)
    assert Reason.NOT_IN_VALIDITY == only(verify_packet(late, trust(), AT)).reasons[0]
    revoked = pki().trust(MADE, {pki().agency: MADE - timedelta(days=1)})
    assert (Reason.REVOKED,) == only(verify_packet(signed(), revoked, AT)).reasons


# What is hostile or broken

LAUGHS = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"<edXML><SignatureValue>",
        b"<a>" * 300 + b"<SignatureValue/>" + b"</a>" * 300,
        b"\x00SignatureValue",
    ],
    ids=["cut-off", "deep", "binary"],
)
def test_what_cannot_be_read_and_seems_signed_is_unreadable(content: bytes) -> None:
    assert (Reason.UNREADABLE,) == only(verify_packet(content, trust(), AT)).reasons


def test_a_doctype_is_not_read() -> None:
    content = signed().replace(b"?>", b"?>" + LAUGHS, 1).replace(b"H16", b"&b;")
    assert (Reason.UNREADABLE,) == only(verify_packet(content, trust(), AT)).reasons


def test_two_signatures_around_one_packet_are_not_told_apart() -> None:
    signature = re.search(rb"<ds:Signature .*</ds:Signature>", signed(), re.DOTALL)
    assert signature
    content = signed().replace(signature[0], signature[0] * 2)
    assert [(Reason.UNREADABLE,)] * 2 == [
        each.reasons for each in verify_packet(content, trust(), AT)
    ]


def test_many_signatures_or_references_are_too_many() -> None:
    places = PACKET.replace(DIGITAL_SIGNATURE, DIGITAL_SIGNATURE * 5)
    assert (Reason.TOO_LARGE,) == only(verify_packet(places, trust(), AT)).reasons
    reference = re.search(rb"<ds:Reference URI.*?</ds:Reference>", signed(), re.DOTALL)
    assert reference
    content = signed().replace(reference[0], reference[0] * 5)
    assert (Reason.UNREADABLE,) == only(verify_packet(content, trust(), AT)).reasons


def test_a_packet_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MAX_PACKET_BYTES", len(PACKET))
    assert (Reason.TOO_LARGE,) == only(verify_packet(signed(), trust(), AT)).reasons
    assert (Reason.EMPTY,) == only(verify_packet(PACKET, trust(), AT)).reasons


def test_nothing_of_a_packet_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        verify_packet(signed(), trust(), AT)
    assert [] == [each for each in caplog.records if each.name.startswith(("signxml", "pyhanko"))]
