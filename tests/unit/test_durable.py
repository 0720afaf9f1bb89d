"""Files are there whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from hoatoc import durable


def test_a_file_is_replaced_and_nothing_is_left_beside(tmp_path: Path) -> None:
    place = tmp_path / "state.json"
    durable.write(place, b"first")

    durable.write(place, b"second")

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {place.name: b"second"}


def test_what_could_not_be_written_whole_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "state.json"
    durable.write(place, b"first")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write(place, b"second")

    assert place.read_bytes() == b"first"


def test_of_several_that_make_a_key_one_stays_for_its_owner_alone(tmp_path: Path) -> None:
    place = tmp_path / "key"
    durable.create(place, b"first")

    durable.create(place, b"second")

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"key": b"first"}
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
