"""Intake: hand-overs and answers of organs that speak Kafka, and the ticks that carry time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest

from hoatoc import codec
from hoatoc.domain.event import (
    AlertRaised,
    AlertResolved,
    AnswerUnreadable,
    DeadLettered,
    DocumentHandedOver,
    HandOverAnswered,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.identity import OrganCode
from hoatoc.history.note import POISON
from hoatoc.kafka.dead_letter import dead_letter_id
from hoatoc.kafka.deletion import append_marker, delete_up_to
from hoatoc.kafka.topic import admin
from hoatoc.postgres.registry import RegistryTables
from hoatoc.testing.agency import letter, said
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually, killed

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)


def handed(packet: bytes) -> DocumentHandedOver:
    return DocumentHandedOver(event_id=uuid4(), document_id="x", packet=packet)


async def taken_up_to(line: Line, topic: str, offset: int) -> bool:
    query = "SELECT next_offset FROM intake_position WHERE topic = $1"
    return (await line.database.fetchval(query, topic) or 0) >= offset


async def announced(line: Line) -> list[Any]:
    rows = await line.database.fetch("SELECT value FROM announcement ORDER BY id")
    return [codec.decode(row["value"]) for row in rows]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of some records of `handovers.<A>`."""

    handovers: Sequence[Any]
    outbox: Sequence[Any]
    announced: Sequence[Any]


@pytest.fixture(scope="module")
async def handed_over(new_line: NewLine) -> HandedOver:
    """Hand over: a document, the same again, another under its number, B's in A's name, noise."""
    packet = letter(A, [B, C], "1")
    records = (
        handed(packet),
        handed(packet),
        handed(letter(A, [B, C], "1", b"another text")),
        handed(letter(B, [C], "2")),
        b"noise",
    )
    topic = f"handovers.{A}"
    async with new_line() as line:
        async with line.program("intake") as intake:
            for record in records:
                await line.write(topic, record)
            await eventually(lambda: taken_up_to(line, topic, len(records)))
            await killed(intake)
        async with line.program("intake"):
            await line.write(topic, handed(letter(A, [D], "3")))
            await eventually(lambda: taken_up_to(line, topic, len(records) + 1))
        return HandedOver(
            await line.database.fetch("SELECT * FROM handover ORDER BY handed_over_at"),
            await line.database.fetch("SELECT * FROM outbox"),
            await announced(line),
        )


def test_a_document_handed_over_by_kafka_is_taken_once_through_a_kill(
    handed_over: HandedOver,
) -> None:
    rows = handed_over.handovers
    assert [("1", A, "kafka"), ("3", A, "kafka")] == [
        (row["printed_number"], row["sender"], row["door"]) for row in rows
    ]
    assert {row["dispatch_id"] for row in rows} == {r["dispatch_id"] for r in handed_over.outbox}


@pytest.mark.parametrize(
    ("offset", "reason"), [(2, "DocumentConflict"), (3, "SenderMismatch"), (4, "Undecodable")]
)
def test_a_refused_hand_over_is_parked_and_its_sender_alerted(
    handed_over: HandedOver, offset: int, reason: str
) -> None:
    of = dead_letter_id("intake", f"handovers.{A}", 0, offset)
    (parked,) = (e for e in handed_over.announced if e.event_id == of)
    assert isinstance(parked, DeadLettered)
    assert (f"handovers.{A}", offset, reason) == (parked.topic, parked.offset, parked.reason)
    (alert,) = (e for e in handed_over.announced if getattr(e, "subject_id", None) == of)
    assert isinstance(alert, AlertRaised)
    assert ("unsent", A, parked.detail) == (alert.kind, alert.sender, alert.reason)


