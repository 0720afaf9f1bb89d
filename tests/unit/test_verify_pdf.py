"""Signatures in real PDF files, by real certificates of an authority made for the tests."""

import logging
import pickle
import re
import socket
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO

import pytest
from asn1crypto import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader

from hoatoc.domain.signature import Chain, LegalValue, Revocation, Role, Signature, legal_value
from hoatoc.domain.signature_reason import Reason, Verdict
from hoatoc.testing.certificate import (
    Hierarchy,
    Holder,
    Kind,
    hierarchy,
    issue,
    name_of,
    revocation_list,
    rsa_key,
    status_answer,
)
from hoatoc.testing.signed_file import (
    Form,
    Stamp,
    plain_pdf,
    sign_digest,
    sign_pdf,
    stamp_pdf,
    with_empty_field,
    with_hybrid_section,
    with_page_changed,
    with_password,
    with_revocation_data,
)
from hoatoc.verify import pdf as verify
from hoatoc.verify.chain import chain_of, may_sign
from hoatoc.verify.pdf import verify_pdf
from hoatoc.verify.timestamp import imprint_of, proven_time, tokens
from hoatoc.verify.trust import Trust

SIGNED = datetime(2026, 1, 15, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AT = SIGNED + HOUR
SECOND = Form(field="Signature2")


@cache
def pki() -> Hierarchy:
    return hierarchy()


@cache
def signed() -> bytes:
    """Sign by the person, without a timestamp."""
    return sign_pdf(plain_pdf(), pki().person, SIGNED)


@cache
def stamped() -> bytes:
    """Sign by the person, with a timestamp."""
    return sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(pki().stamper, SIGNED))


def trust(at: datetime = SIGNED, revoked: dict[Holder, datetime] | None = None) -> Trust:
    return pki().trust(at, revoked)


def verdicts(signatures: Sequence[Signature]) -> list[Verdict]:
    return [each.verdict for each in signatures]


def only(signatures: Sequence[Signature]) -> Signature:
    (signature,) = signatures
    return signature


# What agencies do


def test_a_signature_is_verified_by_list_and_root_alone() -> None:
    signature = only(verify_pdf(signed(), trust(), AT))
    assert (Verdict.VALID, ()) == (signature.verdict, signature.reasons)
    assert ("Nguyễn Văn A", Role.PERSON) == (signature.signer, signature.role)
    assert (SIGNED, False) == (signature.signed_at, signature.timestamped)


def test_the_agency_signs_after_the_person_and_both_stay_valid() -> None:
    both = sign_pdf(signed(), pki().agency, SIGNED + HOUR, form=replace(SECOND, visible=True))
    person, agency = verify_pdf(both, trust(), AT)
    assert [Verdict.VALID] * 2 == verdicts((person, agency))
    assert (Role.PERSON, Role.AGENCY) == (person.role, agency.role)
    confirmed = [[replace(each, of_sender=True) for each in (person, agency)]]
    assert LegalValue.ORIGINAL == legal_value(confirmed)


def test_a_timestamp_proves_the_time() -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(pki().stamper, SIGNED + HOUR))
    signature = only(verify_pdf(content, trust(), AT))
    assert (SIGNED + HOUR, True) == (signature.signed_at, signature.timestamped)


def test_a_timestamp_over_the_file_proves_every_signature_before_it() -> None:
    content = stamp_pdf(signed(), Stamp(pki().stamper, SIGNED + HOUR))
    signature = only(verify_pdf(content, trust(), AT))
    assert (Verdict.VALID, True) == (signature.verdict, signature.timestamped)
    assert SIGNED + HOUR == signature.signed_at


def test_a_timestamp_over_the_file_proves_nothing_of_signatures_after_it() -> None:
    content = stamp_pdf(plain_pdf(), Stamp(pki().stamper, SIGNED - DAY))
    signature = only(verify_pdf(sign_pdf(content, pki().person, SIGNED), trust(), AT))
    assert (SIGNED, False) == (signature.signed_at, signature.timestamped)


def test_a_file_that_anybody_may_open_and_only_its_owner_change_is_verified() -> None:
    content = sign_pdf(with_password(plain_pdf()), pki().person, SIGNED)
    assert [Verdict.VALID] == verdicts(verify_pdf(content, trust(), AT))


