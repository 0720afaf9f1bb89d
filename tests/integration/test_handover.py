"""Hand-over: what a packet of each business type reserves, sends and asks back, and what refuses.

The database is real; nothing is sent, so that what waits in the outbox can be looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hoatoc.admission import SenderMismatch
from hoatoc.domain.check import CheckFailed
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import Duplicate
from hoatoc.domain.packet import (
    RECALL,
    REPLACEMENT,
    UPDATE,
    Party,
    ReceiverChange,
    Replacement,
)
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import EarlierUnknown, HandedOver
from hoatoc.testing.agency import letter
from hoatoc.testing.line import ORGANS, Line

pytestmark = pytest.mark.timeout(180)

A, B, C, D = (organ.code for organ in ORGANS)
ALARMS = set(Duplicate)
REASON = "Gửi nhầm nơi nhận"


def packet(recipients: Sequence[str], number: str = "1", **changes: Any) -> bytes:
    """Return A's letter of this number, changed."""
    return write_packet(replace(read_packet(letter(A, recipients, number)), **changes))


def document_id(number: str = "1") -> str:
    return read_packet(letter(A, [B], number)).document_id


def later(business_type: int, recipients: Sequence[str], of: str = "1", **changes: Any) -> bytes:
    """Return a packet about an earlier document of A's."""
    about = {"business_document_id": document_id(of), "business_reason": REASON}
    return packet(recipients, **{"business_type": business_type, **about, **changes})


def revocation(recipients: Sequence[str], of: str = "1", **changes: Any) -> bytes:
    return later(
        RECALL, recipients, of, **{"number": of, "document_id": document_id(of), **changes}
    )


def replacement(replaced: Sequence[str], number: str = "2") -> bytes:
    """Return a new document to B, C and D that replaces number 1 at some of them."""
    each = Replacement(document_id=document_id("1"), organs=tuple(replaced))
    return later(
        REPLACEMENT, [B, C, D], number=number, document_id=document_id(number), replacements=(each,)
    )


def update(**changes: Any) -> bytes:
    return later(UPDATE, [B, C], **changes)


def receivers(*, added: Sequence[str] = (), removed: Sequence[str] = ()) -> dict[str, Any]:
    changes = [ReceiverChange(code=code, added=True) for code in added]
    changes += [ReceiverChange(code=code, added=False) for code in removed]
    return {"receiver_changes": tuple(changes)}


async def copies(line: Line, of: UUID) -> list[str]:
    """Return whom a dispatch goes to."""
    query = "SELECT recipient FROM handover_recipient WHERE dispatch_id = $1 ORDER BY 1"
    return [row["recipient"] for row in await line.database.fetch(query, of)]


async def asked_back(line: Line) -> list[tuple[str, str, UUID, str]]:
    """Return (form, reason, dispatch, recipient) of every copy that is asked back."""
    return [
        tuple(row)
        for row in await line.database.fetch(
            "SELECT form, reason, dispatch_id, recipient FROM recall JOIN recall_recipient"
            " USING (recall_id) JOIN handover_recipient USING (delivery_id, dispatch_id)"
            " ORDER BY requested_at, form, recipient"
        )
    ]


async def sending(line: Line) -> None:
    """Say that a relay has taken all that waits: what it takes, leaves."""
    await line.database.execute(
        "UPDATE outbox SET state = 'claimed', claimed_by = 'relay', claimed_at = now()"
    )


async def written(line: Line) -> dict[str, int]:
    """Return how many rows each table has."""
    names = await line.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name: await line.database.fetchval(f"SELECT count(*) FROM {name}") for (name,) in names}


@asynccontextmanager
async def several(line: Line, count: int) -> AsyncIterator[list[asyncpg.Connection]]:
    """Open connections of their own."""
    opened = [await asyncpg.connect(line.settings.postgres.dsn) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            await connection.close()


async def at_once(line: Line, *packets: bytes) -> list[HandedOver | BaseException]:
    """Hand packets over at the same moment."""
    await line.door.registry.current(line.database)
    async with several(line, len(packets)) as connections:
        taking = (
            line.door.take(connection, data)
            for connection, data in zip(connections, packets, strict=True)
        )
        return list(await asyncio.gather(*taking, return_exceptions=True))


async def test_the_same_content_again_is_the_dispatch_that_it_has(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B, C]))
    before = await written(fresh)
    again = await fresh.hand_over(packet([C, B]).replace(b"><", b">\n<"))
    assert (True, False) == (first.new, again.new)
    assert first.sent_as == again.sent_as
    assert before == await written(fresh)


