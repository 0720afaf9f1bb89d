"""Facts about the registry of organs."""

from collections import Counter
from importlib.resources import files

import pytest

from hoatoc.domain.registry import (
    Organ,
    RegistryInvalid,
    by_code,
    is_code,
    is_topic_safe,
    parse_organs,
)

HEADER = "code,code102,name,email,telephone,certainty\n"
SHIPPED = (files("hoatoc") / "data" / "organs.csv").read_text(encoding="utf-8")


def test_an_organ_is_known_by_each_of_its_codes() -> None:
    index = by_code(parse_organs(SHIPPED))
    assert (index["H16"].name, index["000.00.00.H16"]) == (
        "UBND tỉnh Đắk Nông",
        index["H16"],
    )


def test_the_shipped_registry_holds_the_organs_of_level_1() -> None:
    organs = parse_organs(SHIPPED)
    assert Counter(organ.code[0] for organ in organs) == {"G": 28, "H": 63}


def test_the_shipped_registry_tells_how_well_each_code_is_attested() -> None:
    certainties = Counter(organ.certainty.value for organ in parse_organs(SHIPPED))
    assert certainties == {"verified": 32, "single-source": 4, "memory": 55}


def test_every_shipped_contact_is_illustrative() -> None:
    organs = parse_organs(SHIPPED)
    assert {organ.email.rpartition(".")[2] for organ in organs} == {"example"}
    assert {organ.telephone for organ in organs} == {"000 000 0000"}


def test_every_shipped_code_may_name_a_topic() -> None:
    assert [code for code in by_code(parse_organs(SHIPPED)) if not is_topic_safe(code)] == []


@pytest.mark.parametrize(
    "code",
    ["G22", "H16.05", "H37.DN.001", "G12.18", "000.00.00.G22", "H16." + "0" * 31],
)
def test_codes_of_both_schemes_are_valid(code: str) -> None:
    assert is_code(code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "G2",
        "g22",
        "G22.",
        "G22\n",
        "G22 ",
        "G٢٢",
        "00.99.H29",
        "000.00.00.G222",
        "999.010.01.H22",
        "Đ22",
        "H16." + "0" * 32,
    ],
)
def test_other_codes_are_not(code: str) -> None:
    assert not is_code(code)


@pytest.mark.parametrize("code", ["", "G22/..", "G 22", "G22\n", "Đ16", "G22*"])
def test_a_code_that_cannot_name_a_topic_is_told(code: str) -> None:
    assert not is_topic_safe(code)


@pytest.mark.parametrize(
    ("line", "field", "found"),
    [
        ("g22,,Văn phòng Chính phủ,,,memory", "code", "g22"),
        ("G22,G22,Văn phòng Chính phủ,,,memory", "code102", "G22"),
        ("G22,,,,,memory", "name", ""),
        ("G22,,Văn phòng Chính phủ,,,surely", "certainty", "surely"),
        ("G22,,Văn phòng Chính phủ", "certainty", ""),
        ("G22", "name", ""),
    ],
)
def test_an_invalid_line_is_named_with_its_field(line: str, field: str, found: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(HEADER + line)
    fault = caught.value
    assert (fault.line, fault.field, fault.found) == (2, field, found)


def test_an_invalid_line_is_told_in_both_languages_with_the_remedy() -> None:
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
def test_a_code_of_two_organs_is_refused(second: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(f"{HEADER}G22,000.00.00.G22,Văn phòng Chính phủ,,,verified\n{second}\n")
    assert caught.value.line == 3


@pytest.mark.parametrize("text", ["", "# a comment\n" + HEADER, "code,name\nG22,x\n"])
def test_another_header_is_refused(text: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        parse_organs(text)
    assert caught.value.line == 1


def test_an_empty_registry_is_a_registry() -> None:
    organs: tuple[Organ, ...] = parse_organs(HEADER)
    assert organs == ()
