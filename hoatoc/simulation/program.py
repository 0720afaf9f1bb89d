"""The programs of the simulated world: the production code, wired to the fakes of its ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import cache
from typing import Any, cast

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consumers import ledger as ledger_program
from consumers.alerts import Announcer
from consumers.ledger import Booking
from consumers.pager import Pager
from hoatoc.admission import Admitted
from hoatoc.config import Kafka, Settings
from hoatoc.domain import topic
from hoatoc.domain.error import PeerFault
from hoatoc.domain.registry import Organ, Registry
from hoatoc.domain.registry.organ import Certainty
from hoatoc.kafka.entry import decoded
from hoatoc.postgres.handover import OUTBOX_CHANNEL
from hoatoc.postgres.ledger import ANNOUNCEMENT_CHANNEL
from hoatoc.simulation.loop import Process
from hoatoc.simulation.policy import POLICY
from hoatoc.simulation.webhook import Webhook
from hoatoc.simulation.world import PARTITIONS, BrokerWire, Pool, World
from hoatoc.testing.content import MemoryContents
from hoatoc.testing.database import MemoryConnection
from hoatoc.testing.group import MemoryConsumer
from hoatoc.testing.handover import MemoryHandovers
from hoatoc.testing.ledger import MemoryLedger
from hoatoc.testing.log import MemoryProducer
from hoatoc.testing.outbox import MemoryOutbox, MemoryRecalls
from hoatoc.testing.telling import MemoryAnnouncements, MemoryCalendar, MemoryPages
from producers import intake as intake_program
from producers.intake import Intake
from producers.publisher import Publisher
from producers.relay import Relay
from producers.taking import Taking
from streams.tracker import Tracker

SETTINGS = Settings(kafka=Kafka(partitions=PARTITIONS))
COMMIT_S = 0.5
HUB, BEHIND_HUB = "H00", ("H00.1", "H00.2")
SENDERS = ("S01", "S02", "S03")
RECIPIENTS = tuple(f"R{n:02}" for n in range(1, 19))
ORGANS = (*SENDERS, *RECIPIENTS, HUB, *BEHIND_HUB)


@cache
def registry() -> Registry:
    """Return the organs of the world; two of them use a hub."""
    return Registry(
        Organ(
            cast("Any", code),
            "",
            code,
            "",
            "",
            Certainty.VERIFIED,
            hub=HUB if code in BEHIND_HUB else "",
        )
        for code in ORGANS
    )


class Registered:
    """The registry in force, as every program keeps it."""

    async def current(self, connection: object) -> Registry:
        """Return the registry."""
        del connection
        return registry()


class NotAdmitted(PeerFault):
    """The bytes are no packet of this world."""


class SimulatedDoor:
    """A door that knows the packets of this world; every other is refused."""

    name = "kafka"

    def __init__(self, packets: dict[bytes, Admitted]) -> None:
        self._packets = packets
        self.registry = Registered()
        self.admission = self
        self.policy = POLICY
        self.today = date(2025, 10, 10)

    async def admit(self, connection: object, data: bytes, sender: str) -> Admitted:
        """Admit a packet; raises NotAdmitted."""
        del connection, sender
        if data not in self._packets:
            raise NotAdmitted("the bytes are no packet")
        return self._packets[data]


def producer(world: World, process: Process) -> MemoryProducer:
    """Open a producer of a program."""
    return MemoryProducer(world.broker, BrokerWire(world, process.name))


def consumer(
    world: World, process: Process, group: str | None = None, instance: str | None = None
) -> MemoryConsumer:
    """Open a consumer of a program."""
    made = MemoryConsumer(world.broker, BrokerWire(world, process.name), group, instance)
    world.consumers[process].append(made)
    return made


def _listen(connection: MemoryConnection, channel: str, wake: asyncio.Event) -> None:
    listeners = connection.database.listeners.setdefault(channel, [])
    listeners.append((connection, wake.set))


async def relay(world: World, process: Process) -> None:
    """Run a relay."""
    connection = world.connect(process)
    made = Relay(
        SETTINGS,
        MemoryOutbox(connection),
        MemoryRecalls(connection),
        Publisher(producer(world, process), PARTITIONS, MemoryContents()),
        process.name,
    )
    _listen(connection, OUTBOX_CHANNEL, made.wake)
    await made.run()


async def intake(world: World, process: Process) -> None:
    """Run intake."""
    to, pool = producer(world, process), Pool(world, process)
    door = SimulatedDoor(world.packets)

    def handovers(connection: MemoryConnection) -> MemoryHandovers:
        return MemoryHandovers(connection, world.chance.randbytes)

    def feed(group: str) -> MemoryConsumer:
        return consumer(world, process, group, f"{group}-0")

    taking = Taking(
        pool,
        cast("Any", door),
        SETTINGS.kafka,
        cast("Any", None),
        to,
        feed("hoatoc-intake-handovers"),
        cast("Any", handovers),
        MemoryLedger,
    )
    made = Intake(
        pool,
        feed("hoatoc-intake"),
        to,
        cast("Any", door.registry),
        POLICY.max_gap_ms,
        PARTITIONS,
        cast("Any", handovers),
        MemoryCalendar,
        lambda: world.now_ms(world.skews_ms[process.name]) * 1_000_000,
    )
    await intake_program.serve(made, taking, f"intake-{world.chance.getrandbits(32):08x}")


async def ledger(world: World, process: Process) -> None:
    """Run a ledger."""
    reader = consumer(world, process, "hoatoc-ledger", process.name)
    booking = Booking(PARTITIONS, ledger=MemoryLedger)
    most = world.chance.choice((20, 200, 2000))
    await ledger_program.read(reader, Pool(world, process), booking, most)


async def alerts(world: World, process: Process) -> None:
    """Run alerts."""
    connection = world.connect(process)
    made = Announcer(
        connection,
        MemoryAnnouncements(connection),
        MemoryLedger(connection),
        MemoryOutbox(connection),
        MemoryRecalls(connection),
        PARTITIONS,
        SETTINGS.relay.unsent_after_s,
    )
    await made.lead()
    _listen(connection, ANNOUNCEMENT_CHANNEL, made.wake)
    await made.run(producer(world, process))


async def pager(world: World, process: Process) -> None:
    """Run the pager."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    made = Pager(
        SETTINGS, Pool(world, process), key, MemoryPages, cast("Any", Registered()), world.chance
    )
    reader = consumer(world, process, "hoatoc-pager", "pager-0")
    reader.subscribe([topic.ALERTS])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.take(reader, producer(world, process)))
        tasks.create_task(made.deliver(cast("Any", Webhook(world))))


