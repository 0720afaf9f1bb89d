"""Write `docs/settings.md` from the settings themselves: `python -m tools.settings_doc`."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from hoatoc.config import PREFIX, Settings, options

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = f"""\
# Settings

Written by `tools/settings_doc.py` from `hoatoc/config.py`; do not edit.

Every program and every command reads its settings once, at its start, from the environment. A name
that begins with `{PREFIX}` and is not listed here refuses to start, with exit status 2. `hoatoc up`
passes its own settings on to the programs that it starts.
"""
_FOLDERS = {
    "HOATOC_DATA": "`/var/lib/hoatoc` for root, else `hoatoc` in the user's data folder",
    "HOATOC_EMBEDDED_CACHE": "`/var/cache/hoatoc` for root, else `hoatoc` in the user's cache",
    "HOATOC_CONTENT_SPOOL": "`/var/tmp`",
}
"""What is shown of defaults that differ from machine to machine."""


def _group(name: str) -> type[BaseModel] | None:
    """Return the group that an option belongs to, if it belongs to one."""
    field = Settings.model_fields[name.removeprefix(PREFIX).split("_")[0].lower()]
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _values(name: str) -> str:
    """Return the values that an option may have, where it has a closed list of them."""
    group = _group(name)
    if group is None:
        return ""
    option = name.removeprefix(PREFIX).split("_", 1)[1].lower()
    kind = group.model_fields[option].annotation
    return ", ".join(f"`{v}`" for v in get_args(kind)) if get_origin(kind) is Literal else ""


def _default(name: str, value: object) -> str:
    if isinstance(value, Path):
        return _FOLDERS[name]
    return f"`{value}`" if value != "" else "empty"


def _section(group: type[BaseModel] | None, rows: list[tuple[str, str, object]]) -> Iterator[str]:
    yield f"## {group.__name__ if group else 'General'}\n"
    if group and group.__doc__:
        yield f"{group.__doc__.strip()}\n"
    yield "| name | default | what it is |"
    yield "|---|---|---|"
    for name, description, value in rows:
        values = _values(name)
        told = f"{description}; one of {values}" if values else description
        yield f"| `{name}` | {_default(name, value)} | {told} |"
    yield ""


def text() -> str:
    """Return what the file must hold."""
    lines = [_HEAD]
    for group, rows in groupby(options(), key=lambda row: _group(row[0])):
        lines += _section(group, list(rows))
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
