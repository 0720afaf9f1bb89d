"""What a packet costs at the door: to read, to check, to tell its identity; and in memory.

The floor is expat alone, its handlers empty, over the same bytes. Rates are per second of processor
time, of the best of some turns. `python -m bench.packet` prints the figures of this part alone.
"""

import os
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from xml.parsers import expat

from bench.sample import letter
from hoatoc.domain.check import check
from hoatoc.domain.content import size_of
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_packet
from hoatoc.domain.identity import content_digest, document_key
from hoatoc.domain.packet import Attachment, Staff
from hoatoc.domain.registry import Organ, Registry
from hoatoc.prepare import first_registry

LETTER_BYTES = 20_000
LARGE_BYTES = 30_000_000
FEW, MANY = 5, 38
TURNS, REPEATS = 15, 100
_CHUNK = 64 * 1024
_PDF = b"%PDF-1.7\n"
_DAY = date(2021, 2, 26)


@dataclass(frozen=True, slots=True)
class LetterFigures:
    """Packets of 20 KB a second: expat alone, read, and read + checked + identified."""

    recipients: int
    floor: float
    read: float
    whole: float

    @property
    def ratio(self) -> float:
        """Return what reading costs, in floors."""
        return self.floor / self.read


@dataclass(frozen=True, slots=True)
class PacketFigures:
    """A letter to few, the same to many; a packet of 30 MB, its memory above what was there."""

    few: LetterFigures
    many: LetterFigures
    large_mb_per_second: float
    large_memory_mib: float


def measure() -> PacketFigures:
    """Return all figures of this part."""
    organs = first_registry()
    seconds, mib = _large()
    return PacketFigures(
        few=measure_letter(organs, FEW),
        many=measure_letter(organs, MANY),
        large_mb_per_second=LARGE_BYTES / seconds / 1e6,
        large_memory_mib=mib,
    )


def measure_letter(organs: tuple[Organ, ...], recipients: int) -> LetterFigures:
    """Read a letter of 20 KB to some recipients again and again."""
    data = sample(organs, recipients)
    registry = Registry(organs)

    def whole() -> None:
        packet = read_packet(data)
        check(packet, registry, _DAY)
        document_key(packet)
        content_digest(packet)

    return LetterFigures(
        recipients=recipients,
        floor=_rate(lambda: _expat_alone(data)),
        read=_rate(lambda: read_packet(data)),
        whole=_rate(whole),
    )


def sample(organs: tuple[Organ, ...], recipients: int) -> bytes:
    """Return the example letter to some recipients, its attachment cut so that it has 20 KB."""
    packet = replace(letter(organs, 100), staff=Staff(name="A", mobile="0", email="a@b"))
    packet = replace(
        packet,
        recipients=packet.recipients[:recipients],
        document_id=f"{packet.sender.code},{packet.promulgated:%Y/%m/%d},100/{packet.notation}",
    )
    bare = len(write_packet(replace(packet, attachments=_attached(b" "))))
    content = _PDF + os.urandom((LETTER_BYTES - bare) * 3 // 4 - len(_PDF))
    return write_packet(replace(packet, attachments=_attached(content)))


def _attached(content: bytes) -> tuple[Attachment, ...]:
    return (Attachment(name="a.pdf", content_type="application/pdf", content=content),)


def _rate(once: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(TURNS):
        began = time.process_time()
        for _ in range(REPEATS):
            once()
        best = min(best, time.process_time() - began)
    return REPEATS / best


def _expat_alone(data: bytes) -> None:
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = parser.ordered_attributes = True
    parser.StartElementHandler = lambda _tag, _attributes: None
    parser.EndElementHandler = lambda _tag: None
    parser.CharacterDataHandler = lambda _text: None
    parser.Parse(data, True)


def _large() -> tuple[float, float]:
    """Read a packet of 30 MB in a process of its own; return its seconds and its MiB."""
    organs = first_registry()
    with tempfile.TemporaryDirectory(prefix="hoatoc-bench-") as folder:
        path = Path(folder) / "large.edxml"
        with path.open("wb") as file:
            file.writelines(_large_pieces(sample(organs, FEW)))
        command = [sys.executable, "-m", "bench.packet", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, mib = map(float, done.stdout.split())
    return seconds, mib


def _large_pieces(small: bytes) -> Iterator[bytes]:
    """Blow a packet's attachment up to 30 MB, piece by piece, in lines of 76 characters."""
    tag = b"ContentTransferEncoded>"
    begin, end = small.index(tag) + len(tag), small.rindex(b"</edXML:" + tag)
    yield small[:begin]
    line = 57
    for _ in range((LARGE_BYTES - len(small)) // (77 * 1000)):
        raw = os.urandom(line * 1000)
        encoded = (b64encode(raw[at : at + line]) for at in range(0, len(raw), line))
        yield b"\n".join(encoded) + b"\n"
    yield small[end:]


def _read_stored(path: Path) -> tuple[float, float]:
    """Read a stored packet as it comes; return seconds of processor and MiB above the start."""
    with path.open("rb") as file:
        read_packet(sample(first_registry(), FEW))
        before, began = _peak_kib(), time.process_time()
        chunks = iter(lambda: file.read(_CHUNK), b"")
        packet = read_packet(chunks, limit=LARGEST_PACKET_BYTES)
        assert size_of(packet.attachments[0].content) > LARGE_BYTES // 2  # noqa: S101
        return time.process_time() - began, (_peak_kib() - before) / 1024


def _peak_kib() -> int:
    # Not ru_maxrss: a process inherits that of the one that started it.
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*_read_stored(Path(sys.argv[1])))
    else:
        figures = measure()
        for each in (figures.few, figures.many):
            print(each, f"ratio {each.ratio:.1f}")
        print(f"{figures.large_mb_per_second:.0f} MB/s, {figures.large_memory_mib:.1f} MiB")
