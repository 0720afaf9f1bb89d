"""Keyring: who it is that shows a credential at a door.

A credential is looked up each time, by one query of one row, so that one that was revoked is worth
nothing at once, at every replica. What is kept is the registry, and the scopes that follow from it.
The database's clock says what has expired.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import date
from hmac import compare_digest
from typing import Final

import asyncpg
from cryptography.fernet import Fernet

from hoatoc.domain.access import Caller, Doubt, Role, Unauthenticated
from hoatoc.domain.credential import ApiKey, Pair, Presented
from hoatoc.domain.registry import Registry
from hoatoc.domain.scope import Scopes
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries
from hoatoc.postgres.registry import RegistryCache
from hoatoc.seal import Seal, SealBroken

SQL = queries("credential")
# Opened and compared with where there is nothing to: an unknown credential takes as long as a wrong
# secret does.
_NOBODY: Final = secrets.token_bytes(32)
_DECOY: Final = Fernet(Fernet.generate_key())
_SEALED: Final = _DECOY.encrypt(_NOBODY)


class Keyring:
    """Tells callers by what they show; `today` returns the day in Vietnam."""

    def __init__(self, seal: Seal, registry: RegistryCache, today: Callable[[], date]) -> None:
        self._seal, self._registry, self._today = seal, registry, today
        self._scopes: Scopes | None = None
        self._scopes_of: tuple[Registry, date] | None = None
        self._computing = asyncio.Lock()

    async def authenticate(
        self, connection: Connection, presented: Presented
    ) -> tuple[Caller, Registry]:
        """Return who shows this, and the registry by which it is known; raises Unauthenticated."""
        row = await self._matching(connection, presented)
        if row["revoked"]:
            raise Unauthenticated(Doubt.REVOKED)
        if row["expired"]:
            raise Unauthenticated(Doubt.EXPIRED)
        if row["unnoted"]:
            await connection.execute(SQL["note_used"], row["credential_id"])
        registry = await self._registry.current(connection, row["registry_version"])
        scope = (await self._current_scopes(registry)).of(row["organ"])
        caller = Caller(
            credential=row["credential_id"],
            organ=row["organ"],
            roles=frozenset(map(Role, row["roles"])),
            scope=scope.organs,
            halted=scope.halted,
        )
        return caller, registry

    async def _matching(self, connection: Connection, presented: Presented) -> asyncpg.Record:
        if isinstance(presented, ApiKey):
            rows = await connection.fetch(SQL["by_id"], presented.credential_id)
            given = presented.verifier
            matching = [row for row in rows if compare_digest(row["verifier"], given)]
            if not rows:
                compare_digest(_NOBODY, given)
        elif isinstance(presented, Pair):
            rows = await connection.fetch(SQL["by_system"], presented.system_id)
            matching = self._fitting(rows, presented)
        else:
            matching = await connection.fetch(SQL["by_certificate"], presented.sha256)
        if not matching:
            raise Unauthenticated(Doubt.WRONG)
        return matching[0]

    def _fitting(self, rows: Sequence[asyncpg.Record], pair: Pair) -> list[asyncpg.Record]:
        """Return the rows that a pair fits; every one is tried, and one where there is none.

        A secret that does not open might have been the one, so nobody is told then that theirs is
        wrong; one that is over anyway holds up nobody.
        """
        found, broken = [], None
        for row in rows:
            try:
                secret = self._seal.open(row["credential_id"], row["sealed"])
            except SealBroken as error:
                over = row["revoked"] or row["expired"]
                broken = broken if over else error
                continue
            if pair.fits(secret):
                found.append(row)
        if not rows:
            pair.fits(_DECOY.decrypt(_SEALED))
        if broken is not None and not found:
            raise broken
        return found

    async def _current_scopes(self, registry: Registry) -> Scopes:
        """Return the scopes by a registry today; computed in a thread, by one for all."""
        wanted = (registry, self._today())
        if self._scopes is None or self._scopes_of != wanted:
            async with self._computing:
                if self._scopes is None or self._scopes_of != wanted:
                    self._scopes = await asyncio.to_thread(Scopes, *wanted)
                    self._scopes_of = wanted
        return self._scopes
