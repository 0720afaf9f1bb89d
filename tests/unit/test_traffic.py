"""Agencies: their habits against the figures that they are drawn from, and what is counted."""

from collections import Counter
from itertools import pairwise
from random import Random
from statistics import mean, median, quantiles

import pytest

from hoatoc.domain.content import whole
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet
from hoatoc.extract.content import read
from hoatoc.traffic import run
from hoatoc.traffic.agency import Turned, Unknown
from hoatoc.traffic.habit import (
    EXPRESS,
    LARGEST_BYTES,
    MEAN_RECIPIENTS,
    MEDIAN_BYTES,
    NINTH_TENTH_BYTES,
    STATUSES,
    Habits,
    Letter,
    course,
)
from hoatoc.traffic.packet import document_id, packet_of
from hoatoc.traffic.run import Plan, Tally, Traffic

ORGANS = [f"G{number:03}" for number in range(300)]
LETTERS, COURSES = 3000, 20_000


@pytest.fixture(scope="module")
def letters() -> list[Letter]:
    habits = Habits(Random(5), ORGANS)
    return [habits.letter() for _ in range(LETTERS)]


def test_files_are_as_large_as_those_that_were_seen(letters: list[Letter]) -> None:
    sizes = [letter.size for letter in letters]
    assert median(sizes) == pytest.approx(MEDIAN_BYTES, rel=0.2)
    assert quantiles(sizes, n=10)[8] == pytest.approx(NINTH_TENTH_BYTES, rel=0.2)
    assert LARGEST_BYTES == max(sizes)
    assert mean(sizes) == pytest.approx(3_700_000, rel=0.2)


def test_a_letter_goes_to_as_many_as_was_seen_and_an_express_one_to_all(
    letters: list[Letter],
) -> None:
    ordinary = [len(each.recipients) for each in letters if each.priority != EXPRESS]
    assert mean(ordinary) == pytest.approx(MEAN_RECIPIENTS, rel=0.1)
    express = {len(each.recipients) for each in letters if each.priority == EXPRESS}
    assert {len(ORGANS) - 1} == express
    assert all(each.sender not in each.recipients for each in letters)
    assert all(len(set(each.recipients)) == len(each.recipients) for each in letters)


def test_statuses_come_in_the_mix_that_was_seen() -> None:
    chance = Random(7)
    courses = [list(course(chance)) for _ in range(COURSES)]
    found = Counter(code for each in courses for code in each)
    for code in ("02", "03", "05", "06"):
        assert found[code] / found["01"] == pytest.approx(STATUSES[code] / STATUSES["01"], rel=0.1)
    assert 0 < found[""] < found["0"] < found["06"]
    assert all("03" not in each for each in courses if "02" in each)
    assert all(a < b for each in courses for a, b in pairwise(c for c in each if c > "0"))


def test_the_same_seed_gives_the_same_letters_and_each_run_its_own_documents() -> None:
    one, other = (Habits(Random(1), ORGANS[:5], 0.01).letter() for _ in "12")
    assert one == other
    packet = read_packet(packet_of(one, "A1"), limit=LARGEST_PACKET_BYTES)
    assert document_id(one, "A1") == packet.document_id != document_id(one, "B2")
    assert set(one.recipients) == {party.code for party in packet.recipients}


def test_a_letter_can_be_read_and_searched_as_any_pdf() -> None:
    letter = Habits(Random(1), ORGANS[:5], 0.1).letter()
    packet = read_packet(packet_of(letter, "A1"), limit=LARGEST_PACKET_BYTES)
    content = whole(packet.attachments[0].content)
    found = read(content)
    assert ("application/pdf", "") == (found.media_type, found.unreadable)
    assert f"Cong van so {letter.number}, luot A1." in found.text
    assert letter.size < len(content) < letter.size + 3000


def test_what_was_accepted_and_not_taken_or_taken_twice_or_altered_is_named() -> None:
    tally = Tally(accepted=dict.fromkeys([("d1", "A"), ("d1", "B"), ("d1", "C")], b"1"))
    tally.taken["d1", "A"] += 2
    tally.taken["d1", "C"] += 1
    tally.got |= {("d1", "A"): b"1", ("d1", "C"): b"2", ("d0", "A"): b"3"}
    assert [("d1", "B")] == tally.missing()
    assert [("d1", "A")] == tally.twice()
    assert [("d1", "C")] == tally.altered()
    assert not tally.is_kept()


class Door:
    """A door that answers as it is told; what is not told is taken."""

    def __init__(self, *answers: Exception | bool) -> None:
        self.answers, self.asked = list(answers), 0

    async def hand_over(self, _packet: bytes) -> bool:
        self.asked += 1
        said = self.answers.pop(0) if self.answers else True
        if isinstance(said, Exception):
            raise said
        return said


async def handed(door: Door, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """Hand one letter over at a door, without the rests between tries."""
    monkeypatch.setattr(run, "_AGAIN_S", 0)
    plan = Plan(agencies=2, rate=1, seconds=1, seed=1, doors=("http",))
    traffic = Traffic(plan, "A1", doors={"A": "http"})
    traffic.agencies["A"] = door  # type: ignore[assignment]
    await traffic.deliver(Letter("A", ("B",), 1, 0, 2000))
    return traffic


async def test_what_was_taken_without_an_answer_counts_as_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traffic = await handed(Door(Unknown(), False), monkeypatch)
    assert 1 == len(traffic.tally.accepted) == traffic.tally.unknown == traffic.tally.again


async def test_a_refusal_behind_a_lost_answer_does_not_end_the_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traffic = await handed(Door(Unknown(), Turned("15"), True), monkeypatch)
    assert 1 == len(traffic.tally.accepted)
    refused = await handed(Door(Turned("15")), monkeypatch)
    assert ({"15": 1}, {}) == (refused.tally.refused, refused.tally.accepted)


async def test_what_nobody_answers_for_is_counted_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(*(Unknown() for _ in range(1000)))
    traffic = await handed(door, monkeypatch)
    assert {run.NO_ANSWER: 1} == traffic.tally.refused
    assert not traffic.tally.accepted
    assert door.asked > 100
