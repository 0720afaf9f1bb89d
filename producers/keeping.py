"""Keeping the store of large content: swept from time to time, and shown as it stands."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge

from hoatoc.config import Content
from hoatoc.content.error import ContentUnreachable
from hoatoc.content.store import Store
from hoatoc.ports import Database
from hoatoc.postgres.content import ContentTables, sweep

LOG = structlog.get_logger("relay")
FIRST_S = 60.0

SWEPT = Counter("hoatoc_content_swept_total", "Contents removed: nothing named them")
MISSED = Counter("hoatoc_content_sweeps_missed_total", "Sweeps put off: the store was away")
OBJECTS = Gauge("hoatoc_content_objects", "Contents in the store, by the books")
BYTES = Gauge("hoatoc_content_bytes", "Bytes of contents in the store, by the books")
LOST = Gauge("hoatoc_content_lost", "Contents found missing or altered, and not mended since")


@dataclass(frozen=True, slots=True)
class Keeping:
    """Sweeps the store; several relays may do so at a time."""

    database: Database
    store: Store
    settings: Content

    async def run(self) -> None:
        """Sweep until cancelled; a sweep that finds the store away is put off."""
        await asyncio.sleep(min(FIRST_S, self.settings.sweep_s))
        while True:
            try:
                await self.sweep()
            except ContentUnreachable:
                MISSED.inc()
            await asyncio.sleep(self.settings.sweep_s)

    async def sweep(self) -> None:
        """Sweep once, and show what lies there."""
        grace = timedelta(seconds=self.settings.grace_s)
        async with self.database.acquire() as connection:
            swept = await sweep(connection, self.store, grace)
            objects, size, lost = await ContentTables(connection).counts()
        if swept.removed or swept.adopted or swept.unfinished:
            LOG.info(
                "content_swept",
                removed=swept.removed,
                adopted=swept.adopted,
                unfinished=swept.unfinished,
            )
        SWEPT.inc(swept.removed)
        OBJECTS.set(objects)
        BYTES.set(size)
        LOST.set(lost)
