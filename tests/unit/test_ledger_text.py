"""What the ledger's rows keep as text: as it was always written, and read."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Fact, Position
from hoatoc.domain.working_due import WorkingDue
from hoatoc.postgres.ledger import facts_in, facts_out, working_in, working_out

whole = st.integers(0, 2**62)
positions = st.builds(Position, whole, whole, whole, st.sampled_from(("", "0a1b-22", "x")))
facts = st.dictionaries(
    st.sampled_from(Fact), st.lists(positions, min_size=1, max_size=3).map(tuple), max_size=5
)
dues = st.builds(WorkingDue, whole, whole, st.booleans(), st.booleans())
working = st.dictionaries(st.sampled_from(Kind), dues, max_size=3)


@given(facts)
def test_facts_are_written_as_before_and_read_back(told: dict[Fact, tuple[Position, ...]]) -> None:
    text = facts_out(told)
    assert json.loads(json.dumps(told)) == json.loads(text)
    for written in (text, json.dumps(told)):
        read = facts_in(written)
        assert told == read
        assert all(type(fact) is Fact for fact in read)
        assert all(type(at) is Position for some in read.values() for at in some)


@given(working)
def test_working_dues_are_written_as_before_and_read_back(told: dict[Kind, WorkingDue]) -> None:
    text = working_out(told)
    assert json.loads(json.dumps(told)) == json.loads(text)
    for written in (text, json.dumps(told)):
        read = working_in(written)
        assert told == read
        assert all(type(due) is WorkingDue for due in read.values())


def test_a_fact_of_a_row_before_events_told_them_apart_is_read() -> None:
    assert {Fact.DONE: (Position(1, 2, 3),)} == facts_in('{"done": [[1, 2, 3]]}')
