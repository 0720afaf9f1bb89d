"""Legal clocks: by when the law wants a step done, and why then.

| clock       | ordinary document                                  | urgent (priority 1-4)  |
|-------------|----------------------------------------------------|------------------------|
| send        | the day of signing, at the latest the next working | at once after signing  |
|             | morning (QĐ 28/2018, Điều 6.2)                     |                        |
| issue       | the same day, at the latest the next working day   | at once after signing  |
|             | (NĐ 30/2020, Điều 18.1)                            |                        |
| acknowledge | the day of receipt (NĐ 30/2020, Điều 21.2.c)       | the same               |
| register    | the day of receipt, at the latest the next working | at once after receipt  |
|             | day (NĐ 30/2020, Điều 4.2.c, 23.1)                 | (QĐ 28/2018, Điều 6.2) |
| reply       | the day named as due (NĐ 30/2020, Điều 24.2); a    | the same               |
|             | closed one: the next working day (BLDS 148.5)      |                        |
| recall      | no number in law                                   | no number in law       |

A due is where a breach begins: after the *latest* instant that the law allows. "At once" has no
number in any law: the caller gives the span, a design parameter, and it runs round the clock. The
same holds of a recall, whose span runs in working time unless the document is urgent.

Send, issue and register depend on the *day* of their start alone, so a document whose signing is
known only as a date (its date of promulgation) loses nothing. Only the urgent clocks need the
instant: of a mere date they run from the end of that working day, the last moment at which it can
have been signed in office hours, so that nobody is said to be late who was not.

What a due rests on beyond the letter of the law is named (`Assumption`), never implied.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from hoatoc.domain.calendar import VIETNAM, Calendar, Certainty, Row, instant_of, ms_of

TIMED = 4
"""Priority 4, hỏa tốc hẹn giờ: urgent, with a time of its own if one is appointed."""


class Clock(StrEnum):
    """The steps that a law or a policy sets a time for."""

    SEND = "send"
    ISSUE = "issue"
    ACKNOWLEDGE = "acknowledge"
    REGISTER = "register"
    REPLY = "reply"
    RECALL = "recall"


class Assumption(StrEnum):
    """What a due rests on beyond the letter of the law and the announced calendar."""

    MORNING = "morning"
    WORKING_DAY = "working-day"
    OUTSIDE_HOURS = "outside-hours"
    DESIGN_PARAMETER = "design-parameter"
    DAY_ONLY = "day-only"
    APPOINTED = "appointed"
    APPOINTED_BEFORE_START = "appointed-before-start"
    CIVIL_CODE = "civil-code"
    DERIVED = "derived"
    UNDECIDED_DAY = "undecided-day"
    NOT_ANNOUNCED = "not-announced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """By when a step must be done (UTC+07:00; met at this very instant), and why then.

    `start` is a date where only the day counts or is known; `rows` are the rows of the calendar
    between start and due that are not plain working days.
    """

    clock: Clock
    start: date
    at: datetime
    article: str
    rule_vi: str
    rule_en: str
    rows: tuple[Row, ...] = ()
    assumptions: tuple[Assumption, ...] = ()

    @property
    def announced(self) -> bool:
        """Tell whether every day that it rests on is in an announced calendar."""
        return Assumption.NOT_ANNOUNCED not in self.assumptions


@dataclass(frozen=True, slots=True)
class _Rule:
    article: str
    text_vi: str
    text_en: str


_SIGNED_URGENT = ("văn bản khẩn: gửi ngay sau khi ký", "urgent: sent at once after signing")
_QD28, _ND30 = "QĐ 28/2018/QĐ-TTg", "NĐ 30/2020/NĐ-CP"
_RULES = {
    (Clock.SEND, False): _Rule(
        f"{_QD28}, Điều 6.2",
        "gửi trong ngày ký, chậm nhất trong buổi sáng của ngày làm việc tiếp theo",
        "sent on the day of signing, at the latest the next working morning",
    ),
    (Clock.SEND, True): _Rule(f"{_QD28}, Điều 6.2", *_SIGNED_URGENT),
    (Clock.ISSUE, False): _Rule(
        f"{_ND30}, Điều 18.1",
        "phát hành trong ngày, chậm nhất trong ngày làm việc tiếp theo",
        "issued the same day, at the latest the next working day",
    ),
    (Clock.ISSUE, True): _Rule(f"{_ND30}, Điều 18.1", *_SIGNED_URGENT),
    (Clock.ACKNOWLEDGE, False): _Rule(
        f"{_ND30}, Điều 21.2.c",
        "thông báo ngay trong ngày cho nơi gửi là đã nhận",
        "receipt told to the sender the same day",
    ),
    (Clock.REGISTER, False): _Rule(
        f"{_ND30}, Điều 4.2.c, 23.1",
        "đăng ký, trình, chuyển giao trong ngày, chậm nhất trong ngày làm việc tiếp theo",
        "registered and handed over the same day, at the latest the next working day",
    ),
    (Clock.REGISTER, True): _Rule(
        f"{_ND30}, Điều 4.2.c, 23.1; {_QD28}, Điều 6.2",
        "văn bản khẩn: trình, chuyển giao ngay sau khi tiếp nhận",
        "urgent: handed over at once after receipt",
    ),
    (Clock.REPLY, False): _Rule(
        f"{_ND30}, Điều 24.2",
        "giải quyết đến hết ngày làm việc của hạn trả lời",
        "resolved by the end of the working day that is named as due",
    ),
    (Clock.RECALL, False): _Rule(
        f"{_QD28}, Điều 9.2",
        "trả lời yêu cầu thu hồi; không văn bản nào ấn định thời hạn",
        "recall answered; no law sets a time",
    ),
    (Clock.RECALL, True): _Rule(
        f"{_QD28}, Điều 9.2",
        "văn bản khẩn: trả lời yêu cầu thu hồi; không văn bản nào ấn định thời hạn",
        "urgent: recall answered; no law sets a time",
    ),
}
_CIVIL_CODE = _Rule(
    f"{_ND30}, Điều 24.2; Bộ luật Dân sự 2015, Điều 148.5",
    "hạn trả lời rơi vào ngày nghỉ: đến hết ngày làm việc tiếp theo",
    "named as due on a day off: by the end of the next working day",
)


def send(
    calendar: Calendar,
    signed: date,
    *,
    priority: int = 0,
    at_once: timedelta,
    appointed: datetime | None = None,
) -> Due:
    """Return by when a document must be sent (QĐ 28/2018/QĐ-TTg, Điều 6.2).

    `signed` is an aware instant, or a date when no more is known; `at_once` is what the policy
    allows an urgent document.
    """
    if priority:
        return _signed_urgent(Clock.SEND, calendar, signed, at_once, _timed(priority, appointed))
    at = calendar.next_morning(_day(signed))
    return _working(Clock.SEND, calendar, signed, at, (Assumption.MORNING,))


def issue(
    calendar: Calendar,
    signed: date,
    *,
    priority: int = 0,
    at_once: timedelta,
    appointed: datetime | None = None,
) -> Due:
    """Return by when a document must be issued (NĐ 30/2020/NĐ-CP, Điều 18.1); as `send`."""
    if priority:
        return _signed_urgent(Clock.ISSUE, calendar, signed, at_once, _timed(priority, appointed))
    at = calendar.end_of_day(calendar.next_working_day(_day(signed)))
    return _working(Clock.ISSUE, calendar, signed, at, (Assumption.WORKING_DAY,))


def acknowledge(calendar: Calendar, arrived: datetime) -> Due:
    """Return by when receipt must be told to the sender (NĐ 30/2020/NĐ-CP, Điều 21.2.c).

    It is the same for urgent documents.
    """
    at = calendar.end_of_receipt_day(arrived)
    outside = () if calendar.is_open(arrived) else (Assumption.OUTSIDE_HOURS,)
    return _working(Clock.ACKNOWLEDGE, calendar, arrived, at, (Assumption.WORKING_DAY, *outside))


def register(
    calendar: Calendar,
    arrived: datetime,
    *,
    priority: int = 0,
    at_once: timedelta,
    appointed: datetime | None = None,
) -> Due:
    """Return by when a document must be registered and handed over to who resolves it.

    NĐ 30/2020/NĐ-CP, Điều 4.2.c and 23.1; urgent ones also QĐ 28/2018/QĐ-TTg, Điều 6.2.
    """
    if priority:
        return _at_once(Clock.REGISTER, arrived, at_once, _timed(priority, appointed))
    at = calendar.end_of_day(calendar.next_working_day(_day(arrived)))
    return _working(Clock.REGISTER, calendar, arrived, at, (Assumption.WORKING_DAY,))


def reply(calendar: Calendar, due_date: date) -> Due:
    """Return by when a document must be resolved whose sender named a day (DueDate).

    NĐ 30/2020/NĐ-CP, Điều 24.2; of a closed day Bộ luật Dân sự 2015, Điều 148.5.
    """
    day = _day(due_date)
    moved = not calendar.is_working_day(day)
    assumed = (Assumption.WORKING_DAY, *((Assumption.CIVIL_CODE,) if moved else ()))
    rule = _CIVIL_CODE if moved else _RULES[Clock.REPLY, False]
    return _working(Clock.REPLY, calendar, day, calendar.end_of_day(day), assumed, rule)


def recall(calendar: Calendar, requested: datetime, *, priority: int = 0, within: timedelta) -> Due:
    """Return by when a recall must be answered: a span of the policy, one millisecond at least.

    It runs in working time, of urgent documents round the clock.
    """
    if priority:
        return _at_once(Clock.RECALL, requested, within, None)
    span_ms = within // timedelta(milliseconds=1)
    at = instant_of(calendar.add_working_ms(ms_of(requested), span_ms))
    return _working(Clock.RECALL, calendar, requested, at, (Assumption.DESIGN_PARAMETER,))


def earliest(dues: Iterable[Due]) -> Due:
    """Return the due at which a breach begins when several rules hold: the earliest."""
    return min(dues, key=lambda due: due.at)


def _timed(priority: int, appointed: datetime | None) -> datetime | None:
    return appointed if priority == TIMED else None


def _day(start: date) -> date:
    return start.astimezone(VIETNAM).date() if isinstance(start, datetime) else start


def _working(
    clock: Clock,
    calendar: Calendar,
    start: date,
    at: datetime,
    assumed: tuple[Assumption, ...],
    rule: _Rule | None = None,
) -> Due:
    rule = rule or _RULES[clock, False]
    first, last = _day(start), _day(at)
    rows = calendar.rows_between(first, last)
    return Due(
        clock=clock,
        start=start,
        at=at,
        article=rule.article,
        rule_vi=rule.text_vi,
        rule_en=rule.text_en,
        rows=rows,
        assumptions=(*assumed, *_of_calendar(calendar, first, last, rows)),
    )


def _of_calendar(
    calendar: Calendar, first: date, last: date, rows: tuple[Row, ...]
) -> Iterator[Assumption]:
    if any(row.certainty is Certainty.DERIVED for row in rows):
        yield Assumption.DERIVED
    if calendar.doubts_between(first, last):
        yield Assumption.UNDECIDED_DAY
    if not (calendar.covers(first) and calendar.covers(last)):
        yield Assumption.NOT_ANNOUNCED


def _signed_urgent(
    clock: Clock,
    calendar: Calendar,
    signed: date,
    at_once: timedelta,
    appointed: datetime | None,
) -> Due:
    if isinstance(signed, datetime):
        return _at_once(clock, signed, at_once, appointed)
    if calendar.is_working_day(signed):
        instant = calendar.end_of_day(signed)
    else:
        instant = datetime.combine(signed + timedelta(days=1), time(), VIETNAM)
    return _at_once(clock, instant, at_once, appointed, (Assumption.DAY_ONLY,))


def _at_once(
    clock: Clock,
    start: datetime,
    span: timedelta,
    appointed: datetime | None,
    assumed: tuple[Assumption, ...] = (),
) -> Due:
    """Return a due round the clock; an appointed time brings it forward, never before the start."""
    at = start + span
    if appointed is not None:
        early = appointed <= start
        noted = Assumption.APPOINTED_BEFORE_START if early else Assumption.APPOINTED
        assumed = (*assumed, noted)
        at = at if early else min(at, appointed)
    rule = _RULES[clock, True]
    return Due(
        clock=clock,
        start=start,
        at=at.astimezone(VIETNAM),
        article=rule.article,
        rule_vi=rule.text_vi,
        rule_en=rule.text_en,
        assumptions=(Assumption.DESIGN_PARAMETER, *assumed),
    )
