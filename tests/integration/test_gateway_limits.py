"""Limits of the gateway: of the rate, of the disk, of what is away, of an upload that is killed."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest

from hoatoc.config import Access
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, door_on, gateway_on, issued, with_port
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually, killed
from producers.gateway import app, state
from producers.gateway.watch import WAITING

pytestmark = pytest.mark.timeout(240)

A, B, C, _ = (organ.code for organ in ORGANS)


async def test_an_organ_that_asks_too_often_is_told_when_to_come_again(new_line: NewLine) -> None:
    async with (
        new_line(access=Access(rate=1, burst=2)) as line,
        door_on(line) as door,
        door.as_(A) as client,
        door.as_(B) as other,
    ):
        answers = [await client.get("/v1/counts") for _ in range(3)]
        spared = await other.get("/v1/counts")
    assert [200, 200, 429, 200] == [a.status_code for a in (*answers, spared)]
    assert "1" == answers[2].headers["retry-after"]


def waiting_now() -> float:
    """Return how many requests wait in this process for something to come."""
    return sum(sample.value for metric in WAITING.collect() for sample in metric.samples)


async def test_one_organ_that_asks_much_at_once_leaves_room_for_others(new_line: NewLine) -> None:
    async with (
        new_line() as line,
        door_on(line, connections=8) as door,
        door.as_(A) as many,
        door.as_(B) as other,
    ):
        before = waiting_now()
        waiting = [asyncio.create_task(many.get("/v1/inbox?wait=60")) for _ in range(2)]

        async def both_wait() -> bool:
            return waiting_now() == before + 2

        await eventually(both_wait, what="both waiting")
        told = await many.get("/v1/counts")
        spared = await other.get("/v1/counts")
        for task in waiting:  # whoever has gone waits for nothing any more
            task.cancel()

        async def again() -> bool:
            return (await many.get("/v1/counts")).status_code == 200

        await eventually(again, what="room again")
    assert (429, "many-at-once", 200) == (
        told.status_code,
        told.json()["code"],
        spared.status_code,
    )
    assert int(told.headers["retry-after"]) >= 1


async def test_a_database_without_room_for_more_is_told_as_a_crowd_and_outlived(
    fresh: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "OTHERS", 0)
    monkeypatch.setattr(app, "CALENDARS_S", 0.05)  # what the gateway itself asks meets the crowd
    monkeypatch.setattr(state, "ACQUIRE_S", 0.5)
    async with door_on(fresh, in_flight=1, urgent_in_flight=1) as door, door.as_(B) as client:
        async with fresh.held("outbox", "INSERT"):
            urgent = {"Hoatoc-Priority": "4"}
            handing = [
                asyncio.create_task(door.hand_over(letter(A, [B], "350"), A)),
                asyncio.create_task(door.hand_over(letter(A, [B], "351", priority=4), A, **urgent)),
            ]

            async def crowded() -> httpx.Response | None:
                answer = await client.get("/v1/counts")
                return answer if answer.status_code == 503 else None

            told = await eventually(crowded, what="no connection left")
            again = await client.get("/v1/counts")
        await asyncio.gather(*handing)
        assert 200 == (await client.get("/v1/counts")).status_code
    assert [(503, "crowded")] * 2 == [(a.status_code, a.json()["code"]) for a in (told, again)]


async def test_a_full_disk_takes_nothing_and_says_so(new_line: NewLine) -> None:
    async with new_line() as line, door_on(line, free_mb=2**30) as door:
        answer = await door.hand_over(letter(A, [B], "6"), A)
        async with door.as_() as client:
            ready = await client.get("/readyz")
    assert (503, "disk-short") == (answer.status_code, answer.json()["code"])
    assert int(answer.headers["retry-after"]) >= 1
    assert (503, "short") == (ready.status_code, ready.json()["parts"]["disk"])


@asynccontextmanager
async def running(line: Line) -> AsyncIterator[tuple[Process, Door]]:
    """Run the gateway as a process of its own."""
    settings = with_port(line.settings)
    keys = {str(o.code): await issued(line.database, line.settings, o.code) for o in ORGANS}
    port = str(settings.gateway.port)
    async with line.program("gateway", HOATOC_GATEWAY_PORT=port) as process:
        yield process, Door(line, settings.gateway.url, keys)


async def test_what_was_accepted_is_kept_through_a_kill_and_a_retry_makes_it_one(
    fresh: Line,
) -> None:
    packets = {str(n): letter(A, [B, C], str(n)) for n in range(301, 325)}
    accepted: dict[str, str] = {}
    enough = asyncio.Event()

    async def hand_over(door: Door, number: str) -> None:
        with suppress(httpx.TransportError):
            answer = await door.hand_over(packets[number], A)
            if answer.status_code == 201:
                accepted[number] = answer.json()["dispatch_id"]
            if len(accepted) >= 8:
                enough.set()

    async with running(fresh) as (process, door):
        tasks = [asyncio.create_task(hand_over(door, number)) for number in packets]
        await enough.wait()
        await killed(process)
        await asyncio.gather(*tasks)
    kept: dict[str, UUID] = dict(
        await fresh.database.fetch("SELECT printed_number, dispatch_id FROM handover")
    )
    assert accepted.items() <= {number: str(one) for number, one in kept.items()}.items()
    async with running(fresh) as (_, door):
        answers = {number: await door.hand_over(packet, A) for number, packet in packets.items()}
    assert {number: 200 if number in kept else 201 for number in packets} == {
        number: answer.status_code for number, answer in answers.items()
    }
    assert (
        kept.items()
        <= {
            number: UUID(answer.json()["dispatch_id"]) for number, answer in answers.items()
        }.items()
    )
    assert len(packets) == await fresh.database.fetchval("SELECT count(*) FROM outbox")


async def test_killed_before_its_commit_a_hand_over_leaves_nothing(fresh: Line) -> None:
    packet, key = letter(A, [B], "330"), {"Idempotency-Key": "k-330"}
    async with running(fresh) as (process, door), fresh.held("outbox", "INSERT"):
        task = asyncio.create_task(door.hand_over(packet, A, **key))
        await eventually(fresh.is_holding, what="the hand-over in its transaction")
        await killed(process)
        with pytest.raises(httpx.TransportError):
            await task
    assert 0 == await fresh.database.fetchval("SELECT count(*) FROM handover")
    async with running(fresh) as (_, door):
        answer = await door.hand_over(packet, A, **key)
    assert 201 == answer.status_code


async def test_while_the_database_is_away_nothing_is_taken_and_the_door_says_so(
    new_line: NewLine, tmp_path: Path
) -> None:
    way = tmp_path / "way"
    async with new_line() as line:
        start, _, sockets = line.settings.postgres.dsn.partition("host=")
        way.symlink_to(unquote(sockets))
        postgres = line.settings.postgres.model_copy(update={"dsn": f"{start}host={way}"})
        apart = line.settings.model_copy(update={"postgres": postgres})
        key = await issued(line.database, line.settings, A)
        async with gateway_on(apart) as url:
            door = Door(line, url, {A: key})
            way.unlink()
            await line.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            answer = await door.hand_over(letter(A, [B], "340"), A)
            async with door.as_() as client:

                async def parts() -> dict[str, str]:
                    said = (await client.get("/readyz")).json()["parts"]
                    return said if said["database"] != "ready" else {}

                found = await eventually(parts, what="not ready")
                way.symlink_to(unquote(sockets))

                async def ready() -> bool:
                    return (await client.get("/readyz")).status_code == 200

                await eventually(ready, what="ready again")
            again = await door.hand_over(letter(A, [B], "340"), A)
    assert (503, "database-away") == (answer.status_code, answer.json()["code"])
    assert int(answer.headers["retry-after"]) >= 1
    assert "ready" == found["broker"]
    assert 201 == again.status_code


async def test_it_ends_in_time_while_somebody_waits(fresh: Line) -> None:
    async with running(fresh) as (process, door), door.as_(B) as client:
        waiting = asyncio.create_task(client.get("/v1/inbox?wait=60"))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await client.get("/healthz")
            process.terminate()
            assert 0 == await process.wait()
        with suppress(httpx.TransportError):
            assert [] == (await waiting).json()["entries"]
