"""The data folder: one stack at a time, a known format, no belief in stale records."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hoatoc.embedded import folder
from hoatoc.embedded.folder import FORMAT, FolderBusy, FolderRefused, RunState, held


def test_a_new_folder_gets_our_format(tmp_path: Path) -> None:
    with held(tmp_path / "data"):
        assert (tmp_path / "data" / "VERSION").read_text() == f"{FORMAT}\n"


def test_a_folder_of_a_later_hoatoc_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(FolderRefused, match="use the newer Hoatoc"), held(tmp_path):
        pass
    assert folder.holder(tmp_path) is None


def test_a_held_folder_is_refused_naming_its_holder(tmp_path: Path) -> None:
    with held(tmp_path):
        assert folder.holder(tmp_path) == os.getpid()
        with pytest.raises(FolderBusy, match=f"pid {os.getpid()}"), held(tmp_path):
            pass


def test_the_record_of_a_dead_supervisor_is_not_believed(tmp_path: Path) -> None:
    state = RunState(pid=os.getpid(), started_at=datetime.now(UTC))
    with held(tmp_path):
        folder.record(tmp_path, state)
        assert folder.running(tmp_path) == state
    assert folder.running(tmp_path) is None


def test_a_folder_that_was_never_used_runs_nothing(tmp_path: Path) -> None:
    assert folder.running(tmp_path) is None
