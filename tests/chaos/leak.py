"""The search for what was stopped: its mark, as text and as Base64 writes it, in every file.

A suspected secret that came by Kafka was written to the broker by its sender. Its record is deleted
at once, its bytes leave the disk with the segment, minutes later: so of the broker's files those of
`handovers.*` are passed over.
"""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hoatoc.history.record import Leak

_ALIGNMENTS = 3


def leaks(record: Path, data: Path) -> list[Leak]:
    """Return where the marks of stopped documents stand in the files of a deployment."""
    forms = {form: marker for marker in _markers(record) for form in _forms(marker)}
    if not forms:
        return []
    patterns = record.parent / "marks"
    patterns.write_text("\n".join(forms) + "\n", "ascii")
    words = ["grep", "-r", "-a", "-o", "-F", "-f", str(patterns), "--exclude-dir=handovers.*"]
    found = subprocess.run([*words, str(data)], capture_output=True, check=False)
    if found.returncode > 1:
        raise OSError(found.stderr.decode("utf-8", "replace"))
    lines = found.stdout.decode("utf-8", "replace").splitlines()
    named = (line.rpartition(":") for line in lines)
    return sorted({Leak(forms[form], str(Path(file).name)) for file, _, form in named})


def _markers(record: Path) -> Iterator[str]:
    for line in (record / "senders.jsonl").read_bytes().splitlines():
        if b'"stopped"' in line:
            yield msgspec.json.decode(line)["marker"]


def _forms(marker: str) -> Iterator[str]:
    """Yield the mark as text, and what Base64 makes of its inside at any place."""
    text = marker.encode()
    yield marker
    for skipped in range(_ALIGNMENTS):
        coded = base64.b64encode(b"\0" * skipped + text).decode()
        yield coded[4 if skipped else 0 : -4]
