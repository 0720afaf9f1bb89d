"""By when the law wants a step done."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.calendar import VIETNAM, Calendar, ms_of
from hoatoc.domain.calendar_text import parse_calendars
from hoatoc.domain.legal_clock import (
    Assumption,
    Clock,
    Due,
    acknowledge,
    earliest,
    issue,
    recall,
    register,
    reply,
    send,
)
from hoatoc.domain.legal_text import ASSUMPTIONS, CERTAINTIES, render, span

SHIPPED = (files("hoatoc.data") / "calendar.toml").read_text("utf-8")
OFFICE = parse_calendars(SHIPPED, 1).of("H33")
AFTERNOON_ONLY = parse_calendars(
    SHIPPED.replace('mon = ["07:30-11:30", "13:30-17:00"]', 'mon = ["13:30-17:00"]')
    + """
[[half_day]]
day = 2026-12-31
hours = ["07:30-11:30"]
name_vi = "nghỉ chiều cuối năm"
name_en = "afternoon off"
certainty = "local"
source = "QĐ 1/QĐ-UBND"
"""
).of("")
QUARTER = timedelta(minutes=15)


def at(text: str) -> datetime:
    """Return an instant of Vietnam."""
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


def send_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return send(calendar, start, priority=priority, at_once=QUARTER)


def issue_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return issue(calendar, start, priority=priority, at_once=QUARTER)


def acknowledge_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return acknowledge(calendar, start)


def register_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return register(calendar, start, priority=priority, at_once=QUARTER)


def reply_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return reply(calendar, start)


def recall_(calendar: Calendar, start: datetime, priority: int = 0) -> Due:
    return recall(calendar, start, priority=priority, within=QUARTER)


ClockOf = Callable[[Calendar, datetime, int], Due]
CLOCKS: list[ClockOf] = [send_, issue_, acknowledge_, register_, reply_, recall_]
clocks = st.sampled_from(CLOCKS)
calendars = st.sampled_from([OFFICE, AFTERNOON_ONLY])
instants = st.datetimes(datetime(2017, 1, 1), datetime(2033, 1, 1)).map(  # noqa: DTZ001
    lambda found: found.replace(tzinfo=VIETNAM)
)

GOLDEN = [
    # signed on Friday at 16:50: Monday noon, and the end of Monday
    (send_, 0, "2026-11-20T16:50", "2026-11-23T12:00"),
    (issue_, 0, "2026-11-20T16:50", "2026-11-23T17:00"),
    # in the morning of a working day, in the night before one, on a Saturday
    (send_, 0, "2026-11-17T08:00", "2026-11-18T12:00"),
    (send_, 0, "2026-11-17T00:30", "2026-11-18T12:00"),
    (send_, 0, "2026-11-21T09:00", "2026-11-23T12:00"),
    # before Tết: the first working morning after it
    (send_, 0, "2021-02-09T23:00", "2021-02-17T12:00"),
    (issue_, 0, "2021-02-09T23:00", "2021-02-17T17:00"),
    # the eve of the swapped Saturday, and that Saturday itself
    (send_, 0, "2025-04-25T15:00", "2025-04-26T12:00"),
    (send_, 0, "2025-04-26T15:00", "2025-04-28T12:00"),
    (send_, 0, "2025-04-29T15:00", "2025-05-05T12:00"),
    # urgent: round the clock
    (send_, 1, "2026-11-21T23:50", "2026-11-22T00:05"),
    (issue_, 3, "2021-02-12T02:00", "2021-02-12T02:15"),
    (register_, 2, "2026-11-22T03:00", "2026-11-22T03:15"),
    (recall_, 4, "2026-11-22T03:00", "2026-11-22T03:15"),
    # receipt: at 16:59, at 17:00, at night, on a day off, on the swapped Saturday
    (acknowledge_, 0, "2026-11-20T16:59", "2026-11-20T17:00"),
    (acknowledge_, 0, "2026-11-20T17:00", "2026-11-23T17:00"),
    (acknowledge_, 0, "2026-11-20T02:00", "2026-11-20T17:00"),
    (acknowledge_, 0, "2026-11-21T10:00", "2026-11-23T17:00"),
    (acknowledge_, 3, "2026-11-21T10:00", "2026-11-23T17:00"),
    (acknowledge_, 0, "2025-04-26T10:00", "2025-04-26T17:00"),
    (acknowledge_, 0, "2025-05-02T10:00", "2025-05-05T17:00"),
    (register_, 0, "2026-11-20T16:59", "2026-11-23T17:00"),
    (register_, 0, "2026-11-21T10:00", "2026-11-23T17:00"),
    (register_, 0, "2026-11-23T20:00", "2026-11-24T17:00"),
    # DueDate: a working day, a Sunday, in Tết
    (reply_, 0, "2026-11-20T00:00", "2026-11-20T17:00"),
    (reply_, 0, "2026-11-22T00:00", "2026-11-23T17:00"),
    (reply_, 0, "2021-02-11T00:00", "2021-02-17T17:00"),
    # recall: a quarter of an hour of working time
    (recall_, 0, "2026-11-20T11:20", "2026-11-20T13:35"),
    (recall_, 0, "2026-11-20T16:45", "2026-11-20T17:00"),
    (recall_, 0, "2026-11-20T16:46", "2026-11-23T07:31"),
]


@pytest.mark.parametrize(("clock", "priority", "start", "due"), GOLDEN)
def test_a_start_has_its_due(clock: ClockOf, priority: int, start: str, due: str) -> None:
    assert at(due) == clock(OFFICE, at(start), priority).at


@pytest.mark.parametrize(
    ("clock", "start", "due"),
    [
        (acknowledge_, "2026-12-31T10:00", "2026-12-31T11:30"),
        (acknowledge_, "2026-12-31T14:00", "2027-01-04T17:00"),
        (issue_, "2026-12-30T10:00", "2026-12-31T11:30"),
        (send_, "2026-12-30T10:00", "2026-12-31T12:00"),
    ],
)
def test_a_half_day_ends_at_noon(clock: ClockOf, start: str, due: str) -> None:
    assert at(due) == clock(AFTERNOON_ONLY, at(start), 0).at


def test_where_the_next_working_day_has_no_morning_the_day_of_issue_is_the_earlier() -> None:
    friday = at("2026-11-20T10:00")
    dues = [send_(AFTERNOON_ONLY, friday), issue_(AFTERNOON_ONLY, friday)]
    assert [at("2026-11-24T12:00"), at("2026-11-23T17:00")] == [due.at for due in dues]
    assert Clock.ISSUE is earliest(dues).clock


def test_ordinarily_the_morning_is_the_earlier() -> None:
    friday = at("2026-11-20T10:00")
    assert Clock.SEND is earliest([issue_(OFFICE, friday), send_(OFFICE, friday)]).clock


def test_only_the_day_of_signing_counts_so_a_date_is_enough() -> None:
    day = date(2021, 2, 9)
    for clock in (send, issue):
        dues = {
            clock(OFFICE, start, at_once=QUARTER).at
            for start in (day, at("2021-02-09T00:00"), at("2021-02-09T23:59:59"))
        }
        assert 1 == len(dues)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2026, 11, 20), "2026-11-20T17:15"),
        (date(2026, 12, 31), "2026-12-31T11:45"),
        (date(2026, 11, 21), "2026-11-22T00:15"),
    ],
)
def test_an_urgent_document_of_a_date_is_sent_at_once_after_that_day(day: date, due: str) -> None:
    found = send(AFTERNOON_ONLY, day, priority=1, at_once=QUARTER)
    assert (at(due), True) == (found.at, Assumption.DAY_ONLY in found.assumptions)


@pytest.mark.parametrize(
    ("priority", "appointed", "due", "assumption"),
    [
        (4, "2026-11-20T10:10", "2026-11-20T10:10", Assumption.APPOINTED),
        (4, "2026-11-20T18:00", "2026-11-20T10:15", Assumption.APPOINTED),
        (4, "2026-11-20T10:00", "2026-11-20T10:15", Assumption.APPOINTED_BEFORE_START),
        (3, "2026-11-20T10:10", "2026-11-20T10:15", Assumption.DESIGN_PARAMETER),
    ],
)
def test_an_appointed_time_may_only_bring_forward_what_is_sent_at_once(
    priority: int, appointed: str, due: str, assumption: Assumption
) -> None:
    for clock in (send, issue, register):
        found = clock(
            OFFICE,
            at("2026-11-20T10:00"),
            priority=priority,
            at_once=QUARTER,
            appointed=at(appointed),
        )
        assert (at(due), assumption) == (found.at, found.assumptions[-1])


def test_a_receipt_outside_working_hours_is_marked_as_an_assumption() -> None:
    marked = [
        Assumption.OUTSIDE_HOURS in acknowledge_(OFFICE, at(start)).assumptions
        for start in ("2026-11-20T16:59:59", "2026-11-20T17:00:00")
    ]
    assert [False, True] == marked


def test_a_due_names_the_rows_that_moved_it() -> None:
    assert ["Tết 10-16/02/2021"] == [
        f"{row.name_en} {span(row)}" for row in send_(OFFICE, at("2021-02-09T16:50")).rows
    ]
    assert () == send_(OFFICE, at("2021-02-08T16:50")).rows


def test_a_due_on_a_closed_day_rests_on_the_civil_code() -> None:
    sunday, monday = (reply(OFFICE, date(2026, 11, day)) for day in (22, 23))
    assert sunday.article.endswith("Bộ luật Dân sự 2015, Điều 148.5")
    assert Assumption.CIVIL_CODE in sunday.assumptions
    assert "NĐ 30/2020/NĐ-CP, Điều 24.2" == monday.article


@pytest.mark.parametrize(
    ("start", "assumption"),
    [
        ("2027-02-03T10:00", Assumption.DERIVED),
        ("2026-11-23T10:00", Assumption.UNDECIDED_DAY),
        ("2027-12-31T10:00", Assumption.NOT_ANNOUNCED),
        ("2018-12-31T10:00", Assumption.NOT_ANNOUNCED),
    ],
)
def test_a_due_says_when_its_days_are_not_certain(start: str, assumption: Assumption) -> None:
    due = send_(OFFICE, at(start))
    assert assumption in due.assumptions
    assert (assumption is not Assumption.NOT_ANNOUNCED) == due.announced


def test_a_due_in_announced_days_rests_on_no_such_assumption() -> None:
    assert (Assumption.MORNING,) == send_(OFFICE, at("2021-02-09T16:50")).assumptions


def test_a_start_in_another_zone_has_the_same_due() -> None:
    start = at("2026-11-24T02:00")
    for clock in CLOCKS:
        if clock is not reply_:
            assert clock(OFFICE, start, 0).at == clock(OFFICE, start.astimezone(UTC), 0).at


@given(calendars, clocks, instants, st.integers(0, 4))
def test_a_due_is_not_before_its_start_and_the_same_each_time(
    calendar: Calendar, clock: ClockOf, start: datetime, priority: int
) -> None:
    due = clock(calendar, start, priority)
    began = start.date() if clock is reply_ else start
    assert due.at >= start or due.at.date() >= start.date() == began
    assert due == clock(calendar, start, priority)
    assert VIETNAM.utcoffset(None) == due.at.utcoffset()


@given(calendars, clocks, instants, instants, st.integers(0, 4))
def test_a_later_start_is_never_due_earlier(
    calendar: Calendar, clock: ClockOf, one: datetime, other: datetime, priority: int
) -> None:
    first, then = sorted((one, other))
    assert clock(calendar, first, priority).at <= clock(calendar, then, priority).at


@given(calendars, clocks, instants)
def test_no_ordinary_due_is_on_a_closed_day(
    calendar: Calendar, clock: ClockOf, start: datetime
) -> None:
    due = clock(calendar, start, 0)
    assert calendar.is_working_day(due.at.date())
    if due.clock is not Clock.SEND:
        assert calendar.may_fall_due_ms(ms_of(due.at))


@given(calendars, instants)
def test_the_hot_path_agrees_with_the_clocks(calendar: Calendar, start: datetime) -> None:
    started = ms_of(start)
    assert calendar.end_of_receipt_day_ms(started) == ms_of(acknowledge_(calendar, start).at)
    assert calendar.end_of_next_working_day_ms(started) == ms_of(register_(calendar, start).at)


@given(calendars, clocks, instants, st.integers(0, 4))
def test_every_due_can_be_told_in_both_languages(
    calendar: Calendar, clock: ClockOf, start: datetime, priority: int
) -> None:
    due = clock(calendar, start, priority)
    for line in render(due):
        assert due.article in line
        assert f"{due.at:%d/%m/%Y %H:%M}" in line


def test_every_assumption_and_certainty_has_its_words() -> None:
    assert set(Assumption) == set(ASSUMPTIONS)
    named = {row.certainty for row in (*OFFICE.rows.values(), *OFFICE.doubts.values())}
    assert named <= set(CERTAINTIES)


def test_a_due_is_told_as_a_sentence() -> None:
    vi, en = render(send_(OFFICE, at("2021-02-09T16:50")))
    assert (
        "ký thứ Ba 09/02/2021 16:50, hạn thứ Tư 17/02/2021 12:00: QĐ 28/2018/QĐ-TTg, Điều 6.2, "
        "gửi trong ngày ký, chậm nhất trong buổi sáng của ngày làm việc tiếp theo; lịch: "
        "Tết Nguyên đán 10-16/02/2021. Giả định: không văn bản nào định nghĩa “buổi sáng”; lấy giờ "
        "kết thúc buổi sáng của lịch cơ quan"
    ) == vi
    assert en.startswith(
        "signed Tue 09/02/2021 16:50, due Wed 17/02/2021 12:00: QĐ 28/2018/QĐ-TTg, Điều 6.2, sent "
        "on the day of signing, at the latest the next working morning; calendar: Tết "
        "10-16/02/2021. Assumed: "
    )


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2025-04-25T10:00", "26/04/2025 worked instead of Friday 02/5/2025"),
        ("2025-04-29T10:00", "swapped with Saturday 26/4/2025 02/05/2025; weekly day off"),
        ("2027-02-03T10:00", "Tết 04-10/02/2027 (derived from the law)"),
        ("2023-04-28T10:00", "Labour Day 29/04-03/05/2023"),
    ],
)
def test_rows_are_told_with_their_days_and_doubts(start: str, words: str) -> None:
    assert words in render(send_(OFFICE, at(start))).en
