"""What the demonstration shows: live on a terminal, plain lines without one."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hoatoc.books import PLACES, Proof
from hoatoc.demo.command import Said
from hoatoc.demo.judge import Places
from hoatoc.demo.webhook import Receiver
from hoatoc.domain.policy import Demonstration

_COLUMNS = {
    "mark": "Văn bản\nletter",
    "copies": "Bản\ncopies",
    "sent": "Đã gửi\nsent",
    "arrived": "Đã đến\narrived",
    "accepted": "Tiếp nhận\naccepted",
    "refused": "Từ chối\nrefused",
    "failed": "Nhận lỗi\nfailed",
    "recalled": "Thu hồi\nrecalled",
    "alerted": "Cảnh báo\nalerted",
    "recovered": "Khắc phục\nrecovered",
}
Rows = Sequence[Any]
Show = Callable[[Table, Rows], None]


def letters(rows: Rows, kills: Sequence[str], seconds: float | None) -> Table:
    """Return one line a letter, and the sum."""
    told = [] if seconds is None else [f"{seconds:.0f} s"]
    caption = " · ".join([*told, *kills]) or None
    drawn = Table(caption=caption, caption_justify="left")
    for key, heading in _COLUMNS.items():
        drawn.add_column(
            heading,
            justify="left" if key == "mark" else "right",
            min_width=16 if key == "mark" else None,
        )
    for row in rows:
        drawn.add_row(*(str(row[key]) for key in _COLUMNS))
    drawn.add_section()
    sums = [str(sum(row[key] for row in rows)) for key in list(_COLUMNS)[1:]]
    drawn.add_row("Tổng · sum", *sums)
    return drawn


@contextmanager
def progress(console: Console) -> Iterator[Show]:
    """Show the letters live on a terminal, else a plain line whenever something changed."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda table, _rows: live.update(table, refresh=True)
        return
    last = ""

    def line(table: Table, rows: Rows) -> None:
        nonlocal last
        keys = list(_COLUMNS)[1:]
        text = ", ".join(f"{key} {sum(row[key] for row in rows)}" for key in keys)
        if text != last:
            console.print(f"{text}  {table.caption or ''}")
            last = text

    yield line


def result(console: Console, rows: Rows, pages: Receiver, kills: Sequence[str]) -> None:
    """Show the letters and the pages that a person got."""
    console.print(letters(rows, kills, None))
    drawn = Table(title="\nTin báo nhận được · pages received", title_justify="left")
    for heading in ("Tin · page", "Nơi nhận · recipient", "Việc cần làm · what to do"):
        drawn.add_column(heading, overflow="fold")
    for page in pages.pages.values():
        text = page["data"]["page"]
        colour = "red" if page["data"]["version"] % 2 == 1 else "green"
        title = Text.assemble((text["title_vi"] + "\n", colour), (text["title_en"], "dim"))
        step = Text.assemble(text["next_step_vi"] + "\n", (text["next_step_en"], "dim"))
        drawn.add_row(title, page["data"]["recipient"], step)
    console.print(drawn)
    raised = [p for p in pages.pages.values() if p["data"]["version"] % 2 == 1]
    if raised:
        text = raised[0]["data"]["page"]
        console.print("\nMột tin báo đầy đủ · one page in full:\n")
        console.print(text["title_vi"], style="bold", markup=False)
        console.print(text["body_vi"], markup=False)
        console.print(f"→ {text['next_step_vi']}\n", markup=False)
        console.print(text["title_en"], style="bold dim", markup=False)
        console.print(text["body_en"], markup=False, style="dim")
        console.print(f"→ {text['next_step_en']}\n", markup=False, style="dim")


def factor(console: Console, shown: Demonstration) -> None:
    """Declare how fast the calendar runs."""
    hour = 3600 / shown.factor
    console.print(
        f"trình diễn: 1 giờ theo lịch = {hour:g} giây, bắt đầu {shown.begins:%H:%M} ngày ký · "
        f"demonstration: 1 hour of calendar time = {hour:g} s, from {shown.begins:%H:%M} of the "
        "day of signing\n"
    )


def command(console: Console, title: str, said: Said) -> None:
    """Show what somebody did, and what the command answered."""
    words = (Path(word).name if word.endswith(".edxml") else word for word in said.arguments)
    console.rule(title, align="left")
    console.print(f"$ hoatoc {shlex.join(words)}", style="bold", markup=False)
    console.print(Text.from_ansi(said.text.rstrip()))
    console.print(f"→ {said.status}\n", style="dim")


def deadlines(console: Console, rows: Sequence[Mapping[str, str]]) -> None:
    """Show legal deadlines: how each was reckoned, whose it is, what came of it."""
    for row in rows:
        vietnamese, _, english = row["due"].partition("\n")
        broken = "BROKEN" in row["outcome"]
        console.print(
            Text.assemble(
                (f"{row['organs']}: {row['outcome']}\n", "red" if broken else "green"),
                f"  {vietnamese}\n",
                (f"  {english}", "dim"),
            )
        )
    console.print()


def search(console: Console, marker: str, secret: Places, sent: Places) -> None:
    """Show where the text of the suspected secret was found, and where one that was sent."""
    console.rule("Bí mật nhà nước · state secret", align="left")
    console.print(f"văn bản có dấu mật, «{marker[:16]}…»: {_found(secret)}", markup=False)
    console.print(
        "tìm trong mọi bảng và mọi tệp của thư mục dữ liệu, trừ chỉ mục vị trí của Kafka · the "
        "letter with the stamp, searched for in every table and every file but Kafka's indexes of "
        "offsets\n",
        style="dim",
    )
    console.print(f"đối chứng, cùng văn bản, không có dấu mật: {_found(sent)}")
    console.print("control, the same letter without the stamp\n", style="dim")


def _found(at: Places) -> str:
    files = [f"{len(found)} tệp/files {part}" for part, found in at.files.items() if found]
    tables = [f"{len(at.tables)} bảng/tables"] if at.tables else []
    return ", ".join((*files, *tables)) or "không ở đâu · nowhere"


def proof(console: Console, found: Proof) -> None:
    """Show the balanced books."""
    drawn = Table(title="Sổ · books", title_justify="left", show_footer=True)
    drawn.add_column("Trạng thái · state", footer="Đã giao · copies handed over")
    drawn.add_column("Bản · copies", justify="right", footer=str(found.handed_over))
    for place, copies in found.copies.items():
        drawn.add_row(PLACES[place], str(copies))
    console.print(drawn)
    console.print(
        f"khắc phục sau cảnh báo · recovered {found.recovered}; sổ đã ghi · booked {found.booked} "
        f"= {found.lines} sự kiện/events + {found.ticks} ticks; nhật ký · log {found.log_end}"
    )


def verdict(console: Console, faults: Sequence[str], copies: int, pages: int) -> None:
    """Say whether everything is as it must be."""
    for fault in faults:
        console.print(f"✗ {fault}", style="red", markup=False)
    if not faults:
        console.print(
            f"✓ {copies} bản đúng trạng thái, {pages} tin báo đúng người, sổ cân\n"
            f"✓ {copies} copies as they must be, {pages} pages and no other, books balanced",
            style="green",
        )
