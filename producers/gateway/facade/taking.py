"""Taking: what waits, a packet by its id, what the receiver's system says of it."""

import base64
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5

from hoatoc.domain.access import Action, NotFound, Thing
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import StatusReported, TransportAcknowledged
from hoatoc.domain.vxp.entry import MessageType, Received, Sent, Taking
from hoatoc.domain.vxp.refusal import BodyInvalid
from hoatoc.postgres.facade import Edoc, FacadeTables, Kind
from producers.gateway.facade.calling import Speaking
from producers.gateway.facade.handing import tell
from producers.gateway.state import Gateway

_KINDS = {kind.value: kind for kind in MessageType}
_WORDS = {word.value: word for word in (Taking.DONE, Taking.FAIL, Taking.PROCESSING)}
_READS = {MessageType.EDOC: Action.READ_INBOX, MessageType.STATUS: Action.READ_STATUSES}


class PacketAltered(OurFault):
    """A packet is not what was handed over: its digest differs."""


def kind_named(text: str) -> MessageType:
    """Return the kind of packet that a call names; documents if it names none."""
    kind = _KINDS.get((text or MessageType.EDOC).strip().lower())
    if kind is None:
        raise BodyInvalid("messagetype", text, "edoc, status")
    return kind


def entry_id(text: str) -> UUID:
    """Read the id of a packet; raises NotFound for what was never given out."""
    try:
        return UUID(text.strip())
    except ValueError as error:
        raise NotFound(Thing.DOCUMENT, text) from error


async def waiting(here: Gateway, speaking: Speaking, kind: MessageType) -> list[Received]:
    """Return what waits for the caller, of whatever day; statuses are the sender's.

    A recipient is asked by a status 13 too, so one of the two roles is enough for that list.
    """
    _permit_list(speaking, kind)
    async with here.connection() as connection:
        return await FacadeTables(connection).waiting(
            speaking.connection_point, speaking.caller, kind, here.settings.facade.listed
        )


async def count(here: Gateway, speaking: Speaking, kind: MessageType) -> int:
    """Return how much waits for the caller."""
    _permit_list(speaking, kind)
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        return await tables.count(speaking.connection_point, speaking.caller, kind)


def _permit_list(speaking: Speaking, kind: MessageType) -> None:
    speaking.permit(_READS[kind])


async def between(
    here: Gateway, speaking: Speaking, begin: datetime, end: datetime
) -> list[Received]:
    """Return the documents of some days, taken or not, and whatever else waits."""
    _permit_list(speaking, MessageType.EDOC)
    async with here.connection() as connection:
        return await FacadeTables(connection).between(
            speaking.connection_point, speaking.caller, begin, end, here.settings.facade.listed
        )


async def edoc(here: Gateway, speaking: Speaking, text: str) -> Edoc:
    """Return a packet for its receiver, or for its sender; raises NotFound, PacketAltered."""
    wanted = entry_id(text)
    async with here.connection() as connection:
        found = await FacadeTables(connection).edoc(wanted)
    if found is None:
        raise NotFound(Thing.DOCUMENT, text)
    if found.kind is Kind.STATUS:
        speaking.find(Action.READ_STATUSES, text, found.sender)
    else:
        speaking.find(Action.TAKE_CONTENT, text, found.recipient, found.sender)
    if found.packet_sha256 and sha256(found.packet or b"").digest() != found.packet_sha256:
        raise PacketAltered(
            f"Nội dung của {text} không còn nguyên vẹn; đơn vị vận hành đã được báo. / The content "
            f"of {text} is not what was handed over; the operators were told."
        )
    return found


async def acknowledge(here: Gateway, speaking: Speaking, text: str, word: str) -> None:
    """Say of a packet what the receiver's system says: done, fail, processing.

    What was done before is not undone: a system that gets a packet again, and finds that it has it,
    says `fail`. Raises NotFound, AccessDenied, BodyInvalid, BrokerAway.
    """
    outcome = _WORDS.get(word.strip().lower())
    if outcome is None:
        raise BodyInvalid("status", word, ", ".join(_WORDS))
    found = await _answered(here, speaking, text)
    if found.outcome is Taking.DONE:
        return
    if found.kind is Kind.DOCUMENT:
        event = TransportAcknowledged(
            event_id=uuid5(found.dispatch_id, f"gateway/{found.packet_id}/{outcome}/"),
            dispatch_id=found.dispatch_id,
            recipient=found.recipient,
            outcome=outcome,
            reported_ms=time.time_ns() // 1_000_000,
        )
        await tell(here, event)
    async with here.connection() as connection:
        await FacadeTables(connection).answer(found, outcome)


async def report_on(here: Gateway, speaking: Speaking, text: str, code: str) -> None:
    """Report the status of a copy by its code, as the provincial dialect does."""
    found = await _answered(here, speaking, text)
    if found.kind is not Kind.DOCUMENT:
        raise BodyInvalid("status", code, ", ".join(_WORDS))
    event = StatusReported(
        event_id=uuid5(found.dispatch_id, f"gateway/{found.packet_id}/{code}/"),
        dispatch_id=found.dispatch_id,
        recipient=found.recipient,
        code=code,
        reported_ms=time.time_ns() // 1_000_000,
    )
    await tell(here, event)


async def _answered(here: Gateway, speaking: Speaking, text: str) -> Edoc:
    """Return the packet that an answer is about; raises NotFound, AccessDenied."""
    async with here.connection() as connection:
        found = await FacadeTables(connection).edoc(entry_id(text))
    if found is None:
        raise NotFound(Thing.DOCUMENT, text)
    if found.kind is Kind.STATUS:
        speaking.find(Action.READ_STATUSES, text, found.sender)
    else:
        speaking.find(Action.ANSWER, text, found.recipient)
    return found


async def sent(here: Gateway, speaking: Speaking, text: str) -> list[Sent]:
    """Return how each copy stands of what the caller sent: of one dispatch, or of late.

    An id that an earlier call left among the headers names what the caller received, and no
    dispatch of its own: then it counts for nothing. Raises NotFound for any other.
    """
    speaking.permit(Action.SEARCH)
    caller, settings = speaking.caller, here.settings.facade
    since = datetime.now(UTC) - timedelta(days=settings.sent_days)
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        wanted = entry_id(text) if text else None
        if wanted is not None and not await tables.is_dispatch(caller, wanted):
            if not await tables.is_for(caller, wanted):
                raise NotFound(Thing.DISPATCH, text)
            wanted = None
        return await tables.sent(caller, wanted, since, settings.listed)


async def in_base64(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Encode pieces of any length as one text in base64."""
    rest = b""
    async for piece in pieces:
        whole = rest + piece
        cut = len(whole) - len(whole) % 3
        yield base64.b64encode(whole[:cut])
        rest = whole[cut:]
    if rest:
        yield base64.b64encode(rest)
