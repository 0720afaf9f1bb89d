"""A command run as a person runs it: the real `hoatoc`, in a terminal of its own."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from hoatoc.domain.error import OurFault

_READ_BYTES = 65_536


class CommandFailed(OurFault):
    """A command did not answer as it must."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered; `text` is as the terminal got it, colours and all."""

    arguments: tuple[str, ...]
    status: int
    text: str

    @property
    def words(self) -> str:
        """Return the text without colours, whatever the lines that it was broken into."""
        return " ".join(Text.from_ansi(self.text).plain.split())

    def read(self) -> Any:
        """Return what was said in JSON; raises CommandFailed."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise CommandFailed(f"hoatoc {' '.join(self.arguments)}: {self.text}") from error


async def call(*arguments: str, settings: Mapping[str, str], columns: int) -> Said:
    """Run `hoatoc` with arguments and settings, in a terminal that is so many columns wide."""
    env = {**os.environ, **settings, "COLUMNS": str(columns), "TERM": "xterm-256color"}
    return await asyncio.to_thread(_call, arguments, env)


def _call(arguments: tuple[str, ...], env: Mapping[str, str]) -> Said:
    leader, terminal = pty.openpty()
    command = [sys.executable, "-m", "hoatoc", *arguments]
    with open(leader, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor
        running = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=env
        )
        os.close(terminal)
        data = b"".join(_read(screen.fileno()))
    return Said(arguments, running.wait(), data.decode().replace("\r\n", "\n"))


def _read(descriptor: int) -> Iterator[bytes]:
    """Yield what comes until the terminal is hung up, which Linux tells as an error."""
    while True:
        try:
            data = os.read(descriptor, _READ_BYTES)
        except OSError:
            return
        if not data:
            return
        yield data
