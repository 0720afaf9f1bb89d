"""Sending again: only what the recipient does not have, to those who are named, and only once."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import pytest

from hoatoc.domain.event import DispatchResent, DocumentDispatched, StatusReported
from hoatoc.domain.identity import OrganCode
from hoatoc.kafka.topic import admin
from hoatoc.postgres.handover import HandoverTables, NotResent
from hoatoc.prepare import create_topics
from hoatoc.testing.agency import letter, said
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(300)

A, B, C, D = (organ.code for organ in ORGANS)
PATIENT = 1


async def states(line: Line, of: UUID) -> dict[str, str]:
    query = "SELECT recipient, state FROM delivery WHERE dispatch_id = $1"
    return {row["recipient"]: row["state"] for row in await line.database.fetch(query, of)}


async def until_stand(line: Line, of: UUID, **wanted: str) -> None:
    async def found() -> bool:
        return wanted.items() <= (await states(line, of)).items()

    await eventually(found, what=f"{wanted}")


async def say(line: Line, organ: str, of: UUID, word: str) -> None:
    await line.write(f"reports.{organ}", said(word, of, organ), of)


async def open_alerts(line: Line) -> set[tuple[UUID, str]]:
    rows = await line.database.fetch("SELECT subject_id, kind FROM alert WHERE closing IS NULL")
    return {(row["subject_id"], row["kind"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Story:
    """What was sent again, and what was refused."""

    first: UUID
    """to B, C and D: receive-failed, refused, parked"""
    second: UUID
    """to B, C and D: recalled, accepted, published"""
    again: dict[str, UUID]
    refused: dict[str, str]
    copies: dict[str, list[DocumentDispatched]]
    resent: list[DispatchResent]
    alerts_before: set[tuple[UUID, str]]
    alerts_after: set[tuple[UUID, str]]
    stands: dict[str, str]
    shown: str
    books: dict[str, Any]

    def recipients(self, of: UUID) -> list[str]:
        """Return whose topics hold a copy of a dispatch."""
        return [o for o, some in self.copies.items() if any(e.dispatch_id == of for e in some)]


@pytest.fixture(scope="module")
async def story(new_line: NewLine) -> Story:
    """Bring copies to every state, and send them again or try to."""
    async with new_line() as line, AsyncExitStack() as programs:
        first = (await line.hand_over(letter(A, [B, C, D], "1", priority=PATIENT))).sent_as
        refused = {"unsent": await _refuse(line, first, B)}
        await _without_topic_of_d(line, first, programs)
        second = (await line.hand_over(letter(A, [B, C, D], "2", priority=PATIENT))).sent_as
        await _answer(line, first, second)
        before = await open_alerts(line)
        again = {state: await _again(line, first, one) for state, one in _SENT_AGAIN.items()}
        again["recalled"] = await _again(line, second, B)
        for name, (of, organ) in {
            "accepted": (second, C),
            "published": (second, D),
            "twice": (first, B),
            "stranger": (first, A),
        }.items():
            refused[name] = await _refuse(line, of, organ)
        for of in again.values():
            await _accept(line, of)
        return Story(
            first,
            second,
            again,
            refused,
            {o: await line.events(f"documents.{o}", DocumentDispatched) for o in (A, B, C, D)},
            await line.events("deliveries", DispatchResent),
            before,
            await open_alerts(line),
            await states(line, first),
            await line.command("show", again["receive-failed"]),
            await line.command("books", "--replay", "--json"),
        )


_SENT_AGAIN = {"receive-failed": B, "refused": C, "parked": D}


async def _without_topic_of_d(line: Line, of: UUID, programs: AsyncExitStack) -> None:
    """Start the programs while D has no topic, so that the broker refuses its copy."""
    async with admin(line.settings.kafka) as client:
        await client.delete_topics([f"documents.{D}"])
    for name in ("ledger", "intake", "relay"):
        await programs.enter_async_context(line.program(name))
    await until_stand(line, of, **{B: "published", C: "published", D: "parked"})
    await create_topics(line.settings, ORGANS)


async def _answer(line: Line, first: UUID, second: UUID) -> None:
    await say(line, B, first, "fail")
    await say(line, C, first, "02")
    await until_stand(line, second, **dict.fromkeys((B, C, D), "published"))
    await line.command("recall", second, "--to", B, "--reason", "Gửi nhầm")
    await say(line, C, second, "03")

    async def asked() -> bool:
        query = "SELECT recall = 'asked' FROM delivery WHERE delivery_id = $1"
        return bool(await line.database.fetchval(query, uuid5(second, B)))

    await eventually(asked)
    agreed = StatusReported(event_id=uuid4(), dispatch_id=second, recipient=B, code="15")
    await line.write(f"reports.{B}", agreed, second)
    await until_stand(line, second, **{B: "recalled", C: "accepted", D: "published"})
    await until_stand(line, first, **{B: "receive-failed", C: "refused", D: "parked"})


async def _refuse(line: Line, of: UUID, organ: str) -> str:
    return str(await line.command("resend", of, "--to", organ, status=4))


async def _again(line: Line, of: UUID, organ: str) -> UUID:
    told = await line.command("resend", of, "--to", organ, "--json")
    assert [organ] == told["recipients"]
    return UUID(told["dispatch_id"])


async def _accept(line: Line, of: UUID) -> None:
    """Have the one recipient of a dispatch accept it, as soon as it has it."""
    query = "SELECT recipient FROM handover_recipient WHERE dispatch_id = $1"
    organ = await line.database.fetchval(query, of)
    await until_stand(line, of, **{organ: "published"})
    await say(line, organ, of, "03")
    await until_stand(line, of, **{organ: "accepted"})


@pytest.mark.parametrize(("state", "organ"), [*_SENT_AGAIN.items(), ("recalled", B)], ids=str)
def test_a_copy_that_its_recipient_does_not_have_is_sent_again_to_it_alone(
    story: Story, state: str, organ: str
) -> None:
    of = story.again[state]
    assert [organ] == story.recipients(of)
    (copy,) = (one for one in story.copies[organ] if one.dispatch_id == of)
    assert ("2" if state == "recalled" else "1") == copy.number
    assert uuid5(of, organ) == copy.delivery_id


@pytest.mark.parametrize(
    ("name", "organ", "why"),
    [
        ("unsent", B, "«unsent»"),
        ("published", D, "«published»"),
        ("accepted", C, "«accepted»"),
        ("twice", B, "đã gửi lại rồi"),
        ("stranger", A, "loại 2"),
    ],
)
def test_what_may_be_there_or_was_sent_again_is_not_and_its_state_is_named(
    story: Story, name: str, organ: str, why: str
) -> None:
    said = story.refused[name]
    assert "NotResent" in said
    assert f"{organ}: " in said
    assert why in said


def test_the_alert_of_the_earlier_copy_is_over_once_it_is_sent_again(story: Story) -> None:
    failed = {(uuid5(story.first, B), "receive-failed"), (uuid5(story.first, D), "send-failed")}
    assert failed == story.alerts_before
    assert set() == story.alerts_after


def test_the_log_says_of_each_earlier_copy_where_it_goes_on(story: Story) -> None:
    earlier = dict.fromkeys(_SENT_AGAIN, story.first) | {"recalled": story.second}
    organs = _SENT_AGAIN | {"recalled": B}
    expected = {(of, (organs[s],), story.again[s]) for s, of in earlier.items()}
    assert expected == {(e.dispatch_id, tuple(e.recipients), e.resent_as) for e in story.resent}
    assert str(story.first) in story.shown


def test_the_earlier_copy_keeps_the_state_in_which_it_was_left(story: Story) -> None:
    assert {B: "receive-failed", C: "refused", D: "parked"} == story.stands


def test_the_books_balance_and_a_replay_gives_the_same(story: Story) -> None:
    assert story.books["balanced"], story.books["faults"]
    assert [] == story.books["replay_differences"]
    assert (10, 5) == (story.books["handed_over"], story.books["copies"]["accepted"])


async def resend_at_once(line: Line, of: UUID, organs: Sequence[str]) -> list[Any]:
    """Send the same copy again from several places at the same moment."""
    opened = [await asyncpg.connect(line.settings.postgres.dsn) for _ in range(4)]
    codes = [OrganCode(organ) for organ in organs]
    own = dict(zip(codes, codes, strict=True))
    try:
        sending = (
            HandoverTables(one).resend(of, codes, own, line.policy, "test") for one in opened
        )
        return list(await asyncio.gather(*sending, return_exceptions=True))
    finally:
        for connection in opened:
            await connection.close()


async def test_a_cancelled_copy_is_sent_again_once_by_whoever_is_first(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B, C], "1"))).sent_as
    await fresh.command("recall", of, "--reason", "Sai phụ lục")
    done = await resend_at_once(fresh, of, [B])
    assert 1 == len([one for one in done if isinstance(one, UUID)])
    assert 3 == len([one for one in done if isinstance(one, NotResent)])
    assert 2 == await fresh.database.fetchval("SELECT count(*) FROM handover")


async def test_a_cancelled_copy_stays_cancelled_when_it_is_sent_again(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B], "1", priority=PATIENT))).sent_as
    await fresh.command("recall", of, "--reason", "Sai phụ lục")
    again = await _again(fresh, of, B)
    async with fresh.program("ledger"), fresh.program("intake"), fresh.program("relay"):
        await _accept(fresh, again)
    books = await fresh.command("books", "--json")
    assert books["balanced"], books["faults"]
    left = {place: copies for place, copies in books["copies"].items() if copies}
    assert {"cancelled unsent": 1, "accepted": 1} == left


async def test_of_several_copies_all_are_sent_again_or_none(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B, C], "1"))).sent_as
    await fresh.command("recall", of, "--to", B, "--reason", "Sai phụ lục")
    before = await fresh.database.fetchval("SELECT count(*) FROM outbox")
    with pytest.raises(NotResent, match=f"{B}: .*\n{C}: "):
        await HandoverTables(fresh.database).resend(
            of, [OrganCode(B), OrganCode(C)], {}, fresh.policy, "test"
        )
    assert before == await fresh.database.fetchval("SELECT count(*) FROM outbox")
