"""The gateway: hand-over beside its floor, under two loads at once, large uploads, idle listeners.

The gateway is one process, with database, broker and a relay; who asks it is the bench.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from statistics import median

import aiohttp
import asyncpg

from bench import use
from bench.figure import milliseconds
from bench.helping import helper
from bench.load import letters
from bench.section import Bench, Report, Row, Unmeasured
from bench.stage import Crew, crew, fresh
from hoatoc.client.call import WAIT_S
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet, write_packet
from hoatoc.domain.packet import Attachment
from hoatoc.postgres.connection import pool
from hoatoc.prepare import first_registry
from hoatoc.testing.gateway import EDXML, issued, with_port
from hoatoc.traffic.packet import pdf

GOAL = 0.60
TURNS, HAND_OVERS, CONNECTIONS = 3, 300, 16
BOTH_S, PACKETS_A_SECOND, ANSWERS_A_SECOND = 30.0, 50, 1_000
UPLOADS, UPLOAD_BYTES = 10, 30_000_000
POLLS, IDLE_S = 1_000, 2 * WAIT_S
MOST_S = 120.0


@dataclass(frozen=True, slots=True)
class Open:
    """A gateway at work: its address, its process, a key for each organ."""

    team: Crew
    url: str
    keys: dict[str, str]
    session: aiohttp.ClientSession
    database: asyncpg.Pool

    @property
    def pid(self) -> int:
        """The process of the gateway."""
        return self.team.workers["gateway"][0].process.pid

    def shown(self, organ: str) -> dict[str, str]:
        """Return the header that shows the key of an organ."""
        return {"Authorization": f"Bearer {self.keys[organ]}"}

    async def post(self, path: str, body: bytes, organ: str, **headers: str) -> int:
        """Ask as an organ until it is done; return how often it was told to come again."""
        said, turned = {**self.shown(organ), **EDXML, **headers}, 0
        while True:
            async with self.session.post(f"{self.url}{path}", data=body, headers=said) as answer:
                text = await answer.text()
                if answer.status < 300:
                    return turned
                if answer.status not in (429, 503):
                    raise Unmeasured(f"{path}: {answer.status} {text[:300]}")
                turned += 1
                await asyncio.sleep(int(answer.headers["Retry-After"]))


@asynccontextmanager
async def opened(bench: Bench) -> AsyncIterator[Open]:
    """Run a gateway without a bound for one organ: the load is one machine's."""
    async with (
        fresh(bench.console, access_rate=0.0) as running,
        crew(running, {"gateway": 1, "relay": 1}) as team,
    ):
        settings = running.settings
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=2 * POLLS), timeout=aiohttp.ClientTimeout(300)
            ) as session,
            pool(settings.postgres.dsn, 1) as database,
        ):
            async with database.acquire() as connection:
                organs = [organ.code for organ in first_registry()]
                keys = {str(o): await issued(connection, settings, o) for o in organs}
            yield Open(team, settings.gateway.url, keys, session, database)


async def report(bench: Bench) -> Report:
    """Measure three on one stack, and idle listeners on a fresh one."""
    async with opened(bench) as here:
        bench.say("hand-over beside its floor")
        beside = await _beside(bench, here)
        bench.say("packets and answers at once")
        both = await _both(bench, here)
        bench.say("large uploads")
        uploads = await _uploads(bench, here)
    async with opened(bench) as here:  # whose inboxes are empty
        bench.say("idle listeners")
        idle, alone = await _idle(bench, here)
    rows = [
        Row(
            "20 KB packet to 38 organs handed over, /s (median turn)",
            f"{median(beside.real):,.0f}",
            f"{median(beside.bare):,.0f} (one durable insert)",
            f"{median(beside.real) / median(beside.bare):.0%}",
            f"{GOAL:.0%} of its floor",
        ),
        Row("the same packet to one organ", f"{median(beside.one):,.0f}"),
        Row(
            "packets/s with 38 recipients each, while answers run",
            f"{both.packets:,.0f}",
            goal=str(PACKETS_A_SECOND),
        ),
        Row("answers/s meanwhile", f"{both.answers:,.0f}", goal=f"{ANSWERS_A_SECOND:,}"),
        Row("hand-over meanwhile, from its instant, p50 / p99", milliseconds(both.packet_ms)),
        Row("an answer meanwhile, from its instant, p50 / p99", milliseconds(both.answer_ms)),
        Row(
            f"memory above idle with {UPLOADS} uploads of {UPLOAD_BYTES // 1_000_000} MB at once",
            f"{uploads.own_mib:,.0f} MiB",
            goal="64 MiB",
        ),
        Row("the same with the processes that read files", f"{uploads.all_mib:,.0f} MiB"),
        Row("those uploads, until all are answered", f"{uploads.seconds:,.1f} s"),
        Row(
            f"a core's share with {POLLS:,} idle long polls",
            f"{idle:.1%}",
            f"{alone:.1%} (none)",
            goal="5 %",
        ),
    ]
    figures = {
        "handed_over_per_s": round(median(beside.real)),
        "to_one_per_s": round(median(beside.one)),
        "floor_per_s": round(median(beside.bare)),
        "packets_per_s": round(both.packets, 1),
        "answers_per_s": round(both.answers),
        "upload_mib": round(uploads.own_mib),
        "upload_all_mib": round(uploads.all_mib),
        "idle_share": round(idle, 4),
    }
    both_rates = zip(beside.real, beside.bare, strict=True)
    turns = ", ".join(f"{real:,.0f} of {bare:,.0f}" for real, bare in both_rates)
    spent = ", ".join(f"{name} {ms:.1f}" for name, ms in beside.spent_ms.items())
    notes = [
        f"By turns: {turns}. Processor time of one hand-over to 38 (ms): {spent}; together "
        f"{sum(beside.spent_ms.values()):.1f}, of which the floor has database and gateway alone.",
        f"Hand-overs told to come again (429, 503) while both ran: {both.turned}.",
    ]
    return Report(rows, figures, notes)


