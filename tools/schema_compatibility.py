"""Check that every schema is FULL_TRANSITIVE compatible with every released version of it.

`python -m tools.schema_compatibility` exits 1 and says what breaks; `--release N` freezes the
current schemas as version N. Besides, it keeps the rules that make evolution possible: one record
a file, named as the file; no enums; no unions but with null; every field documented.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

FOLDER = Path(__file__).parents[1] / "schemas" / "avro"
RELEASED = FOLDER / "released"


def released() -> Iterator[Path]:
    """Yield every released schema."""
    yield from sorted(RELEASED.glob("*/*.avsc"))


def breaks(current: str, earlier: str) -> list[str]:
    """Return why one of two schemas cannot read what the other writes."""
    new, old = avro.schema.parse(current), avro.schema.parse(earlier)
    found = []
    for reader, writer, way in ((new, old, "backward"), (old, new, "forward")):
        checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
        result = checker.get_compatibility(reader, writer)
        if result.compatibility is not SchemaCompatibilityType.compatible:
            found += [f"{way}: {message}" for message in sorted(result.messages)]
    return found


def rule_faults(schema: dict[str, Any]) -> Iterator[str]:
    """Yield what in a record would make it hard to evolve or to understand."""
    if not schema.get("doc"):
        yield f"{schema['name']}: no doc"
    for field in schema["fields"]:
        name = f"{schema['name']}.{field['name']}"
        if not field.get("doc"):
            yield f"{name}: no doc"
        if isinstance(field["type"], list) and "default" not in field:
            yield f"{name}: a field that may be null needs a default"
        yield from _type_faults(name, field["type"])


def _type_faults(name: str, kind: Any) -> Iterator[str]:
    if isinstance(kind, list):
        if len(kind) != 2 or kind[0] != "null":
            yield f"{name}: a union but with null"
        for inner in kind:
            yield from _type_faults(name, inner)
    elif isinstance(kind, dict):
        if kind["type"] == "enum":
            yield f"{name}: an enum cannot grow; use a string"
        elif kind["type"] == "record":
            yield from rule_faults(kind)
        elif kind["type"] == "array":
            yield from _type_faults(name, kind["items"])


def faults() -> list[str]:
    """Return everything that is wrong with the schemas."""
    current = {file.name: file for file in sorted(FOLDER.glob("*.avsc"))}
    found = []
    for name, file in current.items():
        schema = json.loads(file.read_text("utf-8"))
        if f"{schema['name']}.avsc" != name:
            found.append(f"{name} holds {schema['name']}")
        found += rule_faults(schema)
    for file in released():
        if file.name not in current:
            found.append(f"{file.name}: released as {file.parent.name}, and gone")
            continue
        why = breaks(current[file.name].read_text("utf-8"), file.read_text("utf-8"))
        found += [f"{file.name} against release {file.parent.name}: {reason}" for reason in why]
    return found


def release(version: str) -> None:
    """Freeze the current schemas as a released version."""
    folder = RELEASED / version
    folder.mkdir(parents=True)
    for file in FOLDER.glob("*.avsc"):
        shutil.copy(file, folder)


def main(arguments: list[str]) -> int:
    """Check, or release; return the exit status."""
    if arguments[:1] == ["--release"]:
        release(arguments[1])
    found = faults()
    for fault in found:
        print(f"schema: {fault}", file=sys.stderr)
    print(f"{len(list(FOLDER.glob('*.avsc')))} schemas, {len(list(released()))} released")
    return 1 if found or not list(released()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
