"""A run of traffic: letters at instants drawn beforehand, each taken by all it was meant for."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import quantiles
from typing import Any

from hoatoc.config import Settings
from hoatoc.domain.access import Role
from hoatoc.domain.identity import OrganCode
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.credential import CredentialTables, NewKey, NewPair, Terms
from hoatoc.seal import Seal
from hoatoc.traffic.agency import DOORS, Agency, Reach, Turned, Unknown, system_id
from hoatoc.traffic.habit import Habits, Letter
from hoatoc.traffic.packet import document_id, notation, packet_of

LARGEST_BY_KAFKA = 150_000
"""bytes of content: what goes as one record, its packet and the record around it"""
_TRIES, _AGAIN_S = 60, 1.0
Copy = tuple[str, str]
"""(document id, recipient)"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much traffic: letters a second for so many seconds, by agencies behind these doors."""

    agencies: int
    rate: float
    seconds: float
    seed: int
    doors: tuple[str, ...]
    scale: float = 1.0
    pace_s: float = 5.0
    settle_s: float = 60.0
    at_once: int = 16
    """hand-overs under way at most: what is due then waits, and is counted late"""


@dataclass(slots=True)
class Tally:
    """What has happened: of the letters, of their copies, of what was answered."""

    letters: Counter[str] = field(default_factory=Counter)
    """accepted, by door"""
    again: int = 0
    """hand-overs that came again and were known, or as new where a door does not tell"""
    refused: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    """answers that did not come; each was asked for again"""
    late: int = 0
    """letters handed over more than a second after their instant"""
    content_bytes: int = 0
    accepted: set[Copy] = field(default_factory=set)
    taken: Counter[Copy] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """of each hand-over until its answer, by door"""

    def missing(self) -> list[Copy]:
        """Return the copies that were accepted and not taken."""
        return sorted(self.accepted - self.taken.keys())

    def twice(self) -> list[Copy]:
        """Return the copies that were handed to their recipient more than once."""
        return [copy for copy, times in self.taken.items() if times > 1]

    def facts(self) -> dict[str, Any]:
        """Return all that is to be told, for machines."""
        return {
            "letters": dict(self.letters),
            "copies": len(self.accepted),
            "content_mb": round(self.content_bytes / 1e6, 1),
            "again": self.again,
            "refused": dict(self.refused),
            "unknown": self.unknown,
            "late": self.late,
            "taken": len(self.taken),
            "statuses": dict(self.statuses),
            "hand_over_ms": {door: _percentiles(some) for door, some in self.seconds.items()},
            "missing": self.missing(),
            "twice": self.twice(),
        }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else list(seconds) * 99
    return {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)}


@asynccontextmanager
async def credentials(
    connection: Connection, settings: Settings, organs: Sequence[str], seconds: float
) -> AsyncIterator[tuple[dict[str, str], dict[str, str]]]:
    """Issue a key and a pair for each organ, and revoke them at the end.

    A run that is killed leaves them behind, valid for an hour more than it was to last.
    """
    tables = CredentialTables(connection, Seal(settings.seal_key))
    until = datetime.now(UTC) + timedelta(seconds=seconds, hours=1)
    keys: dict[str, str] = {}
    secrets: dict[str, str] = {}
    issued: list[str] = []
    try:
        for organ in organs:
            terms = Terms(
                organ=OrganCode(organ),
                roles=frozenset((Role.SENDER, Role.RECIPIENT)),
                by="traffic",
                label="hoatoc traffic",
                valid_until=until,
            )
            key = await tables.issue(terms, NewKey())
            pair = await tables.issue(terms, NewPair(system_id(organ)))
            issued += [key.credential_id, pair.credential_id]
            keys[organ], secrets[organ] = key.secret, pair.secret
        yield keys, secrets
    finally:
        for credential in issued:
            await tables.revoke(credential, "the run is over", "traffic")


@dataclass(slots=True)
class Traffic:
    """One run; `name` tells its documents from those of every other, by their notation."""

    plan: Plan
    name: str
    tally: Tally = field(default_factory=Tally)
    agencies: dict[str, Agency] = field(default_factory=dict)
    doors: dict[str, str] = field(default_factory=dict)
    """door by organ"""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """a document was taken"""

    async def run(self, reach: Reach) -> Tally:
        """Play the plan at these doors, and wait until every copy is taken or the time is over."""
        chance, organs = Random(self.plan.seed), sorted(reach.keys)
        # The official client blocks: each agency may be in a call, and writing a letter too.
        threads = ThreadPoolExecutor(2 * len(organs) + self.plan.at_once)
        asyncio.get_running_loop().set_default_executor(threads)
        habits = Habits(chance, organs, self.plan.scale)
        async with AsyncExitStack() as stack:
            for at, organ in enumerate(organs):
                door = self.plan.doors[at % len(self.plan.doors)]
                own = Random(f"{self.plan.seed}/{organ}")
                agency = Agency(organ, reach, own, self.plan.pace_s, self._took, self._reported)
                await stack.enter_async_context(DOORS[door](agency))
                self.agencies[organ], self.doors[organ] = agency, door
            await self._hand_over(habits, chance)
            await self._settle()
        return self.tally

    async def _hand_over(self, habits: Habits, chance: Random) -> None:
        loop, free = asyncio.get_running_loop(), asyncio.Semaphore(self.plan.at_once)
        begin = due = loop.time()
        async with asyncio.TaskGroup() as tasks:
            while (due := due + chance.expovariate(self.plan.rate)) < begin + self.plan.seconds:
                letter = habits.letter()
                if self.doors[letter.sender] == "kafka":
                    letter = replace(letter, size=min(letter.size, LARGEST_BY_KAFKA))
                await asyncio.sleep(due - loop.time())
                await free.acquire()
                self.tally.late += loop.time() > due + 1
                tasks.create_task(self._deliver(letter)).add_done_callback(
                    lambda _task: free.release()
                )

    async def _deliver(self, letter: Letter) -> None:
        """Hand a letter over as often as its sender does; what has no answer, until it has one."""
        packet = await asyncio.to_thread(packet_of, letter, self.name)
        for time_ in range(letter.times):
            try:
                new = await self._answered(letter.sender, packet)
            except Turned as no:
                self.tally.refused[no.code] += 1
                return
            if time_ or not new:
                self.tally.again += 1
                continue
            door = self.doors[letter.sender]
            self.tally.letters[door] += 1
            self.tally.content_bytes += letter.size
            of = document_id(letter, self.name)
            self.tally.accepted |= {(of, recipient) for recipient in letter.recipients}

    async def _answered(self, sender: str, packet: bytes) -> bool:
        begin, door = time.monotonic(), self.doors[sender]
        for left in reversed(range(_TRIES)):
            try:
                new = await self.agencies[sender].hand_over(packet)
            except Unknown:
                self.tally.unknown += 1
                if not left:
                    raise
                await asyncio.sleep(_AGAIN_S)
            else:
                self.tally.seconds.setdefault(door, []).append(time.monotonic() - begin)
                return new
        raise AssertionError  # the last try returns or raises

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.plan.settle_s):
                while self.tally.missing():
                    self.moved.clear()
                    await self.moved.wait()

    def _took(self, organ: str, document: str) -> None:
        if document.endswith(f"/{notation(self.name)}"):
            self.tally.taken[document, organ] += 1
            self.moved.set()

    def _reported(self, code: str) -> None:
        self.tally.statuses[code or "none"] += 1
