"""Reading a record from its files: whole, searched for secrets, damaged; and the command."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hoatoc.cli import app
from hoatoc.cli.history import RecordRefused
from hoatoc.history.check import check, check_files
from hoatoc.history.damage import RecordDamaged
from hoatoc.history.note import Fault, Received
from hoatoc.history.read import read
from hoatoc.history.record import History
from hoatoc.history.save import Notebook
from hoatoc.testing.booking import booked
from hoatoc.testing.good_history import changed, good_history
from hoatoc.testing.history import history_of
from hoatoc.testing.record_file import write_record
from hoatoc.testing.scenario import Log

GOOD = good_history()
RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_record(GOOD, tmp_path)
    return tmp_path


def test_a_record_in_files_is_judged_like_one_in_memory(folder: Path) -> None:
    assert check(read(folder)) == check(GOOD)


def test_a_spoilt_record_in_files_is_judged_like_one_in_memory(tmp_path: Path) -> None:
    spoilt = changed(GOOD, "alerts", lambda rows: rows[1:])
    write_record(spoilt, tmp_path)
    assert check(read(tmp_path)) == check(spoilt)
    assert check(spoilt).is_violated


def test_notes_of_several_files_are_read_together(folder: Path) -> None:
    fault = Fault(at_ms=1, until_ms=2, fault="kill", target="ledger", applied=True)
    with Notebook(folder / "injector.jsonl") as notes:
        notes.write(fault, pid=807)
    assert fault in [*read(folder).notes]


def test_a_notebook_leaves_whole_lines_while_it_is_open(tmp_path: Path) -> None:
    notes = Notebook(tmp_path / "a.jsonl")
    notes.write(Fault(at_ms=1, until_ms=2, fault="kill", target="ledger", applied=True))
    assert (tmp_path / "a.jsonl").read_text("utf-8").endswith("}\n")
    notes.close()


@pytest.mark.parametrize("file", ["notes.jsonl", "books/handover.csv", "books/dispatch.csv"])
def test_a_marker_is_searched_for_in_every_file(folder: Path, file: str) -> None:
    text = (folder / file).read_text("utf-8").replace("D2", "tuyệt mật 807")
    (folder / file).write_text(text, "utf-8")
    leaks = read(folder).leaks
    assert leaks is not None
    assert {(leak.marker, leak.place.split(",")[0]) for leak in leaks} == {("tuyệt mật 807", file)}


def test_a_marker_is_searched_for_in_the_log(folder: Path) -> None:
    notes = (folder / "notes.jsonl").read_text("utf-8")
    (folder / "notes.jsonl").write_text(notes.replace("tuyệt mật 807", "RecordTooLarge"), "utf-8")
    assert {leak.place for leak in read(folder).leaks or ()} == {
        "deliveries.avro, partition 0, offset 3"
    }


def add(rows: list[Any], known: list[Any]) -> list[Any]:
    """Return the known rows and further ones."""
    return [*known, *rows]


def beside(history: History, partition: int) -> History:
    """Return a record with a second partition beside the first."""
    log = Log()
    log.ticks(2)
    for number in (7, 8):
        log.registered(number, ("R1", "R2"))
        log.published(number, ("R1", "R2"))
        log.answered("03", number, "R1")
    log.ticks(60)
    log.answered("fail", 7, "R2")
    other = history_of(log.entries, booked(log.entries))
    for table in ("log", "notes", *BOOK_TABLES):
        of = other if hasattr(other, table) else other.books
        rows = [*getattr(of if hasattr(of, table) else other.books.ledger, table)]
        if table != "notes" and rows and hasattr(rows[0], "partition"):
            rows = [row._replace(partition=partition) for row in rows]
        history = changed(history, table, partial(add, rows))
    return history


BOOK_TABLES = (
    *("positions", "dispatches", "deliveries", "alerts", "history", "handovers"),
    *("handover_recipients", "outbox", "pages"),
)


def spoilt(history: History) -> History:
    """Spoil both partitions in several ways."""
    history = changed(history, "alerts", lambda rows: [*rows[1:-1], rows[-1]._replace(episode=1)])
    history = changed(history, "handovers", lambda rows: rows[1:])
    history = changed(history, "notes", lambda notes: [*notes[3:-9], *notes[-8:]])
    return changed(history, "deliveries", lambda rows: [r._replace(open=True) for r in rows])


@pytest.mark.parametrize("spoil", [lambda history: history, spoilt])
def test_two_processes_find_what_one_finds(
    tmp_path: Path, spoil: Callable[[History], History]
) -> None:
    write_record(spoil(beside(GOOD, 1)), tmp_path)
    alone, shared = check_files(tmp_path, processes=1), check_files(tmp_path, processes=2)
    assert alone.missing == shared.missing == ()
    assert alone.is_violated is (spoil is spoilt)
    for each, finding in alone.findings.items():
        other = shared.findings[each]
        assert (finding.verdict, finding.looked_at) == (other.verdict, other.looked_at)
        wrong, found = ({one.sentence for one in f.counter_examples} for f in (finding, other))
        assert wrong == found


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces a text in a file."""

    def damage(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")

    return damage


def cut(folder: Path) -> None:
    """Cut the log off in the middle."""
    data = (folder / "deliveries.avro").read_bytes()
    (folder / "deliveries.avro").write_bytes(data[: len(data) // 2])


def no_avro(folder: Path) -> None:
    """Leave no log but bytes."""
    (folder / "deliveries.avro").write_bytes(b"no log")


def no_alerts(folder: Path) -> None:
    """Take a table away."""
    (folder / "books" / "alert.csv").unlink()


def backwards(folder: Path) -> None:
    """Write the log in another order."""
    (folder / "notes.jsonl").unlink()
    write_record(changed(GOOD, "log", lambda log: [*log[:5], log[3], *log[5:]]), folder)


DAMAGES = [
    (edit("notes.jsonl", '"what":"received"', '"what":"heard"'), "line 2: Invalid value 'heard'"),
    (edit("notes.jsonl", '"what":"received",', ""), "missing required field `what`"),
    (edit("notes.jsonl", '"sha256":', '"sha":'), "missing required field `sha256`"),
    (edit("notes.jsonl", '"at_ms":1', '"at_ms":"x'), "notes.jsonl, line 1"),
    (edit("notes.jsonl", "}\n", "\n"), "notes.jsonl, line 1"),
    (edit("books/delivery.csv", "handling", "dealing"), "column handling is missing in the head"),
    (edit("books/delivery.csv", ",t,", ",yes,"), "the column open cannot hold 'yes'"),
    (edit("books/alert.csv", "{", "{x"), "the column start cannot hold '{x"),
    (edit("books/partition_book.csv", "0,", "zero,"), "the column partition cannot hold 'zero'"),
    (edit("books/outbox.csv", ",sent", ""), "line 2: the column state is missing"),
    (edit("books/handover.csv", "00000000-", "0-"), "the column dispatch_id cannot hold"),
    (edit("books/history.csv", "0,3,", "0,1,"), "(0, 1) stands behind (0, 2): sort the rows"),
    (no_alerts, "alert.csv is missing"),
    (cut, "deliveries.avro, behind record"),
    (no_avro, "deliveries.avro, behind record 0"),
    (backwards, "offset 3 of partition 0 stands behind offset 4"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_record_names_the_place_and_the_remedy(
    folder: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(folder)
    with pytest.raises(RecordDamaged) as found:
        check(read(folder))
    assert message in str(found.value)


def test_the_command_says_that_all_holds(folder: Path) -> None:
    ran = RUN.invoke(app, ["check-history", str(folder)])
    assert ran.exit_code == 0
    assert ran.output.count("đúng · holds") == 10


def test_the_command_shows_what_was_violated_with_its_records(tmp_path: Path) -> None:
    write_record(changed(GOOD, "alerts", lambda rows: rows[1:]), tmp_path)
    ran = RUN.invoke(app, ["check-history", str(tmp_path)])
    assert ran.exit_code == 1
    assert "✗ G3" in ran.output
    assert "log  0/" in ran.output
    assert "note " in ran.output


def test_the_command_says_that_a_run_proved_nothing(tmp_path: Path) -> None:
    write_record(
        changed(GOOD, "notes", lambda notes: [n for n in notes if not isinstance(n, Fault)]),
        tmp_path,
    )
    ran = RUN.invoke(app, ["check-history", str(tmp_path)])
    assert ran.exit_code == 2
    assert "proves nothing: G10 was not exercised" in ran.output


def test_an_empty_folder_proves_nothing(tmp_path: Path) -> None:
    ran = RUN.invoke(app, ["check-history", str(tmp_path)])
    assert ran.exit_code == 2
    assert "there are no notes" in ran.output


def test_the_command_prints_json(tmp_path: Path) -> None:
    spoilt = changed(GOOD, "notes", lambda notes: [n for n in notes if not isinstance(n, Received)])
    write_record(spoilt, tmp_path)
    ran = RUN.invoke(app, ["check-history", str(tmp_path), "--json"])
    assert ran.exit_code == 1
    said = json.loads(ran.output)
    assert said["guarantees"]["G6"]["verdict"] == "violated"
    assert said["guarantees"]["G6"]["violations"] == 9
    assert len(said["guarantees"]["G6"]["counter_examples"]) == 5


def test_the_command_refuses_a_damaged_record(folder: Path) -> None:
    no_alerts(folder)
    ran = RUN.invoke(app, ["check-history", str(folder)])
    assert isinstance(ran.exception, RecordRefused)  # exit status 4
    ran = RUN.invoke(app, ["check-history", str(folder / "nowhere")])
    assert isinstance(ran.exception, RecordRefused)
