"""What the readers of files find, and how much they may look at.

A reader is a generator of findings: text, a file inside the file, or a reason why a part could not
be read. It may raise anything; the dispatcher takes that for a reason too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The text of a file. `unreadable` names why not all of it could be had, "" if it could.

    `media_type` is told from the first bytes, never from the file's name.
    """

    media_type: str
    text: str
    unreadable: str = ""


class Text(NamedTuple):
    """A piece of text that stands for itself; `body` if it is of what the document shows."""

    text: str
    body: bool = True


class Inner(NamedTuple):
    """A file inside the file."""

    content: bytes


class Gap(NamedTuple):
    """A named reason why a part could not be read, as `[a-z-]+`, or that and a number."""

    reason: str


Finding = Text | Inner | Gap
Findings = Iterator[Finding]


class BudgetSpent(Exception):
    """More was found in a file than is looked at."""


class Budget:
    """How much is unpacked from one file, all that lies inside it included, in bytes."""

    def __init__(self, unpacked: int, text: int) -> None:
        self._unpacked, self._text = unpacked, text

    def unpack(self, size: int) -> None:
        """Count bytes that were unpacked; raise `BudgetSpent` beyond what is looked at."""
        self._unpacked -= size
        if self._unpacked < 0:
            raise BudgetSpent

    def keep(self, text: str) -> None:
        """Count characters that are kept; raise `BudgetSpent` beyond what is looked at."""
        self._text -= len(text)
        if self._text < 0:
            raise BudgetSpent
