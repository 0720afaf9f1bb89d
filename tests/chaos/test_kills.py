"""Everything is killed while agencies talk; afterwards the books are checked against the record.

One run of the whole stack, a minute of load at the least, each program and both stores killed by
SIGKILL. What was handed over, received, answered and paged is kept by those who did it; the
verdicts are computed a second time from the log, by rules written down apart.
"""

import asyncio
import hashlib
import logging
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from consumers.ledger import Booking, decode
from hoatoc import codec
from hoatoc.config import Kafka, Metrics, Settings
from hoatoc.config import Pager as PagerSettings
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    DeliveriesUpdated,
    DispatchRegistered,
    DocumentHandedOver,
)
from hoatoc.domain.policy import parse_policy
from hoatoc.domain.walk import PartitionBook
from hoatoc.embedded.stack import PARTS, Stack, stack
from hoatoc.examine import admission
from hoatoc.postgres.connection import AWAY, migrate
from hoatoc.postgres.door import Door
from hoatoc.postgres.ledger import LedgerTables
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import adopt_first_calendar, create_topics, first_registry
from hoatoc.signing import public_key, signing_key
from hoatoc.testing.agency import POISON, Notebook, letter, plan, read_notes
from hoatoc.testing.audit import Audit, Read, audit, is_forward, read, records
from hoatoc.testing.webhook import Answer, Page, Receiver, receiving

pytestmark = pytest.mark.timeout(420)

ORGANS = first_registry()[:14]
CODES = [organ.code for organ in ORGANS]
LOAD_S = 62.0
BY_API, BY_KAFKA = 5.0, 3.0
"""documents a second, to nine recipients on average"""
BETWEEN_KILLS_S = 5.0
LATE_S = 20.0
MAX_GAP_MS, GRACE_MS = 5_000, 3_000
DUE_MS = {"publish": 10_000, "arrive": 6_000, "accept": 6_000}


@dataclass(frozen=True, slots=True)
class Kill:
    """A process that was killed, and the one that took its place."""

    name: str
    pid: int
    successor: int
    away_s: float


@dataclass(slots=True)
class Aftermath:
    """All that is known when the dust has settled."""

    seed: int
    kills: list[Kill]
    notes: dict[str, list[dict[str, Any]]]
    pages: list[Page]
    public_key: str
    log: list[Read]
    audit: Audit
    alerts: list[Read]
    statuses: list[Read]
    tables: dict[str, list[asyncpg.Record]]
    replayed: dict[str, list[asyncpg.Record]]
    dispatch_of: dict[str, UUID] = field(default_factory=dict)

    def handed_over(self) -> dict[UUID, dict[str, Any]]:
        """Return every copy that was handed over, by delivery."""
        return {
            uuid5(self.dispatch_of[note["document_id"]], recipient): {**note, "to": recipient}
            for note in self.notes["handed over"]
            for recipient in note["recipients"]
        }

    def received(self) -> dict[UUID, list[dict[str, Any]]]:
        """Return what agencies got, by delivery."""
        found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for note in self.notes["received"]:
            found[UUID(note["delivery_id"])].append(note)
        return found

    def deadline_alerts(self) -> dict[tuple[UUID, str], asyncpg.Record]:
        """Return the verdicts of the books."""
        rows = self.tables["alert"]
        return {(r["subject_id"], r["kind"]): r for r in rows if r["due_ms"] is not None}


