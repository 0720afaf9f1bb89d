"""A spool that was away for longer than statuses are kept: it asks, and nothing is left unknown."""

import json
from pathlib import Path
from typing import Any

import pytest

from hoatoc.domain import topic
from hoatoc.domain.event import DeliveriesUpdated, DocumentHandedOver
from hoatoc.kafka.deletion import delete_up_to
from hoatoc.kafka.topic import admin
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, gateway_on, issued
from hoatoc.testing.line import ORGANS, Line, eventually
from tests.integration.spooling import Spool, spool

pytestmark = pytest.mark.timeout(180)
A, B = (organ.code for organ in ORGANS[:2])


async def expire(line: Line) -> None:
    """Delete what A was told, as the broker does after a month."""
    name = topic.statuses(A)
    told = len(await line.log(name))
    async with admin(line.settings.kafka) as broker:
        await delete_up_to(broker, name, told - 1)


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


async def test_what_was_never_answered_is_given_again_and_what_cannot_be_asked_for_is_said(
    fresh: Line, tmp_path: Path
) -> None:
    async with fresh.program("alerts"):
        async with spool(fresh, tmp_path) as running:
            running.put("mot.edxml", letter(A, (B,), "1"))
            async with fresh.program("intake"):

                async def named() -> bool:
                    return any(told["dispatch_id"] for told in running.shown("sent"))

                await eventually(named, what="the dispatch shown")
            running.put("hai.edxml", letter(A, (B,), "2"))

            async def handed() -> bool:
                return len(running.shown("sent")) == 2

            await eventually(handed, what="both with the broker")
        async with fresh.program("intake"):

            async def answered() -> bool:
                return len(await fresh.log(topic.statuses(A))) == 2

            await eventually(answered, what="the second answered")
            await expire(fresh)
            async with spool(fresh, tmp_path) as running:

                async def both() -> bool:
                    return all(told["dispatch_id"] for told in running.shown("sent"))

                await eventually(both, what="both dispatches shown")
                state = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert state["statuses_missing_before"]
    assert 0 == state["unanswered"]
    events = await fresh.events(topic.handovers(A), DocumentHandedOver)
    assert 2 == await fresh.database.fetchval("SELECT count(*) FROM handover")
    assert events[1].event_id == events[2].event_id
