"""The inbox: hands each document over once, acknowledges it when that succeeded, reports in order.

A document is known by the id of its copy, across restarts. Its attempts are counted before the
handler is called, so one that kills the process is found out too: after the last attempt it is
poison, goes to the quarantine and is acknowledged by `fail`; the others go on. What is not the
document's fault, because the other side or something of the handler's own is away, does not count.
"""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import structlog

from hoatoc import durable
from hoatoc.client.asynchronous import AsyncClient
from hoatoc.client.error import (
    MISUNDERSTOOD,
    AccessDenied,
    ContentAltered,
    GatewayFault,
    Problem,
    ReplyUnreadable,
    Unauthenticated,
    is_foreign,
)
from hoatoc.client.journal import HANDLED, POISON, Journal, Said, Waiting, open_journal
from hoatoc.client.source import ContentElsewhere, HttpSource, Item, KafkaSource, Source, own_copy
from hoatoc.client.trying import Backoff
from hoatoc.client.value import Entry
from hoatoc.config import Kafka
from hoatoc.domain.delivery import STATUSES
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet
from hoatoc.domain.error import HoatocError
from hoatoc.domain.packet import Packet
from hoatoc.domain.text import is_kept, kept
from hoatoc.sqlite import Connect, connect

ATTEMPTS = 5
_FIRST_S, _LONGEST_S, _REASON, _LONGEST = 0.25, 30.0, 500, 4000
TAKING = "taking"
"""the folder in which large documents stand until they are whole"""
_FORGET_EVERY, _SAY_EVERY = 10_000, 20
LOG = structlog.get_logger("inbox")


class Poison(Exception):
    """Raised by a handler: the document can never be handled, for the reason that is told."""


class TryLater(Exception):
    """Raised by a handler: not the document's fault; it is handed over again, however often."""


