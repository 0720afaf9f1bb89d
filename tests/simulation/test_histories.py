"""Histories drawn by seed, and those that were violated once: the programs keep their promises."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HISTORIES = sorted(Path(__file__).parents[1].joinpath("histories").glob("*.json"))


def simulate(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `hoatoc simulate` in a process of its own, where texts are hashed alike."""
    return subprocess.run(
        [sys.executable, "-m", "hoatoc", "simulate", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


def test_histories_of_fresh_seeds_hold() -> None:
    ran = simulate("--seed", "1", "--histories", "12", "--json")
    facts = json.loads(ran.stdout)
    assert ([], 0) == (facts["violated"], ran.returncode), ran.stdout
    assert 12 == facts["histories"]
    assert facts["deliveries"] >= 12 * 200


def test_a_seed_tells_the_same_history_every_time() -> None:
    one, other = (simulate("--seed", "7", "--histories", "1", "--json") for _ in "12")
    first, second = (json.loads(ran.stdout) for ran in (one, other))
    for told in (first, second):
        del told["seconds"]
    assert first == second


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_a_history_that_was_violated_once_holds(file: Path) -> None:
    ran = simulate(str(file))
    assert 0 == ran.returncode, ran.stdout


def test_a_damaged_history_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "seed-1.json"
    file.write_text('{"seed": 1}', "utf-8")
    ran = simulate(str(file))
    assert 4 == ran.returncode
    assert "seed-1.json" in ran.stderr
    assert "faults" in ran.stderr
