"""Secrets that must be read back are kept closed under a key file."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hoatoc.seal import Seal, SealBroken, SealKeyInvalid

CREDENTIAL, SECRET = "0123456789abcdef", b"secret"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "credential-key"


def test_what_is_closed_opens_for_the_same_credential(file: Path) -> None:
    sealed = Seal(file).close(CREDENTIAL, SECRET)
    assert SECRET not in sealed
    assert SECRET == Seal(file).open(CREDENTIAL, sealed)


def test_what_is_closed_for_one_credential_opens_for_no_other(file: Path) -> None:
    seal = Seal(file)
    sealed = seal.close(CREDENTIAL, SECRET)
    with pytest.raises(SealBroken, match="fedcba9876543210"):
        seal.open("fedcba9876543210", sealed)


def test_the_key_is_made_for_its_owner_alone(file: Path) -> None:
    Seal(file).close(CREDENTIAL, SECRET)
    assert 0o600 == file.stat().st_mode & 0o777
    assert [file] == list(file.parent.iterdir())


def test_a_key_that_another_made_meanwhile_is_used(file: Path) -> None:
    first, second = Seal(file), Seal(file)
    sealed = [seal.close(CREDENTIAL, SECRET) for seal in (first, second)]
    assert [SECRET] * 2 == [Seal(file).open(CREDENTIAL, each) for each in sealed]


def test_what_was_altered_opens_not(file: Path) -> None:
    seal = Seal(file)
    sealed = seal.close(CREDENTIAL, SECRET)
    with pytest.raises(SealBroken, match="hoatoc key rotate"):
        seal.open(CREDENTIAL, sealed[:-4] + b"AAA=")


def test_opening_makes_no_key(file: Path) -> None:
    with pytest.raises(SealKeyInvalid, match="Restore the file"):
        Seal(file).open(CREDENTIAL, b"sealed")
    assert not file.exists()


@pytest.mark.parametrize("held", [b"", b"no key\n", b"\xff"])
def test_a_file_without_a_key_is_refused(file: Path, held: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(held)
    with pytest.raises(SealKeyInvalid, match="credential-key"):
        Seal(file).close(CREDENTIAL, SECRET)


def test_a_new_key_above_closes_and_the_old_one_still_opens(file: Path) -> None:
    running = Seal(file)
    old = running.close(CREDENTIAL, SECRET)
    below = file.read_bytes()
    above = Fernet.generate_key()
    file.write_bytes(above + b"\n" + below)
    new = Seal(file).close(CREDENTIAL, SECRET)
    assert [SECRET] * 2 == [running.open(CREDENTIAL, sealed) for sealed in (old, new)]
    file.write_bytes(above + b"\n")
    assert SECRET == Seal(file).open(CREDENTIAL, new)
