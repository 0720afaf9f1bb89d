"""The wire format: Avro single-object encoding."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import fields, replace
from importlib.resources import files
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import avro.schema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoatoc import codec
from hoatoc.domain import event as events
from hoatoc.domain.event import EVENTS, Event, StatusReported, Tick

SCHEMAS: Mapping[str, Any] = {
    name: json.loads((files("schemas.avro") / f"{name}.avsc").read_text("utf-8")) for name in EVENTS
}
LONG = st.integers(-(2**63), 2**63 - 1)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**31), 2**31 - 1),
    str: st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    bytes: st.binary(),
    UUID: st.uuids(),
}


def values(annotation: Any, long: bool) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a field."""
    if isinstance(annotation, UnionType):
        some, _ = get_args(annotation)
        return st.none() | values(some, long)
    if get_origin(annotation) is list:
        return st.lists(values(get_args(annotation)[0], long), max_size=3)
    if dataclasses.is_dataclass(annotation):
        return objects(annotation)
    plain: st.SearchStrategy[Any] = LONG if annotation is int and long else BY_TYPE[annotation]
    return plain


def objects(cls: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the objects of a class."""
    hints = get_type_hints(cls)
    return st.builds(
        cls, **{f.name: values(hints[f.name], f.name.endswith("_ms")) for f in fields(cls)}
    )


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_comes_back_as_it_was(name: str) -> None:
    @settings(max_examples=25)
    @given(objects(EVENTS[name]))
    def comes_back(event: Event) -> None:
        assert event == codec.decode(codec.encode(event))

    comes_back()


AVRO: dict[Any, Any] = {
    str: {"string"},
    int: {"int", "long"},
    bytes: {"bytes", "fixed"},
    UUID: {"uuid"},
}


def same(annotation: Any, schema: Any) -> bool:
    """Tell whether a field's annotation and its schema say the same."""
    if isinstance(annotation, UnionType):
        some, none = get_args(annotation)
        return none is type(None) and schema[0] == "null" and same(some, schema[1])
    if get_origin(annotation) is list:
        return bool(schema["type"] == "array") and same(get_args(annotation)[0], schema["items"])
    if dataclasses.is_dataclass(annotation):
        return schema["name"] == annotation.__name__ and record(annotation, schema)  # type: ignore[union-attr]
    told = schema.get("logicalType", schema["type"]) if isinstance(schema, dict) else schema
    return told in AVRO[annotation]


def record(cls: Any, schema: Any) -> bool:
    """Tell whether a class and a record have the same fields, in order; and what the schema's
    defaults are, the class's are too.
    """
    hints = get_type_hints(cls)
    assert [f["name"] for f in schema["fields"]] == [f.name for f in fields(cls)]
    defaults = {f["name"]: f["default"] for f in schema["fields"] if "default" in f}
    assert defaults == {f.name: f.default for f in fields(cls) if f.name in defaults}
    wrong = [f["name"] for f in schema["fields"] if not same(hints[f["name"]], f["type"])]
    return not wrong


@pytest.mark.parametrize("name", EVENTS)
def test_the_classes_and_the_schemas_say_the_same(name: str) -> None:
    assert name == SCHEMAS[name]["name"]
    assert record(EVENTS[name], SCHEMAS[name])


@pytest.mark.parametrize("name", EVENTS)
def test_the_schemas_are_schemas_to_the_avro_projects_own_library(name: str) -> None:
    assert f"vn.hoatoc.{name}" == getattr(
        avro.schema.parse(json.dumps(SCHEMAS[name])), "fullname", None
    )


def test_every_schema_has_its_event_and_every_event_its_schema() -> None:
    found = {f.name for f in files("schemas.avro").iterdir() if f.name.endswith(".avsc")}
    assert {f"{name}.avsc" for name in EVENTS} == found


@pytest.mark.parametrize("name", EVENTS)
def test_no_schema_holds_what_could_not_evolve(name: str) -> None:
    """No enums, and no unions but with null first."""

    def parts(schema: Any) -> list[Any]:
        if isinstance(schema, dict):
            inner = [f["type"] for f in schema.get("fields", [])]
            return [schema, *(p for s in [*inner, schema.get("items")] for p in parts(s))]
        return [schema, *(p for s in schema for p in parts(s))] if isinstance(schema, list) else []

    found = parts(SCHEMAS[name])
    assert [] == [p for p in found if isinstance(p, dict) and p.get("type") == "enum"]
    unions = [p for p in found if isinstance(p, list)]
    assert [] == [u for u in unions if u[0] != "null" or len(u) != 2]


def fingerprint(text: bytes) -> int:
    """Return the CRC-64-AVRO of a canonical schema, as the specification's listing has it."""
    empty = crc = 0xC15D213AA4D7A795
    for byte in text:
        low = (crc ^ byte) & 0xFF
        for _ in range(8):
            low = low >> 1 ^ (empty & -(low & 1))
        crc = crc >> 8 ^ low
    return crc


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(b'"null"', 7195948357588979594), (b'"int"', 8247732601305521295)],
)
def test_the_fingerprint_is_that_of_the_avro_project(schema: bytes, expected: int) -> None:
    assert expected == fingerprint(schema)


