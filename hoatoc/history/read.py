"""Reading the record of a run from its files; each is opened anew whenever it is walked.

What cannot be read is an error that names the file, the line or record, the field and the remedy.
What is not there at all is read as empty: the checker says that such a run proves nothing.
"""

from pathlib import Path

from hoatoc.history.damage import RecordDamaged
from hoatoc.history.file import LogFile, NoteFiles
from hoatoc.history.leak import leaks
from hoatoc.history.record import Books, History, Ledger
from hoatoc.history.row import (
    AlertRow,
    AnnouncementRow,
    DeliveryRow,
    DispatchRow,
    HandoverRecipientRow,
    HandoverRow,
    HistoryRow,
    OutboxRow,
    PageRow,
    PositionRow,
    RecallRecipientRow,
    RecallRow,
)
from hoatoc.history.save import BOOKS_FOLDER, LOG_FILE, REPLAYED_FOLDER
from hoatoc.history.table import Table


def size(folder: Path) -> int:
    """Return how large a record is, bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def read(folder: Path, *, webhook: bool = True, searched: bool = True) -> History:
    """Return the record in a folder; raises RecordDamaged when it is walked, or at once.

    `searched`: whether it is searched for markers of what was stopped.
    """
    if not folder.is_dir():
        raise RecordDamaged(f"{folder} is no folder: name the folder that holds the record")
    replayed = folder / REPLAYED_FOLDER
    return History(
        notes=NoteFiles(folder),
        log=LogFile(folder / LOG_FILE),
        books=_books(folder / BOOKS_FOLDER),
        replayed=_ledger(replayed) if replayed.is_dir() else None,
        leaks=tuple(leaks(folder)) if searched else None,
        webhook=webhook,
    )


def _books(folder: Path) -> Books:
    return Books(
        ledger=_ledger(folder),
        handovers=Table(folder, "handover", HandoverRow),
        handover_recipients=Table(folder, "handover_recipient", HandoverRecipientRow),
        outbox=Table(folder, "outbox", OutboxRow),
        recalls=Table(folder, "recall", RecallRow),
        recall_recipients=Table(folder, "recall_recipient", RecallRecipientRow),
        pages=Table(folder, "page", PageRow),
        announcements=Table(folder, "announcement", AnnouncementRow),
    )


def _ledger(folder: Path) -> Ledger:
    return Ledger(
        positions=[*Table(folder, "partition_book", PositionRow)],
        dispatches=Table(folder, "dispatch", DispatchRow),
        deliveries=Table(folder, "delivery", DeliveryRow),
        alerts=Table(folder, "alert", AlertRow),
        history=Table(folder, "history", HistoryRow, in_order=2),
    )
