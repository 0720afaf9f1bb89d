"""The forwarder: claims what waits, urgent first, and hands it over until the door has it.

While the line is down one packet at a time knocks, at longer and longer intervals with jitter; the
most urgent one, and nothing else is tried. When the door opens again, many go at a time.
"""

import asyncio
import math
import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from hoatoc.client.trying import Backoff
from hoatoc.domain.packet import URGENT
from hoatoc.spool.door import Door, Later, LineDown, Rejected
from hoatoc.spool.outbox import SUSPECTED, Outbox, Queued
from hoatoc.sqlite import DiskFull

POLL_S = 5.0
KNOCKS = 8
"""how often one packet knocks before another does"""
LOG = structlog.get_logger("spool")
FORWARDED = Counter("hoatoc_spool_forwarded_total", "Packets that left the spool", ["outcome"])
WAITING = Gauge("hoatoc_spool_waiting", "Packets that wait in the spool")
WAITING_BYTES = Gauge("hoatoc_spool_waiting_bytes", "Bytes of the packets that wait")
OLDEST = Gauge("hoatoc_spool_oldest_seconds", "Age of the oldest packet that waits")
LINE = Gauge("hoatoc_spool_line_up", "1 while the last packet handed over had an answer")


@dataclass(slots=True)
class Line:
    """Whether packets can be handed over, since when not, and why."""

    backoff: Backoff = field(default_factory=Backoff)
    fault: str = ""
    down_since_ms: int | None = None
    closed_until: float = 0.0
    """monotonic seconds"""
    back: asyncio.Event = field(default_factory=asyncio.Event)
    """set when it works again after it was down"""

    def broke(self, error: Later) -> None:
        """Note that nothing can be handed over for a while."""
        if self.down_since_ms is None:
            self.down_since_ms = time.time_ns() // 1_000_000
            LOG.warning("line_down", reason=type(error.__cause__ or error).__name__)
        self.fault = str(error)
        self.closed_until = time.monotonic() + self.backoff.next_s(error.after_s)
        LINE.set(0)

    def works(self) -> None:
        """Note that the door has answered."""
        if self.down_since_ms is not None:
            LOG.info("line_up")
            self.back.set()
        self.backoff.failures, self.fault, self.down_since_ms = 0, "", None
        self.closed_until = 0.0
        LINE.set(1)

    def room(self, most: int) -> int:
        """Return how many packets may be tried at a time."""
        if time.monotonic() < self.closed_until:
            return 0
        return 1 if self.backoff.failures else most

    @property
    def opens_in_s(self) -> float:
        """Return in how many seconds the next packet may knock."""
        return max(self.closed_until - time.monotonic(), 0.0)


