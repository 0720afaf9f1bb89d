"""Acts of sending, in any order, on PostgreSQL against a list of all copies.

Documents are handed over as new, again, with another content under their number, replaced, updated,
recalled and sent again, while relay and books bring their copies from state to state. What each act
sends, asks back and refuses, the list says by searching itself.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hoatoc.admission import Admitted
from hoatoc.config import Settings
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.identity import OrganCode, delivery_id
from hoatoc.domain.packet import RECALL, REPLACEMENT, UPDATE, ReceiverChange, Replacement
from hoatoc.domain.registry import Registry
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import EarlierUnknown, HandedOver, HandoverTables, NotResent
from hoatoc.postgres.outbox import OutboxTables
from hoatoc.prepare import first_registry
from hoatoc.testing.agency import letter
from hoatoc.testing.killed_door import door
from hoatoc.testing.profile import BOUNDED
from hoatoc.testing.twin import Twins

A, B, C, D = (organ.code for organ in first_registry()[:4])
RECIPIENTS = {1: (B, C), 2: (B, C, D), 3: (D,)}
NUMBERS, ORGANS = st.sampled_from([1, 1, 2, 3]), st.sampled_from([B, C, D])
SOME = st.frozensets(ORGANS, min_size=1, max_size=2)
CONTENT = st.sampled_from([b"one", b"one", b"other"])
ADMISSION, REGISTRY = door(Settings(), "cli").admission, Registry(first_registry())
TABLES = ("recall_recipient", "recall", "outbox", "handover_recipient", "handover", "delivery")
FACTS = {
    "published": "published",
    "receive-failed": "fail",
    "parked": "send-refused",
    "refused": "02",
    "accepted": "03",
    "recalled": "15",
}
STANDING = """
INSERT INTO delivery (delivery_id, dispatch_id, recipient, partition, state, facts, open, overdue,
                      recovered, version, handling, recall)
VALUES ($1, $2, $3, 0, $4, jsonb_build_object($5::text, 1, 'recall-requested', 1),
        $4 = 'published', false, false, 1,
        CASE WHEN $4 IN ('refused', 'accepted') THEN $4 ELSE 'none' END,
        CASE WHEN $4 = 'recalled' THEN 'recalled' ELSE 'not-asked' END)
ON CONFLICT (delivery_id) DO UPDATE
SET (state, facts, open, handling, recall) =
    (EXCLUDED.state, EXCLUDED.facts, EXCLUDED.open, EXCLUDED.handling, EXCLUDED.recall)
"""
COPIES = """
SELECT r.dispatch_id, r.recipient, o.state, d.state, n.delivery_id IS NOT NULL,
       c.recall_id IS NOT NULL
FROM handover_recipient r
JOIN outbox o USING (dispatch_id)
LEFT JOIN delivery d ON d.delivery_id = r.delivery_id
LEFT JOIN handover_recipient n ON n.resends = r.delivery_id
LEFT JOIN recall_recipient c ON c.delivery_id = r.delivery_id
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Act:
    """What is handed over, as a person would tell it: two that are equal have one content."""

    kind: int
    number: int
    content: bytes = b"one"
    of: int = 0
    """the number of the document that is recalled, updated or replaced"""
    back: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    changed: bool = False

    @property
    def is_own(self) -> bool:
        """Tell whether it would issue its document."""
        return self.kind in (0, REPLACEMENT)


@dataclass(slots=True)
class Sent:
    """A copy."""

    dispatch_id: UUID
    number: int
    recipient: str
    state: str | None = None
    resent: bool = False
    recalled: bool = False


def document_id(number: int) -> str:
    return f"{A},2021/03/02,{number}/UBND-VP"


