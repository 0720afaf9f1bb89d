"""The world of a run: the deployment, those who load it, and what a fault needs of them."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.chaos.actor import Actor, end
from tests.chaos.deployment import Deployment
from tests.chaos.receiver import Receiver


class Outcome(NamedTuple):
    """What came of a fault: whether it was seen to be really there, and by what."""

    applied: bool
    detail: str


@dataclass(slots=True)
class Organs:
    """Processes of agencies, each of some organs; one that was killed begins anew."""

    servers: str
    seed: int
    late_s: float
    burst_s: float
    folder: Path
    groups: Sequence[Sequence[str]]
    silent: int
    """the group that takes and says nothing: its organs answer by other doors"""
    actors: dict[int, Actor] = field(default_factory=dict)
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self, group: int) -> None:
        """Start the agencies of a group."""
        log = (self.folder / "logs" / f"organs-{group}.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hoatoc.testing.agency"),
            *("--servers", self.servers, "--seed", str(self.seed)),
            *("--late-s", str(self.late_s), "--burst-s", str(self.burst_s)),
            *("--record", str(self.folder / "record" / f"organs-{group}.jsonl")),
            *(("--silent",) if group == self.silent else ()),
            *self.groups[group],
            stdin=PIPE,
            stdout=PIPE,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        async with self.counting:
            self.actors[group] = Actor(f"organs-{group}", process, Path(log.name))

    async def kill(self, group: int) -> None:
        """Kill the agencies of a group by SIGKILL."""
        async with self.counting:  # not while it answers
            process = self.actors.pop(group).process
            process.kill()
            await process.wait()

    async def count(self) -> dict[str, int]:
        """Return the counts of all together."""
        total: dict[str, int] = defaultdict(int)
        async with self.counting:
            for each in self.actors.values():
                for name, number in (await each.ask()).items():
                    total[name] += number
        return dict(total)

    async def stop(self) -> None:
        """End all."""
        await asyncio.gather(*(end(each.process) for each in self.actors.values()))


@dataclass(slots=True)
class World:
    """Everything that a fault may touch."""

    running: Deployment
    senders: Actor
    agencies: Actor
    organs: Organs
    receiver: Receiver
    codes: Sequence[str]
    chance: random.Random
    burst: int
    """copies of a burst of deadlines"""
    held: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """one fault of a process at a time, for each part"""
