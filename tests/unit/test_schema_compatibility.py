import json
from copy import deepcopy
from typing import Any

from tools.schema_compatibility import FOLDER, breaks, faults, rule_faults

TICK: dict[str, Any] = json.loads((FOLDER / "Tick.avsc").read_text("utf-8"))


def changed(**field: object) -> str:
    schema = deepcopy(TICK)
    schema["fields"].append({"name": "added", "doc": "Added.", **field})
    return json.dumps(schema)


def test_the_schemas_are_compatible_with_every_release() -> None:
    assert faults() == []


def test_a_field_with_a_default_may_be_added() -> None:
    assert breaks(changed(type=["null", "int"], default=None), json.dumps(TICK)) == []


def test_a_field_without_a_default_cannot_be_added() -> None:
    (why,) = breaks(changed(type="int"), json.dumps(TICK))
    assert why.startswith("backward")


def test_a_field_without_a_default_cannot_go() -> None:
    schema = deepcopy(TICK)
    schema["fields"].pop()
    (why,) = breaks(json.dumps(schema), json.dumps(TICK))
    assert why.startswith("forward")


def test_an_enum_and_a_missing_doc_are_faults() -> None:
    schema = deepcopy(TICK)
    enum = {"type": "enum", "name": "Colour", "symbols": ["RED"]}
    schema["fields"] = [{"name": "colour", "type": enum}]
    assert list(rule_faults(schema)) == [
        "Tick.colour: no doc",
        "Tick.colour: an enum cannot grow; use a string",
    ]
