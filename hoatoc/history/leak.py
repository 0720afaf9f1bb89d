"""Leaks: where the markers of documents that were stopped are found, though they may be nowhere."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hoatoc.history.file import LogFile, NoteFiles
from hoatoc.history.record import Leak
from hoatoc.history.save import BOOKS_FOLDER, LOG_FILE, REPLAYED_FOLDER


def leaks(folder: Path) -> Iterator[Leak]:
    """Search log, books and notes for the markers of what was stopped."""
    notes = NoteFiles(folder)
    markers = sorted(set(notes.markers()))
    if not markers:
        return
    pattern = re.compile(b"|".join(re.escape(marker.encode()) for marker in markers))
    for place, data in _searched(folder, notes):
        for marker in {found.decode() for found in pattern.findall(data)}:
            yield Leak(marker, place)


def _searched(folder: Path, notes: NoteFiles) -> Iterator[tuple[str, bytes]]:
    """Yield (place, bytes) of all that a marker may not stand in."""
    yield from notes.lines()
    for partition, offset, _, value in LogFile(folder / LOG_FILE).values():
        yield f"{LOG_FILE}, partition {partition}, offset {offset}", value or b""
    for table in _csv_files(folder):
        with table.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield f"{table.relative_to(folder)}, line {number}", line


def _csv_files(folder: Path) -> Iterable[Path]:
    return sorted((*folder.glob(f"{BOOKS_FOLDER}/*.csv"), *folder.glob(f"{REPLAYED_FOLDER}/*.csv")))
