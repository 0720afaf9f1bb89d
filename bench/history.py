"""Checking the record of a run: time a delivery, beside reading its files and judging nothing.

    python -m bench.history [DELIVERIES]

One stretch of a log is booked by the ledger's own code and repeated under other ids and at later
times, so that the record is a good one of any length: the checker must find nothing.
"""

import csv
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
import structlog

from hoatoc.history.check import check_files
from hoatoc.history.file import LogFile
from hoatoc.history.note import Fault, Note
from hoatoc.history.record import Books, History, Ledger, LogRecord
from hoatoc.history.row import Place, PositionRow
from hoatoc.history.save import LOG_FILE
from hoatoc.testing.booking import booked
from hoatoc.testing.history import history_of
from hoatoc.testing.record_file import write_record
from hoatoc.testing.scenario import Log

GOAL_S = 60
PARTITIONS = 4
DISPATCHES, RECIPIENTS = 10, 20
"""of one stretch"""
AWAY_S = 20
LATE = 2
"""recipients of each dispatch that answer late"""


@dataclass(frozen=True, slots=True)
class HistoryFigures:
    """What checking a record took, beside the floor: every row and record read, none kept."""

    deliveries: int
    records: int
    check_s: float
    floor_s: float
    peak_mib: float
    violations: int

    @property
    def us_per_delivery(self) -> float:
        """Microseconds a delivery."""
        return self.check_s / self.deliveries * 1e6


def _log() -> Log:
    """Return one tick, then a stretch in which copies arrive, some late, through an outage."""
    log, organs = Log(), [f"R{n}" for n in range(RECIPIENTS)]
    log.tick()
    log.tick()
    for number in range(1, DISPATCHES + 1):
        log.registered(number, organs)
        log.published(number, organs)
        for recipient in organs[LATE:]:
            for word in ("done", "01", "03"):
                log.answered(word, number, recipient)
        log.tick()
    log.unreadable(1, organs[0])
    log.wait(AWAY_S)
    log.ticks(60)
    for number in range(1, DISPATCHES + 1):
        for recipient in organs[:LATE]:
            log.answered("03", number, recipient)
    log.tick()
    return log


class Stretch:
    """A stretch of one partition's log, with its books and notes, to be repeated."""

    def __init__(self) -> None:
        log = _log()
        self.first = history_of(log.entries, booked(log.entries, range(0, 9999, 200)))
        self.log = [*self.first.log][1:]
        [book] = self.first.books.ledger.positions
        self.service_ms, self.ticks = book.service_ms, book.ticks - 1
        self.append_ms = log.append_ms - self.first_ms
        self.notes = [*self.first.notes, self._outage()]

    @property
    def first_ms(self) -> int:
        """When the first tick was appended."""
        return next(iter(self.first.log)).append_ms

    def _outage(self) -> Fault:
        """Return the note of the outage in the stretch."""
        pairs = zip(self.log, self.log[1:], strict=False)
        begin, end = next((a.append_ms, b.append_ms) for a, b in pairs
                          if b.append_ms - a.append_ms > AWAY_S * 1000)  # fmt: skip
        return Fault(at_ms=begin + 1, until_ms=end, fault="stop", target="broker", applied=True)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The n-th repetition of a stretch in a partition."""

    stretch: Stretch
    partition: int
    at: int
    number: int
    """of all partitions"""

    def records(self) -> Iterator[LogRecord]:
        """Yield the records of the log."""
        for record in self.stretch.log:
            yield LogRecord(
                self.partition,
                self.moved_offset(record.offset),
                self.moved_ms(record.append_ms),
                self._changed(record.event),
            )

    def rows(self, table: str) -> Iterator[Any]:
        """Yield the rows of a table."""
        books = self.stretch.first.books
        of = books.ledger if hasattr(books.ledger, table) else books
        for row in getattr(of, table):
            yield row._replace(**self._fields(row._asdict()))

    def notes(self) -> Iterator[Note]:
        """Yield the notes; the outage is the same in every partition."""
        for note in self.stretch.notes:
            if not isinstance(note, Fault) or self.partition == 0:
                known = {name: getattr(note, name) for name in note.__struct_fields__}
                yield msgspec.structs.replace(note, **self._fields(known))

    def _changed(self, event: Any) -> Any:
        names = ("dispatch_id", "document_id", "clock_ms", "source_offset")
        known = {name: getattr(event, name) for name in names if hasattr(event, name)}
        return replace(event, **self._fields(known))

    def _fields(self, known: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a row, a note or an event that are other ones here."""
        new: dict[str, Any] = {}
        for name, value in known.items():
            if isinstance(value, Place):
                new[name] = Place(
                    self.moved_offset(value.offset),
                    self.moved_service(value.service_ms),
                    self.moved_ms(value.append_ms),
                )
            elif (
                name in CHANGES
                and value not in NOTHING
                and not (name == "partition" and "topic" in known)
            ):
                new[name] = CHANGES[name](self, value)
        if "version" in known and "state" in known and "subject_id" not in known:
            new["version"] = self.moved_offset(known["version"])
        return new

    def moved_offset(self, known: int) -> int:
        """Return it as it is in this repetition."""
        return known + self.at * len(self.stretch.log)

    def moved_ms(self, known: int) -> int:
        """Return it as it is in this repetition."""
        return known + self.at * self.stretch.append_ms

    def moved_clock(self, known: int) -> int:
        """Return it as it is in this repetition: the writer's clock stood still in the outage."""
        return known + self.at * (self.stretch.append_ms - AWAY_S * 1000)

    def moved_service(self, known: int) -> int:
        """Return it as it is in this repetition."""
        return known + self.at * self.stretch.service_ms

    def moved_dispatch(self, known: UUID) -> UUID:
        """Return it as it is in this repetition."""
        return UUID(int=known.int | self.number << 32)

    def moved_delivery(self, known: UUID) -> UUID:
        """Return it as it is in this repetition."""
        dispatch, recipient = COPIES[known]
        return _delivery(self.moved_dispatch(dispatch), recipient)

    def moved_document(self, known: str) -> str:
        """Return it as it is in this repetition."""
        return f"{known}-{self.number}"

    def moved_partition(self, _known: int) -> int:
        """Return it as it is in this repetition."""
        return self.partition


