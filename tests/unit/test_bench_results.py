"""What the bench keeps and tells: nothing here measures time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench import document, record
from bench.__main__ import main
from bench.beside import beside
from bench.deadline import Course
from bench.figure import percentile, slope
from bench.section import Bench, Plot, Report, Row, Section

PLOT = Plot("memory", "Memory", "minutes", "MiB", {"ledger": [(0.0, 1.0), (1.0, 2.0)]})
REPORT = Report([Row("events/s", "7,434", "11,431", "65%", "60 %")], {"rate": 7434.0}, ["A note."])


async def _unused(_bench: Bench) -> Report:
    raise AssertionError


def section(name: str, run: Callable[[Bench], Awaitable[Report]] = _unused) -> Section:
    return Section(name, name.capitalize(), "How it is measured.", 1, run)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [50.0, 99.0, 100.0] == [percentile(values, p) for p in (50, 99, 100)]
    assert 7.0 == percentile([7.0], 99)


def test_the_slope_is_that_of_the_line_through_the_points() -> None:
    assert 3.0 == pytest.approx(slope([(0, 1), (1, 4), (2, 7)]))


def test_a_due_is_reached_between_the_ticks_around_it() -> None:
    course = Course([0, 1_000, 2_000], [50_000, 51_000, 52_100])
    assert (51_500, 52_100) == course.reached(1_500)


def test_a_due_at_a_tick_is_passed_by_the_next_one() -> None:
    course = Course([0, 1_000, 2_000], [50_000, 51_000, 52_100])
    assert (51_000, 52_100) == course.reached(1_000)


def test_a_section_not_run_again_keeps_its_figures(tmp_path: Path) -> None:
    old = replace(record.result(REPORT, 1, 60, 0.5), date="2026-01-01T00:00+00:00")
    record.keep(tmp_path, {"ledger": old})
    record.keep(tmp_path, {**record.load(tmp_path), "soak": record.result(REPORT, 1, 60, 0.5)})
    assert old == record.load(tmp_path)["ledger"]


def test_a_document_names_date_and_scale_of_each_section(tmp_path: Path) -> None:
    found = replace(record.result(REPORT, 0.05, 60, 0.5), date="2026-01-01T08:00+00:00")
    text = document.write(tmp_path, [section("ledger"), section("soak")], {"ledger": found})
    said = text.read_text("utf-8")
    assert "**A trial at scale 0.05, not a figure.** Run on 2026-01-01 08:00 UTC" in said
    assert "| events/s | 7,434 | 11,431 | 65% | 60 % |" in said
    assert "Not measured yet." in said.partition("## Soak")[2]


def test_a_plot_is_drawn_the_same_at_every_drawing(tmp_path: Path) -> None:
    found = {"soak": record.result(replace(REPORT, plots=[PLOT]), 1, 60, 0.5)}
    drawings = []
    for _ in range(2):
        document.write(tmp_path, [section("soak")], found)
        drawings.append((tmp_path / "plots" / "memory.svg").read_bytes())
    assert drawings[0] == drawings[1]


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["soaks"])
    assert "unknown section soaks: choose of domain, parts" in capsys.readouterr().out


async def test_what_fails_beside_a_block_is_raised_behind_it() -> None:
    async def fail() -> None:
        raise ValueError("seen")

    with pytest.raises(ValueError, match="seen"):
        async with beside(fail()):
            await asyncio.sleep(0)
