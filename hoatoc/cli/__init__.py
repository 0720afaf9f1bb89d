"""The command line of Hoatoc."""

import typer

from hoatoc.cli import stack

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
stack.register(app)


def main() -> None:
    """Run the command line."""
    app()
