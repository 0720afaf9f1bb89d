"""Notes: the record of a run, kept by those who act in it, one JSON object a line."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True)
class Notebook:
    """Notes in a file, which are written through a second after they were made at the latest."""

    out: BinaryIO
    _through_s: float = field(default=0.0)

    def write(self, what: str, **facts: object) -> None:
        """Write one note, with the instant of the writer's clock (`at_ms`, if none is given)."""
        note = {"what": what, "at_ms": time.time_ns() // 1_000_000, **facts}
        self.out.write(_ENCODER.encode(note) + b"\n")
        now = time.monotonic()
        if now - self._through_s > 1:
            self._through_s = now
            self.out.flush()


def read_notes(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the notes of a file; a line that is being written is left for the next time."""
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield msgspec.json.decode(line)