# Hand-over beside its floor.


@dataclass(frozen=True, slots=True)
class Beside:
    """Hand-overs a second by turns: to 38 organs, of the floor, to one; what one to 38 takes."""

    real: list[float]
    bare: list[float]
    one: list[float]
    spent_ms: dict[str, float]


async def _beside(bench: Bench, here: Open) -> Beside:
    number, parts = bench.size(HAND_OVERS, 10), here.team.pids
    real, bare, one, spent = [], [], [], dict.fromkeys(parts, 0.0)
    for turn in range(TURNS):
        packets = letters(1 + turn * number, number)
        hand_over = partial(_handed, here, _sender(packets[0]))
        await _left(here)
        bare.append(await _floor(here, packets))
        before = use.spent(parts)
        real.append(await _rate(packets, hand_over))
        await _left(here)
        for name, seconds in use.spent(parts).items():
            spent[name] += (seconds - before[name]) * 1000 / (TURNS * number)
        one.append(await _rate(_to_one(letters(500_000 + turn * number, number)), hand_over))
    return Beside(real, bare, one, spent)


def _to_one(packets: Sequence[bytes]) -> list[bytes]:
    read = [read_packet(packet, limit=LARGEST_PACKET_BYTES) for packet in packets]
    return [write_packet(replace(packet, recipients=packet.recipients[:1])) for packet in read]


async def _handed(here: Open, sender: str, packet: bytes) -> None:
    await here.post("/v1/documents", packet, sender)


def _sender(packet: bytes) -> str:
    return read_packet(packet, limit=LARGEST_PACKET_BYTES).sender.code


async def _floor(here: Open, packets: Sequence[bytes]) -> float:
    settings = with_port(here.team.settings)

    async def post(packet: bytes) -> None:
        async with here.session.post(settings.gateway.url, data=packet) as answer:
            await answer.read()

    async with helper(settings, "bench.floor_door"):
        return await _rate(packets, post)


async def _rate(packets: Sequence[bytes], act: Callable[[bytes], Awaitable[object]]) -> float:
    waiting, began = iter(packets), time.perf_counter()

    async def some() -> None:
        for packet in waiting:
            await act(packet)

    await asyncio.gather(*(some() for _ in range(CONNECTIONS)))
    return len(packets) / (time.perf_counter() - began)


# Packets and answers at once.


@dataclass(frozen=True, slots=True)
class Both:
    """What was reached a second, and the milliseconds from the instant meant for each."""

    packets: float
    answers: float
    packet_ms: list[float]
    answer_ms: list[float]
    turned: int
    """how often a hand-over was told to come again (429, 503)"""


async def _both(bench: Bench, here: Open) -> Both:
    """Hand over and answer in an open loop; the copies that are answered came before."""
    seconds = bench.seconds(BOTH_S, 3)
    first = 1 + TURNS * bench.size(HAND_OVERS, 10)
    packets = letters(first, round(seconds * PACKETS_A_SECOND))
    wanted = round(seconds * ANSWERS_A_SECOND)
    copies = [(str(r[0]), str(r[1])) for r in await _published(here, wanted)]
    done, sender = b'{"outcome": "done"}', _sender(packets[0])

    turned: list[int] = []

    async def hand_over(at: int) -> None:
        turned.append(await here.post("/v1/documents", packets[at], sender))

    async def answer(at: int) -> None:
        copy, organ = copies[at % len(copies)]
        path = f"/v1/deliveries/{copy}/acknowledgement"
        await here.post(path, done, organ, **{"Content-Type": "application/json"})

    (packets_s, packet_ms), (answers_s, answer_ms) = await asyncio.gather(
        _paced(len(packets), PACKETS_A_SECOND, hand_over),
        _paced(wanted, ANSWERS_A_SECOND, answer),
    )
    return Both(len(packets) / packets_s, wanted / answers_s, packet_ms, answer_ms, sum(turned))


