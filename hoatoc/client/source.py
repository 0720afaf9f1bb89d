"""Where a recipient's documents come from, and its answers go to: a gateway, or Kafka."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from hoatoc import codec
from hoatoc.client.asynchronous import AsyncClient
from hoatoc.client.call import WAIT_S
from hoatoc.client.download import altered
from hoatoc.client.error import CursorLost
from hoatoc.client.journal import Waiting
from hoatoc.client.value import Entry
from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.delivery import OUTCOMES
from hoatoc.domain.error import OurFault, PeerFault, Unavailable
from hoatoc.domain.event import (
    Answer,
    DocumentDispatched,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id
from hoatoc.kafka.client import AWAY, BrokerAway, consumer, headers_of, producer

PROCESSING = "processing"
_MOST = 200
_LARGE = 256 * 1024
"""bytes; what is not larger is taken in one go"""


class PositionLost(OurFault):
    """The topic does not hold what comes next: it has expired untaken, or the topic is another."""


class ReaderOutdated(OurFault):
    """What came was written by a later version: no document is at fault, none is passed over."""


class ContentElsewhere(OurFault):
    """A document's content is not in its record, and nothing is said of where to take it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that came; `cursor` is the place behind it. Without entry it cannot be read.

    `fault` says why not; `raw` is what came instead, and `dispatch_id` what its key says.
    """

    cursor: str
    entry: Entry | None = None
    content: bytes | None = None
    raw: bytes = b""
    dispatch_id: UUID | None = None
    fault: str = ""


class Source(Protocol):
    """Where documents come from."""

    name: str
    organ: str

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        """Return what stands behind a cursor, and the cursor behind it all; wait a while for some.

        Raises a HoatocError; one that is retriable says that the other side is away.
        """
        ...

    async def content(self, item: Item) -> bytes:
        """Return the packet of an item, verified; raises ContentAltered and what `next` raises."""
        ...

    async def answer(self, answer: Waiting) -> None:
        """Answer, durably; raises what `next` raises."""
        ...


@dataclass(slots=True)
class HttpSource:
    """The inbox of a gateway."""

    client: AsyncClient
    organ: str = ""
    name: str = "gateway"
    scratch: Path | None = None
    """where what was taken of a large document stands until it is whole"""

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        """GET /v1/inbox, waiting."""
        try:
            found = await self.client.inbox(cursor, limit=_MOST, wait_s=WAIT_S)
        except CursorLost as error:
            raise PositionLost(str(error)) from error
        return [Item(cursor=each.cursor, entry=each) for each in found.entries], found.next

    async def content(self, item: Item) -> bytes:
        """GET /v1/deliveries/{id}/content."""
        assert item.entry is not None  # noqa: S101 - asked for what was read alone
        return await _taken(self.client, item.entry, self.scratch)

    async def answer(self, answer: Waiting) -> None:
        """POST an acknowledgement or a status, by the key that it has."""
        key = str(answer.key)
        if _is_outcome(answer.word):
            await self.client.acknowledge(answer.delivery_id, answer.word, answer.reason, key=key)
            return
        at = datetime.fromtimestamp(answer.reported_ms / 1000, UTC)
        await self.client.report(
            answer.delivery_id, answer.word, answer.reason, reported_at=at, key=key
        )


async def _taken(client: AsyncClient, entry: Entry, scratch: Path | None) -> bytes:
    """Take the packet of a copy; a large one goes on where the line broke, whoever asks again."""
    expected = entry.content_sha256 or ""
    if scratch is None or (entry.content_bytes or 0) <= _LARGE:
        return await client.content(entry.delivery_id, expected)
    place = scratch / f"{entry.delivery_id}.edxml"
    try:
        await client.save(entry.delivery_id, place, expected)
        content = await asyncio.to_thread(place.read_bytes)
        place.unlink()
    except OSError as error:  # our disk, not the document
        raise Unavailable(f"{place}: {error.strerror}") from error
    return content


@dataclass(slots=True)
class KafkaSource:
    """The topics `documents.<organ>` and `reports.<organ>`; a cursor is the next offset.

    `gateway` is where the content of large documents is taken.
    """

    kafka: Kafka
    organ: str
    gateway: AsyncClient | None = None
    name: str = "kafka"
    wait_s: float = WAIT_S
    scratch: Path | None = None
    _held: AsyncExitStack = field(default_factory=AsyncExitStack)
    _reader: AIOKafkaConsumer | None = None
    _at: int | None = None
    _producer: AIOKafkaProducer | None = None

    async def next(self, cursor: str | None) -> tuple[Sequence[Item], str | None]:
        """Read on in the topic of documents; raises BrokerAway or PositionLost."""
        place = TopicPartition(topic.documents(self.organ), 0)
        try:
            reader = await self._opened(place)
            if self._at is None or cursor is None or self._at != int(cursor):
                self._at = await self._seek(reader, place, cursor)
            wait_ms = int(self.wait_s * 1000)
            fetched = await reader.getmany(place, timeout_ms=wait_ms, max_records=_MOST)
            records = fetched.get(place, [])
            if records and records[0].offset != self._at:
                raise _lost(place.topic, self._at, records[0].offset, records[-1].offset)
            self._at = records[-1].offset + 1 if records else self._at
            return [item_of(each) for each in records], str(self._at)
        except (*AWAY, KafkaError) as error:
            await self.close()
            raise BrokerAway(f"{place.topic}: {type(error).__name__}: {error}") from error

    async def _opened(self, place: TopicPartition) -> AIOKafkaConsumer:
        if self._reader is None:
            self._reader = await self._held.enter_async_context(consumer(self.kafka))
            self._reader.assign([place])
        return self._reader

    async def _seek(
        self, reader: AIOKafkaConsumer, place: TopicPartition, cursor: str | None
    ) -> int:
        begin = (await reader.beginning_offsets([place]))[place]
        wanted = begin if cursor is None else int(cursor)
        end = (await reader.end_offsets([place]))[place]
        if not begin <= wanted <= end:
            raise _lost(place.topic, wanted, begin, end)
        reader.seek(place, wanted)
        return wanted

    async def content(self, item: Item) -> bytes:
        """Return what the record holds, or what it claims; raises ContentElsewhere too."""
        entry, content = item.entry, item.content
        assert entry is not None  # noqa: S101 - asked for what was read alone
        expected = entry.content_sha256 or ""
        if content is None:
            if self.gateway is None:
                raise ContentElsewhere(
                    f"Văn bản {entry.document_id} có nội dung lớn: khai báo cổng (gateway) cho hộp "
                    f"nhận. / The content of {entry.document_id} is large: name a gateway."
                )
            return await _taken(self.gateway, entry, self.scratch)
        found = sha256(content).hexdigest()
        if found != expected:
            raise altered(expected, found)
        return content

    async def answer(self, answer: Waiting) -> None:
        """Write an answer to the topic of reports, confirmed; raises BrokerAway."""
        event = event_of(answer)
        try:
            if self._producer is None:
                opened = producer(self.kafka, [topic.reports(self.organ)])
                self._producer = await self._held.enter_async_context(opened)
            await self._producer.send_and_wait(
                topic.reports(self.organ),
                codec.encode(event),
                key=str(answer.dispatch_id).encode(),
                partition=0,
                headers=headers_of(
                    event.event_id, type(event).__name__, "inbox", answer.dispatch_id
                ),
            )
        except (*AWAY, KafkaError) as error:
            await self.close()
            raise BrokerAway(f"{topic.reports(self.organ)}: {error}") from error

    async def close(self) -> None:
        """Close what is open; the next use opens it again."""
        held, self._held = self._held, AsyncExitStack()
        self._reader = self._producer = self._at = None
        await held.aclose()


def _lost(name: str, wanted: int, begin: int, end: int) -> PositionLost:
    return PositionLost(
        f"{name}: cần đọc từ {wanted}, chủ đề chỉ còn {begin} đến {end}: có văn bản có thể chưa "
        "được lấy. Hỏi đơn vị vận hành phần tồn đọng, rồi đặt lại vị trí (Inbox.restart). / "
        f"{name}: to be read from {wanted}, it holds {begin} to {end}: documents may be untaken. "
        "Ask the operators for the backlog, then begin anew (Inbox.restart)."
    )


def event_of(answer: Waiting) -> Answer:
    """Return an answer as the event that it is; asked again it has the same id."""
    event_id = uuid5(answer.dispatch_id, f"inbox/{answer.key}")
    if _is_outcome(answer.word):
        return TransportAcknowledged(
            event_id=event_id,
            dispatch_id=answer.dispatch_id,
            recipient=answer.recipient,
            outcome=answer.word,
            reason=answer.reason or None,
            reported_ms=answer.reported_ms,
        )
    return StatusReported(
        event_id=event_id,
        dispatch_id=answer.dispatch_id,
        recipient=answer.recipient,
        code=answer.word,
        description=answer.reason or None,
        reported_ms=answer.reported_ms,
    )


def _is_outcome(word: str) -> bool:
    return word in OUTCOMES or word == PROCESSING


def item_of(record: ConsumerRecord) -> Item:
    """Return a record of a topic of documents; one that cannot be read says why.

    Raises ReaderOutdated.
    """
    cursor = str(record.offset + 1)
    try:
        event = codec.decode(record.value)
        if not isinstance(event, DocumentDispatched | RecallIssued):
            raise codec.Undecodable(f"{type(event).__name__} stands where a document must")
    except PeerFault as fault:
        if isinstance(fault, codec.Undecodable) and fault.schema_unknown:
            raise ReaderOutdated(
                f"{record.topic}, offset {record.offset}: bản ghi do phiên bản mới hơn viết; nâng "
                "cấp phần mềm nhận rồi chạy lại, không có gì bị mất. / A later version wrote this: "
                "upgrade the reader and run it again; nothing is lost."
            ) from fault
        dispatch_id = _id_of(record.key)
        raw = bytes(record.value or b"")
        return Item(cursor=cursor, raw=raw, dispatch_id=dispatch_id, fault=str(fault))
    return Item(cursor=cursor, entry=entry_of(event, cursor), content=event.content)


def entry_of(event: DocumentDispatched | RecallIssued, cursor: str) -> Entry:
    """Return an event of a topic of documents as the gateway lists it."""
    names = set(Entry.__slots__) & set(type(event).__slots__) - {"content_sha256"}
    return Entry(
        cursor=cursor,
        type="recall" if isinstance(event, RecallIssued) else "document",
        content_sha256=event.content_sha256.hex() if event.content_sha256 else None,
        **{name: getattr(event, name) for name in names},
    )


def _id_of(key: bytes | None) -> UUID | None:
    try:
        return UUID((key or b"").decode("ascii"))
    except ValueError:
        return None


def own_copy(dispatch_id: UUID, organ: str) -> UUID:
    """Return the id of an organ's own copy of a dispatch."""
    return delivery_id(DispatchId(dispatch_id), OrganCode(organ))