CANONICAL = (
    b'{"name":"vn.hoatoc.StatusReported","type":"record","fields":['
    b'{"name":"event_id","type":"string"},{"name":"dispatch_id","type":"string"},'
    b'{"name":"recipient","type":"string"},{"name":"code","type":"string"},'
    b'{"name":"description","type":["null","string"]},'
    b'{"name":"reported_ms","type":["null","long"]},'
    b'{"name":"put_back_of","type":["null","string"]}]}'
)
SAMPLE = StatusReported(event_id=UUID(int=1), dispatch_id=UUID(int=2), recipient="R1", code="03")


def test_a_value_begins_with_the_marker_and_the_fingerprint_of_its_schema() -> None:
    expected = b"\xc3\x01" + fingerprint(CANONICAL).to_bytes(8, "little")
    assert expected == codec.encode(SAMPLE)[:10]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "found nothing"),
        (b"", "found nothing"),
        (b"\xc3", "found c3"),
        (b"\xc3\x01\x00", "found c3 01 00"),
        (b'{"code":"03"}', "found 7b 22"),
        (b"\x00\x00\x00\x00\x01" + bytes(20), "found 00 00"),
        (b"\xc3\x02" + bytes(20), "found c3 02"),
        (b"\xc3\x01" + bytes(20), "fingerprint 0000000000000000 is not known"),
        (codec.encode(SAMPLE)[:10], "StatusReported: the body cannot be read"),
        (codec.encode(SAMPLE)[:-1], "StatusReported: the body cannot be read"),
        (codec.encode(SAMPLE) + b"\x00", "StatusReported: bytes follow the body"),
        (codec.encode(SAMPLE) * 2, "StatusReported: bytes follow the body"),
    ],
)
def test_what_is_not_ours_is_a_named_error(data: bytes | None, said: str) -> None:
    with pytest.raises(codec.Undecodable, match=said):
        codec.decode(data)


@pytest.mark.parametrize("around", ["", "x" * 100], ids=["flat", "general"])
def test_no_text_holds_what_the_database_cannot_keep(around: str) -> None:
    event = replace(SAMPLE, description=f"a?b{around}")
    with pytest.raises(codec.Undecodable, match="StatusReported: a text holds U\\+0000"):
        codec.decode(codec.encode(event).replace(b"a?b", b"a\0b"))
    for letter, kept in (("\0", "\ufffd"), ("\ud800", "?")):
        quoting = replace(SAMPLE, description=f"a{letter}b{around}")
        expected = replace(SAMPLE, description=f"a{kept}b{around}")
        assert expected == codec.decode(codec.encode(quoting))


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=60))
def test_no_bytes_whatever_are_anything_but_an_event_or_a_named_error(
    name: str, body: bytes
) -> None:
    header = codec._writers()[1][EVENTS[name]][0]
    try:
        decoded = codec.decode(header + body)
    except codec.Undecodable:
        return
    assert isinstance(decoded, EVENTS[name])
    assert decoded == codec.decode(codec.encode(decoded))


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_flipped_byte_is_an_event_or_a_named_error(place: int, byte: int) -> None:
    data = bytearray(codec.encode(SAMPLE))
    data[place % len(data)] = byte
    try:
        assert isinstance(codec.decode(bytes(data)), get_args(Event))
    except codec.Undecodable:
        return


def test_the_fields_of_an_unknown_code_are_kept_as_they_are() -> None:
    strange = replace(SAMPLE, code="77-tạm", description="chưa rõ")
    assert strange == codec.decode(codec.encode(strange))


def test_events_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SAMPLE.code = "04"  # type: ignore[misc]


def test_a_tick_is_small() -> None:
    tick = Tick(
        event_id=UUID(int=1),
        path="intake",
        shard=0,
        shards=1,
        paths=["intake"],
        writer="intake-0123456789ab",
        clock_ms=1_760_000_000_000,
        max_gap_ms=5_000,
        calendar_version=0,
    )
    assert len(codec.encode(tick)) < 120
    assert events.EVENTS["Tick"] is Tick
