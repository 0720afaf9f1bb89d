"""Remove each guard in turn: what watches over it must go red, or the guard is not tested.

    python -m tests.mutants [--only NAME…] [--histories K] [--seconds S] [--out FILE]

Each mutant is a copy of the code with one text replaced. Exit status: 0 every mutant was found;
1 one was not; 2 nothing was proved: a text is not there any more, or the code as it is fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.mutants.catalogue import HISTORIES, MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
CODE = ("hoatoc", "producers", "streams", "consumers", "schemas", "tests", "pyproject.toml")
TESTS_S = 300.0


class TextMissing(Exception):
    """The text that a mutant replaces does not stand exactly once in its file."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whether a mutant was found: by which seed or test, after how many seconds."""

    mutant: Mutant
    red: bool
    by: str
    seconds: float
    violation: str


@contextmanager
def mutated(mutant: Mutant | None) -> Iterator[Path]:
    """Give a copy of the code without a guard; raises TextMissing."""
    with tempfile.TemporaryDirectory(prefix="hoatoc-mutant-") as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        for name in CODE:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, tree / name)
        for edit in mutant.edits if mutant else ():
            file = tree / edit.file
            text = file.read_text("utf-8")
            if text.count(edit.old) != 1:
                raise TextMissing(
                    f"{mutant.name if mutant else ''}: {edit.file} holds its text "
                    f"{text.count(edit.old)} times; write the mutant anew in tests/mutants"
                )
            file.write_text(text.replace(edit.old, edit.new), "utf-8")
        yield tree


def look_for(mutant: Mutant | None, histories: int, budget_s: float) -> Found:
    """Run what must find a mutant (None: the code as it is) in its copy of the code."""
    with mutated(mutant) as tree:
        began = time.monotonic()
        by_tests = mutant is not None and mutant.found_by != HISTORIES
        try:
            ran = _run(tree, mutant.found_by if mutant else HISTORIES, histories, budget_s)
        except subprocess.TimeoutExpired as over:
            code = mutant or Mutant("—", "the code as it is", ())
            return Found(code, False, "over time", over.timeout, "")
        spent = time.monotonic() - began
    if by_tests:
        failed = [line for line in ran.stdout.splitlines() if line.startswith("FAILED")]
        name = failed[0].split("::")[-1].split(" - ")[0] if failed else ran.stdout[-300:]
        return Found(mutant, ran.returncode == 1 and bool(failed), name, spent, "")  # type: ignore[arg-type]
    return _told(mutant, ran, spent)


def _run(
    tree: Path, found_by: str, histories: int, budget_s: float
) -> subprocess.CompletedProcess[str]:
    return (
        _histories(tree, histories, budget_s) if found_by == HISTORIES else _tests(tree, found_by)
    )


def _told(mutant: Mutant | None, ran: subprocess.CompletedProcess[str], spent: float) -> Found:
    code = mutant or Mutant("—", "the code as it is", ())
    try:
        facts = json.loads(ran.stdout[: ran.stdout.rindex("\n}") + 2])
    except ValueError:
        return Found(code, False, "did not run", spent, (ran.stdout + ran.stderr)[-500:])
    for one in facts["violated"]:
        return Found(code, True, f"seed {one['seed']}", spent, one["violations"][0])
    return Found(code, False, f"{facts['histories']} histories", spent, "")


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}


def _histories(tree: Path, histories: int, budget_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "hoatoc", "simulate", "--json", "--until-violated"),
            *("--seed", "1", "--histories", str(histories), "--budget", str(budget_s), "--no-tell"),
        ],
        cwd=tree,
        env=_environment(tree),
        capture_output=True,
        text=True,
        check=False,
        timeout=budget_s + 120,
    )


def _tests(tree: Path, file: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", file],
        cwd=tree,
        env=_environment(tree),
        capture_output=True,
        text=True,
        check=False,
        timeout=TESTS_S,  # what is not found by then is not found
    )


def main(words: Sequence[str]) -> int:
    """Look for every mutant and show the table; return the exit status."""
    given = _words(words)
    console = Console(width=180)
    chosen = [m for m in MUTANTS if not given.only or m.name in given.only]
    healthy = look_for(None, 4, given.seconds)
    if healthy.red or healthy.by == "did not run":
        console.print(f"the code as it is fails: {healthy.by}: {healthy.violation}")
        return 2
    try:
        found = []
        for mutant in chosen:
            found.append(look_for(mutant, given.histories, given.seconds))
            console.print(_line(found[-1]), markup=False, highlight=False)
    except TextMissing as missing:
        console.print(str(missing))
        return 2
    console.print(_table(found))
    if given.out:
        given.out.write_text(_markdown(found), "utf-8")
    survivors = [one.mutant.name for one in found if not one.red]
    console.print(f"{len(found) - len(survivors)} of {len(found)} found; not found: {survivors}")
    return 1 if survivors else 0


def _words(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.mutants", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args(words)


def _line(one: Found) -> str:
    verdict = "found" if one.red else "NOT FOUND"
    return f"{verdict:9} {one.mutant.name}: {one.by}, {one.seconds:.0f} s {one.violation[:100]}"


def _table(found: Sequence[Found]) -> Table:
    table = Table("guard", "removed", "found by", "s")
    for one in found:
        table.add_row(
            one.mutant.guard,
            one.mutant.name,
            one.by if one.red else "[red]nothing[/red]",
            f"{one.seconds:.0f}",
        )
    return table


def _markdown(found: Sequence[Found]) -> str:
    rows = "\n".join(
        f"| {one.mutant.guard} | `{one.mutant.name}` | {one.by if one.red else '**nothing**'} | "
        f"{one.seconds:.0f} | {one.violation[:160].replace('|', '/')} |"
        for one in found
    )
    return (
        "# Mutation check\n\n"
        f"Run on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by `make mutants`: each guard removed in "
        f"turn, {sum(one.red for one in found)} of {len(found)} found.\n\n"
        "| guard | mutant | found by | s | what was violated first |\n|---|---|---|---|---|\n"
        f"{rows}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
