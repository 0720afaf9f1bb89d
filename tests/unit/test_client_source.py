"""What a record of a topic of documents is to its reader."""

import pytest
from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.client.source import ReaderOutdated, item_of


def record(value: bytes) -> ConsumerRecord:
    return ConsumerRecord(
        topic="documents.G22",
        partition=0,
        offset=7,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=len(value),
        headers=(),
    )


def test_what_is_no_event_is_handed_on_as_it_is() -> None:
    item = item_of(record(b"noise"))
    assert ("8", None, b"noise") == (item.cursor, item.entry, item.raw)
    assert "c3 01" in item.fault


def test_what_a_later_version_wrote_is_no_fault_of_the_document() -> None:
    with pytest.raises(ReaderOutdated, match="offset 7"):
        item_of(record(codec.MARKER + bytes(20)))
