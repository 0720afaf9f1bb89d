"""The spool: a sender's own door, beside its software, for a line that may be down for months.

Packets come from a watched folder or a local port. Each is durable before it is answered, then
forwarded to a gateway, or straight to Kafka, urgent first, until the door has it. What became of
each comes back into the folder.
"""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import structlog
from watchfiles import awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

from hoatoc import notify
from hoatoc.client import AsyncClient, Patience
from hoatoc.config import Settings, SettingsInvalid
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, MAX_PACKET_BYTES
from hoatoc.examine import admission
from hoatoc.policy_file import load_policy
from hoatoc.program import Context
from hoatoc.spool.arrival import Arrivals, SecretGate
from hoatoc.spool.door import Door, GatewayDoor, KafkaDoor
from hoatoc.spool.folder import Folder
from hoatoc.spool.forwarder import Forwarder
from hoatoc.spool.outbox import Outbox, open_outbox
from hoatoc.spool.port import served
from hoatoc.spool.telling import GatewayStatuses, KafkaStatuses, Statuses, Teller
from hoatoc.sqlite import DiskFull

NAME = "spool"
SWEEP_MS = 2000
FORGET_EVERY_S = 3600.0
_DAY_S = 24 * 3600.0
_MB = 1024 * 1024
LOG = structlog.get_logger(NAME)


async def spool(context: Context, root: Path) -> None:
    """Take and forward packets until cancelled."""
    settings, folder = context.settings, Folder(root)
    folder.make()
    async with AsyncExitStack() as held:
        options = settings.spool
        outbox = held.enter_context(open_outbox(folder.outbox, options.quota_mb * _MB))
        door, statuses = await _other_side(settings, held)
        forwarder = Forwarder(outbox, door, options.in_flight)
        teller = Teller(outbox, folder, forwarder.line, forwarder.changed)
        admitting = held.enter_context(admission(settings, load_policy(settings)))
        gate = SecretGate(admitting.secrecy, admitting.examiner)
        largest = LARGEST_PACKET_BYTES if options.gateway else MAX_PACKET_BYTES
        free = options.free_mb * _MB
        arrivals = Arrivals(folder, outbox, gate, free, forwarder.wake, largest)
        if options.listen:
            address = await held.enter_async_context(
                served(options.listen, arrivals, outbox, teller)
            )
            context.log.info("listening", address=address)
            (folder.root / "address").write_text(address, "utf-8")
        await teller.show_all()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(arrivals))
            tasks.create_task(forwarder.run())
            tasks.create_task(teller.follow(statuses))
            tasks.create_task(teller.show())
            tasks.create_task(forget(outbox, options.keep_days * _DAY_S))
            notify.ready()
            context.log.info("ready")


def require_other_side(settings: Settings) -> None:
    """Raise SettingsInvalid unless the settings say where packets go."""
    if settings.spool.gateway or (settings.kafka.bootstrap_servers and settings.spool.organ):
        return
    raise SettingsInvalid(
        "Đặt HOATOC_SPOOL_GATEWAY (địa chỉ cổng) và HOATOC_SPOOL_KEY, hoặc "
        "HOATOC_KAFKA_BOOTSTRAP_SERVERS và HOATOC_SPOOL_ORGAN. / Set HOATOC_SPOOL_GATEWAY (the "
        "gateway's address) and HOATOC_SPOOL_KEY, or HOATOC_KAFKA_BOOTSTRAP_SERVERS and "
        "HOATOC_SPOOL_ORGAN."
    )


async def _other_side(settings: Settings, held: AsyncExitStack) -> tuple[Door, Statuses]:
    """Return where packets go and statuses come from."""
    options = settings.spool
    if options.gateway:
        client = await held.enter_async_context(
            AsyncClient(
                options.gateway,
                options.key,
                organ=options.organ,
                certificate=_path(options.certificate),
                authority=_path(options.authority),
                patience=Patience(total_s=0),  # the forwarder is the one who tries again
            )
        )
        return GatewayDoor(client), GatewayStatuses(client)
    door = KafkaDoor(settings.kafka, options.organ)
    held.push_async_callback(door.close)
    return door, KafkaStatuses(settings.kafka, options.organ)


def _path(name: str) -> Path | None:
    return Path(name) if name else None


async def watch(arrivals: Arrivals) -> None:
    """Take what stands in the folder, at every change in it and every few seconds."""
    outgoing = arrivals.folder.outgoing
    while True:
        await arrivals.sweep()
        try:
            async for _ in awatch(
                outgoing, rust_timeout=SWEEP_MS, yield_on_timeout=True, recursive=False
            ):
                await arrivals.sweep()
        except* (WatchfilesRustInternalError, OSError):  # it tells of no name that is not UTF-8
            await asyncio.sleep(SWEEP_MS / 1000)


async def forget(outbox: Outbox, older_than_s: float) -> None:
    """Forget from time to time what ended long ago."""
    while True:
        with suppress(DiskFull):  # even that needs room; there is time
            await outbox.forget(older_than_s)
        await asyncio.sleep(FORGET_EVERY_S)