class _Stream(ConsumerRebalanceListener):
    """What stands for faust: hands over record by record, commits what was handled.

    After an assignment it may hand over records that were fetched before it.
    """

    def __init__(self, tracker: Tracker, reader: MemoryConsumer) -> None:
        self._tracker, self._reader = tracker, reader
        self._handled: dict[TopicPartition, int] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def on_partitions_revoked(self, _revoked: list[TopicPartition]) -> None:
        """Commit what was handled, if the group still lets us."""
        await self._commit()

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Begin from a snapshot of the books; what goes wrong ends the program."""
        self._handled = {}
        try:
            await self._tracker.assign({place.partition for place in assigned})
        except Exception as error:  # noqa: BLE001 - it ends the program
            if not self.failed.done():
                self.failed.set_exception(error)

    async def run(self) -> None:
        """Hand over what comes until cancelled."""
        loop, committed_s = asyncio.get_running_loop(), 0.0
        while True:
            fetched = await self._reader.getmany(timeout_ms=1000)
            for place, records in fetched.items():
                for record in records:
                    if self.failed.done():
                        self.failed.result()
                    entry = decoded(record.offset, record.timestamp, record.value)
                    await self._tracker.handle(place.partition, entry)
                    self._handled[place] = record.offset + 1
            if loop.time() - committed_s >= COMMIT_S:
                committed_s = loop.time()
                await self._commit()
            if self.failed.done():
                self.failed.result()

    async def _commit(self) -> None:
        mine = {p: o for p, o in self._handled.items() if p in self._reader.assignment()}
        try:
            await self._reader.commit(mine)
        except CommitFailedError:
            return


async def tracker(world: World, process: Process) -> None:
    """Run a tracker."""

    @asynccontextmanager
    async def open_reader() -> AsyncIterator[MemoryConsumer]:
        yield consumer(world, process)

    made = Tracker(
        Pool(world, process),
        producer(world, process),
        cast("Any", open_reader),
        MemoryLedger,
        MemoryCalendar,
    )
    reader = consumer(world, process, "hoatoc-tracker", process.name)
    stream = _Stream(made, reader)
    reader.subscribe([topic.DELIVERIES], listener=stream)
    await stream.run()


PROGRAMS = {
    "relay-1": relay,
    "relay-2": relay,
    "intake": intake,
    "ledger-1": ledger,
    "ledger-2": ledger,
    "tracker-1": tracker,
    "tracker-2": tracker,
    "alerts-1": alerts,
    "alerts-2": alerts,
    "pager": pager,
}
