"""The Python client against the real gateway: typed results, named errors, no doubtful outcome."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hoatoc.client import (
    AsyncClient,
    Client,
    ContentAltered,
    DocumentConflict,
    GatewayAway,
    Inbox,
    NotFound,
    OutcomeUnknown,
    Patience,
    Received,
    Refused,
    Status,
    Unauthenticated,
)
from hoatoc.client.value import Entry
from hoatoc.domain import topic
from hoatoc.domain.content import claim_of
from hoatoc.domain.credential import ApiKey
from hoatoc.domain.event import (
    DeliveriesUpdated,
    DeliveryUpdate,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.postgres.credential import CredentialTables
from hoatoc.seal import Seal
from hoatoc.testing.agency import letter
from hoatoc.testing.gateway import Door, issued
from hoatoc.testing.line import ORGANS, eventually
from tests.chaos.proxied import line_to

pytestmark = pytest.mark.timeout(180)
A, B, C, D = (organ.code for organ in ORGANS)
SHORT = Patience(total_s=1, first_s=0.05, longest_s=0.2)
LONG = Patience(total_s=60, first_s=0.05, longest_s=0.2)


def client(door: Door, organ: str, url: str = "", patience: Patience = LONG) -> AsyncClient:
    return AsyncClient(url or door.url, door.keys[organ], patience=patience)


async def test_what_is_handed_over_can_be_asked_after(door: Door) -> None:
    packet = letter(A, (B, C), "501")
    async with client(door, A) as sender:
        handed = await sender.hand_over(packet, priority=0)
        again = await sender.hand_over(packet)
        assert (True, False) == (handed.new, again.new)
        assert handed.dispatch_id == again.dispatch_id
        assert handed.dispatch_id is not None
        dispatch = await sender.dispatch(handed.dispatch_id)
        assert sha256(packet).hexdigest() == dispatch.content_sha256
        assert "unsent" == dispatch.copy(B).state
        listed = await sender.dispatches("501")
        assert [handed.dispatch_id] == [each.dispatch_id for each in listed.items]
        assert "<html" in await sender.receipt(handed.dispatch_id)
        assert () == (await sender.timeline(handed.dispatch_id)).events
        assert 2 <= sum((await sender.counts()).as_sender.states.values())
        assert A == (await sender.backlog()).organ
        assert A in {each.code for each in (await sender.organs(A)).items}
        recalled = await sender.recall(handed.dispatch_id, "gửi nhầm", [B])
        assert (B,) == recalled.asked
        await sender.ready()


async def test_without_asyncio_it_is_the_same(door: Door) -> None:
    def work() -> tuple[bool, bool]:
        packet = letter(A, (B,), "502")
        with Client(door.url, door.keys[A]) as sender:
            return sender.hand_over(packet).new, sender.hand_over(packet).new

    assert (True, False) == await asyncio.to_thread(work)


async def test_what_is_refused_has_a_name_and_says_what_to_do(door: Door) -> None:
    async with AsyncClient(door.url, "hoatoc_nobody_x") as nobody:
        with pytest.raises(Unauthenticated):
            await nobody.counts()
    async with client(door, A) as sender:
        await sender.hand_over(letter(A, (B,), "503"))
        with pytest.raises(DocumentConflict, match="503"):
            await sender.hand_over(letter(A, (B,), "503", b"another content"))
        with pytest.raises(NotFound):
            await sender.dispatch(uuid4())
        with pytest.raises(Refused) as refusal:
            await sender.hand_over(b"<no packet")
        assert "not-xml" == refusal.value.code
        assert refusal.value.request_id
    async with client(door, A, "http://127.0.0.1:9", SHORT) as sender:
        with pytest.raises(GatewayAway):
            await sender.hand_over(letter(A, (B,), "504"))


async def test_an_answer_that_is_lost_leaves_no_doubt_and_no_second_dispatch(
    door: Door, tmp_path: Path
) -> None:
    packet = letter(A, (B,), "505")
    async with line_to(door.url, tmp_path) as (url, line):
        await line.ask(link="line", mode="deaf")
        impatient = Patience(total_s=0)
        async with client(door, A, url, impatient) as sender:
            handing = asyncio.create_task(sender.hand_over(packet))

            async def taken() -> bool:
                query = "SELECT count(*) FROM handover WHERE printed_number = '505'"
                return bool(await door.line.database.fetchval(query))

            await eventually(taken, what="the hand-over")
            await line.ask(link="line", mode="cut")
            with pytest.raises(OutcomeUnknown) as unknown:
                await handing
        await line.ask(link="line", mode="pass")
        async with client(door, A, url) as sender:
            handed = await sender.hand_over(packet, key=unknown.value.key)
            assert handed.new is False
            assert 1 == len((await sender.dispatches("505")).items)


async def test_a_line_that_is_cut_is_waited_for(door: Door, tmp_path: Path) -> None:
    packet = letter(A, (B,), "506")
    async with line_to(door.url, tmp_path) as (url, line), client(door, A, url) as sender:
        await line.ask(link="line", mode="cut")
        handing = asyncio.create_task(sender.hand_over(packet))

        async def refused() -> bool:
            return bool((await line.ask(link="line", mode="cut"))["done"])

        await eventually(refused, what="a cut connection")
        await line.ask(link="line", mode="pass")
        assert (await handing).new


async def test_content_is_taken_on_from_where_the_line_broke_and_only_unaltered(
    door: Door, tmp_path: Path
) -> None:
    packet = letter(A, (B,), "507")
    said = await door.send(packet, A)
    (copy,) = said["recipients"]
    copy_id, digest = UUID(copy["delivery_id"]), sha256(packet).hexdigest()
    async with client(door, B) as recipient:
        assert packet == await recipient.content(copy_id, digest)
        place = tmp_path / "507.edxml"
        (tmp_path / "507.edxml.part").write_bytes(packet[:1000])
        await recipient.save(copy_id, place, digest)
        assert packet == place.read_bytes()
        (tmp_path / "507.edxml.part").write_bytes(b"x" * 1000)
        with pytest.raises(ContentAltered):
            await recipient.save(copy_id, place, digest)
        assert [place.name] == [file.name for file in tmp_path.iterdir()]
        assert copy_id == (await recipient.delivery(copy_id)).delivery_id


async def test_entries_and_statuses_are_followed_through_a_cut_line(
    door: Door, tmp_path: Path
) -> None:
    said = [await door.send(letter(A, (C,), number), A) for number in ("508", "509")]
    ours = [each["dispatch_id"] for each in said]
    async with line_to(door.url, tmp_path) as (url, line), client(door, C, url) as recipient:
        entries = recipient.follow_inbox()
        followed = (each async for each in entries if str(each.dispatch_id) in ours)
        first = await anext(followed)
        await line.ask(link="line", mode="cut")
        await line.ask(link="line", mode="pass")
        second = await anext(followed)
        await entries.aclose()  # type: ignore[attr-defined]
    assert ours == [str(first.dispatch_id), str(second.dispatch_id)]
    update = DeliveryUpdate(
        delivery_id=first.delivery_id, recipient=C, state="accepted", version=2, code="03"
    )
    event = DeliveriesUpdated(event_id=uuid4(), dispatch_id=first.dispatch_id, updates=[update])
    await door.line.write(topic.statuses(A), event, first.dispatch_id)
    async with client(door, A) as sender:
        (told,) = (await sender.statuses(wait_s=30)).entries
        assert ["accepted"] == [each.state for each in told.updates]


async def test_an_inbox_over_http_hands_over_once_acknowledges_and_reports(
    door: Door, tmp_path: Path
) -> None:
    handed: list[str] = []

    def handle(received: Received) -> Status:
        handed.append(received.packet.number)
        if received.packet.number == "511":
            raise ValueError("not for us")
        return Status("03", "vào sổ")

    said = [await door.send(letter(A, (D,), number), A) for number in ("510", "511")]

    async def answered(times: int) -> bool:
        events = await door.line.events("deliveries", TransportAcknowledged, StatusReported)
        ids = [each["dispatch_id"] for each in said]
        mine = [e for e in events if str(e.dispatch_id) in ids]
        return len(mine) == times

    for _ in "12":  # and again, by another life of the program
        inbox = Inbox.over_http(door.url, door.keys[D], tmp_path)
        inbox.attempts = 2
        async with inbox:
            running = asyncio.create_task(inbox.run(handle))
            await eventually(lambda: answered(3), what="the answers")
            running.cancel()
            await asyncio.wait([running])
    assert ["510", "511", "511"] == handed
    events = await door.line.events("deliveries", TransportAcknowledged)
    outcomes = {str(e.dispatch_id): e.outcome for e in events}
    assert ["done", "fail"] == [outcomes[each["dispatch_id"]] for each in said]
    (aside,) = (tmp_path / "quarantine").glob("*.edxml")
    assert letter(A, (D,), "511") == aside.read_bytes()


async def test_a_large_document_goes_from_file_to_file_and_into_an_inbox_of_kafka(
    door: Door, tmp_path: Path
) -> None:
    packet = letter(A, (B,), "512", ("Nội dung dài. " * 60_000).encode())
    (tmp_path / "512.edxml").write_bytes(packet)
    async with client(door, A) as sender:
        handed = await sender.hand_over(tmp_path / "512.edxml")
    said = await door.send(packet, A)
    assert str(handed.dispatch_id) == said["dispatch_id"]
    (copy,) = handed.recipients
    async with client(door, B) as recipient:
        await recipient.save(copy.delivery_id, tmp_path / "taken.edxml")
        assert packet == (tmp_path / "taken.edxml").read_bytes()
        taken = asyncio.Event()

        async def handle(received: Received) -> None:
            if received.entry.delivery_id == copy.delivery_id:
                assert packet == received.content
                taken.set()

        kafka = door.line.settings.kafka
        async with Inbox.over_kafka(kafka, B, tmp_path / "inbox", recipient) as inbox:
            running = asyncio.create_task(inbox.run(handle))
            async with asyncio.timeout(60):
                await taken.wait()
            running.cancel()
            await asyncio.wait([running])


async def test_who_follows_is_told_when_the_key_is_worth_nothing_any_more(door: Door) -> None:
    said = await door.send(letter(A, (C,), "513"), A)
    key = await issued(door.line.database, door.line.settings, C)
    async with AsyncClient(door.url, key, patience=Patience(total_s=5)) as recipient:
        followed = recipient.follow_inbox()
        async for entry in followed:
            if str(entry.dispatch_id) == said["dispatch_id"]:
                break
        tables = CredentialTables(door.line.database, Seal(door.line.settings.seal_key))
        await tables.revoke(ApiKey.of(key).credential_id, "lộ khóa", "test")
        await door.send(letter(A, (C,), "514"), A)
        with pytest.raises(Unauthenticated):
            await never(followed, "514")


async def never(followed: AsyncIterator[Entry], number: str) -> None:
    """Follow on: what came before may still come, this may not."""
    async for entry in followed:
        assert number != entry.number


async def test_content_that_is_lost_holds_up_nothing_behind_it(door: Door, tmp_path: Path) -> None:
    large = letter(A, (C,), "517", ("Nội dung dài. " * 60_000).encode())
    lost = await door.send(large, A)
    behind = await door.send(letter(A, (C,), "518"), A)
    (door.line.settings.data / "content" / claim_of(large).name).unlink()
    taken: list[str] = []
    inbox = Inbox.over_http(door.url, door.keys[C], tmp_path)
    inbox.attempts = 2

    async def both() -> bool:
        events = await door.line.events("deliveries", TransportAcknowledged)
        told = {str(e.dispatch_id): e.outcome for e in events}
        said = [told.get(each["dispatch_id"]) for each in (lost, behind)]
        return said == ["fail", "done"]

    async with inbox:
        running = asyncio.create_task(inbox.run(lambda got: taken.append(got.entry.number)))
        await eventually(both, what="what is lost told, what is behind it taken")
        running.cancel()
        await asyncio.wait([running])
    assert "518" in taken
    assert "517" not in taken
