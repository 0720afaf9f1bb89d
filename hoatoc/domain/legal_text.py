"""Deadlines in words: one sentence in Vietnamese and one in English, for staff and for pages."""

from datetime import date, datetime
from typing import NamedTuple

from hoatoc.domain.calendar import VIETNAM, Certainty, Row, RowKind
from hoatoc.domain.legal_clock import Assumption, Clock, Due


class Text(NamedTuple):
    """The same in both languages."""

    vi: str
    en: str


_WEEKDAYS = (
    Text("thứ Hai", "Mon"),
    Text("thứ Ba", "Tue"),
    Text("thứ Tư", "Wed"),
    Text("thứ Năm", "Thu"),
    Text("thứ Sáu", "Fri"),
    Text("thứ Bảy", "Sat"),
    Text("Chủ nhật", "Sun"),
)
_STARTS = {
    Clock.SEND: Text("ký", "signed"),
    Clock.ISSUE: Text("ký", "signed"),
    Clock.ACKNOWLEDGE: Text("đến", "arrived"),
    Clock.REGISTER: Text("đến", "arrived"),
    Clock.REPLY: Text("hạn trả lời", "named as due"),
    Clock.RECALL: Text("yêu cầu thu hồi", "recall requested"),
}
CERTAINTIES = {
    Certainty.ANNOUNCED: Text("đã công bố", "announced"),
    Certainty.DERIVED: Text("suy từ luật", "derived from the law"),
    Certainty.MEMORY: Text("theo lệ thường", "usual practice"),
    Certainty.LOCAL: Text("cơ quan quyết định", "the agency's own"),
    Certainty.OPEN: Text("chưa rõ, chưa áp dụng", "undecided, not applied"),
    Certainty.NOT_ANNOUNCED: Text("lịch chưa công bố", "calendar not announced"),
}
ASSUMPTIONS = {
    Assumption.MORNING: Text(
        "không văn bản nào định nghĩa “buổi sáng”; lấy giờ kết thúc buổi sáng của lịch cơ quan",
        "no law defines “morning”; the end of morning in the agency's calendar is taken",
    ),
    Assumption.WORKING_DAY: Text(
        "“trong ngày” được hiểu là đến hết giờ làm việc của ngày đó",
        "“the same day” is read as until the end of working hours of that day",
    ),
    Assumption.OUTSIDE_HOURS: Text(
        "đến ngoài giờ làm việc: tính từ lúc mở cửa tiếp theo",
        "arrived outside working hours: counted from the next opening",
    ),
    Assumption.DESIGN_PARAMETER: Text(
        "không văn bản nào ấn định số phút; lấy theo chính sách vận hành",
        "no law sets a number; it is a design parameter of the policy",
    ),
    Assumption.DAY_ONLY: Text(
        "chỉ biết ngày ký: tính từ cuối ngày đó",
        "only the day of signing is known: counted from the end of that day",
    ),
    Assumption.APPOINTED: Text(
        "hỏa tốc hẹn giờ: lấy thời điểm sớm hơn giữa giờ hẹn và hạn gửi ngay",
        "express with an appointed time: the earlier of that time and “at once” is taken",
    ),
    Assumption.APPOINTED_BEFORE_START: Text(
        "giờ hẹn không sau lúc bắt đầu nên không tính",
        "the appointed time is not after the start and does not count",
    ),
    Assumption.CIVIL_CODE: Text(
        "áp dụng quy tắc tính thời hạn của Bộ luật Dân sự cho hạn hành chính",
        "the Civil Code's rule on periods is applied to an administrative deadline",
    ),
    Assumption.DERIVED: Text(
        "có ngày nghỉ suy từ luật; chưa có lịch công bố để đối chiếu",
        "a day off is derived from the law; no announced schedule is at hand to compare",
    ),
    Assumption.UNDECIDED_DAY: Text(
        "trong khoảng này có ngày chưa rõ là ngày nghỉ; đang tính là ngày thường",
        "a day in between may become a day off; it is counted as an ordinary one",
    ),
    Assumption.NOT_ANNOUNCED: Text(
        "lịch chưa công bố: chỉ tính theo tuần làm việc; nhập lịch mới bằng "
        "`hoatoc calendar import`",
        "calendar not announced: the week alone is counted; take in the new schedule with "
        "`hoatoc calendar import`",
    ),
}


def render(due: Due) -> Text:
    """Write a due as one line in each language: start, due, rule, calendar, assumptions."""
    starts, start, at = _STARTS[due.clock], when(due.start), when(due.at)
    rows = [row_text(row) for row in due.rows]
    assumed = [ASSUMPTIONS[each] for each in due.assumptions]
    return Text(
        f"{starts.vi} {start.vi}, hạn {at.vi}: {due.article}, {due.rule_vi}"
        + _list("; lịch: ", [row.vi for row in rows])
        + _list(". Giả định: ", [each.vi for each in assumed]),
        f"{starts.en} {start.en}, due {at.en}: {due.article}, {due.rule_en}"
        + _list("; calendar: ", [row.en for row in rows])
        + _list(". Assumed: ", [each.en for each in assumed]),
    )


def when(at: date) -> Text:
    """Write a day, or an instant in the time of Vietnam, with its weekday."""
    if isinstance(at, datetime):
        at = at.astimezone(VIETNAM)
        clock = f" {at:%H:%M}" if not (at.second or at.microsecond) else f" {at:%H:%M:%S}"
    else:
        clock = ""
    weekday = _WEEKDAYS[at.weekday()]
    return Text(f"{weekday.vi} {at:%d/%m/%Y}{clock}", f"{weekday.en} {at:%d/%m/%Y}{clock}")


def row_text(row: Row) -> Text:
    """Write a row of the calendar: name, days, how certain it is."""
    if row.first is None:
        return Text(row.name_vi, row.name_en)
    certainty = CERTAINTIES[row.certainty]
    plain = row.certainty is Certainty.ANNOUNCED
    named = (
        (f"{span(row)} {name}" if row.kind is RowKind.EXTRA_WORKDAY else f"{name} {span(row)}")
        for name in (row.name_vi, row.name_en)
    )
    vi, en = named
    return Text(vi, en) if plain else Text(f"{vi} ({certainty.vi})", f"{en} ({certainty.en})")


def span(row: Row) -> str:
    """Write the days of a row as short as they allow: 10-16/02/2021, 30/04-03/05/2021."""
    if row.first is None or row.last is None:
        return ""
    first, last = row.first, row.last
    if first == last:
        return f"{last:%d/%m/%Y}"
    same_month = (first.year, first.month) == (last.year, last.month)
    shortened = f"{first:%d}" if same_month else f"{first:%d/%m}"
    return f"{shortened}-{last:%d/%m/%Y}"


def _list(before: str, texts: list[str]) -> str:
    return before + "; ".join(texts) if texts else ""
