"""Facts about the registry of organs."""

from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.registry import (
    GroupUnknown,
    OrganUnknown,
    Reason,
    Registry,
    RegistryInvalid,
    is_code,
    is_topic_safe,
)
from hoatoc.domain.registry.group import Group, parse_groups
from hoatoc.domain.registry.organ import Certainty, Form, Organ, form_of

DAY = date(2025, 6, 30)
LAST, FIRST = date(2025, 6, 30), date(2025, 7, 1)


def organ(code: str, **fields: Any) -> Organ:
    common = {"name": f"Cơ quan {code}", "certainty": Certainty.VERIFIED}
    blank = {"code102": "", "email": "", "telephone": ""}
    return Organ(**{"code": code, **common, **blank, **fields})


def reason(registry: Registry, code: str, on: date = DAY) -> tuple[str, Reason | None]:
    """Return the organ that a code means and why there is a notice."""
    found = registry.resolve(code, on)
    assert found is not None
    return found.organ.code, found.notice.reason if found.notice else None


def faults(*organs: Organ, **groups: Group) -> list[tuple[str, str, str]]:
    """Return (organ, field, found) of every fault of a registry."""
    with pytest.raises(RegistryInvalid) as caught:
        Registry(organs, groups)
    return [(each.organ, each.field, each.found) for each in caught.value.faults]


@pytest.mark.parametrize("code", ["H29", "000.00.00.H29", "00.99.H29", "999.010.01.H29"])
def test_an_organ_is_known_by_each_of_its_codes(code: str) -> None:
    aliases = ("00.99.H29", "999.010.01.H29")
    registry = Registry([organ("G22"), organ("H29", code102="000.00.00.H29", aliases=aliases)])
    assert registry[code].code == "H29"
    assert code in registry


def test_no_code_is_computed_from_another() -> None:
    registry = Registry([organ("G12.18")])
    assert registry.resolve("000.00.18.G12", DAY) is None
    assert "000.00.18.G12" not in registry


@pytest.mark.parametrize("written", ["H29", " H29\n", "h29", "\th29 "])
def test_a_code_is_looked_up_trimmed_and_then_in_upper_case(written: str) -> None:
    resolved = Registry([organ("H29")]).resolve(written, DAY)
    assert resolved is not None
    assert (resolved.organ.code, resolved.written, resolved.notice) == ("H29", written, None)


@pytest.mark.parametrize("written", ["", "H 29", "H.29", "H029", "Η29", "H２9", "Ｈ29"])
def test_nothing_else_is_done_to_a_code(written: str) -> None:
    assert Registry([organ("H29")]).resolve(written, DAY) is None


def test_an_alias_is_found_as_written_before_it_is_folded() -> None:
    registry = Registry([organ("A11", aliases=("b22x",)), organ("C33", aliases=("B22X",))])
    found = [reason(registry, code)[0] for code in ("b22x", "B22X", "B22x")]
    assert found == ["A11", "C33", "C33"]


def test_an_old_code_gives_a_notice_and_the_codes_of_both_schemes_give_none() -> None:
    registry = Registry([organ("H29", code102="000.00.00.H29", aliases=("00.99.H29",))])
    assert reason(registry, "00.99.h29") == ("H29", Reason.ALIAS)
    assert reason(registry, "000.00.00.h29") == ("H29", None)


def test_an_ended_organ_gives_way_to_its_successor_the_day_after_its_last() -> None:
    registry = Registry([organ("H01", valid_to=LAST, successor="H33"), organ("H33")])
    assert reason(registry, "H01", LAST) == ("H01", None)
    assert reason(registry, "H01", FIRST) == ("H33", Reason.SUCCEEDED)


def test_a_successor_that_has_ended_is_followed() -> None:
    registry = Registry(
        [
            organ("H01", valid_to=LAST, successor="H02"),
            organ("H02", valid_to=date(2026, 1, 1), successor="H03"),
            organ("H03"),
        ]
    )
    found = [reason(registry, "H01", day)[0] for day in (LAST, FIRST, date(2026, 1, 2))]
    assert found == ["H01", "H02", "H03"]


def test_an_organ_that_ended_without_a_successor_is_told() -> None:
    registry = Registry([organ("H01", valid_to=LAST), organ("H02", valid_to=LAST, successor="H01")])
    assert reason(registry, "H01", FIRST) == ("H01", Reason.ENDED)
    assert reason(registry, "H02", FIRST) == ("H01", Reason.ENDED)


