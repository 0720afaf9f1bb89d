"""How long a page waits before it is tried again."""

import random

import pytest

from consumers.pager import LONGEST_ASKED_S, LONGEST_RETRY_S, pause_s


class Late(random.Random):
    """Draws the latest there is."""

    def random(self) -> float:
        return 1.0


@pytest.mark.parametrize(
    ("attempts", "longest_s"), [(1, 2), (2, 4), (5, 32), (6, LONGEST_RETRY_S), (5000, 60)]
)
def test_a_page_waits_longer_each_time_but_never_long(attempts: int, longest_s: float) -> None:
    assert longest_s == pause_s(attempts, None, Late())
    assert 0.5 <= pause_s(attempts, None, random.Random()) <= longest_s


@pytest.mark.parametrize(
    ("asked_s", "waited_s"), [(90, 90), (86400, LONGEST_ASKED_S), (float("inf"), LONGEST_ASKED_S)]
)
def test_a_receiver_may_ask_for_time_but_not_for_a_day(asked_s: float, waited_s: float) -> None:
    assert waited_s == pause_s(1, asked_s, Late())


def test_no_time_asked_for_is_not_a_busy_loop() -> None:
    assert pause_s(1, 0.0, random.Random()) >= 0.5