def test_whoever_wrote_a_hand_over_is_told_what_became_of_it(handed_over: HandedOver) -> None:
    answers = [e for e in handed_over.announced if isinstance(e, HandOverAnswered)]
    first, last = (row["dispatch_id"] for row in handed_over.handovers)
    assert [
        (0, "taken", None, first),
        (1, "known", None, first),
        (2, "refused", "document-conflict", None),
        (3, "refused", "sender-mismatch", None),
        (4, "refused", "undecodable", None),
        (5, "taken", None, last),
    ] == [(e.offset, e.outcome, e.reason, e.dispatch_id) for e in answers]
    assert [answer.offset for answer in answers if answer.handover_id is None] == [4]
    assert all(("/" in (answer.detail or "")) == (answer.offset in (2, 3)) for answer in answers)
    first_id, last_id = f"{A},2021/03/02,1/UBND-VP", f"{A},2021/03/02,3/UBND-VP"
    named = [answer.document_id for answer in answers]
    assert [first_id, first_id, first_id, "", "", last_id] == named


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of some records of `reports.<B>`."""

    dispatch_id: UUID
    unknown: UUID
    log: Sequence[Any]
    parked: Sequence[DeadLettered]

    def at(self, offset: int) -> Any:
        """Return what stands in the log for a report."""
        place = f"reports.{B}/0/{offset}"
        letters = {dead_letter_id("intake", f"reports.{B}", 0, offset)}
        ids = letters | {uuid5(self.dispatch_id, place), uuid5(self.unknown, place)}
        (found,) = {e.event_id: e for e in self.log if e.event_id in ids}.values()
        return found


@pytest.fixture(scope="module")
async def reported(new_line: NewLine) -> Reported:
    """Report: done, 03 put back, noise with and without a dispatch, to no document, as C."""
    unknown, repaired = uuid4(), uuid4()
    async with new_line() as line:
        of = (await line.hand_over(letter(A, [B], "1"))).sent_as
        records: list[tuple[bytes, UUID | str, dict[str, bytes]]] = [
            (said("done", of, B), of, {}),
            (said("03", of, B), of, {"hoatoc-put-back-of": str(repaired).encode()}),
            (said(POISON, of, B), of, {}),
            (said(POISON, of, B), "no dispatch", {}),
            (said("03", unknown, B), unknown, {}),
            (said("03", of, C), of, {}),
            (codec.encode(handed(b"")), of, {}),
            (said("?", of, B).replace(b"\x02?", b"\x02\0"), of, {}),
        ]
        async with line.program("intake"):
            for value, key, headers in records:
                await line.write(f"reports.{B}", value, key, headers=headers)

            async def all_there() -> list[Any]:
                types = (TransportAcknowledged, StatusReported, AnswerUnreadable)
                log = await line.events("deliveries", *types)
                return log if len(log) >= len(records) else []

            log = await eventually(all_there)
            parked = await line.events("dead-letters", DeadLettered)
        return Reported(of, unknown, log, parked)


def test_an_answer_is_forwarded_with_an_identity_of_its_place(reported: Reported) -> None:
    event = reported.at(0)
    assert isinstance(event, TransportAcknowledged)
    assert (reported.dispatch_id, B, "done") == (event.dispatch_id, event.recipient, event.outcome)


def test_an_answer_put_back_says_what_it_repairs(reported: Reported) -> None:
    event = reported.at(1)
    assert isinstance(event, StatusReported)
    assert event.put_back_of is not None


@pytest.mark.parametrize(
    ("offset", "named", "reason"),
    [
        (2, True, "Undecodable"),
        (3, False, "Undecodable"),
        (4, False, "UnknownDelivery"),
        (5, True, "UnknownDelivery"),
        (6, True, "NotAnAnswer"),
        (7, True, "Undecodable"),
    ],
    ids=["noise", "noise without a dispatch", "to no document", "as another", "no answer", "NUL"],
)
def test_what_is_no_answer_of_the_organ_is_parked_and_takes_its_place(
    reported: Reported, offset: int, named: bool, reason: str
) -> None:
    event = reported.at(offset)
    assert isinstance(event, AnswerUnreadable)
    place = (event.source_topic, event.source_partition, event.source_offset)
    assert (f"reports.{B}", 0, offset) == place
    assert (reported.dispatch_id if named else None) == event.dispatch_id
    assert (B, reason) == (event.organ, event.reason.split(":")[0])
    (parked,) = (e for e in reported.parked if e.event_id == event.event_id)
    assert reason == parked.reason


async def parked_at(line: Line, offset: int) -> UUID:
    """Return the dead letter of a hand-over of A's, once it is parked."""
    of = dead_letter_id("intake", f"handovers.{A}", 0, offset)

    async def there() -> bool:
        return of in {e.event_id for e in await line.events("dead-letters", DeadLettered)}

    await eventually(there)
    return of


async def test_a_refused_hand_over_is_put_back_from_its_topic_and_its_alert_is_over(
    fresh: Line,
) -> None:
    topic, late = f"handovers.{A}", f"{B}.07"
    await fresh.write(topic, handed(letter(A, [late], "1")))
    async with fresh.program("intake"), fresh.program("alerts"):
        of = await parked_at(fresh, 0)
        organ = replace(ORGANS[1], code=OrganCode(late), code102="", name="Chi cục mới", hub=B)
        await RegistryTables(fresh.database).add_organs([organ])
        assert "offset 1" in await fresh.command("dead-letters", "put-back", of)
        await eventually(lambda: taken_up_to(fresh, topic, 2))

        async def resolved() -> list[AlertResolved]:
            return await fresh.events("alerts", AlertResolved)

        (alert,) = await eventually(resolved)
    assert (of, "unsent", A) == (alert.subject_id, alert.kind, alert.sender)
    (letter_of_it,) = await fresh.events("dead-letters", DeadLettered)
    assert letter_of_it.value is None
    assert [late] == [
        row["recipient"] for row in await fresh.database.fetch("SELECT * FROM handover_recipient")
    ]


