"""A database in memory: what the fakes of the ports keep, in transactions.

It honours what the programs rely on: a transaction is all or nothing, transactions come one after
another, a statement outside of one is a transaction of its own, a connection that is lost takes its
transaction back, and a commit may succeed though its answer is lost. The fakes are `ledger`,
`outbox`, `handover` and `telling`; each passes the same contract suite as its adapter.

`Link` is what lies between a program and the database; this one is never away and takes no time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar
from uuid import UUID

from asyncpg import ConnectionDoesNotExistError

from hoatoc.domain.book import Alert
from hoatoc.domain.content import ClaimCheck
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import Delivery
from hoatoc.domain.event import DispatchRegistered, Limits
from hoatoc.domain.walk import Line, PartitionBook
from hoatoc.domain.working_due import CalendarVersion, WorkingDue
from hoatoc.ports import Announced, PageDue
from hoatoc.testing.calendar import EveryDay

P = ParamSpec("P")
R = TypeVar("R")
_MISSING: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """A document handed over."""

    dispatch_id: UUID
    identity: tuple[str, int, str, str]
    digest: bytes
    document_id: str
    number: str
    notation: str
    sender: str
    sender_connection: str
    subject: str
    priority: int
    packet: bytes | None
    packet_sha256: bytes
    packet_bytes: int
    limits: Limits
    business_type: int
    legal_value: str
    door: str
    handed_over_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    """The copy of a dispatch for one recipient, and whose topic it goes to."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """What is to be published; instants in seconds of the database's clock."""

    dispatch_id: UUID
    priority: int
    created_s: float
    state: str = "unsent"
    claimed_by: str | None = None
    claimed_s: float = 0.0
    sent_s: float = 0.0
    place: tuple[int, int] | None = None
    aged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRow:
    """A recall on its way out; instants in seconds of the database's clock."""

    recall_id: UUID
    dispatch_id: UUID
    form: str
    reason: str
    requested_by: str
    requested_s: float
    requested_at: datetime
    packet: bytes | ClaimCheck | None
    state: str = "unsent"
    claimed_by: str | None = None
    claimed_s: float = 0.0
    aged: int = 0


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page; `next_s` is when it is tried again."""

    due: PageDue
    state: str
    next_s: float
    last_error: str | None = None


@dataclass(slots=True)
class Tables:
    """What is written."""

    books: dict[int, PartitionBook] = field(default_factory=dict)
    dispatches: dict[UUID, DispatchRegistered] = field(default_factory=dict)
    registered: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    deliveries: dict[UUID, tuple[int, Delivery]] = field(default_factory=dict)
    working: dict[UUID, dict[Kind, WorkingDue]] = field(default_factory=dict)
    wakes: dict[UUID, int] = field(default_factory=dict)
    alerts: dict[tuple[UUID, Kind], Alert] = field(default_factory=dict)
    history: dict[tuple[int, int], Line] = field(default_factory=dict)
    announcements: dict[int, Announced] = field(default_factory=dict)
    ever_announced: dict[int, Announced] = field(default_factory=dict)
    calendars: dict[int, CalendarVersion] = field(default_factory=lambda: {1: EveryDay()})
    handovers: dict[UUID, Handover] = field(default_factory=dict)
    identities: dict[tuple[str, int, str, str], UUID] = field(default_factory=dict)
    copies: dict[UUID, CopyRow] = field(default_factory=dict)
    outbox: dict[UUID, OutboxRow] = field(default_factory=dict)
    recalls: dict[UUID, RecallRow] = field(default_factory=dict)
    recalled: dict[UUID, UUID] = field(default_factory=dict)
    pages: dict[tuple[UUID, str, int], PageRow] = field(default_factory=dict)
    intake: dict[tuple[str, int], int] = field(default_factory=dict)

    def copy(self) -> "Tables":
        """Return the tables as they stand now; what is in them never changes."""
        return Tables(*(copy(getattr(self, name)) for name in Tables.__slots__))

    @property
    def announced(self) -> list[Announced]:
        """All that was ever announced, in order."""
        return list(self.ever_announced.values())


class Link(Protocol):
    """What lies between one program and the database."""

    async def there(self) -> None:
        """Carry a statement to the database; raises when it is away."""
        ...

    async def back(self) -> None:
        """Carry the answer back; raises when the answer is lost."""
        ...


class Direct:
    """A link that takes no time and loses nothing."""

    async def there(self) -> None:
        """Carry a statement."""

    async def back(self) -> None:
        """Carry an answer."""


class MemoryDatabase:
    """Tables shared by any number of connections; transactions come one after another.

    `wait` is awaited until the transaction that is open has ended; `woken` hears of every channel
    that was notified.
    """

    def __init__(self, now_s: Callable[[], float] = lambda: 0.0) -> None:
        self.tables = Tables()
        self.now_s = now_s
        self.owner: MemoryConnection | None = None
        self.leader: MemoryConnection | None = None
        self.listeners: dict[str, list[tuple[MemoryConnection, Callable[[], None]]]] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._notified: list[str] = []
        self._turns: list[asyncio.Future[None]] = []

    def connect(self, link: Link | None = None) -> "MemoryConnection":
        """Open a connection."""
        return MemoryConnection(self, link or Direct())

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Write a row."""
        self._undo.append((table, key, table.get(key, _MISSING)))
        table[key] = value

    def drop(self, table: dict[Any, Any], keys: Iterable[Any]) -> None:
        """Delete rows."""
        for key in keys:
            if key in table:
                self._undo.append((table, key, table[key]))
                del table[key]

    def notify(self, channel: str) -> None:
        """Notify who listens to a channel, when this is committed."""
        self._notified.append(channel)

    def commit(self) -> None:
        """Keep what was written."""
        self._end()
        notified, self._notified = self._notified, []
        for channel in dict.fromkeys(notified):
            for _, wake in self.listeners.get(channel, ()):
                wake()

    def rollback(self) -> None:
        """Take back what was written."""
        for table, key, before in reversed(self._undo):
            if before is _MISSING:
                del table[key]
            else:
                table[key] = before
        self._notified.clear()
        self._end()

    async def turn(self) -> None:
        """Wait until the open transaction has ended."""
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        await turn

    def _end(self) -> None:
        self._undo.clear()
        self.owner = None
        turns, self._turns = self._turns, []
        for turn in turns:
            if not turn.done():
                turn.set_result(None)

    def lose(self, connection: "MemoryConnection") -> None:
        """Let a connection end, as when its program dies: its transaction is taken back."""
        connection.lost = True
        if self.owner is connection:
            self.rollback()
        if self.leader is connection:
            self.leader = None
        for channel, listeners in self.listeners.items():
            self.listeners[channel] = [one for one in listeners if one[0] is not connection]


