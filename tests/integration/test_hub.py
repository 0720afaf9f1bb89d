"""Hubs: an organ without a connection of its own is reached, heard and told through its hub's."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from hoatoc.admission import SenderMismatch
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.event import (
    AnswerUnreadable,
    DeadLettered,
    DeliveriesUpdated,
    DocumentDispatched,
    DocumentHandedOver,
    RecallIssued,
    StatusReported,
)
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import Party
from hoatoc.kafka.topic import admin
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import create_topics
from hoatoc.testing.agency import letter
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(300)

A, B, C, D = (organ.code for organ in ORGANS)
BEHIND = OrganCode(f"{B}.05")
"""an organ whose hub is B"""
PATIENT = 1


def handed(packet: bytes) -> DocumentHandedOver:
    return DocumentHandedOver(event_id=uuid4(), document_id="x", packet=packet)


def of_the_organ(number: str) -> bytes:
    """Return a letter to C that the organ behind the hub has issued."""
    packet = read_packet(letter(B, [C], number, priority=PATIENT))
    sender = Party(code=BEHIND, name=BEHIND)
    document_id = f"{BEHIND},2021/03/02,{number}/UBND-VP"
    return write_packet(replace(packet, sender=sender, document_id=document_id))


async def add_hub(line: Line) -> None:
    """Register an organ whose connection is B's, and create the topics that are missing."""
    organ = replace(ORGANS[1], code=BEHIND, code102="", name="Chi cục thử", hub=B)
    await RegistryTables(line.database).add_organs([organ])
    await create_topics(line.settings, [*ORGANS, organ])


async def until_stand(line: Line, of: UUID, recipient: str, state: str) -> None:
    async def stands() -> bool:
        query = "SELECT state FROM delivery WHERE delivery_id = $1"
        return bool(state == await line.database.fetchval(query, uuid5(of, recipient)))

    await eventually(stands, what=f"{recipient} {state}")


async def report(line: Line, organ: str, of: UUID, code: str, recipient: str) -> None:
    event = StatusReported(event_id=uuid4(), dispatch_id=of, recipient=recipient, code=code)
    await line.write(f"reports.{organ}", event, of)


@dataclass(frozen=True, slots=True)
class Story:
    """What went to and came from an organ behind a hub."""

    sent: UUID
    """by A, to the hub and to the organ behind it"""
    issued: UUID
    """by the organ, through its hub"""
    topics: list[str]
    copies: list[DocumentDispatched]
    recalls: list[RecallIssued]
    unreadable: list[AnswerUnreadable]
    refused: list[DeadLettered]
    told: list[DeliveriesUpdated]
    inbox: list[dict[str, Any]]
    books: dict[str, Any]


@pytest.fixture(scope="module")
async def story(new_line: NewLine) -> Story:
    """Send to an organ behind a hub, and have it send through its hub."""
    async with new_line() as line, AsyncExitStack() as programs:
        await add_hub(line)
        for name in ("ledger", "intake", "relay", "alerts"):
            await programs.enter_async_context(line.program(name))
        sent = (await line.hand_over(letter(A, [B, BEHIND], "1", priority=PATIENT))).sent_as
        await until_stand(line, sent, BEHIND, "published")
        await report(line, C, sent, "03", BEHIND)
        await report(line, B, sent, "03", BEHIND)
        await until_stand(line, sent, BEHIND, "accepted")
        await line.write(f"handovers.{C}", handed(of_the_organ("7")))
        await line.write(f"handovers.{B}", handed(of_the_organ("8")))
        issued = await eventually(lambda: _dispatch(line, "8"))
        await until_stand(line, issued, C, "published")
        await report(line, B, issued, "13", C)

        async def asked() -> list[RecallIssued]:
            return await line.events(f"documents.{C}", RecallIssued)

        await eventually(asked)
        await report(line, C, issued, "15", C)
        await until_stand(line, issued, C, "recalled")

        async def told() -> list[DeliveriesUpdated]:
            found = await line.events(f"statuses.{B}", DeliveriesUpdated)
            return found if any(u.state == "recalled" for e in found for u in e.updates) else []

        statuses = await eventually(told)
        await line.command("recall", sent, "--to", BEHIND, "--reason", "Gửi nhầm")

        async def recalled() -> list[RecallIssued]:
            return await line.events(f"documents.{B}", RecallIssued)

        async with admin(line.settings.kafka) as client:
            topics = await client.list_topics()
        return Story(
            sent,
            issued,
            topics,
            await line.events(f"documents.{B}", DocumentDispatched),
            await eventually(recalled),
            await line.events("deliveries", AnswerUnreadable),
            await line.events("dead-letters", DeadLettered),
            statuses,
            await line.command("inbox", BEHIND, "--json"),
            await line.command("books", "--replay", "--json"),
        )


async def _dispatch(line: Line, number: str) -> UUID | None:
    query = "SELECT dispatch_id FROM handover WHERE number = $1"
    found: UUID | None = await line.database.fetchval(query, number)
    return found


def test_an_organ_with_a_hub_has_no_topic_of_its_own(story: Story) -> None:
    assert [] == [name for name in story.topics if BEHIND in name]


def test_its_copy_goes_to_the_topic_of_its_hub_beside_the_hubs_own(story: Story) -> None:
    expected = {(name, uuid5(story.sent, name)) for name in (B, BEHIND)}
    assert expected == {(copy.recipient, copy.delivery_id) for copy in story.copies}
    assert [uuid5(story.sent, BEHIND)] == [UUID(row["delivery_id"]) for row in story.inbox]


def test_its_hub_answers_for_it_and_nobody_else(story: Story) -> None:
    (event,) = story.unreadable
    assert (C, None) == (event.organ, event.dispatch_id)
    assert event.reason.startswith("WrongDirection")
    assert "accepted" in {row["state"] for row in story.inbox}


def test_its_hub_hands_over_for_it_and_nobody_else(story: Story) -> None:
    (refused,) = (one for one in story.refused if one.topic.startswith("handovers."))
    assert (f"handovers.{C}", SenderMismatch.__name__) == (refused.topic, refused.reason)


def test_what_becomes_of_its_documents_is_told_to_its_hub(story: Story) -> None:
    updates = [u for e in story.told if e.dispatch_id == story.issued for u in e.updates]
    assert {"published", "recalled"} <= {update.state for update in updates}


def test_a_recall_of_its_copy_goes_to_its_hub(story: Story) -> None:
    (recall,) = story.recalls
    assert (BEHIND, uuid5(story.sent, BEHIND)) == (recall.recipient, recall.delivery_id)


def test_the_books_balance_and_a_replay_gives_the_same(story: Story) -> None:
    assert story.books["balanced"], story.books["faults"]
    assert [] == story.books["replay_differences"]
