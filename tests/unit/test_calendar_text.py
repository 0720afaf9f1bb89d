"""What cannot be a calendar is refused: where, what was found, what was expected, what to do."""

from datetime import date
from importlib.resources import files

import pytest

from hoatoc.domain.calendar import RowKind
from hoatoc.domain.calendar_text import CalendarInvalid, parse_calendars

SHIPPED = (files("hoatoc.data") / "calendar.toml").read_text("utf-8")
NAMED = 'name_vi = "a"\nname_en = "b"\ncertainty = "local"\nsource = "c"\n'
NOON = "morning_ends = 12:00:00"


def added(row: str) -> str:
    return f"{SHIPPED}\n{row}\n{NAMED}"


REPLACED = [
    ('zone = "UTC+07:00"', 'zone = "UTC+08:00"', "zone"),
    ('zone = "UTC+07:00"', "", "zone"),
    ("first_day = 2019-01-01", 'first_day = "2019"', "first_day"),
    ("first_day = 2019-01-01", "first_day = 2019-01-01T00:00:00", "first_day"),
    ("last_day = 2027-12-31", "last_day = 2018-12-31", "last_day"),
    ("last_day = 2027-12-31", "last_day = 2919-12-31", "last_day"),
    ("last_day = 2027-12-31", "last_day = 2026-12-31", "closed[46]"),
    ('default = "administrative"', 'default = "none"', "default"),
    ("\n[organ]", '\n[organ]\nH16 = "none"', "organ.H16"),
    ("\n[organ]", "\n[organ]\nH16 = 1", "organ.H16"),
    ("\n[organ]", "\norgan = 1", "organ"),
    ("\n[organ]", "\nholiday = 1", "holiday"),
    (NOON, "morning_ends = 12", "calendar.administrative.morning_ends"),
    (NOON, "morning_ends = 12:00:30", "calendar.administrative.morning_ends"),
    (NOON, "morning_ends = 07:30:00", "calendar.administrative.hours"),
    (NOON, "morning_ends = 12:00:00\nlunch = 1", "calendar.administrative.lunch"),
    ("sat = []", "", "calendar.administrative.hours.sat"),
    ("sat = []", "sat = []\nday = []", "calendar.administrative.hours.day"),
    ("sat = []", 'sat = "07:30-11:30"', "calendar.administrative.hours.sat"),
    ("sat = []", 'sat = ["7:30-11:30"]', "calendar.administrative.hours.sat"),
    ("sat = []", 'sat = ["07:30-24:00"]', "calendar.administrative.hours.sat"),
    ("sat = []", 'sat = ["11:30-07:30"]', "calendar.administrative.hours.sat"),
    ("sat = []", 'sat = ["07:30-07:30"]', "calendar.administrative.hours.sat"),
    ("sat = []", 'sat = ["07:30-11:30", "11:00-12:00"]', "calendar.administrative.hours.sat"),
    ("sat = []", "sat = [730]", "calendar.administrative.hours.sat"),
    ('certainty = "memory"', 'certainty = "not-announced"', "calendar.administrative.certainty"),
    ('certainty = "memory"', 'certainty = ["memory"]', "calendar.administrative.certainty"),
    ('name_vi = "giờ hành chính"', 'name_vi = " "', "calendar.administrative.name_vi"),
    ('name_vi = "giờ hành chính"', "", "calendar.administrative.name_vi"),
    ("first = 2019-01-01\n", "first = 2018-12-31\n", "closed[1]"),
    ("first = 2019-01-01\n", 'first = "2019-01-01"\n', "closed[1].first"),
    ("first = 2019-01-01\n", "first = 2019-01-01\nyear = 1\n", "closed[1].year"),
    ("last = 2019-02-10", "last = 2019-02-01", "closed[2].last"),
    ("last = 2019-02-10", "last = 2019-04-14", "closed[3]"),
    ("day = 2019-05-04", "day = 2019-05-06", "extra_workday[2].day"),
    ("instead_of = 2019-04-29", "instead_of = 2019-04-26", "extra_workday[2].instead_of"),
    ("instead_of = 2019-04-29", "", "extra_workday[2].instead_of"),
]
ADDED = [
    ('[[closed]]\nfirst = 2026-07-01\ncalendars = ["none"]', "closed[52].calendars"),
    ("[[closed]]\nfirst = 2026-07-01\ncalendars = []", "closed[52].calendars"),
    ('[[closed]]\nfirst = 2026-07-01\ncalendars = "administrative"', "closed[52].calendars"),
    ("[[closed]]\nfirst = 2026-09-01", "closed[52]"),
    ('[[half_day]]\nday = 2026-07-01\nhours = ["x"]', "half_day[1].hours"),
    ("[[half_day]]\nday = 2026-07-01\nhours = []", "half_day[1].hours"),
    ("[[half_day]]\nday = 2026-07-01", "half_day[1].hours"),
    ('[[half_day]]\nday = 2026-07-04\nhours = ["07:30-11:30"]', "half_day[1].day"),
    ('[[half_day]]\nday = 2026-09-01\nhours = ["07:30-11:30"]', "half_day[1]"),
    ('[[calendar.administrative.season]]\nfirst = "04-31"', "month-day"),
    ('[[calendar.administrative.season]]\nfirst = "13-01"', "month-day"),
    ('[[calendar.administrative.season]]\nfirst = "4-1"', "month-day"),
    ("[half_day]\nday = 2026-07-01", "half_day"),
]


