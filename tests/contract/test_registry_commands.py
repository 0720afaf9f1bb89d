"""`hoatoc registry` as a person runs it, against a real database and broker."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hoatoc.config import Settings

EXAMPLES = Path(__file__).parents[2] / "examples" / "registry"
Hoatoc = Callable[..., Any]


@pytest.fixture
def hoatoc(stack_settings: Settings) -> Hoatoc:
    """Run a command; return what it printed, as JSON if it was asked for."""
    stores = {
        "HOATOC_POSTGRES_DSN": stack_settings.postgres.dsn,
        "HOATOC_KAFKA_BOOTSTRAP_SERVERS": stack_settings.kafka.bootstrap_servers,
    }

    def call(*words: str | Path, status: int = 0) -> Any:
        command = [sys.executable, "-m", "hoatoc", "registry", *map(str, words)]
        done = subprocess.run(
            command,
            env=os.environ | stores,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        if "--json" in words:
            return json.loads(done.stdout)
        return done.stdout + done.stderr

    return call


def test_a_merger_is_shown_then_made_then_followed(hoatoc: Hoatoc) -> None:
    before, merger = EXAMPLES / "1-before.csv", EXAMPLES / "2-merger.csv"
    made = hoatoc("import", before, "--json")
    documents = [name for name in made["topics_created"] if name.startswith("documents.")]
    assert documents == ["documents.D01", "documents.D02"]
    planned = hoatoc("import", merger, "--dry-run", "--json")
    assert [organ["code"] for organ in planned["added"]] == ["D03", "D03.05"]
    assert {"field": "successor", "old": "", "new": "D03"} in planned["changed"][0]["changes"]
    assert hoatoc("show", "D01", "--json")["successor"] == ""
    assert "chưa ghi gì · dry run" in hoatoc("import", merger, "--dry-run")
    hoatoc("import", merger, "--by", "Phòng Văn thư")
    day = ("--on", "01/07/2025", "--json")
    found = hoatoc("resolve", "D01", "00.02.D02", "D01.05", *day)
    assert [(each["code"], each["reason"], each["connection"]) for each in found] == [
        ("D03", "succeeded", "D03"),
        ("D03", "succeeded", "D03"),
        ("D03.05", "succeeded", "D03"),
    ]
    latest = hoatoc("changes", "--json")[0]
    assert (latest["who"], latest["file"], latest["added"]) == ("Phòng Văn thư", "2-merger.csv", 2)


def test_what_is_exported_is_imported_without_a_change(hoatoc: Hoatoc, tmp_path: Path) -> None:
    for name in ("all.csv", "all.json"):
        hoatoc("export", tmp_path / name, "--bom")
        plan = hoatoc("import", tmp_path / name, "--complete", "--json")
        assert [plan[each] for each in ("added", "changed", "ended")] == [[], [], []]
        assert plan["unchanged"] >= 91
    assert hoatoc("export") == (tmp_path / "all.csv").read_text("utf-8-sig")


def test_a_bad_file_is_refused_with_all_its_lines(hoatoc: Hoatoc, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("code,name,certainty\nh16.05,A,memory\nH16.06,,memory\n", "utf-8")
    said = hoatoc("import", file, status=4)
    assert "dòng 2, cột code" in said
    assert "line 3, column name" in said


def test_an_organ_that_is_there_keeps_what_it_has(hoatoc: Hoatoc) -> None:
    said = hoatoc("add", "H16.77", "Sở Thử nghiệm", "--hub", "H16", "--alias", "00.77.H16")
    assert "topics created: 0" in said  # its hub speaks for it
    assert "Sở Thử nghiệm: đã có" in hoatoc("add", "H16.77", "Tên khác")
    assert hoatoc("show", "00.77.h16", "--json")["connection"] == "H16"


def test_a_code_of_no_scheme_is_taken_and_told(hoatoc: Hoatoc) -> None:
    assert "neither scheme" in hoatoc("add", "999.010.01.H22", "Hà Giang thử nghiệm", "--test")
    assert "OrganUnknown" in hoatoc("resolve", "H99", status=4)
    assert "@tat-ca-tinh" in hoatoc("resolve", "@xa", status=4)


def test_groups_name_who_stands(hoatoc: Hoatoc) -> None:
    groups = {row["name"]: row["organs"] for row in hoatoc("groups", "--json")}
    assert groups == {"@tat-ca-bo": 28, "@tat-ca-tinh": 63}
    assert len(hoatoc("list", "@tinh", "--json")) == 63
    assert [row["code"] for row in hoatoc("list", "--find", "đắk nông", "--json")] == ["H16"]
