"""The page of the gateway: its lines for curl are run as they stand there."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from hoatoc.embedded.stack import environment
from hoatoc.testing.gateway import with_port
from hoatoc.testing.line import Line

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not shutil.which("curl") or not shutil.which("jq"), reason="no curl, no jq"),
]

PAGE = Path(__file__).parents[2] / "docs" / "parts" / "gateway.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_lines_for_curl_do_what_the_page_says(fresh: Line, tmp_path: Path) -> None:
    settings = with_port(fresh.settings)
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    script = "set -euo pipefail\n" + "".join(f"{block}\necho ——\n" for block in blocks)
    env = {
        **environment(fresh.settings),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY": settings.gateway.url,
        "LANG": "C.UTF-8",
    }
    port = str(settings.gateway.port)
    async with (
        fresh.program("gateway", HOATOC_GATEWAY_PORT=port),
        fresh.program("relay"),
        fresh.program("ledger"),
        fresh.program("alerts"),
    ):
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, stdout=PIPE, stderr=STDOUT, cwd=tmp_path, env=env
        )
        said = (await process.communicate())[0].decode()
    assert 0 == process.returncode, said
    assert len(blocks) + 1 == len(said.split("——"))
    for text in ('"new": true', '"new": false', '"code": "not-found"', "event: entry"):
        assert text in said, said
    assert "PHIẾU XÁC NHẬN" in (tmp_path / "receipt.html").read_text("utf-8")