NOTHING = (None, "")
COPIES = {
    uuid5(UUID(int=number), f"R{n}"): (UUID(int=number), f"R{n}")
    for number in range(1, DISPATCHES + 1)
    for n in range(RECIPIENTS)
}
_delivery = lru_cache(4096)(uuid5)
CHANGES: dict[str, Callable[[Repeat, Any], Any]] = {
    "dispatch_id": Repeat.moved_dispatch,
    "delivery_id": Repeat.moved_delivery,
    "subject_id": Repeat.moved_delivery,
    "id": Repeat.moved_document,
    "document_id": Repeat.moved_document,
    "partition": Repeat.moved_partition,
    "log_offset": Repeat.moved_offset,
    "raised_offset": Repeat.moved_offset,
    "source_offset": Repeat.moved_offset,
    "offset": Repeat.moved_offset,
    "service_ms": Repeat.moved_service,
    "due_ms": Repeat.moved_service,
    "append_ms": Repeat.moved_ms,
    "at_ms": Repeat.moved_ms,
    "until_ms": Repeat.moved_ms,
    "clock_ms": Repeat.moved_clock,
}


class Repeated:
    """A record of any length: the same stretch over and over, in every partition."""

    def __init__(self, deliveries: int) -> None:
        self.stretch = Stretch()
        each = DISPATCHES * RECIPIENTS * PARTITIONS
        self.times = max(deliveries // each, 1)
        self.deliveries = self.times * each

    def repeats(self) -> Iterator[Repeat]:
        """Yield every repetition, partition by partition."""
        for partition in range(PARTITIONS):
            for at in range(self.times):
                yield Repeat(self.stretch, partition, at, partition * self.times + at)

    def log(self) -> Iterator[LogRecord]:
        """Yield the log."""
        first = next(iter(self.stretch.first.log))
        for repeat in self.repeats():
            if repeat.at == 0:
                yield first._replace(partition=repeat.partition)
            yield from repeat.records()

    def rows(self, table: str) -> Iterator[Any]:
        """Yield the rows of a table."""
        for repeat in self.repeats():
            yield from repeat.rows(table)

    def history(self) -> History:
        """Return the record, to be walked once."""
        books = self.stretch.first.books
        positions = [
            PositionRow(
                partition,
                1 + self.times * len(self.stretch.log),
                self.times * self.stretch.service_ms,
                1 + self.times * self.stretch.ticks,
            )
            for partition in range(PARTITIONS)
        ]
        tables: dict[str, Any] = {f.name: self.rows(f.name) for f in fields(books.ledger)}
        ledger = Ledger(**(tables | {"positions": positions}))
        others: dict[str, Any] = {
            f.name: self.rows(f.name) for f in fields(books) if f.name != "ledger"
        }
        return History(
            notes=chain.from_iterable(repeat.notes() for repeat in self.repeats()),
            log=self.log(),
            books=Books(ledger=ledger, **others),
        )


def measure(deliveries: int = 1_000_000) -> HistoryFigures:
    """Write a record, read it and judge nothing, then check it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    repeated = Repeated(deliveries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_record(repeated.history(), folder)
        records, floor_s = _floor(folder)
        begin = time.perf_counter()
        report = check_files(folder)
        check_s = time.perf_counter() - begin
    used = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return HistoryFigures(
        repeated.deliveries,
        records,
        check_s,
        floor_s,
        max(used) / 1024,
        len(report.counter_examples) + len(report.missing),
    )


def _floor(folder: Path) -> tuple[int, float]:
    """Read every note, record and row; return how many records the log has, and the seconds."""
    begin = time.perf_counter()
    records = sum(1 for _ in LogFile(folder / LOG_FILE).values())
    for notes in folder.glob("*.jsonl"):
        with notes.open("rb") as lines:
            for line in lines:
                msgspec.json.decode(line)
    for table in folder.glob("books/*.csv"):
        with table.open(encoding="utf-8", newline="") as rows:
            for _ in csv.reader(rows):
                pass
    return records, time.perf_counter() - begin


def main() -> None:
    """Measure, and print the figures."""
    figures = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    print(figures)
    print(f"{figures.us_per_delivery:.1f} us a delivery")


if __name__ == "__main__":
    main()
