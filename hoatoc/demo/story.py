"""The story: letters go out over a real broker, recipients answer or not, people are paged.

Ends by itself; exit status 1 if anything is not as the recipients' own records say it must be.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from rich.console import Console

from hoatoc import books, config
from hoatoc.cli.output import PRIORITIES
from hoatoc.config import Settings
from hoatoc.demo import judge, variant, view
from hoatoc.demo.act import Acts
from hoatoc.demo.evidence import Copy, Evidence
from hoatoc.demo.webhook import Receiver, receiver
from hoatoc.domain import topic
from hoatoc.domain.edxml import write_packet
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.domain.page import VIETNAM
from hoatoc.embedded.stack import Stack, environment, stack
from hoatoc.example import LETTERS, Letter, load_letters
from hoatoc.kafka.client import outgoing, producer, send_all
from hoatoc.policy_file import load_policy
from hoatoc.postgres.query import queries
from hoatoc.prepare import first_registry
from hoatoc.signing import public_key, signing_key

SQL = queries("demo")
PLAYERS = 4
PATIENCE_S = 100.0
LOOK_S = 0.3
KILL_AFTER_ACCEPTED = 40
BY_KAFKA = "H33"
TRAFFIC = (
    *("--agencies", "6", "--doors", "http,vxp,kafka", "--size", "0.1"),
    *("--rate", "2", "--minutes", "0.1", "--pace", "0.2"),
)
EXAMPLE = "dak-nong"


class ExamplesMissing(OurFault):
    """The example letters are not beside the program."""


@dataclass(slots=True)
class Story:
    """What happens: the letters, the recipients' systems, the pages, the kills."""

    folder: Path
    letters: tuple[Letter, ...]
    control: str
    console: Console
    settings: Settings
    pages: Receiver
    players: list[Process] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)

    def copies(self) -> list[Copy]:
        """Return every copy that the packets ask for."""
        return [
            Copy(mark(letter), party.code)
            for letter in self.letters
            for party in letter.packet.recipients
        ]

    def evidence(self) -> Evidence:
        """Read the recipients' own records."""
        return Evidence.read(self.folder)

    def acts(self) -> Acts:
        """Make ready what people do by the command line."""
        packets = {letter.name: letter.packet for letter in self.letters}
        env = environment(self.settings)
        return Acts(self.folder, self.console, env, self.pages, packets, _marker())


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
        console.print("Khởi động Apache Kafka, PostgreSQL và bảy chương trình …")
        console.print("Starting a real Apache Kafka, a real PostgreSQL and the seven programs …")
        running = await held.enter_async_context(stack(settings, console=console))
        control = _marker()
        letters = tuple(_letters(control))
        story = Story(folder, letters, control, console, running.settings, pages)
        console.print(f"sẵn sàng · ready in {time.monotonic() - began:.1f} s: {pages.url}")
        view.factor(console, load_policy(running.settings).demonstration)
        async with _playing(story), _database(running.settings) as connection:
            acts = story.acts()
            await acts.check(EXAMPLE, datetime.now(VIETNAM).date())
            await _send(story)
            finished = await _happen(story, acts, running, connection)
            status = await _judge(story, acts, connection, finished=finished)
        return status or await _traffic(story)


def _marker() -> str:
    """Return a text that stands nowhere else."""
    return f"{uuid4().hex} {uuid4().hex}"


def _letters(control: str) -> Iterator[Letter]:
    """Load the letters; one gets an annex, to be searched for."""
    for letter in load_letters(LETTERS, first_registry()):
        if letter.name == EXAMPLE:
            packet = variant.annexed(letter.packet, control)
            yield replace(letter, packet=packet, illustrative=(*letter.illustrative, "annex"))
        else:
            yield letter


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
    organs = sorted({copy.recipient for copy in story.copies()})
    env = {**os.environ, **environment(story.settings)}
    for n in range(PLAYERS):
        record = story.folder / f"recipients-{n}.jsonl"
        command = [sys.executable, "-m", "hoatoc.demo.recipient", str(record), *organs[n::PLAYERS]]
        story.players.append(await asyncio.create_subprocess_exec(*command, stdin=PIPE, env=env))
    story.pages.on_page = lambda page: _hear(story, page)
    text = f"{len(organs)} cơ quan · agencies in {PLAYERS} processes, Kafka only"
    story.console.print(f"{text}: pids {', '.join(str(p.pid) for p in story.players)}")
    try:
        yield
    finally:
        for player in story.players:
            if player.stdin:
                player.stdin.close()
        await asyncio.gather(*(player.wait() for player in story.players))


