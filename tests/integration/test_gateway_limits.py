"""Limits of the gateway: of the rate, of the disk, of what is away, of an upload that is killed."""

import pytest

from hoatoc.config import Access
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import door_on
from hoatoc.testing.line import ORGANS, NewLine

pytestmark = pytest.mark.timeout(240)

A, B, C, _ = (organ.code for organ in ORGANS)


async def test_an_organ_that_asks_too_often_is_told_when_to_come_again(new_line: NewLine) -> None:
    async with (
        new_line(access=Access(rate=1, burst=2)) as line,
        door_on(line) as door,
        door.as_(A) as client,
        door.as_(B) as other,
    ):
        answers = [await client.get("/v1/counts") for _ in range(3)]
        spared = await other.get("/v1/counts")
    assert [200, 200, 429, 200] == [a.status_code for a in (*answers, spared)]
    assert "1" == answers[2].headers["retry-after"]


async def test_a_full_disk_takes_nothing_and_says_so(new_line: NewLine) -> None:
    async with new_line() as line, door_on(line, free_mb=2**30) as door:
        answer = await door.hand_over(letter(A, [B], "6"), A)
        async with door.as_() as client:
            ready = await client.get("/readyz")
    assert (503, "disk-short") == (answer.status_code, answer.json()["code"])
    assert int(answer.headers["retry-after"]) >= 1
    assert (503, "short") == (ready.status_code, ready.json()["parts"]["disk"])