@dataclass(frozen=True, slots=True)
class Status:
    """A business status of a document: 01 to 06, 15, 16 (QCVN 102:2016); raises ValueError."""

    code: str
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse what no gateway takes, before anything waits behind it."""
        require_status(self.code, self.description)


@dataclass(frozen=True, slots=True)
class Received:
    """A document, or a recall of one, as it is handed over.

    `content` is the packet, byte by byte, verified; a recall may have none. `attempt` above 1 says
    that an earlier attempt failed, or that the process died before its end was noted.
    """

    entry: Entry
    content: bytes | None
    attempt: int

    @property
    def packet(self) -> Packet:
        """Read the packet; raises a PacketFault."""
        return read_packet(self.content or b"", limit=LARGEST_PACKET_BYTES)


Reports = Status | Sequence[Status] | None
Handler = Callable[[Received], Awaitable[Reports] | Reports]
Recalled = Callable[[Received], Awaitable[bool] | bool]


@dataclass(slots=True)
class Inbox:
    """Reads, hands over, answers. `folder` holds its journal and its quarantine."""

    source: Source
    folder: Path
    attempts: int = ATTEMPTS
    connect: Connect = connect
    owned: Sequence[Any] = ()
    """closed with the inbox"""
    journal: Journal = field(init=False)
    _said: asyncio.Event = field(default_factory=asyncio.Event)
    _held: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def over_http(cls, url: str, key: str, folder: Path, **more: Any) -> Self:
        """Read the inbox of a gateway; `more` are the other fields of `Connection`."""
        client = AsyncClient(url, key, **more)
        source = HttpSource(client, client.connection.organ, scratch=folder / TAKING)
        return cls(source, folder, owned=[client])

    @classmethod
    def over_kafka(
        cls, kafka: Kafka | str, organ: str, folder: Path, gateway: AsyncClient | None = None
    ) -> Self:
        """Read `documents.<organ>`; `kafka` are settings, or addresses of brokers."""
        reached = Kafka(bootstrap_servers=kafka) if isinstance(kafka, str) else kafka
        source = KafkaSource(reached, organ, gateway, scratch=folder / TAKING)
        return cls(source, folder, owned=[source])

    async def __aenter__(self) -> Self:
        """Open the journal; raises FileInUse, FileNewer, FileUnusable or DiskFull."""
        for folder in (self.quarantine, self.folder / TAKING):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.journal = open_journal(self.folder / "inbox.sqlite", self.connect)
        self._held.callback(self.journal.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._held.close()
        for each in self.owned:
            await each.close()

    @property
    def quarantine(self) -> Path:
        """Where poison documents are kept, each beside the reason."""
        return self.folder / "quarantine"

    async def run(self, handle: Handler, recall: Recalled | None = None) -> None:
        """Hand over and answer until cancelled.

        `handle` takes a document, and may return statuses to report behind its acknowledgement.
        `recall` says of a recall whether it is agreed to (15) or not (16); without it a recall
        waits for `report`. Both may be coroutines; if not, each runs in a thread. Raises
        PositionLost, ReaderOutdated, and what the journal raises.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(handle, recall))
                tasks.create_task(self._answer())
        except BaseExceptionGroup as group:
            if len(group.exceptions) > 1:
                raise
            raise group.exceptions[0] from None

    async def _read(self, handle: Handler, recall: Recalled | None) -> None:
        cursor, backoff, read = await self.journal.cursor(self.source.name), _backoff(), 0
        while True:
            try:
                items, end = await self.source.next(cursor)
            except HoatocError as error:
                await _rest_after(backoff, error)
                continue
            backoff.failures = 0
            for item in items:
                await self._take(item, handle, recall)
                if _is_stopped():
                    raise asyncio.CancelledError
                cursor = item.cursor
            if end is not None and end != cursor:
                cursor = end
                await self.journal.move(self.source.name, end)
            read += len(items)
            if read >= _FORGET_EVERY:
                await self.journal.forget()
                read = 0

    async def _take(self, item: Item, handle: Handler, recall: Recalled | None) -> None:
        """Bring what came to its end, whatever that is."""
        subject, backoff = _subject(item), _backoff()
        while (attempt := await self.journal.begin(subject)) is not None:
            try:
                said = await self._handled(item, attempt, handle, recall)
            except (Exception, asyncio.CancelledError) as error:
                if _is_stopped():
                    await self.journal.forgive(subject)
                    raise asyncio.CancelledError from error
                if _is_excused(error):
                    await self.journal.forgive(subject)
                    await _rest_after(backoff, error)
                elif isinstance(error, Poison) or attempt >= self.attempts:
                    await self._poison(item, subject, error)
                    return
                else:
                    LOG.warning("not_handled", subject=subject, reason=type(error).__name__)
                    await asyncio.sleep(backoff.after_s(error))
            else:
                await self._end(subject, HANDLED, said, item)
                return
        await self.journal.move(self.source.name, item.cursor)

    async def _handled(
        self, item: Item, attempt: int, handle: Handler, recall: Recalled | None
    ) -> list[Said]:
        """Hand something over and return what is to be answered; raises what the handler raises."""
        if attempt > self.attempts:  # the process has died of it, again and again
            raise Poison(f"{self.attempts} lần xử lý đều dở dang / attempts never came to an end")
        entry = item.entry
        if entry is None:
            raise Poison(item.fault)
        if entry.type == "recall":
            return await self._recalled(Received(entry, item.content, attempt), recall)
        received = Received(entry, await self.source.content(item), attempt)
        reports = await _called(handle, received)
        listed = [reports] if isinstance(reports, Status) else list(reports or ())
        return [said(entry, "done"), *(said(entry, r.code, r.description) for r in listed)]

    async def _recalled(self, received: Received, recall: Recalled | None) -> list[Said]:
        entry = received.entry
        if recall is None:
            LOG.warning(
                "recall_waits", delivery_id=entry.delivery_id, dispatch_id=entry.dispatch_id
            )
            return []
        return [said(entry, "15" if await _called(recall, received) else "16")]

    async def _end(self, subject: str, state: str, words: Sequence[Said], item: Item) -> None:
        await self.journal.end(subject, state, words, self.source.name, item.cursor)
        self._said.set()

    async def _poison(self, item: Item, subject: str, error: BaseException) -> None:
        """Put what can never be handled aside, and tell its sender's side that it failed."""
        reason = kept(f"{type(error).__name__}: {error}")[:_REASON]
        entry = item.entry
        content = item.raw if entry is None else item.content
        if entry is not None and content is None and not isinstance(error, ContentAltered):
            content = await self._content_of(item)
        await asyncio.to_thread(_set_aside, self.quarantine, subject, entry, content, reason)
        LOG.error("quarantined", subject=subject, reason=type(error).__name__)
        words = [said(entry, "fail", reason)] if entry is not None else self._unread(item, reason)
        await self._end(subject, POISON, words, item)

    async def _content_of(self, item: Item) -> bytes | None:
        try:
            return await self.source.content(item)
        except HoatocError:  # what is left of it is its entry
            return None

    def _unread(self, item: Item, reason: str) -> list[Said]:
        """Return `fail` for our own copy, if the record's key tells the dispatch."""
        if item.dispatch_id is None or not self.source.organ:
            return []
        organ = self.source.organ
        copy = own_copy(item.dispatch_id, organ)
        return [
            Said(
                delivery_id=copy,
                dispatch_id=item.dispatch_id,
                recipient=organ,
                word="fail",
                reason=reason,
            )
        ]

    async def restart(self) -> None:
        """Forget the position: what the source still holds is read again, and handed over once."""
        await self.journal.restart(self.source.name)

    async def report(self, of: Entry, code: str, description: str = "") -> None:
        """Report a status of a document; durable here, then sent behind what was said before.

        Raises ValueError for what no gateway takes.
        """
        require_status(code, description)
        await self.journal.say(said(of, code, description))
        self._said.set()

    async def _answer(self) -> None:
        backoff = _backoff()
        while True:
            self._said.clear()
            answer = await self.journal.next_answer()
            if answer is None:
                await self._rest()
                continue
            try:
                await self.source.answer(answer)
            except HoatocError as error:
                await self._not_answered(answer, error, backoff)
            else:
                backoff.failures = 0
                await self.journal.answered(answer.place)

    async def _not_answered(self, answer: Waiting, error: HoatocError, backoff: Backoff) -> None:
        code = error.code if isinstance(error, Problem) else ""
        alone = isinstance(error, GatewayFault) or code in MISUNDERSTOOD
        if code and alone:  # it is this answer's fault, perhaps: those about other copies go on
            await self.journal.put_off(answer.place, backoff.next_s(), str(error))
        elif isinstance(error, Problem) and not _is_excused(error):
            LOG.error("answer_refused", delivery_id=answer.delivery_id, reason=error.code)
            await self.journal.answered(answer.place, refusal=str(error))
        else:
            await _rest_after(backoff, error)

    async def _rest(self) -> None:
        due_s = await self.journal.next_due_s()
        try:
            async with asyncio.timeout(due_s):
                await self._said.wait()
        except TimeoutError:
            return


