"""Up to which instant a feed is known to be done."""

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.horizon import Horizon


def test_nothing_is_known_before_the_first_fetch() -> None:
    assert not Horizon().within(0, 10**12)


def test_of_a_fetch_seen_at_the_first_look_nobody_knows_how_old_it_is() -> None:
    horizon = Horizon()
    horizon.look(1_000, 7, 0)
    assert horizon.instant_ms is None


def test_an_empty_feed_is_done_up_to_the_look_before_its_fetch_was_seen() -> None:
    horizon = Horizon()
    horizon.look(1_000, 7, 0)
    horizon.look(2_000, 8, 0)
    assert horizon.instant_ms == 1_000
    assert horizon.within(6_000, 5_000)
    assert not horizon.within(6_001, 5_000)


def test_what_was_fetched_holds_the_horizon_until_it_is_done() -> None:
    horizon = Horizon(10)
    for now_ms, fetch, end in ((0, 6, 10), (1_000, 7, 10), (2_000, 8, 12), (3_000, 9, 12)):
        horizon.look(now_ms, fetch, end)
    assert horizon.instant_ms == 0
    horizon.done(11)
    assert horizon.instant_ms == 0
    horizon.done(12)
    assert horizon.instant_ms == 2_000


def test_what_is_done_is_never_undone() -> None:
    horizon = Horizon()
    horizon.done(12)
    horizon.done(3)
    horizon.look(1_000, 7, 12)
    horizon.look(2_000, 8, 12)
    assert horizon.instant_ms == 1_000


def test_without_another_fetch_time_stands_still() -> None:
    horizon = Horizon()
    for now_ms, fetch in ((0, 6), (1_000, 7), (2_000, 7), (3_000, 7)):
        horizon.look(now_ms, fetch, 5)
    horizon.done(5)
    assert horizon.instant_ms == 0


def test_a_stamp_that_went_back_is_another_fetch() -> None:
    horizon = Horizon()
    for now_ms, fetch in ((0, 9_000_000), (1_000, 9_000_500), (2_000, 17)):
        horizon.look(now_ms, fetch, 0)
    assert horizon.instant_ms == 1_000


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=40))
def test_nothing_appended_before_the_horizon_is_waiting(
    steps: list[tuple[int, bool, bool]],
) -> None:
    horizon, appended, done = Horizon(), list[int](), 0
    fetch, end = 0, 0
    for now, (records, fetches, takes) in enumerate(steps):
        appended += [now] * records
        if fetches:
            fetch, end = fetch + 1, len(appended)
        horizon.look(now, fetch, end)
        if takes:
            done = min(done + 2, end)
            horizon.done(done)
        waiting = appended[done:]
        if horizon.instant_ms is not None and waiting:
            assert horizon.instant_ms < waiting[0] or waiting[0] == now
