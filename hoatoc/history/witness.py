"""What the notes of a run say, gathered by what is asked of it; each note is read once."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from hoatoc.history.fact import ARRIVING, STATUSES, Copy
from hoatoc.history.note import (
    POISON,
    Alerted,
    Answered,
    Fault,
    HandedOver,
    Load,
    Note,
    Paged,
    Recalled,
    Received,
    Stopped,
    Told,
    TurnedAway,
)
from hoatoc.history.walk import Walk

Pair = tuple[UUID, str]
"""What an alert is about: the subject and the kind."""


class Witness:
    """All that those who acted say."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self.count = 0
        self.handed_over: list[HandedOver] = []
        self.turned_away: list[TurnedAway] = []
        self.stopped: list[Stopped] = []
        self.recalled: list[Recalled] = []
        self.received: list[Received] = []
        self.poison: list[Answered] = []
        self.answered = 0
        self.unheard: list[Answered] = []
        """answers of which the log holds no fact"""
        self.told: dict[int, dict[int, str]] = defaultdict(dict)
        self.told_otherwise: list[Told] = []
        """notes that tell another state under a version that was told already"""
        self.alerted: dict[Pair, list[tuple[int, int, int]]] = defaultdict(list)
        self.paged: dict[tuple[UUID, str, int], dict[str, bool]] = defaultdict(dict)
        self.faults: list[Fault] = []
        self.loads: list[Load] = []
        self._keep: dict[type, Callable[[Any], None]] = {
            HandedOver: self.handed_over.append,
            TurnedAway: self.turned_away.append,
            Stopped: self.stopped.append,
            Recalled: self.recalled.append,
            Received: self._receive,
            Answered: self._answer,
            Told: self._tell,
            Alerted: self._alert,
            Paged: self._page,
            Fault: self.faults.append,
            Load: self.loads.append,
        }

    def hear(self, notes: Iterable[Note]) -> None:
        """Gather notes."""
        keep = self._keep
        for note in notes:
            self.count += 1
            keep[type(note)](note)

    def _receive(self, note: Received) -> None:
        copy = self._walk.copies.get(note.delivery_id.int)
        if copy is not None:
            copy.received_ms = min(copy.received_ms or note.at_ms, note.at_ms)
        self.received.append(note)

    def _answer(self, note: Answered) -> None:
        self.answered += 1
        if note.word == POISON:
            self.poison.append(note)
            return
        copy = self._walk.copies.get(note.delivery_id.int)
        if copy is None or not copy.heard(note.word):
            self.unheard.append(note)
        elif self._arrives(note, copy):
            copy.answered_ms = min(copy.answered_ms or note.at_ms, note.at_ms)

    def _arrives(self, note: Answered, copy: Copy) -> bool:
        """Tell whether an answer, read as it was given, says that the copy arrived."""
        source = (note.topic, note.partition, note.offset)
        return (
            STATUSES.get(note.word, note.word) in ARRIVING
            and note.recipient == copy.recipient
            and source not in self._walk.unreadable
        )

    def _tell(self, note: Told) -> None:
        if self.told[note.delivery_id.int].setdefault(note.version, note.state) != note.state:
            self.told_otherwise.append(note)

    def _alert(self, note: Alerted) -> None:
        place = (note.partition, note.offset, note.version)
        self.alerted[note.subject_id, note.kind].append(place)

    def _page(self, note: Paged) -> None:
        ids = self.paged[note.subject_id, note.kind, note.version]
        ids[note.id] = ids.get(note.id, False) or note.taken
