"""What the people of the story do, each by the real command: check, send, recall, send again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.text import Text

from hoatoc.demo import faulty
from hoatoc.demo.command import Said, call
from hoatoc.demo.evidence import Evidence
from hoatoc.demo.scenario import (
    FAILED,
    RAISED,
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
_LAWFUL = "trình diễn"


@dataclass(slots=True)
class Acts:
    """What is done, and what was not answered as it must be."""

    folder: Path
    console: Console
    settings: dict[str, str]
    pages: Receiver
    packets: dict[str, Packet]
    marker: str = field(default_factory=lambda: f"noi dung {uuid4().hex} {uuid4().hex}")
    stamped_sha256: str = ""
    faults: list[str] = field(default_factory=list)

    async def check(self, letter: str, today: date) -> None:
        """Look at a faulty packet as its clerk would, before sending."""
        packet = faulty.unfit(self.packets[letter], today + timedelta(days=1))
        file = self._written("faulty", packet)
        self._heading("Kiểm tra trước khi gửi", "before sending")
        said = await self._hoatoc("check", file, status=REFUSED)
        self._must(said, "number-missing", "recipient-unknown", "promulgated-in-future")

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
        data = write_packet(faulty.stamped(self.packets[letter], "77", self.marker))
        self.stamped_sha256 = sha256(data).hexdigest()
        file = self.folder / "stamped.edxml"
        file.write_bytes(data)
        self._heading("Bị từ chối tại cửa", "refused at the door")
        bad = str(self.folder / "faulty.edxml")
        said = await self._hoatoc("send", str(file), bad, status=REFUSED)
        self._must(said, "SecretSuspected", "CheckFailed", self.stamped_sha256)

    async def _again(self, letter: str) -> None:
        """Hand the same packet over again, and another content under its number."""
        packet = self.packets[letter]
        other = self._written("other-content", faulty.other_content(packet))
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
        command = ("show", RECALLED)
        said = await self._run(*command)
        self._tell(command, Said(said.status, _lawful(said.text)))
        self._must(said, *_counts(Evidence.read(self.folder)), "Điều 21.2.c", "Điều 23.1")

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
    while not await true():
        await asyncio.sleep(_LOOK_S)


def _counts(evidence: Evidence) -> tuple[str, ...]:
    """Return how the answers to the recall must be counted, by the recipients' records."""
    of = evidence.accounts(RECALLED)
    asked = [account for account in of.values() if account.asked_back]
    back = sum("15" in account.said for account in asked)
    declined = sum("16" in account.said for account in asked)
    return (
        f"recalled at {back}/{len(asked)}",
        f"declined {declined}",
        f"no answer {len(asked) - back - declined}",
        f"had already read it {sum(account.had_read for account in asked)}",
    )


def _lawful(text: str) -> str:
    """Return the head of what `show` says, and its table of legal deadlines."""
    lines = text.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    tables = [n for n, line in enumerate(plain) if line.startswith("┏")]
    ends = [n for n, line in enumerate(plain) if line.startswith("└")]
    begins = next(n for n, line in enumerate(plain) if line.startswith(_LAWFUL))
    shown = lines[: tables[0]] + lines[begins : next(n for n in ends if n > begins) + 1]
    return "\n".join(shown)
