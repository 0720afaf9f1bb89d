"""Crash-consistency of the outbox: after kill -9 at any step the accepted are the published, by id.

One suite for every door and every publisher (`hoatoc.testing.handing`): each is struck before and
after each of its messages to the database and the broker. Its first users are the PostgreSQL
outbox, the two doors before it and the relay behind it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from hoatoc.testing.crash import (
    MOMENTS,
    REACHES,
    Act,
    Blow,
    Moment,
    Run,
    Went,
    Work,
    every_crash,
)
from hoatoc.testing.handing import Carried, Handing, Publishing
from hoatoc.testing.killed_door import (
    MARK,
    CommandLine,
    KafkaDoor,
    Replacing,
    SendingAgain,
    Take,
)
from hoatoc.testing.killed_relay import Log, Publish, Relayed, log_of
from hoatoc.testing.line import Line, NewLine, eventually

pytestmark = pytest.mark.timeout(300)


@dataclass(slots=True)
class Place:
    """A line, its log, and what is open beside the processes that are killed."""

    line: Line
    log: Log
    taking: Act
    relaying: Act

    async def end_sessions(self) -> None:
        await self.line.database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ="
            f" '{MARK}' AND datname = current_database()"
        )


@pytest_asyncio.fixture(scope="module")
async def place(new_line: NewLine) -> AsyncIterator[Place]:
    async with (
        new_line() as line,
        log_of(line.settings) as log,
        Take(line.settings).open() as taking,
        Publish(line.settings).open() as relaying,
    ):
        yield Place(line, log, taking, relaying)


HANDINGS: dict[str, Callable[[Place], Handing]] = {
    "send": lambda place: CommandLine(place.line),
    "replace": lambda place: Replacing(place.line),
    "resend": lambda place: SendingAgain(place.line),
    "kafka": lambda place: KafkaDoor(place.line, taking=place.taking),
}
WITHOUT_BROKER = {"send", "replace", "resend"}
"""Doors that write to no broker: no connection of theirs to it can be closed."""
CASES = [
    (name, blow)
    for name in HANDINGS
    for blow in Blow
    if not (blow is Blow.CLOSED and name in WITHOUT_BROKER)
]


@pytest.fixture
def publishing(place: Place) -> Publishing:
    return Relayed(place.line, place.log, place.relaying)


def assert_struck(runs: Sequence[Run], steps: Collection[str], blow: Blow) -> None:
    """A suite whose blows did not fall has proved nothing."""
    falls = {(r.struck.at.asks, r.struck.moment) for r in runs if r.struck}
    due = {step.asks for step in runs[0].steps if step.store in REACHES[blow]}
    assert due
    assert {(asks, moment) for asks in due for moment in MOMENTS[blow]} <= falls
    assert blow is not Blow.KILLED or due >= set(steps)
    assert [] == [run for run in runs if run.struck and run.went not in WENT[blow]]
    assert {Went.DONE} == {run.went for run in runs if not run.struck}


WENT = {
    Blow.KILLED: {Went.KILLED},
    Blow.CLOSED: {Went.DONE},  # the client of the broker connects anew and goes on
    Blow.ENDED: {Went.FAILED, Went.DONE},  # the program ends; or it has had its last answer
}


def assert_once(stands: Collection[Carried]) -> None:
    assert [] == [one for one, times in Counter(stands).items() if times > 1]


@dataclass(slots=True)
class Hand:
    """One hand-over after another, and what stood of its document before each."""

    over: Handing
    document: str = ""
    stood: set[str] = field(default_factory=set)

    async def work(self) -> Work:
        self.document = await self.over.prepare()
        self.stood = await self.acts()
        return self.over.work(self.document)

    async def acts(self) -> set[str]:
        return {one.act for one in await self.over.accepted() if one.document == self.document}

    async def is_accepted(self) -> bool:
        return await self.acts() > self.stood


@pytest.mark.parametrize(("name", "blow"), CASES)
async def test_what_is_handed_over_through_a_crash_is_accepted_once(
    publishing: Publishing, place: Place, name: str, blow: Blow
) -> None:
    handing = HANDINGS[name](place)
    hand, runs = Hand(handing), list[Run]()
    async for run in every_crash(hand.work, blow, place.end_sessions):
        runs.append(run)
        if run.went is Went.KILLED:
            await assert_decided(hand, run)
        told = await handing.again(hand.document)
        assert {told} == await hand.acts() - hand.stood, run
        assert_once(await handing.accepted())
    assert_struck(runs, handing.steps, blow)
    await publishing.again()
    assert set(await handing.accepted()) == set(await publishing.published())


async def assert_decided(hand: Hand, run: Run) -> None:
    """What is killed before the step that decides has accepted nothing; behind it, everything."""
    assert run.struck is not None
    left = run.steps if run.struck.moment is Moment.AFTER else run.steps[:-1]
    if hand.over.decides in {step.asks for step in left}:
        await eventually(hand.is_accepted, within_s=10, what=f"{run}: acceptance")
    else:
        assert not await hand.is_accepted(), run


@pytest.mark.parametrize("blow", Blow)
async def test_what_is_published_through_a_crash_is_what_was_accepted(
    publishing: Publishing, place: Place, blow: Blow
) -> None:
    async def work() -> Work:
        await publishing.prepare()
        return publishing.work()

    runs = []
    async for run in every_crash(work, blow, place.end_sessions):
        runs.append(run)
        assert [] == await publishing.wrong(), run
        await publishing.again()
        assert 0 == await publishing.waiting(), run
        accepted = await publishing.accepted()
        assert_once(accepted)
        assert set(accepted) == set(await publishing.published()), run
        assert [] == await publishing.wrong(), run
    assert_struck(runs, publishing.steps, blow)
