"""The outbox of a spool against a list of packets, whatever is done to it in any order.

Packets are claimed, given up and given again, the file is closed and opened as after a kill. What
each step says, the list says by searching itself.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hoatoc.domain.event import HandOverAnswered
from hoatoc.spool import Arrival, Outbox, SpoolFull, Taken, open_outbox, spool_id
from hoatoc.spool.outbox import State
from hoatoc.testing.profile import BOUNDED

QUOTA = 100
CONTENTS = {n: bytes([n]) * size for n, size in enumerate((10, 40, 40, 30, 20))}
PRIORITIES = dict(enumerate((0, 4, 0, 2, 4)))
HOUR_MS = 3_600_000
NUMBERS = st.sampled_from(sorted(CONTENTS))


@dataclass(slots=True)
class Row:
    """A packet, as the list has it."""

    number: int
    taken_ms: int
    state: str = "waiting"
    not_before_ms: int = 0
    attempts: int = 0
    is_kept: bool = True
    """whether its content is still there"""
    dispatch_id: UUID | None = None
    earlier: list[UUID] = field(default_factory=list)
    """of givings that were refused before"""

    @property
    def handover_id(self) -> UUID:
        return uuid5(self.id, str(self.taken_ms))

    @property
    def id(self) -> UUID:
        return spool_id(CONTENTS[self.number])

    @property
    def order(self) -> tuple[int, int, str]:
        return -PRIORITIES[self.number], self.taken_ms, str(self.id)


class Spools(RuleBasedStateMachine):
    """One file and its list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="hoatoc-test-")
        self.loop = asyncio.new_event_loop()
        self.now_ms = 1_000_000
        self.rows: dict[int, Row] = {}
        self.outbox = self.opened()

    def opened(self) -> Outbox:
        path = Path(self.folder.name) / "spool.sqlite"
        return open_outbox(path, QUOTA, now_ms=lambda: self.now_ms)

    def teardown(self) -> None:
        self.outbox.close()
        self.loop.close()
        self.folder.cleanup()

    def run(self, step: Any) -> Any:
        self.now_ms += 1
        return self.loop.run_until_complete(step)

    @property
    def open_rows(self) -> list[Row]:
        return [row for row in self.rows.values() if row.state in ("waiting", "claimed")]

    @property
    def unanswered(self) -> list[Row]:
        return [row for row in self.rows.values() if row.state == "sent" and row.is_kept]

    @rule(number=NUMBERS)
    def take(self, number: int) -> None:
        content, known = CONTENTS[number], self.rows.get(number)
        arrival = Arrival(
            content=content, document_id=f"D{number}", sender="S", priority=PRIORITIES[number]
        )
        used = sum(len(CONTENTS[row.number]) for row in self.rows.values() if row.is_kept)
        new = known is None or known.state == "refused"
        if new and used + len(content) > QUOTA:
            with pytest.raises(SpoolFull) as full:
                self.run(self.outbox.take(arrival))
            assert (len(self.open_rows), used) == (full.value.waiting, full.value.used)
            return
        taken = self.run(self.outbox.take(arrival))
        if new:
            earlier = [*known.earlier, known.handover_id] if known else []
            self.rows[number] = Row(number, self.now_ms, earlier=earlier)
        state = State(self.rows[number].state)
        assert Taken(self.rows[number].id, new=new, state=state) == taken

    @rule(room=st.integers(1, 3), flying=st.sets(NUMBERS, max_size=2))
    def claim(self, room: int, flying: set[int]) -> None:
        in_flight = [spool_id(CONTENTS[number]) for number in flying]
        claimed = self.run(self.outbox.claim(in_flight, room))
        free = [
            row
            for row in self.open_rows
            if row.number not in flying
            and (
                row.state == "claimed"
                or row.not_before_ms <= self.now_ms
                or row.not_before_ms > self.now_ms + HOUR_MS
            )
        ]
        due = sorted(free, key=lambda row: row.order)[:room]
        for row in due:
            row.state, row.attempts = "claimed", row.attempts + 1
        assert [(row.id, row.attempts) for row in due] == [(c.id, c.attempts) for c in claimed]

    @rule(number=NUMBERS, word=st.sampled_from(["sent", "refused"]))
    def end(self, number: int, word: str) -> None:
        packet, row = spool_id(CONTENTS[number]), self.rows.get(number)
        if word == "sent":
            self.run(self.outbox.mark_sent(packet, UUID(int=number), {}))
        else:
            self.run(self.outbox.refuse(packet, "why", {}))
        if row is not None and row.state == "claimed":
            row.state, row.is_kept = word, word == "refused"
            row.dispatch_id = UUID(int=number) if word == "sent" else None

    @rule(number=NUMBERS)
    def hand(self, number: int) -> None:
        self.run(self.outbox.mark_handed(spool_id(CONTENTS[number]), {}))
        row = self.rows.get(number)
        if row is not None and row.state == "claimed":
            row.state = "sent"

    @rule(
        number=NUMBERS,
        outcome=st.sampled_from(["taken", "known", "refused"]),
        secret=st.booleans(),
        stale=st.booleans(),
    )
    def answer(self, number: int, outcome: str, secret: bool, stale: bool) -> None:
        row, refused = self.rows.get(number), outcome == "refused"
        ids = [] if row is None else row.earlier if stale else [row.handover_id]
        dispatch_id = None if refused else UUID(int=number)
        said = HandOverAnswered(
            event_id=uuid4(),
            handover_id=ids[-1] if ids else uuid4(),
            partition=0,
            offset=0,
            outcome=outcome,
            dispatch_id=dispatch_id,
            reason="secret-suspected" if secret and refused else None,
        )
        self.run(self.outbox.book("kafka", "1", [], [said]))
        if row is None or stale or (refused and (row.state == "refused" or row.dispatch_id)):
            return
        row.state, row.dispatch_id = "refused" if refused else "sent", dispatch_id
        row.is_kept = row.is_kept and refused and not secret

    @rule(number=NUMBERS)
    def give_back(self, number: int) -> None:
        self.run(self.outbox.given_back(spool_id(CONTENTS[number])))
        row = self.rows.get(number)
        if row is not None and row.state == "refused":
            row.is_kept = False

    @rule(number=NUMBERS)
    def show_while_it_changes(self, number: int) -> None:
        """What changes while it is being shown is shown again."""
        subjects = dict(self.run(self.outbox.unshown()))
        subject = f"packet/{spool_id(CONTENTS[number])}"
        if subject not in subjects:
            return
        self.run(self.outbox.mark_shown(subject, subjects[subject] - 1))
        assert subject in dict(self.run(self.outbox.unshown()))
        self.run(self.outbox.mark_shown(subject, subjects[subject]))
        assert subject not in dict(self.run(self.outbox.unshown()))

    @rule(number=NUMBERS, seconds=st.sampled_from([0, 30, 90]))
    def put_off(self, number: int, seconds: int) -> None:
        self.run(self.outbox.put_off(spool_id(CONTENTS[number]), seconds, "away"))
        row = self.rows.get(number)
        if row is not None and row.state == "claimed":
            row.state = "waiting"
            row.not_before_ms = self.now_ms + seconds * 1000 if seconds else 0

    @rule(seconds=st.sampled_from([1, 50, 100]))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    @rule()
    def set_the_clock_back(self) -> None:
        self.now_ms -= 7 * HOUR_MS - 1

    @rule()
    def reopen(self) -> None:
        self.outbox.close()
        self.outbox = self.opened()
        for row in self.rows.values():
            if row.state == "claimed":  # by somebody who is gone
                row.state = "waiting"

    @invariant()
    def the_same_stands(self) -> None:
        standing = self.run(self.outbox.standing())
        rows = self.open_rows
        used = sum(len(CONTENTS[row.number]) for row in rows)
        oldest = min((row.taken_ms for row in rows), default=None)
        assert (len(rows), used, oldest, len(self.unanswered)) == standing
        fates = {fate.id: fate for fate in self.run(self.outbox.fates())}
        assert {r.id: r.state for r in self.rows.values()} == {
            of: fate.state for of, fate in fates.items()
        }
        for row in self.rows.values():
            kept = CONTENTS[row.number] if row.is_kept else None
            assert kept == self.run(self.outbox.content(row.id))
            fate = fates[row.id]
            assert (row.dispatch_id, row.handover_id) == (fate.dispatch_id, fate.handover_id)

    @invariant()
    def the_next_is_known(self) -> None:
        due_s = self.run(self.outbox.next_due_s())
        waiting = [r.not_before_ms for r in self.rows.values() if r.state == "waiting"]
        expected = max(min(waiting) - self.now_ms, 0) / 1000 if waiting else None
        assert expected == due_s


def test_the_outbox_of_a_spool_does_what_a_list_does() -> None:
    run_state_machine_as_test(Spools, settings=BOUNDED)
