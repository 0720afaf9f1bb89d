"""A door: admission by the registry in force, then hand-over in one transaction."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from hoatoc.admission import Admission, Admitted
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.secret import Declaration, SecretSuspected
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.handover import HandedOver, HandoverTables
from hoatoc.postgres.registry import RegistryCache
from hoatoc.postgres.secret import SecretTables, Stopped


@dataclass(slots=True)
class Door:
    """Takes packets on any connection; `name` is what the books say of where they came in."""

    name: str
    admission: Admission
    partitions: int
    registry: RegistryCache = field(default_factory=RegistryCache)

    async def admit(
        self,
        connection: Connection,
        data: bytes,
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
        require: Callable[[Admitted], None] | None = None,
    ) -> HandedOver:
        """Take a packet; the same content again gives the dispatch that it already has.

        `require` raises what else this door has against a packet that was admitted. Raises what
        `admit` and `HandoverTables.hand_over` raise; nothing is written then but, of a suspected
        secret, a note without content, and its page.
        """
        try:
            admitted = await self.admit(connection, data, sender, declaration)
        except SecretSuspected as suspected:
            organ = sender or suspected.organ
            note = Stopped.of(suspected, door=self.name, organ=organ)
            await SecretTables(connection).stop(note, self.partitions)
            raise
        if require is not None:
            require(admitted)
        policy = self.admission.policy
        return await HandoverTables(connection).hand_over(admitted, policy, self.name)
