"""Where chaos happens: a folder for a whole stack, and the chance that drives it."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

POLICY = """
name = "chaos"
max_gap_s = 5
grace_s = 3
"""
LIMITS = """
[limits.{urgency}]
publish_s = 10
arrive_s = 6
accept_s = 6
"""
URGENCIES = ("normal", "urgent", "very_urgent", "express", "timed_express")


@pytest.fixture(scope="session")
def seed() -> int:
    """Give the seed of all chance: TEST_SEED, else a new one."""
    given = os.environ.get("TEST_SEED")
    found = int(given) if given else random.SystemRandom().randrange(2**31)
    print(f"\nTEST_SEED={found}")
    return found


@pytest.fixture(scope="session")
def chaos_folder() -> Iterator[Path]:
    """Give a folder that the database's user can reach; pytest's own are closed to others.

    It stays when TEST_KEEP is set.
    """
    folder = Path(tempfile.mkdtemp(prefix="hoatoc-chaos-"))
    folder.chmod(0o755)
    yield folder
    if not os.environ.get("TEST_KEEP"):
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def chaos_policy(chaos_folder: Path) -> Path:
    """Give a policy of seconds."""
    file = chaos_folder / "policy.toml"
    file.write_text(POLICY + "".join(LIMITS.format(urgency=u) for u in URGENCIES), "utf-8")
    return file
