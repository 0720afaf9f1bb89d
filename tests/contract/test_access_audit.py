"""Who did what at which door is written down, and only ever added to."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from hoatoc.domain.access import Action, Caller, Role
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Certainty, Organ
from hoatoc.postgres.access_audit import AuditTables, Deed, Outcome, Wanted
from hoatoc.postgres.credential import (
    CredentialTables,
    MeansTaken,
    NewKey,
    NewPair,
    Rotation,
    Terms,
)
from hoatoc.postgres.registry import RegistryTables
from hoatoc.seal import Seal

H16, SUB, H17 = map(OrganCode, ("H16", "H16.05", "H17"))
CALLER = Caller(
    credential="0123456789abcdef",
    organ=H16,
    roles=frozenset({Role.RECIPIENT}),
    scope=frozenset({H16, SUB}),
)


def terms(of: OrganCode = H16) -> Terms:
    return Terms(organ=of, roles=frozenset({Role.SENDER}), by="an")


@pytest_asyncio.fixture
async def connection(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_dsn)
    organs = [Organ(code, "", code, "", "", Certainty.MEMORY) for code in (H16, H17)]
    await RegistryTables(opened).add_organs(organs)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def tables(connection: asyncpg.Connection, tmp_path: Path) -> CredentialTables:
    return CredentialTables(connection, Seal(tmp_path / "credential-key"))


async def _audited(connection: asyncpg.Connection, **wanted: Any) -> list[tuple[str, ...]]:
    rows = await AuditTables(connection).rows(Wanted(**wanted))
    return [(r["who"], r["action"], r["for_organ"], r["subject"], r["outcome"]) for r in rows]


async def test_every_change_of_a_credential_is_audited(
    connection: asyncpg.Connection, tables: CredentialTables
) -> None:
    first = await tables.issue(terms(), NewKey())
    second = await tables.rotate(first.credential_id, Rotation(by="an", overlap=timedelta(days=7)))
    await tables.revoke(second.credential_id, "lộ khóa", "binh")
    expected = [
        ("binh", "key-revoke", "H16", second.credential_id, "done"),
        ("an", "key-rotate", "H16", first.credential_id, "done"),
        ("an", "key-issue", "H16", first.credential_id, "done"),
    ]
    assert expected == await _audited(connection)


async def test_a_change_that_fails_leaves_no_row(
    connection: asyncpg.Connection, tables: CredentialTables
) -> None:
    await tables.issue(terms(), NewPair("axis"))
    before = await _audited(connection)
    with pytest.raises(MeansTaken):
        await tables.issue(terms(H17), NewPair("axis"))
    assert before == await _audited(connection)


def _deed(**fields: Any) -> Deed:
    deed = {"door": "gateway", "action": Action.TAKE_CONTENT, "organ": SUB, "subject": "0189"}
    return Deed(**(deed | fields))


async def test_a_deed_is_audited_with_who_did_it_for_whom(connection: asyncpg.Connection) -> None:
    await AuditTables(connection).note(CALLER, _deed())
    row = (CALLER.credential, "take-content", SUB, "0189", "done")
    for wanted in ({"organ": H16}, {"organ": SUB}, {"subject": "0189"}, {"who": row[0]}):
        assert row == (await _audited(connection, **wanted))[0]
    assert [] == await _audited(connection, organ=H17)


async def test_the_same_refusal_again_within_a_minute_is_one_row(
    connection: asyncpg.Connection,
) -> None:
    audit = AuditTables(connection)
    for subject in ("0189", "0190", "0191"):
        deed = _deed(outcome=Outcome.REFUSED, subject=subject, detail="scope", organ=H17)
        await audit.note(CALLER, deed)
    for action in (Action.ANSWER, Action.ANSWER):
        await audit.note(CALLER, _deed(outcome=Outcome.REFUSED, action=action))
    rows = await _audited(connection, who=CALLER.credential)
    assert [("answer", SUB), ("take-content", H17)] == [row[1:3] for row in rows]


async def test_what_was_done_is_written_however_often(connection: asyncpg.Connection) -> None:
    audit = AuditTables(connection)
    for outcome in (Outcome.DONE, Outcome.DONE, Outcome.REPEATED):
        await audit.note(CALLER, _deed(outcome=outcome))
    rows = await _audited(connection, who=CALLER.credential)
    assert ["repeated", "done", "done"] == [row[4] for row in rows]


async def test_the_audit_is_read_page_by_page(connection: asyncpg.Connection) -> None:
    audit = AuditTables(connection)
    for number in range(5):
        await audit.note(CALLER, _deed(subject=str(number)))
    seen: list[str] = []
    before: int | None = None
    while page := await audit.rows(Wanted(who=CALLER.credential, before=before, limit=2)):
        seen += [row["subject"] for row in page]
        before = page[-1]["id"]
    assert ["4", "3", "2", "1", "0"] == seen


async def test_a_subject_that_nobody_could_store_is_made_storable(
    connection: asyncpg.Connection,
) -> None:
    audit = AuditTables(connection)
    strange = "a\x00\ud800" + "x" * 5000
    await audit.note(CALLER, _deed(subject=strange, organ=strange, outcome=Outcome.REFUSED))
    (row,) = await audit.rows(Wanted(subject=strange))
    assert row["subject"].startswith("a��xx")
    assert len(row["subject"]) <= 201


@pytest.mark.parametrize(
    "change", ["UPDATE access_audit SET who = 'x'", "DELETE FROM access_audit"]
)
async def test_the_audit_is_only_added_to(
    connection: asyncpg.Connection, tables: CredentialTables, change: str
) -> None:
    await tables.issue(terms(), NewKey())
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="cannot be changed"):
        await connection.execute(change)
    assert 1 == len(await _audited(connection))
