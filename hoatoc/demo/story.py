"""The story: letters go out over a real broker, recipients answer or not, people are paged.

Ends by itself; exit status 1 if anything is not as the recipients' own records say it must be.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from rich.console import Console

from hoatoc import books, config
from hoatoc.cli.output import PRIORITIES
from hoatoc.config import Settings
from hoatoc.demo import view
from hoatoc.demo.scenario import Copy, Expected, Page, Role, expected, role_of
from hoatoc.demo.webhook import Receiver, receiver
from hoatoc.domain import topic
from hoatoc.domain.edxml import write_packet
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.embedded.stack import Stack, environment, stack
from hoatoc.example import LETTERS, Letter, load_letters
from hoatoc.kafka.client import outgoing, producer, send_all
from hoatoc.postgres.query import queries
from hoatoc.prepare import first_registry
from hoatoc.signing import public_key, signing_key

SQL = queries("demo")
PLAYERS = 4
PATIENCE_S = 100.0
KILL_AFTER_ACCEPTED = 40
BY_KAFKA = "H33"


class ExamplesMissing(OurFault):
    """The example letters are not beside the program."""


@dataclass(slots=True)
class Story:
    """What happened: the letters, the records of the recipients, the pages, the kills."""

    folder: Path
    letters: tuple[Letter, ...]
    console: Console
    settings: Settings
    pages: Receiver
    players: list[Process] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)

    def copies(self) -> list[Copy]:
        """Return every copy that the packets ask for."""
        return [
            (mark(letter), party.code)
            for letter in self.letters
            for party in letter.packet.recipients
        ]

    def recorded(self) -> Iterator[dict[str, Any]]:
        """Read the recipients' own records."""
        for file in sorted(self.folder.glob("recipients-*.jsonl")):
            for line in file.read_text("utf-8").splitlines():
                yield json.loads(line)

    def expectations(self) -> dict[Copy, Expected]:
        """Compute from the recipients' records what must be."""
        answers: dict[Copy, list[tuple[str, bool]]] = defaultdict(list)
        for line in self.recorded():
            if "answered" in line:
                answers[line["copy"], line["recipient"]].append((line["answered"], line["late"]))
        return {copy: expected(copy, answers[copy]) for copy in self.copies()}

    def paged(self) -> Counter[Page]:
        """Return the pages that the receiver got."""
        return Counter(
            (
                f"{page['data']['number']}/{page['data']['notation']}",
                page["data"]["recipient"],
                page["data"]["kind"],
                "raised" if page["data"]["version"] % 2 else "resolved",
            )
            for page in self.pages.pages.values()
        )


def mark(letter: Letter) -> str:
    """Return the number and notation of a letter."""
    return f"{letter.packet.number}/{letter.packet.notation}"


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Return the data folder: the one to keep, or one for this run."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hoatoc-demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database runs as another user when we are root
        yield folder


def main(keep: Path | None) -> int:
    """Tell the story and return the exit status."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    if not LETTERS.is_dir():
        raise ExamplesMissing(f"{LETTERS} is missing: run the demo from a checkout of Hoatoc")
    with _folder(keep) as folder:
        return asyncio.run(_tell(folder, console))


async def _tell(folder: Path, console: Console) -> int:
    data = folder / "data"
    key = data / "webhook-key.pem"
    async with AsyncExitStack() as held:
        pages = await held.enter_async_context(receiver(lambda: public_key(signing_key(key))))
        settings = _settings(data, pages.url)
        began = time.monotonic()
        console.print("Khởi động Apache Kafka, PostgreSQL và sáu chương trình …")
        console.print("Starting a real Apache Kafka, a real PostgreSQL and the six programs …")
        running = await held.enter_async_context(stack(settings, console=console))
        letters = load_letters(LETTERS, first_registry())
        story = Story(folder, letters, console, running.settings, pages)
        console.print(f"sẵn sàng · ready in {time.monotonic() - began:.1f} s: {pages.url}\n")
        await held.enter_async_context(_playing(story))
        connection = await held.enter_async_context(_database(running.settings))
        await _send(story)
        finished = await _watch(story, running, connection)
        return await _judge(story, connection, finished=finished)


def _settings(data: Path, url: str) -> Settings:
    base = config.load()
    return base.model_copy(
        update={
            "data": data,
            "policy": str(LETTERS.parent / "demo-policy.toml"),
            "postgres": base.postgres.model_copy(update={"dsn": ""}),
            "kafka": base.kafka.model_copy(update={"bootstrap_servers": ""}),
            "pager": base.pager.model_copy(update={"webhook_url": url, "signing_key": ""}),
        }
    )


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.postgres.dsn)
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def _playing(story: Story) -> AsyncIterator[None]:
    """Start the recipients' systems: a few processes, each playing many organs."""
    organs = sorted({recipient for _, recipient in story.copies()})
    env = {**os.environ, **environment(story.settings)}
    for n in range(PLAYERS):
        record = story.folder / f"recipients-{n}.jsonl"
        command = [sys.executable, "-m", "hoatoc.demo.recipient", str(record), *organs[n::PLAYERS]]
        story.players.append(await asyncio.create_subprocess_exec(*command, stdin=PIPE, env=env))
    story.pages.on_page = lambda page: _answer_late(story, page)
    text = f"{len(organs)} cơ quan · agencies in {PLAYERS} processes, Kafka only"
    story.console.print(f"{text}: pids {', '.join(str(p.pid) for p in story.players)}")
    try:
        yield
    finally:
        for player in story.players:
            if player.stdin:
                player.stdin.close()
        await asyncio.gather(*(player.wait() for player in story.players))