async def test_a_number_of_another_content_is_refused_with_both_sides(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B, C]))
    before = await written(fresh)
    with pytest.raises(DocumentConflict) as refused:
        await fresh.hand_over(packet([B], "001", subject="Nội dung khác"))
    text = str(refused.value)
    for side in ("1/UBND-VP, «Công văn số 1», 2", "001/UBND-VP, «Nội dung khác», 1"):
        assert side in text
    assert str(first.sent_as) in text
    assert before == await written(fresh)


async def test_a_number_begins_again_each_year(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B]))
    next_year = packet([B], promulgated=date(2022, 3, 2), document_id=f"{A},2022/03/02,1/UBND-VP")
    second = await fresh.hand_over(next_year)
    assert second.new
    assert first.sent_as != second.sent_as
    assert not ALARMS & {finding.code for finding in second.findings}


SAME_ID = packet([B], "2", subject="Văn bản khác", document_id=document_id("1"))
SAME_NAME = packet(
    [B],
    sender=Party(code=D, name=A),
    subject="Văn bản khác",
    document_id=f"{D},2021/03/02,1/UBND-VP",
)


@pytest.mark.parametrize(
    ("data", "alarm"),
    [(SAME_ID, Duplicate.IDENTIFIER), (SAME_NAME, Duplicate.NUMBER_NOTATION_ISSUER)],
    ids=["document id", "number, notation and name of the issuer"],
)
async def test_a_legal_alarm_of_duplicates_names_the_earlier_document_of_the_same_organ(
    fresh: Line, data: bytes, alarm: Duplicate
) -> None:
    first = await fresh.hand_over(packet([B]))
    taken = await fresh.hand_over(data)
    (found,) = (each for each in taken.findings if each.code in ALARMS)
    assert alarm == found.code
    own = data == SAME_ID
    for text in (found.text_vi, found.text_en):
        assert own == (str(first.sent_as) in text)
        assert own == ("«Công văn số 1»" in text)
    kept = await fresh.database.fetchval(
        "SELECT findings FROM handover WHERE dispatch_id = $1", taken.sent_as
    )
    assert alarm in kept


async def test_a_revocation_asks_back_what_it_names_and_sends_nothing(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B, C, D]))
    await sending(fresh)
    taken = await fresh.hand_over(revocation([B, D]))
    assert (None, True, ()) == (taken.dispatch_id, taken.new, taken.recipients)
    assert [("revocation", REASON, first.sent_as, one) for one in (B, D)] == await asked_back(fresh)
    kept = await fresh.database.fetchval("SELECT packet FROM recall")
    assert revocation([B, D]) == kept
    assert 1 == await fresh.database.fetchval("SELECT count(*) FROM handover")


