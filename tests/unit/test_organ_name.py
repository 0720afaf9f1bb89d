"""Facts about how names of organs are compared and abbreviated."""

from unicodedata import normalize

import pytest

from hoatoc.domain.organ_name import begins, initials, is_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UBND tỉnh Kiên Giang", "ỦY BAN NHÂN DÂN TỈNH KIÊN GIANG"),
        ("Uỷ ban nhân dân tỉnh Kiên Giang", "Ủy ban Nhân dân tỉnh  Kiên Giang"),
        ("Bộ Nội vụ", normalize("NFD", "Bộ Nội vụ")),
        ("UBND Thành phố Hà Nội", "UBND TP. Hà Nội"),
        ("Bộ Lao động - Thương binh và Xã hội", "Bộ Lao động, Thương binh và Xã hội"),
        ("Kiên Giang", "UBND tỉnh Kiên Giang"),
    ],
)
def test_two_spellings_are_one_name(one: str, other: str) -> None:
    assert is_same(one, other)
    assert is_same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UBND tỉnh Đắk Nông", "UBND tỉnh Đắk Lắk"),
        ("Bộ Công an", "Bộ Công Thương"),
        ("Hà Nam", "UBND tỉnh Hà Namm"),
    ],
)
def test_two_organs_are_two_names(one: str, other: str) -> None:
    assert not is_same(one, other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bộ Nội vụ", "BNV"),
        ("Bộ Thông tin và Truyền thông", "BTTTT"),
        ("Bộ Lao động - Thương binh và Xã hội", "BLĐTBXH"),
        ("UBND tỉnh Kiên Giang", "UBNDTKG"),
        ("Ủy ban nhân dân tỉnh Kiên Giang", "UBNDTKG"),
        ("Văn phòng Chính phủ", "VPCP"),
        ("", ""),
    ],
)
def test_a_name_is_abbreviated_by_its_initials(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_a_name_begins_with_whole_words() -> None:
    assert begins("BỘ NỘI VỤ", ("Bộ",))
    assert not begins("Bộc lộ", ("Bộ",))