async def _published(here: Open, number: int) -> list[asyncpg.Record]:
    """Return so many copies that their recipients can answer, once all have left."""
    await _left(here)
    query = "SELECT delivery_id, recipient FROM handover_recipient ORDER BY delivery_id LIMIT $1"
    return list(await here.database.fetch(query, number))


async def _left(here: Open) -> None:
    """Return when all copies have left."""
    deadline = time.monotonic() + MOST_S
    query = "SELECT EXISTS (SELECT FROM outbox WHERE state IN ('unsent', 'claimed'))"
    while await here.database.fetchval(query):
        if time.monotonic() > deadline:
            raise Unmeasured(f"the copies have not left after {MOST_S:g} s")
        await asyncio.sleep(0.2)


async def _paced(
    number: int, rate: float, act: Callable[[int], Awaitable[None]]
) -> tuple[float, list[float]]:
    """Act at instants drawn beforehand; return the seconds until all is done, and each one's ms."""
    drawn, at_s, going, took = Random(number), 0.0, [], []
    began = time.perf_counter()

    async def one(at: int, meant_s: float) -> None:
        await act(at)
        took.append((time.perf_counter() - began - meant_s) * 1000)

    for at in range(number):
        at_s += drawn.expovariate(rate)
        await asyncio.sleep(began + at_s - time.perf_counter())
        going.append(asyncio.create_task(one(at, at_s)))
    await asyncio.gather(*going)
    return time.perf_counter() - began, took


# Large uploads.


@dataclass(frozen=True, slots=True)
class Uploads:
    """Memory above idle at the most: of the gateway itself, and with its children (MiB)."""

    own_mib: float
    all_mib: float
    seconds: float


async def _uploads(bench: Bench, here: Open) -> Uploads:
    size = bench.size(UPLOAD_BYTES, 1_000_000)
    large = [_large(number, size) for number in range(UPLOADS)]

    def memory() -> tuple[float, float]:
        return use.alone(here.pid), use.proportional({"gateway": [here.pid]})["gateway"]

    own_idle, all_idle = own, every = memory()
    began = time.perf_counter()
    going = [asyncio.create_task(here.post("/v1/documents", p, _sender(p))) for p in large]
    while not all(task.done() for task in going):
        await asyncio.sleep(0.1)
        own, every = map(max, zip((own, every), memory(), strict=True))
    await asyncio.gather(*going)
    return Uploads(own - own_idle, every - all_idle, time.perf_counter() - began)


def _large(number: int, size: int) -> bytes:
    """Return a packet with one large file: text beside what a scan weighs."""
    packet = read_packet(letters(900_000 + number, 1)[0], limit=LARGEST_PACKET_BYTES)
    content = pdf(f"Van ban so {number}.", Random(number).randbytes(size))
    file = Attachment(name="dai.pdf", content_type="application/pdf", content=content)
    return write_packet(replace(packet, attachments=(file,)), limit=LARGEST_PACKET_BYTES)


# Idle listeners.


async def _idle(bench: Bench, here: Open) -> tuple[float, float]:
    """Return a core's share that the gateway takes with listeners, and without."""
    seconds, organs = bench.seconds(IDLE_S, 5), sorted(here.keys)
    alone = await _share(here, seconds / 2)
    answered: set[int] = set()
    url = f"{here.url}/v1/inbox"

    async def listen(at: int) -> None:
        headers, cursor = here.shown(organs[at % len(organs)]), ""
        while True:
            asked = {"wait": f"{WAIT_S:g}"} | ({"cursor": cursor} if cursor else {})
            async with here.session.get(url, params=asked, headers=headers) as answer:
                if answer.status in (429, 503):  # it is still busy with what came before
                    await asyncio.sleep(int(answer.headers["Retry-After"]))
                    continue
                if answer.status != 200:
                    raise Unmeasured(f"inbox: {answer.status} {(await answer.text())[:300]}")
                cursor = (await answer.json())["next"]
                answered.add(at)

    number = bench.size(POLLS, 20)
    listening = [asyncio.create_task(listen(at)) for at in range(number)]
    try:
        await _listening(answered, number)
        share = await _share(here, seconds)
        if failed := [task for task in listening if task.done()]:
            failed[0].result()
    finally:
        for task in listening:
            task.cancel()
        await asyncio.wait(listening)
    return share, alone


async def _listening(answered: set[int], number: int) -> None:
    """Return when every listener has read what came before, and some time more."""
    deadline = time.monotonic() + MOST_S
    while len(answered) < number:
        if time.monotonic() > deadline:
            raise Unmeasured(f"{len(answered)} of {number} listeners have been answered")
        await asyncio.sleep(0.5)
    await asyncio.sleep(WAIT_S / 3)


async def _share(here: Open, seconds: float) -> float:
    parts = {"gateway": [here.pid]}
    before, began = use.spent(parts)["gateway"], time.perf_counter()
    await asyncio.sleep(seconds)
    return (use.spent(parts)["gateway"] - before) / (time.perf_counter() - began)
