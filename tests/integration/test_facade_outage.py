"""The façade through outages, kills and crowds: each test has a line of its own.

A line begins with fresh topics, so none of these stands beside tests that share one.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry.file import sheet_of
from hoatoc.postgres.registry import Origin, RegistryTables
from hoatoc.testing.agency import letter
from hoatoc.testing.axis import HANDING, asked, axis_on, done, paired, refused, secret_of
from hoatoc.testing.gateway import gateway_on, with_port
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually, killed
from hoatoc.testing.vxp_client import VxpClient
from producers.gateway.app import application, opened
from producers.gateway.outlet import Outlet
from producers.gateway.server import serving

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


async def test_a_body_that_is_too_long_is_refused_before_it_is_read(new_line: NewLine) -> None:
    async with new_line() as line, gateway_on(line.settings, largest_mb=1) as url:
        await paired(line, A)
        client = VxpClient(f"{url}/vxp", A, secret_of(A))
        long = letter(A, [B], "2010") + bytes(2_000_000)
        assert ("10", "body-too-large") == await refused(client.send, long, from_=A, **HANDING)


class Cable:
    """The way to a database over a unix socket, which can be cut."""

    def __init__(self, dsn: str, folder: Path) -> None:
        real = parse_qs(urlsplit(dsn).query)["host"][0]
        self._real = f"{real}/.s.PGSQL.5432"
        self.path = f"{folder}/.s.PGSQL.5432"
        self.dsn = dsn.replace(quote(real), quote(str(folder)))
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._carry, self.path)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        Path(self.path).unlink(missing_ok=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._real)
        ways = [self._pump(reader, back), self._pump(there, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        self._tasks.update(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


def calls(client: VxpClient) -> list[tuple[Callable[..., Any], dict[str, str]]]:
    """Return every call that the official client can make."""
    doc = {"docId": "0dbcb61d-e30e-55e9-8c49-d2819759e3f4"}
    return [
        (client.get_received, {"messagetype": "edoc"}),
        (client.get_received, {"messagetype": "status"}),
        (client.get_sent, {}),
        (client.get_edoc, doc),
        (client.update_status, {**doc, "status": "done"}),
        (client.count_documents, {}),
        (client.count_statuses, {}),
        (client.get_agencies, {}),
        (client.get_agencies_2020, {}),
        (client.get_units, {}),
    ]


async def test_f1_an_outage_of_the_database_is_never_an_empty_list_and_never_null(
    fresh: Line, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cable = Cable(fresh.settings.postgres.dsn, tmp_path_factory.mktemp("s"))
    await cable.mend()
    reached = fresh.settings.postgres.model_copy(update={"dsn": cable.dsn})
    settings = fresh.settings.model_copy(update={"postgres": reached})
    async with gateway_on(settings) as url:
        await paired(fresh, A)
        client = VxpClient(f"{url}/vxp", A, secret_of(A))
        packet = letter(A, [B], "3001")
        await done(client.send, packet, from_=A, **HANDING)
        await cable.cut()
        for call, headers in calls(client):
            assert ("20", "database-away") == await refused(call, **headers)
            status, body = client.replies[-1]
            assert 503 == status
            assert {"status", "ErrorCode", "ErrorDesc"} <= json.loads(body).keys()
        code = await refused(client.send, packet, from_=A, **HANDING)
        assert ("20", "database-away") == code
        await cable.mend()

        async def back() -> list[Any] | None:
            another = VxpClient(f"{url}/vxp", A, secret_of(A))
            return (await asked(another.get_sent)).get("data")

        assert 1 == len(await eventually(back))
    await cable.cut()


async def test_an_acknowledgement_that_the_broker_did_not_confirm_is_not_done(
    new_line: NewLine,
) -> None:
    async with new_line() as line, axis_on(line) as axis:
        there = await axis.waiting(B, await axis.sent(letter(A, [B], "3002"), A))
        settings = with_port(line.settings)
        async with opened(settings) as gateway:
            cut_off = replace(gateway, outlet=Outlet(settings.kafka))
            elsewhere = with_port(settings).gateway
            client = VxpClient(f"{elsewhere.url}/vxp", B, secret_of(B))
            word = {"docId": there, "status": "done"}
            async with serving(application(cut_off), elsewhere):
                assert ("20", "broker-away") == await refused(client.update_status, **word)
        assert there in [each["docId"] for each in await axis.listed(B)]
        await done(axis.client(B).update_status, docId=there, status="done")
        assert there not in [each["docId"] for each in await axis.listed(B)]


async def test_while_as_many_are_served_as_may_be_the_answer_is_in_the_callers_dialect(
    new_line: NewLine,
) -> None:
    async with new_line() as line, gateway_on(line.settings, connections=1) as url:
        await paired(line, A)
        where = urlsplit(url)
        slow = VxpClient(f"{url}/vxp", A, secret_of(A))
        slow.headers.put("hash-file", "x")
        lines = "".join(f"{name}: {value}\r\n" for name, value in slow.signed_headers())
        head = f"POST /vxp/sendEdoc HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 9\r\n\r\n"

        def crowd() -> tuple[str, str]:
            with socket.create_connection((where.hostname, where.port), 10) as other:
                other.sendall(head.encode() + b"<")
                said = None
                while said is None or said["status"] == "OK":  # until it is at work
                    client = VxpClient(f"{url}/vxp", A, secret_of(A))
                    said = client.get_received(messagetype="edoc")
            assert said is not None
            return said["ErrorCode"], said["ErrorDesc"].partition(":")[0]

        assert ("20", "crowded") == await asyncio.to_thread(crowd)


async def test_a_hub_takes_and_hands_over_for_those_that_use_its_connection(
    new_line: NewLine,
) -> None:
    async with new_line() as line:
        below = f"{B}.07"
        await line.database.execute(
            "INSERT INTO organ (code, name, certainty, hub, parent)"
            " VALUES ($1, 'Chi cục', 'verified', $2, $2)",
            below,
            B,
        )
        async with axis_on(line) as axis:
            there = await axis.waiting(B, await axis.sent(letter(A, [below], "5001"), A))
            (entry,) = (each for each in await axis.listed(B) if each["docId"] == there)
            assert below == entry["to"]
            await done(axis.client(B).update_status, docId=there, status="done")
            said = await done(
                axis.client(B).send, letter(below, [A], "5002"), from_=below, **HANDING
            )
            assert await axis.waiting(A, said["DocId"])
            rows = (await done(axis.client(B).get_sent))["data"]
            assert below in [each["fromCode"] for each in rows]


async def test_a_gateway_killed_in_a_hand_over_kept_nothing_and_the_same_again_is_one(
    new_line: NewLine,
) -> None:
    async with new_line() as line:
        line.settings = with_port(line.settings)
        await paired(line, A)
        packet = letter(A, [B], "1018")
        client = VxpClient(f"{line.settings.gateway.url}/vxp", A, secret_of(A), retry=1)
        handing = {**HANDING, "from_": A}
        async with line.program("gateway") as gateway, line.held("handover", "INSERT"):
            sending = asyncio.create_task(asyncio.to_thread(client.send, packet, **handing))
            await eventually(line.is_holding)
            await killed(gateway)
            assert await sending is None  # null: the outcome is unknown to the official client
        assert 0 == await line.database.fetchval("SELECT count(*) FROM handover")
        async with line.program("gateway"):
            first = await done(client.send, packet, **handing)
            assert first["DocId"] == (await done(client.send, packet, **handing))["DocId"]
        assert 1 == await line.database.fetchval("SELECT count(*) FROM outbox")


async def test_what_an_ended_organ_was_sent_stands_in_the_list_of_its_successor(
    new_line: NewLine,
) -> None:
    async with new_line() as line, axis_on(line) as axis:
        there = await axis.waiting(D, await axis.sent(letter(A, [D], "2020"), A))
        yesterday = datetime.now(VIETNAM).date() - timedelta(days=1)
        ended = sheet_of({"code": D, "valid_to": yesterday.isoformat(), "successor": C})
        origin = Origin(who="test", file="test", sha256=bytes(32))
        tables = RegistryTables(line.database)
        await tables.change(ended, origin, complete=False, today=yesterday)

        async def inherited() -> bool:
            return there in [each["docId"] for each in await axis.listed(C)]

        await eventually(inherited)
        successor = axis.client(C)
        assert 1 == (await done(successor.count_documents))["count"]
        assert there not in [each["docId"] for each in await axis.listed(B)]
        await done(successor.update_status, docId=there, status="done")
        assert there not in [each["docId"] for each in await axis.listed(C)]
