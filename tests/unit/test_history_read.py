"""Reading a record from its files: whole, searched for secrets, damaged; and the command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hoatoc.cli import app
from hoatoc.cli.history import RecordRefused
from hoatoc.history.check import check
from hoatoc.history.damage import RecordDamaged
from hoatoc.history.note import Fault, Received
from hoatoc.history.read import read
from hoatoc.history.save import Notebook
from hoatoc.testing.good_history import changed, good_history
from hoatoc.testing.record_file import write_record

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