def test_an_organ_that_has_not_begun_is_told_until_its_first_day() -> None:
    registry = Registry([organ("H33", valid_from=FIRST)])
    assert reason(registry, "H33", LAST) == ("H33", Reason.NOT_YET_VALID)
    assert reason(registry, "H33", FIRST) == ("H33", None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"locked": True}, Reason.LOCKED),
        ({"test": True}, Reason.TEST),
        ({"locked": True, "test": True}, Reason.LOCKED),
        ({"locked": True, "valid_to": LAST}, Reason.ENDED),
        ({"locked": True, "valid_from": date(2025, 8, 1)}, Reason.NOT_YET_VALID),
    ],
)
def test_of_several_reasons_the_gravest_is_given(fields: dict[str, Any], expected: Reason) -> None:
    registry = Registry([organ("H29", aliases=("00.99.H29",), **fields)])
    assert reason(registry, "00.99.H29", FIRST) == ("H29", expected)


def test_a_notice_tells_the_date_and_the_remedy_in_both_languages() -> None:
    registry = Registry([organ("H01", valid_to=LAST, successor="H33"), organ("H33")])
    resolved = registry.resolve("H01", FIRST)
    assert resolved is not None
    assert resolved.notice is not None
    assert (resolved.notice.text_vi, resolved.notice.text_en) == (
        "Mã H01 đã hết hiệu lực sau ngày 30/06/2025; cơ quan kế thừa là H33 (Cơ quan H33). Từ nay "
        "dùng mã mới.",
        "The code H01 ended after 30/06/2025; its successor is H33 (Cơ quan H33). Use the new "
        "code from now on.",
    )


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_texts(reason: Reason) -> None:
    fields: dict[Reason, dict[str, Any]] = {
        Reason.ENDED: {"valid_to": LAST},
        Reason.NOT_YET_VALID: {"valid_from": date(2026, 1, 1)},
        Reason.LOCKED: {"locked": True},
        Reason.TEST: {"test": True},
        Reason.SUCCEEDED: {"valid_to": LAST, "successor": "H33"},
        Reason.ALIAS: {},
    }
    named = organ("H01", aliases=("00.99.H01",), **fields[reason])
    resolved = Registry([named, organ("H33")]).resolve("00.99.H01", FIRST)
    assert resolved is not None
    assert resolved.notice is not None
    assert resolved.notice.reason is reason
    for text in (resolved.notice.text_vi, resolved.notice.text_en):
        assert resolved.organ.name in text


def test_an_organ_is_connected_by_its_hub_and_the_hub_by_its_own() -> None:
    registry = Registry(
        [organ("H16.05.01", hub="H16.05"), organ("H16.05", hub="H16"), organ("H16")]
    )
    connections = [registry.connection(each) for each in registry.organs]
    assert connections == ["H16", "H16", "H16"]


def test_two_organs_with_one_code_are_named_both() -> None:
    shared = organ("G23", code102="000.00.00.G22"), organ("G22", code102="000.00.00.G22")
    with pytest.raises(RegistryInvalid) as caught:
        Registry(shared)
    (fault,) = caught.value.faults
    assert (fault.organ, fault.field, fault.found) == ("G22", "code102", "000.00.00.G22")
    assert "G23 Cơ quan G23" in fault.remedy_vi


@pytest.mark.parametrize(
    ("second", "field"),
    [
        (organ("G22"), "code"),
        (organ("G33", code102="000.00.00.G22"), "code102"),
        (organ("G33", aliases=("G22",)), "aliases"),
        (organ("G33", aliases=("00.99.G22",)), "aliases"),
    ],
)
def test_a_code_belongs_to_one_organ_in_whatever_field(second: Organ, field: str) -> None:
    first = organ("G22", code102="000.00.00.G22", aliases=("00.99.G22",))
    assert [each[:2] for each in faults(first, second)] == [(second.code, field)]


def test_a_code_twice_in_one_organ_is_refused() -> None:
    assert faults(organ("G22", aliases=("G22",))) == [("G22", "code", "G22")]


@pytest.mark.parametrize("field", ["hub", "parent", "successor"])
def test_an_organ_that_another_names_must_be_there(field: str) -> None:
    named = organ("H16.05", valid_to=LAST, **{field: "H99"})
    assert faults(named) == [("H16.05", field, "H99")]


@pytest.mark.parametrize("field", ["hub", "parent", "successor"])
def test_an_organ_is_named_by_its_code_and_no_other(field: str) -> None:
    named = organ("H16.05", valid_to=LAST, **{field: "000.00.00.H16"})
    found = faults(named, organ("H16", code102="000.00.00.H16"))
    assert found == [("H16.05", field, "000.00.00.H16")]


