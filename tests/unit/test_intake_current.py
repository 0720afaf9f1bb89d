"""Intake lets no time pass while an answer lies unread, whatever the clock of its machine does."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from hoatoc.domain.horizon import Horizon
from producers.intake import Intake

PLACE = TopicPartition("reports.R1", 0)
GAP_MS = 4_000


@pytest.mark.parametrize("step_s", [0, -7200, 7200])
def test_an_unread_answer_holds_time_when_the_clock_of_the_machine_steps(
    step_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {"loop_s": 0.0, "wall_s": 1_760_000_000.0}
    feed = {"end": 0}
    reader = SimpleNamespace(
        assignment=lambda: {PLACE},
        last_poll_timestamp=lambda _place: int(at["wall_s"] * 1000),
        highwater=lambda _place: feed["end"],
    )
    nothing = cast("Any", None)
    reading = Intake(
        database=nothing,
        reader=cast("Any", reader),
        to=nothing,
        registry=nothing,
        max_gap_ms=GAP_MS,
        partitions=1,
        now_ns=lambda: int(at["wall_s"] * 1e9),
        horizons={PLACE: Horizon(0)},
    )
    loop = SimpleNamespace(time=lambda: at["loop_s"])
    monkeypatch.setattr("producers.intake.asyncio.get_running_loop", lambda: loop)

    def pass_second() -> bool:
        at["loop_s"] += 1
        at["wall_s"] += 1
        return reading.current()

    assert [pass_second() for _ in range(4)] == [False, True, True, True]
    feed["end"] = 1  # an answer comes, and is not read
    at["wall_s"] += step_s

    told = [pass_second() for _ in range(60)]

    assert not any(told[GAP_MS // 1000 + 1 :])
