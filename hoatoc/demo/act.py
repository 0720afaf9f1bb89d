"""What the people of the story do, each by the real command: check, send, recall, send again."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.text import Text

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
_LOOK_S = 0.1
UNFIT = {"recipient-unknown", "promulgated-in-future"}
LEGAL = ("Điều 6.2", "Điều 21.2.c", "23.1")
SHOWN = ("H27", "H41")


@dataclass(slots=True)
class Acts:
    """What is done, and what was not answered as it must be."""

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
        self._heading("Kiểm tra trước khi gửi", "before sending")
        _, found = await asyncio.gather(
            self._hoatoc("check", *files, status=REFUSED),
            self._run("check", "--json", *files),
        )
        without, other = json.loads(found.text)
        codes = {finding["code"] for finding in other["findings"]}
        if without["fault"] is None or not codes >= UNFIT:
            self.faults.append(f"hoatoc check found {without['fault']} and {codes}")

    async def tell(self, letter: str) -> None:
        """Do all that is done while the letters are on their way."""
        await self._recall()
        await self._refused(letter)
        await self._again(letter)
        await self._resend()

    async def _recall(self) -> None:
        await _until(self._all_have_read)
        self._heading("Thu hồi", "recall")
        to = [word for organ in RECALL_ROLES for word in ("--to", organ)]
        said = await self._hoatoc("recall", RECALLED, *to, "--reason", RECALL_REASON, status=0)
        self._must(said, f"asked back: {len(RECALL_ROLES)} ({', '.join(RECALL_ROLES)})")

    async def _all_have_read(self) -> bool:
        of = Evidence.read(self.folder).accounts(RECALLED)
        return all(
            organ in of and tuple(of[organ].said) == SCRIPTS[role]
            for organ, role in RECALL_ROLES.items()
        )

    async def _refused(self, letter: str) -> None:
        """Hand over what must not go: a stamp of secrecy, and the faulty packet as it is."""
        data = write_packet(variant.stamped(self.packets[letter], "77", self.marker))
        self.stamped_sha256 = sha256(data).hexdigest()
        file = self.folder / "stamped.edxml"
        file.write_bytes(data)
        self._heading("Bị từ chối tại cửa", "refused at the door")
        bad = str(self.folder / "unfit.edxml")
        said = await self._hoatoc("send", str(file), bad, status=REFUSED)
        self._must(said, "SecretSuspected", "CheckFailed", self.stamped_sha256)

    async def _again(self, letter: str) -> None:
        """Hand the same packet over again, and another content under its number."""
        packet = self.packets[letter]
        other = self._written("other-content", variant.other_content(packet))
        self._heading("Gửi trùng, và trùng số", "sent twice, and a number used twice")
        same = str(self.folder / f"{letter}.edxml")
        said = await self._hoatoc("send", same, other, status=REFUSED)
        self._must(said, "not sent again", "DocumentConflict", packet.subject)

    async def _resend(self) -> None:
        """Send again to the one organ that failed to receive, once its page has come."""
        await _until(self._failure_paged)
        self._heading("Gửi lại", "sent again")
        said = await self._hoatoc("resend", FAILED, "--to", RESENT_TO, status=0)
        self._must(said, f"sent again to: {RESENT_TO}")

    async def _failure_paged(self) -> bool:
        return any(
            (page["data"]["recipient"], page["data"]["kind"]) == (RESENT_TO, "receive-failed")
            for page in self.pages.pages.values()
        )

    async def show(self) -> None:
        """Show the recalled letter: what came of the recall, and its deadlines by the law."""
        self._heading("Hạn theo luật", "deadlines by the law")
        said, found = await asyncio.gather(
            self._run("show", RECALLED), self._run("show", RECALLED, "--json")
        )
        self._tell(("show", RECALLED), Said(said.status, _head(said.text)))
        found_all = json.loads(found.text)
        view.deadlines(self.console, _some(found_all["legal_deadlines"]))
        must = _counts(Evidence.read(self.folder))
        counted = [{name: recall[name] for name in must} for recall in found_all["recalls"]]
        if counted != [must]:
            self.faults.append(f"hoatoc show counts {counted}, must be {must}")
        texts = " ".join(row["due"] for row in found_all["legal_deadlines"])
        self.faults += [f"no deadline by {at}" for at in LEGAL if at not in texts]

    async def _hoatoc(self, *arguments: str, status: int) -> Said:
        said = await self._run(*arguments)
        self._tell(arguments, said)
        if said.status != status:
            self.faults.append(f"hoatoc {arguments[0]}: exit {said.status}, must be {status}")
        return said

    async def _run(self, *arguments: str) -> Said:
        return await call(*arguments, settings=self.settings, columns=self.console.width)

    def _must(self, said: Said, *words: str) -> None:
        """Note what a command did not say, whatever the lines that it broke into."""
        text = " ".join(Text.from_ansi(said.text).plain.split())
        self.faults += [f"not said: {word!r}" for word in words if word not in text]

    def _tell(self, arguments: tuple[str, ...], said: Said) -> None:
        words = (Path(w).name if w.endswith(".edxml") else w for w in arguments)
        line = " ".join(f"'{w}'" if " " in w else w for w in words)
        self.console.print(f"$ hoatoc {line}", style="bold", markup=False)
        self.console.print(Text.from_ansi(said.text.rstrip()))
        self.console.print(f"→ {said.status}\n", style="dim")

    def _heading(self, vietnamese: str, english: str) -> None:
        self.console.rule(f"{vietnamese} · {english}", align="left")

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
