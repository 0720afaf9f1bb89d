"""When an agency is at work, as data says it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.calendar import (
    VIETNAM,
    Calendar,
    Certainty,
    Row,
    RowKind,
    instant_of,
    ms_of,
)
from hoatoc.domain.calendar_change import difference
from hoatoc.domain.calendar_text import parse_calendars

SHIPPED = (files("hoatoc.data") / "calendar.toml").read_text("utf-8")
OFFICE = parse_calendars(SHIPPED, 1).of("H33")

# Mùng 1 Tết and 10/3 of the lunar year (Hồ Ngọc Đức's algorithm, UTC+7).
LUNAR = {
    2019: (date(2019, 2, 5), date(2019, 4, 14)),
    2020: (date(2020, 1, 25), date(2020, 4, 2)),
    2021: (date(2021, 2, 12), date(2021, 4, 21)),
    2022: (date(2022, 2, 1), date(2022, 4, 10)),
    2023: (date(2023, 1, 22), date(2023, 4, 29)),
    2024: (date(2024, 2, 10), date(2024, 4, 18)),
    2025: (date(2025, 1, 29), date(2025, 4, 7)),
    2026: (date(2026, 2, 17), date(2026, 4, 26)),
    2027: (date(2027, 2, 6), date(2027, 4, 16)),
}
SUMMER = """
[[calendar.uplands.season]]
first = "04-16"
last = "10-15"
name_vi = "giờ mùa hè"
name_en = "summer hours"
certainty = "local"
source = "QĐ 1/QĐ-UBND"
hours = { mon = ["07:00-11:00", "14:00-17:30"], tue = ["07:00-11:00"], wed = ["13:00-17:00"], \
thu = [], fri = ["07:00-11:00"], sat = ["08:00-10:00"], sun = [] }
"""
UPLANDS = (
    SHIPPED.replace("\n[organ]", '\n[organ]\nH16 = "uplands"\n"H16.05" = "administrative"')
    + SHIPPED[SHIPPED.index("[calendar.administrative]") : SHIPPED.index("# An agency")].replace(
        "administrative", "uplands"
    )
    + SUMMER
    + """
[[half_day]]
day = 2026-12-31
hours = ["07:30-11:30"]
calendars = ["uplands"]
name_vi = "nghỉ chiều cuối năm"
name_en = "afternoon off"
certainty = "local"
source = "QĐ 1/QĐ-UBND"
"""
)
MADE = parse_calendars(UPLANDS)
instants = st.datetimes(datetime(2016, 1, 1), datetime(2034, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=VIETNAM)
)
milliseconds = instants.map(ms_of)
calendars = st.sampled_from([OFFICE, MADE.of("H16")])
spans = st.integers(1, 40 * 3_600_000)


def at(text: str) -> datetime:
    """Return an instant of Vietnam."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def by_law(year: int) -> set[date]:
    """Return the holidays of a year on working days of the week, by the law alone."""
    new_year, kings = LUNAR[year]
    before = 1 if new_year.weekday() == 1 else 2
    tet = [new_year + timedelta(days=n) for n in range(-before, 5 - before)]
    fixed = [date(year, 1, 1), kings, date(year, 4, 30), date(year, 5, 1), *national(year)]
    holidays = sorted([*tet, *fixed])
    closed = {day for day in holidays if day.weekday() < 5}
    for holiday in holidays:
        if holiday.weekday() >= 5:
            closed.add(
                next(
                    day
                    for day in days(holiday, date(year, 12, 31))
                    if day.weekday() < 5 and day not in closed
                )
            )
    return closed


def national(year: int) -> list[date]:
    """Return 2 September, and from 2021 the day beside it that joins it to a weekend."""
    day = date(year, 9, 2)
    if year < 2021:
        return [day]
    after = day.weekday() in (0, 3)
    return sorted([day, day + timedelta(days=1 if after else -1)])


