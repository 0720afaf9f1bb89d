"""Files of a record: notes and the log, opened anew whenever they are walked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import fastavro
import msgspec

from hoatoc import codec
from hoatoc.domain.event import Event
from hoatoc.history.damage import RecordDamaged
from hoatoc.history.note import Note, Stopped
from hoatoc.history.record import LogRecord


class NoteFiles:
    """The notes of a record, file by file."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(folder.glob("*.jsonl"))

    def __iter__(self) -> Iterator[Note]:
        decode = msgspec.json.Decoder[Note](Note).decode
        for file in self._files:
            with file.open("rb") as lines:
                number = 0
                try:
                    for line in lines:
                        number += 1
                        yield decode(line)
                except msgspec.DecodeError as error:
                    raise RecordDamaged(
                        f"{file}, line {number}: {error}: write one note of "
                        "hoatoc/history/note.py a line, whole"
                    ) from error

    def markers(self) -> Iterator[str]:
        """Yield the markers of what was stopped, decoding nothing else."""
        decode = msgspec.json.Decoder(Stopped).decode
        for file in self._files:
            with file.open("rb") as lines:
                for line in lines:
                    if _is_stopped(line):
                        yield decode(line).marker

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield (place, line) of every note but those of what was stopped."""
        for file in self._files:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not _is_stopped(line):
                        yield f"{file.name}, line {number}", line


def _is_stopped(line: bytes) -> bool:
    return b'"stopped"' in line and bool(re.search(rb'"what"\s*:\s*"stopped"', line))


class LogFile:
    """The topic `deliveries` as an independent consumer saved it, or some partitions of it."""

    def __init__(self, file: Path, has: Callable[[int], bool] = lambda _partition: True) -> None:
        self._file, self._has = file, has

    def __iter__(self) -> Iterator[LogRecord]:
        decode, last = codec.decode, (-1, -1)
        for partition, offset, append_ms, value in self.values():
            if (partition, offset) <= last:
                raise RecordDamaged(
                    f"{self._file}: offset {offset} of partition {partition} stands behind offset "
                    f"{last[1]} of partition {last[0]}: save the log partition by partition, by "
                    "offset"
                )
            last = (partition, offset)
            if not self._has(partition):
                continue
            event: Event | None
            try:
                event = decode(value)
            except codec.Undecodable:
                event = None
            yield LogRecord(partition, offset, append_ms, event)

    def values(self) -> Iterator[tuple[int, int, int, bytes | None]]:
        """Yield (partition, offset, append time, bytes) of every record."""
        if not self._file.exists():
            return
        number = 0
        with self._file.open("rb") as stored:
            try:
                for record in fastavro.reader(stored):
                    number += 1
                    r = cast("dict[str, Any]", record)
                    yield r["partition"], r["offset"], r["append_ms"], r["value"]
            except KeyError as error:
                raise RecordDamaged(
                    f"{self._file}, record {number}: the field {error} is missing: save it with "
                    "`hoatoc.history.save.save_log`"
                ) from error
            except (ValueError, EOFError, TypeError) as error:
                raise RecordDamaged(
                    f"{self._file}, behind record {number}: {error}: save it again, whole"
                ) from error
