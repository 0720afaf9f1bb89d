"""Flat records: small events in Avro's binary encoding, read and written field by field.

It knows the fields that such events have: texts and UUIDs of fewer than 64 bytes, whole numbers,
lists of short texts, and each of the first three or null. Where a field is not so, or the bytes do
not end where the record does, it says `Unusual` and leaves the record to fastavro.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

_UUID = {"type": "string", "logicalType": "uuid"}
_TEXTS = {"type": "array", "items": "string"}
_KINDS: tuple[tuple[object, str], ...] = (
    (_UUID, "uuid"),
    ("string", "text"),
    ("int", "int"),
    ("long", "long"),
    (_TEXTS, "texts"),
    (["null", _UUID], "uuid?"),
    (["null", "string"], "text?"),
    (["null", "long"], "long?"),
)
_RANGES = {"int": 31, "long": 63}
_UUID_LENGTH = 2 * 36
_LONGEST = 64


class Unusual(Exception):
    """The record is not one that is read or written here."""


@dataclass(frozen=True, slots=True)
class FlatRecord:
    """The fields of a record, in the order of its schema."""

    make: Callable[..., Any]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: Callable[[Any], tuple[object, ...]]

    @classmethod
    def of(
        cls, make: Callable[..., Any], schema: Sequence[Mapping[str, object]]
    ) -> "FlatRecord | None":
        """Return the flat record of a schema's fields; None if it has others."""
        names = tuple(str(field["name"]) for field in schema)
        kinds = [next((k for of, k in _KINDS if of == field["type"]), "") for field in schema]
        if len(names) < 2 or not all(kinds):
            return None
        return cls(make, names, tuple(kinds), attrgetter(*names))

    def read(self, data: bytes, at: int) -> Any:
        """Return the record that begins at an offset; raises Unusual."""
        values: list[object] = []
        try:
            for kind in self.kinds:
                value, at = _read(kind, data, at)
                values.append(value)
        except (IndexError, ValueError) as error:
            raise Unusual from error
        if at != len(data):
            raise Unusual
        return self.make(**dict(zip(self.names, values, strict=True)))

    def write(self, header: bytes, record: object) -> bytes:
        """Return the bytes of a record behind a header; raises Unusual."""
        parts = [header]
        for kind, value in zip(self.kinds, self.values(record), strict=True):
            _write(kind, value, parts)
        return b"".join(parts)


def _read(kind: str, data: bytes, at: int) -> tuple[object, int]:
    """Return a field and where it ends, which may lie behind the data."""
    if kind[-1] == "?":
        branch = data[at]
        at += 1
        if branch == 0:
            return None, at
        if branch != 2:
            raise Unusual
        kind = kind[:-1]
    if kind == "text":
        return _read_text(data, at)
    if kind == "uuid":
        if data[at] != _UUID_LENGTH:
            raise Unusual
        return UUID(data[at + 1 : at + 37].decode()), at + 37
    if kind == "texts":
        return _read_texts(data, at)
    return _read_number(_RANGES[kind], data, at)


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    length = data[at]
    if length & 0x81:
        raise Unusual
    end = at + 1 + (length >> 1)
    text = data[at + 1 : end].decode()
    if "\0" in text:
        raise Unusual
    return text, end


def _read_texts(data: bytes, at: int) -> tuple[list[str], int]:
    found: list[str] = []
    count = data[at]
    if count & 0x81:
        raise Unusual
    at += 1
    for _ in range(count >> 1):
        text, at = _read_text(data, at)
        found.append(text)
    if found:
        if data[at] != 0:
            raise Unusual
        at += 1
    return found, at


def _read_number(bits: int, data: bytes, at: int) -> tuple[int, int]:
    coded = shift = 0
    while (byte := data[at]) & 0x80:
        coded |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    coded |= byte << shift
    if coded >> (bits + 1):
        raise Unusual
    return (coded >> 1) ^ -(coded & 1), at + 1


def _write(kind: str, value: object, parts: list[bytes]) -> None:
    """Add the bytes of a field."""
    if kind[-1] == "?":
        if value is None:
            parts.append(b"\x00")
            return
        parts.append(b"\x02")
        kind = kind[:-1]
    if kind == "text":
        _write_text(value, parts)
    elif kind == "uuid":
        if type(value) is not UUID:
            raise Unusual
        parts += (b"\x48", str(value).encode())
    elif kind == "texts":
        _write_texts(value, parts)
    else:
        parts.append(_number(_RANGES[kind], value))


def _write_text(value: object, parts: list[bytes]) -> None:
    if not isinstance(value, str) or "\0" in value:
        raise Unusual
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise Unusual from error
    if len(data) >= _LONGEST:
        raise Unusual
    parts += (bytes((len(data) << 1,)), data)


def _write_texts(value: object, parts: list[bytes]) -> None:
    if type(value) is not list or len(value) >= _LONGEST:
        raise Unusual
    if value:
        parts.append(bytes((len(value) << 1,)))
        for text in value:
            _write_text(text, parts)
    parts.append(b"\x00")


def _number(bits: int, value: object) -> bytes:
    if type(value) is not int or not -(1 << bits) <= value < 1 << bits:
        raise Unusual
    coded = value << 1 if value >= 0 else ~(value << 1)
    out = bytearray()
    while coded > 0x7F:
        out.append(coded & 0x7F | 0x80)
        coded >>= 7
    out.append(coded)
    return bytes(out)