@pytest.mark.parametrize("form", [Form(pss=True), Form(digest="sha512"), Form(visible=True)])
def test_every_accepted_form_is_verified(form: Form) -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, form=form)
    assert [Verdict.VALID] == verdicts(verify_pdf(content, trust(), AT))


def test_a_file_brings_along_what_it_is_verified_by() -> None:
    lists = trust().crls
    answers = (status_answer(pki().person, at=SIGNED),)
    bare = Trust(roots=(pki().root.der,))
    for content in (
        with_revocation_data(stamped(), crls=lists),
        with_revocation_data(signed(), crls=lists[:1], ocsps=answers),
        with_revocation_data(
            sign_pdf(plain_pdf(), pki().person, SIGNED, form=Form(chain=False)),
            certificates=(pki().issuing.der,),
            crls=lists,
        ),
    ):
        assert [Verdict.VALID] == verdicts(verify_pdf(content, bare, AT))


def test_a_file_that_is_not_signed_has_no_signatures() -> None:
    for content in (plain_pdf(), b"", b"PK\x03\x04", "Công văn".encode()):
        assert () == verify_pdf(content, trust(), AT)


def test_an_empty_place_for_a_signature_is_no_signature() -> None:
    assert [(Reason.EMPTY,)] == [
        each.reasons for each in verify_pdf(with_empty_field(plain_pdf()), trust(), AT)
    ]
    content = with_empty_field(signed(), "Signature2")
    assert [Verdict.VALID, Verdict.ABSENT] == verdicts(verify_pdf(content, trust(), AT))


def test_a_file_as_word_writes_it_can_be_signed_by_person_and_agency() -> None:
    word = with_hybrid_section(plain_pdf())
    both = sign_pdf(sign_pdf(word, pki().person, SIGNED), pki().agency, SIGNED, form=SECOND)
    assert [Verdict.VALID] * 2 == verdicts(verify_pdf(both, trust(), AT))


# What was changed


def test_a_section_that_readers_may_read_in_two_ways_is_a_change_if_added_after() -> None:
    signature = only(verify_pdf(with_hybrid_section(signed()), trust(), AT))
    assert (Reason.CHANGED_AFTER,) == signature.reasons


def test_a_page_changed_after_signing_makes_the_signature_invalid() -> None:
    signature = only(verify_pdf(with_page_changed(signed()), trust(), AT))
    assert (Reason.CHANGED_AFTER,) == signature.reasons
    assert (Verdict.INVALID, False) == (signature.verdict, signature.intact)


def test_a_change_between_two_signatures_speaks_against_the_first_alone() -> None:
    content = sign_pdf(with_page_changed(signed()), pki().agency, SIGNED, form=SECOND)
    assert [Verdict.INVALID, Verdict.VALID] == verdicts(verify_pdf(content, trust(), AT))


def test_another_text_of_the_same_length_is_found_out() -> None:
    content = signed().replace(b"(Kinh gui)", b"(Kinh gxi)", 1)
    assert (Reason.CONTENT_CHANGED,) == only(verify_pdf(content, trust(), AT)).reasons


def test_bytes_after_the_end_are_a_change() -> None:
    assert Reason.CHANGED_AFTER in only(verify_pdf(signed() + b"% x\n", trust(), AT)).reasons


def test_a_gap_in_what_is_signed_is_found_even_if_the_signer_left_it() -> None:
    before, after, end = signed_range()
    skipped = 2
    was, now = (f"0 {before} {start} {end - after}" for start in (after, after + skipped))
    content = bytearray(signed().replace(was.encode(), now.encode(), 1))
    document = bytes(content[:before] + content[after + skipped :])
    value = sign_digest(sha256(document).digest(), pki().person, SIGNED).dump().hex().encode()
    content[before + 1 : before + 1 + len(value)] = value
    assert (Reason.COVERS_PART,) == only(verify_pdf(bytes(content), trust(), AT)).reasons


def signed_range() -> tuple[int, int, int]:
    """Return where the signature lies in the file, and where the file ends."""
    found = re.search(rb"/ByteRange\s*\[\s*0 (\d+) (\d+) (\d+)", signed())
    assert found
    before, after, rest = map(int, found.groups())
    return before, after, after + rest


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_byte_that_was_signed_can_change_and_the_signature_stay_valid(
    data: st.DataObject,
) -> None:
    before, after, end = signed_range()
    place = data.draw(st.integers(0, before - 1) | st.integers(after, end - 1))
    other = data.draw(st.integers(1, 255))
    content = bytearray(signed())
    content[place] ^= other
    assert Verdict.VALID not in verdicts(verify_pdf(bytes(content), trust(), AT))


