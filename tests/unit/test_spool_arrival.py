"""The folder of a spool: a file that cannot be read stops nothing."""

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock
from uuid import UUID

import pytest

from hoatoc import durable
from hoatoc.spool.arrival import BESIDE, Arrivals, FileUnreadable
from hoatoc.spool.folder import Folder
from hoatoc.spool.forwarder import Line
from hoatoc.spool.outbox import Arrival, open_outbox
from hoatoc.spool.telling import Teller
from hoatoc.sqlite import DiskFull


async def test_a_file_that_may_not_be_read_is_put_aside_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.make()
    file = folder.outgoing / "cam.edxml"
    file.write_bytes(b"x")

    def forbidden(_file: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)  # who runs the tests may read anything
    with open_outbox(folder.outbox, 1000) as outbox:
        arrivals = Arrivals(folder, outbox, Mock(), 0, asyncio.Event())
        await arrivals.sweep()
        assert [file] == list(folder.outgoing.iterdir())  # its writer may be about to allow it
        os.utime(file, (0, 0))
        await arrivals.sweep()
    assert [] == list(folder.outgoing.iterdir())
    (said,) = (tmp_path / "refused").glob("*.json")
    assert "file-unreadable" == json.loads(said.read_text("utf-8"))["code"]
    assert 1 == len(list((tmp_path / "refused").glob("*.edxml")))


def open_gate() -> Mock:
    """Return a gate that lets everything pass."""
    gate = Mock()
    gate.check.return_value.priority = 0
    gate.check.return_value.document_id = gate.check.return_value.sender.code = "A"
    return gate


async def test_a_second_file_under_the_name_of_the_first_is_taken_too(tmp_path: Path) -> None:
    folder, gate = Folder(tmp_path), open_gate()
    folder.make()
    file = folder.outgoing / "van-ban.edxml"

    def meanwhile(_content: bytes, _declared: str) -> Mock:
        if not gate.came:
            gate.came = True
            (folder.outgoing / ".next").write_bytes(b"second")
            (folder.outgoing / ".next").rename(file)
        return Mock(document_id="A", priority=0, sender=Mock(code="A"))

    gate.came, gate.check.side_effect = False, meanwhile
    file.write_bytes(b"first")
    with open_outbox(folder.outbox, 10**6) as outbox:
        arrivals = Arrivals(folder, outbox, gate, 0, asyncio.Event())
        await arrivals.sweep()
        (left,) = folder.outgoing.iterdir()
        assert b"second" == left.read_bytes()
        await arrivals.sweep()
        fates = await outbox.fates()
        assert {b"first", b"second"} == {await outbox.content(fate.id) for fate in fates}
    assert [] == list(folder.outgoing.iterdir())


async def test_what_could_not_be_put_aside_is_put_aside_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.make()
    (folder.outgoing / "a.edxml").write_bytes(b"x")
    gate = Mock()
    gate.check.side_effect = FileUnreadable
    os.utime(folder.outgoing / "a.edxml", (0, 0))
    with open_outbox(folder.outbox, 10**6) as outbox:
        arrivals = Arrivals(folder, outbox, gate, 0, asyncio.Event())
        with monkeypatch.context() as full:
            full.setattr(durable, "write", Mock(side_effect=OSError(errno.ENOSPC, "No space left")))
            await arrivals.sweep()
        assert "No space left" in folder.faults["outgoing"]
        await arrivals.sweep()
    assert "" == folder.faults["outgoing"]
    assert [] == list(folder.outgoing.iterdir())
    assert 2 == len(list((tmp_path / "refused").iterdir()))


async def test_what_is_durable_and_cannot_be_taken_out_of_the_folder_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, gate = Folder(tmp_path), open_gate()
    folder.make()
    (folder.outgoing / "a.edxml").write_bytes(b"x")
    with open_outbox(folder.outbox, 10**6) as outbox:
        arrivals = Arrivals(folder, outbox, gate, 0, asyncio.Event())
        with monkeypatch.context() as sticky:
            sticky.setattr(Path, "rename", Mock(side_effect=PermissionError(errno.EPERM, "no")))
            await arrivals.sweep()
            await arrivals.sweep()
        assert "a.edxml: no" == folder.faults["outgoing"]
        await arrivals.sweep()
    assert 1 == gate.check.call_count
    assert [] == list(folder.outgoing.iterdir())


