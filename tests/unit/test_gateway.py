"""What the gateway decides by itself: ranges, cursors, names of problems, lanes, paths in force."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from hoatoc.config import Settings
from hoatoc.domain.access import AccessDenied, Action, Denial, Unauthenticated
from hoatoc.domain.error import OurFault, PeerFault, Unavailable, name_of
from hoatoc.embedded.stack import PARTS, paths_of
from hoatoc.kafka.client import BrokerAway
from hoatoc.postgres.earlier import DocumentConflict
from producers.gateway.crowd import Crowd
from producers.gateway.delivery import range_of
from producers.gateway.incoming import offset_of
from producers.gateway.lane import Lane, Lanes
from producers.gateway.problem import document_of, status_of
from producers.gateway.refusal import CursorInvalid, LaneFull, ManyAtOnce, RangeUnsatisfiable


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-999", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-999", (0, 100)),
        ("bytes = 0 - 0", (0, 1)),
        ("bytes=0-1,5-6", None),
        ("bytes=9-0", None),
        ("bytes=-", None),
        ("items=0-9", None),
        ("bytes=²-9", None),
        ("", None),
    ],
)
def test_one_range_of_bytes_is_given_and_anything_else_passed_over(
    wanted: str, part: tuple[int, int] | None
) -> None:
    assert part == range_of(wanted, 100)


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_that_is_not_there_is_refused(wanted: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        range_of(wanted, 100)


@pytest.mark.parametrize(("cursor", "offset"), [(None, None), ("", None), ("0", 0), ("12", 12)])
def test_a_cursor_stands_for_an_offset(cursor: str | None, offset: int | None) -> None:
    assert offset == offset_of(cursor)


@pytest.mark.parametrize("cursor", ["x", "-1", " 1", "1.0", "٣", "9" * 19, "9" * 400])
def test_what_was_not_given_out_is_no_cursor(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        offset_of(cursor)


def every(kind: type[BaseException]) -> list[type[BaseException]]:
    return [each for sub in kind.__subclasses__() for each in (sub, *every(sub))]


def test_every_error_has_a_name_of_its_own_for_machines() -> None:
    assert ("document-conflict", "not-xml") == (
        name_of(DocumentConflict),
        name_of(type("NotXml", (), {})),
    )
    named = {name_of(kind) for kind in (*every(PeerFault), *every(OurFault))}
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in named)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessDenied(Denial.ROLE, Action.HAND_OVER, "G01"), 403),
        (DocumentConflict("both"), 409),
        (LaneFull("normal"), 429),
        (ManyAtOnce(1), 429),
        (BrokerAway("away"), 503),
        (Unavailable("away"), 503),
        (PeerFault("x"), 422),
        (OurFault("x"), 500),
    ],
)
def test_an_error_is_answered_by_the_status_that_it_means(error: OurFault, status: int) -> None:
    assert status == status_of(error)
    assert (status, str(error)) == (document_of(error)["status"], document_of(error)["detail"])


def test_who_does_not_say_who_it_is_is_asked() -> None:
    assert 401 == status_of(Unauthenticated.__new__(Unauthenticated))


@dataclass
class Held:
    """Somebody in a lane, until told to leave."""

    lane: Lane
    organ: str

    def __post_init__(self) -> None:
        self.inside, self.leave = asyncio.Event(), asyncio.Event()

    async def stay(self) -> None:
        async with self.lane.entered(self.organ):
            self.inside.set()
            await self.leave.wait()


async def test_a_lane_lets_so_many_work_as_many_wait_and_sends_the_next_away() -> None:
    held = [Held(Lane("normal", 1), "A")]
    held.append(Held(held[0].lane, "B"))
    tasks = [asyncio.create_task(each.stay()) for each in held]
    await held[0].inside.wait()
    with pytest.raises(LaneFull):
        async with held[0].lane.entered("C"):
            pass
    assert not held[1].inside.is_set()
    held[0].leave.set()
    await held[1].inside.wait()
    held[1].leave.set()
    await asyncio.gather(*tasks)
    async with held[0].lane.entered("C"):
        pass


async def test_one_organ_has_half_of_a_lane_and_shuts_nobody_out() -> None:
    lane = Lane("normal", 2)
    held = [Held(lane, "A"), Held(lane, "A")]
    tasks = [asyncio.create_task(each.stay()) for each in held]
    await held[0].inside.wait()
    with pytest.raises(ManyAtOnce):
        async with lane.entered("A"):
            pass
    async with lane.entered("B"):
        assert not held[1].inside.is_set()
    held[0].leave.set()
    await held[1].inside.wait()
    held[1].leave.set()
    await asyncio.gather(*tasks)
    async with lane.entered("A"):
        pass


def test_one_organ_has_a_quarter_of_the_crowd_and_gives_it_back() -> None:
    crowd, scopes = Crowd(8), [dict[str, Any]() for _ in range(3)]
    with crowd.entered(scopes[0]):
        crowd.admit(scopes[0], "A")
        crowd.admit(scopes[0], "A")  # a stream that is asked again
        with crowd.entered(scopes[1]), crowd.entered(scopes[2]):
            crowd.admit(scopes[1], "A")
            with pytest.raises(ManyAtOnce):
                crowd.admit(scopes[2], "A")
            crowd.admit(scopes[2], "B")
        with crowd.entered(scopes[1]):
            crowd.admit(scopes[1], "A")
    assert not crowd.is_full


def test_urgent_documents_have_a_lane_of_their_own() -> None:
    lanes = Lanes(1, 1)
    assert lanes.of(0) is not lanes.of(1)
    assert len({id(lanes.of(priority)) for priority in (1, 2, 3, 4)}) == 1


@pytest.mark.parametrize(
    ("settings", "programs", "paths"),
    [
        (Settings(), PARTS, "gateway,intake"),
        (Settings(), ("database", "broker", "intake", "ledger"), "intake"),
        (Settings(), ("database", "broker"), "gateway,intake"),
        (Settings(paths="intake"), PARTS, "intake"),
    ],
)
def test_the_paths_in_force_are_those_that_are_set_else_those_that_are_started(
    settings: Settings, programs: tuple[str, ...], paths: str
) -> None:
    assert paths == paths_of(settings, programs)