@pytest.mark.parametrize("year", LUNAR)
def test_the_closed_days_of_a_year_are_those_of_the_law_and_the_swaps(year: int) -> None:
    closed = {
        day
        for day in days(date(year, 1, 1), date(year, 12, 31))
        if day.weekday() < 5 and not OFFICE.is_working_day(day)
    }
    swapped = {row.instead_of for row in OFFICE.rows.values() if row.instead_of}
    assert by_law(year) | {day for day in swapped if day.year == year} == closed


def test_the_swaps_of_2019_to_2026_are_worked_on_a_saturday() -> None:
    worked = [day for day in OFFICE.rows if day.weekday() > 4 and OFFICE.is_working_day(day)]
    assert [
        date(2019, 1, 5),
        date(2019, 5, 4),
        date(2024, 5, 4),
        date(2025, 4, 26),
        date(2026, 1, 10),
        date(2026, 8, 22),
    ] == sorted(worked)


def test_tet_of_each_year_is_the_schedule_that_was_announced() -> None:
    tet = {row.first: row for row in OFFICE.rows.values() if row.name_en == "Tết"}
    assert [
        ("2019-02-02", "2019-02-10", "announced"),
        ("2020-01-23", "2020-01-29", "announced"),
        ("2021-02-10", "2021-02-16", "announced"),
        ("2022-01-31", "2022-02-04", "announced"),
        ("2023-01-20", "2023-01-26", "announced"),
        ("2024-02-08", "2024-02-14", "announced"),
        ("2025-01-25", "2025-02-02", "announced"),
        ("2026-02-14", "2026-02-22", "announced"),
        ("2027-02-04", "2027-02-10", "derived"),
    ] == [(str(row.first), str(row.last), row.certainty) for row in tet.values()]


def test_a_day_that_is_planned_and_not_enacted_is_worked_and_named() -> None:
    day = date(2026, 11, 24)
    assert OFFICE.is_working_day(day)
    assert RowKind.WEEKLY_WORK is OFFICE.row(day).kind
    (doubt,) = OFFICE.doubts_between(date(2026, 11, 1), date(2026, 11, 30))
    assert (Certainty.OPEN, "Ngày Văn hóa Việt Nam") == (doubt.certainty, doubt.name_vi)


@pytest.mark.parametrize(
    ("instant", "is_open", "may_fall_due"),
    [
        ("2026-11-23T07:29:59.999", False, False),
        ("2026-11-23T07:30:00.000", True, True),
        ("2026-11-23T11:29:59.999", True, True),
        ("2026-11-23T11:30:00.000", False, True),
        ("2026-11-23T11:30:00.001", False, False),
        ("2026-11-23T13:30:00.000", True, True),
        ("2026-11-23T16:59:59.999999", True, True),
        ("2026-11-23T17:00:00.000", False, True),
        ("2026-11-23T17:00:00.001", False, False),
        ("2026-11-22T10:00:00.000", False, False),
    ],
)
def test_working_time_begins_at_the_opening_and_ends_before_the_close(
    instant: str, is_open: bool, may_fall_due: bool
) -> None:
    found = at(instant)
    assert (is_open, may_fall_due) == (OFFICE.is_open(found), OFFICE.may_fall_due_ms(ms_of(found)))


