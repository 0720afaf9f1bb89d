"""The supervisor: children become ready, come back when they crash, and end when told."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hoatoc.embedded import folder, supervisor
from hoatoc.embedded.process import Child
from hoatoc.embedded.supervisor import ChildFailed, Supervisor

pytestmark = pytest.mark.timeout(60)

WORKS = "import signal; from hoatoc.notify import ready; ready(); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WORKS}"
FAILS = "raise SystemExit('no such topic')"


def child(data: Path, name: str, code: str, stage: int = 0) -> Child:
    return Child(
        name=name,
        stage=stage,
        argv=(sys.executable, "-c", code),
        log=data / "logs" / f"{name}.log",
        cwd=data,
    )


def states(found: Supervisor) -> dict[str, str]:
    return {name: each.state for name, each in found.state.children.items()}


@pytest.fixture
def said() -> list[str]:
    return []


@asynccontextmanager
async def supervised(data: Path, said: list[str]) -> AsyncIterator[Supervisor]:
    with folder.held(data):
        found = Supervisor(data, said.append)
        try:
            yield found
        finally:
            await found.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less between attempts."""
    monkeypatch.setattr(supervisor, "BACKOFF_S", 0.01)


async def test_a_child_is_ready_when_it_says_so(tmp_path: Path, said: list[str]) -> None:
    async with supervised(tmp_path, said) as found:
        await found.start([child(tmp_path, "worker", WORKS)])
        assert folder.running(tmp_path) == found.state
        assert states(found) == {"worker": "ready"}
    assert states(found) == {"worker": "stopped"}
    assert said == []


async def test_a_crashed_child_is_restarted_and_it_is_said(tmp_path: Path, said: list[str]) -> None:
    async with supervised(tmp_path, said) as found:
        await found.start([child(tmp_path, "worker", WORKS)])
        first = found.state.children["worker"].pid
        assert first
        os.kill(first, signal.SIGKILL)
        state = await asyncio.wait_for(
            found.until(
                lambda state: (
                    state.children["worker"].restarts == 1
                    and state.children["worker"].state == "ready"
                )
            ),
            10,
        )
        assert state.children["worker"].pid != first
    assert [line.split(";")[0] for line in said] == ["worker ended (SIGKILL)"]


async def test_a_child_starts_at_once_when_what_it_stands_on_is_back(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with supervised(tmp_path, said) as found:
        await found.start([child(tmp_path, "store", WORKS, stage=0)])
        await found.start([child(tmp_path, "program", WORKS, stage=1)])
        pids = {name: each.pid or 0 for name, each in found.state.children.items()}
        monkeypatch.setattr(supervisor, "HEALTHY_S", 0.0)
        monkeypatch.setattr(supervisor, "BACKOFF_S", 600.0)  # as after many crashes
        os.kill(pids["program"], signal.SIGKILL)
        await found.until(lambda state: state.children["program"].state == "restarting")
        monkeypatch.setattr(supervisor, "BACKOFF_S", 0.01)
        os.kill(pids["store"], signal.SIGKILL)
        state = await asyncio.wait_for(
            found.until(lambda state: state.children["program"].state == "ready"), 10
        )
        assert {"store": 1, "program": 1} == {n: e.restarts for n, e in state.children.items()}


async def test_a_child_that_never_starts_fails_with_the_end_of_its_log(
    tmp_path: Path, said: list[str]
) -> None:
    async with supervised(tmp_path, said) as found:
        with pytest.raises(ChildFailed, match="no such topic"):
            await found.start([child(tmp_path, "worker", FAILS)])


async def test_the_highest_stage_ends_first(tmp_path: Path, said: list[str]) -> None:
    ended: list[str] = []
    async with supervised(tmp_path, said) as found:
        await found.start([child(tmp_path, "store", WORKS, stage=0)])
        await found.start([child(tmp_path, "program", WORKS, stage=1)])

        async def note(name: str) -> None:
            await found.until(lambda state: state.children[name].state == "stopped")
            ended.append(name)

        notes = [asyncio.create_task(note(name)) for name in ("store", "program")]
    await asyncio.gather(*notes)
    assert ended == ["program", "store"]


async def test_a_child_that_overstays_is_killed(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_S", 0.4)
    async with supervised(tmp_path, said) as found:
        await found.start([child(tmp_path, "worker", STUBBORN)])
    assert said == ["worker overstays: SIGKILL"]
