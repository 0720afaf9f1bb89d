"""The suite of crashes: whatever is killed, the accepted are the published, by their ids.

One suite for every door and every publisher (`hoatoc.testing.handing`): each is struck before and
after each of its messages and statements. What is accepted through a crash is accepted once, and
all that is published is what was accepted.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from hoatoc.testing.crash import MOMENTS, REACHES, Act, Blow, Moment, Run, Went, Work, every_crash
from hoatoc.testing.handing import Carried, Handing, Publishing

WENT = {
    Blow.KILLED: {Went.KILLED},
    Blow.CLOSED: {Went.DONE},  # the client of the broker connects anew and goes on
    Blow.ENDED: {Went.FAILED, Went.DONE},  # the program ends; or it has had its last answer
}
Eventually = Callable[..., Awaitable[object]]


class Disproved(AssertionError):
    """The suite found something that may not be."""


def require(holds: bool, what: object) -> None:
    """Raise Disproved unless something holds."""
    if not holds:
        raise Disproved(what)


def require_struck(runs: Sequence[Run], steps: Collection[str], blow: Blow) -> None:
    """Require that the blows fell: a suite whose blows did not has proved nothing.

    Due is what each run that was spared did: a request that a busy broker had repeated is not.
    """
    falls = {(r.struck.at.asks, r.struck.moment) for r in runs if r.struck}
    spared = [run for run in runs if not run.struck] or list(runs[:1])
    due = set.intersection(
        *({step.asks for step in run.steps if step.store in REACHES[blow]} for run in spared)
    )
    require(bool(due), f"nothing to strike in {runs[0]}")
    missing = {(asks, moment) for asks in due for moment in MOMENTS[blow]} - falls
    require(not missing, f"not struck: {missing}")
    require(blow is not Blow.KILLED or due >= set(steps), f"{set(steps) - due} are no steps")
    wrong = [run for run in runs if run.struck and run.went not in WENT[blow]]
    require(not wrong, wrong)
    require({Went.DONE} == {run.went for run in runs if not run.struck}, runs[0])


def require_once(stands: Collection[Carried]) -> None:
    """Require that nothing stands twice."""
    twice = [one for one, times in Counter(stands).items() if times > 1]
    require(not twice, f"twice: {twice}")


@dataclass(slots=True)
class Hand:
    """One hand-over after another, and what stood of its document before each."""

    over: Handing
    document: str = ""
    stood: set[str] = field(default_factory=set)

    async def work(self) -> Work:
        """Make the next hand-over ready."""
        self.document = await self.over.prepare()
        self.stood = await self.acts()
        return self.over.work(self.document)

    async def acts(self) -> set[str]:
        """Return the acts of the document that stand."""
        return {one.act for one in await self.over.accepted() if one.document == self.document}

    async def is_accepted(self) -> bool:
        """Tell whether the hand-over stands."""
        return await self.acts() > self.stood

    async def require_decided(self, run: Run, eventually: Eventually) -> None:
        """Require that the step which decides, and none before it, has accepted the document."""
        require(run.struck is not None, run)
        after = run.struck is not None and run.struck.moment is Moment.AFTER
        left = run.steps if after else run.steps[:-1]
        if self.over.decides in {step.asks for step in left}:
            await eventually(self.is_accepted, within_s=10, what=f"{run}: acceptance")
        else:
            require(not await self.is_accepted(), run)


async def hand_over_through_crashes(
    handing: Handing, publishing: Publishing, blow: Blow, end_sessions: Act, eventually: Eventually
) -> None:
    """Hand documents over through every crash of a kind; raises Disproved."""
    hand, runs = Hand(handing), list[Run]()
    async for run in every_crash(hand.work, blow, end_sessions):
        runs.append(run)
        if run.went is Went.KILLED:
            await hand.require_decided(run, eventually)
        told = await handing.again(hand.document)
        stands = await hand.acts() - hand.stood
        require({told} == stands, f"{run}: {told} was told, {stands} stand")
        require_once(await handing.accepted())
    require_struck(runs, handing.steps, blow)
    await publishing.again()
    accepted, published = set(await handing.accepted()), set(await publishing.published())
    require(accepted == published, f"accepted and published differ in {accepted ^ published}")


async def publish_through_crashes(publishing: Publishing, blow: Blow, end_sessions: Act) -> None:
    """Publish through every crash of a kind; raises Disproved."""

    async def work() -> Work:
        await publishing.prepare()
        return publishing.work()

    runs = []
    async for run in every_crash(work, blow, end_sessions):
        runs.append(run)
        await _require_right(publishing, run)
        await publishing.again()
        waiting = await publishing.waiting()
        require(waiting == 0, f"{run}: {waiting} wait")
        accepted = await publishing.accepted()
        require_once(accepted)
        differ = set(accepted) ^ set(await publishing.published())
        require(not differ, f"{run}: accepted and published differ in {differ}")
        await _require_right(publishing, run)
    require_struck(runs, publishing.steps, blow)


async def _require_right(publishing: Publishing, run: Run) -> None:
    wrong = await publishing.wrong()
    require(not wrong, f"{run}: {wrong}")
