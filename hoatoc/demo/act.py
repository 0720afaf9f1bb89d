"""What people do in the story, each by the real command: check, send, recall, send again, look."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Any

from rich.console import Console

from hoatoc.demo import variant, view
from hoatoc.demo.command import Said, call
from hoatoc.demo.evidence import Evidence
from hoatoc.demo.scenario import (
    FAILED,
    RECALL_REASON,
    RECALL_ROLES,
    RECALLED,
    RESENT_TO,
    SCRIPTS,
)
from hoatoc.demo.webhook import Receiver
from hoatoc.domain.edxml import write_packet
from hoatoc.domain.packet import Packet

REFUSED = 4
UNNUMBERED, UNFIT = "number-missing", {"recipient-unknown", "promulgated-in-future"}
LEGAL = ("Điều 6.2", "Điều 21.2.c", "23.1")
SHOWN = ("H27", "H41")
EVE_OF_TET = "09/02/2021 15:00"
_LOOK_S = 0.1


@dataclass(slots=True)
class Acts:
    """What is done, and in `faults` what was not answered as it must be.

    `marker` stands in the document that is suspected of a state secret, and nowhere else.
    """

    folder: Path
    console: Console
    settings: dict[str, str]
    pages: Receiver
    packets: dict[str, Packet]
    marker: str
    stamped_sha256: str = ""
    faults: list[str] = field(default_factory=list)

    async def check(self, letter: str, today: date) -> None:
        """Look at faulty packets as their clerk would, before sending."""
        packet = self.packets[letter]
        files = [
            self._written("unnumbered", variant.unnumbered(packet)),
            self._written("unfit", variant.unfit(packet, today + timedelta(days=1))),
        ]
        said, found = await asyncio.gather(
            self._run("check", *files), self._run("check", "--json", *files)
        )
        self._show("Kiểm tra trước khi gửi · before sending", said, status=REFUSED)
        draft, other = ({each["code"] for each in one["findings"]} for one in found.read())
        if UNNUMBERED not in draft or not other >= UNFIT:
            self.faults.append(f"hoatoc check finds {sorted(draft)} and {sorted(other)}")

    async def play(self, letter: str) -> None:
        """Do all that is done while the letters are on their way."""
        await self._recall()
        await self._refused(letter)
        await self._again(letter)
        await self._resend()

    async def _recall(self) -> None:
        """Ask copies back, once each of these recipients has done with the letter what it will."""
        await _until(self._all_have_answered)
        to = [word for organ in RECALL_ROLES for word in ("--to", organ)]
        said = await self._run("recall", RECALLED, *to, "--reason", RECALL_REASON)
        asked = f"asked back: {len(RECALL_ROLES)} ({', '.join(RECALL_ROLES)})"
        self._show("Thu hồi · recall", said, asked)

    async def _all_have_answered(self) -> bool:
        of = Evidence.read(self.folder).accounts(RECALLED)
        return all(
            organ in of and tuple(of[organ].said) == SCRIPTS[role]
            for organ, role in RECALL_ROLES.items()
        )

    async def _refused(self, letter: str) -> None:
        """Hand over what must not go: a stamp of secrecy, and a faulty packet all the same."""
        packet = variant.stamped(self.packets[letter], "77", self.marker)
        self.stamped_sha256 = sha256(write_packet(packet)).hexdigest()
        files = self._written("stamped", packet), str(self.folder / "unfit.edxml")
        said = await self._run("send", *files)
        words = ("SecretSuspected", self.stamped_sha256, "CheckFailed")
        self._show("Bị từ chối tại cửa · refused at the door", said, *words, status=REFUSED)

    async def _again(self, letter: str) -> None:
        """Hand the same packet over again, and another content under its number."""
        packet = self.packets[letter]
        other = self._written("other-content", variant.other_content(packet))
        said = await self._run("send", str(self.folder / f"{letter}.edxml"), other)
        words = ("not sent again", "DocumentConflict", f"«{packet.subject}»")
        title = "Gửi trùng, và trùng số · sent twice, and a number used twice"
        self._show(title, said, *words, status=REFUSED)

    async def _resend(self) -> None:
        """Send again to the one organ that failed to receive, once the page about it has come."""
        await _until(self._failure_paged)
        said = await self._run("resend", FAILED, "--to", RESENT_TO)
        self._show("Gửi lại · sent again", said, f"sent again to: {RESENT_TO}")

    async def _failure_paged(self) -> bool:
        return any(
            (page["data"]["recipient"], page["data"]["kind"]) == (RESENT_TO, "receive-failed")
            for page in self.pages.pages.values()
        )

    async def look(self) -> None:
        """Look at the recalled letter: what came of the recall, and its deadlines by the law."""
        said, found, eve = await asyncio.gather(
            self._run("show", RECALLED),
            self._run("show", RECALLED, "--json"),
            self._run("deadline", "register", "--arrived", EVE_OF_TET, "--organ", SHOWN[-1]),
        )
        shown = Said(said.arguments, said.status, _head(said.text))
        self._show("Thu hồi và hạn theo luật · recall, and deadlines by the law", shown)
        rows = found.read()["legal_deadlines"]
        view.deadlines(self.console, _some(rows))
        self._show("Cùng hạn ấy vào ngày áp Tết · the same deadline on the eve of Tết", eve)
        texts = " ".join(row["due"] for row in rows)
        self.faults += [f"no deadline by {at}" for at in LEGAL if at not in texts]
        self.faults += self._miscounted(found.read()["recalls"])

    def _miscounted(self, recalls: list[dict[str, Any]]) -> list[str]:
        must = _counts(Evidence.read(self.folder))
        counted = [{name: recall[name] for name in must} for recall in recalls]
        return [] if counted == [must] else [f"hoatoc show counts {counted}, must be {must}"]

    async def _run(self, *arguments: str) -> Said:
        return await call(*arguments, settings=self.settings, columns=self.console.width)

    def _show(self, title: str, said: Said, *words: str, status: int = 0) -> None:
        """Show what a command said, and note where it did not say what it must."""
        view.command(self.console, title, said)
        name = said.arguments[0]
        if said.status != status:
            self.faults.append(f"hoatoc {name}: exit {said.status}, must be {status}")
        self.faults += [
            f"hoatoc {name}: not said: {word!r}" for word in words if word not in said.words
        ]

    def _written(self, name: str, packet: Packet) -> str:
        file = self.folder / f"{name}.edxml"
        file.write_bytes(write_packet(packet))
        return str(file)


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    while not await true():  # noqa: ASYNC110 - what it waits for are files of other programs
        await asyncio.sleep(_LOOK_S)


def _counts(evidence: Evidence) -> dict[str, int]:
    """Return how the answers to the recall must be counted, by the recipients' records."""
    of = evidence.accounts(RECALLED)
    asked = [account for account in of.values() if account.asked_back]
    return {
        "asked": len(asked),
        "recalled": sum("15" in account.said for account in asked),
        "declined": sum("16" in account.said for account in asked),
        "read_before": sum(account.had_read for account in asked),
    }


def _head(text: str) -> str:
    """Return what `show` says above its tables."""
    lines = text.splitlines()
    return "\n".join(takewhile(lambda line: "┏" not in line, lines)) + "\n…"


def _some(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the deadlines of the sender, and of two recipients: one kept them, one did not."""
    return [
        row
        for number, row in enumerate(rows)
        if number == 0 or any(organ in row["organs"] for organ in (*SHOWN, "organs"))
    ]
