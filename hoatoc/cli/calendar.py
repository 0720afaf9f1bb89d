"""Commands about the working calendars: show them, check a file, take in a new version."""

import asyncio
import getpass
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from hoatoc.calendar_file import shipped_text, text_of
from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, NotRunning, database, settings_of
from hoatoc.domain.calendar import Calendar, Calendars, Certainty, Hours, Row
from hoatoc.domain.calendar_change import DayChange, Difference, difference
from hoatoc.domain.calendar_text import parse_calendars
from hoatoc.domain.legal_text import CERTAINTIES, span, when
from hoatoc.postgres.calendar import CalendarTables

calendar = typer.Typer(help="Working calendars: show, check, take in a new version.")

File = Annotated[
    Path | None,
    typer.Option("--file", help="A file of calendars, instead of the adopted one.", dir_okay=False),
]
_ROW = {
    "days": "Ngày · days",
    "what": "Loại · kind",
    "name": "Tên · name",
    "certainty": "Độ chắc · certainty",
    "source": "Nguồn · source",
}
_CHANGE = {
    "calendar": "Lịch · calendar",
    "day": "Ngày · day",
    "old": "Đang có · now",
    "new": "Mới · new",
    "moves": "Đổi giờ · other hours",
}


def chosen(file: Path | None, data: Path | None) -> Calendars:
    """Return the calendars of a file, else the adopted ones, else those shipped.

    Those shipped stand in only where there is no database to ask: no stack runs, none is
    configured.
    """
    if file is not None:
        return parse_calendars(text_of(file))
    try:
        settings_of(data)
    except NotRunning:
        return parse_calendars(shipped_text())
    return asyncio.run(_adopted(data))


async def _adopted(data: Path | None) -> Calendars:
    async with database(settings_of(data)) as connection:
        tables = CalendarTables(connection)
        version = await tables.current()
        return (await tables.versions([version]))[version]


@calendar.command()
def show(
    year: Annotated[int | None, typer.Option(help="Only this year.")] = None,
    organ: Annotated[str, typer.Option(help="Whose calendar: an organ's code.")] = "",
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show the calendar of an organ: its hours, its rows, what is undecided."""
    calendars = chosen(file, data)
    of = calendars.of(organ)
    rows = [row for row in _rows_of(of) if year is None or _touches(row, year)]
    if not json:
        _head(of, calendars)
    output.table((_plain(row) for row in rows), _ROW, machine=json)


@calendar.command()
def check(file: Annotated[Path, typer.Argument(dir_okay=False)]) -> None:
    """Check a file of calendars; exit 4 with key, found, expected and remedy when it is wrong."""
    calendars = parse_calendars(text_of(file))
    for of in calendars.calendars.values():
        _head(of, calendars)
        counts = _count(_rows_of(of))
        typer.echo("  " + ", ".join(f"{CERTAINTIES[c].vi} · {c}: {n}" for c, n in counts.items()))


@calendar.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(dir_okay=False)],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show which days change; write nothing.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Take in a file as the next version; the one that is there already changes nothing."""
    text = text_of(file)
    new = parse_calendars(text)

    async def adopt() -> tuple[Difference, int]:
        async with database(settings_of(data)) as connection:
            tables = CalendarTables(connection)
            known = await tables.history()
            current = int(known[0]["version"]) if known else 0
            old = (await tables.versions([current]))[current] if known else new
            version = current if dry_run else await tables.adopt(text, getpass.getuser())
            return difference(old, new), version

    changed, version = asyncio.run(adopt())
    _report(changed, version, dry_run, json)


def _report(changed: Difference, version: int, dry_run: bool, json: bool) -> None:
    rows = [_plain_change(each) for each in changed.days]
    if json:
        settings = [
            dict(zip(("key", "old", "new"), each, strict=True)) for each in changed.settings
        ]
        output.as_json({"version": version, "dry_run": dry_run, "settings": settings, "days": rows})
        return
    for key, old, new in changed.settings:
        typer.echo(f"{key}: {old} → {new}")
    output.table(rows, _CHANGE, machine=False, empty="không ngày nào đổi · no day changes")
    done = (
        f"chưa ghi gì; đang dùng phiên bản {version} · nothing written; version {version} is in use"
        if dry_run
        else f"phiên bản hiện hành · current version: {version}"
    )
    typer.echo(done)


def _head(of: Calendar, calendars: Calendars) -> None:
    version = calendars.version or "—"
    typer.echo(
        f"{of.name}: phiên bản · version {version}, {calendars.first_day:%d/%m/%Y}-"
        f"{calendars.last_day:%d/%m/%Y}; buổi sáng đến · morning ends {of.morning_ends:%H:%M}"
    )
    for week in of.weeks:
        season = f" {week.first[1]:02}/{week.first[0]:02}-" if week.first else ""
        season += f"{week.last[1]:02}/{week.last[0]:02}" if week.last else ""
        typer.echo(f"  {week.name_vi} · {week.name_en}{season}: {_week(week.hours)}")


def _week(hours: Iterable[Hours]) -> str:
    return "; ".join(
        f"{when(date(2024, 1, 1 + n)).en[:3]} {_hours(day)}" for n, day in enumerate(hours) if day
    )


def _hours(hours: Hours) -> str:
    return " ".join(f"{opened:%H:%M}-{close:%H:%M}" for opened, close in hours) or "nghỉ · closed"


def _rows_of(of: Calendar) -> list[Row]:
    rows = {row: None for day, row in sorted({**of.doubts, **of.rows}.items())}
    return list(rows)


def _touches(row: Row, year: int) -> bool:
    return any(day is not None and day.year == year for day in (row.first, row.last))


def _plain(row: Row) -> dict[str, Any]:
    return {
        "days": span(row),
        "what": row.kind,
        "name": f"{row.name_vi} · {row.name_en}",
        "certainty": f"{CERTAINTIES[row.certainty].vi} · {row.certainty}",
        "source": row.source,
    }


def _plain_change(of: DayChange) -> dict[str, Any]:
    return {
        "calendar": of.calendar,
        "day": when(of.day).vi,
        "old": f"{_hours(of.old_hours)}: {of.old_row.name_vi} ({of.old_row.certainty})",
        "new": f"{_hours(of.new_hours)}: {of.new_row.name_vi} ({of.new_row.certainty})",
        "moves": of.moves_deadlines,
    }


def _count(rows: Iterable[Row]) -> dict[Certainty, int]:
    listed = [row.certainty for row in rows]
    return {each: listed.count(each) for each in Certainty if each in listed}
