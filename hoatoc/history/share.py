"""Shares of a record: the partitions of one process, with all that is about their copies.

What no partition knows is the first share's, so that everything is judged once.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from hoatoc.history.file import LogFile
from hoatoc.history.note import (
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
from hoatoc.history.record import Books, History, Ledger
from hoatoc.history.row import HandoverRow
from hoatoc.history.save import BOOKS_FOLDER, LOG_FILE
from hoatoc.history.table import Table, columns

Item = TypeVar("Item")


class Filtered(Iterable[Item]):
    """Those of some items that fit, whenever they are walked."""

    def __init__(self, items: Iterable[Item], fits: Callable[[Item], bool]) -> None:
        self._items, self._fits = items, fits

    def __iter__(self) -> Iterator[Item]:
        return filter(self._fits, self._items)


class Share:
    """One share of as many; `_home` tells the share of each dispatch, delivery and subject."""

    def __init__(self, folder: Path, number: int, count: int) -> None:
        self._number, self._count = number, count
        self._log = LogFile(folder / LOG_FILE, self.has)
        books = folder / BOOKS_FOLDER
        self._home: dict[int, int] = {}
        for table, key in (("dispatch", "dispatch_id"), ("delivery", "delivery_id"),
                           ("alert", "subject_id")):  # fmt: skip
            for of, partition in columns(books / f"{table}.csv", key, "partition"):
                self._home[UUID(of).int] = int(partition) % count
        self._documents = {
            row.document_id: self._home.get(row.dispatch_id.int, 0)
            for row in Table(books, "handover", HandoverRow)
        }
        self._of: dict[type, Callable[[Any], int]] = {
            HandedOver: self._of_handover,
            TurnedAway: self._of_document,
            Stopped: self._of_document,
            Recalled: self._of_dispatch,
            Received: self._of_dispatch,
            Answered: self._of_dispatch,
            Told: self._of_delivery,
            Alerted: self._of_subject,
            Paged: self._of_subject,
            Fault: lambda _note: number,  # every partition meets it
            Load: lambda _note: 0,
        }

    def has(self, partition: int) -> bool:
        """Tell whether a partition is of this share."""
        return partition % self._count == self._number

    def of(self, history: History) -> History:
        """Return this share of a record."""
        replayed = history.replayed
        return replace(
            history,
            notes=Filtered(history.notes, self._has_note),
            log=self._log,
            books=self._books(history.books),
            replayed=replayed and self._ledger(replayed),
            leaks=history.leaks if self._number == 0 else (),
        )

    def _has_note(self, note: Note) -> bool:
        return self._of[type(note)](note) == self._number

    def _of_handover(self, note: HandedOver) -> int:
        if note.dispatch_id is None:
            return self._of_document(note)
        return self._home.get(note.dispatch_id.int, 0)

    def _of_document(self, note: Any) -> int:
        return self._documents.get(note.document_id, 0)

    def _of_dispatch(self, item: Any) -> int:
        return self._home.get(item.dispatch_id.int, 0)

    def _of_delivery(self, item: Any) -> int:
        return self._home.get(item.delivery_id.int, 0)

    def _of_subject(self, item: Any) -> int:
        return self._home.get(item.subject_id.int, 0)

    def _ledger(self, ledger: Ledger) -> Ledger:
        def mine(rows: Iterable[Item]) -> Iterable[Item]:
            return Filtered(rows, lambda row: self.has(row.partition))  # type: ignore[attr-defined]

        return Ledger(
            positions=[row for row in ledger.positions if self.has(row.partition)],
            dispatches=mine(ledger.dispatches),
            deliveries=mine(ledger.deliveries),
            alerts=mine(ledger.alerts),
            history=mine(ledger.history),
        )

    def _books(self, books: Books) -> Books:
        def of_mine(rows: Iterable[Item], home: Callable[[Any], int]) -> Iterable[Item]:
            return Filtered(rows, lambda row: home(row) == self._number)

        return Books(
            ledger=self._ledger(books.ledger),
            handovers=of_mine(books.handovers, self._of_dispatch),
            handover_recipients=of_mine(books.handover_recipients, self._of_dispatch),
            outbox=of_mine(books.outbox, self._of_dispatch),
            recalls=books.recalls,
            recall_recipients=of_mine(books.recall_recipients, self._of_delivery),
            pages=of_mine(books.pages, self._of_subject),
            announcements=of_mine(books.announcements, lambda _row: 0),
        )
