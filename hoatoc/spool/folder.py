"""The folder of a spool: what is put there to be sent, and what became of it.

    outgoing/   packets to be sent, `*.edxml`; each disappears when it is durable in the spool
    sent/       a file a packet that the door has: its dispatch, and what the door said
    refused/    packets that are refused, each beside a text that says why
    statuses/   a file a dispatch: what became of each copy
    state.json  what waits, and whether the line works
    FULL.txt    there while the spool takes nothing, because its quota or the disk is used up

Every file is written beside its place and moved there, so that no reader sees half of one.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import uuid4

import structlog

from hoatoc import durable
from hoatoc.spool.outbox import Fate, State

SETTLED_S = 10.0
"""how long a file that cannot be read may still be in the making, since it last changed"""
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST = 150
"""bytes; a file system takes 255, and more is added"""
_ASIDE, _SHOWN_FAULTS = ".taking.", 5
LOG = structlog.get_logger("spool")


class Seen(NamedTuple):
    """What a file was when it was looked at: it is known again by this."""

    inode: int
    changed_ns: int
    size: int

    @classmethod
    def of(cls, file: Path) -> Self:
        """Look at a file; raises OSError."""
        status = file.stat()
        return cls(status.st_ino, status.st_mtime_ns, status.st_size)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a spool; `faults` says what cannot be read or written in it, by part."""

    root: Path
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def outgoing(self) -> Path:
        """Where packets are put to be sent."""
        return self.root / "outgoing"

    @property
    def outbox(self) -> Path:
        """The file of the outbox."""
        return self.root / "spool.sqlite"

    @property
    def full(self) -> Path:
        """The file that says that nothing is taken."""
        return self.root / "FULL.txt"

    def make(self) -> None:
        """Make the folders that are missing; what they hold is its owner's alone."""
        for name in ("", "outgoing", "sent", "refused", "statuses"):
            (self.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def note_faults(self, part: str, faults: Sequence[str]) -> None:
        """Note what cannot be read or written now, for `state.json`; what is new is logged."""
        fault = "; ".join(faults[:_SHOWN_FAULTS])
        if fault and fault != self.faults.get(part):
            LOG.error("folder_fault", part=part, detail=fault, files=len(faults))
        self.faults[part] = fault

    def arrivals(self) -> Iterator[Path]:
        """Yield the packets to be sent, those that came first before the others.

        A name that begins with a dot, or does not end in `.edxml`, is a file in the making; but
        what was taken out of sight and not to its place (a kill, a full disk) is brought back.
        """
        for file in self.outgoing.glob(f"{_ASIDE}*"):
            self._bring_back(file, file.name.removeprefix(_ASIDE).partition(".")[2])
        found = []
        for entry in os.scandir(self.outgoing):
            name = entry.name
            if name.lower().endswith(".edxml") and not name.startswith("."):
                with suppress(FileNotFoundError):
                    if entry.is_file(follow_symlinks=False):
                        found.append((entry.stat().st_mtime, name))
        yield from (self.outgoing / name for _, name in sorted(found))

    def took(self, file: Path, seen: Seen) -> None:
        """Let a packet disappear that is durable in the spool."""
        if (aside := self._take_away(file, seen)) is not None:
            aside.unlink()
            durable.sync(self.outgoing)

    def refuse(self, file: Path, seen: Seen, why: dict[str, Any]) -> None:
        """Put a packet aside that the spool itself cannot take, beside a text that says why."""
        if (aside := self._take_away(file, seen)) is None:
            return
        name = _named(file.name, f"{time.time_ns():x}")
        write(self.root / "refused" / f"{name}.json", why)
        durable.move(aside, self.root / "refused" / f"{name}.edxml")

    def _take_away(self, file: Path, seen: Seen) -> Path | None:
        """Take a file out of sight, and return where it is.

        None if it has gone, or if another has come under its name: that one is left to be taken.
        """
        aside = self.outgoing / f"{_ASIDE}{uuid4().hex[:12]}.{_stem(file.name)}.edxml"
        try:
            file.rename(aside)
        except FileNotFoundError:
            return None
        if Seen.of(aside) == seen:
            return aside
        self._bring_back(aside, file.name)
        return None

    def _bring_back(self, aside: Path, name: str) -> None:
        """Bring a file back under its name; if another has that, under one of its own."""
        try:
            os.link(aside, self.outgoing / name)
        except OSError:
            aside.rename(self.outgoing / f"{_named(name, uuid4().hex)}.edxml")
        else:
            aside.unlink()

    def show(self, fate: Fate, content: bytes | None = None) -> None:
        """Show what became of a packet, in one of two places.

        With its content, one that was refused is given back for its sender to correct.
        """
        told = asdict(fate) | {"sha256": fate.sha256.hex()}
        name = _named(fate.name, fate.id.hex)
        sent, refused = self.root / "sent", self.root / "refused"
        if content is not None:
            durable.write(refused / f"{name}.edxml", content)
        if fate.state is State.SENT:
            write(sent / f"{name}.json", told)
            for kind in ("json", "edxml"):
                (refused / f"{name}.{kind}").unlink(missing_ok=True)
        else:
            write(refused / f"{name}.json", told)
            (sent / f"{name}.json").unlink(missing_ok=True)

    def show_dispatch(self, dispatch_id: str, told: dict[str, Any]) -> None:
        """Show what became of the copies of a dispatch."""
        write(self.root / "statuses" / f"{dispatch_id}.json", told)

    def show_state(self, state: dict[str, Any]) -> None:
        """Show what waits."""
        write(self.root / "state.json", state)

    def say_full(self, text: str) -> None:
        """Say that nothing is taken; an empty text: that it is again."""
        with suppress(FileNotFoundError):
            if not text:
                self.full.unlink()
            elif self.full.read_text("utf-8") == text:
                return
        if text:
            durable.write(self.full, text.encode())


def _named(name: str, unique: str) -> str:
    """Return a name of its own for a packet that came under a name."""
    stem = _stem(name)
    if stem.endswith(f".{unique[:12]}"):  # as it was given back
        return stem
    return f"{stem}.{unique[:12]}" if stem else unique


def _stem(name: str) -> str:
    """Return a file's name without its end, as any file system takes it, and not too long."""
    return _UNSAFE.sub("_", Path(name).stem).encode()[:_LONGEST].decode("utf-8", "ignore")


def is_settled(file: Path) -> bool:
    """Tell whether nothing has been written to a file for a while."""
    with suppress(FileNotFoundError):
        return time.time() - file.stat().st_mtime > SETTLED_S
    return False


def write(place: Path, value: object) -> None:
    """Write a value as JSON, whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    durable.write(place, text.encode())
