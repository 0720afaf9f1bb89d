"""Facts about the registry as a file, shipped and of others."""

import io
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.registry import Registry, RegistryInvalid, parse_organs
from hoatoc.domain.registry.change import plan_change
from hoatoc.domain.registry.field import COLUMNS
from hoatoc.domain.registry.file import (
    new_organs,
    read_csv,
    read_json,
    sheet_of,
    text_of,
    write_csv,
    write_json,
)
from hoatoc.domain.registry.organ import Certainty, Organ, is_topic_safe

HEADER = "code,code102,name,email,telephone,certainty\n"
SHIPPED = (files("hoatoc.data") / "organs.csv").read_text("utf-8")
TODAY = date(2026, 1, 15)


def faults(text: str) -> list[tuple[int, str, str]]:
    """Return (line, field, found) of all faults of a CSV."""
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(text)
    return [(each.line, each.field, each.found) for each in caught.value.faults]


def test_the_shipped_registry_holds_the_organs_of_level_1() -> None:
    assert Counter(organ.code[0] for organ in parse_organs(SHIPPED)) == {"G": 28, "H": 63}


def test_the_shipped_registry_tells_how_well_each_code_is_attested() -> None:
    certainties = Counter(organ.certainty.value for organ in parse_organs(SHIPPED))
    assert certainties == {"verified": 32, "single-source": 4, "memory": 55}


def test_every_shipped_contact_is_illustrative() -> None:
    organs = parse_organs(SHIPPED)
    assert {organ.email.rpartition(".")[2] for organ in organs} == {"example"}
    assert {organ.telephone for organ in organs} == {"000 000 0000"}


def test_the_shipped_registry_invents_no_successor_and_no_test_code() -> None:
    organs = parse_organs(SHIPPED)
    assert [o for o in organs if o.successor or o.valid_to or o.test] == []


def test_every_shipped_code_may_name_a_topic() -> None:
    codes = [code for organ in parse_organs(SHIPPED) for code in organ.codes()]
    assert [code for code in codes if not is_topic_safe(code)] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("g22,,Văn phòng Chính phủ,,,memory", [("code", "g22")]),
        ("G22,G22,Văn phòng Chính phủ,,,memory", [("code102", "G22")]),
        ("G22,,,,,memory", [("name", "")]),
        ("G22,,Văn phòng Chính phủ,,,surely", [("certainty", "surely")]),
        ("G22,,Văn phòng Chính phủ", [("certainty", "")]),
        ("G22", [("name", ""), ("certainty", "")]),
        ('G22,,"Văn phòng\nChính phủ",,,memory', [("name", "Văn phòng\nChính phủ")]),
        ("Đ16,,UBND tỉnh Đắk Nông,,,memory", [("code", "Đ16")]),
        ("G2,,Thử,,,memory", [("code", "G2")]),
        ("G22\x00,,Thử,,,memory", [("code", "G22\x00")]),
    ],
)
def test_an_invalid_line_is_named_with_its_fields(line: str, found: list[Any]) -> None:
    place = 2 + line.count("\n")
    assert faults(HEADER + line) == [(place, *each) for each in found]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("aliases", "00.99.H29 Đ16"),
        ("aliases", "A1"),
        ("valid_from", "1/7/2025"),
        ("valid_to", "2025-02-30"),
        ("valid_to", "hôm nay"),
        ("locked", "maybe"),
        ("test", "2"),
        ("hub", "h16"),
        ("parent", "H 16"),
        ("successor", "?"),
        ("note", "a\u2028b"),
        ("email", "a\tb"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(field: str, text: str) -> None:
    header = f"code,name,certainty,{field}\n"
    assert faults(f"{header}H29,Thành phố,memory,{text}\n") == [(2, field, text)]


def test_all_faults_of_a_file_are_told_in_order_of_line() -> None:
    text = HEADER + "G22,,A,,,memory\nx,,B,,,memory\nG23,,,,,memory\nG24,,C,,,memory,extra\n"
    assert [each[:2] for each in faults(text)] == [(3, "code"), (4, "name"), (5, "*")]


def test_a_fault_is_told_in_both_languages_with_the_remedy() -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(HEADER + "g22,,Văn phòng Chính phủ,,,memory")
    assert str(caught.value) == (
        "Danh mục cơ quan, dòng 2, cột code: «g22» không hợp lệ; "
        "ghi mã theo QĐ 20/2020 (G22, H16.05) hoặc QCVN 102:2016 (000.00.00.G22). / "
        "Registry of organs, line 2, column code: “g22” is not valid; "
        "write a code of QĐ 20/2020 (G22, H16.05) or of QCVN 102:2016 (000.00.00.G22)."
    )


@pytest.mark.parametrize(
    "second",
    [
        "G22,,Khác,,,memory",
        "000.00.00.G22,,Khác,,,memory",
        "G23,000.00.00.G22,Khác,,,memory",
    ],
)
def test_a_code_of_two_organs_is_refused_at_the_second(second: str) -> None:
    text = f"{HEADER}G22,000.00.00.G22,Văn phòng Chính phủ,,,verified\n{second}\n"
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(text)
    (fault,) = caught.value.faults
    assert fault.line == 3
    assert "dòng 2" in fault.remedy_vi


def test_a_fault_between_organs_is_told_at_the_line_that_names_the_other() -> None:
    text = "code,name,certainty,hub\nH16,A,memory,\nH16.05,B,memory,H17\n"
    assert faults(text) == [(3, "hub", "H17")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("# a comment\n" + HEADER, "# a comment"),
        ("code,nom\nG22,x\n", "nom"),
        ("name,certainty\nx,memory\n", "name,certainty"),
        ("code,name,code\nG22,x,G22\n", "code,name,code"),
        ("code,name\nG22,x\n", ""),
    ],
)
def test_another_header_is_refused_at_line_1_or_where_it_is_missed(text: str, found: str) -> None:
    line, _, what = faults(text)[0]
    assert (line, what) == (1, found)


