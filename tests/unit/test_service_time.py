"""How service time advances."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.event import Tick
from hoatoc.domain.service_time import PartitionClock, advance

BEGIN = 1_760_000_000_000
GAP = 5_000
TICK = Tick(
    event_id=UUID(int=1),
    path="intake",
    shard=0,
    shards=1,
    paths=["intake"],
    writer="a",
    clock_ms=BEGIN,
    max_gap_ms=GAP,
    calendar_version=0,
)


def after(*ticks: tuple[int, Tick]) -> PartitionClock:
    """Return the clock after ticks at these append times (ms from the beginning)."""
    clock = PartitionClock()
    for append_ms, tick in ticks:
        clock = advance(clock, tick, BEGIN + append_ms)
    return clock


def said(clock_ms: int, **more: object) -> Tick:
    """Return a tick whose writer's clock says this (ms from the beginning)."""
    return replace(TICK, clock_ms=BEGIN + clock_ms, **more)  # type: ignore[arg-type]


def test_the_first_tick_only_begins() -> None:
    assert 0 == after((0, TICK)).service_ms


@pytest.mark.parametrize(
    ("appended", "clocked", "served"),
    [
        (1_000, 1_000, 1_000),
        (1_000, 900, 900),
        (900, 1_000, 900),
        (GAP, GAP, GAP),
        (GAP + 1, GAP, 0),
        (GAP, GAP + 1, 0),
        (0, 1_000, 0),
        (1_000, 0, 0),
        (-1_000, 1_000, 0),
        (1_000, -1_000, 0),
    ],
)
def test_a_step_is_the_smaller_of_two_that_can_both_be_believed(
    appended: int, clocked: int, served: int
) -> None:
    assert served == after((0, TICK), (appended, said(clocked))).service_ms


def test_a_writers_clock_is_compared_with_its_own_only() -> None:
    ahead = 3_600_000
    clock = after(
        (0, said(0)),
        (500, said(ahead, writer="b")),
        (1_000, said(1_000)),
        (1_500, said(ahead + 1_000, writer="b")),
    )
    assert 1_000 == clock.service_ms


def test_a_writer_that_was_away_longer_than_the_gap_begins_anew() -> None:
    clock = after((0, said(0)), (GAP, said(0, writer="b")), (GAP + 1, said(1_000)))
    assert 0 == clock.service_ms


def test_every_path_in_force_must_have_ticked() -> None:
    both = ["gateway", "intake"]
    alone = after((0, said(0, paths=both)), (1_000, said(1_000, paths=both)))
    assert 0 == alone.service_ms


def test_a_path_that_is_not_in_force_is_not_waited_for() -> None:
    clock = after((0, said(0, path="gateway")), (60_000, said(0)), (61_000, said(1_000)))
    assert 1_000 == clock.service_ms


def test_every_shard_of_a_path_must_have_ticked() -> None:
    two = {"shards": 2}
    assert 0 == after((0, said(0, **two)), (1_000, said(1_000, **two))).service_ms
    clock = after(
        (0, said(0, **two)),
        (500, said(500, shard=1, writer="b", **two)),
        (1_000, said(1_000, **two)),
    )
    assert 500 == clock.service_ms


def test_a_shard_that_is_gone_is_not_waited_for() -> None:
    clock = after(
        (0, said(0, shard=1, shards=2, writer="b")),
        (60_000, said(0)),
        (61_000, said(1_000)),
    )
    assert 1_000 == clock.service_ms


def test_log_time_is_the_latest_ticks_append_time() -> None:
    assert BEGIN - 9 == after((0, TICK), (-9, TICK)).log_ms


def test_the_greatest_calendar_version_is_in_force() -> None:
    clock = after((0, said(0, calendar_version=3)), (1, said(1, calendar_version=2)))
    assert 3 == clock.calendar_version


steps = st.integers(-7_200_000, 7_200_000) | st.integers(0, 6_000)


@given(st.lists(st.tuples(steps, steps, st.sampled_from("ab")), max_size=30))
def test_service_time_never_falls_and_never_outruns_the_gap(
    moves: list[tuple[int, int, str]],
) -> None:
    clock, append_ms, clocks = PartitionClock(), BEGIN, dict.fromkeys("ab", BEGIN)
    for appended, clocked, writer in moves:
        append_ms += appended
        clocks[writer] += clocked
        tick = replace(TICK, writer=writer, clock_ms=clocks[writer])
        later = advance(clock, tick, append_ms)
        assert 0 <= later.service_ms - clock.service_ms <= GAP
        clock = later
