"""What a signature is worth: verdicts, reasons and legal value, by evidence alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.signature import (
    Algorithm,
    Chain,
    Claim,
    Evidence,
    LegalValue,
    Revocation,
    Role,
    Signature,
    Subject,
    compare,
    folded,
    judge,
    legal_value,
    role_of,
    unverified,
)
from hoatoc.domain.signature_reason import EXPLANATIONS, Reason, Verdict, ordered, verdict_of

SIGNED = datetime(2026, 1, 15, 3, tzinfo=UTC)
AT = SIGNED + timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = 365 * DAY
RSA_SHA256 = Algorithm(digest="sha256", key="rsa", bits=2048)
PERSON = Subject(
    common_name="Nguyễn Văn A",
    organisation="Văn phòng Chính phủ",
    personal_names=("Phó Chủ nhiệm",),
)
AGENCY = Subject(common_name="Văn phòng Chính phủ", organisation="Văn phòng Chính phủ")
GOOD = Evidence(
    subject=PERSON,
    algorithms=(RSA_SHA256,),
    unchanged=True,
    claimed_at=SIGNED,
    chain=Chain.TRUSTED,
    not_before=SIGNED - YEAR,
    not_after=SIGNED + YEAR,
    revocation=Revocation.GOOD,
)
CLAIM = Claim(
    codes=("G22", "000.00.00.G22"),
    names=("Văn phòng Chính phủ",),
    signer="Nguyễn Văn A",
    promulgated=date(2026, 1, 15),
)
BY_PERSON = compare(judge(GOOD, AT), CLAIM)
BY_AGENCY = compare(judge(replace(GOOD, subject=AGENCY), AT), CLAIM)


def test_a_signature_with_nothing_against_it_is_valid() -> None:
    signature = judge(GOOD, AT)
    assert Verdict.VALID == signature.verdict
    assert () == signature.reasons
    assert (True, True, True) == (signature.intact, signature.trusted, signature.in_validity)
    assert (Role.PERSON, SIGNED) == (signature.role, signature.signed_at)


@pytest.mark.parametrize(
    ("evidence", "reason", "verdict"),
    [
        (replace(GOOD, unchanged=False), Reason.CONTENT_CHANGED, Verdict.INVALID),
        (replace(GOOD, changed_after=True), Reason.CHANGED_AFTER, Verdict.INVALID),
        (replace(GOOD, covers_all=False), Reason.COVERS_PART, Verdict.INVALID),
        (replace(GOOD, chain=Chain.UNTRUSTED), Reason.ROOT_UNTRUSTED, Verdict.INVALID),
        (replace(GOOD, chain=Chain.UNFIT), Reason.CERTIFICATE_UNFIT, Verdict.INVALID),
        (replace(GOOD, chain=Chain.NO_ROOTS), Reason.NO_ROOTS, Verdict.UNKNOWN),
        (replace(GOOD, chain=Chain.ISSUER_MISSING), Reason.ISSUER_MISSING, Verdict.UNKNOWN),
        (
            replace(GOOD, revocation=Revocation.UNKNOWN),
            Reason.REVOCATION_UNKNOWN,
            Verdict.UNKNOWN,
        ),
        (replace(GOOD, timestamp_failed=True), Reason.TIMESTAMP_NOT_PROVEN, Verdict.VALID),
    ],
)
def test_each_fault_gives_its_reason_and_verdict(
    evidence: Evidence, reason: Reason, verdict: Verdict
) -> None:
    signature = judge(evidence, AT)
    assert (reason,) == signature.reasons
    assert verdict == signature.verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_the_first_reason_decides_whatever_follows(verdict: Verdict) -> None:
    first = next((each for each in Reason if EXPLANATIONS[each].verdict is verdict), None)
    following = list(Reason)[list(Reason).index(first) + 1 :] if first else []
    assert verdict == verdict_of((first, *following) if first else ())


def test_no_reason_of_a_weaker_verdict_stands_before_one_of_a_stronger() -> None:
    weight = [Verdict.ABSENT, Verdict.INVALID, Verdict.UNKNOWN, None]
    weights = [weight.index(EXPLANATIONS[reason].verdict) for reason in Reason]
    assert sorted(weights) == weights


def test_every_reason_is_explained_in_both_languages_with_its_source() -> None:
    assert set(Reason) == set(EXPLANATIONS)
    for explanation in EXPLANATIONS.values():
        assert all((explanation.text_vi, explanation.text_en, explanation.article))


@given(st.lists(st.sampled_from(Reason)))
def test_reasons_are_ordered_and_never_repeated(reasons: list[Reason]) -> None:
    assert ordered(reasons) == ordered((*reversed(reasons), *reasons))
    assert set(reasons) == set(ordered(reasons))


# Certificates and time


def test_a_certificate_that_had_expired_at_signing_makes_it_invalid() -> None:
    signature = judge(replace(GOOD, not_after=SIGNED - DAY), AT)
    assert Reason.NOT_IN_VALIDITY == signature.reasons[0]
    assert Verdict.INVALID == signature.verdict


def test_a_certificate_that_was_not_yet_valid_at_signing_makes_it_invalid() -> None:
    assert Reason.NOT_IN_VALIDITY in judge(replace(GOOD, not_before=SIGNED + DAY), AT).reasons


def test_an_expired_certificate_is_no_fault_of_a_signature_that_was_timestamped_before() -> None:
    evidence = replace(GOOD, not_after=SIGNED + DAY, timestamp_at=SIGNED)
    assert Verdict.VALID == judge(evidence, SIGNED + YEAR).verdict


def test_without_a_timestamp_an_expired_certificate_leaves_the_signature_unknown() -> None:
    signature = judge(replace(GOOD, not_after=SIGNED + DAY), SIGNED + YEAR)
    assert (Reason.TIME_NOT_PROVEN,) == signature.reasons
    assert (Verdict.UNKNOWN, True) == (signature.verdict, signature.in_validity)


def test_a_claim_to_have_signed_in_the_future_is_not_believed() -> None:
    evidence = replace(
        GOOD, claimed_at=AT + 10 * YEAR, not_before=AT + YEAR, not_after=AT + 20 * YEAR
    )
    assert Reason.NOT_IN_VALIDITY in judge(evidence, AT).reasons


REVOKED = replace(GOOD, revocation=Revocation.REVOKED, revoked_at=SIGNED + DAY)


def test_a_revocation_before_the_signing_makes_it_invalid() -> None:
    signature = judge(replace(REVOKED, revoked_at=SIGNED - DAY), AT)
    assert (Reason.REVOKED,) == signature.reasons


def test_without_a_timestamp_a_later_revocation_leaves_the_signature_unknown() -> None:
    signature = judge(REVOKED, SIGNED + 2 * DAY)
    assert (Reason.TIME_NOT_PROVEN,) == signature.reasons
    assert (Verdict.UNKNOWN, Revocation.REVOKED) == (signature.verdict, signature.revocation)


def test_a_revocation_counts_if_no_time_of_signing_is_claimed_or_a_timestamp_says_later() -> None:
    for evidence in (
        replace(REVOKED, claimed_at=None),
        replace(REVOKED, timestamp_at=SIGNED + 2 * DAY),
    ):
        assert (Reason.REVOKED,) == judge(evidence, SIGNED + 3 * DAY).reasons


# Algorithms (TT 15/2025/TT-BKHCN)


@pytest.mark.parametrize(
    ("digest", "key", "bits", "reasons"),
    [
        ("sha256", "rsa", 2048, ()),
        ("sha3_512", "ec", 256, ()),
        ("sha512_256", "rsa", 4096, ()),
        ("sha1", "rsa", 2048, (Reason.ALGORITHM_WEAK,)),
        ("md5", "rsa", 2048, (Reason.ALGORITHM_WEAK,)),
        ("sha256", "rsa", 2047, (Reason.ALGORITHM_WEAK,)),
        ("sha256", "ec", 224, (Reason.ALGORITHM_WEAK,)),
        ("sha512", "ed25519", 256, (Reason.ALGORITHM_UNKNOWN,)),
        ("blake2b", "rsa", 2048, (Reason.ALGORITHM_UNKNOWN,)),
        ("sha256", "dsa", 3072, (Reason.ALGORITHM_UNKNOWN,)),
    ],
)
def test_an_algorithm_is_good_weak_or_in_no_list(
    digest: str, key: str, bits: int, reasons: tuple[Reason, ...]
) -> None:
    algorithm = Algorithm(digest=digest, key=key, bits=bits)
    assert reasons == judge(replace(GOOD, algorithms=(algorithm,)), AT).reasons


def test_a_weak_algorithm_anywhere_in_the_chain_counts() -> None:
    weak = Algorithm(digest="sha1", key="rsa", bits=2048)
    assert Verdict.INVALID == judge(replace(GOOD, algorithms=(RSA_SHA256, weak)), AT).verdict


# Whose signature it is


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (PERSON, Role.PERSON),
        (AGENCY, Role.AGENCY),
        (Subject(common_name="A", identifiers=("CCCD:001",)), Role.PERSON),
        (Subject(common_name="A", identifiers=("IDCVN-001",)), Role.PERSON),
        (Subject(common_name="A", identifiers=("MST:0100",)), Role.AGENCY),
        (Subject(common_name="A", organisation_identifier="GOVVN-G22"), Role.AGENCY),
        (Subject(common_name="A", organisation="B"), Role.UNKNOWN),
        (Subject(common_name="A", organisation=""), Role.UNKNOWN),
        (replace(PERSON, organisation_identifier="GOVVN-G22"), Role.UNKNOWN),
    ],
)
def test_the_role_is_told_by_marks_in_the_certificate(subject: Subject, role: Role) -> None:
    assert role == role_of(subject)
    assert (role is Role.UNKNOWN) == (
        Reason.ROLE_UNKNOWN in judge(replace(GOOD, subject=subject), AT).reasons
    )


UNMARKED = Subject(common_name="Nguyễn Văn A", organisation="VĂN PHÒNG CHÍNH PHỦ")


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (UNMARKED, Role.PERSON),
        (replace(UNMARKED, common_name="Văn phòng Chính Phủ", organisation="X"), Role.AGENCY),
        (replace(UNMARKED, common_name="Trần Thị B"), Role.UNKNOWN),
    ],
)
def test_what_the_packet_says_settles_a_role_left_open(subject: Subject, role: Role) -> None:
    signature = compare(judge(replace(GOOD, subject=subject), AT), CLAIM)
    assert role == signature.role
    assert (role is Role.UNKNOWN) == (Reason.ROLE_UNKNOWN in signature.reasons)


def test_a_signature_of_the_sender_is_told_by_name_or_by_code() -> None:
    by_code = replace(
        AGENCY, common_name="x", organisation="y", organisation_identifier="GOVVN-G22"
    )
    by_unit = replace(PERSON, organisation="Chính phủ", units=("văn phòng  chính phủ",))
    for subject in (PERSON, AGENCY, by_code, by_unit):
        signature = compare(judge(replace(GOOD, subject=subject), AT), CLAIM)
        assert (True, ()) == (signature.of_sender, signature.reasons)


def test_a_signature_of_another_organisation_is_named_and_stays_valid() -> None:
    signature = compare(
        judge(replace(GOOD, subject=replace(PERSON, organisation="Bộ Y tế")), AT), CLAIM
    )
    assert (False, Verdict.VALID) == (signature.of_sender, signature.verdict)
    assert (Reason.ORGANISATION_DIFFERS,) == signature.reasons


def test_without_names_to_compare_the_organisation_is_unknown_and_not_different() -> None:
    nameless = judge(replace(GOOD, subject=replace(PERSON, organisation="")), AT)
    for signature in (
        compare(nameless, CLAIM),
        compare(judge(GOOD, AT), replace(CLAIM, names=())),
    ):
        assert (None, (Reason.ORGANISATION_UNKNOWN,)) == (signature.of_sender, signature.reasons)


def test_a_persons_own_name_is_never_taken_for_the_agencys() -> None:
    impostor = replace(PERSON, common_name="Văn phòng Chính phủ", organisation="Bộ Y tế")
    assert False is compare(judge(replace(GOOD, subject=impostor), AT), CLAIM).of_sender


def test_the_day_of_signing_is_that_of_viet_nam() -> None:
    late = datetime(2026, 1, 15, 16, 59, tzinfo=UTC)
    for signed_at, after in ((late, False), (late + timedelta(minutes=1), True)):
        signature = compare(judge(replace(GOOD, claimed_at=signed_at), AT + DAY), CLAIM)
        assert after == (Reason.SIGNED_AFTER_PROMULGATION in signature.reasons)
        assert Verdict.VALID == signature.verdict


def test_comparing_twice_says_the_same() -> None:
    for signature in (BY_PERSON, BY_AGENCY, unverified(Reason.EMPTY)):
        assert signature == compare(signature, CLAIM)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Uỷ ban nhân dân tỉnh Hoà Bình", "UBND TỈNH HÒA BÌNH"),
        ("Đắk Nông", "\u00d0ắk Nông"),
        ("Ủy ban nhân dân", "U\u0309y ban nhân dân"),
    ],
)
def test_names_are_the_same_however_they_are_typed(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_names_that_differ_by_a_tone_are_different() -> None:
    assert folded("Tân Lập") != folded("Tân Lạp")


# Legal value (NĐ 30/2020, Điều 5.1; QĐ 28/2018, Điều 4)

UNKNOWN = replace(BY_AGENCY, verdict=Verdict.UNKNOWN, reasons=(Reason.REVOCATION_UNKNOWN,))
INVALID = replace(BY_AGENCY, verdict=Verdict.INVALID, reasons=(Reason.REVOKED,))


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ([], LegalValue.REFERENCE_ONLY),
        ([[]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, BY_AGENCY]], LegalValue.ORIGINAL),
        ([[BY_AGENCY]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, BY_AGENCY], [BY_AGENCY]], LegalValue.ORIGINAL),
        ([[BY_PERSON, BY_AGENCY], [BY_PERSON]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, BY_AGENCY], []], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, UNKNOWN]], LegalValue.UNKNOWN),
        ([[BY_PERSON, INVALID]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, UNKNOWN, BY_AGENCY]], LegalValue.ORIGINAL),
        ([[BY_PERSON, UNKNOWN], []], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, unverified(Reason.EMPTY)]], LegalValue.REFERENCE_ONLY),
        ([[unverified(Reason.UNREADABLE)]], LegalValue.REFERENCE_ONLY),
        ([[BY_PERSON, unverified(Reason.UNREADABLE)]], LegalValue.UNKNOWN),
        ([[judge(GOOD, AT), BY_AGENCY]], LegalValue.UNKNOWN),
        ([[BY_PERSON, replace(BY_AGENCY, of_sender=False)]], LegalValue.REFERENCE_ONLY),
    ],
)
def test_the_legal_value_follows_from_the_signatures_of_every_file(
    files: list[list[Signature]], value: LegalValue
) -> None:
    assert value == legal_value(files)


def test_the_document_need_not_be_the_first_file() -> None:
    files = [[BY_AGENCY], [BY_PERSON, BY_AGENCY]]
    assert LegalValue.ORIGINAL == legal_value(files, document=1)
    assert LegalValue.REFERENCE_ONLY == legal_value(files)


@given(
    st.sampled_from(
        [
            replace(BY_PERSON, verdict=verdict, role=role, of_sender=of_sender)
            for verdict, role, of_sender in product(Verdict, Role, (True, False, None))
        ]
    )
)
def test_one_signature_is_never_two(signature: Signature) -> None:
    assert LegalValue.REFERENCE_ONLY == legal_value([[signature]])


def test_every_reason_is_on_the_page_under_its_verdict() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parts" / "signature.md").read_text("utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    told = {reason: row for row in rows for reason in Reason if f"`{reason}`" in row}
    assert set(Reason) == set(told)
    for reason, row in told.items():
        assert f"| {EXPLANATIONS[reason].verdict or 'nothing'}" in row
