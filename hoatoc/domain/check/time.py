"""Dates: of promulgation and of reply, against the day on which the document goes out."""

from datetime import date, timedelta

from hoatoc.domain.check.rule import Case, Rule, Severity, Spot, Spots

_PROMULGATED = "MessageHeader/PromulgationInfo/PromulgationDate"
_DUE = "MessageHeader/DueDate"
_LONG_AGO = timedelta(days=366)


def _future(case: Case) -> Spots:
    if case.packet.promulgated > case.today:
        yield Spot(_PROMULGATED, _day(case.packet.promulgated), _day(case.today))


def _long_ago(case: Case) -> Spots:
    if case.today - case.packet.promulgated > _LONG_AGO:
        yield Spot(_PROMULGATED, _day(case.packet.promulgated))


def _due_before_promulgation(case: Case) -> Spots:
    due, promulgated = case.packet.due, case.packet.promulgated
    if due and due < promulgated:
        yield Spot(_DUE, _day(due), _day(promulgated))


def _due_passed(case: Case) -> Spots:
    due = case.packet.due
    if due and case.packet.promulgated <= due < case.today:
        yield Spot(_DUE, _day(due))


def _day(day: date) -> str:
    return f"{day.day:02}/{day.month:02}/{day.year}"


RULES = (
    Rule(
        "promulgated-in-future",
        Severity.REFUSE,
        _future,
        (
            "Ngày ban hành {found} sau ngày gửi {expected}.",
            "Sửa ngày ban hành rồi gửi lại.",
        ),
        (
            "The date of promulgation, {found}, is after the day of sending, {expected}.",
            "Correct the date and send again.",
        ),
        "QCVN 102:2016/BTTTT",
    ),
    Rule(
        "promulgated-long-ago",
        Severity.WARN,
        _long_ago,
        (
            "Văn bản ban hành ngày {found}, đã quá một năm.",
            "Kiểm tra ngày ban hành; văn bản phải gửi trong ngày ký hoặc sáng ngày làm việc sau.",
        ),
        (
            "The document was promulgated on {found}, more than a year ago.",
            "Check the date; a document goes out on the day it is signed or the next morning.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 6.2",
    ),
    Rule(
        "due-before-promulgation",
        Severity.REFUSE,
        _due_before_promulgation,
        (
            "Hạn trả lời {found} trước ngày ban hành {expected}.",
            "Sửa hạn trả lời rồi gửi lại.",
        ),
        (
            "The reply is due on {found}, before the promulgation on {expected}.",
            "Correct the due date and send again.",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.c-q",
    ),
    Rule(
        "due-passed",
        Severity.WARN,
        _due_passed,
        ("Hạn trả lời {found} đã qua.", "Thống nhất hạn mới với nơi nhận, hoặc bỏ hạn."),
        ("The reply was due on {found}, which has passed.", "Agree on a new date, or drop it."),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.c-q",
    ),
)
