"""Pages of a report: blocks, and how they are written in Markdown and in HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem;
       color: #222; }
h1 { font-size: 1.7rem; margin-bottom: 0.2rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
p.verdict { font-size: 1.15rem; padding: 0.6rem 1rem; border-left: 6px solid; margin: 1rem 0; }
p.good { border-color: #3a7d2c; background: #eef6ec; }
p.bad { border-color: #b3261e; background: #fbeceb; }
p.poor { border-color: #b58100; background: #fdf5e0; }
table { border-collapse: collapse; margin: 0.6rem 0; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top; }
th { border-bottom: 2px solid #999; } td.number { text-align: right;
     font-variant-numeric: tabular-nums; }
pre { background: #f5f5f5; padding: 0.7rem; overflow-x: auto; font-size: 0.85rem; }
figure { margin: 0; overflow-x: auto; } svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 0.9rem; }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; `mood` marks a verdict: good, bad or poor."""

    text: str
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; what is a number stands to the right."""

    heads: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot as SVG; Markdown names its file."""

    svg: str
    file: str
    caption: str


Block = Heading | Text | Table | Listing | Plot


def markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return the page in Markdown."""
    return "\n".join([f"# {title}\n", *(_markdown(block) for block in blocks)])


def _markdown(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {text}\n"
        case Text(text, mood):
            return f"**{text}**\n" if mood else f"{text}\n"
        case Listing(text):
            return f"```\n{text}\n```\n"
        case Plot(_, file, caption):
            return f"![{caption}]({file})\n"
        case Table(heads, rows):
            lines = [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]
            return "\n".join(lines) + "\n"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(shown(cell).replace("|", "\\|") for cell in cells) + " |"


def shown(cell: object) -> str:
    """Return a value as it stands in a table."""
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def html(title: str, blocks: Sequence[Block]) -> str:
    """Return the page in HTML, with everything that it needs."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>'
        f"\n<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text, mood):
            return f'<p class="verdict {mood}">{escape(text)}</p>' if mood else _paragraph(text)
        case Listing(text):
            return f"<pre>{escape(text)}</pre>"
        case Plot(svg, _, caption):
            return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        case Table(heads, rows):
            head = "".join(f"<th>{escape(each)}</th>" for each in heads)
            body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
            return f"<table><tr>{head}</tr>{body}</table>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _cell(cell: object) -> str:
    kind = ' class="number"' if isinstance(cell, int | float) else ""
    return f"<td{kind}>{escape(shown(cell))}</td>"
