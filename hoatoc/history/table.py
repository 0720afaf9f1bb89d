"""Tables of the books as PostgreSQL prints them: CSV with a header, read row by row."""

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints
from uuid import UUID

import msgspec

from hoatoc.history.damage import RecordDamaged
from hoatoc.history.row import Place

Row = TypeVar("Row", bound=NamedTuple)


def columns(file: Path, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield the texts of some columns, row by row."""
    with file.open(encoding="utf-8", newline="") as stored:
        pick = itemgetter(*names)
        yield from map(pick, csv.DictReader(stored))


class Table(Generic[Row]):
    """One table of the books, as PostgreSQL prints it with a header."""

    def __init__(self, folder: Path, name: str, row: type[Row], in_order: int = 0) -> None:
        self._file, self._row, self._in_order = folder / f"{name}.csv", row, in_order
        if folder.is_dir() and not self._file.exists():
            raise RecordDamaged(f"{self._file} is missing: save every table of the books")

    def __iter__(self) -> Iterator[Row]:
        if not self._file.exists():
            return
        with self._file.open(encoding="utf-8", newline="") as stored:
            yield from self._rows(csv.reader(stored, strict=True))

    def _rows(self, lines: Any) -> Iterator[Row]:
        make, wide, last = self._row._make, self._in_order, ()
        try:
            columns = self._columns(next(lines, []))
            for line in lines:
                row = make([convert(line[at]) for at, convert in columns])
                if wide:
                    last = _behind(last, row[:wide])
                yield row
        except (ValueError, KeyError, IndexError, csv.Error) as error:
            raise self._damaged(lines.line_num, error) from error

    def _columns(self, header: Sequence[str]) -> list[tuple[int, Callable[[str], Any]]]:
        """Return (column, conversion) of each field; one that has a default may be missing."""
        places = {name: at for at, name in enumerate(header)}
        types = get_type_hints(self._row)
        columns: list[tuple[int, Callable[[str], Any]]] = []
        for name in self._row._fields:
            if name in places:
                columns.append((places[name], _conversion(name, types[name])))
            elif name in self._row._field_defaults:
                columns.append((0, _always(self._row._field_defaults[name])))
            else:
                raise ValueError(f"the column {name} is missing in the header")
        return columns

    def _damaged(self, line: int, error: Exception) -> RecordDamaged:
        remedy = "save it again with `hoatoc.history.save.save_books`"
        return RecordDamaged(f"{self._file}, line {line}: {self._what(line, error)}: {remedy}")

    def _what(self, line: int, error: Exception) -> str:
        """Name the column that cannot be read, if it is one."""
        with self._file.open(encoding="utf-8", newline="") as stored:
            rows = csv.reader(stored)
            try:
                columns = self._columns(next(rows, []))
                row = next(row for row in rows if rows.line_num >= line)
            except (ValueError, StopIteration, csv.Error):
                return str(error)
        for name, (at, convert) in zip(self._row._fields, columns, strict=True):
            try:
                convert(row[at])
            except (ValueError, KeyError):
                return f"the column {name} cannot hold {row[at]!r}"
            except IndexError:
                return f"the column {name} is missing"
        return str(error)


def _conversion(name: str, of: Any) -> Callable[[str], Any]:
    """Return how the text of a column becomes its value; a digest is printed as hex."""
    return _digest if name.endswith("sha256") else CONVERSIONS[of]


def _digest(text: str) -> str:
    return text.removeprefix("\\x")


def _behind(last: tuple[Any, ...], place: tuple[Any, ...]) -> tuple[Any, ...]:
    if place <= last:
        raise ValueError(f"{place} stands behind {last}: sort the rows")
    return place


def _always(value: object) -> Callable[[str], object]:
    return lambda _text: value


def _place(text: str) -> Place:
    offset, service_ms, append_ms = text.strip("{}[]").split(",")
    return Place(int(offset), int(service_ms), int(append_ms))


def _uuid(text: str) -> UUID:
    return msgspec.convert(text, UUID)


def _maybe(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: convert(text) if text else None


CONVERSIONS: dict[Any, Callable[[str], Any]] = {
    int: int,
    str: str,
    UUID: _uuid,
    bool: {"t": True, "f": False, "true": True, "false": False}.__getitem__,
    Place: _place,
    int | None: _maybe(int),
    str | None: lambda text: text or None,
    UUID | None: _maybe(_uuid),
    Place | None: _maybe(_place),
}
