"""The pages of client, inbox and spool: every example on them runs, as it stands there."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hoatoc.domain import topic
from hoatoc.domain.event import StatusReported, TransportAcknowledged
from hoatoc.embedded.port import free_ports
from hoatoc.embedded.stack import environment
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door
from hoatoc.testing.line import ORGANS, eventually

pytestmark = pytest.mark.timeout(180)
ROOT = Path(__file__).parents[2]
PARTS = ROOT / "docs" / "parts"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
A, B, C, D = (organ.code for organ in ORGANS)


def examples(
    page: str, door: Door, organ: str, folder: Path = PARTS, /, **more: str
) -> list[tuple[str, str]]:
    """Return (language, text) of the examples of a page, with the addresses of this test."""
    found = BLOCK.findall((folder / f"{page}.md").read_text("utf-8"))
    servers = door.line.servers
    names = {
        "https://gateway.example": door.url,
        "hoatoc_key": door.keys[organ],
        "kafka.example:9092": servers,
        '"ORGAN"': f'"{organ}"',
        **more,
    }
    for name, value in names.items():
        found = [(language, text.replace(name, value)) for language, text in found]
    return found


@asynccontextmanager
async def running(
    language: str, text: str, folder: Path, env: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run an example in a folder; it ends with the block."""
    argv = [sys.executable, "-c", text] if language == "python" else ["sh", "-ec", text]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    root = str(ROOT)
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=folder, stdout=PIPE, stderr=STDOUT, env={**env, "PATH": path, "PYTHONPATH": root}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def run(language: str, text: str, folder: Path, env: Mapping[str, str]) -> str:
    """Run an example to its end and return what it says."""
    async with running(language, text, folder, env) as process:
        said, _ = await process.communicate()
    assert 0 == process.returncode, f"{text}\n{said.decode()}"
    return said.decode()


async def test_the_examples_of_the_client_run(door: Door, tmp_path: Path) -> None:
    (tmp_path / "van-ban.edxml").write_bytes(letter(A, (B, C), "901"))
    blocks = examples("client", door, A)
    assert 3 == len(blocks)
    said = [await run(language, text, tmp_path, {}) for language, text in blocks]
    assert " new\n" in said[0]
    assert f"{B} unsent" in said[0]
    assert f"{A},2021/03/02,901/UBND-VP 0" in said[1]
    assert "" == said[2]


async def test_the_example_of_the_readme_runs(door: Door, tmp_path: Path) -> None:
    packet = tmp_path / "letter.edxml"
    packet.write_bytes(letter(A, (B, C), "910"))
    names = {"http://127.0.0.1:8807": door.url, "hoatoc_…": door.keys[A]}
    names["/tmp/letter.edxml"] = str(packet)
    ((language, text),) = examples("README", door, A, ROOT, **names)
    said = await run(language, text, tmp_path, {})
    assert f"('{B}', 'unsent')" in said


async def test_whoever_speaks_kafka_hands_over_and_is_answered_as_the_page_says(
    door: Door, tmp_path: Path
) -> None:
    (tmp_path / "van-ban.edxml").write_bytes(letter(A, (B, C), "911"))
    ((language, text),) = examples("intake", door, A)
    async with door.line.program("intake"), door.line.program("alerts"):
        said = await run(language, text, tmp_path, {})
    assert "taken" in said


async def test_the_examples_of_the_inbox_run(door: Door, tmp_path: Path) -> None:
    over_http, over_kafka = examples("inbox", door, D)
    said = await door.send(letter(A, (D,), "902"), A)
    env = environment(door.line.settings)
    answered_at = {"http": "deliveries", "kafka": topic.reports(D)}
    for name, (language, text) in (("http", over_http), ("kafka", over_kafka)):
        folder = tmp_path / name
        folder.mkdir()

        async def acknowledged(name: str = name) -> bool:
            events = await door.line.events(
                answered_at[name], TransportAcknowledged, StatusReported
            )
            mine = [e for e in events if str(e.dispatch_id) == said["dispatch_id"]]
            return len(mine) >= (2 if name == "http" else 1)

        async with running(language, text, folder, env):
            await eventually(acknowledged, what=f"the answer over {name}")
    assert letter(A, (D,), "902") == next((tmp_path / "kafka").glob("*.edxml")).read_bytes()


async def test_the_examples_of_the_spool_run(door: Door, tmp_path: Path) -> None:
    folder, port = tmp_path / "spool", next(free_ports("127.0.0.1"))
    start, into_folder, to_port, from_python = examples(
        "spool", door, A, **{"/var/spool/hoatoc": str(folder), "8808": str(port)}
    )
    env = {"HOATOC_METRICS_PORT": "0", "HOATOC_SPOOL_FREE_MB": "0"}
    async with running(
        start[0], start[1].replace("hoatoc spool", "exec hoatoc spool"), tmp_path, env
    ):

        async def listens() -> bool:
            return (folder / "address").exists()

        await eventually(listens, what="the spool listening")
        for number, (language, text) in enumerate((into_folder, to_port, from_python), 903):
            (tmp_path / "van-ban.edxml").write_bytes(letter(A, (B,), str(number)))
            await run(language, text, tmp_path, {})

        async def sent() -> bool:
            return len(list((folder / "sent").glob("*.json"))) == 3

        await eventually(sent, what="three packets sent")
