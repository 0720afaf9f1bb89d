"""Recalls and sending again: asked of the right ones, answered, alerted, published once.

One run of the line tells most of it: what was asked back, how, and what came of it.
"""

from collections import Counter
from collections.abc import Awaitable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    AnswerUnreadable,
    DeadLettered,
    RecallIssued,
    RecallPublished,
    RecallRequested,
    StatusReported,
)
from hoatoc.domain.packet import RECALL
from hoatoc.kafka.topic import admin
from hoatoc.prepare import create_topics
from hoatoc.testing.agency import letter
from hoatoc.testing.audit import decoded
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually, killed

pytestmark = pytest.mark.timeout(300)

A, B, C, D = (organ.code for organ in ORGANS)
REASON = "Gửi nhầm nơi nhận"
PATIENT, QUICK = 1, 2
POLICY = """
name = "recalls"
max_gap_s = 3
grace_s = 1
"""
LIMITS = """
[limits.{urgency}]
publish_s = 600
arrive_s = 600
accept_s = 600
recall_s = {recall_s}
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a policy by which only an unanswered recall of priority 2 is ever overdue."""
    file: Path = tmp_path_factory.mktemp("policy") / "policy.toml"
    urgencies = {"normal": 600, "urgent": 600, "very_urgent": 1, "express": 600}
    urgencies["timed_express"] = 600
    limits = (LIMITS.format(urgency=u, recall_s=s) for u, s in urgencies.items())
    file.write_text(POLICY + "".join(limits), "utf-8")
    return str(file)


def revocation(number: str, recipients: Sequence[str]) -> bytes:
    """Return the packet that asks back a document of A's (type 1)."""
    earlier = read_packet(letter(A, [B, C, D], number, priority=PATIENT))
    return write_packet(
        replace(
            earlier,
            business_type=RECALL,
            business_document_id=earlier.document_id,
            business_reason=REASON,
            recipients=tuple(party for party in earlier.recipients if party.code in recipients),
        )
    )


async def sent(line: Line, *dispatches: UUID) -> bool:
    """Tell whether these dispatches have left."""
    query = "SELECT count(*) FROM outbox WHERE dispatch_id = ANY($1) AND state = 'sent'"
    return bool(await line.database.fetchval(query, dispatches) == len(dispatches))


async def stand(line: Line, of: UUID) -> dict[str, tuple[str, str]]:
    """Return where the copies of a dispatch stand in the books: (state, recall) by recipient."""
    query = "SELECT recipient, state, recall FROM delivery WHERE dispatch_id = $1"
    rows = await line.database.fetch(query, of)
    return {row["recipient"]: (row["state"], row["recall"]) for row in rows}


async def until_stand(line: Line, of: UUID, **wanted: tuple[str, str]) -> None:
    async def found() -> bool:
        now = await stand(line, of)
        return wanted.items() <= now.items()

    await eventually(found, what=f"{wanted}")


async def open_alerts(line: Line, *, still_open: bool = True) -> set[tuple[UUID, str]]:
    rows = await line.database.fetch(
        "SELECT subject_id, kind FROM alert WHERE (closing IS NULL) = $1", still_open
    )
    return {(row["subject_id"], row["kind"]) for row in rows}


async def report(line: Line, organ: str, of: UUID, code: str, **about: Any) -> None:
    """Have an organ report a status of its own copy, or of another's."""
    event = StatusReported(
        event_id=uuid4(), dispatch_id=of, **{"recipient": organ, "code": code, **about}
    )
    await line.write(f"reports.{organ}", event, of)


@dataclass(frozen=True, slots=True)
class Story:
    """What was asked back, and all that stands in the topics afterwards."""

    dispatches: dict[str, UUID]
    said: dict[str, Any]
    issued: dict[str, list[RecallIssued]]
    requested: list[RecallRequested]
    published: list[RecallPublished]
    unreadable: list[AnswerUnreadable]
    parked: list[DeadLettered]
    alerts: list[AlertRaised | AlertResolved]
    stands: dict[str, dict[str, tuple[str, str]]]
    books: dict[str, Any]

    def got(self, name: str) -> dict[str, list[RecallIssued]]:
        """Return what each organ got of the recall of one dispatch."""
        of = self.dispatches[name]
        found = {o: [e for e in some if e.dispatch_id == of] for o, some in self.issued.items()}
        return {organ: some for organ, some in found.items() if some}

    def told(self, kind: str) -> dict[UUID, list[type]]:
        """Return which alerts of a kind were raised and resolved, by delivery."""
        found: dict[UUID, list[type]] = {}
        for one in self.alerts:
            if one.kind == kind:
                found.setdefault(one.subject_id, []).append(type(one))
        return found


