"""Groups of organs: a name for many recipients, by a rule or by a list, as data."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hoatoc.domain.registry.fault import Fault, RegistryInvalid
from hoatoc.domain.registry.organ import Organ, level_of

MARK = "@"
"""Stands before the name of a group in a list of recipients: `@tinh`."""

_NAME = re.compile(r"[0-9a-z]+(-[0-9a-z]+)*")
_TEXTS, _LISTS = ("vietnamese", "english", "prefix", "parent"), ("aliases", "codes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The organs that a name stands for.

    Either `codes` lists them, or the rule names them: those whose code begins with `prefix`, of
    `level` groups (0: any), that belong to `parent` (empty: any). `aliases` are other names.
    """

    vietnamese: str
    english: str
    aliases: tuple[str, ...] = ()
    prefix: str = ""
    level: int = 0
    parent: str = ""
    codes: tuple[str, ...] = ()

    def holds(self, organ: Organ) -> bool:
        """Tell whether the rule names an organ."""
        return (
            organ.code.startswith(self.prefix)
            and self.level in (0, level_of(organ.code))
            and self.parent in ("", organ.parent)
        )


def parse_groups(text: str) -> dict[str, Group]:
    """Read groups from TOML, a table each; raise `RegistryInvalid` with all its faults."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = _fault("", "*", str(error), "viết đúng cú pháp TOML", "write it as TOML")
        raise RegistryInvalid([fault]) from error
    faults = [fault for name, table in tables.items() for fault in _faults(name, table)]
    if faults:
        raise RegistryInvalid(faults)
    return {name: group_of(table) for name, table in tables.items()}


def group_of(table: Mapping[str, Any]) -> Group:
    """Return the group that a table of these fields means; lists become tuples."""
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Group(**values)


def _faults(name: str, table: object) -> list[Fault]:
    if not _NAME.fullmatch(name) or not isinstance(table, dict):
        return [_fault(name, "*", name, "đặt tên như tat-ca-tinh", "name it like tat-ca-tinh")]
    known = {field.name for field in fields(Group)}
    found = [
        _fault(name, key, str(table[key]), _EXPECTED[0], _EXPECTED[1])
        for key in table
        if key not in known or not _is_valid(key, table[key])
    ]
    found += [
        _fault(name, key, "", "ghi tên của nhóm", "write what the group is called")
        for key in ("vietnamese", "english")
        if not table.get(key)
    ]
    if bool(table.get("codes")) == any(table.get(key) for key in ("prefix", "level", "parent")):
        text_vi = "ghi hoặc codes, hoặc quy tắc (prefix, level, parent)"
        text_en = "write either codes or a rule (prefix, level, parent)"
        found.append(_fault(name, "codes", str(table.get("codes", "")), text_vi, text_en))
    return found


_EXPECTED = (
    "vietnamese, english, prefix, parent là chữ; aliases, codes là danh sách chữ; level là số",
    "vietnamese, english, prefix, parent are texts; aliases, codes lists of them; level a number",
)


def _is_valid(key: str, value: object) -> bool:
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return type(value) is int and value >= 0


def _fault(name: str, key: str, found: str, remedy_vi: str, remedy_en: str) -> Fault:
    return Fault(
        organ=MARK + name,
        field=key,
        found=found[:60],
        remedy_vi=remedy_vi,
        remedy_en=remedy_en,
    )


def find_group_faults(groups: Mapping[str, Group], codes: Mapping[str, Organ]) -> list[Fault]:
    """Return what groups name that is not there, and names that two groups share."""
    unknown = [
        _fault(
            name,
            field,
            code,
            "ghi mã của một cơ quan có trong danh mục",
            "write a code of an organ of the registry",
        )
        for name, group in groups.items()
        for field, listed in (("codes", group.codes), ("parent", (group.parent,)))
        for code in listed
        if code and code not in codes
    ]
    names = [each for name, group in groups.items() for each in (name, *group.aliases)]
    shared = sorted({each for each in names if names.count(each) > 1})
    return unknown + [
        _fault(each, "aliases", each, "đặt tên khác cho một nhóm", "rename one of the two groups")
        for each in shared
    ]
