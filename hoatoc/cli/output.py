"""What a person sees, and what a machine reads of the same rows."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from hoatoc.domain.packet import PRIORITIES
from hoatoc.domain.page import VIETNAM

__all__ = ["PRIORITIES", "STATES", "as_json", "instant", "screen", "table"]
STATES = {
    "registered": "chờ gửi · registered",
    "published": "đã gửi, chưa đến · published",
    "taken": "đã đến, chưa tiếp nhận · taken",
    "accepted": "đã tiếp nhận · accepted",
    "refused": "từ chối · refused",
    "receive-failed": "nhận lỗi · receive-failed",
    "parked": "gửi lỗi · parked",
    "recalled": "đã thu hồi · recalled",
}


BUSINESS = (
    "văn bản mới · new",
    "thu hồi · recall",
    "cập nhật · update",
    "thay thế · replacement",
)
LEGAL_VALUES = {
    "": "chưa xét · not examined",
    "original": "bản gốc · original",
    "unknown": "chưa xác minh được · could not be verified",
    "reference-only": "để biết, tham khảo · for reference only (QĐ 28/2018, Điều 4.2)",
}


def instant(at: datetime | int | None) -> str:
    """Write an instant (aware, or ms since 1970 UTC) in the time of Vietnam."""
    if at is None:
        return ""
    if isinstance(at, int):
        at = datetime.fromtimestamp(at / 1000, UTC)
    return at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S")


def counted(numbers: Mapping[str, int]) -> str:
    """Write numbers by name, the largest first."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ordered) or "0"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def as_json(value: object) -> None:
    """Print a value as JSON; identifiers and instants as text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else ""
    return instant(value) if isinstance(value, datetime) else str(value)


def screen(*, stderr: bool = False) -> Console:
    """Return where to print: as wide as the terminal, and wide enough without one."""
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(highlight=False, width=None if is_terminal else 180, stderr=stderr)


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    machine: bool,
    title: str = "",
    empty: str = "không có · none",
) -> None:
    """Print rows: as a table of these columns (key: heading), or all of them as JSON."""
    listed: Sequence[dict[str, Any]] = [dict(row) for row in rows]
    if machine:
        as_json(listed)
        return
    console = screen()
    if not listed:
        console.print(empty)
        return
    drawn = Table(title=title or None, title_justify="left")
    for key, heading in columns.items():
        drawn.add_column(heading, overflow="fold", no_wrap=key == "id" or key.endswith("_id"))
    for row in listed:
        drawn.add_row(*(_cell(row[key]) for key in columns))
    console.print(drawn)
