"""The command that checks the record of a run."""

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from hoatoc.cli import output
from hoatoc.cli.reach import Json
from hoatoc.domain.error import PeerFault
from hoatoc.history.check import SHOWN, check_files
from hoatoc.history.damage import RecordDamaged
from hoatoc.history.record import LogRecord
from hoatoc.history.report import CounterExample, Report, Verdict


class RecordRefused(PeerFault):
    """The record cannot be read: the message names the file, the line, the field and the remedy."""


MEANS = {
    "G1": "mỗi bản một trạng thái · every copy in one state",
    "G2": "không báo sai · no false alert",
    "G3": "không bỏ sót · no missed alert",
    "G4": "báo một lần · one verdict, one page",
    "G5": "không lùi · no way back",
    "G6": "đúng nơi, nguyên vẹn · right place, whole",
    "G7": "sổ theo nhật ký · books follow the log",
    "G8": "bản lỗi không cản ai · a bad record delays nobody",
    "G9": "không lộ bí mật · no secret passes",
    "G10": "không đổ lỗi khi ta ngừng · no blame for our outage",
}
VERDICTS = {
    Verdict.HOLDS: "[green]đúng · holds[/green]",
    Verdict.VIOLATED: "[red]VI PHẠM · VIOLATED[/red]",
    Verdict.NOT_EXERCISED: "[yellow]chưa thử · not exercised[/yellow]",
}


def check_history(
    record: Annotated[Path, typer.Argument(help="Folder that holds the record of a run.")],
    every: Annotated[bool, typer.Option("--all", help="Show every counter-example.")] = False,
    webhook: Annotated[
        bool, typer.Option("--webhook/--no-webhook", help="Pages went to a webhook.")
    ] = True,
    json: Json = False,
) -> None:
    """Decide from the record of a run whether the guarantees G1 to G10 held.

    Exit 1 when one was violated; 2 when the run proves nothing, with what is missing.
    """
    most = None if every else SHOWN
    try:
        report = check_files(record, most, webhook=webhook)
    except RecordDamaged as error:
        raise RecordRefused(str(error)) from error
    if json:
        output.as_json(_machine(report, most))
    else:
        _show(report, most)
    if report.is_violated:
        raise typer.Exit(1)
    if report.missing:
        raise typer.Exit(2)


def _machine(report: Report, most: int | None) -> dict[str, Any]:
    return {
        "violated": report.is_violated,
        "missing": report.missing,
        "not_judged": report.not_judged,
        "guarantees": {
            each: {
                "verdict": finding.verdict,
                "looked_at": finding.looked_at,
                "violations": len(finding.counter_examples),
                "counter_examples": [
                    _example(one) for one in islice(finding.counter_examples, most)
                ],
            }
            for each, finding in report.findings.items()
        },
    }


def _example(one: CounterExample) -> dict[str, Any]:
    return one._asdict() | {
        "log": [_record(record) for record in one.log],
        "notes": [msgspec.to_builtins(note) for note in one.notes],
    }


def _record(record: LogRecord) -> dict[str, Any]:
    event = record.event
    said = {} if event is None else {"type": type(event).__name__, **asdict(event)}
    return record._asdict() | {"event": said}


def _show(report: Report, most: int | None) -> None:
    console = output.screen()
    drawn = Table(title="Kiểm tra lịch sử · history check", title_justify="left")
    for heading in ("Bảo đảm · guarantee", "", "Kết luận · verdict", "Sai · wrong"):
        drawn.add_column(heading)
    drawn.add_column("Đã xét · looked at", overflow="fold")
    for each, finding in report.findings.items():
        looked_at = ", ".join(f"{what} {count}" for what, count in finding.looked_at.items())
        wrong = len(finding.counter_examples)
        drawn.add_row(each, MEANS[each], VERDICTS[finding.verdict], str(wrong or ""), looked_at)
    console.print(drawn)
    if report.not_judged:
        console.print(
            f"hạn theo luật, không xét · by legal clocks, not judged: {report.not_judged}"
        )
    for finding in report.findings.values():
        for one in islice(finding.counter_examples, most):
            _show_example(console, one)
        left = len(finding.counter_examples) - (most or len(finding.counter_examples))
        if left > 0:
            console.print(f"  … {finding.guarantee}: {left} nữa · more (--all)")
    for line in report.missing:
        console.print(f"[yellow]không chứng minh được gì · proves nothing: {line}[/yellow]")


def _show_example(console: Console, one: CounterExample) -> None:
    console.print(f"[red]✗ {one.guarantee}[/red]", end=" ")
    where = (
        ("delivery", one.delivery_id),
        ("partition", one.partition),
        ("offset", one.offset),
    )
    named = ", ".join(f"{name} {value}" for name, value in where if value is not None)
    console.print(f"{one.sentence} ({named})", markup=False)
    for record in one.log:
        at = f"{record.partition}/{record.offset}"
        said = "?" if record.event is None else _brief(record.event)
        console.print(f"    log  {at} {output.instant(record.append_ms)} {said}", markup=False)
    for note in one.notes:
        console.print(f"    note {output.instant(note.at_ms)} {_brief(note)}", markup=False)


_BRIEF = (
    *("path", "writer", "sender", "organ", "recipient", "recipients", "confirmed", "refused"),
    *("outcome", "word", "code", "state", "kind", "version", "taken", "reason", "topic", "offset"),
    *("source_topic", "source_offset", "clock_ms", "due_ms"),
)


def _brief(said: object) -> str:
    """Return what an event or a note is about; `--json` has all of it."""
    known = ((name, getattr(said, name, None)) for name in _BRIEF)
    words = (f"{name} {_short(value)}" for name, value in known if value not in (None, "", []))
    return f"{type(said).__name__}: {', '.join(words)}"


def _short(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    names = [getattr(each, "recipient", each) for each in value]
    more = f" … ({len(names)})" if len(names) > 3 else ""
    return f"{' '.join(map(str, names[:3]))}{more}"
