"""The registry as a file: CSV or JSON, of the same fields.

A file may leave columns out: an organ that is there keeps what it has in them. An empty cell is a
value: it empties the field. Spreadsheets are met half-way: a byte order mark, `;` or tabs between
the cells and dates like 28/02/2025 are read; what is written is UTF-8, commas and ISO 8601.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hoatoc.domain.registry.fault import Fault, RegistryInvalid, find_faults
from hoatoc.domain.registry.field import (
    COLUMNS,
    CONTROL,
    EMPTY,
    READ,
    REQUIRED,
    SHOWN,
    Read,
    fault_of,
)
from hoatoc.domain.registry.organ import Organ


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file says: a column of values for each field that it gives, and no other.

    A registry has 10⁵ organs: columns are read several times as fast as rows.
    """

    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]


def _whole(line: int, found: str, remedy_vi: str, remedy_en: str) -> Fault:
    """Return a fault of a line as a whole."""
    found = CONTROL.sub(" ", found)[:SHOWN]
    return Fault(line=line, field="*", found=found, remedy_vi=remedy_vi, remedy_en=remedy_en)


def text_of(data: bytes) -> str:
    """Decode a file, UTF-8 with or without a byte order mark; raise `RegistryInvalid`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = data[error.start : error.start + 8].hex(" ")
        remedy = ("lưu lại tệp bằng mã UTF-8", "save the file again as UTF-8")
        raise RegistryInvalid([_whole(line, found, *remedy)]) from error


def read_csv(text: str) -> Sheet:
    """Read a CSV; raise `RegistryInvalid` with the faults of all its lines."""
    text = text.removeprefix("\ufeff")
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in next(reader, [])]
    _require_columns(names, header)
    faults: list[Fault] = []
    lines: list[int] = []
    try:
        rows = list(_cells(reader, len(names), lines, faults))
    except csv.Error as error:
        remedy = ("kiểm tra dấu ngoặc kép ở dòng này", "check the quotation marks of this line")
        raise RegistryInvalid([_whole(reader.line_num, str(error), *remedy)]) from error
    return _sheet(names, lines, rows, faults)


def _require_columns(names: Sequence[str], header: str) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "code" not in names or len(set(names)) < len(names):
        known = ", ".join(COLUMNS)
        remedy_vi = f"dòng đầu là tên các cột, mỗi cột một lần, phải có code; các cột: {known}"
        remedy_en = f"the first line names the columns, code among them, each once; known: {known}"
        raise RegistryInvalid([_whole(1, ", ".join(unknown) or header, remedy_vi, remedy_en)])


def _cells(
    reader: Any, width: int, lines: list[int], faults: list[Fault]
) -> Iterator[Sequence[str]]:
    for cells in reader:
        if len(cells) > width:
            remedy_vi = f"có {len(cells)} ô, cần {width}; đặt ô có dấu phẩy trong ngoặc kép"
            remedy_en = f"{len(cells)} cells, expected {width}; quote a cell with a comma"
            faults.append(_whole(reader.line_num, ",".join(cells), remedy_vi, remedy_en))
        elif any(cells):
            lines.append(reader.line_num)
            yield cells + [""] * (width - len(cells))


def read_json(text: str) -> Sheet:
    """Read a JSON array of objects of the same fields; raise `RegistryInvalid` with all faults."""
    faults: list[Fault] = []
    try:
        placed = list(_objects(text.removeprefix("\ufeff")))
    except json.JSONDecodeError as error:
        remedy = ("viết một mảng JSON gồm các đối tượng", "write a JSON array of objects")
        raise RegistryInvalid([_whole(error.lineno, error.msg, *remedy)]) from error
    names = list(placed[0][1]) if placed and isinstance(placed[0][1], dict) else list(REQUIRED)
    lines, rows = [], []
    for line, value in placed:
        cells = _as_cells(value, names)
        if cells is None:
            wanted = ", ".join(names)
            remedy = (f"viết đối tượng có các trường {wanted}", f"write an object of {wanted}")
            faults.append(_whole(line, json.dumps(value, ensure_ascii=False), *remedy))
        else:
            lines.append(line)
            rows.append(cells)
    _require_columns(names, ", ".join(names))
    return _sheet(names, lines, rows, faults)


_GAP = re.compile(r"\s*")


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    """Yield each element of an array with its line, which `json.loads` does not tell."""
    decoder = json.JSONDecoder()
    at, line, seen = _after(text, _after(text, 0), "["), 1, 0
    while text[at : at + 1] != "]":
        line, seen = line + text.count("\n", seen, at), at
        value, end = decoder.raw_decode(text, at)
        yield line, value
        at = _after(text, end)
        if text[at : at + 1] != "]":
            at = _after(text, at, ",")
    if (end := _after(text, at, "]")) < len(text):
        raise json.JSONDecodeError("more than one array", text, end)


def _after(text: str, at: int, mark: str = "") -> int:
    """Return the place after a mark and the white space behind it."""
    if not text.startswith(mark, at):
        raise json.JSONDecodeError(f"expected {mark}", text, at)
    gap = _GAP.match(text, at + len(mark))
    return gap.end() if gap else at


def _as_cells(value: Any, names: Sequence[str]) -> list[str] | None:
    """Return an object's fields as a CSV has them; none if it holds something else."""
    if not isinstance(value, dict) or value.keys() != set(names):
        return None
    cells = [_as_cell(value[name]) for name in names]
    return None if None in cells else cells  # type: ignore[return-value]


