"""The command that simulates histories: the programs' own code, with time and chance drawn."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hoatoc.cli import output
from hoatoc.cli.reach import Json
from hoatoc.simulation import run
from hoatoc.simulation.run import Tally

Seed = Annotated[int, typer.Option(help="Hạt giống đầu · the first seed.")]
Histories = Annotated[
    int, typer.Option(min=1, help="Số lịch sử, mỗi hạt giống một · how many, one a seed.")
]
Workers = Annotated[int, typer.Option(min=0, help="Số tiến trình; 0: mỗi lõi một · processes.")]
Budget = Annotated[
    float | None, typer.Option(min=1, help="Dừng sau bấy nhiêu giây · stop after so many seconds.")
]
Keep = Annotated[
    Path | None,
    typer.Option(help="Thư mục giữ lịch sử sai · where a violating history is kept."),
]
Until = Annotated[
    bool, typer.Option("--until-violated", help="Dừng ở vi phạm đầu · stop at a violation.")
]
Tell = Annotated[
    bool, typer.Option("--tell/--no-tell", help="Tìm lịch sử ngắn nhất · find the shortest trace.")
]
Stored = Annotated[
    list[Path] | None,
    typer.Argument(help="Lịch sử đã giữ, diễn lại · stored histories to tell again instead."),
]


def simulate(  # noqa: PLR0917 - options of a command
    stored: Stored = None,
    seed: Seed = 1,
    histories: Histories = 100,
    workers: Workers = 0,
    budget: Budget = None,
    until_violated: Until = False,
    keep: Keep = None,
    tell: Tell = True,
    json: Json = False,
) -> None:
    """Mô phỏng lịch sử có lỗi và kiểm tra G1-G10 · simulate histories full of faults, check G1-G10.

    Exit status 0: nothing was violated; 1: something was; 2: the histories proved nothing.
    """
    run.require_order()
    if stored:
        raise typer.Exit(_tell_again(stored))
    seeds = range(seed, seed + histories)
    count = workers or os.cpu_count() or 1
    with _progress() as progress:
        task = progress.add_task("lịch sử · histories", total=histories)
        tally = run.many(
            seeds,
            workers=count,
            budget_s=budget,
            until_violated=until_violated,
            seen=lambda tally: progress.update(task, completed=tally.histories),
        )
    if json:
        output.as_json(_facts(tally))
    else:
        _show(tally)
    if tally.failed:
        if tell:
            _show_shortest(tally, keep, output.screen(stderr=json))  # stdout is the facts' alone
        raise typer.Exit(1)
    if lacks := tally.lacking():
        for lack in lacks:
            typer.echo(f"không chứng minh được gì · proved nothing: {lack}", err=True)
        raise typer.Exit(2)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=output.screen(), transient=True)


def _facts(tally: Tally) -> dict[str, Any]:
    return {
        "histories": tally.histories,
        "deliveries": tally.deliveries,
        "faults": dict(tally.applied.most_common()),
        "looked_at": {str(name): count for name, count in tally.looked_at.items()},
        "violated": [{"seed": one.seed, "violations": one.violations} for one in tally.failed],
        "thin": tally.thin,
        "seconds": round(tally.seconds, 1),
        "simulated_seconds": round(tally.simulated_s),
    }


def _show(tally: Tally) -> None:
    screen, rate = output.screen(), tally.histories / max(tally.seconds, 1e-9)
    screen.print(
        f"lịch sử · histories {tally.histories:,}, bản · deliveries {tally.deliveries:,}, lỗi · "
        f"faults {sum(tally.applied.values()):,}, {tally.seconds:.0f} s ({rate:.1f}/s)"
    )
    faults = ", ".join(f"{name} {count:,}" for name, count in tally.applied.most_common())
    screen.print(f"lỗi đã gây · faults applied: {faults}")
    looked = ", ".join(f"{name} {count:,}" for name, count in tally.looked_at.items())
    screen.print(f"đã xét · looked at: {looked}")
    screen.print(f"vi phạm · violated in {len(tally.failed)} of {tally.histories:,} histories")


def _show_shortest(tally: Tally, keep: Path | None, screen: Console) -> None:
    seeds = ", ".join(str(one.seed) for one in tally.failed[:20])
    screen.print(f"hạt giống vi phạm · violating seeds: {seeds}")
    with run.silence():
        shortest = run.shortest(min(tally.failed, key=lambda one: len(one.faults)))
    screen.print(
        f"ngắn nhất tìm được · the shortest found: seed {shortest.seed}, "
        f"{len(shortest.faults)} faults, {shortest.documents} documents"
    )
    for line in (*shortest.told, *shortest.violations[:5]):
        screen.print(line, markup=False, highlight=False)
    if keep is not None:
        screen.print(f"giữ ở · kept in {run.store(shortest, keep)}")


def _tell_again(files: list[Path]) -> int:
    """Tell stored histories again; return the exit status."""
    screen, violated = output.screen(), 0
    for file in files:
        with run.silence():
            outcome = run.stored(file)
        violated += bool(outcome.violations)
        said = "; ".join(outcome.violations[:3]) or "giữ đúng · holds"
        screen.print(f"{file.name}: {said}", markup=False, highlight=False)
        for line in outcome.told:
            screen.print(line, markup=False, highlight=False)
    return 1 if violated else 0
