"""Commands that explain a deadline by hand: which law, which days, by when. Nothing need run."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from hoatoc import config
from hoatoc.cli import output
from hoatoc.cli.calendar import File, chosen
from hoatoc.cli.reach import Data, Json
from hoatoc.domain import legal_clock
from hoatoc.domain.calendar import VIETNAM, Calendar, Calendars
from hoatoc.domain.error import PeerFault
from hoatoc.domain.legal_clock import TIMED, Due
from hoatoc.domain.legal_text import ASSUMPTIONS, Text, render, row_text
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.policy_file import load_policy

deadline = typer.Typer(help="Explain a legal deadline by hand; nothing need run.")

_RECALL_MINUTES = 480.0
_INSTANTS = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S")
_YEARS = range(2000, 2101)


class AppointedWithoutPriority(PeerFault):
    """Only priority 4 (hỏa tốc hẹn giờ) has an appointed time."""


def _year(found: date, text: str) -> None:
    if found.year not in _YEARS:
        raise typer.BadParameter(
            f"«{text}»: năm phải trong {_YEARS[0]}-{_YEARS[-1]} / "
            f"“{text}”: the year must be one of {_YEARS[0]}-{_YEARS[-1]}"
        )


def parse_day(text: str) -> date:
    """Read dd/MM/yyyy or ISO 8601."""
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            found = datetime.strptime(text.strip(), form).replace(tzinfo=VIETNAM).date()
        except ValueError:
            continue
        _year(found, text)
        return found
    raise typer.BadParameter(
        f"«{text}» không phải là ngày; ghi dd/MM/yyyy hoặc yyyy-MM-dd / "
        f"“{text}” is not a day; write dd/MM/yyyy or yyyy-MM-dd"
    )


def parse_instant(text: str) -> datetime:
    """Read dd/MM/yyyy HH:mm or ISO 8601; without a zone it is in the time of Vietnam."""
    found = _instant(text.strip())
    if found is None:
        raise typer.BadParameter(
            f"«{text}» không phải là thời điểm; ghi dd/MM/yyyy HH:mm hoặc ISO 8601 / "
            f"“{text}” is not an instant; write dd/MM/yyyy HH:mm or ISO 8601"
        )
    _year(found, text)
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM)


def _instant(text: str) -> datetime | None:
    if len(text) <= len("yyyy-MM-dd"):
        return None  # a mere day must not become its midnight
    for form in _INSTANTS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def parse_start(text: str) -> date:
    """Read an instant, or a day when no more is known."""
    return parse_instant(text) if ":" in text or "T" in text else parse_day(text)


Priority = Annotated[
    int, typer.Option(min=0, max=TIMED, help="0 thường, 1 khẩn … 4 hỏa tốc hẹn giờ.")
]
OrganCode = Annotated[str, typer.Option("--organ", help="Whose calendar: an organ's code.")]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.001, max=5e7, help="What “at once” means; default: the policy's limit."),
]
Appointed = Annotated[
    datetime | None, typer.Option(parser=parse_instant, help="The hour set for priority 4.")
]
Arrived = Annotated[
    datetime,
    typer.Option(parser=parse_instant, help="When it arrived: dd/MM/yyyy HH:mm or ISO 8601."),
]


@deadline.command()
def send(
    *,
    signed: Annotated[
        date,
        typer.Option(parser=parse_start, help="When it was signed: dd/MM/yyyy [HH:mm], ISO 8601."),
    ],
    priority: Priority = 0,
    organ: OrganCode = "",
    appointed: Appointed = None,
    minutes: Minutes = None,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """By when a signed document must be sent and issued; a breach begins at the earlier."""
    _appointed(priority, appointed)
    calendars = chosen(file, data)
    calendar = calendars.of(organ)
    at_once = _span(minutes, priority, "publish_ms")
    dues = [
        clock(calendar, signed, priority=priority, at_once=at_once, appointed=appointed)
        for clock in (legal_clock.send, legal_clock.issue)
    ]
    _show(dues, calendar, calendars, json)


@deadline.command()
def acknowledge(
    *,
    arrived: Arrived,
    organ: OrganCode = "",
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """By when receipt must be told to the sender; the same for every priority."""
    calendars = chosen(file, data)
    calendar = calendars.of(organ)
    _show([legal_clock.acknowledge(calendar, arrived)], calendar, calendars, json)


@deadline.command()
def register(
    *,
    arrived: Arrived,
    priority: Priority = 0,
    organ: OrganCode = "",
    appointed: Appointed = None,
    minutes: Minutes = None,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """By when a document that arrived must be registered and handed over."""
    _appointed(priority, appointed)
    calendars = chosen(file, data)
    calendar = calendars.of(organ)
    at_once = _span(minutes, priority, "accept_ms")
    due = legal_clock.register(
        calendar, arrived, priority=priority, at_once=at_once, appointed=appointed
    )
    _show([due], calendar, calendars, json)


@deadline.command()
def reply(
    *,
    due_date: Annotated[
        date, typer.Option(parser=parse_day, help="The day named as due (DueDate).")
    ],
    organ: OrganCode = "",
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """By when a document must be resolved whose sender named a day."""
    calendars = chosen(file, data)
    calendar = calendars.of(organ)
    _show([legal_clock.reply(calendar, due_date)], calendar, calendars, json)


@deadline.command()
def recall(
    *,
    requested: Annotated[
        datetime,
        typer.Option(parser=parse_instant, help="When the recall was requested."),
    ],
    priority: Priority = 0,
    organ: OrganCode = "",
    minutes: Annotated[
        float, typer.Option(min=0.001, max=5e7, help="Of working time; urgent: round the clock.")
    ] = _RECALL_MINUTES,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """By when a recall must be answered: no law sets a time, the minutes are yours to choose."""
    calendars = chosen(file, data)
    calendar = calendars.of(organ)
    within = timedelta(minutes=minutes)
    due = legal_clock.recall(calendar, requested, priority=priority, within=within)
    _show([due], calendar, calendars, json)


def _appointed(priority: int, appointed: datetime | None) -> None:
    if appointed is not None and priority != TIMED:
        raise AppointedWithoutPriority(
            f"--appointed: chỉ văn bản hỏa tốc hẹn giờ (--priority {TIMED}) mới có giờ hẹn; đang "
            f"là {priority} / only priority {TIMED} has an appointed time; found {priority}"
        )


def _span(minutes: float | None, priority: int, stage: str) -> timedelta:
    if minutes is not None:
        return timedelta(minutes=minutes)
    policy: Policy = load_policy(config.load())
    return timedelta(milliseconds=getattr(limits_for(policy, priority), stage))


def _show(dues: Sequence[Due], calendar: Calendar, calendars: Calendars, machine: bool) -> None:
    breach = legal_clock.earliest(dues)
    if machine:
        output.as_json([_plain(due, calendar, calendars, due is breach) for due in dues])
        return
    console = output.screen()
    for due in dues:
        mark = " ◀ vi phạm tính từ đây · a breach begins here" if len(dues) > 1 else ""
        console.print(f"[bold]{due.clock}[/]{mark if due is breach else ''}", soft_wrap=True)
        for line in render(due):
            console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print(_basis(calendar, calendars), markup=False, soft_wrap=True)


def _basis(calendar: Calendar, calendars: Calendars) -> str:
    version = (
        Text(f"phiên bản {calendars.version}", f"version {calendars.version}")
        if calendars.version
        else Text("tệp, chưa ban hành trong cơ sở dữ liệu", "a file, not adopted in a database")
    )
    return (
        f"Lịch {calendar.name}, {version.vi}, đến {calendars.last_day:%d/%m/%Y} · "
        f"Calendar {calendar.name}, {version.en}, to {calendars.last_day:%d/%m/%Y}"
    )


def _plain(due: Due, calendar: Calendar, calendars: Calendars, breach: bool) -> dict[str, Any]:
    text = render(due)
    return {
        "clock": due.clock,
        "start": due.start.isoformat(),
        "due": due.at.isoformat(),
        "due_utc": due.at.astimezone(UTC).isoformat(),
        "breach": breach,
        "article": due.article,
        "rule": {"vi": due.rule_vi, "en": due.rule_en},
        "rows": [_row(row) for row in due.rows],
        "assumptions": {each: ASSUMPTIONS[each]._asdict() for each in due.assumptions},
        "announced": due.announced,
        "calendar": calendar.name,
        "calendar_version": calendars.version,
        "text": text._asdict(),
    }


def _row(row: Any) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "first": row.first,
        "last": row.last,
        "certainty": row.certainty,
        "source": row.source,
        **row_text(row)._asdict(),
    }
