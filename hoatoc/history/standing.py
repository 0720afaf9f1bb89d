"""Where a copy stands, told from its facts: carriage, handling, recall, and the one word for them.

Any status says that the copy was there. Handling only goes up; of an acceptance and a refusal the
first stands. An answer to a recall counts only behind the request, and the first one.
"""

from collections.abc import Iterable, Sequence
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
    carriage, handling, recall = "registered", "none", "not-asked"
    for fact in facts:
        word = fact.word
        if word in HANDLING or word in (REFUSED, DONE):
            carriage = "taken"
            handling = _handled(handling, word)
        elif word == FAIL:
            carriage = "receive-failed"
        elif word in (PUBLISHED, NOT_SENT, REGISTERED):
            carriage = _carried(carriage, word)
        else:
            recall = _recalled(recall, word)
    return Standing(_state(carriage, handling, recall), handling, recall)


def _carried(carriage: str, word: str) -> str:
    if word == PUBLISHED and carriage in ("registered", "parked"):
        return "published"
    return "parked" if word == NOT_SENT and carriage == "registered" else carriage


def _handled(handling: str, word: str) -> str:
    if handling == "refused" or word == DONE:
        return handling
    if word == REFUSED:
        return "refused" if handling in ("none", "arrived") else handling
    reached = [*HANDLING.values()]
    higher = handling == "none" or reached.index(HANDLING[word]) > reached.index(handling)
    return HANDLING[word] if higher else handling


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
    return all(after in FORWARD[before] for before, after in pairwise(states) if after != before)