@pytest.mark.parametrize(
    ("instant", "opens"),
    [
        ("2026-11-20T16:59:59.999", "2026-11-20T16:59:59.999"),
        ("2026-11-20T17:00", "2026-11-23T07:30"),
        ("2021-02-09T17:00", "2021-02-17T07:30"),
        ("2025-04-25T18:00", "2025-04-26T07:30"),
        ("2025-05-01T18:00", "2025-05-05T07:30"),
    ],
)
def test_the_next_opening_is_the_instant_itself_or_the_next_working_start(
    instant: str, opens: str
) -> None:
    assert at(opens) == OFFICE.next_open(at(instant))


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    assert OFFICE.is_open(datetime(2026, 11, 23, 0, 30, tzinfo=UTC))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        OFFICE.is_open(datetime(2026, 11, 23, 8))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        (date(2026, 11, 20), "2026-11-20T17:00"),
        (date(2026, 11, 21), "2026-11-23T17:00"),
        (at("2026-11-21T10:00"), "2026-11-23T17:00"),
        (datetime(2026, 11, 19, 23, tzinfo=UTC), "2026-11-20T17:00"),
        (date(2025, 4, 26), "2025-04-26T17:00"),
        (date(2025, 5, 2), "2025-05-05T17:00"),
    ],
)
def test_a_day_ends_at_its_last_close_and_a_closed_one_with_the_next(day: date, ends: str) -> None:
    assert at(ends) == OFFICE.end_of_day(day)


@pytest.mark.parametrize(
    ("instant", "ends"),
    [
        ("2026-11-20T16:59", "2026-11-20T17:00"),
        ("2026-11-20T17:00", "2026-11-23T17:00"),
        ("2026-11-20T12:00", "2026-11-20T17:00"),
        ("2026-11-20T02:00", "2026-11-20T17:00"),
        ("2027-12-31T18:00", "2028-01-03T17:00"),
    ],
)
def test_an_arrival_counts_in_the_working_day_it_comes_in_or_before(
    instant: str, ends: str
) -> None:
    assert at(ends) == OFFICE.end_of_receipt_day(at(instant))


@pytest.mark.parametrize(
    ("instant", "ends"),
    [
        ("2026-11-20T02:00", "2026-11-23T17:00"),
        ("2026-11-20T23:59:59.999", "2026-11-23T17:00"),
        ("2026-11-21T00:00", "2026-11-23T17:00"),
        ("2026-11-22T10:00", "2026-11-23T17:00"),
        ("2026-11-23T00:00", "2026-11-24T17:00"),
    ],
)
def test_the_next_working_day_is_counted_from_the_day_of_the_instant(
    instant: str, ends: str
) -> None:
    assert ms_of(at(ends)) == OFFICE.end_of_next_working_day_ms(ms_of(at(instant)))


def test_a_row_tells_what_closed_a_day() -> None:
    row = OFFICE.row(date(2025, 5, 2))
    assert (RowKind.CLOSED, "TB 6150/TB-BLĐTBXH, CV 8726/VPCP-KGVX") == (row.kind, row.source)


def test_beyond_the_data_the_week_decides_and_says_so() -> None:
    tet_of_2028 = OFFICE.row(date(2028, 1, 26))
    assert (RowKind.WEEKLY_WORK, Certainty.NOT_ANNOUNCED) == (
        tet_of_2028.kind,
        tet_of_2028.certainty,
    )
    assert not OFFICE.covers(date(2028, 1, 1))
    assert OFFICE.covers(date(2027, 12, 31))


def test_an_organ_has_the_calendar_of_the_longest_part_of_its_code() -> None:
    codes = ("H16", "H16.01.02", "H16.05", "H16.05.09", "H160", "H33", "000.00.00.H16", "")
    assert ["uplands", "uplands", *["administrative"] * 6] == [MADE.of(c).name for c in codes]


def test_a_season_has_its_own_hours_every_year() -> None:
    uplands = MADE.of("H16")
    summer = ((time(7), time(11)), (time(14), time(17, 30)))
    assert summer == uplands.hours(date(2026, 4, 20))
    assert summer == uplands.hours(date(2031, 10, 13))
    assert OFFICE.hours(date(2026, 4, 13)) == uplands.hours(date(2026, 4, 13))
    assert OFFICE.hours(date(2026, 10, 19)) == uplands.hours(date(2026, 10, 19))


def test_a_season_holds_on_its_first_and_its_last_day() -> None:
    edges = [date(2026, 4, 15), date(2026, 4, 16), date(2026, 10, 15), date(2026, 10, 16)]
    assert [True, False, False, True] == [MADE.of("H16").is_working_day(day) for day in edges]