@pytest.mark.parametrize("field", ["hub", "parent", "successor"])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_cycle_is_told_once_with_its_way(field: str, length: int) -> None:
    def link(n: int) -> Organ:
        return organ(f"H{n:02}", valid_to=LAST, **{field: f"H{n % length + 1:02}"})

    into = organ("H99", valid_to=LAST, **{field: "H01"})
    with pytest.raises(RegistryInvalid) as caught:
        Registry([into, *(link(n) for n in range(length, 0, -1))])
    (fault,) = caught.value.faults
    way = " → ".join([*(f"H{n:02}" for n in range(1, length + 1)), "H01"])
    assert (fault.organ, fault.field) == ("H01", field)
    assert way in fault.remedy_en


def test_a_last_day_is_not_before_the_first() -> None:
    assert faults(organ("H01", valid_from=FIRST, valid_to=LAST)) == [
        ("H01", "valid_to", "2025-06-30")
    ]
    assert len(Registry([organ("H01", valid_from=FIRST, valid_to=FIRST)])) == 1


def test_a_successor_needs_a_last_day() -> None:
    assert faults(organ("H01", successor="H02"), organ("H02")) == [("H01", "successor", "H02")]


def test_no_organ_outlives_its_hub() -> None:
    hub = organ("H16", valid_to=LAST)
    for last in (None, FIRST):
        assert faults(hub, organ("H16.05", hub="H16", valid_to=last)) == [("H16.05", "hub", "H16")]
    assert len(Registry([hub, organ("H16.05", hub="H16", valid_to=LAST)])) == 2


def test_all_faults_are_told_at_once() -> None:
    found = faults(organ("H01", hub="H98"), organ("H02", parent="H99"), organ("H02"))
    assert sorted(found) == [
        ("H01", "hub", "H98"),
        ("H02", "code", "H02"),
        ("H02", "parent", "H99"),
    ]


def test_of_many_faults_twenty_are_shown_and_the_rest_counted() -> None:
    with pytest.raises(RegistryInvalid) as caught:
        Registry([organ(f"H{n:03}", hub="H99") for n in range(30)])
    assert len(caught.value.faults) == 30
    assert str(caught.value).splitlines()[20:] == ["… và 10 lỗi nữa / and 10 more"]


CODES = st.integers(1, 12).map(lambda n: f"H{n:02}")


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    """Draw a sound registry in which successors, hubs and parents are numbered upwards."""
    size = draw(st.integers(1, 12))
    organs = []
    for n in range(1, size + 1):
        later = st.integers(n + 1, size).map("H{:02}".format) if n < size else st.just("")
        last = draw(st.none() | st.dates(date(2025, 1, 1), date(2025, 12, 31)))
        fields: dict[str, Any] = {"valid_to": last, "parent": draw(st.just("") | later)}
        if last:
            fields["successor"] = draw(st.just("") | later)
        organs.append(organ(f"H{n:02}", **fields))
    return Registry(organs)


@given(registries(), CODES, st.dates(date(2024, 12, 1), date(2026, 2, 1)))
def test_whom_a_code_means_stands_on_that_day_or_the_notice_says_that_it_does_not(
    registry: Registry, code: str, day: date
) -> None:
    resolved = registry.resolve(code, day)
    assert (resolved is not None) == (code in registry)
    if resolved is not None:
        ended = resolved.notice is not None and resolved.notice.reason is Reason.ENDED
        assert resolved.organ.has_ended(day) == ended
        assert not (ended and resolved.organ.successor)


SHIPPED_GROUPS = parse_groups((files("hoatoc.data") / "groups.toml").read_text("utf-8"))


def test_all_provinces_are_those_of_level_1_that_stand_on_the_day() -> None:
    registry = Registry(
        [
            organ("H16"),
            organ("H16.05"),
            organ("G22"),
            organ("H01", valid_to=LAST),
            organ("H33", valid_from=FIRST),
            organ("H99", test=True),
            organ("H29", locked=True),
        ],
        SHIPPED_GROUPS,
    )
    for name in ("tat-ca-tinh", "@tinh", " @TINH ", "all-provinces"):
        assert [each.code for each in registry.group(name, LAST)] == ["H16", "H01", "H29"]
    assert [each.code for each in registry.group("tinh", FIRST)] == ["H16", "H33", "H29"]
    assert [each.code for each in registry.group("bo", LAST)] == ["G22"]


def test_a_group_may_be_those_that_belong_to_an_organ() -> None:
    group = Group(vietnamese="Sở", english="Departments", parent="H16")
    organs = (
        organ("H16"),
        organ("H16.05", parent="H16"),
        organ("G22.01", parent="G22"),
        organ("G22"),
    )
    registry = Registry(organs, {"so-h16": group})
    assert [each.code for each in registry.group("so-h16", DAY)] == ["H16.05"]