@pytest.mark.parametrize(("old", "new", "key"), REPLACED)
def test_what_cannot_be_is_refused_by_its_key(old: str, new: str, key: str) -> None:
    assert old in SHIPPED
    with pytest.raises(CalendarInvalid) as refused:
        parse_calendars(SHIPPED.replace(old, new, 1))
    assert key == refused.value.key


@pytest.mark.parametrize(("row", "key"), ADDED)
def test_a_row_that_cannot_be_is_refused_by_its_key(row: str, key: str) -> None:
    hours = 'hours = { mon = ["07:30-11:30"], tue = [], wed = [], thu = [], fri = [], sat = [], '
    season = f'{row}\nlast = "10-15"\n{hours}sun = [] }}'
    text = added(season if "season" in row else row)
    with pytest.raises(CalendarInvalid) as refused:
        parse_calendars(text)
    found = refused.value
    assert key in (found.key, found.expected[1].partition(",")[0])


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(CalendarInvalid, match="TOML"):
        parse_calendars("= 1")


def test_a_refusal_says_found_expected_and_remedy_in_both_languages() -> None:
    with pytest.raises(CalendarInvalid) as refused:
        parse_calendars(SHIPPED.replace("sun = []", 'sun = ["8h-10h"]'))
    expected = (
        "Lịch làm việc, calendar.administrative.hours.sun: «['8h-10h']» không hợp lệ; cần các "
        'khoảng giờ nối tiếp, như ["07:30-11:30", "13:30-17:00"], hoặc []; sửa lại rồi nhập lần '
        "nữa. / Calendar, calendar.administrative.hours.sun: “['8h-10h']” is not valid; expected "
        'stretches one after another, as ["07:30-11:30", "13:30-17:00"], or []; correct it and '
        "import again."
    )
    assert expected == str(refused.value)


def test_an_agency_may_close_on_a_day_of_its_own() -> None:
    row = '[[closed]]\nfirst = 2026-07-01\ncalendars = ["administrative"]'
    office = parse_calendars(added(row)).of("")
    assert RowKind.CLOSED is office.row(date(2026, 7, 1)).kind


def test_a_swap_that_is_only_planned_changes_nothing() -> None:
    planned = NAMED.replace("local", "open")
    text = (
        f"{SHIPPED}\n[[closed]]\nfirst = 2027-07-02\n{planned}"
        f"[[extra_workday]]\nday = 2027-07-10\ninstead_of = 2027-07-02\n{planned}"
    )
    office = parse_calendars(text).of("")
    assert [True, False] == [office.is_working_day(date(2027, 7, day)) for day in (2, 10)]


def test_a_text_that_was_not_adopted_has_no_version() -> None:
    assert [0, 7] == [parse_calendars(SHIPPED).version, parse_calendars(SHIPPED, 7).version]
