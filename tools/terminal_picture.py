"""Make a picture of what a command left on the terminal, as an SVG.

    FORCE_COLOR=1 COLUMNS=120 hoatoc demo | python -m tools.terminal_picture docs/demo.svg

Reads the output with its colours from standard input. What a live display has drawn and erased
again is left out: the picture begins after the last line that was erased.
"""

import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ERASE_LINE = "\x1b[2K"
_WEB_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def left(output: str) -> str:
    """Return what is left on the terminal after the last erased line."""
    return output.rpartition(ERASE_LINE)[2].lstrip("\r\n")


def picture(output: str, title: str, width: int = 120) -> str:
    """Draw coloured output, `width` columns wide, as an SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=width, file=StringIO())
    console.print(Text.from_ansi(output), soft_wrap=True)
    drawn = console.export_svg(title=title)
    lines = (line.rstrip() for line in _WEB_FONT.sub("", drawn).splitlines())
    return "\n".join(lines).replace("Fira Code, monospace", _FONT) + "\n"


def main(arguments: list[str]) -> int:
    """Draw standard input into the file that is named; the second argument is a title."""
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    target, title = Path(arguments[0]), arguments[1] if arguments[1:] else "hoatoc"
    target.write_text(picture(left(sys.stdin.read()), title), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
