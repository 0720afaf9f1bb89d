"""The spool as a sender runs it, over a real broker: nothing it took is lost, or sent twice."""

import json
import os
from itertools import islice
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from hoatoc.client import AsyncClient, SpoolFull
from hoatoc.domain import topic
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES
from hoatoc.domain.event import (
    DeliveriesUpdated,
    DeliveryUpdate,
    DocumentHandedOver,
    HandOverAnswered,
)
from hoatoc.embedded.port import free_ports
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, issued
from hoatoc.testing.line import ORGANS, Line, eventually, killed
from tests.chaos.proxied import line_to
from tests.integration.spooling import spool

pytestmark = pytest.mark.timeout(180)
A, B, C, D = (organ.code for organ in ORGANS)
IDS = UUID(int=1), UUID(int=2)


async def handed_over(line: Line) -> list[DocumentHandedOver]:
    return await line.events(topic.handovers(A), DocumentHandedOver)


async def test_what_is_put_into_the_folder_is_handed_over_and_shown(
    fresh: Line, tmp_path: Path
) -> None:
    packet = letter(A, (B, C), "1")
    async with spool(fresh, tmp_path) as running:
        running.put("mot.edxml", packet)

        async def sent() -> bool:
            return len(running.shown("sent")) == 1

        await eventually(sent, what="the packet shown as sent")
        (event,) = await handed_over(fresh)
        assert packet == event.packet
        assert [] == running.left
        (told,) = running.shown("sent")
        assert (str(event.event_id), "mot.edxml", "sent") == (
            told["handover_id"],
            told["name"],
            told["state"],
        )

        running.put("lai.edxml", packet)  # the same again

        async def gone() -> bool:
            return not running.left

        await eventually(gone, what="the repeat taken")
        assert 1 == len(await handed_over(fresh))

        part = tmp_path / "outgoing" / ".part"
        part.write_bytes(letter(A, (B, C), "2"))
        part.rename(tmp_path / "outgoing" / os.fsdecode(b"c\xf4ng v\xe3n.edxml"))  # no UTF-8

        async def odd() -> bool:
            return "c\\xf4ng v\\xe3n.edxml" in {one["name"] for one in running.shown("sent")}

        await eventually(odd, what="the file of an odd name shown as sent")


