"""Pages and announcements: PostgreSQL and memory do the same, whatever is done to them.

Two pagers claim pages, note what the receiver said even after their claim has run out, and take
alerts in any order and again; two programs announce, and the one that leads may die.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hoatoc.domain.deadline import Kind
from hoatoc.kafka.door_alert import door_alert
from hoatoc.ports import PageDue
from hoatoc.postgres.announcement import AnnouncementTables
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.page import PageTables
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.profile import BOUNDED
from hoatoc.testing.telling import MemoryAnnouncements, MemoryPages
from hoatoc.testing.twin import Twins

LEASE_S, STEP_S = 150, 100
SUBJECTS = st.integers(1, 2).map(lambda number: UUID(int=number))
VERSIONS = st.integers(1, 4)
SIDES = st.integers(0, 1)
ALL = 20
STATES = "SELECT subject_id, kind, version, state, attempts, last_error FROM page ORDER BY 1, 2, 3"


class Pages(RuleBasedStateMachine):
    """Two pagers."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(["page"])
        self.claimed: list[PageDue] = []

    def teardown(self) -> None:
        self.twins.close()

    def both(self, at: int, method: str, *arguments: Any) -> list[Any]:
        ports = PageTables(self.twins.real[at]), MemoryPages(self.twins.fake[at])
        return [self.twins.run(getattr(port, method)(*arguments)) for port in ports]

    @rule(at=SIDES, subject=SUBJECTS, kind=st.sampled_from(["arrive", "accept"]), version=VERSIONS)
    def take(self, at: int, subject: UUID, kind: str, version: int) -> None:
        self.both(at, "take", subject, kind, version, b"an alert")

    @rule(at=SIDES, limit=st.sampled_from([1, 2, ALL]))
    def claim(self, at: int, limit: int) -> None:
        real, fake = self.both(at, "claim", limit, LEASE_S)
        assert sorted(real) == sorted(fake)
        self.claimed += real

    @rule(at=SIDES, data=st.data())
    def deliver(self, at: int, data: st.DataObject) -> None:
        if self.claimed:
            self.both(at, "delivered", data.draw(st.sampled_from(self.claimed)))

    @rule(at=SIDES, data=st.data(), pause=st.sampled_from([0, STEP_S, 5 * STEP_S]))
    def fail(self, at: int, data: st.DataObject, pause: int) -> None:
        if self.claimed:
            page = data.draw(st.sampled_from(self.claimed))
            self.both(at, "failed", page, f"HTTP 503 at {pause}", pause)

    @rule()
    def wait(self) -> None:
        self.twins.wait(STEP_S)

    @invariant()
    def the_same_stands(self) -> None:
        rows = self.twins.run(self.twins.real[0].fetch(STATES))
        pages = self.twins.fake[0].database.tables.pages
        expected = [(*at, p.state, p.due.attempts, p.last_error) for at, p in sorted(pages.items())]
        assert [tuple(row) for row in rows] == expected
        real, fake = self.both(0, "pending")
        assert real == fake


class Announcements(RuleBasedStateMachine):
    """Two programs that announce."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(["announcement"])
        self.numbers = 0

    def teardown(self) -> None:
        self.twins.close()

    def both(self, at: int, method: str, *arguments: Any) -> list[Any]:
        ports = AnnouncementTables(self.twins.real[at]), MemoryAnnouncements(self.twins.fake[at])
        return [self.twins.run(getattr(port, method)(*arguments)) for port in ports]

    @rule(at=SIDES, count=st.integers(1, 3))
    def announce(self, at: int, count: int) -> None:
        records = []
        for _ in range(count):
            self.numbers += 1
            of = UUID(int=self.numbers)
            records.append(door_alert(Kind.UNSENT, of, f"G0{self.numbers}", "vì sao", 4))
        for tables in (LedgerTables(self.twins.real[at]), MemoryLedger(self.twins.fake[at])):
            self.twins.run(tables.announce(records))

    def next(self, at: int, limit: int) -> list[Sequence[Any]]:
        real, fake = self.both(at, "next", limit)
        assert [one[1:] for one in real] == [one[1:] for one in fake]
        return [[one[0] for one in real], [one[0] for one in fake]]

    @rule(at=SIDES, limit=st.integers(1, 5), refused=st.sets(st.integers(0, 4)))
    def tell(self, at: int, limit: int, refused: set[int]) -> None:
        ids = self.next(at, limit)
        real, fake = ([of for n, of in enumerate(s) if n not in refused] for s in ids)
        self.twins.run(AnnouncementTables(self.twins.real[at]).told(real))
        self.twins.run(MemoryAnnouncements(self.twins.fake[at]).told(fake))

    @rule(at=SIDES)
    def lead(self, at: int) -> None:
        real, fake = self.both(at, "lead")
        assert real == fake

    @rule(at=SIDES)
    def die(self, at: int) -> None:
        self.twins.reconnect(at)

    @invariant()
    def the_same_is_to_be_told(self) -> None:
        self.next(0, 1000)


@pytest.mark.timeout(200)
def test_postgresql_and_memory_page_the_same(database_dsn: str) -> None:
    machine = type("PagesHere", (Pages,), {"dsn": database_dsn})
    run_state_machine_as_test(machine, settings=BOUNDED)


@pytest.mark.timeout(200)
def test_postgresql_and_memory_announce_the_same(database_dsn: str) -> None:
    machine = type("AnnouncementsHere", (Announcements,), {"dsn": database_dsn})
    few = settings(BOUNDED, max_examples=10)  # a connection is opened often
    run_state_machine_as_test(machine, settings=few)