# Certificates


def test_a_certificate_that_had_expired_at_signing_makes_it_invalid() -> None:
    holder = issue(
        pki().issuing, name_of(CN="A", T="Phó"), since=SIGNED - 400 * DAY, until=SIGNED - DAY
    )
    signature = only(verify_pdf(sign_pdf(plain_pdf(), holder, SIGNED), trust(), AT))
    assert Reason.NOT_IN_VALIDITY == signature.reasons[0]
    assert (False, Verdict.INVALID) == (signature.in_validity, signature.verdict)


@cache
def expiring() -> Holder:
    """Issue a certificate that expires a day after the signing."""
    return issue(pki().issuing, name_of(CN="A", T="Phó"), until=SIGNED + DAY)


def test_a_signature_outlives_its_certificate_by_a_timestamp() -> None:
    later = SIGNED + 30 * DAY
    bare = sign_pdf(plain_pdf(), expiring(), SIGNED)
    proven = sign_pdf(plain_pdf(), expiring(), SIGNED, Stamp(pki().stamper, SIGNED))
    known = trust(later).known(trust(SIGNED))
    assert Verdict.VALID == only(verify_pdf(proven, known, later)).verdict
    assert Reason.TIME_NOT_PROVEN == only(verify_pdf(bare, known, later)).reasons[0]


def test_a_list_made_after_a_certificate_expired_proves_nothing_of_it() -> None:
    later = SIGNED + 30 * DAY
    content = sign_pdf(plain_pdf(), expiring(), SIGNED, Stamp(pki().stamper, SIGNED))
    signature = only(verify_pdf(content, trust(later), later))
    assert (Reason.REVOCATION_UNKNOWN,) == signature.reasons


@pytest.mark.parametrize("stamp", [False, True])
def test_a_certificate_revoked_before_signing_makes_it_invalid(stamp: bool) -> None:
    content = stamped() if stamp else signed()
    signature = only(verify_pdf(content, trust(SIGNED, {pki().person: SIGNED - DAY}), AT))
    assert (Reason.REVOKED,) == signature.reasons
    assert Revocation.REVOKED == signature.revocation


def test_a_certificate_revoked_after_signing_is_no_fault_of_a_proven_signature() -> None:
    known = trust(SIGNED + 2 * DAY, {pki().person: SIGNED + DAY})
    at = SIGNED + 2 * DAY
    assert Verdict.VALID == only(verify_pdf(stamped(), known, at)).verdict
    assert (Reason.TIME_NOT_PROVEN,) == only(verify_pdf(signed(), known, at)).reasons


def test_an_answer_that_a_certificate_is_revoked_counts_as_a_list_does() -> None:
    answer = status_answer(pki().person, at=SIGNED, revoked_at=SIGNED - DAY)
    known = Trust(roots=(pki().root.der,), ocsps=(answer,))
    signature = only(verify_pdf(signed(), known, AT))
    assert (Reason.REVOKED,) == signature.reasons


def test_a_revoked_authority_takes_its_certificates_along() -> None:
    lists = (
        revocation_list(pki().root, {pki().issuing: SIGNED - DAY}, at=SIGNED),
        revocation_list(pki().issuing, at=SIGNED),
    )
    known = Trust(roots=(pki().root.der,), crls=lists)
    assert (Reason.REVOKED,) == only(verify_pdf(signed(), known, AT)).reasons


@pytest.mark.parametrize("kept", [0, 1])
def test_without_a_list_for_each_of_the_chain_the_revocation_is_unknown(kept: int) -> None:
    known = replace(trust(), crls=(trust().crls[kept],))
    signature = only(verify_pdf(signed(), known, AT))
    assert (Reason.REVOCATION_UNKNOWN,) == signature.reasons
    assert Verdict.UNKNOWN == signature.verdict


def test_a_stale_list_leaves_the_revocation_unknown() -> None:
    signature = only(verify_pdf(signed(), trust(SIGNED - 30 * DAY), AT))
    assert (Reason.REVOCATION_UNKNOWN,) == signature.reasons


