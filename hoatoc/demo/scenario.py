"""Who plays what, and what must follow from what they did.

What is expected is computed from the recipients' own records, never from the system under test.
"""

from collections.abc import Iterator, Mapping
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
    RETURNING = "returning"
    KEEPING = "keeping"
    DEAF = "deaf"


ROLES: Mapping[str, Role] = {
    "G27": Role.SILENT,
    "H62": Role.SILENT,
    "H03": Role.SILENT,
    "G30": Role.ARRIVED_ONLY,
    "H09": Role.REFUSING,
    "H63": Role.FAILING,
    "H25": Role.LATE,
}
RECALLED = "1473/UBND-VX"
"""The letter that is asked back."""

RECALL_ROLES: Mapping[str, Role] = {
    "G18": Role.RETURNING,
    "H17": Role.RETURNING,
    "H27": Role.KEEPING,
    "H41": Role.DEAF,
}
"""From whom it is asked back, and how they behave with this letter."""

RECALL_REASON = "Ghi nhầm nơi nhận"
FAILED, RESENT_TO = "807/VPCP-KSTT", "H63"
"""The letter that one organ failed to receive, and that is sent to it again."""

REASONS = {
    "02": "Gửi sai nơi nhận",
    "fail": "Không giải mã được tệp đính kèm",
    "16": "Đã đọc và đang xử lý",
}
_PROMPT = ("done", "01", "03", "05")
SCRIPTS: Mapping[Role, tuple[str, ...]] = {
    Role.PROMPT: _PROMPT,
    Role.SILENT: (),
    Role.ARRIVED_ONLY: ("done", "01"),
    Role.REFUSING: ("done", "01", "02"),
    Role.FAILING: ("fail",),
    Role.LATE: (),
    Role.RETURNING: ("done", "01"),
    Role.KEEPING: _PROMPT,
    Role.DEAF: ("done", "01"),
}
LATE_SCRIPT = ("done", "01", "03")
RECALL_SCRIPTS: Mapping[Role, tuple[str, ...]] = {Role.RETURNING: ("15",), Role.KEEPING: ("16",)}
AGAIN_SCRIPT = _PROMPT
"""What an organ answers to a document that is sent to it again: its system is repaired."""

RAISED, RESOLVED = "raised", "resolved"
Page = tuple[str, str, str]
"""(delivery, kind, raised or resolved)."""


def role_of(organ: str, mark: str) -> Role:
    """Return how an organ behaves with a letter, given by its number/notation."""
    if mark == RECALLED and organ in RECALL_ROLES:
        return RECALL_ROLES[organ]
    return ROLES.get(organ, Role.PROMPT)


@dataclass(slots=True)
class Account:
    """What a recipient recorded of one copy: its answers as (what, given after a page came)."""

    answers: list[tuple[str, bool]]
    asked_back: bool = False
    sent_again: bool = False

    @property
    def said(self) -> list[str]:
        """Return the answers."""
        return [what for what, _ in self.answers]

    @property
    def in_time(self) -> set[str]:
        """Return the answers that were given before any page about the copy came."""
        return {what for what, late in self.answers if not late}

    @property
    def had_read(self) -> bool:
        """Tell whether the recipient had accepted it."""
        return "03" in self.said


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be in the books of a copy, and which pages about it must have come."""

    state: str
    pages: frozenset[Page]


def expected(delivery: str, account: Account) -> Expected:
    """Return what follows from what a copy's recipient recorded of it."""
    pages = frozenset((delivery, kind, change) for kind, change in _pages(account))
    return Expected(_state(account), pages)


def _state(account: Account) -> str:
    said = account.said
    decisions = {"15": "recalled", "02": "refused", "03": "accepted", "fail": "receive-failed"}
    decided = (state for what, state in decisions.items() if what in said)
    return next(decided, "taken" if said else "published")


def _pages(account: Account) -> Iterator[tuple[str, str]]:
    said, in_time = account.said, account.in_time
    if "fail" in said:
        yield from _page("receive-failed", over=account.sent_again)
    elif not in_time:
        yield from _page("arrive", over=bool(said))
    elif not in_time & {"02", "03", "15"}:
        yield from _page("accept", over=bool({"02", "03", "15"} & set(said)))
    if account.asked_back and not in_time & {"15", "16"}:
        yield from _page("recall", over=bool({"15", "16"} & set(said)))


def _page(kind: str, *, over: bool) -> Iterator[tuple[str, str]]:
    yield kind, RAISED
    if over:
        yield kind, RESOLVED
