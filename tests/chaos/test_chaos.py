"""Three minutes of chaos on real processes: every part is killed under load, and more.

A process of its own, for it takes mounts of its own. What is asserted is its exit status: 1 when
the checker finds a guarantee violated. A machine too slow for the load proves too little: that
is no failure of the product, and is said.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MINUTES = "3"
_MOST_S = 900

pytestmark = pytest.mark.timeout(_MOST_S + 30)


def test_no_guarantee_is_violated_while_everything_is_killed_and_stalled(tmp_path: Path) -> None:
    seed = ["--seed", os.environ.get("TEST_SEED", "7")]
    out = Path(os.environ.get("HOATOC_CHAOS_REPORT", tmp_path))
    ran = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--minutes", MINUTES, *seed, "--out", str(out)],
        env={k: v for k, v in os.environ.items() if not k.startswith("HOATOC_")},
        capture_output=True,
        text=True,
        timeout=_MOST_S,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode in (0, 2), ran.stdout + ran.stderr
    assert "the run broke off" not in ran.stdout, ran.stdout + ran.stderr
    if ran.returncode == 2:
        pytest.skip(f"proved too little here: {ran.stdout[-600:]}")