def test_a_season_may_go_over_the_new_year() -> None:
    turned = SUMMER.replace('"04-16"', '"10-16"').replace('"10-15"', '"04-15"')
    winter = parse_calendars(UPLANDS[: UPLANDS.index(SUMMER)] + turned).of("H16")
    saturdays = [date(2026, 1, 17), date(2026, 12, 19), date(2026, 7, 18)]
    assert [True, True, False] == [winter.is_working_day(day) for day in saturdays]


def test_a_half_day_ends_with_its_own_hours_and_only_where_it_is_named() -> None:
    day = date(2026, 12, 31)
    assert at("2026-12-31T11:30") == MADE.of("H16").end_of_day(day)
    assert at("2026-12-31T17:00") == MADE.of("H33").end_of_day(day)
    assert RowKind.HALF_DAY is MADE.of("H16").row(day).kind


def test_a_half_day_opens_no_day_off() -> None:
    text = UPLANDS.replace('calendars = ["uplands"]', "")
    everywhere = parse_calendars(text.replace("day = 2026-12-31", "day = 2026-07-18"))
    assert ((time(7, 30), time(11, 30)),) == everywhere.of("H16").hours(date(2026, 7, 18))
    assert not everywhere.of("H33").is_working_day(date(2026, 7, 18))


def test_the_next_morning_passes_over_a_day_that_is_worked_in_the_afternoon_only() -> None:
    wednesday_is_an_afternoon = MADE.of("H16")
    tuesday = date(2026, 7, 21)
    assert date(2026, 7, 22) == wednesday_is_an_afternoon.next_working_day(tuesday)
    assert at("2026-07-24T12:00") == wednesday_is_an_afternoon.next_morning(tuesday)


def test_a_swapped_saturday_is_worked_by_the_hours_of_the_day_given_up() -> None:
    text = UPLANDS.replace('fri = ["07:30-11:30", "13:30-17:00"]', 'fri = ["08:00-12:00"]')
    friday = parse_calendars(text).of("H33")
    assert ((time(8), time(12)),) == friday.hours(date(2025, 4, 26))
    monday = ((time(7, 30), time(11, 30)), (time(13, 30), time(17)))
    assert monday == friday.hours(date(2026, 8, 22))


@given(calendars, milliseconds)
def test_the_table_says_what_the_days_say(calendar: Calendar, instant: int) -> None:
    assert calendar._walk(instant) == calendar._interval(instant)


