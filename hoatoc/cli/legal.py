"""The deadlines of a dispatch as a person reads them: by the law, and as they run."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hoatoc.cli import output
from hoatoc.domain import legal_clock
from hoatoc.domain.calendar import Calendars
from hoatoc.domain.deadline import Deadline, Judgement, Kind, clock_of, deadlines, judge
from hoatoc.domain.delivery import Facts
from hoatoc.domain.event import Limits
from hoatoc.domain.legal_clock import Due
from hoatoc.domain.legal_text import render
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.working_due import calendar_ms
from hoatoc.postgres.ledger import facts_in, working_in

_NAMES = {
    Kind.PUBLISH: "phát đi · publish",
    Kind.ARRIVE: "đến nơi · arrive",
    Kind.ACCEPT: "tiếp nhận · accept",
    Kind.HANDLE: "chuyển xử lý · handle",
    Kind.REPLY: "trả lời · reply",
    Kind.RECALL: "trả lời thu hồi · recall",
}
_OUTCOMES = {
    Judgement.KEPT: "đúng hạn · kept",
    Judgement.RUNNING: "đang chạy · running",
    Judgement.BROKEN: "QUÁ HẠN · BROKEN",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy in the books, with the service time booked in its partition."""

    recipient: str
    facts: Facts
    working: str
    service_ms: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Copy":
        """Return the copy of a row of `recipients` that the books have."""
        return cls(row["recipient"], facts_in(row["facts"]), row["working"], row["service_ms"])


def rows_of(copies: Iterable[Copy], limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield each deadline of each copy, as it runs."""
    for copy in copies:
        for deadline in deadlines(copy.facts, limits, working_in(copy.working)):
            closing = deadline.closing
            yield {
                "recipient": copy.recipient,
                "kind": _NAMES[deadline.kind],
                "since": output.instant(deadline.start.append_ms),
                "due": output.instant(_log_ms(deadline, limits)),
                "closed": output.instant(closing.append_ms) if closing else "",
                "outcome": _OUTCOMES[judge(deadline, copy.service_ms)],
            }


def _log_ms(deadline: Deadline, limits: Limits) -> int:
    """Return when a due falls in log time, while no service time is lost; without the allowance."""
    start = deadline.start
    return start.append_ms + deadline.due_ms - start.service_ms - limits.allowance_ms


def explained(
    head: Mapping[str, Any], copies: Iterable[Copy], calendars: Calendars
) -> list[dict[str, Any]]:
    """Return the legal deadlines of a dispatch, each explained once, by the first copy that has it.

    In a demonstration they are told in calendar time, which runs by the factor that is declared.
    """
    limits = Limits(**json.loads(head["limits"]))
    found: dict[_Same, tuple[Due, list[str]]] = {}
    if head["promulgated"] is not None:
        due = legal_clock.send(
            calendars.of(head["sender"]),
            head["promulgated"],
            priority=head["priority"],
            at_once=timedelta(milliseconds=limits.publish_ms),
        )
        _add(found, due, head["sender"], _sent(head, due, limits))
    for copy in copies:
        for deadline in deadlines(copy.facts, limits, working_in(copy.working)):
            if clock_of(deadline.kind, limits):
                due = _legal(deadline, copy.recipient, limits, calendars)
                _add(found, due, copy.recipient, _OUTCOMES[judge(deadline, copy.service_ms)])
    return [
        {"due": _text(due), "organs": _few(organs), "outcome": outcome}
        for (_, _, outcome), (due, organs) in found.items()
    ]


_Same = tuple[legal_clock.Clock, datetime, str]
"""Clock, due and outcome: what copies have in common, though they did not arrive in one second."""


def _text(due: Due) -> str:
    text = render(due)
    return f"{text.vi}\n{text.en}"


def _few(organs: Sequence[str]) -> str:
    return ", ".join(organs) if len(organs) <= 4 else f"{len(organs)} nơi · organs"


def _sent(head: Mapping[str, Any], due: Due, limits: Limits) -> str:
    """Return when the document was sent, and whether that was in time."""
    if head["sent_at"] is None:
        return "chưa gửi · not sent yet"
    sent_ms = calendar_ms(round(head["sent_at"].timestamp() * 1000), limits)
    late = datetime.fromtimestamp(sent_ms / 1000, UTC) > due.at
    said = _OUTCOMES[Judgement.BROKEN if late else Judgement.KEPT]
    return f"gửi lúc · sent at {output.instant(sent_ms)}: {said}"


def _add(found: dict[_Same, tuple[Due, list[str]]], due: Due, organ: str, outcome: str) -> None:
    _, organs = found.setdefault((due.clock, due.at, outcome), (due, []))
    organs.append(organ)


def _legal(deadline: Deadline, organ: str, limits: Limits, calendars: Calendars) -> Due:
    calendar = calendars.of(organ)
    start = datetime.fromtimestamp(
        calendar_ms(deadline.start.append_ms, limits) / 1000, UTC
    ).astimezone(VIETNAM)
    if deadline.kind is Kind.REPLY:
        return legal_clock.reply(calendar, datetime.fromisoformat(limits.reply_by).date())
    if deadline.kind is Kind.HANDLE:
        return legal_clock.register(calendar, start, at_once=timedelta(0))
    return legal_clock.acknowledge(calendar, start)


def factor_line(limits: Limits) -> str:
    """Return the words that declare the factor of a demonstration; "" in earnest."""
    if limits.factor == 1:
        return ""
    hour = 3600 / limits.factor
    return (
        f"trình diễn: thời gian theo lịch chạy nhanh {limits.factor} lần, 1 giờ = {hour:g} giây · "
        f"demonstration: calendar time runs {limits.factor} times as fast, 1 hour = {hour:g} s"
    )


def counted(recalls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one line for each recall: recalled at so many of so many, and who had read it."""
    for recall in recalls:
        unanswered = recall["asked"] - recall["recalled"] - recall["declined"]
        yield (
            f"thu hồi · recall ({recall['form']}, {output.instant(recall['requested_at'])}, "
            f"{recall['state']}): «{recall['reason']}»\n  đã thu hồi · recalled at "
            f"{recall['recalled']}/{recall['asked']}; từ chối · declined {recall['declined']}; "
            f"chưa trả lời · no answer {unanswered}; đã đọc trước đó · had already read it "
            f"{recall['read_before']}"
        )
