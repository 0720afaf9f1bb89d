"""`hoatoc key` as a person runs it, against a real database."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding

from hoatoc.domain.access import Caller, Doubt, Role, Unauthenticated
from hoatoc.domain.credential import ApiKey, Certificate, Pair, Presented
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Certainty, Organ
from hoatoc.postgres.keyring import Keyring
from hoatoc.postgres.registry import RegistryCache, RegistryTables
from hoatoc.seal import Seal
from hoatoc.testing.certificate import issue, name_of

Hoatoc = Callable[..., Any]
Shows = Callable[[Presented], Any]
H16 = OrganCode("H16")


@pytest_asyncio.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    organ = Organ(H16, "000.00.00.H16", "Tỉnh H16", "", "", Certainty.MEMORY)
    await RegistryTables(opened).add_organs([organ])
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def hoatoc(connection: asyncpg.Connection, database_dsn: str, tmp_path: Path) -> Hoatoc:
    """Run a command; return what it printed, as JSON if it was asked for."""
    settings = {
        "HOATOC_POSTGRES_DSN": database_dsn,
        "HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "HOATOC_DATA": str(tmp_path),
    }

    def call(*words: str | Path, status: int = 0, stdin: str = "") -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "hoatoc", "key", *map(str, words)],
            env=os.environ | settings,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, done.stdout + done.stderr
        if "--json" in words:
            return json.loads(done.stdout)
        return done.stdout + done.stderr

    return call


@pytest.fixture
def shows(connection: asyncpg.Connection, tmp_path: Path) -> Shows:
    """Show a credential at a door; return the caller, or why it is not known."""
    seal = Seal(tmp_path / "credential-key")
    keyring = Keyring(seal, RegistryCache(), lambda: date(2026, 11, 25))

    async def show(presented: Presented) -> Caller | Doubt:
        try:
            return (await keyring.authenticate(connection, presented))[0]
        except Unauthenticated as refused:
            return refused.doubt

    return show


async def test_a_key_is_issued_rotated_revoked_and_audited(hoatoc: Hoatoc, shows: Shows) -> None:
    first = hoatoc("issue", "000.00.00.H16", "--label", "eOffice", "--by", "An", "--json")
    old = ApiKey.of(first["secret"])
    caller = await shows(old)
    assert (H16, {Role.SENDER, Role.RECIPIENT}) == (caller.organ, caller.roles)

    said = hoatoc("rotate", first["credential_id"], "--overlap-days", "3", "--by", "An")
    assert "khóa cũ" in said
    assert "chỉ hiện một lần" in said
    (secret,) = [line.split()[1] for line in said.splitlines() if line.startswith("secret: ")]
    new = ApiKey.of(secret)
    assert [H16, H16] == [(await shows(each)).organ for each in (old, new)]

    hoatoc("revoke", first["credential_id"], "--reason", "lộ khóa", "--by", "Bình")
    assert Doubt.REVOKED == await shows(old)
    assert H16 == (await shows(new)).organ
    (left,) = hoatoc("list", "H16", "--json")
    assert (new.credential_id, "eOffice") == (left["credential_id"], left["label"])
    listed = hoatoc("list", "--all")
    for text in ("revoked", "thu hồi", "khóa API", "sender", old.credential_id):
        assert text in listed
    assert new.secret not in listed
    rows = hoatoc("audit", "--organ", "H16", "--json")
    assert [("Bình", "key-revoke"), ("An", "key-rotate"), ("An", "key-issue")] == [
        (row["who"], row["action"]) for row in rows
    ]
    assert "đã làm · done" in hoatoc("audit", "--who", "Bình")


async def test_the_secret_of_a_software_that_is_there_already_is_taken_over(
    hoatoc: Hoatoc, shows: Shows, tmp_path: Path
) -> None:
    brought = "mat-khau-cu-cua-phan-mem"
    words = ("issue", "H16", "--system-id", "H16.axis", "--role", "recipient")
    made = hoatoc(*words, "--secret-stdin", "--json", stdin=brought + "\n")
    assert ("H16.axis", "hmac-pair") == (made["system_id"], made["kind"])
    caller = await shows(Pair.showing("H16.axis", brought))
    assert {Role.RECIPIENT} == caller.roles
    assert 0o600 == (tmp_path / "credential-key").stat().st_mode & 0o777
    assert "systemid H16.axis: đã thuộc" in hoatoc(*words, status=4)


async def test_a_certificate_is_taken_from_its_file_and_ends_with_it(
    hoatoc: Hoatoc, shows: Shows, tmp_path: Path
) -> None:
    held = issue(None, name_of(CN="test H16"))
    pem = tmp_path / "client.pem"
    pem.write_bytes(held.certificate.public_bytes(Encoding.PEM))
    hoatoc("issue", "H16", "--certificate", pem)
    assert H16 == (await shows(Certificate.of(held.der))).organ
    (row,) = hoatoc("list", "--json")
    assert held.certificate.not_valid_after_utc.isoformat() == row["valid_until"]
    no_certificate = tmp_path / "none.pem"
    no_certificate.write_text("none")
    assert "X.509" in hoatoc("issue", "H16", "--certificate", no_certificate, status=4)


def test_the_last_day_of_a_key_is_a_day_in_vietnam(hoatoc: Hoatoc) -> None:
    hoatoc("issue", "H16", "--until", "31/12/2099")
    (row,) = hoatoc("list", "--json")
    assert "2099-12-31T17:00:00+00:00" == row["valid_until"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("issue", "H99"), 4, "H99"),
        (("issue", "H16", "--role", "king"), 2, "king"),
        (("issue", "H16", "--secret-stdin"), 4, "--system-id"),
        (("issue", "H16", "--system-id", "Đ"), 4, "systemid"),
        (("rotate", "0" * 16), 4, "hoatoc key list --all"),
        (("revoke", "0" * 16), 2, "--reason"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_told_with_its_remedy(
    hoatoc: Hoatoc, words: tuple[str, ...], status: int, said: str
) -> None:
    assert said in hoatoc(*words, status=status)
