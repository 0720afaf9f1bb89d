"""The registry as a person reads it, and as a machine does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from hoatoc.cli import output
from hoatoc.domain.registry import Registry, Resolved
from hoatoc.domain.registry.change import Change, Plan
from hoatoc.domain.registry.field import COLUMNS
from hoatoc.domain.registry.file import as_json, text_in_file
from hoatoc.domain.registry.organ import Form, Organ, form_of
from hoatoc.postgres.registry import Origin

_HEADINGS = {
    "code": "Mã · code",
    "code102": "QCVN 102",
    "name": "Tên · name",
    "email": "Thư · e-mail",
    "telephone": "Điện thoại · telephone",
    "certainty": "Độ chắc · certainty",
    "aliases": "Mã khác · aliases",
    "hub": "Đầu mối · hub",
    "parent": "Trực thuộc · parent",
    "valid_from": "Từ ngày · first day",
    "valid_to": "Đến hết ngày · last day",
    "successor": "Kế thừa · successor",
    "locked": "Khóa · locked",
    "test": "Thử nghiệm · test",
    "note": "Ghi chú · note",
}
_LISTED = ("code", "code102", "name", "hub", "certainty", "stands")
_STANDS = "Hiệu lực · in force"
_FIELD_HEADINGS = {"field": "Trường · field", "value": "Giá trị · value"}
_SHOWN = 200


def show_organs(organs: Sequence[Organ], on: date, *, machine: bool) -> None:
    """Print organs, a line each; `on` is the day in Vietnam that they are seen from."""
    if machine:
        output.as_json([as_json(organ) for organ in organs])
        return
    rows = [_cells(organ) | {"stands": _standing(organ, on)} for organ in organs]
    headings = {name: _HEADINGS.get(name, _STANDS) for name in _LISTED}
    output.table(rows, headings, machine=False)
    output.screen().print(f"{len(organs)} cơ quan · organs")


def _cells(organ: Organ) -> dict[str, str]:
    cells = {name: text_in_file(getattr(organ, name)) for name in COLUMNS}
    marks = {"memory": "[M] memory"}
    return cells | {"certainty": marks.get(organ.certainty, organ.certainty.value)}


def _standing(organ: Organ, on: date) -> str:
    marks = []
    if not organ.has_begun(on):
        marks.append(f"từ · from {organ.valid_from:%d/%m/%Y}")
    if organ.valid_to:
        marks.append(f"đến hết · to {organ.valid_to:%d/%m/%Y}")
    if organ.successor:
        marks.append(f"→ {organ.successor}")
    if organ.locked:
        marks.append("khóa · locked")
    if organ.test:
        marks.append("thử nghiệm · test")
    return ", ".join(marks)


def show_organ(organ: Organ, registry: Registry, *, machine: bool) -> None:
    """Print all that the registry holds of an organ."""
    connection = registry.connection(organ)
    if machine:
        output.as_json(as_json(organ) | {"form": form_of(organ.code), "connection": connection})
        return
    rows = [
        {"field": _HEADINGS[name], "value": text} for name, text in _cells(organ).items() if text
    ]
    form = form_of(organ.code)
    words = "không thuộc dạng nào đã biết · of no known scheme" if form is Form.OTHER else form
    rows += [
        {"field": "Dạng mã · form", "value": words},
        {"field": "Nhận qua · receives through", "value": f"documents.{connection}"},
    ]
    output.table(rows, _FIELD_HEADINGS, machine=False, title=organ.name)


def show_resolved(found: Sequence[Resolved], registry: Registry, *, machine: bool) -> None:
    """Print whom codes mean, and what should be known of each."""
    rows: list[Mapping[str, Any]] = [
        {
            "written": each.written,
            "code": each.organ.code,
            "name": each.organ.name,
            "connection": registry.connection(each.organ),
            "reason": each.notice.reason if each.notice else None,
            "notice_vi": each.notice.text_vi if each.notice else None,
            "notice_en": each.notice.text_en if each.notice else None,
        }
        for each in found
    ]
    headings = {
        "written": "Mã ghi · written",
        "code": "Cơ quan · organ",
        "name": "Tên · name",
        "connection": "Nhận qua · through",
        "reason": "Lưu ý · notice",
    }
    output.table(rows, headings, machine=machine)
    if not machine:
        _print_notices(found)


def _print_notices(found: Iterable[Resolved]) -> None:
    console = output.screen()
    for each in found:
        if each.notice:
            console.print(f"! {each.notice.text_vi}", markup=False, soft_wrap=True)
            console.print(f"  {each.notice.text_en}", markup=False, soft_wrap=True)


def show_groups(registry: Registry, on: date, *, machine: bool) -> None:
    """Print the groups, with how many organs each has on a day in Vietnam."""
    rows = [
        {"name": f"@{name}", "organs": len(registry.group(name, on)), **asdict(group)}
        | {"aliases": " ".join(f"@{each}" for each in group.aliases)}
        for name, group in registry.groups.items()
    ]
    headings = {
        "name": "Nhóm · group",
        "aliases": "Tên khác · also",
        "vietnamese": "Gồm · Vietnamese",
        "english": "English",
        "organs": "Số cơ quan · organs",
    }
    output.table(rows, headings, machine=machine)


def show_changes(rows: Iterable[Any], *, machine: bool) -> None:
    """Print the records of changes."""
    headings = {
        "at": "Lúc · at",
        "who": "Ai · who",
        "file": "Tệp · file",
        "added": "Thêm · added",
        "changed": "Sửa · changed",
        "ended": "Kết thúc · ended",
        "unchanged": "Giữ nguyên · unchanged",
        "sha256": "SHA-256",
    }
    listed = [dict(row) for row in rows]
    if not machine:
        listed = [row | {"sha256": row["sha256"][:12]} for row in listed]
    output.table(listed, headings, machine=machine)


def show_plan(
    plan: Plan, origin: Origin, created: Sequence[str], *, dry_run: bool, machine: bool
) -> None:
    """Print what a file changes: every organ, and of those that were there every field."""
    if machine:
        output.as_json(_plan(plan, origin, created, dry_run=dry_run))
        return
    console = output.screen()
    rows = [
        *({"what": "+ thêm · added", **_titled(o), "changes": _new(o)} for o in plan.added),
        *({"what": "~ sửa · changed", **_changed(change)} for change in plan.changed),
        *({"what": "− kết thúc · ended", **_changed(change)} for change in plan.ended),
    ]
    headings = {
        "what": "Thay đổi · change",
        "code": "Mã · code",
        "name": "Tên · name",
        "changes": "Trường: cũ → mới · field: old → new",
    }
    if rows:
        output.table(rows[:_SHOWN], headings, machine=False)
    if len(rows) > _SHOWN:
        console.print(f"… và {len(rows) - _SHOWN} dòng nữa · more; --json shows all")
    console.print(
        f"{origin.file}: thêm · added {len(plan.added)}, sửa · changed {len(plan.changed)}, "
        f"kết thúc · ended {len(plan.ended)}, giữ nguyên · unchanged {plan.unchanged}",
        soft_wrap=True,
    )
    if dry_run:
        console.print("chạy thử, chưa ghi gì · dry run, nothing was written")
    elif created:
        console.print(f"topics created: {len(created)}")


def _titled(organ: Organ) -> dict[str, str]:
    return {"code": organ.code, "name": organ.name}


def _new(organ: Organ) -> str:
    cells = {n: text_in_file(getattr(organ, n)) for n in COLUMNS if n not in ("code", "name")}
    lines = [f"{name}: {text}" for name, text in cells.items() if text]
    if form_of(organ.code) is Form.OTHER:
        lines.append("! mã không thuộc dạng nào đã biết · the code is of no known scheme")
    return "\n".join(lines)


def _changed(change: Change) -> dict[str, str]:
    lines = [f"{name}: {old or '∅'} → {new or '∅'}" for name, old, new in change.differences()]
    return {**_titled(change.after), "changes": "\n".join(lines)}


def _plan(
    plan: Plan, origin: Origin, created: Sequence[str], *, dry_run: bool
) -> dict[str, object]:
    def listed(changes: Iterable[Change]) -> list[dict[str, object]]:
        return [
            {
                "code": change.after.code,
                "changes": [
                    {"field": name, "old": old, "new": new}
                    for name, old, new in change.differences()
                ],
            }
            for change in changes
        ]

    return {
        "file": origin.file,
        "sha256": origin.sha256.hex(),
        "written": not dry_run,
        "added": [as_json(organ) for organ in plan.added],
        "changed": listed(plan.changed),
        "ended": listed(plan.ended),
        "unchanged": plan.unchanged,
        "topics_created": list(created),
    }


def show_added(organ: Organ, created: Sequence[str], *, new: bool) -> None:
    """Print what became of an organ that was to be added: it, or what was there."""
    code, name = organ.code, organ.name
    verb = "đã thêm · added" if new else "đã có, giữ nguyên · was there, kept as it is"
    output.screen().print(f"{code} {name}: {verb}; topics created: {len(created)}", markup=False)
    if new and form_of(code) is Form.OTHER:
        output.screen().print(
            f"! mã {code} không thuộc QĐ 20/2020 hay QCVN 102:2016, kiểm tra lại · the code is of "
            "neither scheme, check it",
            soft_wrap=True,
        )
