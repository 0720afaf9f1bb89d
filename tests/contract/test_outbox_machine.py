"""Hand-overs, outbox and recalls: PostgreSQL and memory do the same, whatever is done to them.

Two doors and two relays act in any order, claims run out, copies are asked back at any time. Ids
are drawn by each side for itself, so a dispatch goes by its document's number here.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hoatoc.admission import Admitted
from hoatoc.config import Settings
from hoatoc.domain.policy import Policy
from hoatoc.domain.registry import Registry
from hoatoc.domain.sending import Form
from hoatoc.ports import Aged, Asking, Claimed, ClaimedRecall
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables
from hoatoc.prepare import first_registry
from hoatoc.testing.agency import letter
from hoatoc.testing.handover import MemoryHandovers
from hoatoc.testing.killed_door import door
from hoatoc.testing.outbox import MemoryOutbox, MemoryRecalls
from hoatoc.testing.profile import BOUNDED
from hoatoc.testing.twin import Twins

ORGANS = [organ.code for organ in first_registry()[:4]]
A, B, C, D = ORGANS
RECIPIENTS = {1: (B, C), 2: (B,), 3: (C, D), 4: (D,)}
PRIORITIES = {1: 0, 2: 4, 3: 0, 4: 2}
LEASE_S, STEP_S = 150, 100
NUMBERS = st.sampled_from(sorted(RECIPIENTS))
SOME = st.sets(NUMBERS)
SIDES = st.integers(0, 1)
TABLES = ("recall_recipient", "recall", "outbox", "handover_recipient", "handover")
ADMISSION = door(Settings(), "cli").admission
REGISTRY = Registry(first_registry())


def admitted(number: int, content: bytes) -> Admitted:
    packet = letter(A, RECIPIENTS[number], str(number), content, PRIORITIES[number])
    return ADMISSION.admit(packet, REGISTRY, date(2021, 3, 2))


ADMITTED = {(n, c): admitted(n, c) for n in RECIPIENTS for c in (b"one", b"other")}


class Each(NamedTuple):
    """An argument of which each side has its own."""

    real: Any
    fake: Any


class Outboxes(RuleBasedStateMachine):
    """Two doors and two relays."""

    dsn: str
    policy: Policy = ADMISSION.policy

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(TABLES)
        self.drawn = 0
        self.ids: list[dict[int, UUID]] = [{}, {}]
        self.recalls: list[dict[UUID, UUID]] = [{}, {}]
        """recall → dispatch, on each side"""

    def teardown(self) -> None:
        self.twins.close()

    def draw(self, size: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size, "big")

    def both(self, at: int, port: str, method: str, *arguments: Any) -> list[Any]:
        """Do one thing on both sides."""
        outcomes = []
        for side, tables in enumerate(self._ports(at, port)):
            own = [a[side] if isinstance(a, Each) else a for a in arguments]
            try:
                outcomes.append(self.twins.run(getattr(tables, method)(*own)))
            except DocumentConflict:
                outcomes.append(DocumentConflict)
        return outcomes

    def _ports(self, at: int, port: str) -> Sequence[Any]:
        real, fake = self.twins.real[at], self.twins.fake[at]
        return {
            "handovers": (HandoverTables(real), MemoryHandovers(fake, self.draw)),
            "outbox": (OutboxTables(real), MemoryOutbox(fake)),
            "recalls": (RecallTables(real), MemoryRecalls(fake)),
        }[port]

    def named(self, numbers: Collection[int]) -> Each:
        return Each(*([ids[n] for n in sorted(numbers) if n in ids] for ids in self.ids))

    @rule(at=SIDES, number=NUMBERS, content=st.sampled_from([b"one", b"one", b"other"]))
    def hand_over(self, at: int, number: int, content: bytes) -> None:
        done = self.both(
            at, "handovers", "hand_over", ADMITTED[number, content], self.policy, "cli"
        )
        if DocumentConflict in done:
            assert [DocumentConflict] * 2 == done
            return
        real, fake = done
        assert (real.new, real.recipients) == (fake.new, fake.recipients)
        for ids, handed in zip(self.ids, done, strict=True):
            assert handed.new == (number not in ids)
            assert handed.sent_as == ids.setdefault(number, handed.sent_as)

    @rule(at=SIDES, number=NUMBERS, recipients=st.sets(st.sampled_from(ORGANS), min_size=1))
    def ask_back(self, at: int, number: int, recipients: set[str]) -> None:
        if number not in self.ids[0] or not recipients & set(RECIPIENTS[number]):
            return
        asked = []
        asking = Asking(form=Form.STATUS_13, reason="nhầm", requested_by=A, packet=b"<edXML/>")
        for side, tables in enumerate(self._ports(at, "handovers")):
            copies = self.twins.run(tables.copies(self.ids[side][number]))
            mine = [copy for copy in copies if copy.recipient in recipients]
            (recalled,) = self.twins.run(tables.ask_back(mine, asking))
            asked.append(recalled)
            if recalled.recall_id is not None:
                self.recalls[side][recalled.recall_id] = recalled.dispatch_id
        real, fake = asked
        assert (real.recall_id is None) == (fake.recall_id is None)
        assert (real.asked, real.again, real.unsent) == (fake.asked, fake.again, fake.unsent)

    @rule(at=SIDES, limit=st.integers(1, 3), flying=SOME)
    def claim(self, at: int, limit: int, flying: set[int]) -> None:
        relay = f"relay-{at}"
        real, fake = self.both(at, "outbox", "claim", relay, LEASE_S, self.named(flying), limit)
        assert [said(0, self, row) for row in real] == [said(1, self, row) for row in fake]

    @rule(at=SIDES, numbers=SOME)
    def mark_sent(self, at: int, numbers: set[int]) -> None:
        sent = Each(*([(of, 0, 7) for of in side] for side in self.named(numbers)))
        self.both(at, "outbox", "mark_sent", sent)

    @rule(at=SIDES, limit=st.integers(1, 3))
    def claim_recalls(self, at: int, limit: int) -> None:
        real, fake = self.both(at, "recalls", "claim", f"relay-{at}", LEASE_S, (), limit)
        assert [said(0, self, row) for row in real] == [said(1, self, row) for row in fake]

    @rule(at=SIDES, numbers=SOME)
    def mark_recalls_sent(self, at: int, numbers: set[int]) -> None:
        of = [
            sorted(r for r, d in recalls.items() if number_of(ids, d) in numbers)
            for recalls, ids in zip(self.recalls, self.ids, strict=True)
        ]
        self.both(at, "recalls", "mark_sent", Each(*of))

    @rule(at=SIDES, port=st.sampled_from(["outbox", "recalls"]))
    def watch(self, at: int, port: str) -> None:
        for method, arguments in (("aged", (LEASE_S,)), ("aged_over", ())):
            real, fake = self.both(at, port, method, *arguments)
            assert sorted(old(0, self, r) for r in real) == sorted(old(1, self, r) for r in fake)

    @rule()
    def wait(self) -> None:
        self.twins.wait(STEP_S)

    @invariant()
    def the_same_waits(self) -> None:
        (real, real_s), (fake, fake_s) = self.both(0, "outbox", "waiting")
        assert real == fake
        assert abs(real_s - fake_s) < STEP_S / 3

    @invariant()
    def the_copies_stand_the_same(self) -> None:
        for number in self.ids[0]:
            real, fake = (
                [
                    (c.recipient, c.outbox, c.state, c.resent, c.recall_id is not None)
                    for c in self.twins.run(tables.copies(self.ids[side][number]))
                ]
                for side, tables in enumerate(self._ports(0, "handovers"))
            )
            assert real == fake


def number_of(ids: dict[int, UUID], dispatch_id: UUID) -> int:
    return next(number for number, of in ids.items() if of == dispatch_id)


def said(side: int, machine: Outboxes, row: Claimed | ClaimedRecall) -> tuple[object, ...]:
    """Return what a claimed row says, but for ids and instants, which each side has its own."""
    own = ("dispatch_id", "recall_id", "handed_over_at", "requested_at")
    rest = {name: getattr(row, name) for name in type(row).__slots__ if name not in own}
    if isinstance(row, ClaimedRecall):
        assert machine.recalls[side][row.recall_id] == row.dispatch_id
    return (number_of(machine.ids[side], row.dispatch_id), *rest.items())


def old(side: int, machine: Outboxes, row: Aged) -> tuple[object, ...]:
    """Return what an aged row says, but for its ids and its instant."""
    known = {**machine.recalls[side], **{of: of for of in machine.ids[side].values()}}
    assert known[row.subject_id] == row.dispatch_id
    return (number_of(machine.ids[side], row.dispatch_id), *row[2:7])


@pytest.mark.timeout(200)
def test_postgresql_and_memory_carry_the_same(database_dsn: str) -> None:
    machine = type("OutboxesHere", (Outboxes,), {"dsn": database_dsn})
    run_state_machine_as_test(machine, settings=BOUNDED)
