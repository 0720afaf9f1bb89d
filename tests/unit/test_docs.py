"""What the documents say of files, settings, metrics and alerts is so."""

import ast
import re
from pathlib import Path

import pytest

from hoatoc.domain.deadline import Kind
from hoatoc.telemetry import PORTS
from tools import lifecycle_doc, settings_doc, terminal_picture

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "examples" / "README.md", *DOCS.rglob("*.md")])
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
HEADINGS = ["Status quo", "Goal", "Non-goal", "Decision", "Consequences"]

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
IN_BACKTICKS = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w.][\w./-]*(?:\.(?:py|md|sql|toml|svg|avsc|lock|txt|csv|sh)|/)")
METRIC = re.compile(r"`(hoatoc_[a-z_]+)`")
TOP = {entry.name for entry in ROOT.iterdir()}
OURS = [entry for entry in ROOT.iterdir() if not entry.name.startswith(".")]
FILE_NAMES = {"run.json"} | {  # and one that a running stack makes
    file.name for entry in OURS for file in (entry, *entry.rglob("*")) if file.is_file()
}


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", page.read_text("utf-8"))


def is_file_name(name: str) -> bool:
    """Tell whether a text in backticks names a file or a folder of ours."""
    below = "/" in name and name.partition("/")[0] in TOP and " " not in name
    return below or bool(FILE.fullmatch(name))


def missing(page: Path) -> list[str]:
    """Return every file that a page links to or names in backticks, and that is not there.

    A name with a slash is a path from the root, one without may stand anywhere.
    """
    text = prose(page)
    linked = [target for target in LINK.findall(text) if ":" not in target]
    named = [name for name in IN_BACKTICKS.findall(text) if is_file_name(name)]
    found = {
        *(target for target in linked if (page.parent / target).exists()),
        *(name for name in named if (ROOT / name).exists()),
        *(name for name in named if "/" not in name and name in FILE_NAMES),
    }
    return sorted({*linked, *named} - found)


def declared_metrics() -> set[str]:
    """Return the name of every metric that the programs declare."""
    folders = ("producers", "streams", "consumers", "hoatoc")
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    calls = (
        node
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TYPES
    )
    names = (call.args[0] for call in calls if call.args)
    return {str(name.value) for name in names if isinstance(name, ast.Constant)}


TYPES = ("Counter", "Gauge", "Histogram", "Summary")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert [] == missing(page)


def test_a_file_that_is_not_there_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "`hoatoc/config.py` `config.py` `docs/where` `nowhere.py` `H16.05` [x](page.md) [y](y.md)"
        "\n```\n`code.py`\n```\n",
        "utf-8",
    )
    assert ["docs/where", "nowhere.py", "y.md"] == missing(page)


def test_the_settings_are_documented_as_they_are() -> None:
    assert settings_doc.FILE.read_text("utf-8") == settings_doc.text(), (
        "run: python -m tools.settings_doc"
    )


def test_the_lifecycle_is_documented_as_its_tables_say() -> None:
    assert lifecycle_doc.FILE.read_text("utf-8") == lifecycle_doc.text(), (
        "run: python -m tools.lifecycle_doc"
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_alert_has_a_runbook(kind: Kind) -> None:
    text = (DOCS / "runbooks" / f"{kind}.md").read_text("utf-8")
    for heading in ("Symptom", "At fault", "First look", "Remedy", "How it resolves"):
        assert f"**{heading}.**" in text


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: decision.stem)
def test_every_decision_has_its_headings(decision: Path) -> None:
    assert re.findall(r"^## (.+)$", decision.read_text("utf-8"), re.MULTILINE) == HEADINGS


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text("utf-8")
    assert [] == [decision.name for decision in DECISIONS if decision.name not in listed]


def test_every_metric_is_documented_and_no_other() -> None:
    documented = set(METRIC.findall((DOCS / "metrics.md").read_text("utf-8")))
    assert documented == declared_metrics()


def test_the_metrics_named_elsewhere_exist() -> None:
    named = {name for page in PAGES for name in METRIC.findall(page.read_text("utf-8"))}
    assert set() == named - declared_metrics()


def test_every_program_has_a_page_and_its_port_is_told() -> None:
    ports = (DOCS / "metrics.md").read_text("utf-8")
    for program, port in PORTS.items():
        assert f"| {program} | {port} |" in ports
        assert f"(port {port})" in (DOCS / "parts" / f"{program}.md").read_text("utf-8")


def test_a_picture_shows_what_is_left_on_the_terminal_and_loads_nothing() -> None:
    output = f"erased\r{terminal_picture.ERASE_LINE}\r\x1b[31mleft\x1b[0m\n"
    drawn = terminal_picture.picture(terminal_picture.left(output), "title", width=20)
    assert "left" in drawn
    assert "erased" not in drawn
    assert "url(http" not in drawn


def test_every_failure_met_elsewhere_has_a_page_row_and_a_test() -> None:
    page = (DOCS / "parts" / "failures.md").read_text("utf-8")
    told = re.findall(r"^\| F(\d+) \|", page, re.MULTILINE)
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    tested = set(re.findall(r"def test_f(\d+)_", tests))
    assert [str(number) for number in range(1, 21)] == told
    assert set(told) <= tested
