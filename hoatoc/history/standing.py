"""Where a copy stands, told from its facts: carriage, handling, recall, and the one word for them.

Any status says that the copy was there. Handling only goes up; of an acceptance and a refusal the
first stands. An answer to a recall counts only behind the request, and the first one.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from hoatoc.history.fact import (
    AGREED,
    ASKED_BACK,
    DONE,
    FAIL,
    NOT_SENT,
    PUBLISHED,
    RECALL_ANSWERS,
    RECALL_NOT_SENT,
    RECALL_SENT,
    REFUSED,
    REGISTERED,
    Fact,
)

HANDLING = {
    "01": "arrived",
    "03": "accepted",
    "04": "assigned",
    "05": "in-progress",
    "06": "completed",
}
_RANKS = {word: rank for rank, word in enumerate((DONE, REFUSED, *HANDLING))}
_REACHED = {name: _RANKS[word] for word, name in HANDLING.items()} | {"none": -1}
NEW = ("registered", "none", "not-asked")
OPEN = frozenset(("registered", "published", "taken"))
_ANSWERED = ("taken", "accepted", "refused", "receive-failed", "recalled")
FORWARD = {
    "registered": ("published", "parked", *_ANSWERED),
    "published": _ANSWERED,
    "parked": ("published", *_ANSWERED),
    "taken": ("accepted", "refused", "receive-failed", "recalled"),
    "receive-failed": ("taken", "accepted", "refused", "recalled"),  # recovered: the one way back
    "accepted": ("recalled",),
    "refused": ("recalled",),
    "recalled": (),
}
"""The states that may follow a state."""


class Standing(NamedTuple):
    """Where a copy stands."""

    state: str
    handling: str
    recall: str


def standing(facts: Sequence[Fact]) -> Standing:
    """Tell where a copy stands after these facts, in the order of the log."""
    stands = NEW
    for fact in facts:
        stands = _after(stands, fact.word)
    return Standing(_state(*stands), *stands[1:])


def states_along(facts: Iterable[Fact]) -> Iterator[tuple[int, str]]:
    """Yield (offset, state) behind each fact."""
    stands = NEW
    for fact in facts:
        stands = _after(stands, fact.word)
        yield fact.offset, _state(*stands)


def _after(stands: tuple[str, str, str], word: str) -> tuple[str, str, str]:
    """Return (carriage, handling, recall) after a word."""
    carriage, handling, recall = stands
    if word in _RANKS:
        return "taken", _handled(handling, word), recall
    if word == FAIL:
        return "receive-failed", handling, recall
    if word in (PUBLISHED, NOT_SENT, REGISTERED):
        return _carried(carriage, word), handling, recall
    return carriage, handling, _recalled(recall, word)


def _carried(carriage: str, word: str) -> str:
    if word == PUBLISHED and carriage in ("registered", "parked"):
        return "published"
    return "parked" if word == NOT_SENT and carriage == "registered" else carriage


def _handled(handling: str, word: str) -> str:
    if handling == "refused" or word == DONE:
        return handling
    if word == REFUSED:
        return "refused" if handling in ("none", "arrived") else handling
    return HANDLING[word] if _RANKS[word] > _REACHED[handling] else handling


def _recalled(recall: str, word: str) -> str:
    if word == ASKED_BACK:
        return "requested" if recall == "not-asked" else recall
    if recall in ("not-asked", "recalled", "declined"):
        return recall
    if word in RECALL_ANSWERS:
        return "recalled" if word == AGREED else "declined"
    if word == RECALL_SENT:
        return "asked"
    return "unsent" if word == RECALL_NOT_SENT and recall == "requested" else recall


def _state(carriage: str, handling: str, recall: str) -> str:
    if recall == "recalled":
        return "recalled"
    if handling in ("none", "arrived"):
        return carriage
    return "refused" if handling == "refused" else "accepted"


def is_forward(states: Iterable[str]) -> bool:
    """Tell whether every change of state is one that is allowed."""
    return all(
        after in FORWARD.get(before, ()) for before, after in pairwise(states) if after != before
    )
