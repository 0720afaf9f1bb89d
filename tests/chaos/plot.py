"""The plot of a run: its faults as bars; what was handed over, waited and was paged meanwhile."""

import io
from collections.abc import Callable, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hoatoc.embedded.stack import PARTS
from hoatoc.history.note import Fault
from tests.chaos.door import closings
from tests.chaos.kind import KINDS
from tests.chaos.run import Ran
from tests.chaos.sample import Sample

COLOURS = dict(
    zip(
        dict.fromkeys(kind.name for kind in KINDS),
        ("#111111", "#d55e00", "#cc3311", "#ee9944", "#bb99cc", "#9955aa", "#663399", "#0072b2",
         "#33aacc", "#66ccbb", "#aaaa00", "#884422", "#dd6699", "#669900", "#999999", "#555555"),
        strict=False,
    )
)  # fmt: skip
_INSTANT_S = 1.5
_QUIET = "#e8e8e8"


def timeline(ran: Ran) -> str:
    """Return the plot as SVG."""
    rows = _rows(ran.faults)
    with mpl.rc_context({"svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"}):
        figure = Figure(figsize=(12, 5.2 + 0.26 * len(rows)), layout="constrained")
        axes = figure.subplots(
            4, 1, sharex=True, height_ratios=[0.26 * len(rows) + 0.4, 1.5, 1.7, 1.5]
        )
        _bars(axes[0], ran, rows)
        _load(axes[1], ran)
        _waiting(axes[2], ran)
        _alerts(axes[3], ran)
        axes[3].set_xlabel("seconds since the load began")
        for each in axes:
            _dress(each, ran)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _rows(faults: Sequence[Fault]) -> list[str]:
    """Return the targets, stores at the top, then programs with their ways, then the rest."""
    seen = dict.fromkeys(f.target for f in faults if f.applied)
    parts = [part for part in PARTS if part in seen]
    ways = sorted(target for target in seen if "/" in target)
    other = [target for target in seen if target not in parts and target not in ways]
    return [*parts, *ways, *other]


def _seconds(ran: Ran, at_ms: float) -> float:
    return (at_ms - ran.load_ms[0]) / 1000


def _bars(axes: Axes, ran: Ran, rows: Sequence[str]) -> None:
    for fault in ran.faults:
        if fault.applied:
            begin = _seconds(ran, fault.at_ms)
            width = max(_seconds(ran, fault.until_ms) - begin, _INSTANT_S)
            axes.barh(rows.index(fault.target), width, 0.7, begin, color=COLOURS[fault.fault])
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    kinds = [kind for kind in COLOURS if any(f.applied and f.fault == kind for f in ran.faults)]
    handles = [Patch(color=COLOURS[kind], label=kind) for kind in kinds]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=8, frameon=False,
        fontsize=8,
    )  # fmt: skip


def _line(
    axes: Axes, ran: Ran, label: str, value: Callable[[Sample], float | None], colour: str
) -> None:
    seconds = [_seconds(ran, sample.at_ms) for sample in ran.samples]
    values = [value(sample) for sample in ran.samples]
    numbers = [float("nan") if found is None else found for found in values]
    axes.plot(seconds, numbers, label=label, color=colour, linewidth=1.1)


def _load(axes: Axes, ran: Ran) -> None:
    for label, name, colour in (
        ("handed over", "copies", "#0072b2"),
        ("taken", "taken", "#d55e00"),
    ):
        rates = _rates(ran.samples, name)
        xs = [_seconds(ran, at) for at, _ in rates]
        axes.plot(xs, [rate for _, rate in rates], label=label, color=colour, linewidth=1.1)
    axes.set_ylabel("copies a second")
    axes.set_ylim(0, max(3 * ran.plan.rate, 1))


def _rates(samples: Sequence[Sample], name: str) -> list[tuple[int, float]]:
    """Return the growth a second of a count, over five samples."""
    known = [(s.at_ms, getattr(s, name)) for s in samples if getattr(s, name) is not None]
    return [
        (later[0], max((later[1] - earlier[1]) / ((later[0] - earlier[0]) / 1000), 0))
        for earlier, later in zip(known, known[5:], strict=False)
    ]


def _waiting(axes: Axes, ran: Ran) -> None:
    _line(axes, ran, "records not booked", lambda s: s.lag, "#111111")
    _line(axes, ran, "dispatches not published", lambda s: s.outbox, "#d55e00")
    _line(axes, ran, "announcements not made", lambda s: s.announcements, "#0072b2")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_ylim(0, None)
    axes.set_ylabel("waiting")


def _alerts(axes: Axes, ran: Ran) -> None:
    _line(axes, ran, "open alerts", lambda s: s.alerts, "#cc3311")
    _line(axes, ran, "pages not delivered", lambda s: s.pages, "#9955aa")
    _line(axes, ran, "pages taken", lambda s: s.kept, "#669900")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_ylim(0, None)
    axes.set_ylabel("alerts and pages")


def _dress(axes: Axes, ran: Ran) -> None:
    for begin, end in closings(ran.faults, ran.samples, ran.load_ms[1]):
        axes.axvspan(_seconds(ran, begin), _seconds(ran, end), color=_QUIET, zorder=-1)
    axes.axvline(_seconds(ran, ran.load_ms[1]), color="#888888", linewidth=0.8, linestyle="--")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.005)
    if axes.get_legend() is None:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
