"""A database of the first release, with something in every table, is brought up to date."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import pytest
import pytest_asyncio

from consumers.ledger import Batch, Booking
from hoatoc import codec
from hoatoc.domain.event import (
    AlertResolved,
    DeliveriesUpdated,
    Event,
    Limits,
    RecallPublished,
    RecallRequested,
    StatusReported,
)
from hoatoc.domain.walk import Entry
from hoatoc.postgres.connection import SchemaNewer, migrate, migrations
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.prepare import adopt_first_calendar

A, B, C, D = "G01", "G02", "G03", "G04"
DISPATCH = UUID("01890000-0000-7000-8000-000000000000")
UNSENT = UUID("01890000-0000-7000-8000-000000000004")
FIRST_LIMITS = {
    "policy": "first",
    "publish_ms": 300_000,
    "arrive_ms": 10_000,
    "accept_ms": 10_000,
    "allowance_ms": 5_000,
    "grace_ms": 10_000,
}
END = 20
NOW_MS = 1_600_000_000_000
"""append time of the first record; a record a second, and service time with it"""
RENAMED = {"backstop_ms": "wake_ms"}


@dataclass(frozen=True, slots=True)
class Was:
    """A copy as the first release had booked it: its state, and at which offset which fact."""

    recipient: str
    state: str
    facts: dict[str, int]
    handling: str
    alert: str = ""

    @property
    def delivery_id(self) -> UUID:
        """Its id, which nothing changes."""
        return uuid5(DISPATCH, self.recipient)


_OUT = {"registered": 0, "published": 1}
COPIES = (
    Was("R01", "registered", {"registered": 0}, "none", "publish"),
    Was("R02", "published", _OUT, "none", "arrive"),
    Was("R03", "taken", _OUT | {"done": 2}, "none", "accept"),
    Was("R04", "taken", _OUT | {"01": 3}, "arrived"),
    Was("R05", "accepted", _OUT | {"03": 4}, "accepted"),
    Was("R06", "accepted", _OUT | {"03": 4, "04": 5}, "assigned"),
    Was("R07", "accepted", _OUT | {"05": 6}, "in-progress"),
    Was("R08", "accepted", _OUT | {"01": 3, "06": 7}, "completed"),
    Was("R09", "refused", _OUT | {"01": 3, "02": 8}, "refused"),
    Was("R10", "receive-failed", _OUT | {"fail": 9}, "none", "receive-failed"),
    Was("R11", "parked", {"registered": 0, "send-refused": 1}, "none", "send-failed"),
    Was("R12", "published", _OUT | {"unreadable": 10}, "none", "unreadable"),
)
OPEN = ("registered", "published", "taken")
DEADLINES = ("publish", "arrive", "accept")


def place(offset: int) -> tuple[int, int, int]:
    """Return (offset, service ms, append ms) of a record."""
    return offset, offset * 1000, NOW_MS + offset * 1000


def facts(copy: Was) -> str:
    repeated = ("done", "fail", "unreadable", "01")
    return json.dumps(
        {
            fact: [[*place(offset), *([str(uuid4())] if fact in repeated else [])]]
            for fact, offset in copy.facts.items()
        }
    )


async def put(connection: asyncpg.Connection, table: str, **columns: Any) -> None:
    """Write a row of the first release."""
    names, marks = ", ".join(columns), ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    await connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",
        *columns.values(),
    )


async def fill(connection: asyncpg.Connection) -> None:
    """Write rows into every table of the first release."""
    for code, code102 in ((A, "000.00.00.G01"), (B, "000.00.00.G01"), (C, ""), (D, C)):
        await put(connection, "organ", code=code, code102=code102, name=code, certainty="verified")
    states = ("sent", "claimed", "cancelled", "sent", "unsent")
    for number, state in enumerate(states):
        await fill_handover(connection, number, state)
    await put(connection, "intake_position", topic=f"handovers.{A}", partition=0, next_offset=7)
    await fill_books(connection)
    await fill_told(connection)


async def fill_handover(connection: asyncpg.Connection, number: int, state: str) -> None:
    of = UUID(int=DISPATCH.int + number)
    await put(
        connection,
        "handover",
        dispatch_id=of,
        issuer=A,
        year=2020,
        number=str(number),
        notation="UBND-VP",
        content_digest=b"d",
        document_id=f"{A},2020/09/13,{number}/UBND-VP",
        printed_number=str(number),
        printed_notation="UBND-VP",
        sender=A,
        subject="Công văn",
        priority=0,
        packet=b"<packet/>",
        packet_sha256=b"s",
        limits=json.dumps(FIRST_LIMITS),
        door="cli",
    )
    for copy in COPIES if of == DISPATCH else ():
        await put(
            connection,
            "handover_recipient",
            delivery_id=copy.delivery_id,
            dispatch_id=of,
            recipient=copy.recipient,
        )
    if of != DISPATCH:
        await put(
            connection,
            "handover_recipient",
            delivery_id=uuid5(of, B),
            dispatch_id=of,
            recipient=B,
        )
    await connection.execute(
        "INSERT INTO outbox (dispatch_id, state, priority, claimed_by, claimed_at, sent_at,"
        " published_partition, published_offset)"
        " SELECT $1, $2, 0, c, CASE WHEN c IS NOT NULL THEN now() END,"
        " CASE WHEN s IS NOT NULL THEN now() END, 0, s"
        " FROM (SELECT CASE WHEN $2 IN ('claimed', 'sent') THEN 'relay' END AS c,"
        " CASE WHEN $2 = 'sent' THEN 1::bigint END AS s)",
        of,
        state,
    )


async def fill_books(connection: asyncpg.Connection) -> None:
    clock = {"log_ms": place(END - 1)[2], "calendar_version": 0, "shards": {}, "writers": {}}
    await put(
        connection,
        "partition_book",
        partition=0,
        next_offset=END,
        service_ms=place(END - 1)[1],
        clock=json.dumps(clock),
        ticks=END - 11,
    )
    await put(
        connection,
        "dispatch",
        dispatch_id=DISPATCH,
        partition=0,
        log_offset=0,
        sender=A,
        document_id="x",
        issuer=A,
        year=2020,
        number="0",
        notation="UBND-VP",
        subject="Công văn",
        priority=0,
        limits=json.dumps(FIRST_LIMITS),
        recipients=len(COPIES),
        handed_over_at=await connection.fetchval("SELECT now()"),
    )
    for offset in range(11):
        offset_, service_ms, append_ms = place(offset)
        await put(
            connection,
            "history",
            partition=0,
            log_offset=offset_,
            append_ms=append_ms,
            service_ms=service_ms,
            type="StatusReported",
            dispatch_id=DISPATCH,
            known=True,
        )
    for copy in COPIES:
        await fill_copy(connection, copy)


async def fill_copy(connection: asyncpg.Connection, copy: Was) -> None:
    due = copy.alert in DEADLINES
    await put(
        connection,
        "delivery",
        delivery_id=copy.delivery_id,
        dispatch_id=DISPATCH,
        recipient=copy.recipient,
        partition=0,
        state=copy.state,
        facts=facts(copy),
        open=copy.state in OPEN,
        overdue=bool(copy.alert),
        recovered=False,
        due_kind="accept" if copy.recipient == "R04" else None,
        due_ms=18_000 if copy.recipient == "R04" else None,
        backstop_ms=28_000 if copy.recipient == "R04" else None,
        version=max(copy.facts.values()),
    )
    if copy.alert:
        await put(
            connection,
            "alert",
            subject_id=copy.delivery_id,
            kind=copy.alert,
            dispatch_id=DISPATCH,
            recipient=copy.recipient,
            partition=0,
            start=list(place(max(copy.facts.values()))),
            due_ms=16_000 if due else None,
            raised_offset=END - 1,
            found_by="tracker" if due else "fact",
            episode=0,
        )


async def fill_told(connection: asyncpg.Connection) -> None:
    await put(
        connection,
        "announcement",
        topic="alerts",
        key=b"R02",
        event_id=uuid4(),
        type="AlertRaised",
        traceparent="",
        value=b"v",
    )
    for version, state in enumerate(("delivered", "superseded", "pending"), start=1):
        await connection.execute(
            "INSERT INTO page (subject_id, kind, version, alert, state, delivered_at)"
            " VALUES ($1, 'arrive', $2, 'v', $3, CASE WHEN $3 = 'delivered' THEN now() END)",
            COPIES[1].delivery_id,
            version,
            state,
        )


async def rows(connection: asyncpg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table but the record of migrations itself."""
    names = await connection.fetch(
        "SELECT tablename FROM pg_tables"
        " WHERE schemaname = 'public' AND tablename <> 'schema_migration' ORDER BY 1"
    )
    return {
        name: [dict(r) for r in await connection.fetch(f"SELECT * FROM {name} ORDER BY 1, 2")]
        for (name,) in names
    }


