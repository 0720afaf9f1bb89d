"""Credentials in PostgreSQL: issued, rotated, revoked, shown at a door."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hoatoc.domain.access import Caller, Doubt, Role, Unauthenticated
from hoatoc.domain.credential import ApiKey, Certificate, Kind, Pair
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Certainty, Organ, OrganUnknown
from hoatoc.postgres.credential import (
    CredentialOver,
    CredentialTables,
    CredentialUnknown,
    Issued,
    MeansInvalid,
    MeansTaken,
    NewKey,
    NewPair,
    Rotation,
    Terms,
)
from hoatoc.postgres.keyring import Keyring
from hoatoc.postgres.registry import RegistryCache, RegistryTables
from hoatoc.seal import Seal, SealBroken, SealKeyInvalid

H16, SUB, HUBBED, H17 = map(OrganCode, ("H16", "H16.05", "H18", "H17"))
DAY = date(2026, 11, 25)
WEEK = timedelta(days=7)
WHO = "an"
DER, OTHER_DER = b"certificate", b"another certificate"


def organ(code: str, **fields: Any) -> Organ:
    return Organ(OrganCode(code), "", code, "", "", Certainty.MEMORY, **fields)


def terms(of: OrganCode = H16, *roles: Role, **fields: Any) -> Terms:
    return Terms(organ=of, roles=frozenset(roles or {Role.SENDER}), by=WHO, **fields)


def rotation(overlap: timedelta = WEEK, **fields: Any) -> Rotation:
    return Rotation(by=WHO, overlap=overlap, **fields)


@pytest_asyncio.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    organs = (organ(H16), organ(SUB, parent=H16), organ(HUBBED, hub=H16), organ(H17))
    await RegistryTables(opened).add_organs(organs)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    return Seal(tmp_path / "credential-key")


@pytest.fixture
def tables(connection: asyncpg.Connection, seal: Seal) -> CredentialTables:
    return CredentialTables(connection, seal)


class Gate:
    """A door that asks who shows something."""

    def __init__(self, connection: asyncpg.Connection, seal: Seal) -> None:
        self.connection, self.today = connection, DAY
        self._keyring = Keyring(seal, RegistryCache(), lambda: self.today)

    async def caller(self, shown: ApiKey | Pair | Certificate) -> Caller:
        return (await self._keyring.authenticate(self.connection, shown))[0]

    async def doubt(self, shown: ApiKey | Pair | Certificate) -> Doubt:
        with pytest.raises(Unauthenticated) as refused:
            await self.caller(shown)
        return refused.value.doubt

    async def key(self, issued: Issued) -> Caller:
        return await self.caller(ApiKey.of(issued.secret))

    async def pair(self, issued: Issued) -> Caller:
        return await self.caller(Pair.showing(issued.system_id, issued.secret))


@pytest.fixture
def gate(connection: asyncpg.Connection, seal: Seal) -> Gate:
    return Gate(connection, seal)


async def _end(connection: asyncpg.Connection, issued: Issued) -> None:
    await connection.execute(
        "UPDATE credential SET valid_until = now() WHERE credential_id = $1", issued.credential_id
    )


async def test_a_key_tells_the_organ_its_roles_and_its_scope(
    tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(H16, Role.SENDER, Role.AUDITOR), NewKey())
    expected = Caller(
        credential=issued.credential_id,
        organ=H16,
        roles=frozenset({Role.SENDER, Role.AUDITOR}),
        scope=frozenset({H16, SUB, HUBBED}),
    )
    assert expected == await gate.key(issued)


async def test_nothing_that_is_kept_is_a_secret(
    connection: asyncpg.Connection, tables: CredentialTables
) -> None:
    key = await tables.issue(terms(), NewKey())
    pair = await tables.issue(terms(), NewPair("H16"))
    kept = str(await connection.fetch("SELECT c.*, a.* FROM credential c, access_audit a"))
    assert ApiKey.of(key.secret).secret not in kept
    assert pair.secret not in kept
    assert key.secret not in repr(key)


async def test_a_wrong_secret_and_an_unknown_key_are_told_alike(
    tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(), NewKey())
    wrong = ApiKey(issued.credential_id, "A" * 43)
    unknown = ApiKey("0" * 16, ApiKey.of(issued.secret).secret)
    assert [Doubt.WRONG] * 2 == [await gate.doubt(shown) for shown in (wrong, unknown)]


async def test_a_secret_is_compared_in_constant_time_whether_there_is_one_or_not(
    tables: CredentialTables, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []

    def compare(kept: bytes, given: bytes) -> bool:
        compared.append((len(kept), len(given)))
        return hmac.compare_digest(kept, given)

    monkeypatch.setattr("hoatoc.postgres.keyring.compare_digest", compare)
    monkeypatch.setattr("hoatoc.domain.credential.compare_digest", compare)
    issued = await tables.issue(terms(), NewKey())
    pair = await tables.issue(terms(), NewPair("H16"))
    for key in (ApiKey(issued.credential_id, "A" * 43), ApiKey("0" * 16, "A" * 43)):
        await gate.doubt(key)
    for system in (pair.system_id, "nobody"):
        await gate.doubt(Pair.showing(system, "wrong"))
        await gate.doubt(Pair.signing(system, b"message", "0" * 64))
    assert [(32, 32)] * 3 + [(64, 64), (32, 32), (64, 64)] == compared


async def test_two_keys_are_valid_at_once_while_one_is_rotated(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    old = await tables.issue(terms(label="eOffice"), NewKey())
    new = await tables.rotate(old.credential_id, rotation())
    assert [H16, H16] == [(await gate.key(each)).organ for each in (old, new)]
    assert new.old_valid_until is not None
    left = new.old_valid_until - datetime.now(UTC)
    assert abs(left - WEEK) < timedelta(minutes=5)
    await _end(connection, old)
    assert Doubt.EXPIRED == await gate.doubt(ApiKey.of(old.secret))
    assert H16 == (await gate.key(new)).organ
    rows = {r["credential_id"]: r for r in await tables.credentials(everything=True)}
    assert "eOffice" == rows[new.credential_id]["label"]
    assert new.credential_id == rows[old.credential_id]["replaced_by"]


async def test_never_more_than_two_are_valid_at_once(tables: CredentialTables, gate: Gate) -> None:
    first = await tables.issue(terms(), NewKey())
    second = await tables.rotate(first.credential_id, rotation())
    third = await tables.rotate(second.credential_id, rotation())
    assert Doubt.EXPIRED == await gate.doubt(ApiKey.of(first.secret))
    assert [H16, H16] == [(await gate.key(each)).organ for each in (second, third)]


async def test_without_an_overlap_the_old_key_is_over_at_once(
    tables: CredentialTables, gate: Gate
) -> None:
    old = await tables.issue(terms(), NewKey())
    new = await tables.rotate(old.credential_id, rotation(timedelta(0)))
    assert Doubt.EXPIRED == await gate.doubt(ApiKey.of(old.secret))
    assert H16 == (await gate.key(new)).organ


async def test_a_rotation_makes_no_credential_live_longer(tables: CredentialTables) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    old = await tables.issue(terms(valid_until=tomorrow), NewKey())
    assert tomorrow == (await tables.rotate(old.credential_id, rotation())).old_valid_until


async def test_a_revoked_key_is_worth_nothing_at_once_and_is_told_to_its_holder_only(
    tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(), NewKey())
    await gate.key(issued)
    await tables.revoke(issued.credential_id, "lộ khóa", WHO)
    assert Doubt.REVOKED == await gate.doubt(ApiKey.of(issued.secret))
    assert Doubt.WRONG == await gate.doubt(ApiKey(issued.credential_id, "A" * 43))


async def test_an_expired_key_is_told_as_expired(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(), NewKey())
    await _end(connection, issued)
    assert Doubt.EXPIRED == await gate.doubt(ApiKey.of(issued.secret))


async def test_what_is_over_is_not_rotated(
    connection: asyncpg.Connection, tables: CredentialTables
) -> None:
    expired, revoked, replaced = [await tables.issue(terms(), NewKey()) for _ in range(3)]
    await _end(connection, expired)
    await tables.revoke(revoked.credential_id, "-", WHO)
    new = await tables.rotate(replaced.credential_id, rotation())
    for issued, told in (
        (expired, "has expired"),
        (revoked, "was revoked"),
        (replaced, f"was replaced by {new.credential_id}"),
    ):
        with pytest.raises(CredentialOver, match=told):
            await tables.rotate(issued.credential_id, rotation())
    with pytest.raises(CredentialOver, match="was revoked already"):
        await tables.revoke(revoked.credential_id, "-", WHO)
    await tables.revoke(expired.credential_id, "-", WHO)


async def test_two_who_rotate_at_once_make_one_next_credential(
    database_dsn: str, tables: CredentialTables, seal: Seal
) -> None:
    issued = await tables.issue(terms(), NewKey())
    opened = [await asyncpg.connect(database_dsn) for _ in range(4)]
    try:
        done = await asyncio.gather(
            *(CredentialTables(c, seal).rotate(issued.credential_id, rotation()) for c in opened),
            return_exceptions=True,
        )
    finally:
        for each in opened:
            await each.close()
    kinds = sorted(type(each).__name__ for each in done)
    assert ["CredentialOver"] * 3 + ["Issued"] == kinds


async def test_a_pair_is_known_by_its_signature_or_its_secret(
    tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(), NewPair("VN:GOV:000.00.00.H16"))
    assert Kind.HMAC_PAIR == issued.kind
    signature = hmac.digest(issued.secret.encode(), b"headers", "sha256").hex()
    callers = [
        await gate.caller(Pair.signing(issued.system_id, b"headers", signature)),
        await gate.pair(issued),
    ]
    assert [H16, H16] == [caller.organ for caller in callers]
    forged = Pair.signing(issued.system_id, b"other headers", signature)
    assert Doubt.WRONG == await gate.doubt(forged)


async def test_both_secrets_of_a_system_id_are_valid_while_it_is_rotated(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    old = await tables.issue(terms(), NewPair("H16"))
    new = await tables.rotate(old.credential_id, rotation())
    assert old.system_id == new.system_id
    callers = [(await gate.pair(each)).credential for each in (old, new)]
    assert [old.credential_id, new.credential_id] == callers
    await _end(connection, old)
    assert Doubt.EXPIRED == await gate.doubt(Pair.showing("H16", old.secret))
    assert new.credential_id == (await gate.pair(new)).credential


async def test_a_secret_may_be_brought_along(tables: CredentialTables, gate: Gate) -> None:
    brought = "mat-khau-cu-cua-phan-mem"
    issued = await tables.issue(terms(), NewPair("H16", brought))
    assert H16 == (await gate.caller(Pair.showing("H16", brought))).organ
    other = brought + "-2"
    await tables.rotate(issued.credential_id, rotation(secret=other))
    assert H16 == (await gate.caller(Pair.showing("H16", other))).organ


async def test_a_system_id_leads_to_one_organ_until_it_is_revoked(
    tables: CredentialTables, gate: Gate
) -> None:
    first = await tables.issue(terms(), NewPair("axis"))
    with pytest.raises(MeansTaken, match="systemid axis"):
        await tables.issue(terms(H17), NewPair("axis"))
    await tables.revoke(first.credential_id, "-", WHO)
    second = await tables.issue(terms(H17), NewPair("axis"))
    assert H17 == (await gate.pair(second)).organ
    assert Doubt.REVOKED == await gate.doubt(Pair.showing("axis", first.secret))


async def test_a_system_id_is_taken_while_an_older_secret_of_it_is_valid(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    old = await tables.issue(terms(), NewPair("axis"))
    new = await tables.rotate(old.credential_id, rotation())
    await tables.revoke(new.credential_id, "-", WHO)
    assert H16 == (await gate.pair(old)).organ
    with pytest.raises(MeansTaken):
        await tables.issue(terms(H17), NewPair("axis"))
    await _end(connection, old)
    assert H17 == (await gate.pair(await tables.issue(terms(H17), NewPair("axis")))).organ


async def test_a_sealed_secret_moved_to_another_organ_opens_nothing(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    first = await tables.issue(terms(), NewPair("H16"))
    second = await tables.issue(terms(H17), NewPair("H17"))
    await connection.execute(
        "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE credential_id = $1)"
        " WHERE credential_id = $2",
        first.credential_id,
        second.credential_id,
    )
    with pytest.raises(SealBroken, match=second.credential_id):
        await gate.caller(Pair.showing("H17", first.secret))


async def test_without_the_key_file_a_pair_is_our_fault_and_a_key_still_works(
    connection: asyncpg.Connection, tables: CredentialTables, tmp_path: Path
) -> None:
    pair = await tables.issue(terms(), NewPair("H16"))
    key = await tables.issue(terms(), NewKey())
    elsewhere = Gate(connection, Seal(tmp_path / "lost"))
    with pytest.raises(SealKeyInvalid):
        await elsewhere.pair(pair)
    assert H16 == (await elsewhere.key(key)).organ


async def test_after_the_key_file_was_lost_a_pair_is_rotated_and_works_again(
    connection: asyncpg.Connection, tables: CredentialTables, tmp_path: Path
) -> None:
    issued = await tables.issue(terms(), NewPair("H16"))
    found = Seal(tmp_path / "new-key")
    await CredentialTables(connection, found).issue(terms(), NewPair("other"))
    gate = Gate(connection, found)
    with pytest.raises(SealBroken, match="hoatoc key rotate"):
        await gate.pair(issued)
    new = await CredentialTables(connection, found).rotate(issued.credential_id, rotation())
    assert new.credential_id == (await gate.pair(new)).credential
    with pytest.raises(SealBroken, match=issued.credential_id):
        await gate.pair(issued)
    await tables.revoke(issued.credential_id, "-", WHO)
    assert Doubt.WRONG == await gate.doubt(Pair.showing("H16", issued.secret))


async def test_a_certificate_is_known_by_its_digest(tables: CredentialTables, gate: Gate) -> None:
    certificate = Certificate.of(DER)
    issued = await tables.issue(terms(), certificate)
    assert issued.credential_id == (await gate.caller(certificate)).credential
    assert Doubt.WRONG == await gate.doubt(Certificate.of(OTHER_DER))
    with pytest.raises(MeansTaken, match="chứng thư"):
        await tables.issue(terms(H17), certificate)


async def test_a_certificate_gives_way_to_another_and_to_nothing_else(
    tables: CredentialTables, gate: Gate
) -> None:
    old, new = Certificate.of(DER), Certificate.of(OTHER_DER)
    issued = await tables.issue(terms(), old)
    with pytest.raises(MeansInvalid, match="--certificate"):
        await tables.rotate(issued.credential_id, rotation())
    await tables.rotate(issued.credential_id, rotation(certificate=new))
    assert [H16, H16] == [(await gate.caller(each)).organ for each in (old, new)]
    key = await tables.issue(terms(), NewKey())
    with pytest.raises(MeansInvalid, match="--certificate"):
        await tables.rotate(key.credential_id, rotation(certificate=Certificate.of(b"third")))
    with pytest.raises(MeansInvalid, match="HMAC"):
        await tables.rotate(key.credential_id, rotation(secret="x" * 20))


async def test_a_revoked_certificate_may_be_issued_again(
    tables: CredentialTables, gate: Gate
) -> None:
    certificate = Certificate.of(DER)
    first = await tables.issue(terms(), certificate)
    await tables.revoke(first.credential_id, "-", WHO)
    assert Doubt.REVOKED == await gate.doubt(certificate)
    await tables.issue(terms(H17), certificate)
    assert H17 == (await gate.caller(certificate)).organ


async def test_the_scope_follows_the_registry_at_once(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(H17), NewKey())
    assert {H17} == (await gate.key(issued)).scope
    below = OrganCode("H17.01")
    await RegistryTables(connection).add_organs([organ(below, parent=H17, locked=True)])
    caller = await gate.key(issued)
    assert {H17, below} == caller.scope
    assert {below} == caller.halted


async def test_the_scope_follows_the_day(
    connection: asyncpg.Connection, tables: CredentialTables, gate: Gate
) -> None:
    ended = organ("H19", valid_to=DAY, successor=H17)
    await RegistryTables(connection).add_organs([ended])
    issued = await tables.issue(terms(H17), NewKey())
    assert {H17} == (await gate.key(issued)).scope
    gate.today += timedelta(days=1)
    assert {H17, ended.code} == (await gate.key(issued)).scope


async def test_many_who_come_at_once_after_a_change_read_the_registry_once(
    database_dsn: str, tables: CredentialTables, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = await tables.issue(terms(), NewKey())
    read = RegistryTables.registry_and_version
    reads: list[RegistryTables] = []

    async def counted(self: RegistryTables) -> Any:
        reads.append(self)
        return await read(self)

    monkeypatch.setattr(RegistryTables, "registry_and_version", counted)
    keyring = Keyring(seal, RegistryCache(), lambda: DAY)
    opened = [await asyncpg.connect(database_dsn) for _ in range(8)]
    try:
        shown = ApiKey.of(issued.secret)
        known = await asyncio.gather(*(keyring.authenticate(c, shown) for c in opened))
    finally:
        for each in opened:
            await each.close()
    assert (1, 1) == (len(reads), len({caller for caller, _ in known}))


async def test_when_a_credential_was_last_used_is_noted(
    tables: CredentialTables, gate: Gate
) -> None:
    issued = await tables.issue(terms(), NewKey())
    (unused,) = await tables.credentials(H16, everything=False)
    await gate.key(issued)
    (used,) = await tables.credentials(H16, everything=False)
    await gate.key(issued)
    (again,) = await tables.credentials(H16, everything=False)
    assert unused["last_used_at"] is None
    assert used["last_used_at"] is not None
    assert used["last_used_at"] == again["last_used_at"]


async def test_a_list_names_the_state_and_leaves_out_what_is_over(
    connection: asyncpg.Connection, tables: CredentialTables
) -> None:
    revoked, expired, old = [await tables.issue(terms(), NewKey()) for _ in range(3)]
    await tables.revoke(revoked.credential_id, "-", WHO)
    await _end(connection, expired)
    new = await tables.rotate(old.credential_id, rotation())
    await tables.issue(terms(H17), NewKey())
    states = {
        r["credential_id"]: r["state"] for r in await tables.credentials(H16, everything=True)
    }
    expected = {
        revoked.credential_id: "revoked",
        expired.credential_id: "expired",
        old.credential_id: "replaced",
        new.credential_id: "valid",
    }
    assert expected == states
    live = {r["credential_id"] for r in await tables.credentials(H16, everything=False)}
    assert {old.credential_id, new.credential_id} == live
    assert 5 == len(await tables.credentials(everything=True))


@pytest.mark.parametrize("code", ["H99", "H1\x006", "", "\ud800xx", "x" * 5000])
async def test_an_organ_that_is_not_there_gets_no_credential(
    tables: CredentialTables, code: str
) -> None:
    with pytest.raises(OrganUnknown):
        await tables.issue(terms(OrganCode(code)), NewKey())
    assert [] == await tables.credentials(everything=True)


@pytest.mark.parametrize("name", ["0" * 16, "a\x00", "\ud800", "x" * 5000])
async def test_a_credential_that_is_not_there_is_named(tables: CredentialTables, name: str) -> None:
    with pytest.raises(CredentialUnknown, match="hoatoc key list"):
        await tables.rotate(name, rotation())
    with pytest.raises(CredentialUnknown):
        await tables.revoke(name, "-", WHO)
    assert [] == await tables.credentials(name, everything=True)


@pytest.mark.parametrize(
    ("system_id", "secret"), [("H\x0016", ""), ("H" * 65, ""), ("", ""), ("H16", "short")]
)
async def test_a_pair_that_cannot_be_used_is_not_issued(
    tables: CredentialTables, system_id: str, secret: str
) -> None:
    with pytest.raises(MeansInvalid):
        await tables.issue(terms(), NewPair(system_id, secret))


async def test_a_credential_for_nothing_and_an_overlap_without_end_are_refused(
    tables: CredentialTables,
) -> None:
    with pytest.raises(MeansInvalid, match="role"):
        await tables.issue(Terms(organ=H16, roles=frozenset(), by=WHO), NewKey())
    issued = await tables.issue(terms(), NewKey())
    for days in (-1, 91):
        with pytest.raises(MeansInvalid, match="90"):
            await tables.rotate(issued.credential_id, rotation(timedelta(days=days)))


async def test_texts_that_nobody_could_store_are_made_storable(tables: CredentialTables) -> None:
    strange = "a\x00\ud800" + "x" * 5000
    issued = await tables.issue(
        Terms(organ=H16, roles=frozenset({Role.SENDER}), by=strange, label=strange), NewKey()
    )
    await tables.revoke(issued.credential_id, strange, strange)
    (row,) = await tables.credentials(everything=True)
    assert row["label"].startswith("a��xx")
    assert row["revoked_why"].startswith("a��xx")