@dataclass(slots=True)
class Senders:
    """Hands documents over by both doors, through any outage, until told to stop."""

    settings: Settings
    door: Door
    chance: random.Random
    notes: Notebook
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def by_api(self) -> None:
        """Hand over as the command line does."""
        connection: asyncpg.Connection | None = None
        async for data, facts in self._letters(BY_API, 1):
            while True:
                try:
                    if connection is None:
                        connection = await asyncpg.connect(self.settings.postgres.dsn)
                    taken = await self.door.take(connection, data)
                    break
                except (*AWAY, asyncpg.PostgresError):
                    if connection is not None:
                        connection.terminate()
                    connection = None
                    await asyncio.sleep(0.1)
            self.notes.write("handed over", **facts, dispatch_id=taken.dispatch_id, new=taken.new)
        if connection is not None:
            await connection.close()

    async def by_kafka(self) -> None:
        """Hand over as a sender that speaks Kafka does."""
        servers = self.settings.kafka.bootstrap_servers
        async with AIOKafkaProducer(
            bootstrap_servers=servers, acks="all", request_timeout_ms=10_000
        ) as producer:
            async for data, facts in self._letters(BY_KAFKA, 100_000):
                event = DocumentHandedOver(
                    event_id=uuid4(), document_id=str(facts["document_id"]), packet=data
                )
                await _send(producer, f"handovers.{facts['sender']}", event)
                self.notes.write("handed over", **facts)

    async def _letters(
        self, rate: float, first: int
    ) -> AsyncIterator[tuple[bytes, dict[str, object]]]:
        """Yield documents in bursts, so that a kill finds some of them on their way."""
        burst = 0
        for number in count(first):
            if self.stop.is_set():
                return
            sender, *recipients = self.chance.sample(CODES, self.chance.randint(6, len(CODES)))
            content = self.chance.randbytes(self.chance.randint(100, 1400)).hex(" ", 4).encode()
            data = letter(sender, recipients, str(number), content, self.chance.randint(0, 4))
            yield (
                data,
                {
                    "document_id": f"{sender},2021/03/02,{number}/UBND-VP",
                    "sender": sender,
                    "recipients": recipients,
                    "sha256": hashlib.sha256(data).hexdigest(),
                },
            )
            burst -= 1
            if burst < 0:
                burst = self.chance.randint(1, 15)
                await asyncio.sleep(self.chance.expovariate(rate / burst))


async def _send(producer: AIOKafkaProducer, topic: str, event: DocumentHandedOver) -> None:
    while True:
        try:
            key = event.document_id.encode()
            await producer.send_and_wait(topic, codec.encode(event), key=key)
        except KafkaError:
            await asyncio.sleep(0.1)
        else:
            return


def moody(chance: random.Random) -> Callable[[int], Answer]:
    """Return a receiver's answers: mostly well, at times 500, 429, or dead with the page taken."""

    def answer(_count: int) -> Answer:
        answers: list[Answer] = [(204, {}), (500, {}), (429, {"Retry-After": "1"}), (None, {})]
        return chance.choices(answers, (88, 5, 3, 4))[0]

    return answer


@asynccontextmanager
async def agencies(settings: Settings, seed: int, record: Path) -> AsyncIterator[None]:
    """Run the agencies in two processes of their own."""
    halves = (CODES[::2], CODES[1::2])
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hoatoc.testing.agency"),
            *("--servers", settings.kafka.bootstrap_servers, "--seed", str(seed)),
            *("--record", f"{record}.{n}", "--late-s", str(LATE_S), *organs),
        )
        for n, organs in enumerate(halves)
    ]
    try:
        yield
        assert [process.returncode for process in processes] == [None, None]
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
        for process in processes:
            await process.wait()


async def kill(running: Stack, name: str) -> Kill:
    """Kill a process once it is ready and return when another has taken its place."""
    loop = asyncio.get_running_loop()
    await running.restarted(name, 0)
    if name == "relay":
        await claimed(running.settings.postgres.dsn)
    pid, restarts, at = running.pid(name), running.state.children[name].restarts, loop.time()
    os.kill(pid, signal.SIGKILL)
    await asyncio.wait_for(running.restarted(name, restarts + 1), 90)
    return Kill(name, pid, running.pid(name), loop.time() - at)


