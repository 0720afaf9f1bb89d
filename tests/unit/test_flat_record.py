"""Flat records: the short way gives what the general one gives, or leaves the record to it."""

from dataclasses import fields, replace
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc import codec
from hoatoc.domain.deadline import Kind
from hoatoc.domain.event import (
    DeadlinePassed,
    DispatchRegistered,
    Event,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.flat_record import FlatRecord, Unusual

ID = UUID(int=7)
ANSWER = StatusReported(event_id=ID, dispatch_id=ID, recipient="H33.01", code="01")
TICK = Tick(
    event_id=ID,
    path="intake",
    shard=0,
    shards=1,
    paths=["intake", "gateway"],
    writer="intake-1",
    clock_ms=1_760_000_000_000,
    max_gap_ms=5_000,
    calendar_version=1,
)
PROPOSAL = DeadlinePassed(event_id=ID, delivery_id=ID, kind=Kind.ARRIVE, due_ms=25_000)
DONE = TransportAcknowledged(event_id=ID, dispatch_id=ID, recipient="H33", outcome="done")
USUAL = (ANSWER, replace(ANSWER, reported_ms=-1, put_back_of=ID), TICK, PROPOSAL, DONE)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=70)
numbers = st.integers(-(2**63), 2**63 - 1) | st.sampled_from((0, -1, 63, 64, -64, -65))
answers = st.builds(
    StatusReported,
    event_id=st.uuids(),
    dispatch_id=st.uuids(),
    recipient=texts,
    code=texts,
    description=st.none() | texts,
    reported_ms=st.none() | numbers,
    put_back_of=st.none() | st.uuids(),
)
ticks = st.builds(
    Tick,
    event_id=st.uuids(),
    path=texts,
    shard=st.integers(-(2**31), 2**31 - 1),
    shards=st.just(1),
    paths=st.lists(texts, max_size=70),
    writer=texts,
    clock_ms=numbers,
    max_gap_ms=numbers,
    calendar_version=st.integers(0, 2**31 - 1),
)


def parts(value: Event) -> tuple[bytes, Any, FlatRecord]:
    """Return the header, the schema and the flat record of an event."""
    header, writer = codec._writers()[1][type(value)]
    assert writer.flat is not None
    return header, writer.schema, writer.flat


def generally(value: Event) -> bytes:
    """Return the bytes that fastavro writes."""
    header, schema, _ = parts(value)
    out = BytesIO()
    record = {each.name: getattr(value, each.name) for each in fields(value)}
    fastavro.schemaless_writer(out, schema, record)
    return header + out.getvalue()


@pytest.mark.parametrize("value", USUAL, ids=lambda value: type(value).__name__)
def test_a_usual_record_goes_the_short_way_and_comes_back(value: Event) -> None:
    header, _, flat = parts(value)
    data = flat.write(header, value)
    assert generally(value) == data
    assert value == flat.read(data, len(header))


@given(answers | ticks)
def test_both_ways_write_the_same_bytes_and_read_the_same_record(value: Event) -> None:
    header, _, flat = parts(value)
    data = generally(value)
    try:
        assert data == flat.write(header, value)
        assert value == flat.read(data, len(header))
    except Unusual:
        lists = getattr(value, "paths", [])
        longest = max(len(text.encode()) for text in (*lists, *_texts(value)))
        assert longest > 63 or len(lists) > 63
    assert data == codec.encode(value)
    assert value == codec.decode(data)


def _texts(value: Event) -> list[str]:
    found = (getattr(value, each.name) for each in fields(value))
    return [one for one in found if isinstance(one, str)]


@given(st.sampled_from(USUAL), st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_of_damaged_bytes_the_short_way_reads_what_the_general_one_reads_or_nothing(
    value: Event, place: int, put: bytes, cut: int
) -> None:
    header, schema, flat = parts(value)
    whole = generally(value)
    at = len(header) + place % (len(whole) - len(header) + 1)
    data = whole[:at] + put + whole[at + cut :]
    try:
        read = flat.read(data, len(header))
    except Unusual:
        return
    body = BytesIO(data[len(header) :])
    record: Any = fastavro.schemaless_reader(body, schema, None)
    assert type(value)(**record) == read
    assert b"" == body.read()


@pytest.mark.parametrize(
    "value",
    [
        replace(ANSWER, code="x" * 64),
        replace(ANSWER, reported_ms=2**63),
        replace(TICK, shard=2**31),
        replace(TICK, paths=["x"] * 64),
        replace(ANSWER, code="\ud800"),
        replace(ANSWER, code=1),  # type: ignore[arg-type]
        replace(ANSWER, event_id=str(ID)),  # type: ignore[arg-type]
        replace(TICK, shard=True),
        replace(TICK, paths=("intake",)),  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_what_is_not_as_usual_is_left_to_the_general_way(value: Event) -> None:
    header, _, flat = parts(value)
    with pytest.raises(Unusual):
        flat.write(header, value)


def test_a_record_with_other_fields_is_not_flat() -> None:
    assert codec._writers()[1][DispatchRegistered][1].flat is None
