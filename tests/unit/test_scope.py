"""For whom an organ may act, by the registry."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Certainty, Organ, Registry
from hoatoc.domain.scope import Scope, Scopes

DAY = date(2026, 11, 25)
YESTERDAY = DAY - timedelta(days=1)


def organ(code: str, **fields: Any) -> Organ:
    return Organ(OrganCode(code), "", code, "", "", Certainty.VERIFIED, **fields)


def scope(of: str, *organs: Organ, on: date = DAY) -> Scope:
    return Scopes(Registry(organs), on).of(OrganCode(of))


def test_an_organ_acts_for_itself_and_not_for_its_neighbours() -> None:
    assert {"H16"} == scope("H16", organ("H16"), organ("H17"), organ("H16.05")).organs


def test_an_organ_acts_for_those_below_it_however_deep() -> None:
    organs = (organ("H16"), organ("H16.05", parent="H16"), organ("H16.05.01", parent="H16.05"))
    assert {"H16", "H16.05", "H16.05.01"} == scope("H16", *organs).organs
    assert {"H16.05", "H16.05.01"} == scope("H16.05", *organs).organs


def test_a_code_that_begins_like_anothers_gives_no_scope() -> None:
    assert {"H16"} == scope("H16", organ("H16"), organ("H16.05")).organs


def test_a_hub_acts_for_the_organs_that_it_connects_and_not_for_those_below_them() -> None:
    organs = (organ("H16"), organ("H17", hub="H16"), organ("H17.05", parent="H17"))
    assert {"H16", "H17"} == scope("H16", *organs).organs


def test_only_the_end_of_a_chain_of_hubs_is_the_connection() -> None:
    organs = (organ("H16"), organ("H17", hub="H16"), organ("H18", hub="H17"))
    assert {"H16", "H17", "H18"} == scope("H16", *organs).organs
    assert {"H17"} == scope("H17", *organs).organs


def test_who_is_above_a_hub_acts_for_what_the_hub_connects() -> None:
    organs = (organ("H16"), organ("H16.05", parent="H16"), organ("H17", hub="H16.05"))
    assert {"H16", "H16.05", "H17"} == scope("H16", *organs).organs


def test_a_successor_acts_for_who_has_ended_from_the_day_after_the_last() -> None:
    organs = (
        organ("H16", valid_to=YESTERDAY, successor="H17"),
        organ("H16.05", parent="H16"),
        organ("H17"),
    )
    assert {"H17"} == scope("H17", *organs, on=YESTERDAY).organs
    assert {"H16", "H16.05", "H17"} == scope("H17", *organs).organs


def test_an_organ_that_has_ended_still_acts_for_itself_alone() -> None:
    organs = (organ("H16", valid_to=YESTERDAY, successor="H17"), organ("H17"))
    assert Scope(frozenset({OrganCode("H16")}), frozenset()) == scope("H16", *organs)


def test_who_is_locked_or_not_in_force_begins_nothing() -> None:
    organs = (
        organ("H16"),
        organ("H16.01", parent="H16", locked=True),
        organ("H16.02", parent="H16", valid_to=YESTERDAY),
        organ("H16.03", parent="H16", valid_from=DAY + timedelta(days=1)),
        organ("H16.04", parent="H16", valid_to=DAY),
        organ("H16.05", parent="H16", test=True),
    )
    assert {"H16.01", "H16.02", "H16.03"} == scope("H16", *organs).halted


def test_who_is_succeeded_by_a_locked_organ_begins_nothing() -> None:
    organs = (organ("H16", valid_to=YESTERDAY, successor="H17"), organ("H17", locked=True))
    assert {"H16"} == scope("H16", *organs).halted


def test_an_organ_that_is_not_there_and_an_alias_have_no_scope() -> None:
    nothing = Scope(frozenset(), frozenset())
    assert nothing == scope("H17", organ("H16"))
    assert nothing == scope("H16.X", organ("H16", aliases=("H16.X",)))


ABOVE = st.lists(st.integers(-1, 11), min_size=12, max_size=12)


@given(ABOVE, ABOVE)
def test_a_scope_never_reaches_who_is_tied_in_no_way(parents: list[int], hubs: list[int]) -> None:
    codes = [f"H{number:02}" for number in range(12)]
    organs = [
        organ(
            code,
            parent=codes[parents[n]] if 0 <= parents[n] < n else "",
            hub=codes[hubs[n]] if 0 <= hubs[n] < n else "",
        )
        for n, code in enumerate(codes)
    ]
    registry = Registry(organs)
    scopes = Scopes(registry, DAY)
    for one in organs:
        reached = scopes.of(one.code).organs
        assert {each.code for each in organs if _reaches(registry, one, each)} == reached


def _reaches(registry: Registry, above: Organ, organ_: Organ) -> bool:
    """Tell the same from the other side: from an organ up to who acts for it."""
    connection = registry[registry.connection(organ_)]
    return _is_below(registry, organ_, above) or (
        connection is not organ_ and _is_below(registry, connection, above)
    )


def _is_below(registry: Registry, organ_: Organ, above: Organ) -> bool:
    while organ_ is not above:
        if not organ_.parent:
            return False
        organ_ = registry[organ_.parent]
    return True
