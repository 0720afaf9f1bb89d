"""How often an organ may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.access import TooManyRequests
from hoatoc.domain.rate import Limiter


def admitted(limiter: Limiter, asker: str, now_s: float) -> bool:
    try:
        limiter.admit(asker, now_s)
    except TooManyRequests:
        return False
    return True


def test_a_burst_is_let_in_and_what_is_above_it_is_not() -> None:
    limiter = Limiter(rate_per_s=10, burst=5)
    assert [True] * 5 + [False] == [admitted(limiter, "H16", 0.0) for _ in range(6)]


def test_one_organ_does_not_use_up_anothers_rate() -> None:
    limiter = Limiter(rate_per_s=1, burst=1)
    limiter.admit("H16", 0.0)
    assert admitted(limiter, "H17", 0.0)
    assert not admitted(limiter, "H16", 0.0)


def test_after_the_time_that_was_told_the_question_is_let_in() -> None:
    limiter = Limiter(rate_per_s=0.25, burst=1)
    limiter.admit("H16", 100.0)
    with pytest.raises(TooManyRequests) as refused:
        limiter.admit("H16", 101.0)
    assert 3 == refused.value.retry_after_s
    assert admitted(limiter, "H16", 101.0 + refused.value.retry_after_s)


def test_the_wait_is_never_told_as_nothing() -> None:
    limiter = Limiter(rate_per_s=1000, burst=1)
    limiter.admit("H16", 0.0)
    with pytest.raises(TooManyRequests) as refused:
        limiter.admit("H16", 0.0)
    assert 1 == refused.value.retry_after_s


def test_who_asks_in_vain_does_not_wait_longer_for_it() -> None:
    limiter = Limiter(rate_per_s=1, burst=1)
    limiter.admit("H16", 0.0)
    assert not any(admitted(limiter, "H16", 0.5) for _ in range(100))
    assert admitted(limiter, "H16", 1.0)


def test_a_rate_of_nothing_limits_nothing() -> None:
    limiter = Limiter(rate_per_s=0, burst=1)
    assert all(admitted(limiter, "H16", 0.0) for _ in range(1000))


def test_those_who_are_still_are_let_go() -> None:
    limiter = Limiter(rate_per_s=100, burst=1)
    for number in range(20_000):
        limiter.admit(f"H{number}", float(number))
    assert len(limiter) <= 4097


@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
    st.sampled_from([0.5, 1, 7, 100]),
    st.integers(1, 20),
)
def test_in_no_window_more_is_let_in_than_the_burst_and_the_rate(
    steps: list[float], rate: float, burst: int
) -> None:
    limiter, now, let_in = Limiter(rate, burst), 0.0, []
    for step in steps:
        now += step
        if admitted(limiter, "H16", now):
            let_in.append(now)
    for first, begin in enumerate(let_in):
        for last, end in enumerate(let_in[first:], 1):
            assert last <= burst + rate * (end - begin) + 1e-6