_EXCUSED = (
    TryLater,
    Unauthenticated,
    AccessDenied,
    ContentElsewhere,
)


def _is_excused(error: BaseException) -> bool:
    """Tell whether an attempt failed for no fault of the document's.

    What comes without a code was not said by a gateway but by something on the way to it.
    """
    if is_foreign(error) or (isinstance(error, Problem) and error.code in MISUNDERSTOOD):
        return True
    if isinstance(error, GatewayFault):
        return False
    return isinstance(error, _EXCUSED) or getattr(error, "retriable", False)


def _is_stopped() -> bool:
    """Tell whether the task that runs is told to end, and not something within a handler."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def require_status(code: str, description: str) -> None:
    """Raise ValueError for a status that no gateway takes from a recipient."""
    if code not in STATUSES:
        raise ValueError(f"code: {code!r}; expected one of {', '.join(sorted(STATUSES))}")
    if len(description) > _LONGEST or not is_kept(description):
        raise ValueError(
            f"description: expected {_LONGEST} letters at most, without U+0000 and halves of "
            "surrogate pairs"
        )


def said(entry: Entry, word: str, reason: str = "") -> Said:
    """Return a word about the copy of an entry."""
    return Said(
        delivery_id=entry.delivery_id,
        dispatch_id=entry.dispatch_id,
        recipient=entry.recipient,
        word=word,
        reason=reason,
    )


def _subject(item: Item) -> str:
    entry = item.entry
    if entry is None:
        return f"unreadable/{item.cursor}"
    recalled = f"{entry.recall_id}/" if entry.type == "recall" else ""
    return f"{entry.type}/{recalled}{entry.delivery_id}"


async def _called(handler: Callable[[Received], Any], received: Received) -> Any:
    """Call a handler: a coroutine here, anything else in a thread.

    A thread goes on though the reader is told to stop: it is waited for, so that its end is noted.
    """
    if inspect.iscoroutinefunction(handler):
        return await handler(received)
    working = asyncio.ensure_future(asyncio.to_thread(handler, received))
    try:
        result = await asyncio.shield(working)
    except asyncio.CancelledError:
        if not _is_stopped():
            raise
        await asyncio.wait({working})
        result = working.result()
    return await result if inspect.isawaitable(result) else result


def _set_aside(
    folder: Path, subject: str, entry: Entry | None, content: bytes | None, reason: str
) -> None:
    name = subject.replace("/", "-")
    told = {"subject": subject, "reason": reason, "entry": asdict(entry) if entry else None}
    text = json.dumps(told, ensure_ascii=False, indent=1, default=str).encode()
    parts = {f"{name}.json": text}
    if content is not None:
        parts[f"{name}.{'edxml' if entry else 'bin'}"] = content
    for file_name, data in parts.items():
        durable.write(folder / file_name, data)


def _backoff() -> Backoff:
    return Backoff(_FIRST_S, _LONGEST_S)


async def _rest_after(backoff: Backoff, error: BaseException) -> None:
    """Rest after a failure; raises it again if no rest can help."""
    helps = isinstance(error, TryLater) or getattr(error, "retriable", False)
    if not helps and not isinstance(error, Problem | ReplyUnreadable):
        raise error
    if not helps:
        LOG.error("gateway_refuses", reason=type(error).__name__, detail=str(error))
    elif not isinstance(error, TryLater) and backoff.failures % _SAY_EVERY == 0:
        LOG.warning("away", reason=type(error).__name__, detail=str(error), tries=backoff.failures)
    await asyncio.sleep(backoff.after_s(error))
