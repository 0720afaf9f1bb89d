"""The demonstration as a command."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the data folder here.", file_okay=False)
    ] = None,
) -> None:
    """Send the letters to more than sixty agencies and page for exactly the right ones."""
    from hoatoc.demo.story import main

    raise typer.Exit(main(keep))
