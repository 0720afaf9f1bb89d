"""The ledger's tables: one transaction a batch, and its first statement moves the position."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hoatoc.domain.book import Account, Alert, Finder, next_due, running, wake_ms
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Delivery, Fact, Facts, Position
from hoatoc.domain.event import DispatchRegistered, Limits
from hoatoc.domain.lifecycle import OPEN, axes, state_of
from hoatoc.domain.service_time import PartitionClock
from hoatoc.domain.walk import Line, PartitionBook, Walk
from hoatoc.domain.working_due import CalendarVersion, WorkingDue
from hoatoc.ports import Announced, Document, PositionTaken
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("ledger")
Row = Mapping[str, Any] | asyncpg.Record
ANNOUNCEMENT_CHANNEL = "hoatoc_announcement"
_HISTORY = ("partition", "log_offset", *Line._fields[1:])


def _clock_out(clock: PartitionClock) -> str:
    return json.dumps(
        {
            "log_ms": clock.log_ms,
            "calendar_version": clock.calendar_version,
            "lost_ms": clock.lost_ms,
            "shards": {path: list(s.items()) for path, s in clock.shards.items()},
            "writers": {name: list(last) for name, last in clock.writers.items()},
        }
    )


def _clock_in(service_ms: int, text: str) -> PartitionClock:
    data = json.loads(text)
    return PartitionClock(
        service_ms,
        data.get("log_ms", 0),
        data.get("calendar_version", 0),
        data.get("lost_ms", 0),
        {path: dict(s) for path, s in data.get("shards", {}).items()},
        {name: (at, clock) for name, (at, clock) in data.get("writers", {}).items()},
    )


_encode_json = msgspec.json.Encoder().encode
_decode_facts = msgspec.json.Decoder(dict[Fact, tuple[Position, ...]]).decode
_decode_working = msgspec.json.Decoder(dict[Kind, WorkingDue]).decode


def facts_out(facts: Facts) -> str:
    """Write the facts of a delivery as its row has them."""
    return _encode_json(facts).decode()


def facts_in(text: str) -> dict[Fact, tuple[Position, ...]]:
    """Read the facts of a delivery from its row."""
    return _decode_facts(text)


def working_out(working: Mapping[Kind, WorkingDue]) -> str:
    """Write the dues by a working calendar as a delivery's row has them."""
    return _encode_json(working).decode() if working else "{}"


def working_in(text: str) -> dict[Kind, WorkingDue]:
    """Read the dues by a working calendar from a delivery's row."""
    return _decode_working(text) if text != "{}" else {}


@lru_cache(4096)
def _limits_in(text: str) -> Limits:
    return Limits(**json.loads(text))


def _alert_in(row: Row) -> Alert:
    return Alert(
        UUID(str(row["subject_id"])),
        Kind(row["kind"]),
        UUID(str(row["dispatch_id"])) if row["dispatch_id"] else None,
        row["recipient"],
        Position(*row["start"]),
        row["due_ms"],
        row["raised_offset"],
        Finder(row["found_by"]),
        Position(*row["closing"]) if row["closing"] else None,
        row["episode"],
    )


def account_in(row: Row) -> Account:
    """Build an account from a row of `accounts` or `tracked_accounts`."""
    limits = _limits_in(row["limits"]) if row["limits"] else None
    delivery = Delivery(
        row["delivery_id"],
        row["dispatch_id"],
        row["recipient"],
        limits,
        facts_in(row["facts"]),
    )
    alerts = (_alert_in(a) for a in json.loads(row["alerts"])) if row["alerts"] else ()
    return Account(delivery, {a.kind: a for a in alerts}, working_in(row["working"]))


