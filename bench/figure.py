"""Figures: percentiles, and numbers as people read them."""

import math
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below or at which so many percent of the values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100) - 1, 0)]


def milliseconds(values: Sequence[float]) -> str:
    """Return p50 and p99 of milliseconds as text."""
    return f"{percentile(values, 50):,.0f} / {percentile(values, 99):,.0f} ms"


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return the slope of the straight line that fits the points best."""
    xs, ys = zip(*points, strict=True)
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return float(sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread)


def ladder(values: Sequence[float], steps: int = 100) -> list[tuple[float, float]]:
    """Return (percent, value) for a plot of how values are spread."""
    return [(100 * n / steps, percentile(values, 100 * n / steps)) for n in range(1, steps + 1)]
