"""The pager: a person is told, through a receiver that fails in every way receivers fail."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4, uuid5

import pytest

from hoatoc.config import Pager
from hoatoc.domain.event import AlertRaised, AlertResolved, DeadLettered
from hoatoc.postgres.query import queries
from hoatoc.signing import public_key, signing_key
from hoatoc.testing.line import ORGANS, Line, eventually, killed
from hoatoc.testing.webhook import Answer, Page, Receiver, receiving

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
Alert = AlertRaised | AlertResolved


def alert(version: int, subject_id: UUID) -> Alert:
    return (AlertRaised if version == 1 else AlertResolved)(
        event_id=uuid5(subject_id, f"arrive/{version}"),
        subject_id=subject_id,
        kind="arrive",
        version=version,
        dispatch_id=uuid4(),
        sender=A,
        recipient=B,
        number="1",
        notation="UBND-VP",
        subject="Công văn",
        since_ms=0,
        due_ms=1,
    )


def then(*answers: Answer) -> Callable[[int], Answer]:
    """Return a receiver's answers, one after the other; then it takes everything."""
    return lambda count: answers[count] if count < len(answers) else (204, {})


def paging(line: Line, receiver: Receiver) -> Line:
    """Have pages posted to a receiver."""
    pager = Pager(webhook_url=receiver.url, timeout_s=2)
    line.settings = line.settings.model_copy(update={"pager": pager})
    return line


def without_webhook(line: Line) -> Line:
    line.settings = line.settings.model_copy(update={"pager": Pager()})
    return line


async def delivered(line: Line, least: int) -> bool:
    query = "SELECT count(*) >= $1 FROM page WHERE state = 'delivered'"
    return bool(await line.database.fetchval(query, least))


async def taken_in(line: Line, least: int) -> bool:
    return bool(await line.database.fetchval("SELECT count(*) >= $1 FROM page", least))


async def states(line: Line) -> list[tuple[int, str]]:
    rows = await line.database.fetch("SELECT version, state FROM page ORDER BY version")
    return [tuple(row) for row in rows]


async def test_a_page_is_signed_and_says_what_a_person_needs(fresh: Line) -> None:
    subject = uuid4()
    async with receiving(Receiver()) as receiver, paging(fresh, receiver).program("pager"):
        await fresh.write("alerts", alert(1, subject))
        await eventually(lambda: delivered(fresh, 1))
    (page,) = receiver.pages
    key = public_key(signing_key(fresh.settings.data / "webhook-key.pem"))
    assert page.signed_by(key)
    assert not Page(page.headers, page.body + b" ", 204, 0).signed_by(key)
    assert page.event["id"] == page.identity == str(alert(1, subject).event_id)
    assert page.event["data"]["page"]["title_en"].startswith("[normal] Document not arrived")
    assert "Gọi văn thư nơi nhận" in page.event["data"]["page"]["next_step_vi"]


async def test_a_page_is_tried_until_it_is_taken_and_keeps_its_id(fresh: Line) -> None:
    answers = then((500, {}), (429, {"Retry-After": "2"}), (None, {}))
    async with receiving(Receiver(answers)) as receiver, paging(fresh, receiver).program("pager"):
        await fresh.write("alerts", alert(1, uuid4()))
        await eventually(lambda: delivered(fresh, 1))
    assert [500, 429, None, 204] == [page.answer for page in receiver.pages]
    assert len({page.identity for page in receiver.pages}) == 1
    assert receiver.pages[2].at_s - receiver.pages[1].at_s >= 2  # as the receiver asked
    assert len(receiver.taken) == 2, "the receiver knows the repeat by its id"


async def test_a_pager_killed_before_it_noted_a_page_sends_it_again_under_its_id(
    fresh: Line,
) -> None:
    async with receiving(Receiver()) as receiver:
        paging(fresh, receiver)
        async with (
            fresh.held("page", "UPDATE", "NEW.state = 'delivered'"),
            fresh.program("pager") as pager,
        ):
            await fresh.write("alerts", alert(1, uuid4()))
            await eventually(fresh.is_holding)
            await killed(pager)
        async with fresh.program("pager"):
            await eventually(lambda: delivered(fresh, 1))
    assert len(receiver.pages) == 2
    assert len({page.identity for page in receiver.pages}) == 1


async def test_an_alert_resolved_before_any_attempt_pages_nobody(fresh: Line) -> None:
    gone, stays = uuid4(), uuid4()
    async with without_webhook(fresh).program("pager"):
        await fresh.write("alerts", alert(1, gone))
        await fresh.write("alerts", alert(2, gone))
        await fresh.write("alerts", alert(1, stays))
        await eventually(lambda: taken_in(fresh, 3))
    async with receiving(Receiver()) as receiver, paging(fresh, receiver).program("pager"):
        await eventually(lambda: delivered(fresh, 1))
    assert [str(stays)] == [page.event["data"]["subject_id"] for page in receiver.pages]


async def test_whoever_was_paged_is_told_of_the_recovery_after_it(fresh: Line) -> None:
    of = uuid4()
    answers = then((500, {}), (500, {}))
    async with receiving(Receiver(answers)) as receiver, paging(fresh, receiver).program("pager"):
        await fresh.write("alerts", alert(1, of))

        async def tried() -> bool:
            return bool(receiver.pages)

        await eventually(tried)
        await fresh.write("alerts", alert(2, of))
        await eventually(lambda: delivered(fresh, 2))
    versions = [page.event["data"]["version"] for page in receiver.taken]
    assert versions == [1, 2]


async def test_a_resolution_that_comes_while_the_page_is_being_claimed_is_told_too(
    fresh: Line,
) -> None:
    of = uuid4()
    async with without_webhook(fresh).program("pager"):
        await fresh.write("alerts", alert(1, of))
        await eventually(lambda: taken_in(fresh, 1))
        claim = fresh.database.transaction()
        await claim.start()
        assert await fresh.database.fetch(queries("page")["claim"], 20, timedelta(seconds=1))
        await fresh.write("alerts", alert(2, of))
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"

        async def waiting() -> bool:
            return bool(await fresh.database.fetchval(waits))

        await eventually(waiting)
        await claim.commit()
        await eventually(lambda: taken_in(fresh, 2))
    assert [(1, "pending"), (2, "pending")] == await states(fresh)


async def test_a_repeated_or_outdated_alert_pages_nobody_again(fresh: Line) -> None:
    one, other = uuid4(), uuid4()
    async with receiving(Receiver()) as receiver, paging(fresh, receiver).program("pager"):
        for _ in range(3):
            await fresh.write("alerts", alert(1, one))
        await fresh.write("alerts", alert(2, other))
        await fresh.write("alerts", alert(1, other))
        await fresh.write("alerts", alert(1, last := uuid4()))

        async def told_last() -> bool:
            return str(last) in {page.event["data"]["subject_id"] for page in receiver.pages}

        await eventually(told_last)
        await eventually(lambda: delivered(fresh, 2))
    told = [page.event["data"]["subject_id"] for page in receiver.pages]
    assert sorted([str(one), str(last)]) == sorted(told)


async def test_what_is_no_alert_is_parked_and_the_next_is_paged(fresh: Line) -> None:
    async with receiving(Receiver()) as receiver, paging(fresh, receiver).program("pager"):
        await fresh.write("alerts", b"noise")
        await fresh.write("alerts", alert(1, uuid4()))
        await eventually(lambda: delivered(fresh, 1))
    (parked,) = await fresh.events("dead-letters", DeadLettered)
    assert ("alerts", b"noise", "Undecodable") == (parked.topic, parked.value, parked.reason)
    assert len(receiver.pages) == 1