def test_columns_may_stand_in_any_order_and_be_left_out() -> None:
    (organ,) = parse_organs("name,certainty,code\nVăn phòng Chính phủ,verified,G22\n")
    assert organ == Organ("G22", "", "Văn phòng Chính phủ", "", "", Certainty.VERIFIED)  # type: ignore[arg-type]


def test_an_empty_registry_is_a_registry() -> None:
    assert parse_organs(HEADER) == ()


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_a_spreadsheet_writes_is_read(mark: str, delimiter: str, end: str) -> None:
    lines = ["code,name,certainty,valid_to,locked", "H01,UBND tỉnh An Giang,memory,30/06/2025,TRUE"]
    text = mark + "".join(line.replace(",", delimiter) + end for line in lines)
    (organ,) = parse_organs(text_of(text.encode()))
    assert (organ.valid_to, organ.locked) == (date(2025, 6, 30), True)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_file_in_another_encoding_is_refused_with_its_line(encoding: str) -> None:
    text = "code,name,certainty\nH25,UBND tỉnh Hà Nam,memory\n".replace("ỉ", "i")
    with pytest.raises(RegistryInvalid) as caught:
        text_of(text.encode(encoding))
    (fault,) = caught.value.faults
    assert (fault.line, fault.field) == (1 if encoding == "utf-16" else 2, "*")
    assert "UTF-8" in fault.remedy_vi


def test_a_name_is_kept_in_normal_form_c_whatever_it_was_written_in() -> None:
    (organ,) = parse_organs("code,name,certainty\nH16,Đa\u0306\u0301k Nông,memory\n")
    assert organ.name == "Đắk Nông"


def test_a_cell_too_many_says_to_quote_the_comma() -> None:
    text = HEADER + "G16,,Bộ Văn hóa, Thể thao và Du lịch,,,verified\n"
    with pytest.raises(RegistryInvalid, match=r"7 ô, cần 6.*quote a cell with a comma"):
        parse_organs(text)