def test_a_list_that_another_authority_made_under_the_same_name_does_not_count() -> None:
    false_root = issue(None, pki().root.certificate.subject, Kind.AUTHORITY)
    false = issue(false_root, pki().issuing.certificate.subject, Kind.AUTHORITY)
    lists = (trust().crls[0], revocation_list(false, at=SIGNED))
    known = Trust(roots=(pki().root.der,), crls=lists)
    assert (Reason.REVOCATION_UNKNOWN,) == only(verify_pdf(signed(), known, AT)).reasons


def test_without_roots_nothing_is_invalid_and_nothing_valid() -> None:
    signature = only(verify_pdf(signed(), Trust(), AT))
    assert (Reason.NO_ROOTS,) == signature.reasons
    assert (Verdict.UNKNOWN, None) == (signature.verdict, signature.trusted)


def test_a_root_that_is_not_trusted_makes_it_invalid() -> None:
    signature = only(verify_pdf(signed(), hierarchy().trust(SIGNED), AT))
    assert (Reason.ROOT_UNTRUSTED,) == signature.reasons
    assert False is signature.trusted


def test_a_self_signed_certificate_is_not_trusted() -> None:
    holder = issue(None, name_of(CN="A", T="Phó"))
    content = sign_pdf(plain_pdf(), holder, SIGNED)
    assert (Reason.ROOT_UNTRUSTED,) == only(verify_pdf(content, trust(), AT)).reasons


def test_a_missing_intermediate_leaves_it_unknown_and_the_operator_can_supply_it() -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, form=Form(chain=False))
    assert (Reason.ISSUER_MISSING,) == only(verify_pdf(content, trust(), AT)).reasons
    supplied = replace(trust(), intermediates=(pki().issuing.der,))
    assert Verdict.VALID == only(verify_pdf(content, supplied, AT)).verdict


def test_what_a_file_brings_along_is_known_but_never_trusted() -> None:
    other = hierarchy()
    content = with_revocation_data(
        sign_pdf(plain_pdf(), other.person, SIGNED),
        certificates=(other.root.der,),
        crls=other.trust(SIGNED).crls,
    )
    assert Verdict.INVALID == only(verify_pdf(content, trust(), AT)).verdict


def test_a_certificate_that_is_not_for_signing_is_unfit() -> None:
    holder = issue(pki().issuing, name_of(CN="A", T="Phó"), Kind.ENCIPHERER)
    content = sign_pdf(plain_pdf(), holder, SIGNED)
    assert (Reason.CERTIFICATE_UNFIT,) == only(verify_pdf(content, trust(), AT)).reasons


def test_a_signer_cannot_issue_certificates() -> None:
    holder = issue(pki().person, name_of(CN="A", T="Phó"))
    content = sign_pdf(plain_pdf(), holder, SIGNED)
    assert Verdict.INVALID == only(verify_pdf(content, trust(), AT)).verdict


# Algorithms


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_a_weak_digest_makes_it_invalid(digest: str) -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, form=Form(digest=digest))
    signature = only(verify_pdf(content, trust(), AT))
    assert (Reason.ALGORITHM_WEAK,) == signature.reasons
    assert signature.intact


def test_a_short_key_anywhere_in_the_chain_makes_it_invalid() -> None:
    short = issue(pki().issuing, name_of(CN="A", T="Phó"), key=rsa_key(1024))
    weak = issue(pki().root, name_of(CN="Weak CA"), Kind.AUTHORITY, key=rsa_key(1024))
    for holder in (short, issue(weak, name_of(CN="A", T="Phó"))):
        content = sign_pdf(plain_pdf(), holder, SIGNED)
        assert Reason.ALGORITHM_WEAK == only(verify_pdf(content, trust(), AT)).reasons[0]


# Timestamps that prove nothing


def test_a_timestamp_of_an_authority_that_is_not_trusted_does_not_count() -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(hierarchy().stamper, SIGNED))
    signature = only(verify_pdf(content, trust(), AT))
    assert (Reason.TIMESTAMP_NOT_PROVEN,) == signature.reasons
    assert (Verdict.VALID, False) == (signature.verdict, signature.timestamped)


def test_a_timestamp_by_a_revoked_weak_or_ordinary_certificate_does_not_count() -> None:
    ordinary = issue(pki().issuing, name_of(CN="A"), key=rsa_key())
    weak = issue(pki().issuing, name_of(CN="B"), Kind.TIMESTAMPER, key=rsa_key(1024))
    for stamper, known in (
        (weak, trust()),
        (pki().stamper, trust(SIGNED, {pki().stamper: SIGNED - DAY})),
        (ordinary, trust()),
    ):
        content = sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(stamper, SIGNED))
        assert (Reason.TIMESTAMP_NOT_PROVEN,) == only(verify_pdf(content, known, AT)).reasons


