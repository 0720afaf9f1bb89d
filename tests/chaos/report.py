"""The report of a run: what was done to it, what came of it, what is violated."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as Shown

from hoatoc.history.note import Fault
from hoatoc.history.save import BOOKS_FOLDER
from tests.chaos.judge import Judgement, by_kind, missing, spread
from tests.chaos.page import Block, Heading, Listing, Plot, Table, Text, html, markdown, shown
from tests.chaos.plot import timeline

PLOT_FILE, MARKDOWN_FILE, HTML_FILE = "timeline.svg", "report.md", "report.html"
_SHOWN = 20


def write(judgement: Judgement, out: Path) -> None:
    """Write the report in Markdown and in HTML into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    plot = timeline(judgement.ran)
    blocks = list(_blocks(judgement, plot))
    title = f"Chaos: {judgement.ran.plan.minutes:g} minutes, seed {judgement.ran.plan.seed}"
    (out / PLOT_FILE).write_text(plot, "utf-8")
    (out / MARKDOWN_FILE).write_text(markdown(title, blocks), "utf-8")
    (out / HTML_FILE).write_text(html(title, blocks), "utf-8")


def show(judgement: Judgement, out: Path, console: Console) -> None:
    """Print the faults by kind, the verdict, and where the report is."""
    shown = Shown("fault", "applied", "recovery p50 s", "max s", box=None)
    for row in _kinds(judgement):
        shown.add_row(*(f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(shown)
    for line in (*judgement.violations[:_SHOWN], *judgement.lacking):
        console.print(f"- {line}", highlight=False, soft_wrap=True)
    console.print(verdict(judgement)[0], style="bold", highlight=False, soft_wrap=True)
    console.print(f"report: {out / HTML_FILE}", highlight=False, soft_wrap=True)


def verdict(judgement: Judgement) -> tuple[str, str]:
    """Return what is to be said of a run, and its mood."""
    applied = sum(fault.applied for fault in judgement.ran.faults)
    if judgement.violations:
        return f"{len(judgement.violations)} violations, with {applied} faults applied", "bad"
    if judgement.lacking:
        return f"The run proved too little: {'; '.join(judgement.lacking[:3])}", "poor"
    return f"Nothing is violated, with {applied} faults applied", "good"


def _blocks(judgement: Judgement, plot: str) -> Iterator[Block]:
    yield Text(*verdict(judgement))
    yield Table(["run", ""], [(name, shown(value)) for name, value in _run(judgement)])
    yield Plot(
        plot,
        PLOT_FILE,
        "Faults as bars, by what they hit; grey: a door was closed because a store was away; the "
        "dashed line: the end of the load. An instant is drawn as a second and a half.",
    )
    if judgement.violations:
        yield Heading("Violations")
        yield Listing("\n".join(judgement.violations))
    if judgement.lacking:
        yield Heading("What the run lacks")
        yield Listing("\n".join(judgement.lacking))
    yield Heading("Guarantees")
    yield Table(["guarantee", "verdict", "looked at", "violations"], judgement.guarantees)
    yield Heading("Faults by kind")
    yield Text(
        "Recovery is the time from the end of a fault until the records not booked and the "
        "dispatches not published were as few as before it. Faults overlap, so the recovery of one "
        "may hold the time of another."
    )
    yield Table(["fault", "applied", "recovery p50, s", "max, s"], list(_kinds(judgement)))
    yield from _not_applied(judgement)
    yield Heading("What came of it")
    yield from _books(judgement)
    yield Heading("Faults in order")
    yield Table(
        ["at s", "fault", "target", "for s", "what was seen", "recovery, s"],
        list(_order(judgement)),
    )


def _run(judgement: Judgement) -> Iterator[tuple[str, object]]:
    ran = judgement.ran
    whole = (ran.load_ms[1] - ran.load_ms[0]) / 1000
    yield "date", f"{ran.began:%Y-%m-%d %H:%M} UTC"
    yield "again", f"make chaos MINUTES={ran.plan.minutes:g} SEED={ran.plan.seed}"
    yield "machine", ran.machine
    yield "load", f"{whole:.0f} s, of which the doors were closed {ran.load.closed_s:.0f} s"
    yield "rate", f"{ran.load.rate:.0f} copies a second while the doors were open"
    yield "documents handed over", ran.counts["documents"]
    yield "copies handed over", ran.counts["copies"]
    yield "of these in bursts of one second's deadlines", ran.counts["burst_copies"]
    yield "copies taken by recipients", ran.counts["taken"]
    yield "hand-overs repeated by their senders", ran.counts["repeated_by_senders"]
    yield "recalls", ran.counts["recalls"]
    letters = ", ".join(f"{door} {count:,}" for door, count in ran.traffic["letters"].items())
    yield "letters at the other doors", f"{letters}; {ran.traffic['content_mb']:,} MB"
    counts = (ran.traffic[name] for name in ("copies", "taken", "unknown"))
    yield "their copies; taken; answers that did not come", "; ".join(f"{n:,}" for n in counts)
    yield "records of the log", ran.log_records
    yield "pages posted; taken, each once", f"{ran.tried:,}; {ran.kept:,}"


def _kinds(judgement: Judgement) -> Iterator[Sequence[object]]:
    for kind, applied, tried in by_kind(judgement.ran):
        found = [s for f, s in judgement.recoveries if f.fault == kind and s is not None]
        times: tuple[object, object] = spread(found) if found else ("", "")
        yield kind, f"{applied} of {tried}", *times


def _not_applied(judgement: Judgement) -> Iterator[Block]:
    failed = [fault for fault in judgement.ran.faults if not fault.applied]
    if failed:
        yield Heading("Tried and not applied")
        yield Table(["fault", "target", "why"], [(f.fault, f.target, f.detail) for f in failed])
    absent = sorted(missing(judgement.ran, full=True))
    if absent:
        names = ", ".join(f"{kind} of {target}" if target else kind for kind, target in absent)
        yield Text(f"A full run has these as well: {names}.")


def _books(judgement: Judgement) -> Iterator[Block]:
    books = judgement.ran.plan.folder / "record" / BOOKS_FOLDER
    states = Counter(row["state"] for row in _rows(books / "delivery.csv"))
    yield Table(["state of a copy", "copies"], sorted(states.items()))
    alerts = Counter((row["kind"], row["found_by"]) for row in _rows(books / "alert.csv"))
    yield Table(["alert", "found by", "alerts"], [(*key, n) for key, n in sorted(alerts.items())])
    pages = Counter(
        ("raised" if int(row["version"]) % 2 else "resolved", row["state"])
        for row in _rows(books / "page.csv")
    )
    yield Table(["page", "state", "pages"], [(*key, n) for key, n in sorted(pages.items())])


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def _order(judgement: Judgement) -> Iterator[Sequence[object]]:
    begin = judgement.ran.load_ms[0]
    recovered = {_key(fault): seconds for fault, seconds in judgement.recoveries}
    for fault in sorted(judgement.ran.faults, key=lambda fault: fault.at_ms):
        seconds = recovered.get(_key(fault))
        yield (
            (fault.at_ms - begin) / 1000,
            fault.fault,
            fault.target,
            (fault.until_ms - fault.at_ms) / 1000,
            fault.detail if fault.applied else f"not applied: {fault.detail}",
            "" if seconds is None else seconds,
        )


def _key(fault: Fault) -> tuple[int, str, str]:
    return fault.at_ms, fault.fault, fault.target
