"""A spool that was away for longer than statuses are kept: it asks, and nothing is left unknown."""

import json
from pathlib import Path
from typing import Any

import pytest

from hoatoc.domain import topic
from hoatoc.domain.event import DeliveriesUpdated
from hoatoc.kafka.deletion import delete_up_to
from hoatoc.kafka.topic import admin
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, gateway_on, issued
from hoatoc.testing.line import ORGANS, Line, eventually
from tests.integration.spooling import Spool, spool

pytestmark = pytest.mark.timeout(180)
A, B = (organ.code for organ in ORGANS[:2])


async def expire(line: Line, but: int = 0) -> None:
    """Delete what A was told but the last so many, as the broker does after a month."""
    name = topic.statuses(A)
    told = len(await line.log(name))
    async with admin(line.settings.kafka) as broker:
        await delete_up_to(broker, name, told - 1 - but)


async def test_what_was_told_meanwhile_is_asked_for(fresh: Line, tmp_path: Path) -> None:
    async with (
        gateway_on(fresh.settings) as url,
        fresh.program("relay"),
        fresh.program("ledger"),
        fresh.program("alerts"),
    ):
        door = Door(
            fresh, url, {o: await issued(fresh.database, fresh.settings, o) for o in (A, B)}
        )
        env = {"HOATOC_SPOOL_GATEWAY": url, "HOATOC_SPOOL_KEY": door.keys[A]}

        def copy(running: Spool) -> dict[str, Any]:
            (told,) = running.shown("statuses") or [{"copies": [{}]}]
            (only,) = told["copies"]
            return dict(only)

        async with spool(fresh, tmp_path, **env) as running:
            running.put("mot.edxml", letter(A, (B,), "1"))

            async def published() -> bool:
                return copy(running).get("state") == "published"

            await eventually(published, what="the copy shown as published")
            delivery_id = copy(running)["delivery_id"]
        async with door.as_(B) as recipient:
            path = f"/v1/deliveries/{delivery_id}/status"
            said = {"code": "03", "description": "Đã tiếp nhận"}
            assert 202 == (await recipient.post(path, json=said)).status_code

        async def accepted() -> bool:
            told = await fresh.events(topic.statuses(A), DeliveriesUpdated)
            return bool(told[-1].updates[0].state == "accepted")

        await eventually(accepted, what="the answer booked and told")
        await expire(fresh)
        async with spool(fresh, tmp_path, **env) as running:

            async def caught_up() -> bool:
                return copy(running).get("state") == "accepted"

            await eventually(caught_up, what="the answer shown")
            found = copy(running)
            assert ("03", "Đã tiếp nhận") == (found["code"], found["description"])
            state = json.loads((tmp_path / "state.json").read_text("utf-8"))
            assert state["statuses_missing_before"] is None


async def test_a_packet_whose_answer_has_expired_is_given_back_and_again_it_is_the_same(
    fresh: Line, tmp_path: Path
) -> None:
    async with spool(fresh, tmp_path) as running:
        for number, name in enumerate(("mot.edxml", "hai.edxml"), 1):
            running.put(name, letter(A, (B,), str(number)))

            async def handed(many: int = number) -> bool:
                return len(running.shown("sent")) == many

            await eventually(handed, what=f"{name} with the broker")
    async with fresh.program("alerts"), fresh.program("intake"):

        async def answered() -> bool:
            return len(await fresh.log(topic.statuses(A))) == 2

        await eventually(answered, what="both answered")
        await expire(fresh, but=1)
        async with spool(fresh, tmp_path) as running:

            async def back() -> list[Path]:
                names = [told["name"] for told in running.shown("refused")]
                taken = [told["dispatch_id"] for told in running.shown("sent")]
                is_shown = names == ["mot.edxml"] and len(taken) == 1 and taken[0]
                return list((tmp_path / "refused").glob("*.edxml")) if is_shown else []

            # The answer to the second was still to be read.
            (file,) = await eventually(back, what="the first given back", within_s=90)
            (why,) = running.shown("refused")
            assert ("mot.edxml", "answer-expired") == (why["name"], why["answer"]["reason"])
            (still,) = running.shown("sent")
            assert still["dispatch_id"]

            async def said() -> bool:
                state = json.loads((tmp_path / "state.json").read_text("utf-8"))
                return bool(state["statuses_missing_before"]) and state["unanswered"] == 0

            await eventually(said, what="what is missing said")
            file.rename(tmp_path / "outgoing" / file.name)

            async def both() -> bool:
                return [True, True] == [bool(t["dispatch_id"]) for t in running.shown("sent")]

            await eventually(both, what="both dispatches shown")
    assert 2 == await fresh.database.fetchval("SELECT count(*) FROM handover")
