"""Service time and horizons, step by step, against models that keep everything.

Service time: ticks of several paths, shards and writers, with clocks that stop, jump and step back,
against the oracle's reckoning over the whole log. Horizon: a feed that grows while it is fetched
and done, against the list of all that was appended.
"""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hoatoc.domain.event import Tick
from hoatoc.domain.horizon import Horizon
from hoatoc.domain.service_time import PartitionClock, advance
from hoatoc.domain.walk import Entry
from hoatoc.testing.oracle_time import moments
from hoatoc.testing.profile import DOMAIN

BEGIN_MS, GAP_MS = 1_760_000_000_000, 5_000
STEPS = st.sampled_from([1_000, 1_000, 999, 1, 0, GAP_MS, GAP_MS + 1, -1_000, 60_000, -3_600_000])


class ServiceTime(RuleBasedStateMachine):
    """A partition that gets ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = PartitionClock()
        self.log: list[Entry] = []
        self.append_ms = BEGIN_MS
        self.clocks = {"a": BEGIN_MS, "b": BEGIN_MS + 3_600_000}
        self.paths = ["intake"]
        self.version = 0

    @rule(
        step=STEPS,
        clocked=STEPS,
        writer=st.sampled_from("ab"),
        path=st.sampled_from(["intake", "gateway"]),
        place=st.sampled_from([(0, 1), (0, 2), (1, 2)]),
    )
    def tick(self, step: int, clocked: int, writer: str, path: str, place: tuple[int, int]) -> None:
        self.append_ms += step
        self.clocks[writer] += clocked
        tick = Tick(
            event_id=UUID(int=len(self.log)),
            path=path,
            shard=place[0],
            shards=place[1],
            paths=self.paths,
            writer=writer,
            clock_ms=self.clocks[writer],
            max_gap_ms=GAP_MS,
            calendar_version=self.version,
        )
        self.log.append(Entry(len(self.log), self.append_ms, tick))
        self.clock = advance(self.clock, tick, self.append_ms)

    @rule(count=st.integers(2, 6))
    def serve(self, count: int) -> None:
        """Let one writer tick as it should."""
        for _ in range(count):
            self.tick(1_000, 1_000, "a", "intake", (0, 1))

    @rule(both=st.booleans())
    def put_in_force(self, both: bool) -> None:
        self.paths = ["gateway", "intake"] if both else ["intake"]

    @rule(by=st.integers(-1, 1))
    def adopt(self, by: int) -> None:
        self.version = max(self.version + by, 0)

    @invariant()
    def is_what_the_oracle_says(self) -> None:
        if self.log:
            last = moments(self.log)[-1]
            assert (last.service_ms, last.lost_ms) == (self.clock.service_ms, self.clock.lost_ms)
            assert max(last.version, 1) == max(self.clock.calendar_version, 1)


class Feed(RuleBasedStateMachine):
    """A feed that is appended to, fetched, looked at and done; fetches bear stamps of any clock."""

    def __init__(self) -> None:
        super().__init__()
        self.horizon = Horizon()
        self.now = 0
        self.appended: list[int] = []
        self.stamp, self.end = 0, 0
        self.looks: list[tuple[int, int]] = []
        self.seen: list[tuple[int, int]] = []
        self.done = 0

    @rule(records=st.integers(0, 3))
    def append(self, records: int) -> None:
        self.now += 1
        self.appended += [self.now] * records

    @rule(step=st.integers(-2, 2))
    def fetch(self, step: int) -> None:
        self.now += 1
        self.stamp, self.end = self.stamp + step, len(self.appended)

    @rule()
    def look(self) -> None:
        self.now += 1
        if self.looks and self.looks[-1][1] != self.stamp:
            self.seen.append((self.looks[-1][0], self.end))
        self.looks.append((self.now, self.stamp))
        self.horizon.look(self.now, self.stamp, self.end)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Say that all before an offset is done; it may have been said before."""
        upto = data.draw(st.integers(0, len(self.appended)))
        self.done = max(self.done, upto)
        self.horizon.done(upto)

    @invariant()
    def lies_at_the_look_before_the_last_fetch_of_which_all_is_done(self) -> None:
        known = [at for at, end in self.seen if end <= self.done]
        assert (max(known) if known else None) == self.horizon.instant_ms

    @invariant()
    def nothing_older_waits(self) -> None:
        if self.horizon.instant_ms is not None:
            assert all(at > self.horizon.instant_ms for at in self.appended[self.done :])


ServiceTime.TestCase.settings = DOMAIN
Feed.TestCase.settings = DOMAIN
TestServiceTime = ServiceTime.TestCase
TestFeed = Feed.TestCase
