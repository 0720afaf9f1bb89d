"""A suspected state secret at our doors: it goes no further and leaves no trace but its note.

What is searched for is a mark that stands nowhere else, as text and in Base64, as packets are:
in the files of database and broker, in every column of every table, in every topic and every log.
"""

import base64
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hoatoc import codec
from hoatoc.config import Pager
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.event import AlertRaised, DeadLettered, DocumentHandedOver
from hoatoc.domain.packet import Attachment
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.embedded.stack import running
from hoatoc.kafka.topic import admin
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import records
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually, killed
from hoatoc.testing.webhook import Page, Receiver, receiving

pytestmark = pytest.mark.timeout(300)

A, B, C, D = (organ.code for organ in ORGANS)
TOPIC = f"handovers.{A}"
_HOLD = 98


@dataclass(frozen=True, slots=True)
class Mark:
    """A text that stands nowhere else, and a packet whose file and header hold it."""

    text: str

    def packet(self, number: str, *, stamp: str = "") -> bytes:
        """Return A's letter to B with the mark in its file and its subject."""
        content = f"{stamp}\n\nKế hoạch {self.text} của năm.".encode()
        file = Attachment(name="a.txt", content_type="text/plain", content=content)
        plain = read_packet(letter(A, [B], number))
        return write_packet(replace(plain, subject=f"Về việc {self.text}", attachments=(file,)))

    def forms(self) -> set[bytes]:
        """Return what to search for: the text, and what Base64 makes of it at any place."""
        text = self.text.encode()
        coded = (base64.b64encode(b"\0" * n + text)[4 if n else 0 :] for n in range(3))
        return {text, text.hex().encode(), *(each[: len(text)] for each in coded)}


def fresh_mark() -> Mark:
    return Mark(f"Mark{uuid4().hex}")


def files_in(*folders: Path) -> Iterator[Path]:
    """Yield every file; folders that go meanwhile are passed over, as `os.walk` does."""
    for folder in folders:
        for name, _, files in os.walk(folder):
            yield from (Path(name, file) for file in files)


def on_disk(mark: Mark, *folders: Path) -> Iterator[str]:
    """Yield the files that hold a mark."""
    for file in files_in(*folders):
        try:
            content = file.read_bytes()
        except OSError:  # a socket, or a segment that is gone meanwhile
            continue
        if any(form in content for form in mark.forms()):
            yield str(file)


async def in_tables(mark: Mark, database: asyncpg.Connection) -> list[str]:
    """Return the columns of tables that hold a mark."""
    columns = await database.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public'"
    )
    found = []
    for table, column, kind in columns:
        value = f"{column}" if kind == "bytea" else f"convert_to({column}::text, 'UTF8')"
        query = f"SELECT count(*) FROM {table} WHERE position($1::bytea IN {value}) > 0"
        if any([await database.fetchval(query, form) for form in mark.forms()]):
            found.append(f"{table}.{column}")
    return found


async def in_topics(mark: Mark, line: Line) -> list[str]:
    """Return the topics that hold a mark in a key, a value or a header."""
    async with admin(line.settings.kafka) as client:
        names = [name for name in await client.list_topics() if not name.startswith("__")]
    found = []
    for name in names:
        for record in await records(line.servers, name):
            parts = (record.key, record.value, *(value for _, value in record.headers))
            if any(form in (part or b"") for form in mark.forms() for part in parts):
                found.append(name)
    return found


async def traces(mark: Mark, line: Line) -> list[str]:
    """Return every place that holds a mark, files of the stores included."""
    await line.database.execute("CHECKPOINT")
    return [
        *on_disk(mark, line.settings.data, line.logs),
        *await in_tables(mark, line.database),
        *await in_topics(mark, line),
    ]


async def notes(line: Line) -> list[asyncpg.Record]:
    return list(await line.database.fetch("SELECT * FROM secret_note ORDER BY noted_at"))


async def raised(line: Line) -> list[AlertRaised]:
    found = await line.events("alerts", AlertRaised)
    return [one for one in found if one.kind == "secret-suspected"]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a packet with a stamp, sent twice, and of one without."""

    said: list[str]
    clean: list[str]
    """where the mark of the packet without a stamp was found"""
    traces: list[str]
    notes: list[asyncpg.Record]
    raised: list[AlertRaised]
    pages: list[Page]
    listed: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def sent(new_line: NewLine, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Send by the command line while everything runs, then search everything."""
    secret, clean = fresh_mark(), fresh_mark()
    folder = tmp_path_factory.mktemp("outgoing")
    (folder / "secret.edxml").write_bytes(secret.packet("1", stamp="TUYỆT MẬT"))
    (folder / "clean.edxml").write_bytes(clean.packet("2"))
    async with receiving(Receiver()) as receiver, AsyncExitStack() as programs:
        line = await programs.enter_async_context(new_line(pager=Pager(webhook_url=receiver.url)))
        for name in ("ledger", "intake", "relay", "alerts", "pager"):
            await programs.enter_async_context(line.program(name))
        said = [await line.command("send", folder / "secret.edxml", status=4)]
        await line.command("send", folder / "clean.edxml")
        said.append(await line.command("send", folder / "secret.edxml", status=4))

        async def all_told() -> bool:
            waiting = await line.database.fetchval(
                "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
            )
            return not waiting and bool(receiver.taken)

        await eventually(all_told)
        return Sent(
            said,
            await traces(clean, line),
            [*await traces(secret, line), *(p for p in said if secret.text in p)],
            await notes(line),
            await raised(line),
            receiver.taken,
            await line.command("secrets", "--json"),
        )