@pytest.fixture(scope="module")
async def story(new_line: NewLine, policy: str) -> Story:
    """Hand documents over and ask them back in every way."""
    async with new_line(policy=policy) as line, AsyncExitStack() as programs:
        unsent = (await line.hand_over(letter(A, [B], "9", priority=PATIENT))).sent_as
        heard = {"unsent": await line.command("recall", unsent, "--reason", REASON)}
        for name in ("ledger", "intake", "alerts"):
            await programs.enter_async_context(line.program(name))
        dispatches = {"unsent": unsent}
        async with line.program("relay"):
            dispatches |= await _hand_over(line)
            heard |= await _ask_back(line, dispatches)
            await _answer(line, dispatches)
            silent = (uuid5(dispatches["5"], B), "recall")
            await eventually(lambda: _is_in(silent, open_alerts(line)))
        before = await line.events(f"documents.{D}", RecallIssued)
        heard |= await _refused_by_broker(line, dispatches["7"])
        return await _told(line, dispatches, heard, before)


async def _is_in(one: object, found: Awaitable[Collection[object]]) -> bool:
    return one in await found


async def _hand_over(line: Line) -> dict[str, UUID]:
    wanted = {"1": [B, C, D], "2": [B, C], "3": [B, C, D], "4": [B, C], "5": [B], "7": [B, D]}
    taken = {}
    for number, recipients in wanted.items():
        priority = QUICK if number == "5" else PATIENT
        packet = letter(A, recipients, number, priority=priority)
        taken[number] = (await line.hand_over(packet)).sent_as
    await eventually(lambda: sent(line, *taken.values()))
    for number, of in taken.items():
        await until_stand(line, of, **dict.fromkeys(wanted[number], ("published", "not-asked")))
    return taken


async def _ask_back(line: Line, of: dict[str, UUID]) -> dict[str, Any]:
    heard = {
        "all": await line.command("recall", of["1"], "--reason", REASON, "--json"),
        "some": await line.command("recall", of["2"], "--to", C, "--reason", REASON),
        "twice": await line.command("recall", "1/UBND-VP", "--reason", "Lần hai", "--json"),
        "silent": await line.command("recall", of["5"], "--reason", REASON),
    }
    await line.hand_over(revocation("3", [B, C]))
    await report(line, A, of["4"], "13", recipient=B, description="Thiếu phụ lục")
    await report(line, D, of["3"], "13", recipient=B)
    return heard


async def _answer(line: Line, of: dict[str, UUID]) -> None:
    """Have B agree, C decline, and D say nothing; but about what was asked of it."""
    for number, organs in {"1": (B, C, D), "2": (C,), "3": (B, C), "4": (B,)}.items():
        wanted = dict.fromkeys(organs, ("published", "asked"))
        await until_stand(line, of[number], **wanted)
    for number in ("1", "3", "4"):
        await report(line, B, of[number], "15")
    for number in ("1", "2", "3"):
        await report(line, C, of[number], "16", description="Đã thực hiện")
    await until_stand(line, of["1"], **{B: ("recalled", "recalled"), C: ("published", "declined")})
    await until_stand(line, of["2"], **{C: ("published", "declined")})
    await until_stand(line, of["3"], **{B: ("recalled", "recalled"), C: ("published", "declined")})
    await until_stand(line, of["4"], **{B: ("recalled", "recalled")})


async def _refused_by_broker(line: Line, of: UUID) -> dict[str, Any]:
    """Ask back while D has no topic, then put back what could not be written."""
    async with admin(line.settings.kafka) as client:
        await client.delete_topics([f"documents.{D}"])
    await line.command("recall", of, "--reason", REASON)
    async with line.program("relay"):
        failed = (uuid5(of, D), "recall-failed")
        await eventually(lambda: _is_in(failed, open_alerts(line)))
        await until_stand(line, of, **{B: ("published", "asked"), D: ("published", "unsent")})
    await create_topics(line.settings, ORGANS)
    letters = await line.command("dead-letters", "list", "--json")
    (parked,) = (each["id"] for each in letters if each["from"].startswith(f"documents.{D}/"))
    heard = await line.command("dead-letters", "put-back", parked)
    await until_stand(line, of, **{D: ("published", "asked")})
    await eventually(lambda: _is_in(failed, open_alerts(line, still_open=False)))
    return {"put back": heard}


async def _told(
    line: Line, dispatches: dict[str, UUID], heard: dict[str, Any], before: list[RecallIssued]
) -> Story:
    issued = {o.code: await line.events(f"documents.{o.code}", RecallIssued) for o in ORGANS}

    async def all_told() -> bool:
        return not await line.database.fetchval("SELECT count(*) FROM announcement")

    await eventually(all_told)
    return Story(
        dispatches,
        heard,
        issued | {D: [*before, *issued[D]]},
        await line.events("deliveries", RecallRequested),
        await line.events("deliveries", RecallPublished),
        await line.events("deliveries", AnswerUnreadable),
        await line.events("dead-letters", DeadLettered),
        await line.events("alerts", AlertRaised, AlertResolved),
        {name: await stand(line, of) for name, of in dispatches.items()},
        await line.command("books", "--replay", "--json"),
    )


def test_a_recall_of_all_reaches_all_and_of_some_exactly_those(story: Story) -> None:
    assert {B, C, D} == story.got("1").keys()
    assert [C] == list(story.got("2"))
    assert [REASON] == [one.reason for one in story.got("2")[C]]
    assert f"asked back: 1 ({C})" in story.said["some"]


