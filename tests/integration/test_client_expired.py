"""A recipient that was away for longer than its topic is kept: it is told."""

from pathlib import Path

import pytest

from hoatoc.client import AsyncClient, CursorLost, Inbox, Patience, PositionLost
from hoatoc.domain import topic
from hoatoc.kafka.deletion import delete_up_to
from hoatoc.kafka.topic import admin
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, gateway_on, issued
from hoatoc.testing.line import ORGANS, Line

pytestmark = pytest.mark.timeout(180)
A, B = (organ.code for organ in ORGANS[:2])


async def test_what_has_expired_unread_is_not_passed_over(fresh: Line, tmp_path: Path) -> None:
    async with gateway_on(fresh.settings) as url, fresh.program("relay"):
        keys = {str(o): await issued(fresh.database, fresh.settings, o) for o in (A, B)}
        gone = Door(fresh, url, keys)
        for number in ("515", "516"):
            await gone.send(letter(A, (B,), number), A)
        async with admin(fresh.settings.kafka) as broker:
            await delete_up_to(broker, topic.documents(B), 0)
        async with AsyncClient(url, keys[B], patience=Patience(total_s=5)) as recipient:
            with pytest.raises(CursorLost, match="/v1/backlog"):
                await recipient.inbox("0")
            (left,) = (await recipient.inbox()).entries
            assert "516" == left.number
        async with Inbox.over_http(url, keys[B], tmp_path) as inbox:
            await inbox.journal.move(inbox.source.name, "0")
            with pytest.raises(PositionLost):
                await inbox.run(lambda _received: None)
