"""Facts: what the log says of a copy, word by word, each at its place.

Of equal facts the one at the lowest offset counts. What may come again and mean something each
time (an answer may fail, be repaired, fail again) is kept up to eight times, each event once.

What is looked up by an id is kept by its number (`UUID.int`): numbers hash and compare many times
faster, and checking a million deliveries is little else.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from hoatoc.domain.event import Limits
from hoatoc.history.row import Place

REGISTERED, PUBLISHED, NOT_SENT = "registered", "published", "not-sent"
DONE, FAIL, UNREADABLE, PUT_BACK = "done", "fail", "unreadable", "put-back"
RESENT, ASKED_BACK = "resent", "asked-back"
RECALL_SENT, RECALL_NOT_SENT = "recall-sent", "recall-not-sent"
ARRIVED, REFUSED, COMPLETED, AGREED, DECLINED = "01", "02", "06", "15", "16"
ACCEPTING = frozenset(("03", "04", "05", "06"))
DECIDING = ACCEPTING | {REFUSED}
TAKING = ACCEPTING | {ARRIVED, DONE}
ARRIVING = DECIDING | {ARRIVED, DONE, FAIL}
RECALL_ANSWERS = frozenset((AGREED, DECLINED))
STATUSES = {code: code for code in ("01", "02", "03", "04", "05", "06", AGREED, DECLINED)}
STATUSES |= {code[1]: code for code in STATUSES if code[0] == "0"}
"""The statuses of a recipient; some systems report 3 for 03 (QCVN 102:2016)."""
REPEATED = frozenset((DONE, FAIL, UNREADABLE, PUT_BACK, ARRIVED, AGREED, DECLINED))
MOST = 8


class Fact(NamedTuple):
    """One word about a copy, and where it stands; `key` tells repeats of an event apart."""

    offset: int
    service_ms: int
    append_ms: int
    word: str
    key: UUID | None = None

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.offset, self.service_ms, self.append_ms)


class Copy:
    """All that the log says of one delivery, and what was noted of it outside."""

    __slots__ = (
        "answered_ms",
        "delivery_id",
        "dispatch_id",
        "facts",
        "key",
        "limits",
        "others",
        "partition",
        "received_ms",
        "recipient",
    )

    def __init__(self, dispatch_id: UUID, recipient: str, partition: int) -> None:
        self.delivery_id = uuid5(dispatch_id, recipient)
        self.key = self.delivery_id.int
        self.dispatch_id = dispatch_id
        self.recipient = recipient
        self.partition = partition
        self.limits: Limits | None = None
        self.facts: list[Fact] = []
        self.others: tuple[str, ...] = ()
        """words that mean nothing to the lifecycle"""
        self.received_ms: int | None = None
        """when the recipient first noted that it had the copy"""
        self.answered_ms: int | None = None
        """when the recipient first noted that an answer of its arrival was confirmed"""

    def add(self, fact: Fact) -> None:
        """Hear a fact."""
        word, same = fact.word, 0
        for known in self.facts:
            if known.word == word:
                if word not in REPEATED or known.key == fact.key:
                    return
                same += 1
        if same < MOST:
            self.facts.append(fact)

    def heard(self, word: str) -> bool:
        """Tell whether the log holds an answer of this word."""
        known = STATUSES.get(word, word)
        return named(self.facts, known) is not None or word in self.others


def first(facts: Sequence[Fact], words: Collection[str], after: int = -1) -> Fact | None:
    """Return the first fact of these words behind an offset."""
    for fact in facts:
        if fact.word in words and fact.offset > after:
            return fact
    return None


def named(facts: Sequence[Fact], word: str) -> Fact | None:
    """Return the first fact of this word."""
    for fact in facts:
        if fact.word == word:
            return fact
    return None


def earliest(*facts: Fact | None) -> Fact | None:
    """Return the fact at the lowest offset."""
    found: Fact | None = None
    for fact in facts:
        if fact is not None and (found is None or fact.offset < found.offset):
            found = fact
    return found


def recall_answer(facts: Sequence[Fact]) -> Fact | None:
    """Return the answer to a recall that stands: the first 15 or 16 behind the request."""
    asked = named(facts, ASKED_BACK)
    return first(facts, RECALL_ANSWERS, asked.offset) if asked else None


def agreed(facts: Sequence[Fact]) -> Fact | None:
    """Return the answer to a recall if it was agreed to."""
    answer = recall_answer(facts)
    return answer if answer and answer.word == AGREED else None
