"""Where a spool hands over: a gateway, or straight to Kafka; and what their answers mean for it.

A packet ends in one of three ways: the door has it, the door will never take it as it is, or
nothing can be said yet. Then either this packet alone waits, or all do: when the line is down, when
our credential is not accepted, when what answers is no gateway. No packet is blamed for that.
"""

from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import to_builtins

from hoatoc import client, codec
from hoatoc.client import AsyncClient
from hoatoc.client.error import MISUNDERSTOOD
from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.edxml import MAX_PACKET_BYTES
from hoatoc.domain.error import HoatocError, PeerFault, Unavailable
from hoatoc.domain.event import DocumentHandedOver
from hoatoc.kafka.client import (
    AWAY,
    BrokerAway,
    headers_of,
    producer,
)
from hoatoc.spool.outbox import Queued

NAME = "spool"


class Handed(NamedTuple):
    """The door has it: as which dispatch, if it says so, and all that it said.

    Where that is not `final`, the door behind the broker answers later.
    """

    dispatch_id: UUID | None
    answer: Any
    final: bool = True


class Rejected(PeerFault):
    """The door will never take the packet as it is; `answer` is all that it said."""

    def __init__(self, text: str, answer: Any, code: str) -> None:
        self.answer, self.code = answer, code
        super().__init__(text)


class Later(Unavailable):
    """One packet is not taken now; others may be."""

    def __init__(self, text: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(text)


class LineDown(Later):
    """Nothing can be handed over now, whatever the packet."""


class Door(Protocol):
    """Where packets are handed over."""

    async def hand_over(self, packet: Queued, content: bytes) -> Handed:
        """Hand a packet over; raises Rejected, Later or LineDown."""
        ...


@dataclass(slots=True)
class GatewayDoor:
    """A gateway; its client must not try again by itself."""

    client: AsyncClient

    async def hand_over(self, packet: Queued, content: bytes) -> Handed:
        """POST /v1/documents, by the key of the row; raises Rejected, Later or LineDown."""
        try:
            handed = await self.client.hand_over(
                content,
                priority=packet.priority,
                declared_open_by=packet.declared_by,
                key=key_of(packet),
            )
        except client.Problem as problem:
            raise _meaning(problem) from problem
        except HoatocError as error:  # away, or what answers is no gateway
            raise LineDown(str(error), getattr(error, "retry_after_s", None)) from error
        return Handed(handed.dispatch_id, to_builtins(asdict(handed)))


def key_of(packet: Queued) -> str:
    """Return a packet's key of idempotency; what is declared of it makes it another request."""
    return str(uuid5(packet.id, packet.declared_by) if packet.declared_by else packet.id)


_ALL_WAIT = (client.NotServed, client.Unauthenticated, client.AccessDenied, client.NotFound)
_ONE_WAITS = (client.Busy, client.GatewayFault)
_ITS_CONTENT = ("content-unreachable", "content-missing", "content-altered")
"""where large packets lie; a small one does not need it"""
_DAMAGED = ("digest-mismatch", "body-incomplete", "body-empty", "body-slow")
"""what the line did to a request"""


def _meaning(problem: client.Problem) -> HoatocError:
    """Return what a problem means for a packet and the line.

    A refusal without a code was not said by a gateway but by something on the way to it.
    """
    text, after_s = str(problem), problem.retry_after_s
    by_the_way = isinstance(problem, client.TooLarge) and not problem.code
    of_one = (*_DAMAGED, *_ITS_CONTENT, "request-invalid")
    if by_the_way or isinstance(problem, _ONE_WAITS) or problem.code in of_one:
        return Later(text, after_s)
    held = isinstance(problem, _ALL_WAIT) and problem.code != "sender-mismatch"
    if held or not problem.code or problem.code in MISUNDERSTOOD:
        return LineDown(text, after_s)
    return Rejected(text, problem.document, problem.code)


@dataclass(slots=True)
class KafkaDoor:
    """The topic `handovers.<organ>` of a broker, which intake reads."""

    kafka: Kafka
    organ: str
    _held: AsyncExitStack = field(default_factory=AsyncExitStack)
    _producer: AIOKafkaProducer | None = None

    async def hand_over(self, packet: Queued, content: bytes) -> Handed:
        """Write a DocumentHandedOver, confirmed; raises Rejected, Later or LineDown."""
        if len(content) > MAX_PACKET_BYTES:
            raise _too_large(len(content))
        event = DocumentHandedOver(
            event_id=packet.handover_id, document_id=packet.document_id, packet=content
        )
        name = topic.handovers(self.organ)
        try:
            place = await (await self._opened()).send_and_wait(
                name,
                codec.encode(event),
                key=packet.document_id.encode(),
                partition=0,
                headers=headers_of(event.event_id, "DocumentHandedOver", NAME, None),
            )
        except (*AWAY, KafkaError, BrokerAway) as error:
            await self.close()  # a producer that could not send is not trusted with what follows
            said = str(error) or type(error).__name__
            raise LineDown(
                f"Kafka chưa nhận: {said}. / The broker has not confirmed: {said}."
            ) from error
        told = {"topic": name, "partition": 0, "offset": place.offset}
        return Handed(None, told, final=False)

    async def open(self) -> None:
        """Open the producer now; without this the first packet does. Raises BrokerAway."""
        await self._opened()

    async def _opened(self) -> AIOKafkaProducer:
        if self._producer is None:
            opened = producer(self.kafka, [topic.handovers(self.organ)])
            self._producer = await self._held.enter_async_context(opened)
        return self._producer

    async def close(self) -> None:
        """Close the producer; the next packet opens another."""
        held, self._held, self._producer = self._held, AsyncExitStack(), None
        await held.aclose()


def _too_large(size: int) -> Rejected:
    text = (
        f"Gói tin {size} byte vượt mức {MAX_PACKET_BYTES} byte nhận qua Kafka: đặt "
        "HOATOC_SPOOL_GATEWAY để gửi qua cổng HTTP. / The packet has "
        f"{size} bytes, above the {MAX_PACKET_BYTES} that are taken through Kafka: set "
        "HOATOC_SPOOL_GATEWAY to send it through the gateway."
    )
    return Rejected(text, {"code": "content-too-large", "detail": text}, "content-too-large")