async def test_a_revocation_again_asks_back_nothing_more(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    await sending(fresh)
    await fresh.hand_over(revocation([B]))
    before = await written(fresh)
    again = await fresh.hand_over(revocation([B]))
    assert not again.new
    assert [((), (B,))] == [(recall.asked, recall.again) for recall in again.recalls]
    assert before == await written(fresh)


async def test_what_is_revoked_before_any_relay_took_it_never_leaves(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    taken = await fresh.hand_over(revocation([B, C]))
    assert [True] == [recall.unsent for recall in taken.recalls]
    query = "SELECT o.state, r.state FROM outbox o JOIN recall r USING (dispatch_id)"
    assert ("cancelled", "not-needed") == tuple(await fresh.database.fetchrow(query))


async def test_what_is_revoked_of_some_before_it_left_goes_to_the_others(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    taken = await fresh.hand_over(revocation([B]))
    assert [False] == [recall.unsent for recall in taken.recalls]
    assert "unsent" == await fresh.database.fetchval("SELECT state FROM outbox")


async def test_an_update_adds_a_recipient_and_asks_another_copy_back(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B, C]))
    await sending(fresh)
    taken = await fresh.hand_over(update(**receivers(added=[D], removed=[C])))
    assert taken.new
    assert [D] == await copies(fresh, taken.sent_as)
    assert [("removed", REASON, first.sent_as, C)] == await asked_back(fresh)
    query = "SELECT business_type, number FROM handover WHERE dispatch_id = $1"
    assert (2, "1") == tuple(await fresh.database.fetchrow(query, taken.sent_as))


async def test_an_update_that_changes_the_document_goes_to_all(fresh: Line) -> None:
    first = await fresh.hand_over(packet([B, C]))
    taken = await fresh.hand_over(update(document_changed=True, subject="Đã sửa"))
    assert first.sent_as != taken.sent_as
    assert [B, C] == await copies(fresh, taken.sent_as)
    assert [] == await asked_back(fresh)


async def test_one_that_an_update_adds_and_that_has_it_gets_it_no_second_time(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    before = await written(fresh)
    taken = await fresh.hand_over(update(**receivers(added=[C])))
    assert (None, ()) == (taken.dispatch_id, taken.recipients)
    assert before == await written(fresh)


async def test_an_update_again_is_the_dispatch_that_it_has(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    await sending(fresh)
    wanted = update(**receivers(added=[D], removed=[C]))
    first = await fresh.hand_over(wanted)
    before = await written(fresh)
    again = await fresh.hand_over(wanted)
    assert (first.sent_as, False) == (again.sent_as, again.new)
    assert before == await written(fresh)


async def test_a_replacement_reserves_its_number_and_asks_back_what_it_replaces(
    fresh: Line,
) -> None:
    first = await fresh.hand_over(packet([B, C]))
    await sending(fresh)
    taken = await fresh.hand_over(replacement([B, C]))
    assert [B, C, D] == await copies(fresh, taken.sent_as)
    expected = [("replaced", REASON, first.sent_as, one) for one in (B, C)]
    assert expected == await asked_back(fresh)
    with pytest.raises(DocumentConflict, match="2/UBND-VP"):
        await fresh.hand_over(packet([B], "2"))


async def test_a_replacement_again_is_the_dispatch_that_it_has(fresh: Line) -> None:
    await fresh.hand_over(packet([B, C]))
    first = await fresh.hand_over(replacement([B, C]))
    before = await written(fresh)
    again = await fresh.hand_over(replacement([B, C]))
    assert (first.sent_as, False) == (again.sent_as, again.new)
    assert before == await written(fresh)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (revocation([B], of="7"), ("7/UBND-VP", B)),
        (revocation([B, D]), (f"gửi qua đây cho {D};", f"not sent here to {D}:")),
        (update(number="7", document_id=document_id("7"), document_changed=True), ("7/UBND-VP",)),
        (update(**receivers(removed=[D])), ("1/UBND-VP", D)),
        (replacement([D]), (document_id("1"), D)),
    ],
    ids=["revocation", "of a copy", "update", "of a recipient", "replacement"],
)
async def test_an_earlier_document_that_was_not_sent_is_refused_by_name(
    fresh: Line, data: bytes, named: Sequence[str]
) -> None:
    await fresh.hand_over(packet([B, C]))
    before = await written(fresh)
    with pytest.raises(EarlierUnknown) as refused:
        await fresh.hand_over(data)
    for name in named:
        assert name in str(refused.value)
    assert before == await written(fresh)


@pytest.mark.parametrize(
    ("data", "sender", "fault"),
    [
        (packet([B], promulgated=date(2099, 3, 2)), None, CheckFailed),
        (packet(["H99.99"]), None, CheckFailed),
        (packet([B]), B, SenderMismatch),
        (b"<edXML/>", None, PeerFault),
    ],
    ids=["of the future", "unknown recipient", "in another's name", "no packet"],
)
async def test_of_what_is_refused_at_the_door_nothing_is_written(
    fresh: Line, data: bytes, sender: str | None, fault: type[PeerFault]
) -> None:
    before = await written(fresh)
    with pytest.raises(fault):
        await fresh.door.take(fresh.database, data, sender)
    assert before == await written(fresh)


async def test_the_same_document_at_the_same_moment_is_one_dispatch(fresh: Line) -> None:
    taken = await at_once(fresh, *4 * [packet([B, C])])
    assert 1 == len({one.sent_as for one in taken if isinstance(one, HandedOver)})
    assert [False, False, False, True] == sorted(
        one.new for one in taken if isinstance(one, HandedOver)
    )
    tables = await written(fresh)
    assert (1, 1, 2) == (tables["handover"], tables["outbox"], tables["handover_recipient"])


async def test_of_two_contents_at_the_same_moment_one_has_the_number(fresh: Line) -> None:
    taken = await at_once(fresh, packet([B]), packet([B], subject="Khác"))
    (refused,) = (one for one in taken if isinstance(one, BaseException))
    assert isinstance(refused, DocumentConflict)
    assert 1 == await fresh.database.fetchval("SELECT count(*) FROM handover")


@pytest.mark.parametrize(
    "data",
    [replacement([B, C]), update(**receivers(added=[D], removed=[C])), revocation([B, C])],
    ids=["replacement", "update", "revocation"],
)
async def test_what_asks_back_twice_at_the_same_moment_asks_once(fresh: Line, data: bytes) -> None:
    await fresh.hand_over(packet([B, C]))
    await sending(fresh)
    taken = await at_once(fresh, *4 * [data])
    assert [] == [one for one in taken if isinstance(one, BaseException)]
    assert 1 == await fresh.database.fetchval("SELECT count(*) FROM recall")
    asked = [r.asked for one in taken if isinstance(one, HandedOver) for r in one.recalls]
    assert 1 == len([one for one in asked if one])
