"""Plots of the results, as SVG: drawn from what is kept, the same at every drawing."""

import math
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.section import Plot

_COLOURS = ("#0b6e99", "#c8553d", "#588b3b", "#8457a8", "#b8860b", "#444444", "#d16ba5", "#00897b")
_MARKED = 40
"""lines with more points than this have no marks"""


def draw(plot: Plot, folder: Path, suffix: str = "svg") -> Path:
    """Draw a plot into a folder and return its file."""
    with mpl.rc_context({"svg.hashsalt": "hoatoc", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        axes = figure.add_subplot()
        for (name, points), colour in zip(plot.lines.items(), _COLOURS * 3, strict=False):
            xs, ys = zip(*points, strict=True) if points else ((), ())
            mark = "o" if len(points) <= _MARKED else ""
            axes.plot(xs, ys, marker=mark, markersize=4, linewidth=1.6, color=colour, label=name)
        for begin, end, name in plot.bands:
            axes.axvspan(begin, end, color="#999999", alpha=0.18, linewidth=0, label=name)
        axes.set_title(plot.title, loc="left", fontsize=10)
        axes.set_xlabel(plot.x)
        axes.set_ylabel(plot.y)
        _scale(axes, plot)
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        _legend(figure, axes, len(plot.lines) + len(plot.bands))
        file = folder / f"{plot.name}.{suffix}"
        metadata = {"Date": None} if suffix == "svg" else None
        figure.savefig(file, metadata=metadata, dpi=110)
    return file


def _scale(axes: mpl.axes.Axes, plot: Plot) -> None:
    plain = FuncFormatter(lambda value, _: f"{value:,.6g}")
    if "x" in plot.log:
        axes.set_xscale("log")
        axes.set_xticks(sorted({x for points in plot.lines.values() for x, _ in points}))
        axes.minorticks_off()
    if "y" in plot.log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(plain)
    else:
        highest = max((y for points in plot.lines.values() for _, y in points), default=1)
        axes.set_ylim(0, (highest or 1) * 1.08)
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)


def _legend(figure: Figure, axes: mpl.axes.Axes, entries: int) -> None:
    if entries > 1:
        columns = min(4, math.ceil(entries / 2)) if entries > 3 else entries
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=8
        )
