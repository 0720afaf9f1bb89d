"""Facts about what a file changes in the registry."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from hoatoc.domain.registry import Reason, Registry, RegistryInvalid, parse_organs
from hoatoc.domain.registry.change import Plan, plan_change
from hoatoc.domain.registry.file import read_csv

TODAY = date(2025, 7, 1)
SHIPPED = (files("hoatoc.data") / "organs.csv").read_text("utf-8")
EXAMPLES = Path(__file__).parents[2] / "examples" / "registry"
THREE = "code,name,certainty,hub,aliases\nH16,A,memory,,\nH16.05,B,memory,H16,\nH33,C,memory,,\n"


def planned(text: str, *, complete: bool = False, there: str = THREE) -> Plan:
    return plan_change(
        Registry(parse_organs(there)), read_csv(text), complete=complete, today=TODAY
    )


def faults(text: str, *, complete: bool = False) -> list[tuple[int, str, str]]:
    """Return (line, organ, field) of every fault."""
    with pytest.raises(RegistryInvalid) as caught:
        planned(text, complete=complete)
    return [(each.line, each.organ, each.field) for each in caught.value.faults]


def test_a_file_adds_what_is_new_and_changes_what_differs() -> None:
    plan = planned("code,name,certainty\nH16,A,verified\nH33,C,memory\nH50,D,memory\n")
    assert [organ.code for organ in plan.added] == ["H50"]
    assert [change.differences() for change in plan.changed] == [
        (("certainty", "memory", "verified"),)
    ]
    assert (plan.ended, plan.unchanged) == ((), 1)


def test_a_column_that_is_left_out_keeps_what_is_there() -> None:
    (change,) = planned("code,valid_to\nH16.05,2025-06-30\n").changed
    assert change.differences() == (("valid_to", "", "2025-06-30"),)
    assert change.after.hub == "H16"


def test_an_empty_cell_empties_the_field() -> None:
    (change,) = planned("code,hub\nH16.05,\n").changed
    assert change.differences() == (("hub", "H16", ""),)


def test_organs_that_a_file_does_not_name_are_left_alone() -> None:
    assert planned("code,name\nH33,C\n") == Plan(unchanged=1)


def test_those_missing_from_a_complete_file_end_today_and_are_not_deleted() -> None:
    plan = planned("code\nH33\n", complete=True)
    assert [(e.after.code, e.differences()) for e in plan.ended] == [
        ("H16", (("valid_to", "", "2025-07-01"),)),
        ("H16.05", (("valid_to", "", "2025-07-01"),)),
    ]


@pytest.mark.parametrize("field", ["valid_from,2025-08-01", "valid_to,2025-06-30"])
def test_what_has_not_begun_or_has_ended_already_is_not_ended_again(field: str) -> None:
    name, day = field.split(",")
    there = f"code,name,certainty,{name}\nH16,A,memory,{day}\nH33,C,memory,\n"
    assert planned("code\nH33\n", complete=True, there=there).ended == ()


def test_an_end_that_was_announced_comes_sooner_when_a_complete_file_lacks_the_organ() -> None:
    there = "code,name,certainty,valid_to\nH16,A,memory,2025-12-31\nH33,C,memory,\n"
    (change,) = planned("code\nH33\n", complete=True, there=there).ended
    assert change.differences() == (("valid_to", "2025-12-31", "2025-07-01"),)


def test_a_complete_file_without_organs_is_refused() -> None:
    assert faults("code\n", complete=True) == [(1, "", "*")]
    assert planned("code\n") == Plan()


def test_an_organ_cannot_lose_its_hub_to_a_complete_file_unnoticed() -> None:
    assert faults("code\nH33\nH16.05\n", complete=True) == [(3, "H16.05", "hub")]


def test_a_new_organ_needs_a_name_and_a_certainty() -> None:
    assert faults("code,valid_to\nH33,\nH50,2025-01-01\n") == [
        (3, "H50", "name"),
        (3, "H50", "certainty"),
    ]


def test_what_a_file_makes_of_the_whole_is_checked_with_its_lines() -> None:
    text = "code,name,certainty,hub,aliases\nH50,D,memory,H51,H16\nH33,C,memory,H50,\n"
    assert faults(text) == [(2, "H50", "aliases"), (2, "H50", "hub")]


def test_an_alias_may_move_from_one_organ_to_another() -> None:
    there = "code,name,certainty,aliases\nH16,A,memory,00.99.H16\nH33,C,memory,\n"
    plan = planned("code,aliases\nH33,00.99.H16\nH16,\n", there=there)
    assert [change.after.aliases for change in plan.changed] == [("00.99.H16",), ()]


def after(registry: Registry, file: str) -> tuple[Registry, Plan]:
    """Return the registry as an example file leaves it."""
    sheet = read_csv((EXAMPLES / file).read_text("utf-8"))
    plan = plan_change(registry, sheet, complete=False, today=TODAY)
    written = {organ.code: organ for organ in (*registry.organs, *plan.organs())}
    return Registry(written.values()), plan


def test_the_example_of_a_merger_leads_every_old_code_to_the_new_organ() -> None:
    before, added = after(Registry(parse_organs(SHIPPED)), "1-before.csv")
    merged, plan = after(before, "2-merger.csv")
    assert len(added.added) == len(plan.changed) == 3
    for change in plan.changed:
        for code in change.before.codes():
            resolved = merged.resolve(code, TODAY)
            assert resolved is not None
            assert resolved.notice is not None
            assert resolved.notice.reason is Reason.SUCCEEDED
            assert resolved.organ.code == change.after.successor


def test_every_organ_of_the_examples_says_that_it_is_none() -> None:
    merged = after(after(Registry([]), "1-before.csv")[0], "2-merger.csv")[0]
    assert [o.code for o in merged.organs if not o.note.startswith("illustrative")] == []