def test_a_listed_organ_that_ended_gives_way_to_its_successor_once() -> None:
    group = Group(vietnamese="Hai", english="Two", codes=("H01", "H33"))
    organs = organ("H01", valid_to=LAST, successor="H33"), organ("H33")
    registry = Registry(organs, {"hai": group})
    assert [each.code for each in registry.group("hai", LAST)] == ["H01", "H33"]
    assert [each.code for each in registry.group("hai", FIRST)] == ["H33"]


def test_a_group_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(GroupUnknown, match="@tat-ca-bo, @tat-ca-tinh"):
        Registry([], SHIPPED_GROUPS).group("xa", DAY)


def test_a_list_of_recipients_names_each_organ_once_in_order() -> None:
    organs = organ("G22", code102="000.00.00.G22"), organ("H16"), organ("H33")
    registry = Registry(organs, SHIPPED_GROUPS)
    found = registry.recipients(["H33", "@tinh", "000.00.00.G22", "G22"], DAY)
    assert [(each.organ.code, each.written) for each in found] == [
        ("H33", "H33"),
        ("H16", "H16"),
        ("G22", "000.00.00.G22"),
    ]


def test_an_unknown_code_in_a_list_is_refused_with_the_remedy() -> None:
    with pytest.raises(OrganUnknown, match=r"H99.*hoatoc registry add"):
        Registry([organ("H16")]).recipients(["H16", "H99"], DAY)
    with pytest.raises(OrganUnknown, match="H99"):
        Registry([organ("H16")])["H99"]


def test_a_group_names_organs_that_are_there_and_names_of_groups_are_single() -> None:
    listed = Group(vietnamese="a", english="a", codes=("H98", "H16"))
    under = Group(vietnamese="b", english="b", parent="H99", aliases=("one",))
    assert faults(organ("H16"), one=listed, two=under) == [
        ("@one", "codes", "H98"),
        ("@two", "parent", "H99"),
        ("@one", "aliases", "one"),
    ]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[Tinh]", "*"),
        ("tinh = 1", "*"),
        ("not TOML", "*"),
        ("[a]\nvietnamese = 'x'\nenglish = 'x'", "codes"),
        ("[a]\nvietnamese = 'x'\nenglish = 'x'\ncodes = ['H01']\nlevel = 1", "codes"),
        ("[a]\nenglish = 'x'\nlevel = 1", "vietnamese"),
        ("[a]\nvietnamese = 'x'\nenglish = 'x'\nlevel = true", "level"),
        ("[a]\nvietnamese = 'x'\nenglish = 'x'\ncodes = 'H01'", "codes"),
        ("[a]\nvietnamese = 'x'\nenglish = 'x'\nlevel = 1\nrule = 'H*'", "rule"),
    ],
)
def test_a_group_that_cannot_be_read_names_its_field(text: str, field: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_groups(text)
    assert [each.field for each in caught.value.faults] == [field]


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("G22", Form.QD20),
        ("H16.05", Form.QD20),
        ("H37.DN.001", Form.QD20),
        ("H16." + "0" * 31, Form.QD20),
        ("000.00.00.G22", Form.QCVN102),
        ("000.20.31.H53", Form.QCVN102),
        ("00.99.H29", Form.LEGACY),
        ("00.22.W00", Form.LEGACY),
        ("999.010.01.H22", Form.OTHER),
        ("0100109106-001", Form.OTHER),
        ("777.77.04.D77", Form.QCVN102),
        ("", Form.OTHER),
        ("g22", Form.OTHER),
        ("G22.", Form.OTHER),
        ("G22\n", Form.OTHER),
        ("G٢٢", Form.OTHER),
        ("Đ22", Form.OTHER),
        ("H16." + "0" * 32, Form.OTHER),
    ],
)
def test_the_form_of_a_code_is_told(code: str, form: Form) -> None:
    assert form_of(code) is form
    assert is_code(code) == (form in (Form.QD20, Form.QCVN102))


@pytest.mark.parametrize("code", ["", "G22/..", "G 22", "G22\n", "Đ16", "G22*"])
def test_a_code_that_cannot_name_a_topic_is_told(code: str) -> None:
    assert not is_topic_safe(code)


def test_a_registry_does_not_change_with_what_it_was_made_of() -> None:
    organs, groups = [organ("H16")], dict(SHIPPED_GROUPS)
    registry = Registry(organs, groups)
    organs.append(organ("H17"))
    groups.clear()
    assert len(registry) == 1
    assert len(registry.group("tinh", DAY)) == 1
