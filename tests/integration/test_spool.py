"""The spool as a sender runs it, over a real broker: nothing it took is lost, or sent twice."""

import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from hoatoc.client import AsyncClient, SpoolFull
from hoatoc.domain import topic
from hoatoc.domain.event import DeliveriesUpdated, DeliveryUpdate, DocumentHandedOver
from hoatoc.embedded.process import Child, Notices, spawn
from hoatoc.embedded.stack import environment
from hoatoc.testing.agency import letter
from hoatoc.testing.line import ORGANS, Line, eventually, killed

pytestmark = pytest.mark.timeout(180)
A, B, C, D = (organ.code for organ in ORGANS)
IDS = UUID(int=1), UUID(int=2)


@dataclass(slots=True)
class Spool:
    """A running spool and its folder."""

    folder: Path
    process: Process

    @property
    def address(self) -> str:
        return (self.folder / "address").read_text("utf-8")

    def put(self, name: str, packet: bytes) -> None:
        """Put a packet into the folder as careful software does."""
        part = self.folder / "outgoing" / f".{name}.part"
        part.write_bytes(packet)
        part.rename(self.folder / "outgoing" / name)

    def shown(self, kind: str) -> list[dict[str, object]]:
        return [json.loads(f.read_text("utf-8")) for f in (self.folder / kind).glob("[!.]*.json")]

    @property
    def left(self) -> list[str]:
        return [f.name for f in (self.folder / "outgoing").iterdir()]


@asynccontextmanager
async def spool(line: Line, folder: Path, **env: str) -> AsyncIterator[Spool]:
    """Run `hoatoc spool`, which sends straight to Kafka as A if nothing else is said."""
    notices = Notices()
    child = Child(
        name="spool",
        stage=0,
        argv=(sys.executable, "-m", "hoatoc", "spool", str(folder)),
        log=line.logs / "spool.log",
        cwd=Path.cwd(),
        env={
            "PATH": "",
            **environment(line.settings),
            "HOATOC_SPOOL_ORGAN": A,
            "HOATOC_SPOOL_LISTEN": "127.0.0.1:0",
            "HOATOC_SPOOL_FREE_MB": "0",
            "HOATOC_METRICS_PORT": "0",
            **env,
        },
    )
    process = await spawn(child, notices.address)
    try:
        await notices.ready()
        yield Spool(folder, process)
    except BaseException:
        print(child.log.read_text("utf-8")[-4000:])
        raise
    finally:
        notices.close()
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def handed_over(line: Line) -> list[DocumentHandedOver]:
    return await line.events(topic.handovers(A), DocumentHandedOver)


async def test_what_is_put_into_the_folder_is_handed_over_and_shown(
    fresh: Line, tmp_path: Path
) -> None:
    packet = letter(A, (B, C), "1")
    async with spool(fresh, tmp_path) as running:
        running.put("mot.edxml", packet)

        async def sent() -> bool:
            return len(running.shown("sent")) == 1

        await eventually(sent, what="the packet shown as sent")
        (event,) = await handed_over(fresh)
        assert packet == event.packet
        assert [] == running.left
        (told,) = running.shown("sent")
        assert (str(event.event_id), "mot.edxml", "sent") == (
            told["id"],
            told["name"],
            told["state"],
        )

        running.put("lai.edxml", packet)  # the same again

        async def gone() -> bool:
            return not running.left

        await eventually(gone, what="the repeat taken")
        assert 1 == len(await handed_over(fresh))


async def test_what_the_port_has_answered_survives_kill_9_and_is_sent_once_by_id(
    fresh: Line, tmp_path: Path
) -> None:
    packets = [letter(A, (B,), str(n), priority=n % 5) for n in range(1, 9)]
    away = {"HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    async with spool(fresh, tmp_path, **away) as running:
        async with AsyncClient(running.address) as client:
            spooled = [await client.leave(packet) for packet in packets]
            assert {True} == {each.new for each in spooled}
            assert not (await client.leave(packets[0])).new
        await killed(running.process)
    async with spool(fresh, tmp_path) as running:

        async def sent() -> bool:
            return len(running.shown("sent")) == len(packets)

        await eventually(sent, what="all packets shown as sent")
        events = await handed_over(fresh)
        assert {each.id for each in spooled} == {event.event_id for event in events}
        assert len(packets) == len(events)


async def test_statuses_come_back_into_the_folder_and_the_latest_version_stays(
    fresh: Line, tmp_path: Path
) -> None:
    dispatch, copy = IDS
    async with spool(fresh, tmp_path) as running:
        for version, state, code in ((2, "accepted", "03"), (1, "taken", "01")):
            update = DeliveryUpdate(
                delivery_id=copy, recipient=B, state=state, version=version, code=code
            )
            event = DeliveriesUpdated(event_id=copy, dispatch_id=dispatch, updates=[update])
            await fresh.write(topic.statuses(A), event, dispatch)

        async def shown() -> list[dict[str, object]]:
            return running.shown("statuses")

        (told,) = await eventually(shown, what="the statuses shown")
        assert str(dispatch) == told["dispatch_id"]
        copies = told["copies"]
        assert isinstance(copies, list)
        assert [("accepted", 2, "03")] == [(c["state"], c["version"], c["code"]) for c in copies]


async def test_a_full_spool_says_no_and_takes_again_when_there_is_room(
    fresh: Line, tmp_path: Path
) -> None:
    large = [letter(A, (B,), str(n), b"x " * 90_000) for n in range(5)]  # four have room
    away = {"HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "HOATOC_SPOOL_QUOTA_MB": "1"}
    async with spool(fresh, tmp_path, **away) as running:
        for number, packet in enumerate(large[:4]):
            running.put(f"{number}.edxml", packet)

        async def gone() -> bool:
            return not running.left

        await eventually(gone, what="four packets taken")
        running.put("4.edxml", large[4])

        async def full() -> bool:
            return (tmp_path / "FULL.txt").exists()

        await eventually(full, what="the spool full")
        assert ["4.edxml"] == running.left
        async with AsyncClient(running.address) as client:
            with pytest.raises(SpoolFull, match="CHƯA được nhận"):
                await client.leave(large[4])
    async with spool(fresh, tmp_path, HOATOC_SPOOL_QUOTA_MB="1") as running:
        await eventually(gone, what="the fifth packet taken")

        async def sent() -> bool:
            return len(running.shown("sent")) == 5

        await eventually(sent, what="all sent")
        assert not (tmp_path / "FULL.txt").exists()


async def test_what_cannot_be_taken_is_put_aside_with_its_reason(
    fresh: Line, tmp_path: Path
) -> None:
    secret = letter(A, (B,), "1", b"TUY\xe1\xbb\x86T M\xe1\xba\xacT")
    async with spool(fresh, tmp_path) as running:
        running.put("mat.edxml", secret)

        async def refused() -> list[dict[str, object]]:
            return running.shown("refused")

        (told,) = await eventually(refused, what="the secret refused")
        assert "SecretSuspected" == told["code"]
        (aside,) = (tmp_path / "refused").glob("*.edxml")
        assert secret == aside.read_bytes()
        assert b"edXML" not in (tmp_path / "spool.sqlite-wal").read_bytes()
    assert [] == await handed_over(fresh)