async def claimed(dsn: str) -> None:
    """Return when documents are on their way: a relay killed now has begun and not ended."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE state = 'claimed'"
            ):
                await asyncio.sleep(0)
    finally:
        await connection.close()


async def kill_all(running: Stack, chance: random.Random) -> list[Kill]:
    """Kill each part once and some twice, in any order, for as long as the load lasts."""
    loop = asyncio.get_running_loop()
    end, kills = loop.time() + LOAD_S, []
    await asyncio.sleep(BETWEEN_KILLS_S / 2)
    for name in [*chance.sample(PARTS, len(PARTS)), "relay", *chance.choices(PARTS[2:], k=2)]:
        kills.append(await kill(running, name))
        await asyncio.sleep(chance.uniform(0, BETWEEN_KILLS_S))
    await asyncio.sleep(max(end - loop.time(), 0))
    return kills


async def until(what: str, check: Callable[[], Awaitable[object]], within_s: float) -> None:
    """Return when a check gives nothing more to wait for."""
    left: object = None
    try:
        async with asyncio.timeout(within_s):
            while left := await check():
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"{what}: {left!r} after {within_s} s") from None


def _all_notes(record: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in record.parent.glob(f"{record.name}*"):
        for note in read_notes(file):
            found[note["what"]].append(note)
    return found


async def settle(running: Stack, connection: asyncpg.Connection, record: Path) -> None:
    """Wait until all that was begun has come to its end, and time stands still."""

    def rows(query: str) -> Callable[[], Awaitable[object]]:
        return lambda: connection.fetchval(query)

    async def untold() -> object:
        notes = _all_notes(record)
        copies = sum(len(note["recipients"]) for note in notes["handed over"])
        return copies - len(notes["finished"])

    waiting = "SELECT count(*) FROM outbox WHERE state IN ('unsent', 'claimed')"
    await until("rows of the outbox", rows(waiting), 60)
    await until("copies not received and answered", untold, 90)
    due = "SELECT count(*) FROM delivery WHERE wake_ms IS NOT NULL"
    await until("deadlines that run", rows(due), 90)
    os.kill(running.pid("intake"), signal.SIGSTOP)  # no more ticks: the log has an end
    servers = running.settings.kafka.bootstrap_servers
    await until("records not booked", lambda: lag(connection, servers), 30)
    await until("announcements", rows("SELECT count(*) FROM announcement"), 30)
    pending = "SELECT count(*) FROM page WHERE state = 'pending'"
    told = "SELECT (SELECT count(*) FROM page) = 0"
    assert not await connection.fetchval(told)
    await until("pages", rows(pending), 60)


async def lag(connection: asyncpg.Connection, servers: str) -> int:
    """Return how many records of the log are not booked."""
    booked = await connection.fetchval("SELECT sum(next_offset) FROM partition_book")
    return await end_of(servers) - int(booked)


async def end_of(servers: str) -> int:
    """Return how many records the log holds."""
    async with AIOKafkaConsumer("deliveries", bootstrap_servers=servers) as reader:
        return sum((await reader.end_offsets(reader.assignment())).values())


BOOKS = {
    "partition_book": "SELECT partition, next_offset, service_ms, ticks, clock FROM {} ORDER BY 1",
    "dispatch": "SELECT * FROM {} ORDER BY dispatch_id",
    "delivery": "SELECT * FROM {} ORDER BY delivery_id",
    "alert": "SELECT * FROM {} ORDER BY subject_id, kind",
    "history": "SELECT * FROM {} ORDER BY partition, log_offset",
}
OTHERS = {
    "handover": "SELECT dispatch_id, document_id, door FROM {}",
    "outbox": "SELECT * FROM {}",
    "page": "SELECT * FROM {}",
}


async def tables(connection: asyncpg.Connection, names: dict[str, str]) -> dict[str, Any]:
    """Return the rows of tables."""
    return {name: await connection.fetch(query.format(name)) for name, query in names.items()}


async def replay(dsn: str, servers: str, chance: random.Random) -> dict[str, Any]:
    """Book the whole log anew, in other stretches, into another database of the same server."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE DATABASE replayed")
    await connection.close()
    other = dsn.replace("/hoatoc?", "/replayed?")
    connection = await asyncpg.connect(other)
    try:
        await migrate(connection)
        await adopt_first_calendar(connection)
        log = await records(servers, "deliveries")
        partitions = {record.partition for record in log}
        await LedgerTables(connection).open_books(partitions)
        booking = Booking(len(partitions), dict.fromkeys(partitions, PartitionBook()))
        for partition in partitions:
            part = [record for record in log if record.partition == partition]
            while part:
                size = chance.randint(1, 2000)
                batch = decode({TopicPartition("deliveries", partition): part[:size]})
                await booking.book(connection, booking.walk(batch), batch.parked)
                part = part[size:]
        return await tables(connection, BOOKS)
    finally:
        await connection.close()


