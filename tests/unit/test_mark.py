"""Facts about marks (NĐ 30/2020/NĐ-CP, Phụ lục I, II.3)."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.check.mark import Mark, clean, read_mark


@pytest.mark.parametrize(
    ("number", "notation", "expected"),
    [
        ("807", "VPCP-KSTT", ("807", "", "VPCP", "KSTT")),
        ("142 ", "UBND-HCC", ("142", "", "UBND", "HCC")),
        ("28", "2018/QĐ-TTg", ("28", "2018", "QĐ", "TTg")),
        ("28/2018", "QĐ-TTg", ("28", "2018", "QĐ", "TTg")),
        ("29", "2018/QH14", ("29", "2018", "QH14")),
        ("15", "Q\u00d0-BNV", ("15", "", "QĐ", "BNV")),
        ("15", normalize("NFD", "QĐ-BNV"), ("15", "", "QĐ", "BNV")),
        ("5", "KHĐT.KTN&XH", ("5", "", "KHĐT", "KTN", "XH")),
    ],
)
def test_a_mark_is_read(number: str, notation: str, expected: tuple[str, ...]) -> None:
    digits, year, *groups = expected
    assert read_mark(number, notation) == Mark(number=digits, year=year, groups=tuple(groups))


@pytest.mark.parametrize(
    ("number", "notation"),
    [
        ("", "UBND-TTĐT"),
        ("807", ""),
        ("80a", "VPCP"),
        ("807", "807/VPCP-KSTT"),
        ("807", "VPCP–KSTT"),
        ("807", "VPCP-"),
        ("123456789012", "VPCP"),
        ("٨٠٧", "VPCP"),
    ],
)
def test_what_has_not_the_form_is_no_mark(number: str, notation: str) -> None:
    assert read_mark(number, notation) is None


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)
