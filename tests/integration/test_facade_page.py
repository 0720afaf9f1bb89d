"""The examples of the façade's page, as they stand there."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from hoatoc.testing.agency import letter
from hoatoc.testing.axis import axis_on, secret_of
from hoatoc.testing.line import ORGANS, NewLine

PAGE = Path(__file__).parents[2] / "docs" / "parts" / "facade.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
A, B = ORGANS[0].code, ORGANS[1].code

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is missing"
    ),
]


async def test_the_examples_do_what_they_say(new_line: NewLine, tmp_path: Path) -> None:
    packet = tmp_path / "packet.edxml"
    packet.write_bytes(letter(A, [B], "6001"))
    script = "\n".join(BLOCK.findall(PAGE.read_text("utf-8")))
    async with new_line() as line:
        facade = line.settings.facade.model_copy(update={"province_path": "/lgsp"})
        line.settings = line.settings.model_copy(update={"facade": facade})
        async with axis_on(line) as axis:
            there = await axis.waiting(A, await axis.sent(letter(B, [A], "6002"), B))
            process = await asyncio.create_subprocess_exec(
                *("bash", "-eu", "-c", script),
                cwd=tmp_path,
                env={
                    "PATH": "/usr/bin:/bin",
                    "VXP_URL": f"{axis.url}/vxp",
                    "LGSP_URL": f"{axis.url}/lgsp",
                    "VXP_SYSTEM": A,
                    "VXP_SECRET": secret_of(A),
                    "ORGAN": A,
                    "PACKET": str(packet),
                },
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
            said = out.decode()
            assert 0 == process.returncode, said
            assert "FAIL" not in said
            assert '"success":false' not in said
            assert (tmp_path / f"{there}.edxml").read_bytes() == letter(B, [A], "6002")
            assert there not in [each["docId"] for each in await axis.listed(A)]
    assert 4 == said.count('"ErrorCode":"0"')