def _hear(story: Story, page: dict[str, Any]) -> None:
    """Tell the recipients' systems that a page about a copy has come."""
    data = page["data"]
    if data["version"] % 2 == 1:
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


async def _happen(story: Story, acts: Acts, running: Stack, connection: asyncpg.Connection) -> bool:
    """Let people act while the letters are on their way; return whether it came to rest in time."""
    acting = asyncio.create_task(acts.play(EXAMPLE))
    try:
        return await _watch(story, acting, running, connection)
    finally:
        acting.cancel()
        await asyncio.wait([acting])


async def _watch(
    story: Story, acting: asyncio.Task[None], running: Stack, connection: asyncpg.Connection
) -> bool:
    """Show progress, and kill twice in mid-course."""
    began = time.monotonic()
    with view.progress(story.console) as show:
        while time.monotonic() - began < PATIENCE_S:
            rows = await connection.fetch(SQL["letters"])
            show(view.letters(rows, story.kills, time.monotonic() - began), rows)
            if not story.kills and sum(r["accepted"] for r in rows) >= KILL_AFTER_ACCEPTED:
                story.kills = [_kill(running, name) for name in ("tracker", "ledger")]
            if acting.done():
                acting.result()
                if story.kills and await _at_rest(story, connection):
                    return True
            await asyncio.sleep(LOOK_S)
    return False


async def _at_rest(story: Story, connection: asyncpg.Connection) -> bool:
    """Tell whether nothing is still to come, and every recipient and every page was served."""
    rest = await connection.fetchrow(SQL["rest"])
    evidence = story.evidence()
    return (
        not any(rest.values())
        and not evidence.faults(story.copies())
        and judge.due_pages(evidence.must()) <= judge.paged(story.pages).keys()
        and bool(judge.suspected(story.pages))
    )


def _kill(running: Stack, name: str) -> str:
    pid = running.pid(name)
    os.kill(pid, signal.SIGKILL)
    return f"kill -9 {name} ({pid})"


async def _judge(
    story: Story, acts: Acts, connection: asyncpg.Connection, *, finished: bool
) -> int:
    """Hold books, pages and disk against the recipients' records; return the exit status."""
    must = story.evidence().must()
    proof = await books.prove(connection, story.settings.kafka)
    faults = [] if finished else [f"not at rest after {PATIENCE_S:.0f} s"]
    view.result(story.console, await connection.fetch(SQL["letters"]), story.pages, story.kills)
    await acts.look()
    faults += acts.faults + await _secret_faults(story, acts, connection)
    faults += await judge.state_faults(connection, must)
    faults += judge.page_faults(judge.due_pages(must), judge.paged(story.pages))
    faults += story.evidence().faults(story.copies()) + list(proof.faults)
    if story.pages.forged:
        faults.append(f"{story.pages.forged} pages with a signature that does not verify")
    view.proof(story.console, proof)
    view.verdict(story.console, faults, len(must), len(story.pages.pages))
    shutil.copytree(story.settings.data / "logs", story.folder / "logs", dirs_exist_ok=True)
    return 1 if faults else 0


async def _traffic(story: Story) -> int:
    """Let a few agencies use the other doors, as their systems would; return the exit status."""
    story.console.print("\nCác cửa khác: cổng HTTP, giao diện trục, Kafka · the other doors")
    command = [sys.executable, "-m", "hoatoc", "traffic", *TRAFFIC]
    env = {**os.environ, **environment(story.settings)}
    return await (await asyncio.create_subprocess_exec(*command, env=env)).wait()


async def _secret_faults(story: Story, acts: Acts, connection: asyncpg.Connection) -> list[str]:
    """Search for the suspected secret, and as a control for the same letter without the stamp."""
    data, sender = story.settings.data, acts.packets[EXAMPLE].sender.code
    secret = await judge.places(connection, data, acts.marker)
    sent = await judge.places(connection, data, story.control)
    view.search(story.console, acts.marker, secret, sent)
    return [
        *judge.suspected_faults(story.pages, sender, acts.stamped_sha256),
        *judge.search_faults(secret, sent),
    ]
