"""One delivery's life, fact by fact, against the tables of the lifecycle and a naive model.

A program reads some of the log, in any order and again, as after a crash: its facts are a join. The
model keeps the whole log as a list, and walks the published tables along it; of a fact that counts
once it knows the first.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hoatoc.domain.delivery import REPEATED, Fact, Facts, Position, merge
from hoatoc.domain.lifecycle import (
    CARRIAGE,
    HANDLING,
    RECALL,
    Axes,
    Axis,
    State,
    Stays,
    Table,
    axes,
    state,
)
from hoatoc.testing.profile import DOMAIN

FINAL = {
    State.ACCEPTED: {State.RECALLED},
    State.REFUSED: {State.RECALLED},
    State.RECALLED: set[State](),
}
"""What may follow a state that is decided."""


def stepped(table: Table, axis: Axis, fact: Fact) -> Axis:
    to = table.get((axis, fact), axis)
    return axis if isinstance(to, Stays) else to


class Life(RuleBasedStateMachine):
    """A log that grows, and two readers of it."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[Fact, str]] = []
        self.read: list[Facts] = [{}, {}]
        self.axes: tuple[Axis, Axis, Axis] = Axes()
        self.was: State = State.REGISTERED

    @rule(fact=st.sampled_from(Fact), again=st.booleans())
    def append(self, fact: Fact, again: bool) -> None:
        repeats = self.log and again and self.log[-1][0] is fact
        self.log.append((fact, self.log[-1][1] if repeats else f"event {len(self.log)}"))
        if fact in REPEATED or fact not in {earlier for earlier, _ in self.log[:-1]}:
            carriage, handling, recall = self.axes
            self.axes = (
                stepped(CARRIAGE, carriage, fact),
                stepped(HANDLING, handling, fact),
                stepped(RECALL, recall, fact),
            )
        self.read[0] = merge(self.read[0], self.facts(len(self.log) - 1))

    def facts(self, offset: int) -> Facts:
        fact, event = self.log[offset]
        return {fact: (Position(offset, offset, offset, event if fact in REPEATED else ""),)}

    @rule(data=st.data())
    def read_some(self, data: st.DataObject) -> None:
        """Let the second reader read a stretch, which it may have read before."""
        begin = data.draw(st.integers(0, len(self.log)))
        for offset in data.draw(st.permutations(range(begin, len(self.log)))):
            self.read[1] = merge(self.read[1], self.facts(offset))

    @rule()
    def replay(self) -> None:
        """Let the second reader begin anew, from the end to the beginning."""
        self.read[1] = {}
        for offset in reversed(range(len(self.log))):
            self.read[1] = merge(self.facts(offset), self.read[1])
        assert self.read[0] == self.read[1]

    @invariant()
    def stands_where_the_tables_lead(self) -> None:
        kept = all(len({e for f, e in self.log if f is fact}) <= n for fact, n in REPEATED.items())
        if kept:  # of more than eight answers of a kind the later ones are forgotten
            assert self.axes == axes(self.read[0])

    @invariant()
    def what_is_decided_stands(self) -> None:
        now = state(self.read[0])
        assert now in FINAL.get(self.was, set(State)) | {self.was}
        self.was = now


Life.TestCase.settings = DOMAIN
TestLife = Life.TestCase
