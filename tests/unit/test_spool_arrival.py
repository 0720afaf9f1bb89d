"""The folder of a spool: a file that cannot be read stops nothing."""

import asyncio
import json
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest

from hoatoc.spool.arrival import BESIDE, Arrivals
from hoatoc.spool.folder import Folder
from hoatoc.spool.outbox import Arrival, open_outbox
from hoatoc.sqlite import DiskFull


async def test_a_file_that_may_not_be_read_is_put_aside_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.make()
    (folder.outgoing / "cam.edxml").write_bytes(b"x")

    def forbidden(_file: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)  # who runs the tests may read anything
    with open_outbox(folder.outbox, 1000) as outbox:
        await Arrivals(folder, outbox, Mock(), 0, asyncio.Event()).sweep()
    assert [] == list(folder.outgoing.iterdir())
    (said,) = (tmp_path / "refused").glob("*.json")
    assert "file-unreadable" == json.loads(said.read_text("utf-8"))["code"]
    assert 1 == len(list((tmp_path / "refused").glob("*.edxml")))


async def test_what_the_file_of_the_outbox_can_use_again_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, gate = Folder(tmp_path), Mock()
    folder.make()
    gate.check.return_value.priority = 0
    gate.check.return_value.document_id = gate.check.return_value.sender.code = "A"
    free = 20 * 1024 * 1024
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Mock(free=free))
    with open_outbox(folder.outbox, 10**7) as outbox:
        large = Arrival(content=b"x" * 200_000, document_id="A", sender="A", priority=0)
        taken = await outbox.take(large)
        assert 0 == await outbox.spare()
        await outbox.claim("test", 60, (), 1)
        await outbox.mark_sent(taken.id, None, {})
        spare = await outbox.spare()
        assert spare >= 196_608
        with pytest.raises(DiskFull):
            await Arrivals(folder, outbox, gate, free + spare, asyncio.Event()).take(b"y")
        room = Arrivals(folder, outbox, gate, free + spare - 1, asyncio.Event())
        assert (await room.take(b"y"))[1].new
        with pytest.raises(DiskFull):  # it would stand in the log of SQLite first
            await room.take(b"z" * (free - BESIDE + 1))
