"""The pager: tells a person, once, through a webhook that may be away for hours.

Alerts are taken into PostgreSQL before their offset is committed; a repeat changes nothing, and of
an alert the greatest version counts. A page is tried until the receiver takes it, with backoff and
jitter, under one id (`webhook-id`, the CloudEvent's id) by which the receiver knows a repeat.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import structlog
from aiokafka.errors import CommitFailedError
from aiokafka.structs import ConsumerRecord
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import Counter, Gauge

from hoatoc import codec, notify, telemetry
from hoatoc.config import Settings
from hoatoc.domain import page, topic
from hoatoc.domain.deadline import Kind
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import AlertRaised, AlertResolved
from hoatoc.domain.registry import Registry
from hoatoc.kafka.client import consumer, producer, send_all
from hoatoc.kafka.dead_letter import dead_letter
from hoatoc.ports import Consumer, Database, PageDue, Pages, Producer
from hoatoc.postgres.connection import pool
from hoatoc.postgres.page import PageTables
from hoatoc.postgres.registry import RegistryCache
from hoatoc.program import Context, run
from hoatoc.retry_after import seconds_of
from hoatoc.signing import sign, signing_key

NAME = "pager"
GROUP = "hoatoc-pager"
AT_ONCE = 20
POLL_S = 0.5
LOG = structlog.get_logger(NAME)
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0
_DOUBLED = 6
"""doublings after which the longest is reached"""
LONGEST_ASKED_S = 300.0
"""no receiver keeps a page waiting longer, whatever its Retry-After says"""

PAGES = Counter("hoatoc_pages_total", "Pages delivered", ["kind", "change"])
FAILURES = Counter("hoatoc_page_failures_total", "Attempts that no receiver took", ["reason"])
PENDING = Gauge("hoatoc_pages_pending", "Pages not yet delivered")

Alert = AlertRaised | AlertResolved


class NotAnAlert(PeerFault):
    """A record of `alerts` is neither raised nor resolved."""


def _time(ms: int | None) -> datetime:
    return datetime.fromtimestamp((ms or 0) / 1000, UTC)


def text(alert: Alert, organs: Registry, now: datetime) -> page.Page:
    """Write the page of an alert."""
    recipient, sender = organs.get(alert.recipient or ""), organs.get(alert.sender or "")
    called = recipient if alert.recipient else sender
    about = page.Copy(
        number=alert.number or "",
        notation=alert.notation or "",
        subject=alert.subject or "—",
        priority=alert.priority,
        sender=sender.name if sender else alert.sender or "—",
        recipient=recipient.name if recipient else alert.recipient or "",
        email=called.email if called else "",
        telephone=called.telephone if called else "",
        since=_time(alert.since_ms),
        due=_time(alert.due_ms) if alert.due_ms is not None else None,
        reason=alert.reason or "",
    )
    kind = Kind(alert.kind)
    if isinstance(alert, AlertRaised):
        return page.raised(kind.value, about)
    return page.resolved(kind.value, about, now)


def cloud_event(alert: Alert, organs: Registry, now: datetime) -> dict[str, object]:
    """Return the page as a CloudEvent 1.0 (structured JSON)."""
    ids = (
        "subject_id",
        "kind",
        "version",
        "dispatch_id",
        "sender",
        "recipient",
        "priority",
    )
    data = {name: getattr(alert, name) for name in (*ids, "number", "notation", "reason")}
    return {
        "specversion": "1.0",
        "id": str(alert.event_id),
        "source": "/hoatoc/pager",
        "type": f"vn.hoatoc.{type(alert).__name__}",
        "subject": str(alert.subject_id),
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "data": data | {"page": asdict(text(alert, organs, now))},
    }


def pause_s(attempts: int, asked_s: float | None, chance: random.Random) -> float:
    """Return how long a page waits after its attempts: as the receiver asks, else longer each time.

    A person waits at its end, so that neither keeps it long once the receiver is back.
    """
    if asked_s:
        return min(asked_s, LONGEST_ASKED_S)
    longest = min(FIRST_RETRY_S * 2 ** min(attempts, _DOUBLED), LONGEST_RETRY_S)
    return chance.uniform(FIRST_RETRY_S / 2, longest)


@dataclass(slots=True)
class Pager:
    """Takes alerts in, and delivers pages."""

    settings: Settings
    database: Database
    key: Ed25519PrivateKey
    pages: Callable[[Any], Pages] = PageTables
    registry: RegistryCache = field(default_factory=RegistryCache)
    chance: random.Random = field(default_factory=random.Random)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    organs: Registry = field(default_factory=lambda: Registry(()))

    async def take(self, reader: Consumer, to: Producer) -> None:
        """Take alerts in until cancelled."""
        while True:
            fetched = await reader.getmany(timeout_ms=1000, max_records=1000)
            records = [record for place in fetched for record in fetched[place]]
            if records:
                await self._take(records, to)
                with suppress(CommitFailedError):  # assigned anew: a repeat changes nothing
                    await reader.commit()
                for place in fetched.keys() & reader.assignment():
                    done = fetched[place][-1].offset + 1
                    telemetry.show_lag(NAME, *place, reader.highwater(place), done)
                self.wake.set()

    async def _take(self, records: Sequence[ConsumerRecord], to: Producer) -> None:
        alerts: list[Alert] = []
        for record in records:
            try:
                event = codec.decode(record.value)
                if not isinstance(event, AlertRaised | AlertResolved) or event.kind not in list(
                    Kind
                ):
                    raise NotAnAlert(f"{type(event).__name__} stands where an alert must")
                alerts.append(event)
            except PeerFault as fault:
                letter, _ = dead_letter(record, NAME, type(fault).__name__, fault)
                await send_all(to, [letter])
        async with self.database.acquire() as connection, connection.transaction():
            pages = self.pages(connection)
            for alert in alerts:
                of = (alert.subject_id, alert.kind)
                await pages.take(*of, alert.version, codec.encode(alert))

    async def deliver(self, session: aiohttp.ClientSession) -> None:
        """Deliver what is pending until cancelled."""
        lease_s = self.settings.pager.timeout_s * 2
        while True:
            self.wake.clear()
            async with self.database.acquire() as connection:
                self.organs = await self.registry.current(connection)
                due = await self.pages(connection).claim(AT_ONCE, lease_s)
                PENDING.set(await self.pages(connection).pending())
            if due:
                await asyncio.gather(*(self._deliver(session, page) for page in due))
            else:
                await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self.wake.wait(), POLL_S)
        except TimeoutError:
            return

    async def _deliver(self, session: aiohttp.ClientSession, due: PageDue) -> None:
        alert = cast("Alert", codec.decode(due.alert))
        fault, asked_s = await self._post(session, alert)
        about = {
            "delivery_id": due.subject_id,
            "kind": due.kind,
            "version": due.version,
            "attempt": due.attempts,
        }
        async with self.database.acquire() as connection:
            if fault is None:
                await self.pages(connection).delivered(due)
                LOG.info("page_delivered", **about)
                PAGES.labels(alert.kind, "raised" if alert.version % 2 else "resolved").inc()
                return
            LOG.warning("page_not_taken", reason=fault.split(":")[0], **about)
            FAILURES.labels(fault.split(":")[0]).inc()
            pause = pause_s(due.attempts, asked_s, self.chance)
            await self.pages(connection).failed(due, fault, pause)

    async def _post(
        self, session: aiohttp.ClientSession, alert: Alert
    ) -> tuple[str | None, float | None]:
        """Post a page; return why it was not taken, and the wait that the receiver asks for."""
        now = datetime.now(UTC)
        event = cloud_event(alert, self.organs, now)
        body = json.dumps(event, ensure_ascii=False, default=str).encode()
        headers = sign(self.key, str(alert.event_id), int(time.time()), body)
        headers["content-type"] = "application/cloudevents+json; charset=utf-8"
        url = self.settings.pager.webhook_url
        try:
            async with session.post(url, data=body, headers=headers) as response:
                if response.status < 300:
                    return None, None
                asked_s = seconds_of(response.headers.get("retry-after", ""))
                return f"HTTP {response.status}", asked_s
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}", None


async def body(context: Context) -> None:
    """Take alerts in and deliver pages until stopped."""
    settings = context.settings
    key = signing_key(Path(settings.pager.signing_key or settings.data / "webhook-key.pem"))
    timeout = aiohttp.ClientTimeout(total=settings.pager.timeout_s)
    async with (
        pool(settings.postgres.dsn, 4) as database,
        producer(settings.kafka) as to,
        consumer(
            settings.kafka,
            topic.ALERTS,
            group=GROUP,
            instance=f"{NAME}-0",
            fetch_max_wait_ms=250,
        ) as reader,
        aiohttp.ClientSession(timeout=timeout) as session,
    ):
        pager = Pager(settings, database, key)
        notify.ready()
        context.log.info("ready", webhook=bool(settings.pager.webhook_url))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pager.take(reader, to))
            if settings.pager.webhook_url:
                tasks.create_task(pager.deliver(session))


if __name__ == "__main__":
    run(NAME, body)