def test_each_of_them_gets_it_once_and_about_its_own_copy(story: Story) -> None:
    for name, of in story.dispatches.items():
        for organ, got in story.got(name).items():
            assert [(organ, uuid5(of, organ))] == [(one.recipient, one.delivery_id) for one in got]


def test_asked_again_nobody_is_asked_again(story: Story) -> None:
    assert [B, C, D] == story.said["all"]["asked"]
    assert ([], [B, C, D]) == (story.said["twice"]["asked"], story.said["twice"]["again"])
    requested = [one for one in story.requested if one.dispatch_id == story.dispatches["1"]]
    assert [REASON] == [one.reason for one in requested]


def test_15_is_recalled_16_is_declined_and_silence_stays_asked(story: Story) -> None:
    expected = {
        B: ("recalled", "recalled"),
        C: ("published", "declined"),
        D: ("published", "asked"),
    }
    assert expected == story.stands["1"]


def test_a_revocation_carries_its_packet_to_those_it_names(story: Story) -> None:
    got = story.got("3")
    assert {B, C} == got.keys()
    packets = {one.content for some in got.values() for one in some}
    assert {revocation("3", [B, C])} == packets
    assert {"revocation"} == {one.form for some in got.values() for one in some}
    stands = {B: ("recalled", "recalled"), C: ("published", "declined")}
    assert stands.items() <= story.stands["3"].items()


def test_status_13_of_the_sender_asks_one_copy_back(story: Story) -> None:
    got = story.got("4")
    assert [B] == list(got)
    assert [("status-13", "Thiếu phụ lục", None)] == [(e.form, e.reason, e.content) for e in got[B]]
    assert {B: ("recalled", "recalled"), C: ("published", "not-asked")} == story.stands["4"]


def test_status_13_of_a_recipient_is_parked_and_asks_nothing_back(story: Story) -> None:
    (event,) = story.unreadable
    assert (D, story.dispatches["3"]) == (event.organ, event.dispatch_id)
    assert event.reason.startswith("WrongDirection")
    (parked,) = (one for one in story.parked if one.event_id == event.event_id)
    assert f"reports.{D}" == parked.topic
    assert "not-asked" == story.stands["3"][D][1]


def test_a_recall_that_nobody_answers_is_alerted_as_such_and_no_other(story: Story) -> None:
    silent = uuid5(story.dispatches["5"], B)
    assert {silent: [AlertRaised]} == story.told("recall")
    assert {B: ("published", "asked")} == story.stands["5"]


def test_what_had_not_left_is_cancelled_and_nobody_hears_of_it(story: Story) -> None:
    assert "had not left, and never will" in story.said["unsent"]
    assert {} == story.got("unsent")
    assert {} == story.stands["unsent"]
    assert story.dispatches["unsent"] not in {one.dispatch_id for one in story.requested}
    assert 1 == story.books["copies"]["cancelled unsent"]


def test_a_recall_that_the_broker_refuses_is_parked_alerted_and_put_back(story: Story) -> None:
    of = story.dispatches["7"]
    refused, put_back = (one for one in story.published if one.dispatch_id == of)
    assert ([B], [D]) == (refused.confirmed, [each.recipient for each in refused.refused])
    assert ([D], []) == (put_back.confirmed, put_back.refused)
    (parked,) = (one for one in story.parked if one.topic == f"documents.{D}")
    assert isinstance(decoded(parked.value), RecallIssued)
    assert [D] == [one.recipient for one in story.got("7")[D]]
    assert {uuid5(of, D): [AlertRaised, AlertResolved]} == story.told("recall-failed")


def test_the_books_balance_and_a_replay_gives_the_same(story: Story) -> None:
    assert story.books["balanced"], story.books["faults"]
    assert [] == story.books["replay_differences"]
    assert 3 == story.books["copies"]["recalled"]


async def test_a_relay_killed_within_a_recall_repeats_it_with_the_same_ids(
    fresh: Line,
) -> None:
    of = (await fresh.hand_over(letter(A, [B, C], "1", priority=PATIENT))).sent_as
    async with (
        fresh.held("recall", "UPDATE", "NEW.state = 'sent'"),
        fresh.program("relay") as relay,
    ):
        await eventually(lambda: sent(fresh, of))
        await fresh.command("recall", of, "--reason", REASON)
        await eventually(fresh.is_holding)
        await killed(relay)
    assert "claimed" == await fresh.database.fetchval("SELECT state FROM recall")
    async with fresh.program("relay"):

        async def marked() -> bool:
            return bool(await fresh.database.fetchval("SELECT state = 'sent' FROM recall"))

        await eventually(marked)
    events = await fresh.events("deliveries", RecallRequested, RecallPublished)
    counted = Counter((type(event), event.event_id) for event in events)
    assert {RecallRequested: 2, RecallPublished: 2} == {kind: n for (kind, _), n in counted.items()}
    for code in (B, C):
        first, second = await fresh.events(f"documents.{code}", RecallIssued)
        assert first == second
