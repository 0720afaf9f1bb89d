"""The observer: a process that reads topics and notes when each record was there to be read.

It does nothing else, so that what it notes is the moment at which a reader has a record.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from aiokafka import TopicPartition

from bench.helping import READY, helper
from hoatoc import config
from hoatoc.config import Settings
from hoatoc.kafka.client import consumer


class Seen(NamedTuple):
    """A record and the moment at which it was read (wall clock, ns since 1970 UTC)."""

    topic: str
    partition: int
    offset: int
    key: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Observer:
    """Where an observer notes what it sees."""

    file: Path

    def seen(self) -> list[Seen]:
        """Return what was noted so far."""
        lines = self.file.read_text("utf-8").splitlines(keepends=True)
        return [_seen(line) for line in lines if line.endswith("\n")]


def _seen(line: str) -> Seen:
    topic, partition, offset, key, at_ns = line.rstrip("\n").split("\t")
    return Seen(topic, int(partition), int(offset), key, int(at_ns))


@asynccontextmanager
async def observing(settings: Settings, topics: Sequence[str]) -> AsyncIterator[Observer]:
    """Have topics observed from their present end on."""
    file = settings.data / f"seen-{time.monotonic_ns()}"
    async with helper(settings, "bench.observer", str(file), *topics):
        yield Observer(file)


async def _observe(file: Path, topics: Sequence[str]) -> None:
    kafka = config.load().kafka
    async with consumer(kafka, fetch_max_wait_ms=100) as reader:
        places = [
            TopicPartition(name, partition)
            for name in topics
            for partition in range(1 if "." in name else kafka.partitions)  # an organ's has one
        ]
        reader.assign(places)
        await reader.seek_to_end(*places)
        with file.open("a", encoding="utf-8", buffering=1) as notes:
            print(READY, flush=True)
            while True:
                fetched = await reader.getmany(timeout_ms=1000)
                now_ns = time.time_ns()
                notes.writelines(
                    f"{r.topic}\t{r.partition}\t{r.offset}\t{(r.key or b'').decode()}\t{now_ns}\n"
                    for records in fetched.values()
                    for r in records
                )
                notes.flush()


if __name__ == "__main__":
    asyncio.run(_observe(Path(sys.argv[1]), sys.argv[2:]))