def _answer_late(story: Story, page: dict[str, Any]) -> None:
    """Tell a late organ's system that the page about it has come."""
    data = page["data"]
    if role_of(data["recipient"]) is Role.LATE and data["version"] % 2 == 1:
        for player in story.players:
            if player.stdin:
                player.stdin.write(f"{data['subject_id']}\n".encode())


async def _send(story: Story) -> None:
    """Hand the letters over: by the command line, and one through Kafka."""
    files = []
    for letter in story.letters:
        data = write_packet(letter.packet)
        file = story.folder / f"{letter.name}.edxml"
        file.write_bytes(data)
        illustrative = ", ".join(letter.illustrative)
        story.console.print(
            f"  {mark(letter)} · {PRIORITIES[letter.packet.priority]} · "
            f"{len(letter.packet.recipients)} nơi nhận · recipients "
            f"[dim](minh họa · illustrative: {illustrative})[/dim]"
        )
        if letter.packet.sender.code == BY_KAFKA:
            await _hand_over(story.settings, letter, data)
        else:
            files.append(str(file))
    command = [sys.executable, "-m", "hoatoc", "send", "--json", *files]
    env = {**os.environ, **environment(story.settings)}
    sending = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE)
    out, _ = await sending.communicate()
    if sending.returncode:
        raise OurFault(f"hoatoc send failed: {out.decode()}")
    story.console.print(f"{len(files)} by `hoatoc send`, 1 through {topic.handovers(BY_KAFKA)}\n")


async def _hand_over(settings: Settings, letter: Letter, data: bytes) -> None:
    """Hand a letter over as a sender that speaks Kafka does."""
    document_id = letter.packet.document_id
    event = DocumentHandedOver(event_id=uuid4(), document_id=document_id, packet=data)
    record = outgoing(
        event,
        topic=topic.handovers(letter.packet.sender.code),
        key=document_id.encode(),
        source=f"demo/{letter.packet.sender.code}",
        dispatch_id=None,
        partition=0,
    )
    async with producer(settings.kafka) as to:
        await send_all(to, [record])


async def _watch(story: Story, running: Stack, connection: asyncpg.Connection) -> bool:
    """Show progress, kill twice in mid-course, and return whether it came to rest in time."""
    began = time.monotonic()
    with view.progress(story.console) as show:
        while time.monotonic() - began < PATIENCE_S:
            rows = await connection.fetch(SQL["letters"])
            show(view.letters(rows, story.kills, time.monotonic() - began), rows)
            if not story.kills and sum(r["accepted"] for r in rows) >= KILL_AFTER_ACCEPTED:
                story.kills = [_kill(running, name) for name in ("tracker", "ledger")]
            rest = await connection.fetchrow(SQL["rest"])
            everything = sum(row["copies"] for row in rows) == len(story.copies())
            if everything and story.kills and not any(rest.values()) and _told(story):
                return True
            await asyncio.sleep(0.5)
    return False


def _told(story: Story) -> bool:
    """Tell whether every page that must come has come."""
    must = {page for one in story.expectations().values() for page in one.pages}
    return must <= story.paged().keys()


def _kill(running: Stack, name: str) -> str:
    pid = running.pid(name)
    os.kill(pid, signal.SIGKILL)
    return f"kill -9 {name} ({pid})"


async def _judge(story: Story, connection: asyncpg.Connection, *, finished: bool) -> int:
    """Compare the books and the pages with what must be, show both, return the exit status."""
    must = story.expectations()
    states = {
        (r["mark"], r["recipient"]): r["state"] for r in await connection.fetch(SQL["states"])
    }
    proof = await books.prove(connection, story.settings.kafka)
    faults = [] if finished else [f"not at rest after {PATIENCE_S:.0f} s"]
    faults += _state_faults(must, states) + _page_faults(must, story.paged())
    faults += _receipt_faults(story) + list(proof.faults)
    if story.pages.forged:
        faults.append(f"{story.pages.forged} pages with a signature that does not verify")
    view.result(story.console, await connection.fetch(SQL["letters"]), story.pages, story.kills)
    view.proof(story.console, proof)
    view.verdict(story.console, faults, len(must), len(story.pages.pages))
    shutil.copytree(story.settings.data / "logs", story.folder / "logs", dirs_exist_ok=True)
    return 1 if faults else 0


def _state_faults(must: dict[Copy, Expected], states: dict[Copy, str]) -> list[str]:
    missing = [f"{copy}: not in the books" for copy in must.keys() - states.keys()]
    extra = [f"{copy}: in the books, never sent" for copy in states.keys() - must.keys()]
    other = [
        f"{copy}: {states[copy]} in the books, must be {must[copy].state}"
        for copy in must.keys() & states.keys()
        if states[copy] != must[copy].state
    ]
    return missing + extra + other


def _page_faults(must: dict[Copy, Expected], paged: Counter[Page]) -> list[str]:
    due = {page for one in must.values() for page in one.pages}
    return [
        *(f"missing page: {page}" for page in due - paged.keys()),
        *(f"page that must not be: {page}" for page in paged.keys() - due),
        *(f"{count} pages, must be one: {page}" for page, count in paged.items() if count > 1),
    ]


def _receipt_faults(story: Story) -> list[str]:
    """Return the copies that did not reach their recipient whole, by the recipients' records."""
    got = {
        (line["copy"], line["recipient"]): line["whole"]
        for line in story.recorded()
        if "received" in line
    }
    lost = [f"{copy}: never received" for copy in set(story.copies()) - got.keys()]
    return lost + [f"{copy}: not what was handed over" for copy, whole in got.items() if not whole]