async def test_what_cannot_be_shown_hides_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.make()
    with open_outbox(folder.outbox, 10**6) as outbox:
        for number in range(3):
            packet = Arrival(content=b"%d" % number, document_id="A", sender="A", priority=0)
            taken = await outbox.take(packet)
            await outbox.claim((), 9)
            await outbox.mark_sent(taken.id, None, {})
        first, changes = (await outbox.unshown())[0]
        blocked = tmp_path / "sent" / f"{UUID(first.removeprefix('packet/')).hex}.json"
        blocked.mkdir()
        teller = Teller(outbox, folder, Line(), asyncio.Event())
        await teller.show_all()
        assert 2 == len([file for file in (tmp_path / "sent").glob("*.json") if file.is_file()])
        state = json.loads((tmp_path / "state.json").read_text("utf-8"))
        assert "Is a directory" in state["folder_fault"]
        assert [(first, changes)] == await outbox.unshown()
        blocked.rmdir()
        await teller.show_all()
        assert [] == await outbox.unshown()


async def test_what_a_kill_left_out_of_sight_is_taken(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.make()
    (folder.outgoing / ".taking.0123456789ab.van-ban.edxml").write_bytes(b"x")
    with open_outbox(folder.outbox, 10**6) as outbox:
        await Arrivals(folder, outbox, open_gate(), 0, asyncio.Event()).sweep()
        (taken,) = await outbox.fates()
    assert "van-ban.edxml" == taken.name
    assert [] == list(folder.outgoing.iterdir())


async def test_one_file_that_the_system_does_not_give_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, odd = Folder(tmp_path), os.fsdecode(b"c\xf4.edxml")
    folder.make()
    for name in ("hong.edxml", odd):
        (folder.outgoing / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    read = Path.read_bytes

    def broken(file: Path) -> bytes:
        if file.name == "hong.edxml":
            raise OSError(errno.EIO, "Input/output error")
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", broken)
    with open_outbox(folder.outbox, 10**6) as outbox:
        await Arrivals(folder, outbox, open_gate(), 0, asyncio.Event()).sweep()
        (taken,) = await outbox.fates()
    assert "c\\xf4.edxml" == taken.name
    assert "hong.edxml: Input/output error" == folder.faults["outgoing"]


def test_a_file_is_moved_to_another_file_system_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, place, replace_ = tmp_path / "a", tmp_path / "b", os.replace
    file.write_bytes(b"x")

    def across(source: Path, target: Path) -> None:
        if source == file:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace_(source, target)

    monkeypatch.setattr(os, "replace", across)
    durable.move(file, place)
    assert [place] == list(tmp_path.iterdir())
    assert b"x" == place.read_bytes()


async def test_what_the_file_of_the_outbox_can_use_again_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, gate = Folder(tmp_path), open_gate()
    folder.make()
    free = 20 * 1024 * 1024
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Mock(free=free))
    with open_outbox(folder.outbox, 10**7) as outbox:
        large = Arrival(content=b"x" * 200_000, document_id="A", sender="A", priority=0)
        spares: list[int] = []
        taken = await outbox.take(large, spares.append)
        await outbox.claim((), 1)
        await outbox.mark_sent(taken.id, None, {})
        with pytest.raises(DiskFull):
            await outbox.take(replace(large, content=b"other"), _full_with(spares))
        before, spare = spares
        assert before < 100_000
        assert spare >= 196_608
        with pytest.raises(DiskFull):
            await Arrivals(folder, outbox, gate, free + spare, asyncio.Event()).take(b"y")
        room = Arrivals(folder, outbox, gate, free + spare - 1, asyncio.Event())
        assert (await room.take(b"y"))[1].new
        with pytest.raises(DiskFull):  # it would stand in the log of SQLite first
            await room.take(b"z" * (free - BESIDE + 1))


def _full_with(spares: list[int]) -> Callable[[int], None]:
    def full(spare: int) -> None:
        spares.append(spare)
        raise DiskFull

    return full