@cache
def admitted(act: Act, turned: bool) -> Admitted:
    """Admit the packet of an act, written with its recipients in this order or that."""
    recipients = sorted(act.back) if act.kind == RECALL else RECIPIENTS[act.number]
    order = -1 if turned else 1
    packet = read_packet(letter(A, recipients[::order], str(act.number), act.content))
    changes = [(each, False) for each in sorted(act.back)]
    changes += [(each, True) for each in sorted(act.added)]
    replaced = Replacement(document_id=document_id(act.of), organs=tuple(sorted(act.back)))
    more: dict[int, dict[str, Any]] = {
        0: {},
        RECALL: {"business_document_id": document_id(act.of)},
        UPDATE: {
            "business_document_id": document_id(act.of),
            "document_changed": act.changed,
            "receiver_changes": tuple(ReceiverChange(code=c, added=a) for c, a in changes),
        },
        REPLACEMENT: {"replacements": (replaced,)},
    }
    packet = replace(packet, business_type=act.kind, **more[act.kind])
    return ADMISSION.admit(write_packet(packet), REGISTRY, date(2021, 3, 2))


class Handovers(RuleBasedStateMachine):
    """A door, and the list of all that went through it."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(TABLES)
        self.tables = HandoverTables(self.twins.real[0])
        self.acts: dict[tuple[int, Act | None], tuple[UUID, Act]] = {}
        """by number and what tells the act apart: none is the issue of the document"""
        self.copies: list[Sent] = []
        self.outbox: dict[UUID, str] = {}

    def teardown(self) -> None:
        self.twins.close()

    @rule(number=NUMBERS, content=CONTENT, turned=st.booleans())
    def issue(self, number: int, content: bytes, turned: bool) -> None:
        self.take(Act(0, number, content), turned)

    @rule(number=NUMBERS, back=SOME)
    def recall(self, number: int, back: frozenset[str]) -> None:
        self.take(Act(RECALL, number, of=number, back=back))

    @rule(number=NUMBERS, content=CONTENT, changed=st.booleans(), one=ORGANS, other=ORGANS)
    def update(self, number: int, content: bytes, changed: bool, one: str, other: str) -> None:
        """Add a recipient, and remove another if there are two."""
        back = frozenset({other} - {one})
        self.take(Act(UPDATE, number, content, number, back, frozenset({one}), changed))

    @rule(number=NUMBERS, content=CONTENT, of=NUMBERS, back=SOME, turned=st.booleans())
    def supersede(
        self, number: int, content: bytes, of: int, back: frozenset[str], turned: bool
    ) -> None:
        self.take(Act(REPLACEMENT, number, content, of, back), turned)

    def take(self, act: Act, turned: bool = False) -> None:
        key = None if act.kind == 0 or self.would_issue(act) else act
        done = self.handed_over(admitted(act, turned))
        if earlier := self.acts.get((act.number, key)):
            if earlier[1] != act:
                assert DocumentConflict is done
                return
            assert isinstance(done, HandedOver)
            assert (earlier[0], False, ()) == (done.dispatch_id, done.new, done.recalls)
            return
        self.follows(act, key, done)

    def would_issue(self, act: Act) -> bool:
        issued = self.acts.get((act.number, None))
        return act.is_own and (issued is None or issued[1] == act)

    def handed_over(self, packet: Admitted) -> HandedOver | type[Exception]:
        try:
            return self.twins.run(self.tables.hand_over(packet, ADMISSION.policy, "cli"))
        except (DocumentConflict, EarlierUnknown) as refused:
            return type(refused)

    def follows(self, act: Act, key: Act | None, done: HandedOver | type[Exception]) -> None:
        """See that an act does what it has to, for the first time."""
        asked = [c for c in self.of(act.of) if c.recipient in act.back and not c.resent]
        missing = act.back - {copy.recipient for copy in asked}
        if missing or (act.kind == UPDATE and not self.of(act.number)):
            assert EarlierUnknown is done
            return
        assert isinstance(done, HandedOver)
        new = [copy for copy in asked if not copy.recalled]
        told = {(each.dispatch_id, who) for each in done.recalls for who in each.asked}
        again = {(each.dispatch_id, who) for each in done.recalls for who in each.again}
        assert {(copy.dispatch_id, copy.recipient) for copy in new} == told
        assert {(c.dispatch_id, c.recipient) for c in asked if c.recalled} == again
        self.ask_back(new)
        copies = self.told(act)
        assert sorted(copies) == sorted(done.recipients)
        assert (done.dispatch_id is not None) == bool(copies)
        assert done.new == bool(copies or new)
        if done.dispatch_id is not None:
            self.acts[act.number, key] = done.dispatch_id, act
            self.send(done.dispatch_id, act.number, copies)

    def of(self, number: int) -> list[Sent]:
        return [copy for copy in self.copies if copy.number == number]

    def told(self, act: Act) -> set[str]:
        """Return to whom an act sends."""
        if act.kind == RECALL:
            return set()
        if act.is_own:
            return set(RECIPIENTS[act.number])
        if act.changed:
            return {*RECIPIENTS[act.number], *act.added} - act.back
        have = {c.recipient for c in self.of(act.number) if not c.resent and not c.recalled}
        return set(act.added) - have

    def ask_back(self, copies: Iterable[Sent]) -> None:
        for copy in copies:
            copy.recalled = True
            rest = [c for c in self.copies if c.dispatch_id == copy.dispatch_id if not c.recalled]
            if self.outbox[copy.dispatch_id] == "unsent" and not rest:
                self.outbox[copy.dispatch_id] = "cancelled"

    def send(self, dispatch_id: UUID, number: int, recipients: Collection[str]) -> None:
        assert dispatch_id not in self.outbox
        self.outbox[dispatch_id] = "unsent"
        self.copies += [Sent(dispatch_id, number, recipient) for recipient in recipients]

    @rule(data=st.data(), recipients=SOME)
    def resend(self, data: st.DataObject, recipients: frozenset[str]) -> None:
        if not self.outbox:
            return
        of = data.draw(st.sampled_from(list(self.outbox)))
        mine = [c for c in self.copies if c.dispatch_id == of and c.recipient in recipients]
        lack = all(map(self.has_not, mine)) and len(mine) == len(recipients)
        again, made = [OrganCode(each) for each in sorted(recipients)], None
        with suppress(NotResent):
            made = self.twins.run(self.tables.resend(of, again, {}, ADMISSION.policy, "cli"))
        assert (made is not None) == lack
        if made is not None:
            for copy in mine:
                copy.resent = True
            self.send(made, mine[0].number, recipients)

    def has_not(self, copy: Sent) -> bool:
        """Tell whether a recipient has no copy, will get none, and was sent none again."""
        if copy.resent or self.outbox[copy.dispatch_id] == "cancelled":
            return not copy.resent
        if copy.recalled:
            return copy.state == "recalled"
        return copy.state in ("receive-failed", "parked", "refused")

    @rule()
    def relay(self) -> None:
        outbox = OutboxTables(self.twins.real[0])
        claimed = self.twins.run(outbox.claim("relay", 150, (), 1000))
        self.twins.run(outbox.mark_sent([(row.dispatch_id, 0, 7) for row in claimed]))
        unsent = {of for of, state in self.outbox.items() if state == "unsent"}
        assert unsent == {row.dispatch_id for row in claimed}
        self.outbox |= dict.fromkeys(unsent, "sent")

    @rule(data=st.data(), state=st.sampled_from(sorted(FACTS)))
    def book(self, data: st.DataObject, state: str) -> None:
        """Let the books say how a copy stands that has left."""
        left = [c for c in self.copies if self.outbox[c.dispatch_id] == "sent"]
        left = [c for c in left if state != "recalled" or c.recalled]
        if left:
            copy = data.draw(st.sampled_from(left))
            copy.state = state
            of, who = copy.dispatch_id, copy.recipient
            key = delivery_id(of, OrganCode(who))
            write = self.twins.real[0].execute(STANDING, key, of, who, state, FACTS[state])
            self.twins.run(write)

    @invariant()
    def the_copies_stand_as_the_list_says(self) -> None:
        rows = self.twins.run(self.twins.real[0].fetch(COPIES))
        expected = [
            (c.dispatch_id, c.recipient, self.outbox[c.dispatch_id], c.state, c.resent, c.recalled)
            for c in sorted(self.copies, key=lambda c: (c.dispatch_id, c.recipient))
        ]
        assert expected == [tuple(row) for row in rows]


@pytest.mark.timeout(200)
def test_every_act_sends_asks_back_and_refuses_what_it_should(database_dsn: str) -> None:
    machine = type("HandoversHere", (Handovers,), {"dsn": database_dsn})
    run_state_machine_as_test(machine, settings=BOUNDED)
