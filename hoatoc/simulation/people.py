"""Those who use Hoatoc in the simulated world: senders, recipients, and what they note.

They know what agencies know: doors, their own topics, the public events. Their lines fail as the
programs' do, and they try again until they are answered; nobody kills them.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid5

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from asyncpg import CannotConnectNowError, ConnectionDoesNotExistError

from hoatoc import codec
from hoatoc.admission import Admitted
from hoatoc.domain import topic
from hoatoc.domain.content import whole
from hoatoc.domain.event import (
    DocumentDispatched,
    DocumentHandedOver,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.examination import Examination
from hoatoc.domain.identity import OrganCode, content_digest, document_key
from hoatoc.domain.packet import Packet, Party, Signer
from hoatoc.domain.sending import Form, Sending
from hoatoc.domain.signature import LegalValue
from hoatoc.history.note import POISON, Answered, HandedOver, Recalled, Received, TurnedAway
from hoatoc.kafka.dead_letter import PUT_BACK_HEADER, dead_letter_id
from hoatoc.ports import Asking
from hoatoc.simulation.policy import POLICY
from hoatoc.simulation.program import BEHIND_HUB, HUB, RECIPIENTS, SENDERS, registry
from hoatoc.simulation.world import BrokerWire, DatabaseWire, World
from hoatoc.testing.group import MemoryConsumer
from hoatoc.testing.handover import MemoryHandovers
from hoatoc.testing.log import MemoryProducer

TODAY = date(2025, 10, 10)
OUTCOMES = ("done", "fail", "processing")
_AWAY = (CannotConnectNowError, ConnectionDoesNotExistError)
_TRY_AGAIN_S = 0.5
_CONDUCTS: Sequence[tuple[int, tuple[str, ...]]] = (
    (30, ("03",)),
    (14, ("done", "03")),
    (6, ("01", "06")),
    (12, ("done", "03", "05")),
    (6, ()),
    (5, ("02",)),
    (4, ("fail",)),
    (4, ("fail", "done", "04")),
    (3, (POISON,)),
    (3, (POISON, "03")),
    (3, ("processing", "3", "99")),
    (3, ("05", "01", "done")),
    (3, ("01",)),
    (2, ("done", "fail", "03", "02")),
    (3, ("fail", "01", "fail")),
    (3, ("fail", "done", "fail", "03")),
)
"""(weight, what is said) of one delivery"""


def packet(sender: str, recipients: Sequence[str], number: int, priority: int) -> Admitted:
    """Return a document as a door admits it."""
    found = Packet(
        sender=Party(code=sender, name=sender),
        recipients=tuple(Party(code=code, name=code) for code in recipients),
        document_id=f"{sender}/{number}",
        number=str(number),
        notation="CV",
        promulgated=TODAY,
        subject=f"Về việc số {number}",
        signer=Signer(full_name="A"),
        priority=priority,
    )
    organs, issuer = registry(), registry()[sender]
    return Admitted(
        data=f"{sender}/{number}/{','.join(recipients)}".encode(),
        packet=found,
        issuer=issuer,
        key=document_key(found),
        digest=content_digest(found),
        sending=Sending(copies=tuple(OrganCode(code) for code in sorted(recipients))),
        connections={OrganCode(c): organs.connection(organs[c]) for c in recipients},
        sender_connection=organs.connection(issuer),
        examination=Examination(),
        legal_value=LegalValue.REFERENCE_ONLY,
        findings=(),
        suspicions=(),
        cleared_by="",
    )


@dataclass(slots=True)
class People:
    """Senders and recipients of one history."""

    world: World
    producer: MemoryProducer = field(init=False)
    dead_until_s: dict[str, float] = field(default_factory=dict)
    busy: int = 0
    seen: set[UUID] = field(default_factory=set)
    repaired: list[UUID] = field(default_factory=list)
    """dead letters in whose place an operator has answered"""
    dispatches: list[tuple[UUID, str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open their line to the broker."""
        self.producer = MemoryProducer(self.world.broker, BrokerWire(self.world, "people"))

    async def hand_over(self, number: int) -> None:
        """Hand one document over, by either door, until it is taken."""
        chance, world = self.world.chance, self.world
        self.busy += 1
        recipients = chance.sample((*RECIPIENTS, *BEHIND_HUB), chance.randint(12, 18))
        sender = chance.choice(SENDERS)
        admitted = packet(sender, recipients, number, chance.choice((0, 1, 2, 2, 3)))
        world.packets[whole(admitted.data)] = admitted
        if chance.random() < 0.6:
            await self._by_api(admitted, recipients)
        else:
            await self._by_kafka(admitted, recipients)
        self.busy -= 1

    async def _by_api(self, admitted: Admitted, recipients: Sequence[str]) -> None:
        while True:
            tables = self._handovers()
            try:
                taken = await tables.hand_over(admitted, POLICY, "api")
            except _AWAY:
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                break
        self._note_handed_over(admitted, recipients, "api", taken.sent_as)
        about = (taken.sent_as, admitted.issuer.code, tuple(recipients))
        self.dispatches.append(about)
        if self.world.chance.random() < 0.15:  # a second thought, before or while it leaves
            await self._recall_by_api(taken.sent_as, admitted.issuer.code, recipients)

    def _handovers(self) -> MemoryHandovers:
        connection = self.world.database.connect(DatabaseWire(self.world))
        return MemoryHandovers(connection, self.world.chance.randbytes)

    def _note_handed_over(
        self, admitted: Admitted, recipients: Sequence[str], door: str, dispatch_id: UUID | None
    ) -> None:
        note = HandedOver(
            at_ms=self.world.now_ms(),
            document_id=admitted.packet.document_id,
            sender=admitted.issuer.code,
            recipients=list(recipients),
            sha256=admitted.sha256.hex(),
            door=door,
            dispatch_id=dispatch_id,
        )
        self.world.notes.append(note)

    async def _by_kafka(self, admitted: Admitted, recipients: Sequence[str]) -> None:
        """Hand over by the sender's topic; at times twice, at times with rubbish before it."""
        name, chance = topic.handovers(admitted.issuer.code), self.world.chance
        if chance.random() < 0.3:
            rubbish = f"rubbish {admitted.packet.document_id}".encode()
            await self._write_handover(name, rubbish, f"rubbish/{admitted.packet.document_id}")
            note = TurnedAway(
                at_ms=self.world.now_ms(),
                document_id=f"rubbish/{admitted.packet.document_id}",
                sender=admitted.issuer.code,
                sha256=hashlib.sha256(rubbish).hexdigest(),
                reason="NotAdmitted",
            )
            self.world.notes.append(note)
        for _ in range(1 + (chance.random() < 0.2)):
            await self._write_handover(name, whole(admitted.data), admitted.packet.document_id)
        self._note_handed_over(admitted, recipients, "kafka", None)

    async def _write_handover(self, name: str, data: bytes, document_id: str) -> None:
        event = DocumentHandedOver(
            event_id=UUID(int=self.world.chance.getrandbits(128)),
            document_id=document_id,
            packet=data,
        )
        await self._write(name, codec.encode(event), document_id.encode())

    async def _write(
        self, name: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> int:
        send = self.producer.send_and_wait
        while True:
            try:
                return (await send(name, value, key, headers=headers)).offset
            except KafkaError:
                await asyncio.sleep(_TRY_AGAIN_S)

    async def recall(self) -> None:
        """Ask some copies of a document back, by either way."""
        chance = self.world.chance
        if not self.dispatches:
            return
        self.busy += 1
        dispatch_id, sender, recipients = chance.choice(self.dispatches)
        some = chance.sample(recipients, chance.choice((1, 2, len(recipients))))
        if chance.random() < 0.6:
            await self._recall_by_api(dispatch_id, sender, some)
        else:
            await self._recall_by_kafka(dispatch_id, sender, some[0])
        self.busy -= 1

    async def _recall_by_api(self, dispatch_id: UUID, sender: str, some: Sequence[str]) -> None:
        asking = Asking(form=Form.STATUS_13, reason="gửi nhầm", requested_by=sender)
        while True:
            tables = self._handovers()
            try:
                copies = [c for c in await tables.copies(dispatch_id) if c.recipient in some]
                await tables.ask_back(copies, asking)
            except _AWAY:
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                break
        at_ms = self.world.now_ms()
        self.world.notes.append(
            Recalled(at_ms=at_ms, dispatch_id=dispatch_id, recipients=list(some))
        )

    async def _recall_by_kafka(self, dispatch_id: UUID, sender: str, recipient: str) -> None:
        await self._write(
            topic.reports(sender),
            self._said("13", dispatch_id, recipient, "0"),
            str(dispatch_id).encode(),
        )
        at_ms = self.world.now_ms()
        self.world.notes.append(
            Recalled(at_ms=at_ms, dispatch_id=dispatch_id, recipients=[recipient])
        )

    def _said(self, word: str, dispatch_id: UUID, recipient: str, again: str) -> bytes:
        event_id = uuid5(dispatch_id, f"{recipient} says {word} {again}")
        if word == POISON:
            return codec.MARKER + event_id.bytes
        if word in OUTCOMES:
            return codec.encode(
                TransportAcknowledged(
                    event_id=event_id, dispatch_id=dispatch_id, recipient=recipient, outcome=word
                )
            )
        return codec.encode(
            StatusReported(
                event_id=event_id, dispatch_id=dispatch_id, recipient=recipient, code=word
            )
        )

    async def take(self) -> None:
        """Take what comes for every recipient, and answer, until cancelled."""
        reader = MemoryConsumer(self.world.broker, BrokerWire(self.world, "people"))
        organs = (*RECIPIENTS, HUB)
        reader.assign(TopicPartition(topic.documents(organ), 0) for organ in organs)
        while True:
            for place, records in (await reader.getmany(timeout_ms=5000)).items():
                for record in records:
                    self._got(
                        topic.organ_of(place.topic), codec.decode(record.value), record.offset
                    )

    def _got(self, organ: str, event: object, offset: int) -> None:
        if not isinstance(event, DocumentDispatched):
            self._recalled(organ, event)
            return
        if event.dispatch_id not in self.world.registered():
            self.world.violations.append(
                f"{event.recipient} has seen {event.dispatch_id} before it was tracked"
            )
        note = Received(
            at_ms=self.world.now_ms(),
            organ=organ,
            recipient=event.recipient,
            dispatch_id=event.dispatch_id,
            delivery_id=event.delivery_id,
            document_id=event.document_id,
            sha256=hashlib.sha256(event.content or b"").hexdigest(),
            offset=offset,
        )
        self.world.notes.append(note)
        if event.delivery_id not in self.seen:
            self.seen.add(event.delivery_id)
            self._plan(organ, event.dispatch_id, event.recipient)

    def _plan(self, organ: str, dispatch_id: UUID, recipient: str) -> None:
        """Decide what to say of a copy, and when: at once, in time, or late."""
        chance, loop = self.world.chance, self.world.loop
        (words,) = chance.choices([w for _, w in _CONDUCTS], [n for n, _ in _CONDUCTS])
        at = max(self.dead_until_s.get(organ, 0) - loop.time(), 0)
        for word in words:
            at += chance.choice((0.0, chance.expovariate(1 / 2), chance.expovariate(1 / 7)))
            self._later(at, organ, dispatch_id, recipient, word)
        if chance.random() < 0.03:  # of a document that nobody has handed over
            unknown = UUID(int=chance.getrandbits(128))
            self._later(at, organ, unknown, recipient, "03")

    def _recalled(self, organ: str, event: object) -> None:
        dispatch_id, recipient = event.dispatch_id, event.recipient  # type: ignore[attr-defined]
        chance = self.world.chance
        word = chance.choice(("15", "15", "16", None))
        if word:
            after_s = chance.expovariate(1 / 8)
            self._later(after_s, organ, dispatch_id, recipient, word)

    def _later(
        self, after_s: float, organ: str, dispatch_id: UUID, recipient: str, word: str
    ) -> None:
        self.busy += 1
        self.world.loop.call_later(after_s, self._begin, organ, dispatch_id, recipient, word)

    def _begin(self, organ: str, dispatch_id: UUID, recipient: str, word: str) -> None:
        self.world.begin(self._say(organ, dispatch_id, recipient, word))

    async def _say(self, organ: str, dispatch_id: UUID, recipient: str, word: str) -> None:
        """Write an answer to the organ's topic; at times it is written twice."""
        name, key = topic.reports(organ), str(dispatch_id).encode()
        again = self.world.chance.random() < 0.05
        for number in range(1 + again):
            value = self._said(word, dispatch_id, recipient, str(number))
            offset = await self._write(name, value, key)
            note = Answered(
                at_ms=self.world.now_ms(),
                organ=organ,
                recipient=recipient,
                dispatch_id=dispatch_id,
                delivery_id=uuid5(dispatch_id, recipient),
                word=word,
                topic=name,
                offset=offset,
            )
            self.world.notes.append(note)
            if word == POISON and self.world.chance.random() < 0.5:
                parked = dead_letter_id("intake", name, 0, offset)
                self.world.begin(self._repair(name, dispatch_id, recipient, parked))
        self.busy -= 1

    async def _repair(self, name: str, dispatch_id: UUID, recipient: str, parked: UUID) -> None:
        """Answer in the place of what could not be read, as an operator does, some time later."""
        self.busy += 1
        await asyncio.sleep(self.world.chance.expovariate(1 / 8))
        value = self._said("03", dispatch_id, recipient, f"instead of {parked}")
        headers = [(PUT_BACK_HEADER, str(parked).encode())]
        await self._write(name, value, str(dispatch_id).encode(), headers)
        self.repaired.append(parked)
        self.busy -= 1