class LedgerTables:
    """Reads and writes of the ledger on one connection, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def positions(self, partitions: Iterable[int]) -> dict[int, PartitionBook]:
        """Return how far these partitions are booked, as far as they are."""
        rows = await self._connection.fetch(SQL["positions"], sorted(partitions))
        return {
            row["partition"]: PartitionBook(
                row["next_offset"],
                _clock_in(row["service_ms"], row["clock"]),
                row["ticks"],
            )
            for row in rows
        }

    async def open_books(self, partitions: Iterable[int]) -> None:
        """Begin the books of partitions that have none."""
        await self._connection.execute(SQL["open_books"], sorted(partitions))

    async def move(self, walks: Mapping[int, Walk]) -> None:
        """Move the positions from where the stretches began to where they end.

        Raises PositionTaken when one is no longer where its stretch began.
        """
        rows = [
            (
                partition,
                walk.before.next_offset,
                walk.after.next_offset,
                walk.after.clock.service_ms,
                _clock_out(walk.after.clock),
                walk.after.ticks,
            )
            for partition, walk in sorted(walks.items())
        ]
        moved = await self._connection.fetch(SQL["move_positions"], *_columns(rows, 6))
        if taken := walks.keys() - {row["partition"] for row in moved}:
            raise PositionTaken(f"partitions {sorted(taken)} were booked by another ledger")

    async def accounts(self, deliveries: Iterable[UUID]) -> dict[UUID, Account]:
        """Return the accounts of these deliveries, as far as they are known."""
        rows = await self._connection.fetch(SQL["accounts"], list(deliveries))
        return {row["delivery_id"]: account_in(row) for row in rows}

    async def past_wake(self, partition: int, service_ms: int) -> list[UUID]:
        """Return the deliveries to be settled because service time has passed their `wake_ms`."""
        rows = await self._connection.fetch(SQL["past_wake"], partition, service_ms)
        return [row["delivery_id"] for row in rows]

    async def by_calendar(self, partition: int) -> list[UUID]:
        """Return the deliveries with a running deadline by a working calendar."""
        rows = await self._connection.fetch(SQL["by_calendar"], partition)
        return [row["delivery_id"] for row in rows]

    async def add_dispatches(
        self, registrations: Sequence[tuple[int, int, DispatchRegistered]]
    ) -> None:
        """Write (partition, offset, registration) of new dispatches."""
        rows = [
            (
                r.dispatch_id,
                partition,
                offset,
                r.sender,
                r.document_id,
                r.issuer,
                r.year,
                r.number,
                r.notation,
                r.subject,
                r.priority,
                json.dumps(asdict(r.limits)),
                len(r.recipients),
                datetime.fromtimestamp(r.handed_over_ms / 1000, UTC),
                r.sender_connection,
            )
            for partition, offset, r in sorted(registrations, key=lambda r: r[2].dispatch_id)
        ]
        await self._connection.execute(SQL["add_dispatches"], *_columns(rows, 15))

    async def calendars(self, versions: Iterable[int]) -> dict[int, CalendarVersion]:
        """Return these versions of the calendars, as far as they are adopted."""
        return dict(await CalendarTables(self._connection).versions(set(versions)))

    async def put_accounts(self, accounts: Sequence[tuple[int, Account]]) -> None:
        """Write (partition, account) as they stand, in the order of their keys."""
        rows = [
            delivery_row(partition, account)
            for partition, account in sorted(accounts, key=lambda a: a[1].delivery.delivery_id.int)
        ]
        await self._connection.execute(SQL["put_deliveries"], *_columns(rows, 16))

    async def put_alerts(self, alerts: Sequence[tuple[int, Alert]]) -> None:
        """Write (partition, alert): new ones, and how far known ones have come."""
        await self._connection.executemany(
            SQL["put_alerts"],
            [
                (
                    a.subject_id,
                    a.kind,
                    a.dispatch_id,
                    a.recipient,
                    partition,
                    list(a.start[:3]),
                    a.due_ms,
                    a.raised_offset,
                    a.found_by,
                    list(a.closing[:3]) if a.closing else None,
                    a.episode,
                )
                for partition, a in sorted(alerts, key=lambda a: (a[1].subject_id, a[1].kind))
            ],
        )

    async def unnamed(self, answers: Iterable[UUID]) -> list[Alert]:
        """Return the alerts about these unreadable answers that named no dispatch."""
        rows = await self._connection.fetch(SQL["unnamed"], list(answers))
        return [_alert_in(row) for row in rows]

    async def put_backs(self, answers: Iterable[UUID]) -> dict[UUID, Position]:
        """Return where the history says first that these parked answers were put back."""
        rows = await self._connection.fetch(SQL["put_backs"], [str(of) for of in answers])
        return {UUID(row["code"]): Position(*tuple(row)[1:]) for row in rows}

    async def documents(self, dispatches: Iterable[UUID]) -> dict[UUID, Document]:
        """Return what pages say of these dispatches."""
        rows = await self._connection.fetch(SQL["documents"], list(dispatches))
        return {row["dispatch_id"]: Document(*tuple(row)[1:]) for row in rows}

    async def add_history(self, lines: Sequence[tuple[int, Line]]) -> None:
        """Write (partition, line) of history."""
        await self._connection.copy_records_to_table(
            "history",
            columns=_HISTORY,
            records=[(partition, *line) for partition, line in lines],
        )

    async def announce(self, records: Sequence[Announced]) -> None:
        """Queue (record, event id, type name) for the world, in this order."""
        rows = [
            (
                r.topic,
                r.key,
                event_id,
                name,
                dict(r.headers)["traceparent"].decode(),
                r.value,
            )
            for r, event_id, name in records
        ]
        await self._connection.execute(SQL["announce"], *_columns(rows, 6))
        await self._connection.execute(f"NOTIFY {ANNOUNCEMENT_CHANNEL}")

    async def tracked_accounts(self, partitions: Iterable[int]) -> list[tuple[int, Account]]:
        """Return (partition, account), without alerts, of what is not settled or has a due."""
        rows = await self._connection.fetch(SQL["tracked_accounts"], list(partitions))
        return [(row["partition"], account_in(row)) for row in rows]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def version_of(facts: Facts) -> int:
    """Return the offset of the newest fact: of two renderings of a state the greater counts."""
    return max((p.offset for positions in facts.values() for p in positions), default=-1)


def delivery_row(partition: int, account: Account) -> tuple[Any, ...]:
    """Return a delivery as a row, in the order of the parameters of `put_deliveries`."""
    delivery = account.delivery
    stands = axes(delivery.facts)
    state = state_of(stands)
    runs = running(account)
    due = next_due(runs)
    overdue = any(alert.closing is None for alert in account.alerts.values())
    return (
        delivery.delivery_id,
        delivery.dispatch_id,
        delivery.recipient,
        partition,
        state,
        stands.handling,
        stands.recall,
        facts_out(delivery.facts),
        working_out(account.working),
        state in OPEN,
        overdue,
        bool(account.alerts) and not overdue,
        due.kind if due else None,
        due.due_ms if due else None,
        wake_ms(account, runs),
        version_of(delivery.facts),
    )