def test_a_timestamp_of_another_signature_does_not_count() -> None:
    (embedded,) = PdfFileReader(BytesIO(stamped())).embedded_signatures
    (token,) = tokens(embedded.signer_info)
    value = embedded.signer_info["signature"].native
    assert SIGNED == proven_time(token, imprint_of(value), trust(), AT)
    assert None is proven_time(token, imprint_of(value + b"x"), trust(), AT)


def test_a_timestamp_from_the_future_does_not_count() -> None:
    content = sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(pki().stamper, AT + DAY))
    assert Reason.TIMESTAMP_NOT_PROVEN in only(verify_pdf(content, trust(), AT)).reasons


# What is hostile or broken


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 /ByteRange",
        b"%PDF-1.7\nxref\n0 1\n/ByteRange\nstartxref\n9\n%%EOF",
        b"/ByteRange" + b"[" * 100_000,
    ],
    ids=["no-structure", "no-trailer", "nested"],
)
def test_a_broken_file_that_seems_signed_is_unreadable_and_not_invalid(content: bytes) -> None:
    signature = only(verify_pdf(content, trust(), AT))
    assert (Reason.UNREADABLE,) == signature.reasons
    assert Verdict.UNKNOWN == signature.verdict


def test_a_signature_that_is_cut_off_is_never_valid() -> None:
    for size in range(0, len(signed()), 997):
        assert Verdict.VALID not in verdicts(verify_pdf(signed()[:size], trust(), AT))


def test_a_broken_signature_leaves_the_others_as_they_are() -> None:
    both = sign_pdf(signed(), pki().agency, SIGNED, form=SECOND)
    place = both.rindex(b"/Contents <") + len(b"/Contents <")
    content = both[:place] + b"00" * 20 + both[place + 40 :]
    first, second = verify_pdf(content, trust(), AT)
    assert [Verdict.VALID, Verdict.UNKNOWN] == verdicts((first, second))
    assert (Reason.UNREADABLE,) == second.reasons


def test_a_file_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MAX_PDF_BYTES", len(signed()) - 1)
    assert (Reason.TOO_LARGE,) == only(verify_pdf(signed(), trust(), AT)).reasons
    assert () == verify_pdf(plain_pdf(), trust(), AT)


def test_more_places_for_signatures_than_anybody_needs_are_too_many() -> None:
    content = plain_pdf()
    for number in range(verify.MAX_SIGNATURES + 1):
        content = with_empty_field(content, f"Signature{number}")
    assert (Reason.TOO_LARGE,) == only(verify_pdf(content, trust(), AT)).reasons


def test_a_maze_of_certificates_is_not_searched() -> None:
    maze = issue(None, name_of(CN="Maze"), Kind.AUTHORITY)
    others = [maze := issue(maze, name_of(CN="Maze"), Kind.AUTHORITY) for _ in range(60)]
    leaf = x509.Certificate.load(issue(maze, name_of(CN="A")).der)
    known = replace(trust(), intermediates=tuple(each.der for each in others))
    assert (Chain.UNTRUSTED, ()) == chain_of(leaf, known, SIGNED, may_sign)


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("went online")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    content = sign_pdf_offline()
    assert (Reason.REVOCATION_UNKNOWN,) == only(
        verify_pdf(content, replace(trust(), crls=()), AT)
    ).reasons


def sign_pdf_offline() -> bytes:
    """Return a file whose certificates name places to ask; it was signed before."""
    reader = PdfFileReader(BytesIO(signed()))
    (embedded,) = reader.embedded_signatures
    assert embedded.signer_cert.crl_distribution_points
    assert embedded.signer_cert.ocsp_urls
    return signed()


def test_nothing_of_a_file_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        verify_pdf(with_page_changed(signed()), trust(), AT)
    assert [] == [each for each in caplog.records if each.name.startswith("pyhanko")]


def test_what_was_found_can_be_sent_to_another_process() -> None:
    signatures = verify_pdf(stamped(), trust(), AT)
    assert signatures == pickle.loads(pickle.dumps(signatures))
    assert trust().roots == pickle.loads(pickle.dumps(trust())).roots