def test_a_stamp_is_refused_with_its_place_and_nothing_of_its_text(sent: Sent) -> None:
    for said in sent.said:
        assert "SecretSuspected" in said
        assert "«TUYỆT MẬT»" in said
        assert "AttachmentEncoded/Attachment[1]" in said


def test_no_disk_table_topic_or_log_holds_anything_of_it(sent: Sent) -> None:
    assert [] == sent.traces


def test_the_search_finds_a_document_that_was_taken(sent: Sent) -> None:
    places = "\n".join(sent.clean)
    for place in ("handover.packet", "handover.subject", f"documents.{B}", "/base/", "/broker/"):
        assert place in places


def test_a_note_and_one_page_say_who_sent_what_kind_and_where(sent: Sent) -> None:
    (note,) = sent.notes
    assert ("cli", A, None) == (note["door"], note["organ"], note["topic"])
    (alert,) = sent.raised
    assert (note["note_id"], A) == (alert.subject_id, alert.sender)
    assert note["sha256"] in (alert.reason or "")
    kind = "secret-suspected"  # a page about the document that was taken may have come, too
    (page,) = (page for page in sent.pages if page.event["data"]["kind"] == kind)
    assert "TUYỆT MẬT" in page.event["data"]["reason"]
    assert [str(note["note_id"])] == [row["note_id"] for row in sent.listed]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of a suspected secret between other hand-overs of a topic."""

    stood_after_kill: list[str]
    begins: int
    traces: list[str]
    notes: list[asyncpg.Record]
    raised: list[AlertRaised]
    letters: list[DeadLettered]


@asynccontextmanager
async def frozen_broker(line: Line) -> AsyncIterator[None]:
    """Have the broker do nothing while the block lasts."""
    state = running(line.settings.data)
    assert state is not None
    pid = state.children["broker"].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def hold_notes(line: Line) -> None:
    """Let whoever writes a note wait."""
    await line.database.execute(f"""
        SELECT pg_advisory_lock({_HOLD});
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock({_HOLD}); RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE INSERT ON secret_note FOR EACH ROW EXECUTE FUNCTION wait()""")


async def noted_then_killed(line: Line, intake: Process) -> None:
    """Kill intake when the note of what stands in the topic is written and nothing deleted yet."""
    await eventually(line.is_holding)
    async with frozen_broker(line):
        await line.database.execute(f"SELECT pg_advisory_unlock({_HOLD})")
        await eventually(lambda: notes(line))
        await killed(intake)
    await line.database.execute("DROP TRIGGER wait ON secret_note; DROP FUNCTION wait()")


async def is_deleted(line: Line) -> bool:
    return bool(await line.database.fetchval("SELECT deleted_at IS NOT NULL FROM secret_note"))


async def numbers(line: Line) -> list[str]:
    """Return the numbers of the documents that were taken."""
    return [row["number"] for row in await line.database.fetch("SELECT number FROM handover")]


async def begins(line: Line) -> int:
    """Return the first offset of the topic that can be read."""
    place = TopicPartition(TOPIC, 0)
    async with AIOKafkaConsumer(bootstrap_servers=line.servers) as reader:
        return int((await reader.beginning_offsets([place]))[place])


def handed(packet: bytes) -> DocumentHandedOver:
    return DocumentHandedOver(event_id=uuid4(), document_id="x", packet=packet)


@pytest.fixture(scope="module")
async def handed_over(new_line: NewLine) -> HandedOver:
    """Kill intake between the note of a suspected secret and its deletion."""
    mark = fresh_mark()
    packets = (letter(A, [B], "1"), mark.packet("2", stamp="TỐI MẬT"), letter(A, [B], "3"))
    async with new_line() as line:
        for packet in packets:
            await line.write(TOPIC, handed(packet))
        await hold_notes(line)
        async with line.program("intake") as intake:
            await noted_then_killed(line, intake)
        stood = await in_topics(mark, line)
        async with line.program("intake"), line.program("alerts"):
            await eventually(lambda: is_deleted(line))
            await eventually(lambda: raised(line))

            async def both() -> bool:
                return sorted(await numbers(line)) == ["1", "3"]

            await eventually(both)
        logs = list(on_disk(mark, line.logs))
        return HandedOver(
            stood,
            await begins(line),
            [*logs, *await in_tables(mark, line.database), *await in_topics(mark, line)],
            await notes(line),
            await raised(line),
            await line.events("dead-letters", DeadLettered),
        )


def test_a_suspected_hand_over_is_deleted_by_the_life_after_a_kill(
    handed_over: HandedOver,
) -> None:
    assert [TOPIC] == handed_over.stood_after_kill
    assert 2 == handed_over.begins
    assert [] == handed_over.traces


def test_it_is_noted_once_with_its_place_and_paged_and_no_dead_letter_holds_it(
    handed_over: HandedOver,
) -> None:
    (note,) = handed_over.notes
    assert ("kafka", A, TOPIC, 0, 1) == (
        note["door"],
        note["organ"],
        note["topic"],
        note["partition"],
        note["log_offset"],
    )
    assert [note["note_id"]] == [alert.subject_id for alert in handed_over.raised]
    assert [] == handed_over.letters


async def test_a_hand_over_that_cannot_be_read_leaves_nothing_of_its_text(fresh: Line) -> None:
    mark = fresh_mark()
    unreadable = mark.packet("1", stamp="MẬT").replace(
        b">2021/03/02<", b">" + mark.text.encode() + b"<"
    )
    broken = mark.packet("2", stamp="MẬT")[:-20]
    torn = codec.encode(handed(mark.packet("3", stamp="MẬT")))[:-1]
    for record in (handed(unreadable), handed(broken), torn, mark.text.encode()):
        await fresh.write(TOPIC, record)
    async with fresh.program("intake"), fresh.program("alerts"):

        async def parked() -> list[DeadLettered]:
            found = await fresh.events("dead-letters", DeadLettered)
            return found if len(found) == 4 else []

        letters = await eventually(parked)
    reasons = ["ElementInvalid", "NotXml", "Undecodable", "Undecodable"]
    assert [(reason, None) for reason in reasons] == [(e.reason, e.value) for e in letters]
    assert "MessageHeader/PromulgationInfo/PromulgationDate" in letters[0].detail
    assert {TOPIC} == set(await in_topics(mark, fresh))
    assert [] == [*on_disk(mark, fresh.logs), *await in_tables(mark, fresh.database)]


@pytest.mark.parametrize(
    ("packet", "declaration", "code"),
    [
        (letter(A, [B], "1"), Declaration(secret=True), "declared-secret"),
        (
            letter(A, [B], "1").replace(b"<edXML:OtherInfo>", b"<edXML:OtherInfo><DoMat>1</DoMat>"),
            Declaration(),
            "declared-secret",
        ),
        (letter(A, [B], "1", b"%PDF-1.7 no such thing"), Declaration(), "unreadable"),
        (fresh_mark().packet("1", stamp="MẬT"), Declaration(cleared_by="Trần Thị B"), "stamp"),
    ],
    ids=["declared", "declared in the packet", "unreadable", "a stamp, cleared"],
)
async def test_what_may_be_secret_reserves_no_number(
    fresh: Line, packet: bytes, declaration: Declaration, code: str
) -> None:
    with pytest.raises(SecretSuspected) as suspected:
        await fresh.door.take(fresh.database, packet, declaration=declaration)
    assert (code,) == suspected.value.codes
    (note,) = await notes(fresh)
    assert code in note["marks"]
    assert [] == await numbers(fresh)


async def test_one_who_answers_for_an_unreadable_file_is_on_record(fresh: Line) -> None:
    packet = letter(A, [B], "1", b"%PDF-1.7 no such thing")
    cleared = Declaration(cleared_by="Trần Thị B")
    await fresh.door.take(fresh.database, packet, declaration=cleared)
    assert [] == await notes(fresh)
    assert "Trần Thị B" == await fresh.database.fetchval("SELECT cleared_by FROM handover")


async def test_a_note_is_closed_once_by_a_person_and_its_page_is_over(fresh: Line) -> None:
    with pytest.raises(SecretSuspected):
        await fresh.door.take(fresh.database, fresh_mark().packet("1", stamp="MẬT"))
    (note,) = await notes(fresh)
    words = ("secrets", "close", note["note_id"], "--by", "Lê Văn C", "--outcome", "Đã chuyển")
    await fresh.command(*words)
    assert "NoteUnknown" in await fresh.command(*words, status=4)
    assert [] == await fresh.command("secrets", "--json")
    (listed,) = await fresh.command("secrets", "--all", "--json")
    assert ("Lê Văn C", "Đã chuyển") == (listed["closed_by"], listed["outcome"])
    rows = await fresh.database.fetch("SELECT type FROM announcement ORDER BY id")
    assert ["AlertRaised", "AlertResolved"] == [row["type"] for row in rows]
