import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hoatoc.embedded.stack import running

ROOT = Path(__file__).parents[2]
Hoatoc = Callable[..., Any]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hoatoc-acceptance-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def environ(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOATOC_") or "CACHE" in k}
    policy = str(ROOT / "examples" / "demo-policy.toml")
    return kept | {"HOATOC_DATA": str(folder / "data"), "HOATOC_POLICY": policy}


@pytest.fixture(scope="module")
def hoatoc(folder: Path, environ: dict[str, str]) -> Iterator[Hoatoc]:
    """Run commands as a person does, against a stack that `hoatoc up` runs."""
    command = [sys.executable, "-m", "hoatoc"]
    with (folder / "up.log").open("wb") as log:
        up = subprocess.Popen([*command, "up"], env=environ, stdout=log, stderr=log)
    try:
        _await_ready(up, folder)

        def call(*arguments: str | Path, status: int = 0) -> Any:
            done = subprocess.run(
                [*command, *map(str, arguments)],
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == status, done.stdout + done.stderr
            machine = "--json" in arguments
            return json.loads(done.stdout) if machine else done.stdout + done.stderr

        yield call
    finally:
        up.terminate()
        up.wait(20)


def _await_ready(up: "subprocess.Popen[bytes]", folder: Path) -> None:
    with (folder / "up.log").open() as log:
        said = ""
        while "ready; Ctrl-C stops all" not in said:
            said += log.read()
            try:
                up.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"`hoatoc up` ended: {said}")
    assert running(folder / "data") is not None
