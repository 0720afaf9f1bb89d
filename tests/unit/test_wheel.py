"""The minute wheel against a naive model."""

from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hoatoc.domain.wheel import Wheel

entries = st.integers(0, 5).map(lambda number: UUID(int=number))
instants = st.integers(0, 400_000)


class AgainstANaiveModel(RuleBasedStateMachine):
    """A wheel does what a plain table of dues does."""

    def __init__(self) -> None:
        super().__init__()
        self.wheel = Wheel()
        self.dues: dict[UUID, int] = {}

    @rule(entry=entries, due=instants)
    def put(self, entry: UUID, due: int) -> None:
        self.wheel.put(entry, due)
        self.dues[entry] = due

    @rule(entry=entries)
    def drop(self, entry: UUID) -> None:
        self.wheel.drop(entry)
        self.dues.pop(entry, None)

    @rule(now=instants)
    def pop(self, now: int) -> None:
        expected = sorted(entry for entry, due in self.dues.items() if due < now)
        assert expected == sorted(self.wheel.pop_passed(now))
        for entry in expected:
            del self.dues[entry]

    @rule(now=instants, minutes=st.integers(0, 5))
    def forecast(self, now: int, minutes: int) -> None:
        begin = now // 60_000
        expected = sum(begin <= due // 60_000 < begin + minutes for due in self.dues.values())
        assert expected == self.wheel.within(now, minutes)

    @invariant()
    def as_many(self) -> None:
        assert len(self.dues) == len(self.wheel)


AgainstANaiveModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestWheel = AgainstANaiveModel.TestCase


def test_what_is_due_at_this_instant_has_not_passed() -> None:
    wheel = Wheel()
    wheel.put(UUID(int=1), 60_000)
    assert [] == wheel.pop_passed(60_000)
    assert [UUID(int=1)] == wheel.pop_passed(60_001)
    assert [] == wheel.pop_passed(60_002)
