"""What the recipients recorded, copy by copy, and what must be by their records."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hoatoc.demo.scenario import FAILED, RESENT_TO, Account, Expected, expected


class Copy(NamedTuple):
    """A copy of a letter for a recipient; a letter that is sent again is another copy."""

    mark: str
    recipient: str


@dataclass(slots=True)
class Received:
    """One delivery as its recipient recorded it."""

    copy: Copy
    whole: bool = True
    account: Account = field(default_factory=lambda: Account([]))


@dataclass(frozen=True, slots=True)
class Evidence:
    """The deliveries that recipients recorded, in the order in which each recipient got them."""

    received: dict[str, Received]

    @classmethod
    def read(cls, folder: Path) -> "Evidence":
        """Read the recipients' own records."""
        found: dict[str, Received] = {}
        for line in _lines(folder):
            copy = Copy(line["mark"], line["recipient"])
            _add(found.setdefault(line["delivery"], Received(copy)), line)
        seen: dict[Copy, Received] = {}
        for each in found.values():
            if each.copy in seen:
                seen[each.copy].account.sent_again = True
            seen[each.copy] = each
        return cls(found)

    def must(self) -> dict[str, Expected]:
        """Return what must be of each delivery."""
        return {of: expected(of, each.account) for of, each in self.received.items()}

    def accounts(self, mark: str) -> dict[str, Account]:
        """Return what the recipients of a letter recorded of it, by recipient."""
        return {e.copy.recipient: e.account for e in self.received.values() if e.copy.mark == mark}

    def faults(self, sent: Iterable[Copy]) -> list[str]:
        """Return which copies did not come as they should: each once, and whole."""
        due = Counter([*sent, Copy(FAILED, RESENT_TO)])
        got = Counter(each.copy for each in self.received.values())
        return [
            f"{copy.mark} → {copy.recipient}: got {got[copy]} times, must be {due[copy]}"
            for copy in sorted(due.keys() | got.keys())
            if got[copy] != due[copy]
        ] + [
            f"{each.copy.mark} → {each.copy.recipient}: not what was handed over"
            for each in self.received.values()
            if not each.whole
        ]


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("recipients-*.jsonl")):
        for line in file.read_text("utf-8").splitlines(keepends=True):
            if line.endswith("\n"):  # the last line may be half written
                yield json.loads(line)


def _add(received: Received, line: dict[str, Any]) -> None:
    if "answered" in line:
        received.account.answers.append((line["answered"], line["late"]))
    received.account.asked_back |= "asked_back" in line
    received.whole &= line.get("whole", True)
