"""What a file changes in the registry, known in full before anything is written.

Nothing is ever deleted: an organ that is no longer there has ended, and its documents stay its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hoatoc.domain.registry.fault import Fault, RegistryInvalid, find_faults
from hoatoc.domain.registry.field import COLUMNS
from hoatoc.domain.registry.file import Sheet, new_organs, text_in_file
from hoatoc.domain.registry.organ import Organ
from hoatoc.domain.registry.resolving import Registry


@dataclass(frozen=True, slots=True)
class Change:
    """An organ before and after."""

    before: Organ
    after: Organ

    def differences(self) -> tuple[tuple[str, str, str], ...]:
        """Return (field, old, new) of every field that differs, as a file has them."""
        return tuple(
            (name, text_in_file(old), text_in_file(new))
            for name in COLUMNS
            if (old := getattr(self.before, name)) != (new := getattr(self.after, name))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a file adds, changes and ends; `unchanged` counts the other organs that it names."""

    added: tuple[Organ, ...] = ()
    changed: tuple[Change, ...] = ()
    ended: tuple[Change, ...] = ()
    unchanged: int = 0

    def organs(self) -> tuple[Organ, ...]:
        """Return every organ that must be written."""
        return (*self.added, *(change.after for change in (*self.changed, *self.ended)))


def plan_change(registry: Registry, sheet: Sheet, *, complete: bool, today: date) -> Plan:
    """Tell what a file changes; raise `RegistryInvalid` with all faults of the result.

    Organs that the file does not name are left alone. If it is `complete` they end: `today`, a day
    in Vietnam, is their last; those that have not begun or have ended already stay as they are.
    """
    there = {organ.code: organ for organ in registry.organs}
    codes = sheet.columns["code"]
    if complete and registry.organs and not codes:
        raise RegistryInvalid([_EMPTY_FILE])
    changes = tuple(_changes(there, sheet))
    named = set(codes)
    absent = [organ for organ in registry.organs if organ.code not in named] if complete else []
    plan = Plan(
        added=tuple(new_organs(sheet, [i for i, code in enumerate(codes) if code not in there])),
        changed=changes,
        ended=tuple(_ended(organ, today) for organ in absent if _stands(organ, today)),
        unchanged=sum(code in there for code in codes) - len(changes),
    )
    _require_sound(registry, plan, dict(zip(codes, sheet.lines, strict=True)))
    return plan


_EMPTY_FILE = Fault(
    line=1,
    field="*",
    found="0",
    remedy_vi="tệp không có cơ quan nào mà --complete sẽ kết thúc tất cả; kiểm tra lại tệp",
    remedy_en="the file names no organ, and --complete would end them all; check the file",
)


def _changes(there: dict[Any, Organ], sheet: Sheet) -> Iterator[Change]:
    for index, code in enumerate(sheet.columns["code"]):
        before = there.get(code)
        if before is not None:
            values = {name: column[index] for name, column in sheet.columns.items()}
            if any(getattr(before, name) != value for name, value in values.items()):
                yield Change(before, replace(before, **values))


def _stands(organ: Organ, today: date) -> bool:
    return organ.has_begun(today) and (organ.valid_to is None or organ.valid_to > today)


def _ended(organ: Organ, today: date) -> Change:
    return Change(organ, replace(organ, valid_to=today))


def _require_sound(registry: Registry, plan: Plan, lines: dict[Any, int]) -> None:
    after = {organ.code: organ for organ in (*registry.organs, *plan.organs())}
    faults = find_faults(tuple(after.values()), [lines.get(code, 0) for code in after])
    if faults:
        raise RegistryInvalid(faults)