async def first_release(connection: asyncpg.Connection) -> None:
    """Make the tables of the first release."""
    number, name, sql = migrations()[0]
    await connection.execute(
        "CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    await connection.execute(sql)
    await connection.execute("INSERT INTO schema_migration VALUES ($1, $2)", number, name)


@pytest_asyncio.fixture
async def empty(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a database without a table."""
    name = f"old_{uuid4().hex}"
    server = await asyncpg.connect(database_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(database_dsn.replace("/hoatoc?", f"/{name}?"))
    try:
        yield connection
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


@pytest_asyncio.fixture
async def old(empty: asyncpg.Connection) -> asyncpg.Connection:
    """Connect to a database of the first release, with rows in every table."""
    await first_release(empty)
    await fill(empty)
    return empty


async def test_every_row_of_the_first_release_is_kept_as_it_was(old: asyncpg.Connection) -> None:
    before = await rows(old)
    assert all(before.values()), "a table without a row proves nothing"
    assert migrations()[-1][0] == await migrate(old)
    after = await rows(old)
    for name, kept in before.items():
        if name == "organ":  # a code that two organs had is decided by a person
            continue
        now = [{k: row[RENAMED.get(k, k)] for k in kept[0]} for row in after[name]]
        assert kept == now, name


async def test_migrating_again_changes_nothing(old: asyncpg.Connection) -> None:
    await migrate(old)
    before = await rows(old)
    await migrate(old)
    assert before == await rows(old)
    names = await old.fetch("SELECT version FROM schema_migration ORDER BY 1")
    assert [number for number, _, _ in migrations()] == [row["version"] for row in names]


async def test_a_code_that_two_organs_had_is_kept_in_a_note(old: asyncpg.Connection) -> None:
    await migrate(old)
    found = await old.fetch("SELECT code, code102, note FROM organ ORDER BY code")
    noted = "code102 {} belongs to another organ as well"
    assert [
        (A, "000.00.00.G01", ""),
        (B, "", noted.format("000.00.00.G01")),
        (C, "", ""),
        (D, "", noted.format(C)),
    ] == [tuple(row) for row in found]
    codes = await old.fetch("SELECT written FROM organ_code ORDER BY 1")
    assert ["000.00.00.G01", A, B, C, D] == [row["written"] for row in codes]


async def test_what_the_recipients_had_done_is_told_by_the_new_axis(
    old: asyncpg.Connection,
) -> None:
    await migrate(old)
    found = await old.fetch("SELECT recipient, handling, recall FROM delivery ORDER BY 1")
    assert [(c.recipient, c.handling, "not-asked") for c in COPIES] == [tuple(r) for r in found]


async def test_what_waited_to_be_sent_is_sent_to_the_recipients_own_topic(
    old: asyncpg.Connection,
) -> None:
    await migrate(old)
    claimed = {one.dispatch_id: one for one in await OutboxTables(old).claim("new", 1, (), 9)}
    row = claimed[UNSENT]
    assert (1, (B,), (B,)) == (len(claimed), row.recipients, row.connections)
    assert asdict(Limits(**FIRST_LIMITS)) == asdict(row.limits)  # type: ignore[arg-type]


def said(recipient: str, code: str) -> StatusReported:
    return StatusReported(event_id=uuid4(), dispatch_id=DISPATCH, recipient=recipient, code=code)


def recall(recipient: str) -> tuple[Event, Event]:
    recall_id = uuid4()
    asked = RecallRequested(
        event_id=uuid4(),
        dispatch_id=DISPATCH,
        recall_id=recall_id,
        recipients=[recipient],
        form="status-13",
        reason="Gửi nhầm",
        requested_by=A,
        limits=Limits(**FIRST_LIMITS),  # type: ignore[arg-type]
        requested_ms=NOW_MS,
    )
    published = RecallPublished(
        event_id=uuid4(),
        dispatch_id=DISPATCH,
        recall_id=recall_id,
        confirmed=[recipient],
        refused=[],
    )
    return asked, published


async def go_on(connection: asyncpg.Connection, events: Sequence[Event]) -> None:
    """Book what comes behind the books of the first release."""
    await migrate(connection)
    await adopt_first_calendar(connection)
    booking = Booking(16, await LedgerTables(connection).positions([0]))
    entries = [Entry(at, place(at)[2], event) for at, event in enumerate(events, start=END)]
    await booking.book(connection, booking.walk(Batch({0: entries})), ())


async def test_the_ledger_goes_on_where_it_stood(old: asyncpg.Connection) -> None:
    events = (said("R02", "03"), said("R10", "01"), *recall("R04"), said("R04", "15"))
    await go_on(old, events)
    found = {
        row["recipient"]: (row["state"], row["handling"], row["recall"], row["overdue"])
        for row in await old.fetch("SELECT * FROM delivery")
    }
    assert {
        "R02": ("accepted", "accepted", "not-asked", False),
        "R10": ("taken", "arrived", "not-asked", False),
        "R04": ("recalled", "arrived", "recalled", False),
        "R09": ("refused", "refused", "not-asked", False),
    } == {name: found[name] for name in ("R02", "R10", "R04", "R09")}
    assert END + len(events) == await old.fetchval("SELECT next_offset FROM partition_book")


async def test_an_alert_of_the_first_release_is_resolved_and_its_sender_told(
    old: asyncpg.Connection,
) -> None:
    await old.execute("DELETE FROM announcement")
    await go_on(old, [said("R02", "03")])
    told = await old.fetch("SELECT topic, value FROM announcement ORDER BY id")
    resolved, updated = (codec.decode(row["value"]) for row in told)
    assert isinstance(resolved, AlertResolved)
    assert (COPIES[1].delivery_id, "arrive", 2) == (
        resolved.subject_id,
        resolved.kind,
        resolved.version,
    )
    assert isinstance(updated, DeliveriesUpdated)
    assert ["alerts", f"statuses.{A}"] == [row["topic"] for row in told]


async def test_a_database_of_a_newer_release_is_not_touched(old: asyncpg.Connection) -> None:
    await migrate(old)
    await old.execute("INSERT INTO schema_migration VALUES (9999, 'later')")
    with pytest.raises(SchemaNewer, match="9999"):
        await migrate(old)
