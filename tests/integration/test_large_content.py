"""Packets above 256 KiB: claimed from the store, and never published when they are not there."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hoatoc.content.store import Store, store_of
from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    DeadLettered,
    DispatchPublished,
    DocumentDispatched,
    Event,
    Refusal,
)
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import decoded
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(240)

A, B, C, D = (organ.code for organ in ORGANS)
TEXT = ("Nội dung dài. " * 60_000).encode()
PATIENT = 1


@pytest.fixture
async def fresh(new_line: NewLine, tmp_path: Path) -> AsyncIterator[Line]:
    """Give a line with a store of its own: a sweep takes away what another database names."""
    async with new_line(data=tmp_path / "data") as made:
        yield made


async def sent(line: Line, dispatch_id: UUID) -> bool:
    query = "SELECT state = 'sent' FROM outbox WHERE dispatch_id = $1"
    return bool(await line.database.fetchval(query, dispatch_id))


async def parked(line: Line, dispatch_id: UUID, copies: int) -> bool:
    query = "SELECT count(*) = $2 FROM delivery WHERE dispatch_id = $1 AND state = 'parked'"
    return bool(await line.database.fetchval(query, dispatch_id, copies))


def file_of(line: Line, claim: ClaimCheck) -> Path:
    return line.settings.data / "content" / claim.name


def large(number: str, *recipients: str) -> bytes:
    return letter(A, recipients, number, TEXT, priority=PATIENT)


async def test_a_large_packet_lies_in_the_store_and_its_copies_name_it(
    fresh: Line, tmp_path: Path
) -> None:
    packet = large("1", B, C)
    claim = claim_of(packet)
    taken = await fresh.hand_over(packet)
    row = await fresh.database.fetchrow("SELECT packet, content_sha256 FROM handover")
    assert (None, claim.sha256) == (row["packet"], row["content_sha256"])
    async with fresh.program("relay"):
        await eventually(lambda: sent(fresh, taken.sent_as))
    for code in (B, C):
        (copy,) = await fresh.events(f"documents.{code}", DocumentDispatched)
        assert (None, claim.name) == (copy.content, copy.claim)
        assert claim == ClaimCheck(copy.content_sha256, copy.content_bytes)
    out = tmp_path / "taken.edxml"
    said = await fresh.command("take", copy.delivery_id, "--out", out)
    assert f"{len(packet)} bytes, SHA-256 {claim.sha256.hex()}" in said
    assert packet == out.read_bytes()


async def test_large_packets_are_sent_from_the_command_line(fresh: Line, tmp_path: Path) -> None:
    file = tmp_path / "large.edxml"
    file.write_bytes(large("1", B))
    (first,) = await fresh.command("send", file, "--json")
    (again,) = await fresh.command("send", file, "--json")
    assert (True, False) == (first["new"], again["new"])
    assert first["dispatch_id"] == again["dispatch_id"]
    await store_of(fresh.settings).verify(claim_of(file.read_bytes()))


@pytest.mark.parametrize("fault", ["ContentMissing", "ContentAltered"])
async def test_lost_content_parks_its_copies_and_what_is_sent_again_mends_it(
    fresh: Line, fault: str
) -> None:
    packet = large("1", B, C)
    taken = await fresh.hand_over(packet)
    small = await fresh.hand_over(letter(A, [B], "2", priority=PATIENT))
    file = file_of(fresh, claim_of(packet))
    if fault == "ContentMissing":
        file.unlink()
    else:
        file.write_bytes(b"x" + packet[1:])
    async with fresh.program("relay"), fresh.program("ledger"):
        await eventually(lambda: sent(fresh, taken.sent_as))
        await eventually(lambda: sent(fresh, small.sent_as))
        lost, whole = sorted(
            await fresh.events("deliveries", DispatchPublished), key=lambda e: len(e.confirmed)
        )
        assert [Refusal(recipient=code, reason=fault) for code in (B, C)] == lost.refused
        assert [B] == whole.confirmed
        letters = await fresh.events("dead-letters", DeadLettered)
        copies = [decoded(one.value) for one in letters]
        assert {B, C} == {c.recipient for c in copies if isinstance(c, DocumentDispatched)}
        assert ["send-refused"] * 2 == [one.reason for one in letters]
        await eventually(lambda: parked(fresh, taken.sent_as, 2))
        assert not (await fresh.hand_over(packet)).new
        to = ("--to", B, "--to", C)
        again = await fresh.command("resend", taken.sent_as, *to, "--json")
        await eventually(lambda: sent(fresh, UUID(again["dispatch_id"])))
    assert {taken.sent_as, small.sent_as, UUID(again["dispatch_id"])} >= {
        one.dispatch_id for one in await fresh.events(f"documents.{B}", DocumentDispatched)
    }
    (copy,) = await fresh.events(f"documents.{C}", DocumentDispatched)
    assert UUID(again["dispatch_id"]) == copy.dispatch_id


async def test_a_check_alerts_what_is_lost_and_is_over_when_it_is_back(fresh: Line) -> None:
    packet = large("1", B)
    await fresh.hand_over(packet)
    file = file_of(fresh, claim_of(packet))
    assert [] == await fresh.command("content", "check", "--json")
    for episode in range(2):
        file.rename(file.with_suffix(".away"))
        for _ in range(2):
            (row,) = await fresh.command("content", "check", "--json", status=1)
            assert (claim_of(packet).name, "ContentMissing") == (row["content"], row["fault"])
        file.with_suffix(".away").rename(file)
        assert "1/1" in await fresh.command("content", "check")
        async with fresh.program("alerts"):
            resolved = await eventually(partial(told, fresh, episode + 1))
        raised = await of_lost_content(fresh, AlertRaised)
        assert [A] * (episode + 1) == [event.sender for event in raised]
        assert [r.subject_id for r in raised] == [r.subject_id for r in resolved]
    assert 2 == len({r.subject_id for r in resolved})


async def told(line: Line, times: int) -> list[AlertResolved]:
    found = await of_lost_content(line, AlertResolved)
    return found if len(found) == times else []


async def of_lost_content(line: Line, kind: type[Event]) -> list[Any]:
    """Return what was told of lost content; what was told again, by its id, is the same."""
    events = await line.events("alerts", kind)
    return list({e.event_id: e for e in events if e.kind == "content-lost"}.values())


async def test_a_sweep_removes_what_nothing_names(fresh: Line) -> None:
    packet = large("1", B)
    await fresh.hand_over(packet)
    store: Store = store_of(fresh.settings)
    orphan = await store.put(b"nothing names it")
    first = await fresh.command("content", "sweep", "--json")
    assert (0, 1) == (first["removed"], first["adopted"])
    second = await fresh.command("content", "sweep", "--grace", "0", "--json")
    assert (1, orphan.size) == (second["removed"], second["bytes"])
    assert not file_of(fresh, orphan).exists()
    await store.verify(claim_of(packet))


async def test_a_relay_sweeps_by_itself(fresh: Line) -> None:
    orphan = await store_of(fresh.settings).put(b"nothing names it")

    async def is_gone() -> bool:
        return not file_of(fresh, orphan).exists()

    async with fresh.program("relay", HOATOC_CONTENT_SWEEP_S="0.1", HOATOC_CONTENT_GRACE_S="0.1"):
        await eventually(is_gone)
