"""Whatever OpenAPI allows, and much that it does not, gets an answer that OpenAPI tells of."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from hoatoc.config import Access
from hoatoc.domain.access import Role
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, door_on, issued
from hoatoc.testing.line import ORGANS, NewLine

pytestmark = pytest.mark.timeout(290)

A, B, *_ = (organ.code for organ in ORGANS)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "8"))
CONFIG = """
[parameters]
"query.wait" = 0
"""


async def test_every_answer_is_one_that_openapi_tells_of(new_line: NewLine, tmp_path: Path) -> None:
    async with new_line(access=Access(rate=0)) as line, door_on(line) as door:
        await every_answer(door, tmp_path)


async def every_answer(door: Door, tmp_path: Path) -> None:
    """Ask for things whose ids are drawn, then for things that exist."""
    said = await door.send(letter(A, [B], "1"), A)
    key = await issued(door.line.database, door.line.settings, A, *Role)
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        CONFIG
        + f'"path.dispatch_id" = "{said["dispatch_id"]}"\n'
        + f'"path.delivery_id" = "{said["recipients"][0]["delivery_id"]}"\n',
        "utf-8",
    )
    existing = config.read_text("utf-8")
    for text, path, phases in ((CONFIG, "", "coverage,fuzzing"), (existing, "_id}", "fuzzing")):
        config.write_text(text, "utf-8")
        status, output = await asked(door, key, config, path, phases)
        assert 0 == status, output[-8000:]


async def asked(door: Door, key: str, config: Path, path: str, phases: str) -> tuple[int, str]:
    """Run schemathesis; a stream has no end, so it is asked nothing."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
        *("run", f"{door.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--checks", ",".join(CHECKS)),
        *("--phases", phases, "--include-path-regex", f"{path}.*"),
        *("--max-examples", str(EXAMPLES)),
        *("--exclude-path-regex", "/stream$"),
        *("--suppress-health-check", "all", "--no-color", "--continue-on-failure"),
        stdout=PIPE,
        stderr=STDOUT,
        cwd=config.parent,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
