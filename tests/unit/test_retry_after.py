"""`Retry-After`, as servers write it and as they should not."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hoatoc.retry_after import seconds_of


def test_it_is_seconds_or_a_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    assert 7.0 == seconds_of(" 7")
    assert 25 < (seconds_of(format_datetime(at, usegmt=True)) or 0) <= 30
    assert 0.0 == seconds_of("Wed, 21 Oct 2015 07:28:00 GMT")


@pytest.mark.parametrize("said", ["", "soon", "-1", "²", "Fri, 31 Dec 9999 23:59:59 -0500"])
def test_what_says_neither_asks_for_nothing(said: str) -> None:
    assert None is seconds_of(said)
