"""Write `docs/lifecycle.md` from the tables of the lifecycle: `python -m tools.lifecycle_doc`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import fill

from hoatoc.domain.delivery import Fact
from hoatoc.domain.lifecycle import (
    CARRIAGE,
    HANDLING,
    RECALL,
    Axis,
    Carriage,
    Handling,
    Recall,
    Stays,
    Table,
)

FILE = Path(__file__).parents[1] / "docs" / "lifecycle.md"
_HEAD = """\
# Lifecycle

Written by `tools/lifecycle_doc.py` from the tables in `hoatoc/domain/lifecycle.py`; do not edit.
What the tables mean, and what is due in between: [the lifecycle](parts/lifecycle.md).

A delivery stands on three axes. Each cell says where an event leads, or why it changes nothing:
*repeat* (it stands already), *overtaken* (a later stage is reached), *decided* (the first decision
stands), *not asked* (nobody asked for it). What stands in no table (an unknown status,
`processing`, an answer that cannot be read, a put-back, a resending) moves no axis.
"""
_STATES: dict[Axis, tuple[str, str]] = {
    Carriage.UNKNOWN: ("chưa biết", "unknown"),
    Carriage.REGISTERED: ("đã vào sổ gửi", "registered"),
    Carriage.PUBLISHED: ("đã phát đi", "published"),
    Carriage.PARKED: ("gửi lỗi, giữ lại", "parked"),
    Carriage.TAKEN: ("nơi nhận đã lấy", "taken"),
    Carriage.FAILED: ("nhận lỗi", "receiving failed"),
    Handling.NONE: ("chưa có trạng thái", "no status"),
    Handling.ARRIVED: ("đã đến", "arrived"),
    Handling.REFUSED: ("từ chối tiếp nhận", "refused"),
    Handling.ACCEPTED: ("đã tiếp nhận", "accepted"),
    Handling.ASSIGNED: ("đã phân công", "assigned"),
    Handling.IN_PROGRESS: ("đang xử lý", "in progress"),
    Handling.COMPLETED: ("hoàn thành", "completed"),
    Recall.NOT_ASKED: ("không thu hồi", "not asked back"),
    Recall.REQUESTED: ("đã yêu cầu thu hồi", "recall requested"),
    Recall.UNSENT: ("yêu cầu không gửi được", "recall not sent"),
    Recall.ASKED: ("đã gửi yêu cầu thu hồi", "recall sent"),
    Recall.RECALLED: ("đã thu hồi", "recalled"),
    Recall.DECLINED: ("từ chối thu hồi", "recall declined"),
}
_FACTS = {  # apart from the states: a fact and a state of one name are equal as texts
    Fact.REGISTERED: ("vào sổ gửi", "registered"),
    Fact.PUBLISHED: ("phát đi", "published"),
    Fact.SEND_REFUSED: ("Kafka từ chối bản gửi", "copy refused by the broker"),
    Fact.DONE: ("done", "taken off the pending list"),
    Fact.FAIL: ("fail", "could not be taken"),
    Fact.ARRIVED: ("01 đã đến", "arrived"),
    Fact.REFUSED: ("02 từ chối", "refused"),
    Fact.ACCEPTED: ("03 tiếp nhận", "accepted"),
    Fact.ASSIGNED: ("04 phân công", "assigned"),
    Fact.IN_PROGRESS: ("05 đang xử lý", "in progress"),
    Fact.COMPLETED: ("06 hoàn thành", "completed"),
    Fact.RECALL_REQUESTED: ("13 yêu cầu thu hồi", "recall requested"),
    Fact.RECALL_PUBLISHED: ("đã gửi yêu cầu", "recall published"),
    Fact.RECALL_UNSENT: ("Kafka từ chối yêu cầu", "recall refused by the broker"),
    Fact.RECALL_AGREED: ("15 đồng ý", "agreed"),
    Fact.RECALL_DECLINED: ("16 từ chối", "declined"),
}
_STAYS = {
    Stays.REPEAT: "*repeat*",
    Stays.OVERTAKEN: "*overtaken*",
    Stays.DECIDED: "*decided*",
    Stays.NOT_ASKED: "*not asked*",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """One axis: its heading, what it says, its states in order, its table."""

    heading: str
    about: str
    states: Sequence[Axis]
    table: Table


_PARTS = (
    _Part(
        "Carriage",
        "Where the copy is. Any status says that it was there. `fail` puts a copy back that was "
        "taken, and a later taking recovers it: the only way back.",
        tuple(Carriage),
        CARRIAGE,
    ),
    _Part(
        "Handling",
        "What the recipient does with the document: statuses 01 to 06 of QCVN 102. It only goes "
        "up, and skips are normal. Of an acceptance and a refusal the first stands (QĐ 28/2018, "
        "Điều 5.4, 9.2).",
        tuple(Handling),
        HANDLING,
    ),
    _Part(
        "Recall",
        "Whether the copy was asked back, and what came of it (QĐ 28/2018, Điều 8.2, 9.2). 13 "
        "alone stops nothing. An answer counts only behind the request for it, and the first one.",
        tuple(Recall),
        RECALL,
    ),
)


def text() -> str:
    """Return what the file must hold."""
    return "\n".join([_HEAD, *(line for part in _PARTS for line in _part(part))])


def _part(part: _Part) -> Iterator[str]:
    yield f"## {part.heading}\n\n{fill(part.about, 110)}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield from _diagram(part)
    yield "```\n"
    yield from _rows(part)
    yield ""


def _id(state: Axis) -> str:
    return state.replace("-", "_")


def _both(words: tuple[str, str]) -> str:
    return " · ".join(words)


def _diagram(part: _Part) -> Iterator[str]:
    for state in part.states:
        yield f'    state "{_both(_STATES[state])}" as {_id(state)}'
    yield f"    [*] --> {_id(part.states[0])}"
    for before in part.states:
        steps = [(to, fact) for (at, fact), to in part.table.items() if at is before]
        arrows = sorted(
            ((part.states.index(to), fact) for to, fact in steps if not isinstance(to, Stays)),
            key=lambda arrow: arrow[0],
        )
        for index, same in groupby(arrows, key=lambda arrow: arrow[0]):
            facts = ", ".join(_short(fact) for _, fact in same)
            yield f"    {_id(before)} --> {_id(part.states[index])}: {facts}"


def _short(fact: Fact) -> str:
    """Return a fact as it stands on an arrow: a code or an outcome as it is, else in words."""
    return fact.value if fact.value.isdigit() else _FACTS[fact][0]


def _rows(part: _Part) -> Iterator[str]:
    facts = list(dict.fromkeys(fact for _, fact in part.table))
    yield f"| | {' | '.join(_both(_FACTS[fact]) for fact in facts)} |"
    yield f"|---|{'---|' * len(facts)}"
    for state in part.states:
        cells = (_cell(part.table[state, fact]) for fact in facts)
        yield f"| **{_both(_STATES[state])}** | {' | '.join(cells)} |"


def _cell(to: Axis | Stays) -> str:
    return _STAYS[to] if isinstance(to, Stays) else f"→ {_STATES[to][1]}"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
