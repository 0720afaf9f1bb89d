"""The relay: what was handed over is published in order, whole, and marked sent only then."""

from collections import Counter
from uuid import UUID, uuid5

import pytest

from hoatoc.config import Relay
from hoatoc.domain.event import (
    DeadLettered,
    DispatchPublished,
    DispatchRegistered,
    DocumentDispatched,
    RecallIssued,
    RecallPublished,
    RecallRequested,
    Refusal,
)
from hoatoc.kafka.topic import admin
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import decoded
from hoatoc.testing.line import ORGANS, Line, eventually, killed

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


async def sent(line: Line, dispatch_id: UUID) -> bool:
    query = "SELECT state = 'sent' FROM outbox WHERE dispatch_id = $1"
    return bool(await line.database.fetchval(query, dispatch_id))


async def test_a_document_is_registered_then_copied_then_published(fresh: Line) -> None:
    packet = letter(A, [C, B], "1")
    taken = await fresh.hand_over(packet)
    async with fresh.program("relay"):
        await eventually(lambda: sent(fresh, taken.sent_as))
    registered, published = await fresh.log()
    copies = [one for code in (B, C) for one in await fresh.log(f"documents.{code}")]
    assert isinstance(registered.event, DispatchRegistered)
    assert isinstance(published.event, DispatchPublished)
    assert [B, C] == registered.event.recipients == published.event.confirmed
    assert [packet, packet] == [
        c.event.content for c in copies if isinstance(c.event, DocumentDispatched)
    ]
    times = [registered.append_ms, *sorted(c.append_ms for c in copies), published.append_ms]
    assert sorted(times) == times
    row = await fresh.database.fetchrow("SELECT * FROM outbox")
    place = (row["published_partition"], row["published_offset"])
    assert (published.partition, published.offset) == place


async def test_a_row_is_marked_sent_after_publication_and_a_kill_before_repeats_the_same_ids(
    fresh: Line,
) -> None:
    taken = await fresh.hand_over(letter(A, [B], "1"))
    async with (
        fresh.held("outbox", "UPDATE", "NEW.state = 'sent'"),
        fresh.program("relay") as relay,
    ):
        await eventually(fresh.is_holding)
        assert len(await fresh.events("deliveries", DispatchPublished)) == 1
        assert await fresh.database.fetchval("SELECT state FROM outbox") == "claimed"
        await killed(relay)
    assert await fresh.database.fetchval("SELECT state FROM outbox") == "claimed"
    async with fresh.program("relay"):
        await eventually(lambda: sent(fresh, taken.sent_as))
    ids = Counter((type(one.event), one.event.event_id) for one in await fresh.log() if one.event)
    assert {
        (DispatchRegistered, uuid5(taken.sent_as, "registered")): 2,
        (DispatchPublished, uuid5(taken.sent_as, "published")): 2,
    } == ids
    first, second = await fresh.events(f"documents.{B}", DocumentDispatched)
    assert first == second


async def test_a_refused_copy_is_parked_and_named_and_the_others_go_on(fresh: Line) -> None:
    async with admin(fresh.settings.kafka) as client:
        await client.delete_topics([f"documents.{C}"])
    taken = await fresh.hand_over(letter(A, [B, C, D], "1"))
    async with fresh.program("relay"):
        await eventually(lambda: sent(fresh, taken.sent_as))
    (published,) = await fresh.events("deliveries", DispatchPublished)
    assert [B, D] == published.confirmed
    assert [Refusal(recipient=C, reason="UnknownTopicOrPartitionError")] == published.refused
    for code in (B, D):
        assert len(await fresh.events(f"documents.{code}", DocumentDispatched)) == 1
    (letter_of_c,) = await fresh.events("dead-letters", DeadLettered)
    parked = decoded(letter_of_c.value)
    assert isinstance(parked, DocumentDispatched)
    assert (C, f"documents.{C}", "send-refused") == (
        parked.recipient,
        letter_of_c.topic,
        letter_of_c.reason,
    )


async def test_a_relay_killed_in_the_midst_loses_nothing_and_changes_no_id(fresh: Line) -> None:
    fresh.settings = fresh.settings.model_copy(update={"relay": Relay(in_flight=4)})
    taken = [await fresh.hand_over(letter(A, [B, C, D], str(n))) for n in range(1, 81)]

    async def marked(least: int) -> bool:
        query = "SELECT count(*) >= $1 FROM outbox WHERE state = 'sent'"
        return bool(await fresh.database.fetchval(query, least))

    async with fresh.program("relay") as relay:
        await eventually(lambda: marked(10))
        await killed(relay)
    assert not await marked(80)
    async with fresh.program("relay"):
        await eventually(lambda: marked(80))
    dispatches = {one.sent_as for one in taken}
    for kind, name in ((DispatchRegistered, "registered"), (DispatchPublished, "published")):
        found = {one.event_id for one in await fresh.events("deliveries", kind)}
        assert {uuid5(of, name) for of in dispatches} == found
    for code in (B, C, D):
        found = {e.event_id for e in await fresh.events(f"documents.{code}", DocumentDispatched)}
        assert {uuid5(uuid5(of, code), "dispatched") for of in dispatches} == found


async def test_what_was_asked_back_before_it_left_is_never_published(fresh: Line) -> None:
    cancelled = (await fresh.hand_over(letter(A, [B, C], "1"))).sent_as
    await fresh.command("recall", cancelled, "--reason", "Sai phụ lục")
    kept = (await fresh.hand_over(letter(A, [B], "2"))).sent_as
    async with fresh.program("relay"):
        await eventually(lambda: sent(fresh, kept))
    assert [kept] == [e.dispatch_id for e in await fresh.events("deliveries", DispatchRegistered)]
    assert [kept] == [
        e.dispatch_id for e in await fresh.events(f"documents.{B}", DocumentDispatched)
    ]


async def test_a_recall_goes_out_behind_the_copies_that_it_asks_back(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B, C], "1"))).sent_as
    await fresh.command("recall", of, "--to", B, "--reason", "Gửi nhầm")

    async def recalled() -> bool:
        return bool(await fresh.database.fetchval("SELECT state = 'sent' FROM recall"))

    async with fresh.program("relay"):
        await eventually(recalled)
    kinds = (DispatchRegistered, DispatchPublished, RecallRequested, RecallPublished)
    assert [*kinds] == [type(one) for one in await fresh.events("deliveries", *kinds)]
    copies = [type(one.event) for one in await fresh.log(f"documents.{B}")]
    assert [DocumentDispatched, RecallIssued] == copies
    assert [DocumentDispatched] == [type(one.event) for one in await fresh.log(f"documents.{C}")]
