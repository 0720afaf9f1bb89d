"""A deadline explained by hand: nothing runs, and nothing is asked but the calendar."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hoatoc.calendar_file import CalendarUnreadable, shipped_text
from hoatoc.cli import app
from hoatoc.cli.deadline import AppointedWithoutPriority
from hoatoc.domain.calendar_text import CalendarInvalid


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOATOC_POSTGRES_DSN", "HOATOC_KAFKA_BOOTSTRAP_SERVERS", "HOATOC_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOATOC_DATA", str(tmp_path / "nothing"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def dues(*arguments: str) -> Any:
    found = run("deadline", *arguments, "--json")
    assert 0 == found.exit_code, found.output
    return json.loads(found.output)


@pytest.mark.parametrize(
    "signed", ["09/02/2021 16:50", "2021-02-09T16:50", "2021-02-09T09:50:00Z", "09/02/2021"]
)
def test_sending_has_two_clocks_and_a_breach_begins_at_the_earlier(signed: str) -> None:
    send, issue = dues("send", "--signed", signed)
    assert ("2021-02-17T12:00:00+07:00", True) == (send["due"], send["breach"])
    assert ("2021-02-17T17:00:00+07:00", False) == (issue["due"], issue["breach"])
    assert ["Tết 10-16/02/2021"] == [row["en"] for row in send["rows"]]


@pytest.mark.parametrize(
    ("arguments", "due"),
    [
        (("send", "--signed", "21/11/2026 23:00", "--priority", "3"), "2026-11-21T23:00:30+07:00"),
        (
            ("send", "--signed", "21/11/2026 23:00", "--priority", "1", "--minutes", "15"),
            "2026-11-21T23:15:00+07:00",
        ),
        (
            (
                *("send", "--signed", "21/11/2026 23:00", "--priority", "4"),
                *("--minutes", "15", "--appointed", "21/11/2026 23:10"),
            ),
            "2026-11-21T23:10:00+07:00",
        ),
        (("acknowledge", "--arrived", "20/11/2026 16:59"), "2026-11-20T17:00:00+07:00"),
        (("register", "--arrived", "20/11/2026 16:59"), "2026-11-23T17:00:00+07:00"),
        (("reply", "--due-date", "2026-11-22"), "2026-11-23T17:00:00+07:00"),
        (("recall", "--requested", "20/11/2026 16:00"), "2026-11-23T16:30:00+07:00"),
        (
            ("recall", "--requested", "20/11/2026 16:00", "--minutes", "90"),
            "2026-11-23T08:00:00+07:00",
        ),
    ],
)
def test_each_clock_is_told_by_hand(arguments: tuple[str, ...], due: str) -> None:
    assert due == dues(*arguments)[0]["due"]


def test_a_person_reads_both_languages_and_which_calendar_it_was() -> None:
    printed = run("deadline", "acknowledge", "--arrived", "21/11/2026 10:00").output
    assert "hạn thứ Hai 23/11/2026 17:00: NĐ 30/2020/NĐ-CP, Điều 21.2.c" in printed
    assert "due Mon 23/11/2026 17:00: NĐ 30/2020/NĐ-CP, Điều 21.2.c" in printed
    assert "Calendar administrative, a file, not adopted in a database, to 31/12/2027" in printed


def test_a_calendar_may_be_named_by_file(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text(shipped_text().replace("12:00:00", "11:30:00"), "utf-8")
    (send, _) = dues("send", "--signed", "20/11/2026 10:00", "--file", str(file))
    assert "2026-11-23T11:30:00+07:00" == send["due"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "--signed", "31/02/2021"),
        ("send", "--signed", "yesterday"),
        ("send", "--signed", "09/02/2021 25:00"),
        ("send", "--signed", "09/02/9999 10:00"),
        ("send", "--signed", "09/02/2021 10:00", "--priority", "5"),
        ("send", "--signed", "09/02/2021 10:00", "--priority", "1", "--minutes", "0"),
        ("acknowledge", "--arrived", "20/11/2026"),
        ("acknowledge", "--arrived", "2026-11-20"),
        ("reply", "--due-date", "20/11/2026 10:00"),
        ("recall",),
    ],
)
def test_an_argument_that_cannot_be_is_a_wrong_argument(arguments: tuple[str, ...]) -> None:
    assert 2 == run("deadline", *arguments).exit_code


def test_only_priority_4_has_an_appointed_time() -> None:
    refused = run(
        *("deadline", "send", "--signed", "20/11/2026 10:00"),
        *("--priority", "3", "--appointed", "20/11/2026 11:00"),
    )
    assert isinstance(refused.exception, AppointedWithoutPriority)


def test_a_file_that_is_missing_or_wrong_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    assert isinstance(run("calendar", "check", str(file)).exception, CalendarUnreadable)
    file.write_bytes(b"\xff")
    assert isinstance(run("calendar", "check", str(file)).exception, CalendarUnreadable)
    file.write_text("zone = 1", "utf-8")
    assert isinstance(run("calendar", "check", str(file)).exception, CalendarInvalid)


def test_the_rows_of_a_year_are_shown() -> None:
    found = run("calendar", "show", "--year", "2025", "--json")
    rows = [(row["days"], row["what"]) for row in json.loads(found.output)]
    assert [
        ("01/01/2025", "closed"),
        ("25/01-02/02/2025", "closed"),
        ("07/04/2025", "closed"),
        ("26/04/2025", "extra_workday"),
        ("30/04-01/05/2025", "closed"),
        ("02/05/2025", "closed"),
        ("01-02/09/2025", "closed"),
    ] == rows


def test_a_file_is_checked_by_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "calendar.toml"
    file.write_text(shipped_text(), "utf-8")
    printed = run("calendar", "check", str(file)).output
    assert "announced: 39" in printed
    assert "01/01/2019-31/12/2027" in printed