async def test_what_the_port_has_answered_survives_kill_9_and_is_sent_once_by_id(
    fresh: Line, tmp_path: Path
) -> None:
    packets = [letter(A, (B,), str(n), priority=n % 5) for n in range(1, 9)]
    away = {"HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    async with spool(fresh, tmp_path, **away) as running:
        async with AsyncClient(running.address) as client:
            spooled = [await client.leave(packet) for packet in packets]
            assert {True} == {each.new for each in spooled}
            assert not (await client.leave(packets[0])).new
        await killed(running.process)
    async with spool(fresh, tmp_path) as running:

        async def sent() -> bool:
            return len(running.shown("sent")) == len(packets)

        await eventually(sent, what="all packets shown as sent")
        events = await handed_over(fresh)
        shown = running.shown("sent")
        assert {str(each.id) for each in spooled} == {told["id"] for told in shown}
        assert {told["handover_id"] for told in shown} == {str(e.event_id) for e in events}
        assert len(packets) == len(events)


async def test_statuses_come_back_into_the_folder_and_the_latest_version_stays(
    fresh: Line, tmp_path: Path
) -> None:
    dispatch, copy = IDS
    async with spool(fresh, tmp_path) as running:
        for version, state, code in ((2, "accepted", "03"), (1, "taken", "01")):
            update = DeliveryUpdate(
                delivery_id=copy, recipient=B, state=state, version=version, code=code
            )
            event = DeliveriesUpdated(event_id=copy, dispatch_id=dispatch, updates=[update])
            await fresh.write(topic.statuses(A), event, dispatch)

        async def shown() -> list[dict[str, object]]:
            return running.shown("statuses")

        (told,) = await eventually(shown, what="the statuses shown")
        assert str(dispatch) == told["dispatch_id"]
        copies = told["copies"]
        assert isinstance(copies, list)
        assert [("accepted", 2, "03")] == [(c["state"], c["version"], c["code"]) for c in copies]


async def test_a_full_spool_says_no_and_takes_again_when_there_is_room(
    fresh: Line, tmp_path: Path
) -> None:
    large = [letter(A, (B,), str(n), b"x " * 90_000) for n in range(5)]  # four have room
    away = {"HOATOC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9", "HOATOC_SPOOL_QUOTA_MB": "1"}
    async with spool(fresh, tmp_path, **away) as running:
        for number, packet in enumerate(large[:4]):
            running.put(f"{number}.edxml", packet)

        async def gone() -> bool:
            return not running.left

        await eventually(gone, what="four packets taken")
        running.put("4.edxml", large[4])

        async def full() -> bool:
            return (tmp_path / "FULL.txt").exists()

        await eventually(full, what="the spool full")
        assert ["4.edxml"] == running.left
        async with AsyncClient(running.address) as client:
            with pytest.raises(SpoolFull, match="CHƯA được nhận"):
                await client.leave(large[4])
    async with (
        fresh.program("intake"),  # whose answers make room
        fresh.program("alerts"),
        spool(fresh, tmp_path, HOATOC_SPOOL_QUOTA_MB="1") as running,
    ):
        await eventually(gone, what="the fifth packet taken")

        async def handed() -> bool:
            return len(await handed_over(fresh)) == 5

        await eventually(handed, what="all handed over")
        assert not (tmp_path / "FULL.txt").exists()


async def test_what_cannot_be_taken_is_put_aside_with_its_reason(
    fresh: Line, tmp_path: Path
) -> None:
    secret = letter(A, (B,), "1", b"TUY\xe1\xbb\x86T M\xe1\xba\xacT")
    async with spool(fresh, tmp_path) as running:
        running.put("mat.edxml", secret)

        async def refused() -> list[dict[str, object]]:
            return running.shown("refused")

        (told,) = await eventually(refused, what="the secret refused")
        assert "secret-suspected" == told["code"]
        (aside,) = (tmp_path / "refused").glob("*.edxml")
        assert secret == aside.read_bytes()
        assert b"edXML" not in (tmp_path / "spool.sqlite-wal").read_bytes()
    assert [] == await handed_over(fresh)


async def test_a_line_that_was_cut_and_a_spool_that_was_killed_lose_and_repeat_nothing(
    door: Door, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    async with line_to(door.url, tmp_path) as (url, line):
        env = {"HOATOC_SPOOL_GATEWAY": url, "HOATOC_SPOOL_KEY": door.keys[A]}
        await line.ask(link="line", mode="cut")
        numbers = [str(n) for n in range(601, 609)]
        async with spool(door.line, folder, **env) as running:
            for number in numbers[:-1]:
                running.put(f"{number}.edxml", letter(A, (B, C), number))
            urgent = letter(A, (B,), numbers[-1], priority=4)
            running.put("hoa-toc.edxml", urgent)

            async def waits() -> bool:
                state = json.loads((folder / "state.json").read_text("utf-8"))
                return bool(state["waiting"] == 8 and state["line"] == "down")

            await eventually(waits, what="eight packets waiting")
            await line.ask(link="line", mode="deaf")  # what is asked now is done, and never heard
            await eventually(lambda: taken(door, 1), what="a hand-over without an answer")
            await killed(running.process)
        await line.ask(link="line", mode="cut")
        async with spool(door.line, folder, **env) as running:
            await line.ask(link="line", mode="pass")

            async def sent() -> bool:
                return len(running.shown("sent")) == 8

            await eventually(sent, what="all packets sent")
            assert [] == running.shown("refused")
    rows = await door.line.database.fetch(
        "SELECT printed_number, priority FROM handover WHERE printed_number LIKE '60_'"
        " ORDER BY handed_over_at"
    )
    assert sorted(numbers) == sorted(row["printed_number"] for row in rows)
    assert 4 == rows[0]["priority"]  # the urgent one knocked first
    told = {one["document_id"]: one["dispatch_id"] for one in running.shown("sent")}
    known = await door.line.database.fetch("SELECT document_id, dispatch_id FROM handover")
    assert {row["document_id"]: str(row["dispatch_id"]) for row in known}.items() >= told.items()


async def taken(door: Door, least: int) -> bool:
    query = "SELECT count(*) FROM handover WHERE printed_number LIKE '60_'"
    return bool(await door.line.database.fetchval(query) >= least)


async def test_a_gateway_that_is_killed_is_waited_for(fresh: Line, tmp_path: Path) -> None:
    key = await issued(fresh.database, fresh.settings, A)
    (port,) = islice(free_ports("127.0.0.1"), 1)
    at = {"HOATOC_GATEWAY_PORT": str(port), "HOATOC_GATEWAY_FREE_MB": "0"}
    env = {"HOATOC_SPOOL_GATEWAY": f"http://127.0.0.1:{port}", "HOATOC_SPOOL_KEY": key}
    numbers = [str(n) for n in range(701, 713)]
    async with spool(fresh, tmp_path, **env) as running:
        async with fresh.program("gateway", until_ready=True, **at) as gateway:
            for number in numbers:
                running.put(f"{number}.edxml", letter(A, (B, C), number))

            async def some() -> bool:
                return bool(await fresh.database.fetchval("SELECT count(*) FROM handover"))

            await eventually(some, what="the first hand-over")
            await killed(gateway)
        async with fresh.program("gateway", until_ready=True, **at):

            async def all_sent() -> bool:
                return len(running.shown("sent")) == len(numbers)

            await eventually(all_sent, what="all packets sent")
    rows = await fresh.database.fetch("SELECT printed_number FROM handover")
    assert numbers == sorted(row["printed_number"] for row in rows)
    assert [] == running.shown("refused")


async def test_a_wrong_key_holds_everything_and_refuses_nothing(door: Door, tmp_path: Path) -> None:
    packet = letter(A, (B,), "801")
    env = {"HOATOC_SPOOL_GATEWAY": door.url, "HOATOC_SPOOL_KEY": "hoatoc_nobody_x"}
    async with spool(door.line, tmp_path, **env) as running:
        running.put("801.edxml", packet)

        async def held() -> bool:
            state = json.loads((tmp_path / "state.json").read_text("utf-8"))
            return bool(state["waiting"] == 1 and state["line_fault"])

        await eventually(held, what="the packet held")
        assert [] == running.shown("refused")
    env["HOATOC_SPOOL_KEY"] = door.keys[A]
    async with spool(door.line, tmp_path, **env) as running:

        async def sent() -> list[dict[str, object]]:
            return running.shown("sent")

        await eventually(sent, what="the packet sent")


async def test_what_the_gateway_refuses_comes_back_with_its_reason(
    door: Door, tmp_path: Path
) -> None:
    packet = letter(A, (B, "NOWHERE"), "802")
    env = {"HOATOC_SPOOL_GATEWAY": door.url, "HOATOC_SPOOL_KEY": door.keys[A]}
    async with spool(door.line, tmp_path, **env) as running:
        running.put("802.edxml", packet)

        async def refused() -> list[dict[str, object]]:
            return running.shown("refused")

        (told,) = await eventually(refused, what="the packet refused")
    answer = told["answer"]
    assert isinstance(answer, dict)
    assert "check-failed" == answer["code"]
    assert "NOWHERE" in json.dumps(answer["findings"])
    (aside,) = (tmp_path / "refused").glob("802*.edxml")
    assert packet == aside.read_bytes()


async def test_the_port_refuses_by_name_and_keeps_nothing(fresh: Line, tmp_path: Path) -> None:
    packet = letter(A, (B,), "1")
    edxml = {"Content-Type": "application/edxml+xml"}
    wrong = {"Content-Digest": "sha-256=:AAAA:"}
    asked: list[tuple[int, str, bytes, dict[str, str]]] = [
        (415, "media-type-unknown", packet, {"Content-Type": "text/plain"}),
        (422, "digest-mismatch", packet, edxml | wrong),
        (422, "not-xml", packet[:-20], edxml),
        (422, "doctype-forbidden", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", edxml),
        (413, "content-too-large", bytes(LARGEST_PACKET_BYTES + 1), edxml),
        (422, "secret-suspected", letter(A, (B,), "2", "TỐI MẬT".encode()), edxml),
        (400, "body-unreadable", b"no gzip", edxml | {"Content-Encoding": "gzip"}),
    ]
    async with spool(fresh, tmp_path) as running, httpx.AsyncClient(timeout=60) as http:
        url = f"{running.address}/v1/documents"
        for status, code, body, headers in asked:
            answer = await http.post(url, content=body, headers=headers)
            assert (status, code) == (answer.status_code, answer.json()["code"])
            assert "application/problem+json" == answer.headers["content-type"]
        long = {"declared_open_by": "n" * 201}
        others = [
            await http.post(url, params=long, content=packet, headers=edxml),
            await http.put(url, content=packet, headers=edxml),
            await http.get(f"{running.address}/nowhere"),
        ]
        assert ["declaration-invalid", "method-not-allowed", "route-unknown"] == [
            answer.json()["code"] for answer in others
        ]
        missing = await http.get(f"{url}/none")
        assert (404, "packet-unknown") == (missing.status_code, missing.json()["code"])
        state = (await http.get(f"{running.address}/readyz")).json()
        assert 0 == state["waiting"]
        taken = await http.post(url, content=packet, headers=edxml)
        assert (202, "waiting") == (taken.status_code, taken.json()["state"])
        fate = await http.get(f"{url}/{taken.json()['id']}")
        assert taken.json()["document_id"] == fate.json()["document_id"]
    assert "TỐI MẬT" not in fresh.said("spool")


async def test_what_intake_says_of_a_hand_over_comes_back_into_the_folder(
    fresh: Line, tmp_path: Path
) -> None:
    good, bad = letter(A, (B, C), "1"), letter(A, ("Z99.99",), "2")
    async with fresh.program("alerts"), spool(fresh, tmp_path) as running:
        running.put("dung.edxml", good)
        running.put("sai.edxml", bad)

        async def handed() -> bool:
            return len(running.shown("sent")) == 2

        await eventually(handed, what="both with the broker")
        assert {None} == {told["dispatch_id"] for told in running.shown("sent")}
        async with fresh.program("intake"):

            async def refused() -> list[dict[str, object]]:
                return running.shown("refused")

            (why,) = await eventually(refused, what="the refusal shown")

            async def named() -> list[dict[str, object]]:
                return [told for told in running.shown("sent") if told["dispatch_id"]]

            (taken,) = await eventually(named, what="the dispatch shown")
        dispatch_id = await fresh.database.fetchval("SELECT dispatch_id FROM handover")
        assert ("dung.edxml", str(dispatch_id)) == (taken["name"], taken["dispatch_id"])
        assert len(running.shown("sent")) == 1
        assert "sai.edxml" == why["name"]
        assert isinstance(why["answer"], dict)
        assert "check-failed" == why["answer"]["reason"]
        assert "Z99.99" in str(why["fault"])

        async def given_back() -> list[Path]:
            return list((tmp_path / "refused").glob("sai.*.edxml"))

        (back,) = await eventually(given_back, what="the packet given back")
        assert bad == back.read_bytes()


async def test_a_packet_that_was_refused_is_another_hand_over_when_it_is_given_again(
    fresh: Line, tmp_path: Path
) -> None:
    packet = letter(A, (B,), "1")
    async with spool(fresh, tmp_path) as running:

        async def handed() -> list[DocumentHandedOver]:
            return await handed_over(fresh)

        running.put("mot.edxml", packet)
        (first,) = await eventually(handed, what="handed over")

        def refusal(of: UUID) -> HandOverAnswered:
            return HandOverAnswered(
                event_id=of, handover_id=of, partition=0, offset=0, outcome="refused", reason="why"
            )

        await fresh.write(topic.statuses(A), refusal(first.event_id))

        async def back() -> list[Path]:
            return list((tmp_path / "refused").glob("*.edxml"))

        (file,) = await eventually(back, what="the packet given back")
        file.rename(tmp_path / "outgoing" / file.name)

        async def again() -> list[DocumentHandedOver]:
            events = await handed_over(fresh)
            return events if len(events) == 2 else []

        _, second = await eventually(again, what="handed over again")
        assert first.event_id != second.event_id
        await fresh.write(topic.statuses(A), refusal(first.event_id))  # told again, late
        taken = HandOverAnswered(
            event_id=second.event_id,
            handover_id=second.event_id,
            partition=0,
            offset=1,
            outcome="taken",
            dispatch_id=IDS[0],
        )
        await fresh.write(topic.statuses(A), taken)

        async def named() -> list[dict[str, object]]:
            return [told for told in running.shown("sent") if told["dispatch_id"]]

        (told,) = await eventually(named, what="the dispatch shown")
        assert str(second.event_id) == told["handover_id"]
        assert [] == list((tmp_path / "refused").iterdir())