def _as_cell(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return value if isinstance(value, str) else None


def _sheet(
    names: Sequence[str], lines: Sequence[int], rows: Sequence[Sequence[str]], faults: list[Fault]
) -> Sheet:
    texts = zip(*rows, strict=True) if rows else (() for _ in names)
    written = dict(zip(names, texts, strict=True))
    columns = {name: _column(name, written, lines, faults) for name in names}
    faults += _repeated(written["code"], lines)
    if faults:
        raise RegistryInvalid(faults)
    return Sheet(lines, columns)


def _column(
    name: str, written: Mapping[str, Sequence[str]], lines: Sequence[int], faults: list[Fault]
) -> Sequence[Any]:
    read, texts = READ[name], written[name]
    if name in EMPTY and not any(texts):
        return [EMPTY[name]] * len(texts)
    try:
        values = {text: read(text.strip()) for text in set(texts)}
    except ValueError:
        faults += [
            fault_of(line, code.strip(), name, text.strip())
            for line, code, text in zip(lines, written["code"], texts, strict=True)
            if not _reads(read, text.strip())
        ]
        return []
    return [values[text] for text in texts]


def _reads(read: Read, text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _repeated(codes: Sequence[str], lines: Sequence[int]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for code, line in zip(map(str.strip, codes), lines, strict=True):
        if code not in seen:
            seen[code] = line
        elif code:  # a missing one was told of already
            first = seen[code]
            yield Fault(
                line=line,
                organ=code,
                field="code",
                found=code,
                remedy_vi=f"mã đã có ở dòng {first}; hãy bỏ một dòng",
                remedy_en=f"line {first} has it already; remove one of the two",
            )


def new_organs(sheet: Sheet, which: Sequence[int] | None = None) -> list[Organ]:
    """Return organs as their lines alone make them; `which` chooses lines by index.

    Raises `RegistryInvalid` when a column is missing that a new organ cannot do without.
    """
    chosen = range(len(sheet.lines)) if which is None else which
    missing = [name for name in REQUIRED if name not in sheet.columns]
    if missing and (chosen or which is None):
        line = sheet.lines[chosen[0]] if which else 1
        code = sheet.columns["code"][chosen[0]] if which else ""
        raise RegistryInvalid([fault_of(line, code, name, "") for name in missing])
    given = sheet.columns
    if which is not None:
        given = {name: [column[i] for i in which] for name, column in given.items()}
    return list(
        map(Organ, *(given.get(name) or [EMPTY.get(name)] * len(chosen) for name in COLUMNS))
    )


def sheet_of(texts: Mapping[str, str]) -> Sheet:
    """Return one organ's fields as a sheet; raise `RegistryInvalid` with all its faults."""
    return _sheet(list(texts), [0], [list(texts.values())], [])


def parse_organs(text: str) -> tuple[Organ, ...]:
    """Read a whole registry from CSV; raise `RegistryInvalid` with all its faults."""
    sheet = read_csv(text)
    organs = tuple(new_organs(sheet))
    if faults := find_faults(organs, sheet.lines):
        raise RegistryInvalid(faults)
    return organs


def write_csv(organs: Iterable[Organ]) -> str:
    """Write organs as CSV, in the order given."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([text_in_file(getattr(organ, name)) for name in COLUMNS] for organ in organs)
    return text.getvalue()


def text_in_file(value: Any) -> str:
    """Return the value of a field as a CSV has it."""
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, bool):
        return "1" if value else ""
    return value.isoformat() if isinstance(value, date) else str(value or "")


def as_json(organ: Organ) -> dict[str, Any]:
    """Return an organ as the values that JSON has."""
    return {name: _jsonable(getattr(organ, name)) for name in COLUMNS}


def _jsonable(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, date) else value


def write_json(organs: Iterable[Organ]) -> str:
    """Write organs as a JSON array, a line each, in the order given."""
    lines = (json.dumps(as_json(organ), ensure_ascii=False) for organ in organs)
    return "[\n" + ",\n".join(lines) + "\n]\n"
