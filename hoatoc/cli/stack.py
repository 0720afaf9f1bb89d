"""Commands that run the embedded stack: up, stop, status, run.

Exit status: 0 done, 1 failed, 3 nothing runs on the data folder.
"""

import asyncio
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hoatoc import config
from hoatoc.config import Settings
from hoatoc.domain.error import HoatocError
from hoatoc.embedded import stack
from hoatoc.embedded.folder import RunState

FAILED = 1
NOT_RUNNING = 3

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder (default: HOATOC_DATA).", file_okay=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (up, stop, status, run):
        app.command()(command)


def up(
    data: Data = None,
    parts: Annotated[
        str,
        typer.Option(help=f"Start only these, comma-separated: {', '.join(stack.PARTS)}."),
    ] = "",
) -> None:
    """Start the database, the broker and the programs, and keep them running until Ctrl-C."""
    console = Console(stderr=True)
    with _told(console):
        asyncio.run(
            stack.up(
                _settings(data),
                parts=[part.strip() for part in parts.split(",")] if parts else None,
                on_ready=lambda state: _show_ready(state, console),
                console=console,
            )
        )
    console.print("stopped")


def stop(data: Data = None) -> None:
    """Stop the stack of a data folder, in order."""
    console = Console(stderr=True)
    with _told(console):
        folder = _settings(data).data
        if not stack.stop(folder):
            _refuse(folder, console)
    console.print("stopped")


def status(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print DATA/run.json.")] = False,
) -> None:
    """Show what runs on a data folder."""
    console = Console()
    with _told(Console(stderr=True)):
        folder = _settings(data).data
        state = stack.running(folder)
    if state is None:
        _refuse(folder, Console(stderr=True))
    elif as_json:
        typer.echo(state.model_dump_json(indent=2))
    else:
        _show(state, console)


def run(
    program: Annotated[str, typer.Argument(help=f"One of {', '.join(stack.PROGRAMS)}.")],
) -> None:
    """Run one program in this process, as `up` and a service manager do."""
    if program not in stack.PROGRAMS:
        raise typer.BadParameter(f"choose one of {', '.join(stack.PROGRAMS)}")
    runpy.run_module(stack.PROGRAMS[program], run_name="__main__", alter_sys=True)


@contextmanager
def _told(console: Console) -> Iterator[None]:
    try:
        yield
    except HoatocError as error:
        console.print(f"[red]{type(error).__name__}[/]:", end=" ")
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from error


def _settings(data: Path | None) -> Settings:
    settings = config.load()
    return settings.model_copy(update={"data": data}) if data else settings


def _refuse(folder: Path, console: Console) -> None:
    console.print(f"nothing runs on {folder}", highlight=False, soft_wrap=True)
    raise typer.Exit(NOT_RUNNING)


def _show_ready(state: RunState, console: Console) -> None:
    _show(state, console)
    console.print("[green]ready[/]; Ctrl-C stops all")


def _show(state: RunState, console: Console) -> None:
    lines = {
        "broker": state.bootstrap_servers,
        "database": state.dsn,
        "supervisor": f"pid {state.pid}",
        "logs": next((child.log.parent for child in state.children.values()), None),
    }
    for name, value in lines.items():
        if value:
            console.print(f"[bold]{name:<11}[/]{value}", highlight=False, soft_wrap=True)
    table = Table("part", "state", "pid", "restarts", "since (UTC)", "metrics port", box=None)
    for child in state.children.values():
        table.add_row(
            child.name,
            child.state,
            str(child.pid or "-"),
            str(child.restarts),
            f"{child.since:%Y-%m-%d %H:%M:%S}",
            str(child.metrics_port or "-"),
        )
    console.print(table)