@given(calendars, milliseconds)
def test_an_opening_is_open_and_nothing_before_it_is(calendar: Calendar, instant: int) -> None:
    opens = calendar.next_open_ms(instant)
    assert calendar.is_open_ms(opens)
    assert opens >= instant
    if opens > instant:
        assert not calendar.is_open_ms(instant)
        assert not calendar.is_open_ms(opens - 1)
        assert opens == calendar.next_open_ms((instant + opens) // 2)


@given(calendars, milliseconds)
def test_being_open_is_lying_in_the_hours_of_the_day(calendar: Calendar, instant: int) -> None:
    local = instant_of(instant)
    worked = any(a <= local.time() < b for a, b in calendar.hours(local.date()))
    assert worked == calendar.is_open_ms(instant)


@given(calendars, milliseconds)
def test_the_end_of_a_receipt_day_is_the_last_close_of_the_day_of_the_opening(
    calendar: Calendar, instant: int
) -> None:
    opens = instant_of(calendar.next_open_ms(instant))
    ends = instant_of(calendar.end_of_receipt_day_ms(instant))
    assert calendar.end_of_day(opens.date()) == ends
    assert calendar.may_fall_due_ms(ms_of(ends))


@given(calendars, milliseconds, milliseconds)
def test_a_later_start_is_never_due_earlier(calendar: Calendar, one: int, other: int) -> None:
    first, then = sorted((one, other))
    for clock in (
        calendar.next_open_ms,
        calendar.end_of_receipt_day_ms,
        calendar.end_of_next_working_day_ms,
    ):
        assert clock(first) <= clock(then)


@given(calendars, milliseconds, spans, spans)
def test_working_time_may_be_added_in_parts(
    calendar: Calendar, instant: int, one: int, other: int
) -> None:
    whole = calendar.add_working_ms(instant, one + other)
    assert whole == calendar.add_working_ms(calendar.add_working_ms(instant, one), other)
    assert calendar.may_fall_due_ms(whole)


@given(calendars, milliseconds, st.integers(1, 2_000))
def test_as_many_minutes_are_worked_as_were_added(
    calendar: Calendar, instant: int, minutes: int
) -> None:
    start = instant - instant % 60_000
    end = calendar.add_working_ms(start, minutes * 60_000)
    assert minutes == sum(calendar.is_open_ms(m) for m in range(start, end, 60_000))


def test_no_span_is_no_span_of_working_time() -> None:
    with pytest.raises(ValueError, match="0 ms"):
        OFFICE.add_working_ms(0, 0)


def test_instants_go_to_milliseconds_and_back() -> None:
    noon = at("2026-11-23T12:00:00.123")
    assert noon == instant_of(ms_of(noon))
    assert VIETNAM.utcoffset(None) == instant_of(0).utcoffset()


def changed(new: str) -> list[tuple[str, date, bool]]:
    found = difference(parse_calendars(SHIPPED), parse_calendars(new)).days
    return [(each.calendar, each.day, each.moves_deadlines) for each in found]


def test_a_text_changes_nothing_against_itself() -> None:
    assert not difference(parse_calendars(SHIPPED), parse_calendars(SHIPPED))


def test_a_holiday_that_is_moved_changes_its_days() -> None:
    new = SHIPPED.replace(
        "first = 2027-09-02\nlast = 2027-09-03", "first = 2027-09-01\nlast = 2027-09-02"
    )
    days_changed = [
        ("administrative", date(2027, 9, 1), True),
        ("administrative", date(2027, 9, 2), False),
        ("administrative", date(2027, 9, 3), True),
    ]
    assert days_changed == changed(new)


def test_a_schedule_that_is_announced_as_derived_moves_no_deadline() -> None:
    tet = SHIPPED.index("first = 2027-02-04")
    new = SHIPPED[:tet] + SHIPPED[tet:].replace('"derived"', '"announced"', 1)
    assert [False] * 7 == [moves for _, _, moves in changed(new)]


def test_a_day_that_is_enacted_becomes_closed() -> None:
    day = SHIPPED.index("first = 2026-11-24")
    new = SHIPPED[:day] + SHIPPED[day:].replace('"open"', '"announced"', 1)
    assert [("administrative", date(2026, 11, 24), True)] == changed(new)


def test_the_days_of_a_year_that_is_new_are_told() -> None:
    new = SHIPPED.replace("last_day = 2027-12-31", "last_day = 2028-12-31") + (
        '[[closed]]\nfirst = 2028-01-24\nlast = 2028-01-28\nname_vi = "Tết Nguyên đán"\n'
        'name_en = "Tết"\ncertainty = "announced"\nsource = "CV"\n'
    )
    expected = [("administrative", date(2028, 1, day), True) for day in range(24, 29)]
    assert expected == changed(new)


def test_other_settings_are_told_by_key() -> None:
    found = difference(parse_calendars(SHIPPED), MADE).settings
    assert [
        ("calendar.uplands.morning_ends", "—", "12:00"),
        ("organ.H16", "—", "uplands"),
        ("organ.H16.05", "—", "administrative"),
    ] == list(found)


def test_every_row_names_its_source() -> None:
    rows = [*OFFICE.rows.values(), *OFFICE.doubts.values()]
    assert [] == [row for row in rows if not row.source]
    assert isinstance(OFFICE.row(date(2026, 11, 23)), Row)
