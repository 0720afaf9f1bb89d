"""Commands that run the embedded stack: up, stop, status, run."""

import asyncio
import runpy
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hoatoc import config
from hoatoc.cli.reach import Data, Json, NotRunning
from hoatoc.config import Settings
from hoatoc.embedded import stack
from hoatoc.embedded.folder import RunState
from hoatoc.policy_file import load_policy


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
    settings = _settings(data)
    load_policy(settings)  # a policy that cannot be used is said before anything starts

    def show(state: RunState) -> None:
        _show(state, console)
        pages = settings.pager.webhook_url or "kept only: HOATOC_PAGER_WEBHOOK_URL is not set"
        console.print(f"[bold]{'pages':<11}[/]{pages}", highlight=False, soft_wrap=True)
        console.print("[green]ready[/]; Ctrl-C stops all")

    asyncio.run(
        stack.up(
            settings,
            parts=[part.strip() for part in parts.split(",")] if parts else None,
            on_ready=show,
            console=console,
        )
    )
    console.print("stopped")


def stop(data: Data = None) -> None:
    """Stop the stack of a data folder, in order."""
    folder = _settings(data).data
    if not stack.stop(folder):
        raise _nothing_runs(folder)
    typer.echo("stopped")


def status(data: Data = None, json: Json = False) -> None:
    """Show what runs on a data folder, and since when."""
    folder = _settings(data).data
    state = stack.running(folder)
    if state is None:
        raise _nothing_runs(folder)
    if json:
        typer.echo(state.model_dump_json(indent=2))
    else:
        _show(state, Console())


def run(
    program: Annotated[str, typer.Argument(help=f"One of {', '.join(stack.PROGRAMS)}.")],
) -> None:
    """Run one program in this process, as `up` and a service manager do."""
    if program not in stack.PROGRAMS:
        raise typer.BadParameter(f"choose one of {', '.join(stack.PROGRAMS)}")
    runpy.run_module(stack.PROGRAMS[program], run_name="__main__", alter_sys=True)


def _settings(data: Path | None) -> Settings:
    settings = config.load()
    return settings.model_copy(update={"data": data}) if data else settings


def _nothing_runs(folder: Path) -> NotRunning:
    return NotRunning(
        f"nothing runs on {folder}: start it with `hoatoc up`, or name its folder by --data"
    )


def _show(state: RunState, console: Console) -> None:
    lines = {
        "broker": state.bootstrap_servers,
        "database": state.dsn,
        "gateway": state.gateway,
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
