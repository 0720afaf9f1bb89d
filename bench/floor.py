"""The floors: what the parts alone cost, without a line of our domain.

The ledger's floor reads, decodes, folds facts into plain dictionaries and runs the same statements
with the same columns, one transaction a batch. It judges nothing and builds no object of ours.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from io import BytesIO
from typing import Any
from uuid import UUID

import asyncpg
import fastavro
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from fastavro.schema import fingerprint, to_parsing_canonical_form

from hoatoc.codec import MARKER
from hoatoc.kafka.client import Outgoing
from hoatoc.postgres.query import queries

SQL = queries("ledger")
_HEADER = len(MARKER) + 8
_HISTORY = (
    *("partition", "log_offset", "append_ms", "service_ms", "type", "dispatch_id", "delivery_id"),
    *("recipient", "code", "known", "detail"),
)
_DISPATCH = ("sender", "document_id", "issuer", "year", "number", "notation", "subject", "priority")
_STATES = {"05": "accepted", "01": "taken", "done": "taken", "published": "published"}
_Facts = dict[str, list[tuple[int, int, int]]]


def _schemas() -> dict[bytes, tuple[str, Any]]:
    found = {}
    for file in files("schemas.avro").iterdir():
        if file.name.endswith(".avsc"):
            schema = json.loads(file.read_text("utf-8"))
            crc = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
            parsed = fastavro.parse_schema(schema, named_schemas={})
            found[bytes.fromhex(crc)] = (schema["name"], parsed)
    return found


_SCHEMAS = _schemas()
_UPDATED = next(schema for name, schema in _SCHEMAS.values() if name == "DeliveriesUpdated")


def decode(value: bytes | None) -> tuple[str, dict[str, Any]]:
    """Return the name and the fields of one single object."""
    body = BytesIO(value or b"")
    name, schema = _SCHEMAS[body.read(_HEADER)[len(MARKER) :]]
    return name, fastavro.schemaless_reader(body, schema, None)  # type: ignore[return-value]


@dataclass(slots=True)
class _Fold:
    """What a batch says, ready to be written."""

    moves: list[tuple[Any, ...]] = field(default_factory=list)
    dispatches: list[tuple[Any, ...]] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)
    facts: dict[UUID, _Facts] = field(default_factory=dict)
    about: dict[UUID, tuple[int, UUID, str]] = field(default_factory=dict)

    def note(self, partition: int, dispatch_id: UUID, recipient: str, fact: str, at: Any) -> UUID:
        of = uuid.uuid5(dispatch_id, recipient)
        self.facts.setdefault(of, {}).setdefault(fact, [at])
        self.about[of] = (partition, dispatch_id, recipient)
        return of


def _fold(fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]], ticks: dict[int, int]) -> Any:
    fold = _Fold()
    for place, records in fetched.items():
        partition = place.partition
        for record in records:
            name, event = decode(record.value)
            if name == "Tick":
                ticks[partition] = ticks.get(partition, 0) + 1
            else:
                at = (record.offset, ticks.get(partition, 0) * 1000, record.timestamp)
                _take(fold, partition, name, event, at)
        end = records[-1].offset + 1
        tick = ticks.get(partition, 0)
        fold.moves.append((partition, records[0].offset, end, tick * 1000, "{}", tick))
    return fold


def _take(fold: _Fold, partition: int, name: str, event: dict[str, Any], at: Any) -> None:
    of, recipient, code = None, event.get("recipient"), None
    dispatch_id = event["dispatch_id"]
    if name == "DispatchRegistered":
        fold.dispatches.append(_dispatch(partition, at, event))
        for each in event["recipients"]:
            fold.note(partition, dispatch_id, each, "registered", at)
    elif name == "DispatchPublished":
        for each in event["confirmed"]:
            fold.note(partition, dispatch_id, each, "published", at)
    else:
        code = event.get("code") or event["outcome"]
        of = fold.note(partition, dispatch_id, event["recipient"], code, at)
    offset, service_ms, append_ms = at
    row = (partition, offset, append_ms, service_ms, name, dispatch_id, of, recipient, code)
    fold.history.append((*row, True, None))


def _dispatch(partition: int, at: Any, event: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(event["dispatch_id"], partition, at[0]),
        *(event[name] for name in _DISPATCH),
        json.dumps(event["limits"]),
        len(event["recipients"]),
        datetime.fromtimestamp(event["handed_over_ms"] / 1000, UTC),
        "",
    )


async def book(
    connection: asyncpg.Connection,
    fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    ticks: dict[int, int],
) -> None:
    """Book a batch; `ticks` counts those of each partition."""
    before = dict(ticks)
    fold = _fold(fetched, ticks)
    async with connection.transaction():
        await connection.fetch(SQL["move_positions"], *_columns(fold.moves))
        if fold.dispatches:
            await connection.execute(SQL["add_dispatches"], *_columns(fold.dispatches))
        for partition, tick in ticks.items() - before.items():
            await connection.fetch(SQL["past_wake"], partition, tick * 1000)
        if fold.facts:
            await _write_deliveries(connection, fold)
        if fold.history:
            await connection.copy_records_to_table(
                "history", columns=_HISTORY, records=fold.history
            )


async def _write_deliveries(connection: asyncpg.Connection, fold: _Fold) -> None:
    for row in await connection.fetch(SQL["accounts"], list(fold.facts)):
        of = row["delivery_id"]
        fold.facts[of] = {**fold.facts[of], **json.loads(row["facts"])}
    rows = [_delivery(of, *fold.about[of], fold.facts[of]) for of in sorted(fold.facts)]
    await connection.execute(SQL["put_deliveries"], *_columns(rows))
    dispatches = {dispatch_id for _, dispatch_id, _ in fold.about.values()}
    await connection.fetch(SQL["documents"], list(dispatches))
    await connection.execute(SQL["announce"], *_columns(_announcements(rows)))
    await connection.execute("NOTIFY hoatoc_announcement")


def _delivery(
    of: UUID, partition: int, dispatch_id: UUID, recipient: str, facts: _Facts
) -> tuple[Any, ...]:
    accepted = "05" in facts
    state = next((_STATES[fact] for fact in _STATES if fact in facts), "registered")
    due = (None, None, None) if accepted else ("accept", 10**9, 10**9)
    version = max(at[0] for places in facts.values() for at in places)
    return (
        *(of, dispatch_id, recipient, partition, state),
        *("accepted" if accepted else "none", "not-asked", json.dumps(facts), "{}"),
        *(not accepted, False, False),
        *due,
        version,
    )


def _announcements(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    updates: dict[UUID, list[dict[str, Any]]] = {}
    for of, dispatch_id, recipient, _, state, *_, version in rows:
        update = {"delivery_id": of, "recipient": recipient, "state": state, "version": version}
        updates.setdefault(dispatch_id, []).append({**update, "code": None, "description": None})
    return [
        ("statuses.G14", b"key", dispatch_id, "DeliveriesUpdated", "trace", _encode(dispatch_id, u))
        for dispatch_id, u in updates.items()
    ]


def _encode(dispatch_id: UUID, updates: list[dict[str, Any]]) -> bytes:
    out = BytesIO()
    event = {"event_id": dispatch_id, "dispatch_id": dispatch_id, "updates": updates}
    fastavro.schemaless_writer(out, _UPDATED, event)
    return out.getvalue()


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def fan_out(to: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
    """Send encoded copies and wait until the broker has confirmed every one."""
    sent = [
        await to.send(r.topic, value=r.value, key=r.key, partition=r.partition) for r in records
    ]
    for future in sent:
        await future
