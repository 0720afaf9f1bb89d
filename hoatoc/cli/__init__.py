"""The command line of Hoatoc.

Exit status: 0 done; 1 failed, or a proof that does not hold; 2 a wrong argument or setting;
3 nothing runs, or the broker or the database is away; 4 what was given is refused.
"""

import sys

import typer
from rich.console import Console

from hoatoc.cli import (
    calendar,
    check,
    content,
    dead_letter,
    deadline,
    demo,
    document,
    history,
    key,
    ledger,
    organ,
    recall,
    secret,
    simulate,
    spool,
    stack,
    status,
    traffic,
)
from hoatoc.cli.reach import NotRunning
from hoatoc.config import SettingsInvalid
from hoatoc.domain.check import CheckPolicyInvalid
from hoatoc.domain.error import HoatocError, PeerFault, Unavailable
from hoatoc.domain.policy import PolicyInvalid

app = typer.Typer(
    help="Hoatoc: every document proven to have reached its recipients, or a person paged.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
stack.register(app)
app.add_typer(organ.registry, name="registry")
for command in (
    check.check,
    document.send,
    document.inbox,
    document.take,
    document.answer,
    status.report,
    recall.recall,
    recall.resend,
    ledger.show,
    ledger.deliveries,
    ledger.overdue,
    ledger.alerts,
    ledger.books,
    ledger.lag,
    history.check_history,
    simulate.simulate,
    spool.spool,
    traffic.traffic,
    secret.quarantine,
    organ.topics,
):
    app.command()(command)
app.add_typer(dead_letter.dead_letters, name="dead-letters")
app.add_typer(secret.secrets, name="secrets")
app.add_typer(content.content, name="content")
app.add_typer(calendar.calendar, name="calendar")
app.add_typer(deadline.deadline, name="deadline")
app.add_typer(key.key, name="key")
app.command()(demo.demo)


def main() -> None:
    """Run the command line; an error says what to do, and its kind is the exit status."""
    try:
        app()
    except HoatocError as error:
        console = Console(stderr=True, highlight=False)
        console.print(f"[red]{type(error).__name__}[/red] ", end="")
        console.print(str(error), markup=False, soft_wrap=True)
        if isinstance(error, Unavailable) and not isinstance(error, NotRunning):
            console.print(_safe(), markup=False, soft_wrap=True)
        sys.exit(_status(error))


def _status(error: HoatocError) -> int:
    if isinstance(error, SettingsInvalid | PolicyInvalid | CheckPolicyInvalid):
        return 2
    if isinstance(error, Unavailable):
        return 3
    return 4 if isinstance(error, PeerFault) else 1


def _safe() -> str:
    return (
        "Nothing was lost: what is in the outbox stays there and will be sent; a command that "
        "ended here changed nothing, so run it again."
    )
