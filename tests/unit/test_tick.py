"""Ticks come a second apart, whatever the wall clock does."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from producers import intake

_HOUR_NS = 3600 * 1_000_000_000


class Asleep(Exception):
    """The loop went to sleep."""


async def test_a_wall_clock_that_steps_back_does_not_hold_the_next_tick_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([10 * _HOUR_NS, 9 * _HOUR_NS, 9 * _HOUR_NS])
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise Asleep

    monkeypatch.setattr("producers.intake.asyncio.sleep", sleep)
    behind = cast("Any", SimpleNamespace(current=lambda _: False, now_ns=lambda: next(now)))
    with pytest.raises(Asleep):
        await intake.tick(behind, "writer")
    assert slept[0] <= intake.TICK_S
