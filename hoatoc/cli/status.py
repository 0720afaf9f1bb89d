"""The command that reports the status packets of organs."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import typer

from hoatoc.cli.reach import Data, database, settings_of
from hoatoc.domain import topic
from hoatoc.domain.correlation import TAKE_BACK, Meant, meant
from hoatoc.domain.delivery import canonical
from hoatoc.domain.edxml import read_status
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import StatusReported
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import StatusPacket
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import OrganUnknown, Registry
from hoatoc.kafka.client import outgoing, producer, send_all
from hoatoc.postgres.inbox import InboxTables
from hoatoc.postgres.registry import RegistryTables


class NotCorrelated(PeerFault):
    """A status packet names no document that was sent here from the one organ to the other."""


def report(
    packets: Annotated[list[Path], typer.Argument(help="edXML status packets.", exists=True)],
    data: Data = None,
) -> None:
    """Report status packets, as the organs that wrote them, through reports.<organ>."""
    settings = settings_of(data)
    statuses = [(path, read_status(path.read_bytes())) for path in packets]

    async def write() -> None:
        async with database(settings) as connection, producer(settings.kafka) as to:
            registry = await RegistryTables(connection).registry()
            for path, status in statuses:
                event, speaker = await _event(connection, registry, status)
                record = outgoing(
                    event,
                    topic=topic.reports(speaker),
                    key=str(event.dispatch_id).encode(),
                    source="cli",
                    dispatch_id=event.dispatch_id,
                    partition=0,
                )
                await send_all(to, [record])
                typer.echo(f"{path.name}: {status.code} → {record.topic}")

    asyncio.run(write())


async def _event(
    connection: asyncpg.Connection, registry: Registry, status: StatusPacket
) -> tuple[StatusReported, OrganCode]:
    """Return what a status packet reports, and whose topic it is reported to."""
    copy = meant(status)
    sender, recipient = (_organ(registry, code) for code in (copy.sender, copy.recipient))
    dispatch_id = await _dispatch(connection, copy, sender, recipient)
    speaker = sender if canonical(status.code) == TAKE_BACK else recipient
    event = StatusReported(
        event_id=uuid4(),
        dispatch_id=dispatch_id,
        recipient=recipient,
        code=status.code,
        description=status.description or None,
        reported_ms=time.time_ns() // 1_000_000,
    )
    return event, registry.connection(registry[speaker])


def _organ(registry: Registry, code: str) -> OrganCode:
    resolved = registry.resolve(code, datetime.now(VIETNAM).date())
    if resolved is None:
        raise OrganUnknown(code)
    return resolved.organ.code


async def _dispatch(
    connection: asyncpg.Connection, copy: Meant, sender: str, recipient: str
) -> UUID:
    """Return the last dispatch of the document to the recipient; raises NotCorrelated."""
    found = await InboxTables(connection).named(copy, sender, recipient)
    if found is None:
        mark = f"{copy.number}/{copy.notation} ({copy.document_id or copy.year or '?'})"
        raise NotCorrelated(
            f"MessageHeader/ResponseFor: không tìm thấy văn bản {mark} từ {sender} đến {recipient};"
            " kiểm tra OrganId, Code, DocumentId, PromulgationDate / no document of this name was "
            f"sent here from {sender} to {recipient}"
        )
    return found
