"""A door: admission by the registry in force, then hand-over in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import asyncpg

from hoatoc.admission import Admission, Admitted
from hoatoc.content.error import ContentMissing, ContentUnreachable
from hoatoc.content.packet import SpooledPacket
from hoatoc.content.store import Store
from hoatoc.domain.content import Content
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.content import ContentTables
from hoatoc.postgres.handover import HandedOver, HandoverTables
from hoatoc.postgres.registry import RegistryCache
from hoatoc.postgres.secret import SecretTables, Stopped

_TRIES = 3


def _nothing(_admitted: Admitted) -> None:
    """Require nothing more of a packet that was admitted."""


async def _nobody(_connection: Connection, _handed: HandedOver) -> None:
    """Write nothing beside a hand-over."""


@dataclass(slots=True)
class Door:
    """Takes packets on any connection; `name` is what the books say of where they came in.

    `store` is where large packets are put. So many of them as `large` lets in are examined at a
    time; the others wait on the disk. `require` raises what else this door has against a packet
    that was admitted. `note` writes, in the transaction of the hand-over, who handed it over.
    """

    name: str
    admission: Admission
    partitions: int
    registry: RegistryCache = field(default_factory=RegistryCache)
    store: Store | None = None
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    require: Callable[[Admitted], None] = _nothing
    note: Callable[[Connection, HandedOver], Awaitable[None]] = _nobody

    async def admit(
        self,
        connection: Connection,
        data: Content,
        sender: str | None = None,
        declaration: Declaration = Declaration(),
    ) -> Admitted:
        """Admit a packet; raises PacketFault, SecretSuspected, CheckFailed or SenderMismatch."""
        registry, today = await self.registry.current(connection), datetime.now(VIETNAM).date()
        admit = self.admission.admit
        return await asyncio.to_thread(admit, data, registry, today, sender, declaration)

    async def take(
        self,
        connection: Connection,
        data: bytes,
        sender: str | None = None,
        declaration: Declaration = Declaration(),
    ) -> HandedOver:
        """Take a packet; the same content again gives the dispatch that it already has.

        Raises what `admit`, `require` and `HandoverTables.hand_over` raise; nothing is written then
        but, of a suspected secret, a note without content, and its page.
        """
        admitted = await self._admitted(connection, data, sender, declaration)
        return await self.hand_over(connection, admitted)

    async def take_file(
        self,
        connection: Connection,
        packet: SpooledPacket,
        sender: str | None = None,
        declaration: Declaration = Declaration(),
    ) -> HandedOver:
        """Take a packet of any size, as `take` does; never inside a transaction.

        A large one is in the store before anything names it. Raises ContentUnreachable, too.
        """
        data = packet.in_memory()
        if data is not None:
            return await self.take(connection, data, sender, declaration)
        async with self.large:
            admitted = await self._admitted(connection, packet, sender, declaration)
        for _ in range(_TRIES):
            try:
                kept = await self._keep(connection, admitted)
                return await self.hand_over(connection, kept)
            except (ContentMissing, asyncpg.ForeignKeyViolationError):
                continue  # swept meanwhile: it took longer than the time of grace
        raise ContentUnreachable(
            "kho nội dung đang được dọn; thử lại sau / the store of content is being swept: try "
            "again later"
        )

    async def hand_over(self, connection: Connection, admitted: Admitted) -> HandedOver:
        """Hand over what was admitted; of a large packet, what was kept."""
        note = partial(self.note, connection)
        tables = HandoverTables(connection)
        return await tables.hand_over(admitted, self.admission.policy, self.name, note)

    async def _admitted(
        self, connection: Connection, data: Content, sender: str | None, declaration: Declaration
    ) -> Admitted:
        try:
            admitted = await self.admit(connection, data, sender, declaration)
        except SecretSuspected as suspected:
            organ = sender or suspected.organ
            note = Stopped.of(suspected, door=self.name, organ=organ)
            await SecretTables(connection).stop(note, self.partitions)
            raise
        self.require(admitted)
        return admitted

    async def _keep(self, connection: Connection, admitted: Admitted) -> Admitted:
        """Put a packet into the store, which mends it if it was lost; return it as kept."""
        if self.store is None:
            raise ValueError("this door has no store for large packets")
        tables = ContentTables(connection)
        edition = await tables.touch(admitted.claim)
        await self.store.put(admitted.data)
        await tables.mend(admitted.claim, self.partitions)
        return replace(admitted, edition=edition)
