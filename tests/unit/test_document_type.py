"""Facts about the types of documents: the law's lists, and how a packet's words are matched."""

from unicodedata import normalize

import pytest

from hoatoc.domain.check.document_type import (
    SHIPPED,
    DocumentTypesInvalid,
    Group,
    Paper,
    parse_document_types,
)

ND_30 = [
    *("Nghị quyết (cá biệt)", "Quyết định (cá biệt)", "Chỉ thị", "Quy chế", "Quy định"),
    *("Thông cáo", "Thông báo", "Hướng dẫn", "Chương trình", "Kế hoạch", "Phương án", "Đề án"),
    *("Dự án", "Báo cáo", "Biên bản", "Tờ trình", "Hợp đồng", "Công văn", "Công điện"),
    *("Bản ghi nhớ", "Bản thỏa thuận", "Giấy ủy quyền", "Giấy mời", "Giấy giới thiệu"),
    *("Giấy nghỉ phép", "Phiếu gửi", "Phiếu chuyển", "Phiếu báo", "Thư công"),
]
WITH_PAPER = {
    *("Biên bản", "Hợp đồng", "Bản ghi nhớ", "Bản thỏa thuận", "Giấy giới thiệu"),
    *("Giấy nghỉ phép", "Thư công"),
}


def administrative(name: str) -> str:
    (found,) = (each.name for each in SHIPPED.named(name) if each.group is Group.ADMINISTRATIVE)
    return found


def test_decree_30_knows_29_types_of_which_27_are_abbreviated() -> None:
    types = [SHIPPED.resolve(name, year_in_mark=False) for name in ND_30]
    assert [each and each.name for each in types] == ND_30
    assert len(ND_30) == 29
    unabbreviated = [each.name for each in types if each and not each.abbreviation]
    assert unabbreviated == ["Công văn", "Thư công"]


def test_26_types_go_without_paper_and_seven_may_come_with_it() -> None:
    paperless = [each for each in SHIPPED.types if each.paperless]
    groups = [each.group for each in paperless]
    assert (groups.count(Group.LEGISLATIVE), groups.count(Group.ADMINISTRATIVE)) == (4, 22)
    assert {each.name for each in SHIPPED.types if each.paperless is False} == WITH_PAPER


def test_abbreviations_and_names_are_told_apart() -> None:
    shown = [(each.group, each.abbreviation) for each in SHIPPED.types if each.abbreviation]
    assert len(shown) == len(set(shown))
    assert len({(each.group, each.name) for each in SHIPPED.types}) == len(SHIPPED.types)


@pytest.mark.parametrize("group", [Group.LEGISLATIVE, Group.ADMINISTRATIVE])
def test_a_code_means_one_type_within_its_group(group: Group) -> None:
    listed = [each.code for each in SHIPPED.types if each.group is group and each.code]
    assert len(listed) == len(set(listed))


def test_every_type_tells_where_it_is_from() -> None:
    marks = ("[L]", "[N]", "[D]", "[M]")
    assert [] == [each.name for each in SHIPPED.types if not each.source.endswith(marks)]


@pytest.mark.parametrize(
    "written", ["Công văn", "CÔNG VĂN", " công  văn ", normalize("NFD", "Công văn")]
)
def test_a_name_is_matched_however_it_is_typed(written: str) -> None:
    found = SHIPPED.resolve(written, year_in_mark=False)
    assert found is not None
    assert (found.name, found.code) == ("Công văn", "18")


def test_one_name_of_two_groups_is_told_by_the_year_in_the_mark() -> None:
    with_year = SHIPPED.resolve("Quyết định", year_in_mark=True)
    without = SHIPPED.resolve("Quyết định", year_in_mark=False)
    assert with_year is not None
    assert without is not None
    assert (with_year.name, with_year.group) == ("Quyết định", Group.LEGISLATIVE)
    assert (without.name, without.group) == ("Quyết định (cá biệt)", Group.ADMINISTRATIVE)


def test_an_unknown_name_is_of_no_type() -> None:
    assert SHIPPED.resolve("Thư ngỏ", year_in_mark=False) is None
    assert SHIPPED.resolve("", year_in_mark=False) is None


@pytest.mark.parametrize(
    ("name", "year", "issuer", "paper"),
    [
        ("Công văn", False, "Văn phòng Chính phủ", Paper.NONE),
        ("Thông tư", True, "Bộ Nội vụ", Paper.NONE),
        ("Quyết định", True, "Ủy ban nhân dân tỉnh Kiên Giang", Paper.NONE),
        ("Quyết định", True, "Văn phòng Chính phủ", Paper.UNKNOWN),
        ("Nghị quyết", True, "HĐND tỉnh Kiên Giang", Paper.NONE),
        ("Nghị định", True, "Văn phòng Chính phủ", Paper.UNKNOWN),
        ("Hợp đồng", False, "Bộ Nội vụ", Paper.ALLOWED),
    ],
)
def test_whether_paper_follows(name: str, year: bool, issuer: str, paper: Paper) -> None:
    found = SHIPPED.resolve(name, year_in_mark=year)
    assert found is not None
    assert found.paper(issuer) is paper


@pytest.mark.parametrize(
    ("name", "issuer", "may"),
    [
        ("Nghị định", "Văn phòng Chính phủ", True),
        ("Nghị định", "Bộ Nội vụ", False),
        ("Thông tư", "BỘ NỘI VỤ", True),
        ("Thông tư", "UBND tỉnh Kiên Giang", False),
        ("Công văn", "UBND tỉnh Kiên Giang", True),
    ],
)
def test_who_may_issue_a_type(name: str, issuer: str, may: bool) -> None:
    found = SHIPPED.resolve(name, year_in_mark=True)
    assert found is not None
    assert found.may_issue(issuer) is may


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("type = 1 1", "type"),
        ("kind = 1", "type"),
        ('[[type]]\nname = "A"\ngroup = "administrative"', "type[1] A.source"),
        ('[[type]]\nname = "A"\ngroup = "law"\nsource = "x"', "type[1] A.group"),
        ('[[type]]\nname = "A"\ngroup = "copy"\nsource = "x"\ncod = "1"', "type[1] A.cod"),
        ('[[type]]\nname = "A"\ngroup = "copy"\nsource = "x"\npaperless = 1', "A.paperless"),
        ('[[type]]\nname = "A"\ngroup = "copy"\nsource = "x"\nissuers = "Bộ"', "A.issuers"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(DocumentTypesInvalid) as caught:
        parse_document_types(text)
    assert named in str(caught.value)