async def test_a_hand_over_whose_content_is_gone_is_asked_for_again(fresh: Line) -> None:
    await fresh.write(f"handovers.{A}", handed(letter(A, ["H99.99"], "1")))
    async with fresh.program("intake"), fresh.program("alerts"):
        of = await parked_at(fresh, 0)
    async with admin(fresh.settings.kafka) as client:
        await delete_up_to(client, f"handovers.{A}", 0)
    told = await fresh.command("dead-letters", "put-back", of, status=4)
    assert "NotReplaceable" in told
    assert f"handovers.{A}, offset 0" in told


async def test_a_marker_is_passed_over(fresh: Line) -> None:
    topic = f"handovers.{A}"
    await append_marker(fresh.producer, topic)
    await fresh.write(topic, handed(letter(A, [B], "1")))
    async with fresh.program("intake"):
        await eventually(lambda: taken_up_to(fresh, topic, 2))
    (answer,) = await announced(fresh)
    assert (1, "taken") == (answer.offset, answer.outcome)
    assert 1 == await fresh.database.fetchval("SELECT count(*) FROM outbox")


async def test_the_same_document_by_both_doors_is_one_dispatch(fresh: Line) -> None:
    packet = letter(A, [B], "1")
    first = await fresh.hand_over(packet)
    await fresh.write(f"handovers.{A}", handed(packet))
    async with fresh.program("intake"):
        await eventually(lambda: taken_up_to(fresh, f"handovers.{A}", 1))
    rows = await fresh.database.fetch("SELECT dispatch_id, door FROM handover")
    assert [(first.sent_as, "cli")] == [tuple(row) for row in rows]
    (answer,) = await announced(fresh)
    assert ("known", first.sent_as) == (answer.outcome, answer.dispatch_id)


async def test_no_time_passes_while_reports_wait(fresh: Line) -> None:
    of = (await fresh.hand_over(letter(A, [B], "1"))).sent_as

    async def last_tick() -> int:
        log = await fresh.log()
        return max((r.append_ms for r in log if isinstance(r.event, Tick)), default=0)

    async with fresh.program("intake"):
        begun = await eventually(last_tick)
        transaction = fresh.database.transaction()
        await transaction.start()
        await fresh.database.execute("LOCK handover_recipient")
        written = (await fresh.write(f"reports.{B}", said("03", of, B), of)).timestamp
        silence_ms = fresh.policy.max_gap_ms + 2_000
        probe = written

        async def silent() -> bool:
            nonlocal probe
            probe = (await fresh.write(f"statuses.{A}", b"what time is it?")).timestamp
            return probe - await last_tick() >= silence_ms - fresh.policy.max_gap_ms

        await eventually(silent)
        last = await last_tick()
        assert last <= written + fresh.policy.max_gap_ms + 1_000
        assert probe - last >= 2_000
        await transaction.rollback()

        async def resumed() -> bool:
            return await last_tick() > last

        await eventually(resumed)
    log = await fresh.log()
    (answer,) = (r for r in log if isinstance(r.event, StatusReported))
    after = [r for r in log if isinstance(r.event, Tick) and r.append_ms > last]
    assert begun < answer.append_ms <= min(r.append_ms for r in after)


async def test_of_a_suspected_secret_nothing_comes_back_but_that_it_is_one(
    fresh: Line,
) -> None:
    secret = letter(A, (B,), "3", "TỐI MẬT\n\nKế hoạch Marker807 của năm.".encode())
    async with fresh.program("alerts"), fresh.program("intake"):
        event = replace(handed(secret), document_id="Marker807")
        await fresh.write(f"handovers.{A}", event)

        async def answered() -> list[HandOverAnswered]:
            return await fresh.events(f"statuses.{A}", HandOverAnswered)

        (answer,) = await eventually(answered, what="the answer")
    assert ("refused", "secret-suspected") == (answer.outcome, answer.reason)
    assert (event.event_id, "") == (answer.handover_id, answer.document_id)
    assert "Marker807" not in str(answer)
