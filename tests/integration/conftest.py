"""A broker and a database for the tests of programs, and lines of their own on them."""

import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hoatoc.config import Kafka, Metrics, Settings
from hoatoc.embedded.stack import stack
from hoatoc.testing.gateway import Door, door_on
from hoatoc.testing.line import Line, NewLine, line

# Priority 0 is due at once, 1 within minutes.
POLICY = """
name = "quick"
max_gap_s = 3
grace_s = 1
[limits.normal]
publish_s = 2
arrive_s = 1
accept_s = 1
"""
PATIENT = """
[limits.{urgency}]
publish_s = 600
arrive_s = 600
accept_s = 600
"""


async def nothing(settings: Settings) -> None:
    """Prepare no topic and no table: each line does."""


@pytest.fixture(scope="session")
async def stores() -> AsyncIterator[Settings]:
    """Run a broker and a database; pytest's own folders are closed to the database's user."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="hoatoc-test-") as folder:
        Path(folder).chmod(0o755)
        policy = Path(folder) / "policy.toml"
        urgencies = ("urgent", "very_urgent", "express", "timed_express")
        patient = (PATIENT.format(urgency=urgency) for urgency in urgencies)
        policy.write_text(POLICY + "".join(patient), "utf-8")
        settings = Settings(
            data=Path(folder) / "data",
            policy=str(policy),
            kafka=Kafka(partitions=4),
            metrics=Metrics(port=0),
            paths="intake",
        )
        async with stack(settings, parts=("database", "broker"), prepare=nothing) as running:
            yield running.settings


@pytest.fixture(scope="session")
def new_line(stores: Settings, tmp_path_factory: pytest.TempPathFactory) -> NewLine:
    """Give what makes lines on this broker and database."""
    return lambda **changes: line(stores, tmp_path_factory.mktemp("logs"), **changes)


@pytest.fixture
async def fresh(new_line: NewLine) -> AsyncIterator[Line]:
    """Give a line for one test."""
    async with new_line() as made:
        yield made


@pytest.fixture(scope="module")
async def door(new_line: NewLine) -> AsyncIterator[Door]:
    """Give a gateway on a line, for the tests of one module."""
    async with new_line() as line, door_on(line) as opened:
        yield opened
