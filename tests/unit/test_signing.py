"""Signatures of webhooks."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hoatoc.signing import SigningKeyInvalid, public_key, sign, signing_key, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = '{"số":"807"}'.encode()


def test_what_was_signed_is_verified_by_the_public_key_alone() -> None:
    assert verify(public_key(KEY), sign(KEY, "msg_1", 1_760_000_000, BODY), BODY)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_another_id_or_time_is_not_what_was_signed(name: str) -> None:
    headers = sign(KEY, "msg_1", 1_760_000_000, BODY) | {name: "1"}
    assert not verify(public_key(KEY), headers, BODY)


def test_another_body_or_another_key_is_not_what_was_signed() -> None:
    headers = sign(KEY, "msg_1", 1_760_000_000, BODY)
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert not verify(public_key(KEY), headers, BODY + b" ")
    assert not verify(public_key(other), headers, BODY)


def test_the_signature_is_over_id_time_and_body_as_standard_webhooks_has_it() -> None:
    headers = sign(KEY, "msg_1", 1_760_000_000, BODY)
    scheme, signature = headers["webhook-signature"].split(",")
    assert "v1a" == scheme
    KEY.public_key().verify(base64.b64decode(signature), b"msg_1.1760000000." + BODY)


def test_a_public_key_is_written_as_receivers_configure_it() -> None:
    text = public_key(KEY)
    assert "whpk_" == text[:5]
    assert KEY.public_key().public_bytes_raw() == base64.b64decode(text[5:])


def test_a_missing_key_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "webhook.pem"
    made = signing_key(file)
    assert 0o600 == file.stat().st_mode & 0o777
    assert public_key(made) == public_key(signing_key(file))
    assert [file] == list(file.parent.iterdir())


def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "webhook.pem"
    file.write_text("chìa khóa")
    with pytest.raises(SigningKeyInvalid, match="not a private key in PEM"):
        signing_key(file)
    assert "chìa khóa" == file.read_text()


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "webhook.pem"
    other = generate_private_key(SECP256R1())
    file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningKeyInvalid, match="expected an Ed25519 key"):
        signing_key(file)
