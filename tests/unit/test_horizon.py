"""Up to which instant a feed is known to be done."""

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.horizon import Horizon


def test_nothing_is_known_before_the_first_fetch() -> None:
    assert not Horizon().within(0, 10**12)


def test_an_empty_feed_is_done_up_to_the_fetch() -> None:
    horizon = Horizon()
    horizon.observe(1_000, 0)
    assert 1_000 == horizon.instant_ms
    assert horizon.within(6_000, 5_000)
    assert not horizon.within(6_001, 5_000)


def test_what_was_fetched_holds_the_horizon_until_it_is_done() -> None:
    horizon = Horizon(10)
    horizon.observe(1_000, 10)
    horizon.observe(2_000, 12)
    horizon.observe(3_000, 12)
    assert 1_000 == horizon.instant_ms
    horizon.done(11)
    assert 1_000 == horizon.instant_ms
    horizon.done(12)
    assert 3_000 == horizon.instant_ms


def test_what_is_done_is_never_undone() -> None:
    horizon = Horizon()
    horizon.done(12)
    horizon.done(3)
    horizon.observe(1_000, 12)
    assert 1_000 == horizon.instant_ms


def test_asking_again_about_the_same_fetch_changes_nothing() -> None:
    horizon = Horizon()
    horizon.observe(1_000, 5)
    horizon.observe(1_000, 5)
    horizon.done(5)
    assert 1_000 == horizon.instant_ms


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_nothing_appended_before_the_horizon_is_waiting(steps: list[tuple[int, bool]]) -> None:
    horizon, appended, done = Horizon(), list[int](), 0
    for now, (records, takes) in enumerate(steps):
        appended += [now] * records
        horizon.observe(now, len(appended))
        if takes:
            done = min(done + 2, len(appended))
            horizon.done(done)
        waiting = appended[done:]
        if horizon.instant_ms is not None and waiting:
            assert horizon.instant_ms < waiting[0] or waiting[0] == now