async def prepare(settings: Settings) -> None:
    """Make a small registry, its tables and its topics."""
    connection = await asyncpg.connect(settings.postgres.dsn)
    await migrate(connection)
    await RegistryTables(connection).add_organs(ORGANS)
    await adopt_first_calendar(connection)
    await connection.close()
    await create_topics(settings, ORGANS)


async def load(running: Stack, policy: Path, seed: int, record: Path) -> list[Kill]:
    """Let agencies talk while everything is killed; return the kills when all is settled."""
    settings = running.settings
    with record.open("a", encoding="utf-8") as out, ExitStack() as held:
        chance = random.Random(seed)
        rules = parse_policy(policy.read_text("utf-8"))
        admitting = held.enter_context(admission(settings, rules))
        door = Door("cli", admitting, settings.kafka.partitions)
        senders = Senders(settings, door, random.Random(chance.random()), Notebook(out))
        async with agencies(settings, seed, record):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(senders.by_api())
                tasks.create_task(senders.by_kafka())
                kills = await kill_all(running, chance)
                senders.stop.set()
            connection = await asyncpg.connect(settings.postgres.dsn)
            await settle(running, connection, record)
            await connection.close()
    return kills


@pytest.fixture(scope="module")
async def aftermath(chaos_folder: Path, chaos_policy: Path, seed: int) -> Aftermath:
    """Run it all once; the tests below ask what came of it."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the broker is away at times
    record = chaos_folder / "record.jsonl"
    chance = random.Random(seed + 1)
    async with receiving(Receiver(moody(chance))) as receiver:
        settings = Settings(
            data=chaos_folder / "data",
            policy=str(chaos_policy),
            kafka=Kafka(partitions=8),
            pager=PagerSettings(webhook_url=receiver.url, timeout_s=2),
            metrics=Metrics(port=0),
        )
        async with stack(settings, prepare=prepare) as running:
            kills = await load(running, chaos_policy, seed, record)
            found = await look(running, seed, kills, record, receiver)
            os.kill(running.pid("intake"), signal.SIGCONT)
    summarise(found)
    return found


async def look(
    running: Stack, seed: int, kills: list[Kill], record: Path, receiver: Receiver
) -> Aftermath:
    """Read the record, the log, the books and a replay of the books."""
    servers, dsn = running.settings.kafka.bootstrap_servers, running.settings.postgres.dsn
    connection = await asyncpg.connect(dsn)
    rows = await tables(connection, BOOKS | OTHERS)
    await connection.close()
    log = await read(servers)
    with capture_logs():
        replayed = await replay(dsn, servers, random.Random(seed))
    statuses = [one for code in CODES for one in await read(servers, f"statuses.{code}")]
    return Aftermath(
        seed=seed,
        kills=kills,
        notes=_all_notes(record),
        pages=list(receiver.pages),
        public_key=public_key(signing_key(running.settings.data / "webhook-key.pem")),
        log=log,
        audit=audit(log, MAX_GAP_MS),
        alerts=await read(servers, "alerts"),
        statuses=statuses,
        tables=rows,
        replayed=replayed,
        dispatch_of={row["document_id"]: row["dispatch_id"] for row in rows["handover"]},
    )


def summarise(found: Aftermath) -> None:
    """Print the numbers of a run."""
    taken = [page for page in found.pages if page.answer is None or page.answer < 300]
    received = found.received()
    print(f"seed {found.seed}")
    print("kills", ", ".join(f"{k.name} {k.away_s:.1f} s" for k in found.kills))
    print("records of the log", sum(found.audit.ends.values()), "copies", len(found.audit.copies))
    print("received", len(received), "twice", sum(len(r) > 1 for r in received.values()))
    print("unconfirmed answers, repeated", len(found.notes["unconfirmed"]))
    print("states", dict(Counter(row["state"] for row in found.tables["delivery"])))
    print("alerts", dict(Counter((r["kind"], r["found_by"]) for r in found.tables["alert"])))
    print("pages tried", len(found.pages), "taken", len(taken), "distinct",
          len({page.identity for page in taken}))  # fmt: skip
    print("page states", dict(Counter((r["version"], r["state"]) for r in found.tables["page"])))
    service = [found.audit.service_ms(p) for p in found.audit.ends]
    print("service time of partitions, s", min(service) / 1000, max(service) / 1000)


def test_every_part_was_killed_and_came_back(aftermath: Aftermath) -> None:
    assert set(PARTS) == {one.name for one in aftermath.kills}
    assert all(one.pid != one.successor for one in aftermath.kills)


def test_every_copy_handed_over_is_in_the_one_state_that_its_recipient_meant(
    aftermath: Aftermath,
) -> None:
    expected = {of: _meant(aftermath.seed, of) for of in aftermath.handed_over()}
    assert expected == {row["delivery_id"]: row["state"] for row in aftermath.tables["delivery"]}
    assert {"sent"} == {row["state"] for row in aftermath.tables["outbox"]}


def _meant(seed: int, delivery_id: UUID) -> str:
    words = {step.word for step in plan(seed, delivery_id, LATE_S)}
    ends = (("accepted", {"03", "06"}), ("refused", {"02"}), ("taken", {"done", "01"}))
    found = next((state for state, ending in ends if words & ending), None)
    return found or ("receive-failed" if "fail" in words else "published")


def test_every_copy_reached_its_recipient_alone_and_whole(aftermath: Aftermath) -> None:
    expected = {
        of: {(copy["to"], copy["to"], copy["sha256"])}
        for of, copy in aftermath.handed_over().items()
    }
    assert expected == {
        of: {(note["organ"], note["recipient"], note["sha256"]) for note in notes}
        for of, notes in aftermath.received().items()
    }


def test_no_answer_is_lost(aftermath: Aftermath) -> None:
    copies = aftermath.audit.copies
    heard = {(of, fact.word) for of, copy in copies.items() for fact in copy.facts}
    answered = {
        (UUID(note["delivery_id"]), "unreadable" if note["word"] == POISON else note["word"])
        for note in aftermath.notes["answered"]
    }
    assert set() == answered - heard


def test_the_door_did_not_change_the_dispatch(aftermath: Aftermath) -> None:
    told = {
        note["document_id"]: UUID(note["dispatch_id"])
        for note in aftermath.notes["handed over"]
        if "dispatch_id" in note
    }
    assert told == {document: aftermath.dispatch_of[document] for document in told}
    assert {"cli", "kafka"} == {row["door"] for row in aftermath.tables["handover"]}


def test_no_alert_is_false_and_none_is_missing(aftermath: Aftermath) -> None:
    found = {key: row["due_ms"] for key, row in aftermath.deadline_alerts().items()}
    assert aftermath.audit.broken() == found
    limits = {
        (e.limits.publish_ms, e.limits.arrive_ms, e.limits.accept_ms, e.limits.allowance_ms)
        for e in (one.event for one in aftermath.log)
        if isinstance(e, DispatchRegistered)
    }
    assert {(*DUE_MS.values(), MAX_GAP_MS)} == limits


def test_no_verdict_comes_after_the_tick_that_passes_its_backstop(aftermath: Aftermath) -> None:
    late = {
        key: row["raised_offset"]
        for key, row in aftermath.deadline_alerts().items()
        for last in [aftermath.audit.backstop(row["partition"], row["due_ms"], GRACE_MS)]
        if last is not None and row["raised_offset"] > last
    }
    assert late == {}


def test_every_failure_is_an_alert_and_nothing_else(aftermath: Aftermath) -> None:
    rows = aftermath.tables["alert"]
    found = {(r["subject_id"], r["kind"]) for r in rows if r["due_ms"] is None}
    assert aftermath.audit.failed() == found


def test_the_world_is_told_of_an_alert_once_in_order_and_of_no_other(aftermath: Aftermath) -> None:
    told: dict[tuple[UUID, str], list[int]] = defaultdict(list)
    for one in aftermath.alerts:
        assert isinstance(one.event, AlertRaised | AlertResolved)
        versions = told[one.event.subject_id, one.event.kind]
        if one.event.version not in versions:
            versions.append(one.event.version)
    told = {key: versions for key, versions in told.items() if key[1] != "unsent"}
    assert [versions for versions in told.values() if versions != sorted(versions)] == []
    books = {(r["subject_id"], r["kind"]): r["closing"] for r in aftermath.tables["alert"]}
    assert set() == told.keys() - books.keys()
    open_now = {key for key, closing in books.items() if closing is None}
    assert open_now == {key for key, versions in told.items() if versions[-1] % 2}


def test_a_person_is_paged_once_at_most_and_for_every_open_alert(aftermath: Aftermath) -> None:
    taken = [page for page in aftermath.pages if page.answer is None or page.answer < 300]
    pages = {page.identity: page.event["data"] for page in taken}
    once = Counter((p["subject_id"], p["kind"], p["version"]) for p in pages.values())
    assert set(once.values()) <= {1}
    raised = Counter((p["subject_id"], p["kind"]) for p in pages.values() if p["version"] % 2)
    books = {(str(r["subject_id"]), r["kind"]): r["closing"] for r in aftermath.tables["alert"]}
    assert set() == {key for key in raised if key[1] != "unsent"} - books.keys()
    assert set() == {key for key, closing in books.items() if closing is None} - raised.keys()
    resolved = {(p["subject_id"], p["kind"]) for p in pages.values() if p["version"] % 2 == 0}
    recovered = {key for key, closing in books.items() if closing is not None}
    assert resolved >= raised.keys() & recovered, "told of no recovery"


def test_every_page_is_signed(aftermath: Aftermath) -> None:
    assert [p for p in aftermath.pages if not p.signed_by(aftermath.public_key)] == []


def test_no_state_goes_back(aftermath: Aftermath) -> None:
    copies = aftermath.audit.copies.values()
    assert [copy for copy in copies if not is_forward(copy.states())] == []
    ends = {copy.delivery_id: list(copy.states())[-1] for copy in copies}
    assert ends == {row["delivery_id"]: row["state"] for row in aftermath.tables["delivery"]}


def test_a_sender_is_told_of_every_copy_to_its_end_and_never_backwards(
    aftermath: Aftermath,
) -> None:
    told: dict[UUID, dict[int, str]] = defaultdict(dict)
    for one in aftermath.statuses:
        assert isinstance(one.event, DeliveriesUpdated)
        for update in one.event.updates:
            told[update.delivery_id].setdefault(update.version, update.state)
    stories = {of: [state for _, state in sorted(by.items())] for of, by in told.items()}
    assert [story for story in stories.values() if not is_forward(story)] == []
    states = {row["delivery_id"]: row["state"] for row in aftermath.tables["delivery"]}
    assert states == {of: story[-1] for of, story in stories.items()}


def test_the_books_count_every_record_of_the_log(aftermath: Aftermath) -> None:
    rows = aftermath.tables["partition_book"]
    assert aftermath.audit.ends == {row["partition"]: row["next_offset"] for row in rows}
    lines = Counter(row["partition"] for row in aftermath.tables["history"])
    assert {row["partition"]: row["next_offset"] for row in rows} == {
        row["partition"]: row["ticks"] + lines[row["partition"]] for row in rows
    }
    service = {p: aftermath.audit.service_ms(p) for p in aftermath.audit.ends}
    assert service == {row["partition"]: row["service_ms"] for row in rows}


@pytest.mark.parametrize("table", sorted(BOOKS))
def test_a_replay_of_the_log_gives_the_same_books(aftermath: Aftermath, table: str) -> None:
    assert aftermath.tables[table] == aftermath.replayed[table]
