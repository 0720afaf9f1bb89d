"""A record of a run written into files, as a run leaves it."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import fastavro

from hoatoc import codec
from hoatoc.history.record import History, Ledger, LogRecord
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
    Place,
    PositionRow,
    RecallRecipientRow,
    RecallRow,
)
from hoatoc.history.save import (
    BOOKS_FOLDER,
    LOG_FILE,
    LOG_SCHEMA,
    REPLAYED_FOLDER,
    Notebook,
)


def write_record(history: History, folder: Path) -> None:
    """Write a record into a folder, as a run leaves it."""
    with Notebook(folder / "notes.jsonl") as notes:
        for note in history.notes:
            notes.write(note)
    with (folder / LOG_FILE).open("wb") as out:
        fastavro.writer(out, LOG_SCHEMA, map(stored, history.log), codec="deflate")
    books = history.books
    _write_ledger(books.ledger, folder / BOOKS_FOLDER)
    for name, of, rows in (
        ("handover", HandoverRow, books.handovers),
        ("handover_recipient", HandoverRecipientRow, books.handover_recipients),
        ("outbox", OutboxRow, books.outbox),
        ("recall", RecallRow, books.recalls),
        ("recall_recipient", RecallRecipientRow, books.recall_recipients),
        ("page", PageRow, books.pages),
        ("announcement", AnnouncementRow, books.announcements),
    ):
        write_table(folder / BOOKS_FOLDER / f"{name}.csv", of._fields, rows)
    if history.replayed is not None:
        _write_ledger(history.replayed, folder / REPLAYED_FOLDER)


def _write_ledger(ledger: Ledger, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, of, rows in (
        ("partition_book", PositionRow, ledger.positions),
        ("dispatch", DispatchRow, ledger.dispatches),
        ("delivery", DeliveryRow, ledger.deliveries),
        ("alert", AlertRow, ledger.alerts),
        ("history", HistoryRow, ledger.history),
    ):
        write_table(folder / f"{name}.csv", of._fields, rows)


def stored(record: LogRecord) -> dict[str, object]:
    """Return a record as it is stored; one that cannot be decoded is a byte."""
    value = b"?" if record.event is None else codec.encode(record.event)
    return record._asdict() | {"value": value}


def write_table(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as PostgreSQL prints them."""
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(header)
        lines.writerows([_printed(value) for value in row] for row in rows)


def _printed(value: object) -> object:
    if isinstance(value, bool):
        return "t" if value else "f"
    return f"{{{','.join(map(str, value))}}}" if isinstance(value, Place) else value
