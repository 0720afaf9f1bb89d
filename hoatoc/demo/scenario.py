"""Who plays what, and what must follow from what they did.

What is expected is computed from the recipients' own records, never from the system under test.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """How an organ's system behaves."""

    PROMPT = "prompt"
    SILENT = "silent"
    ARRIVED_ONLY = "arrived-only"
    REFUSING = "refusing"
    FAILING = "failing"
    LATE = "late"


ROLES: Mapping[str, Role] = {
    "G27": Role.SILENT,
    "H62": Role.SILENT,
    "H03": Role.SILENT,
    "G30": Role.ARRIVED_ONLY,
    "H09": Role.REFUSING,
    "H63": Role.FAILING,
    "H25": Role.LATE,
}
REASONS = {
    Role.REFUSING: "Gửi sai nơi nhận",
    Role.FAILING: "Không giải mã được tệp đính kèm",
}
SCRIPTS: Mapping[Role, tuple[str, ...]] = {
    Role.PROMPT: ("done", "01", "03", "05"),
    Role.SILENT: (),
    Role.ARRIVED_ONLY: ("done", "01"),
    Role.REFUSING: ("done", "01", "02"),
    Role.FAILING: ("fail",),
    Role.LATE: (),
}
LATE_SCRIPT = ("done", "01", "03")

Copy = tuple[str, str]
"""(number/notation, recipient)."""

Page = tuple[str, str, str, str]
"""(number/notation, recipient, kind, raised or resolved)."""


def role_of(organ: str) -> Role:
    """Return how an organ behaves."""
    return ROLES.get(organ, Role.PROMPT)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be in the books of a copy, and which pages about it must have come."""

    state: str
    pages: frozenset[Page]


def expected(copy: Copy, answers: Iterable[tuple[str, bool]]) -> Expected:
    """Return what follows from a copy's answers: (what, given after its page had come)."""
    given = list(answers)
    said = [what for what, _ in given]
    in_time = [what for what, late in given if not late]
    pages: set[Page] = set()

    def paged(kind: str) -> None:
        pages.add((*copy, kind, "raised"))
        if kind == "arrive" and said:
            pages.add((*copy, kind, "resolved"))

    if "fail" in said:
        paged("receive-failed")
        return Expected("receive-failed", frozenset(pages))
    if not in_time:
        paged("arrive")
    elif "03" not in said and "02" not in said:
        paged("accept")
    if "03" in said:
        state = "accepted"
    elif "02" in said:
        state = "refused"
    else:
        state = "taken" if said else "published"
    return Expected(state, frozenset(pages))