def test_json_faults_are_named_by_the_line_of_the_object() -> None:
    text = '[\n{"code": "G22"},\n\n{"code": "g22"},\n{"code": 7}, {"name": "x"}\n]'
    with pytest.raises(RegistryInvalid) as caught:
        read_json(text)
    assert [each.line for each in caught.value.faults] == [4, 5, 5]
    with pytest.raises(RegistryInvalid) as caught:
        read_json(text.replace("7", '"G24"').replace('"name"', '"code"'))
    assert [(e.line, e.field, e.found) for e in caught.value.faults] == [
        (4, "code", "g22"),
        (5, "code", "x"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("{}", 1),
        ("[", 1),
        ('[\n{"code": "G22"}\n{"code": "G23"}]', 3),
        ('[{"code": "G22"}]\nmore', 2),
        ('[\n{"code": }]', 2),
        ('[{"code": "G22", "nom": "x"}]', 1),
        ("[1]", 1),
        ('[{"code": "G22"}, {"code": "G22"}]', 1),
    ],
)
def test_what_is_no_json_array_of_organs_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        read_json(text)
    assert [each.line for each in caught.value.faults] == [line]


def test_one_organ_from_a_form_is_read_as_a_line_is() -> None:
    sheet = sheet_of({"code": " H50.99 ", "name": "Sở", "certainty": "verified", "test": "1"})
    (organ,) = new_organs(sheet)
    assert (organ.code, organ.test) == ("H50.99", True)
    with pytest.raises(RegistryInvalid, match=r"cơ quan h50.99, cột code"):
        sheet_of({"code": "h50.99"})


WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
LINES = st.lists(WORDS, max_size=3).map(" ".join)
DAYS = st.none() | st.dates()


@st.composite
def organs(draw: st.DrawFn) -> list[Organ]:
    """Draw a sound registry that uses every field."""
    codes = [f"H{n:02}.{n}" for n in range(draw(st.integers(0, 6)))]
    made = []
    for index, code in enumerate(codes):
        earlier = st.sampled_from(["", *codes[:index]])
        first, last = sorted(draw(st.tuples(st.dates(), st.dates())))
        text = f"code,name,certainty\n{code},{code},memory\n"
        fields = {
            "code102": draw(st.sampled_from(["", f"000.00.{index:02}.H99"])),
            "name": (draw(LINES) or code)[:200],
            "email": draw(LINES),
            "telephone": draw(LINES),
            "certainty": draw(st.sampled_from(Certainty)),
            "aliases": tuple(f"old-{code}_{n}" for n in range(draw(st.integers(0, 3)))),
            "parent": draw(earlier),
            "valid_from": draw(st.none() | st.just(first)),
            "valid_to": last,
            "successor": draw(earlier),
            "locked": draw(st.booleans()),
            "test": draw(st.booleans()),
            "note": draw(LINES),
        }
        made.append(replace(parse_organs(text)[0], **fields))
    return [new_organs(read_csv(write_csv([organ])))[0] for organ in made]


@given(organs())
def test_what_is_exported_and_imported_again_changes_nothing(listed: list[Organ]) -> None:
    registry = Registry(listed)
    for sheet in (read_csv(write_csv(listed)), read_json(write_json(listed))):
        plan = plan_change(registry, sheet, complete=True, today=TODAY)
        assert (plan.organs(), plan.unchanged) == ((), len(listed))
        assert plan_change(Registry([]), sheet, complete=False, today=TODAY).added == tuple(listed)


def test_json_holds_lists_and_truths_as_such() -> None:
    (organ,) = parse_organs("code,name,certainty,aliases,test\nH29,HCM,verified,00.99.H29,1\n")
    (written,) = json.load(io.StringIO(write_json([organ])))
    assert tuple(written) == COLUMNS
    assert (written["aliases"], written["test"], written["valid_to"]) == (["00.99.H29"], True, None)