@dataclass(slots=True)
class Forwarder:
    """Hands over what the outbox holds; `wake` is set when something has come."""

    outbox: Outbox
    door: Door
    most: int
    line: Line = field(default_factory=Line)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """set when something has left, or the line has changed"""
    in_flight: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    failed: dict[UUID, tuple[int, float]] = field(default_factory=dict)
    """how often the line broke at each packet that waits, and when last (monotonic seconds)"""
    passed_at: float = 0.0
    """when a packet last passed (monotonic seconds)"""

    async def run(self) -> None:
        """Forward until cancelled; while the disk is full, wait for room. Raises FileUnusable."""
        try:
            while True:
                try:
                    await self._turn()
                except DiskFull as full:  # what was claimed is claimed again, by the same key
                    LOG.error("disk_full", detail=str(full))
                    await asyncio.sleep(POLL_S)
        finally:
            for task in self.in_flight.values():
                task.cancel()
            await asyncio.gather(*self.in_flight.values(), return_exceptions=True)

    async def _turn(self) -> None:
        self.wake.clear()
        started = await self._start()
        await self._tell()
        if not started:
            await self._rest()
        self._settle()

    async def _start(self) -> int:
        """Claim what there is room for, and begin to hand it over.

        One at which the line breaks again and again lets another knock: something on the way may
        not let this one pass.
        """
        most = self.line.room(self.most)
        room, least = most - len(self.in_flight), 0
        if room == 0 and most == self.most:  # one that is urgent waits for no others under way
            room, least = 1, URGENT
        if room <= 0:
            return 0
        knocked = {
            of for of, (times, at) in self.failed.items() if times >= KNOCKS and at > self.passed_at
        }
        rows = await self.outbox.claim({*self.in_flight, *knocked}, room, least)
        if not rows and knocked and not least:  # each has knocked: again from the most urgent on
            self.failed.clear()
            rows = await self.outbox.claim(self.in_flight, room, least)
        for row in rows:
            self.in_flight[row.id] = asyncio.create_task(self._forward(row))
        return len(rows)

    async def _forward(self, row: Queued) -> None:
        content = await self.outbox.content(row.id)
        if content is None:  # the answer to an earlier attempt has come meanwhile
            return
        try:
            handed = await self.door.hand_over(row, content)
        except Rejected as refusal:
            self._passed(row)
            gives_back = refusal.code != SUSPECTED
            await self.outbox.refuse(row.id, str(refusal), refusal.answer, gives_back=gives_back)
            LOG.warning("packet_refused", id=row.id, reason=refusal.code)
            FORWARDED.labels("refused").inc()
        except LineDown as down:
            times, at = self.failed.get(row.id, (0, math.inf))
            self.failed[row.id] = times + 1, time.monotonic()
            if at < self.passed_at:  # the others pass
                await self._put_off(row, down)
            else:
                self.line.broke(down)
                await self.outbox.put_off(row.id, 0, str(down))
        except Later as later:
            await self._put_off(row, later)
        else:
            self._passed(row)
            if handed.final:
                await self.outbox.mark_sent(row.id, handed.dispatch_id, handed.answer)
            else:
                await self.outbox.mark_handed(row.id, handed.answer)
            LOG.info("packet_forwarded", id=row.id, dispatch_id=handed.dispatch_id)
            FORWARDED.labels("sent").inc()
        self.changed.set()

    def _passed(self, row: Queued) -> None:
        """Note that a packet has come to the door, whatever the door said of it."""
        self.line.works()
        self.failed.pop(row.id, None)
        self.passed_at = time.monotonic()

    async def _put_off(self, row: Queued, later: Later) -> None:
        """Let one packet wait longer and longer, and the others pass."""
        wait_s = Backoff(failures=min(row.attempts, 10)).next_s(later.after_s)
        await self.outbox.put_off(row.id, wait_s, str(later))
        LOG.warning("packet_put_off", id=row.id, attempts=row.attempts, reason=str(later))

    async def _tell(self) -> None:
        standing = await self.outbox.standing()
        WAITING.set(standing.packets)
        WAITING_BYTES.set(standing.bytes)
        now_s = time.time()
        OLDEST.set(now_s - standing.oldest_ms / 1000 if standing.oldest_ms else 0)

    async def _rest(self) -> None:
        """Wait for an arrival, for what is in flight, or until something may be tried again."""
        waits = [POLL_S]
        if self.line.opens_in_s:
            waits.append(self.line.opens_in_s)
        elif not self.in_flight and (due_s := await self.outbox.next_due_s()) is not None:
            waits.append(due_s)
        waiter = asyncio.ensure_future(self._woken())
        await asyncio.wait(
            {waiter, *self.in_flight.values()},
            timeout=max(min(waits), 0.01),
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiter.cancel()

    async def _woken(self) -> None:
        if self.line.opens_in_s:  # nothing that arrives can leave before that
            await asyncio.Event().wait()
        await self.wake.wait()

    def _settle(self) -> None:
        done = [of for of, task in self.in_flight.items() if task.done()]
        for task in [self.in_flight.pop(of) for of in done]:
            task.result()
