"""A running spool and its folder, for tests."""

import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoatoc.embedded.process import Child, Notices, spawn
from hoatoc.embedded.stack import environment
from hoatoc.testing.line import ORGANS, Line

A = ORGANS[0].code


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

    def shown(self, kind: str) -> list[dict[str, Any]]:
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
