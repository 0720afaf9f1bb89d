"""Avro single-object encoding of the events, over fastavro.

A value is `C3 01`, the CRC-64-AVRO fingerprint of the writer's schema (little-endian), and the
body (Avro 1.12, "Single-object encoding"). The schemas, released and current, ship in
`schemas/avro`; a value is decoded with its writer's schema and adapted to the class in code:
a field that the writer did not know takes the class's default.

Most records are small and flat: answers, ticks, proposals. `FlatRecord` reads and writes these at a
third of the cost, and only where every field is as usual; whatever is not goes the general way, so
that values, bytes and faults are the same.

No text of an event holds U+0000, which PostgreSQL cannot keep: a value with one is not ours, and of
what is quoted in an event of ours it becomes U+FFFD, and half of a surrogate pair `?`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form
from fastavro.types import Schema

from hoatoc.domain import event
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import EVENTS, Event
from hoatoc.domain.text import kept
from hoatoc.flat_record import FlatRecord, Unusual

MARKER = b"\xc3\x01"
_PREFIX = len(MARKER) + 8
_NESTED: dict[str, Callable[..., Any]] = {
    "limits": event.Limits,
    "refused": event.Refusal,
    "updates": event.DeliveryUpdate,
    "headers": event.Header,
}


class Undecodable(PeerFault):
    """The bytes are not one of our events; the message says what was found.

    `schema_unknown`: they may be one of a later version.
    """

    def __init__(self, text: str, *, schema_unknown: bool = False) -> None:
        self.schema_unknown = schema_unknown
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class _Writer:
    name: str
    schema: Schema
    nested: tuple[str, ...]
    unknown: frozenset[str]
    """fields that the class does not have (any more)"""
    flat: FlatRecord | None


def _schema_files() -> Iterator[tuple[Traversable, bool]]:
    """Yield every schema, and whether it is a current one."""
    root = files("schemas.avro")
    for folder in (root, *(root / "released").iterdir()):
        for file in folder.iterdir():
            if file.name.endswith(".avsc"):
                yield file, folder is root


@cache
def _writers() -> tuple[dict[bytes, _Writer], dict[type, tuple[bytes, _Writer]]]:
    """Index every schema by its fingerprint, and the current ones by their class."""
    by_print: dict[bytes, _Writer] = {}
    current: dict[type, tuple[bytes, _Writer]] = {}
    for file, is_current in _schema_files():
        schema = json.loads(file.read_text("utf-8"))
        name = schema["name"]
        nested = tuple(f["name"] for f in schema["fields"] if f["name"] in _NESTED)
        crc = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        unknown = frozenset(f["name"] for f in schema["fields"]) - {*_names(EVENTS[name])}
        flat = None if unknown else FlatRecord.of(EVENTS[name], schema["fields"])
        parsed = fastavro.parse_schema(schema, named_schemas={})
        writer = _Writer(name, parsed, nested, unknown, flat)
        if crc not in by_print:
            by_print[crc] = writer
        if is_current:
            current[EVENTS[name]] = (MARKER + crc, writer)
    return by_print, current


def _names_of(cls: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls))


_names: Callable[[Any], tuple[str, ...]] = cache(_names_of)


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _names(type(value))}


def encode(value: Event) -> bytes:
    """Encode an event as one single object."""
    header, writer = _writers()[1][type(value)]
    if writer.flat is not None:
        with suppress(Unusual):
            return writer.flat.write(header, value)
    record = _plain(value)
    for name in writer.nested:
        inner = record[name]
        record[name] = [_plain(i) for i in inner] if isinstance(inner, list) else _plain(inner)
    if _holds_nul(record):
        record = _kept(record)
    try:
        return _written(header, writer.schema, record)
    except UnicodeEncodeError:
        return _written(header, writer.schema, _kept(record))


def _written(header: bytes, schema: Schema, record: dict[str, Any]) -> bytes:
    out = BytesIO()
    out.write(header)
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def decode(data: bytes | None) -> Event:
    """Decode one single object.

    Raises Undecodable when the marker, the fingerprint or the body is not one of ours.
    """
    if data is None or len(data) < _PREFIX or not data.startswith(MARKER):
        found = "nothing" if not data else f"{data[:4].hex(' ')}…"
        raise Undecodable(f"expected an Avro single object (c3 01 …), found {found}")
    writer = _writers()[0].get(data[2:_PREFIX])
    if writer is None:
        raise Undecodable(
            f"schema fingerprint {data[2:_PREFIX].hex()} is not known: upgrade the reader, "
            "or write with a schema of schemas/avro",
            schema_unknown=True,
        )
    if writer.flat is not None:
        with suppress(Unusual):
            flat: Event = writer.flat.read(data, _PREFIX)
            return flat
    body = BytesIO(data)
    body.seek(_PREFIX)
    try:
        record: Any = fastavro.schemaless_reader(body, writer.schema, None)
    except Exception as error:  # fastavro raises whatever the bytes lead it to
        # Not its text, which may quote the body: a hand-over may hold a state secret.
        found = type(error).__name__
        raise Undecodable(f"{writer.name}: the body cannot be read ({found})") from error
    if body.read(1):
        raise Undecodable(f"{writer.name}: bytes follow the body")
    if _holds_nul(record):
        raise Undecodable(f"{writer.name}: a text holds U+0000, which cannot be kept: leave it out")
    return _adapt(writer, record)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_holds_nul, value.values()))
    return isinstance(value, list) and any(map(_holds_nul, value))


def _kept(value: Any) -> Any:
    """Return a value whose texts are such as can be kept."""
    if isinstance(value, str):
        return kept(value)
    if isinstance(value, dict):
        return {name: _kept(inner) for name, inner in value.items()}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


def _adapt(writer: _Writer, record: dict[str, Any]) -> Event:
    for name in writer.nested:
        make, inner = _NESTED[name], record[name]
        record[name] = [make(**i) for i in inner] if isinstance(inner, list) else make(**inner)
    for name in writer.unknown:
        del record[name]
    return EVENTS[writer.name](**record)
