"""Traffic through every door at once, as an operator makes it."""

import pytest

from hoatoc.testing.gateway import gateway_on
from hoatoc.testing.line import Line

pytestmark = pytest.mark.timeout(240)
FEW = ("--agencies", 4, "--size", 0.05, "--pace", 0.1, "--minutes", 0.1, "--rate", 4)


async def test_what_agencies_hand_over_by_any_door_is_taken_once_by_all(fresh: Line) -> None:
    async with (
        gateway_on(fresh.settings) as url,
        fresh.program("relay"),
        fresh.program("intake"),
        fresh.program("ledger"),
    ):
        doors = ("--doors", "http,vxp,spool,kafka", "--settle", 120, "--seed", 3)
        said = await fresh.command("traffic", *FEW, *doors, "--gateway", url, "--json")
    assert {"http", "vxp", "spool", "kafka"} == said["letters"].keys()
    assert said["copies"] == said["taken"] > 20
    assert ([], [], {}) == (said["missing"], said["twice"], said["refused"])
    assert said["statuses"]["01"] > 0
    left = "SELECT count(*) FROM credential WHERE label = 'hoatoc traffic' AND revoked_at IS NULL"
    assert 0 == await fresh.database.fetchval(left)
    copies = await fresh.database.fetchval("SELECT count(*) FROM handover_recipient")
    assert said["copies"] == copies


async def test_what_cannot_be_played_is_said(fresh: Line) -> None:
    many = await fresh.command("traffic", "--agencies", 400, "--gateway", "http://x", status=4)
    assert "TooFewAgencies" in many
    door = await fresh.command("traffic", "--doors", "window", status=4)
    assert "DoorUnknown" in door
    none = await fresh.command("traffic", "--agencies", 4, status=3)
    assert "--gateway" in none


async def test_copies_that_nobody_carries_are_named(fresh: Line) -> None:
    async with gateway_on(fresh.settings) as url:
        words = ("--doors", "http", "--settle", 0, "--gateway", url, "--json")
        said = await fresh.command("traffic", *FEW, *words, status=1)
    assert said["copies"] == len(said["missing"]) > 0
