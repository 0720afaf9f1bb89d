"""Taking: what waits, a packet by its id, what the receiver's system says of it."""

import base64
import codecs
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from hoatoc.content.error import ContentAltered, ContentMissing
from hoatoc.domain.access import Action, NotFound, Reach, Thing, reach_of
from hoatoc.domain.vxp.entry import MessageType, Received, Sent, Taking
from hoatoc.domain.vxp.refusal import BodyInvalid
from hoatoc.postgres.facade import Edoc, FacadeTables, Kind
from producers.gateway import answer
from producers.gateway.facade.calling import Known
from producers.gateway.facade.handing import NO_REASON
from producers.gateway.state import Gateway

_HEAD = 256
_DECLARED = re.compile(r"""\ufeff?<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_KINDS = {kind.value: kind for kind in MessageType}
WORDS = {word.value: word for word in (Taking.DONE, Taking.FAIL, Taking.PROCESSING)}
_OWN = {
    Kind.DOCUMENT: (Action.TAKE_CONTENT, Action.ANSWER),
    Kind.RECALL: (Action.TAKE_CONTENT, Action.ANSWER),
    Kind.STATUS: (Action.READ_STATUSES, Action.READ_STATUSES),
}


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


async def waiting(here: Gateway, known: Known, kind: MessageType) -> list[Received]:
    """Return what waits for the caller, of whatever day; raises AccessDenied."""
    caller, most = known.caller, here.settings.facade.listed
    receives, told = _may_list(known, kind)
    listed: list[Received] = []
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        for point in known.points:
            if receives:  # what came before is asked back: that goes first
                listed += await tables.recalls(point, caller, kind)
            if receives and kind is MessageType.EDOC:
                listed += await tables.documents(point, caller, most)
            if told:
                listed += await tables.statuses(point, caller, most)
    return listed[:most]


async def count(here: Gateway, known: Known, kind: MessageType) -> int:
    """Return how much waits for the caller, as it is listed; raises AccessDenied."""
    caller, waits = known.caller, 0
    receives, told = _may_list(known, kind)
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        for point in known.points:
            if receives:
                waits += len(await tables.recalls(point, caller, kind))
            if told or kind is MessageType.EDOC:
                waits += await tables.count(point, caller, kind)
    return waits


def _may_list(known: Known, kind: MessageType) -> tuple[bool, bool]:
    """Tell whether the caller may read what came to it, and what became of what it sent.

    A recipient is asked by a status 13 too, so of that list each role gets its own part. Raises
    AccessDenied where there is none.
    """
    roles = known.caller.roles
    receives = reach_of(roles, Action.READ_INBOX) is not Reach.NOTHING
    told = kind is MessageType.STATUS and reach_of(roles, Action.READ_STATUSES) is not Reach.NOTHING
    if not told:
        known.permit(Action.READ_INBOX)
    return receives, told


async def between(here: Gateway, known: Known, begin: datetime, end: datetime) -> list[Received]:
    """Return the documents of some days, taken or not, and whatever else waits."""
    known.permit(Action.READ_INBOX)
    caller, most, listed = known.caller, here.settings.facade.listed, list[Received]()
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        for point in known.points:
            listed += await tables.recalls(point, caller, MessageType.EDOC)
            listed += await tables.between(point, caller, begin, end, most)
    return listed


async def edoc(here: Gateway, known: Known, text: str) -> Edoc:
    """Return a packet for its receiver, or for its sender, as it was handed over.

    Raises NotFound, AccessDenied, ContentAltered, ContentMissing, ContentUnreachable.
    """
    async with here.connection() as connection:
        found = await FacadeTables(connection).edoc(entry_id(text))
        parties = [] if found is None else [found.receiver, found.sender]
        action = _OWN[found.kind][0] if found else Action.TAKE_CONTENT
        known.find(action, text, parties)
        if found is None:
            raise NotFound(Thing.DOCUMENT, text)
        await known.note(connection, action, found.receiver, text)
    await _verify(here, found, text)
    return found


async def _verify(here: Gateway, found: Edoc, text: str) -> None:
    """Read a packet through before a byte of it goes out: a reply must not break off."""
    if found.claim is not None:
        await here.contents.verify(found.claim)
    elif found.packet is None:
        raise ContentMissing(f"{text}: không có trong kho / is not in the store")
    elif found.packet_sha256 not in (None, sha256(found.packet).digest()):
        raise ContentAltered(
            f"Nội dung của {text} không còn như khi nhận; báo đơn vị vận hành / the content is not "
            "what was handed over: tell the operators"
        )


async def pieces_of(here: Gateway, found: Edoc) -> AsyncIterator[bytes]:
    """Yield a packet that was verified."""
    if found.claim is not None:
        async for piece in here.contents.stored(found.claim):
            yield piece
    elif found.packet is not None:
        yield found.packet


async def acknowledge(here: Gateway, known: Known, text: str, word: str) -> None:
    """Say of a packet what the receiver's system says: done, fail, processing.

    What was done before is not undone: a system that gets a packet again, and finds that it has it,
    says `fail`. Raises NotFound, AccessDenied, BodyInvalid, BrokerAway.
    """
    outcome = WORDS.get(word.strip().lower())
    if outcome is None:
        raise BodyInvalid("status", word, ", ".join(WORDS))
    found = await _own(here, known, text)
    if found.outcome is Taking.DONE:
        return
    if found.kind is Kind.DOCUMENT:
        await answer.taking(here, known.speaking, found.packet_id, outcome)
    async with here.connection() as connection:
        await FacadeTables(connection).answer(found, outcome)
        if found.kind is not Kind.DOCUMENT:  # of a document it was written down when it was told
            await known.note(connection, _OWN[found.kind][1], found.receiver, text)


async def report_on(here: Gateway, known: Known, text: str, code: str) -> None:
    """Report the status of a copy by its code, as the provincial dialect does."""
    found = await _own(here, known, text)
    if found.kind is not Kind.DOCUMENT:
        raise BodyInvalid("status", code, ", ".join(WORDS))
    words = NO_REASON if code == answer.REFUSED else None
    await answer.status(here, known.speaking, found.packet_id, code, words, None)


async def _own(here: Gateway, known: Known, text: str) -> Edoc:
    """Return the packet that an answer is about; raises NotFound, AccessDenied."""
    async with here.connection() as connection:
        found = await FacadeTables(connection).edoc(entry_id(text))
    action = _OWN[found.kind][1] if found else Action.ANSWER
    known.find(action, text, [found.receiver] if found else [])
    if found is None:
        raise NotFound(Thing.DOCUMENT, text)
    return found


async def sent(here: Gateway, known: Known, text: str) -> list[Sent]:
    """Return how each copy stands of what the caller sent: of one dispatch, or of late.

    An id that an earlier call left among the headers names what the caller received, and no
    dispatch of its own: then it counts for nothing. Raises NotFound for any other.
    """
    known.permit(Action.SEARCH)
    caller, settings = known.caller, here.settings.facade
    since = datetime.now(UTC) - timedelta(days=settings.sent_days)
    async with here.connection() as connection:
        tables = FacadeTables(connection)
        wanted = entry_id(text) if text else None
        if wanted is not None and not await tables.is_dispatch(caller, wanted):
            if not await tables.is_for(caller, wanted):
                raise NotFound(Thing.DISPATCH, text)
            wanted = None
        return await tables.sent(caller, wanted, since, settings.listed)


async def in_json(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Write a packet that comes in pieces as the inside of a string of JSON, in ASCII.

    What it says of its encoding is true of a string no more, and made so.
    """
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= _HEAD:
            break
    decoder = codecs.getincrementaldecoder(encoding_of(head))()
    text = decoder.decode(head)
    declared = _DECLARED.match(text)
    if declared:
        text = f"{text[: declared.start(1)]}UTF-8{text[declared.end(1) :]}"
    yield json.dumps(text)[1:-1].encode("ascii")
    async for piece in pieces:
        yield json.dumps(decoder.decode(piece))[1:-1].encode("ascii")
    yield json.dumps(decoder.decode(b"", final=True))[1:-1].encode("ascii")


def encoding_of(head: bytes) -> str:
    """Return in which encoding XML is written, by its first bytes (XML 1.0, appendix F)."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if head.startswith(b"<") else "utf-16-be"
    declared = _DECLARED.match(head[:_HEAD].decode("latin-1").removeprefix("\xef\xbb\xbf"))
    return declared[1] if declared else "utf-8"


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