class MemoryConnection:
    """A connection that opens transactions."""

    def __init__(self, database: MemoryDatabase, link: Link) -> None:
        self.database = database
        self.link = link
        self.lost = False
        self._depth = 0

    async def there(self) -> None:
        """Bring a statement to the database, behind the transaction that is open."""
        await self.link.there()
        database = self.database
        while database.owner is not None and database.owner is not self:
            await database.turn()
        self._require()

    def _require(self) -> None:
        """Raise, as a client does, where the server has ended the session."""
        if self.lost:
            raise ConnectionDoesNotExistError("connection was closed in the middle of operation")

    async def back(self) -> None:
        """Bring an answer back."""
        await self.link.back()

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Literal["repeatable_read"] | None = None
    ) -> AsyncIterator[None]:
        """Open a transaction; an exception that leaves it takes everything back.

        Inside of another it is a part of that one.
        """
        del isolation  # transactions come one after another
        if self._depth:
            yield
            return
        await self.there()
        self.database.owner = self
        self._depth = 1
        try:
            yield
            await self.link.there()
            self._require()
        except BaseException:
            if self.database.owner is self:
                self.database.rollback()
            raise
        finally:
            self._depth = 0
        self.database.commit()
        await self.back()


class Rows:
    """One of the fakes: reads and writes on one connection."""

    def __init__(self, connection: MemoryConnection) -> None:
        self.connection = connection
        self.database = connection.database

    @property
    def tables(self) -> Tables:
        """What is written."""
        return self.database.tables


Table = TypeVar("Table", bound=Rows)


def statement(
    body: Callable[Concatenate[Table, P], R],
) -> Callable[Concatenate[Table, P], Coroutine[Any, Any, R]]:
    """Make one statement of what a fake does: carried there, done at once, answered."""

    async def run(rows: Table, /, *args: P.args, **kwargs: P.kwargs) -> R:
        connection, database = rows.connection, rows.database
        await connection.there()
        alone = database.owner is None
        if alone:
            database.owner = connection
        try:
            result = body(rows, *args, **kwargs)
        except BaseException:
            if alone:
                database.rollback()
            raise
        if alone:
            database.commit()
        await connection.back()
        return result

    run.__doc__ = body.__doc__
    return run
