"""What is shown at a door is brought into its form, or refused as malformed."""

import hmac
import string
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.access import Doubt, Unauthenticated
from hoatoc.domain.credential import (
    ApiKey,
    Certificate,
    Pair,
    is_secret,
    is_system_id,
)

ID, SECRET = "0123456789abcdef", "A" * 42 + "_"
KEY = f"hoatoc_{ID}_{SECRET}"


def doubt(show: object, *args: object) -> Doubt:
    assert callable(show)
    with pytest.raises(Unauthenticated) as refused:
        show(*args)
    return refused.value.doubt


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f" Bearer   {KEY}\t"])
def test_a_key_is_read_from_its_header(header: str) -> None:
    assert ApiKey(ID, SECRET) == ApiKey.of_header(header)


def test_a_key_is_written_as_it_is_read() -> None:
    assert KEY == str(ApiKey.of(KEY))


def test_a_log_shows_a_key_without_its_secret() -> None:
    assert SECRET not in repr(ApiKey.of(KEY))


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_a_credential_that_is_missing(header: str | None) -> None:
    assert Doubt.MISSING == doubt(ApiKey.of_header, header)


@pytest.mark.parametrize(
    "header",
    [
        "Basic aDpo",
        "Bearer",
        f"Bearer {KEY}x",
        f"Bearer {KEY}\x00",
        f"Bearer {KEY}\n",
        f"Bearer {KEY}, Bearer {KEY}",
        f"Bearer hoatoc_{ID.upper()}_{SECRET}",
        f"Bearer hoatoc_{ID}_{'é' * 43}",
        "Bearer " + "x" * 1_000_000,
        "Bearer " + KEY + " " * 1_000_000,
        "\ud800",
        "Bearer hoatoc_٠١٢٣٤٥٦٧٨٩abcdef_" + SECRET,
    ],
    ids=range(12),
)
def test_what_has_not_the_form_of_a_key_is_malformed(header: str) -> None:
    assert Doubt.MALFORMED == doubt(ApiKey.of_header, header)


@given(st.text())
def test_any_text_is_a_key_or_a_named_refusal(text: str) -> None:
    try:
        ApiKey.of_header(text)
    except Unauthenticated as refused:
        refused.args[0].encode()


def test_a_signature_fits_the_secret_that_made_it_in_either_case() -> None:
    made = hmac.digest(b"secret", b"message", "sha256").hex()
    for given_ in (made, made.upper(), f" {made} "):
        pair = Pair.signing("H16", b"message", given_)
        assert [True, False] == [pair.fits(b"secret"), pair.fits(b"secret2")]
    assert not Pair.signing("H16", b"message2", made).fits(b"secret")


def test_a_secret_that_is_shown_fits_itself_alone() -> None:
    pair = Pair.showing("H16", "sécret")
    assert [True, False] == [pair.fits("sécret".encode()), pair.fits(b"secret")]


@pytest.mark.parametrize("text", ["é" * 64, "\x00", "\ud800", "0" * 63])
def test_a_signature_that_is_none_fits_nothing(text: str) -> None:
    assert not Pair.signing("H16", b"message", text).fits(b"secret")
    assert not Pair.showing("H16", text).fits(b"secret")


@pytest.mark.parametrize("system_id", ["H\x0016", "H16\n", "H 16", "H" * 65, "Đ16", "H", "\ud800x"])
def test_a_system_id_that_cannot_be_one_is_malformed(system_id: str) -> None:
    assert Doubt.MALFORMED == doubt(Pair.showing, system_id, "secret")
    assert Doubt.MALFORMED == doubt(Pair.signing, system_id, b"", "secret")


def test_what_is_missing_of_a_pair_is_told() -> None:
    assert Doubt.MISSING == doubt(Pair.showing, "", "secret")
    assert Doubt.MISSING == doubt(Pair.showing, "H16", "")
    assert Doubt.MALFORMED == doubt(Pair.showing, "H16", "x" * 513)


@pytest.mark.parametrize("system_id", ["H16", "VN:GOV:000.00.00.G22:vpcpdvcprovider"])
def test_the_system_ids_of_the_axis_are_ones(system_id: str) -> None:
    assert is_system_id(system_id)


@pytest.mark.parametrize(
    ("secret", "usable"),
    [("x" * 16, True), ("x" * 512, True), ("x" * 15, False), ("x" * 513, False)]
    + [("x" * 16 + letter, False) for letter in " \x00\né"],
)
def test_a_secret_brought_along_is_long_enough_and_visible(secret: str, usable: bool) -> None:
    assert usable == is_secret(secret)


def test_a_certificate_is_known_by_its_fingerprint_however_it_is_written() -> None:
    digest = sha256(b"der")
    pairs = ":".join(digest.hexdigest().upper()[n : n + 2] for n in range(0, 64, 2))
    expected = [Certificate(digest.digest())] * 3
    assert expected == [
        Certificate.of(b"der"),
        Certificate.of_fingerprint(digest.hexdigest()),
        Certificate.of_fingerprint(pairs),
    ]


@given(st.text(string.hexdigits + ":\x00", max_size=200))
def test_any_text_is_a_fingerprint_or_malformed(text: str) -> None:
    try:
        read = Certificate.of_fingerprint(text)
    except Unauthenticated:
        return
    assert text.replace(":", "").lower() == read.sha256.hex()
