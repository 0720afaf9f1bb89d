"""A run of traffic: letters at instants drawn beforehand, each taken by all it was meant for."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from statistics import quantiles
from typing import Any, NamedTuple

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
NO_ANSWER = "no-answer"
"""what a letter is counted under that no door ever answered for: it may be in the books or not"""
_TRIES, _AGAIN_S = 300, 1.0
Copy = tuple[str, str]
"""(document id, recipient)"""
Noted = Callable[[Letter, str, bytes, str], None]
"""told of each letter that a door has accepted: itself, its document's id, its packet's SHA-256,
the door"""


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
    accepted: dict[Copy, bytes] = field(default_factory=dict)
    """SHA-256 of the packet, by copy"""
    taken: Counter[Copy] = field(default_factory=Counter)
    got: dict[Copy, bytes] = field(default_factory=dict)
    """SHA-256 of what the recipient took, by copy"""
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """of each hand-over until its answer, by door"""

    def missing(self) -> list[Copy]:
        """Return the copies that were accepted and not taken."""
        return sorted(self.accepted - self.taken.keys())

    def twice(self) -> list[Copy]:
        """Return the copies that were handed to their recipient more than once."""
        return [copy for copy, times in self.taken.items() if times > 1]

    def altered(self) -> list[Copy]:
        """Return the copies that came with another content than was handed over."""
        return [
            copy
            for copy, digest in self.got.items()
            if copy in self.accepted and self.accepted[copy] != digest
        ]

    def is_kept(self) -> bool:
        """Tell whether every copy that a door accepted was taken, once, as it was."""
        return not (self.missing() or self.twice() or self.altered())

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
            "altered": self.altered(),
        }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else list(seconds) * 99
    return {"p50": round(cuts[49] * 1000, 1), "p99": round(cuts[98] * 1000, 1)}


class Shown(NamedTuple):
    """What organs show at the doors: a key and the secret of a pair each."""

    keys: dict[str, str]
    secrets: dict[str, str]
    ids: list[str]
    """of the credentials"""


async def issue(
    shown: Shown, tables: CredentialTables, organs: Sequence[str], seconds: float
) -> None:
    """Issue a key and a pair for each organ, valid for an hour more than so many seconds."""
    until = datetime.now(UTC) + timedelta(seconds=seconds, hours=1)
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
        shown.ids.extend((key.credential_id, pair.credential_id))
        shown.keys[organ], shown.secrets[organ] = key.secret, pair.secret


@asynccontextmanager
async def credentials(
    connection: Connection, settings: Settings, organs: Sequence[str], seconds: float
) -> AsyncIterator[Shown]:
    """Issue what organs show at the doors, and revoke it at the end.

    A run that is killed leaves it behind, valid for an hour more than it was to last.
    """
    shown, tables = Shown({}, {}, []), CredentialTables(connection, Seal(settings.seal_key))
    try:
        await issue(shown, tables, organs, seconds)
        yield shown
    finally:
        for credential in shown.ids:
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
    noted: Noted = lambda *_: None
    is_handing_over: bool = True

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
            self.is_handing_over = False
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
                tasks.create_task(self.deliver(letter)).add_done_callback(
                    lambda _task: free.release()
                )

    async def deliver(self, letter: Letter) -> None:
        """Hand a letter over as often as its sender does; what has no answer, until it has one."""
        packet = await asyncio.to_thread(packet_of, letter, self.name)
        for time_ in range(letter.times):
            try:
                new = await self._answered(letter.sender, packet)
            except Turned as no:
                self.tally.refused[no.code] += 1
                return
            self.tally.again += bool(time_ or not new)
            if not time_:
                self._accepted(letter, packet)

    def _accepted(self, letter: Letter, packet: bytes) -> None:
        door, of = self.doors[letter.sender], document_id(letter, self.name)
        digest = sha256(packet).digest()
        self.tally.letters[door] += 1
        self.tally.content_bytes += letter.size
        self.tally.accepted |= {(of, recipient): digest for recipient in letter.recipients}
        self.noted(letter, of, digest, door)

    async def _answered(self, sender: str, packet: bytes) -> bool:
        """Hand over until there is an answer; what is refused then may have been taken before."""
        begin, door, lost = time.monotonic(), self.doors[sender], 0
        while True:
            try:
                new = await self.agencies[sender].hand_over(packet)
            except (Unknown, Turned) as no:
                if isinstance(no, Turned) and not lost:
                    raise
                self.tally.unknown += 1
                lost += 1
                if lost == _TRIES:
                    raise Turned(NO_ANSWER) from no
                await asyncio.sleep(_AGAIN_S)
            else:
                self.tally.seconds.setdefault(door, []).append(time.monotonic() - begin)
                return new

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.plan.settle_s):
                while self.tally.missing():
                    self.moved.clear()
                    await self.moved.wait()

    def _took(self, organ: str, document: str, packet: bytes) -> None:
        if document.endswith(f"/{notation(self.name)}"):
            self.tally.taken[document, organ] += 1
            self.tally.got[document, organ] = sha256(packet).digest()
            self.moved.set()

    def _reported(self, code: str) -> None:
        self.tally.statuses[code or "none"] += 1
