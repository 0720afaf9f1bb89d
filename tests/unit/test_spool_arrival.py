"""The folder of a spool: a file that cannot be read stops nothing."""

import asyncio
import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from hoatoc.spool import arrival
from hoatoc.spool.arrival import Arrivals
from hoatoc.spool.folder import Folder
from hoatoc.spool.outbox import open_outbox


async def test_a_file_that_may_not_be_read_is_put_aside_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.make()
    (folder.outgoing / "cam.edxml").write_bytes(b"x")

    def forbidden(_file: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(arrival, "_read", forbidden)  # who runs the tests may read anything
    with open_outbox(folder.outbox, 1000) as outbox:
        await Arrivals(folder, outbox, Mock(), 0, asyncio.Event()).sweep()
    assert [] == list(folder.outgoing.iterdir())
    (said,) = (tmp_path / "refused").glob("*.json")
    assert "file-unreadable" == json.loads(said.read_text("utf-8"))["code"]
    assert 1 == len(list((tmp_path / "refused").glob("*.edxml")))
