"""Entries: records of `deliveries` as the domain reads them."""

from hoatoc import codec
from hoatoc.domain.walk import Entry


def decoded(offset: int, append_ms: int, value: bytes | None) -> Entry:
    """Return a record as an entry; what cannot be decoded is the ledger's to park."""
    try:
        return Entry(offset, append_ms, codec.decode(value))
    except codec.Undecodable:
        return Entry(offset, append_ms, None)
