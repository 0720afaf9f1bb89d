"""The registry in PostgreSQL: read whole, changed by files, kept by processes until it changes."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import asyncpg

from hoatoc.domain.registry import Registry
from hoatoc.domain.registry.change import Plan, plan_change
from hoatoc.domain.registry.file import Sheet
from hoatoc.domain.registry.group import Group, group_of
from hoatoc.domain.registry.organ import Certainty, Organ
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("registry")
CHANNEL = "hoatoc_registry"
"""Where a NOTIFY tells of every change; the version tells those who did not listen."""

_WRITTEN = (
    *("code", "code102", "name", "email", "telephone", "certainty", "hub", "parent"),
    *("valid_from", "valid_to", "successor", "locked", "test", "note"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a change comes from: who made it, the file's name and SHA-256."""

    who: str
    file: str
    sha256: bytes


class RegistryTables:
    """Reads and changes of the registry on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def version(self) -> int:
        """Return the version, another one after every change."""
        return int(await self._connection.fetchval(SQL["version"]))

    async def organs(self) -> tuple[Organ, ...]:
        """Return every organ, in order of code."""
        return _organs(await self._connection.fetch(SQL["organs"]))

    async def groups(self) -> dict[str, Group]:
        """Return every group by name."""
        rows = await self._connection.fetch(SQL["groups"])
        return {row["name"]: group_of(json.loads(row["definition"])) for row in rows}

    async def registry(self) -> Registry:
        """Return organs and groups as of one version."""
        return (await self.registry_and_version())[0]

    async def registry_and_version(self) -> tuple[Registry, int]:
        """Return organs and groups, and the version that they are of.

        Several statements see several snapshots, so the version is asked before and after; that
        holds inside a transaction of the caller's too, whatever its isolation. Building from 10⁵
        organs takes a second or two: in a thread, so that heartbeats go on.
        """
        before = await self.version()
        while True:
            rows = await self._connection.fetch(SQL["organs"])
            groups = await self.groups()
            registry = await asyncio.to_thread(_registry, rows, groups)
            after = await self.version()
            if after == before:
                return registry, after
            before = after

    async def change(self, sheet: Sheet, origin: Origin, *, complete: bool, today: date) -> Plan:
        """Do what a file says, in one transaction, and return what it was.

        Changes wait for each other. Raises `RegistryInvalid` with all faults; nothing is written
        then.
        """
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"])
            registry = await self.registry()
            plan = plan_change(registry, sheet, complete=complete, today=today)
            await self._put(plan.organs())
            await self._note(plan, origin, complete=complete)
        return plan

    async def add_organs(self, organs: Sequence[Organ]) -> list[str]:
        """Add organs that are new, without a record; a known one keeps what it has."""
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"])
            registry = await self.registry()
            there = {organ.code for organ in registry.organs}
            new = [organ for organ in organs if organ.code not in there]
            Registry([*registry.organs, *new])
            await self._put(new)
        return [organ.code for organ in new]

    async def put_groups(self, groups: Mapping[str, Group]) -> None:
        """Write groups; one of the same name is replaced. Raises `RegistryInvalid`."""
        async with self._connection.transaction():
            await self._connection.execute(SQL["lock"])
            Registry(await self.organs(), await self.groups() | dict(groups))
            rows = [(name, json.dumps(asdict(group))) for name, group in groups.items()]
            await self._connection.executemany(SQL["put_group"], rows)

    async def changes(self, limit: int) -> list[asyncpg.Record]:
        """Return what changed the registry, the newest first."""
        return list(await self._connection.fetch(SQL["changes"], limit))

    async def _put(self, organs: Sequence[Organ]) -> None:
        if not organs:
            return
        columns = [[getattr(organ, name) for organ in organs] for name in _WRITTEN]
        aliases = [(alias, organ.code) for organ in organs for alias in organ.aliases]
        await self._connection.execute(SQL["drop_aliases"], columns[0])
        await self._connection.execute(SQL["put_organs"], *columns)
        if aliases:
            written, codes = zip(*aliases, strict=True)
            await self._connection.execute(SQL["add_aliases"], written, codes)

    async def _note(self, plan: Plan, origin: Origin, *, complete: bool) -> None:
        counts = (len(plan.added), len(plan.changed), len(plan.ended), plan.unchanged)
        await self._connection.execute(
            SQL["note_change"], origin.who, origin.file, origin.sha256, complete, *counts
        )


class RegistryCache:
    """The registry as a process keeps it: read again only after it changed."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._version = -1
        self._reading = asyncio.Lock()

    async def current(self, connection: Connection, version: int | None = None) -> Registry:
        """Return the registry; one query of one row when it did not change.

        With the version that another query has just told, none. Of several that find it changed
        at once, one reads it.
        """
        tables = RegistryTables(connection)
        if version is None:
            version = await tables.version()
        if self._registry is not None and version == self._version:
            return self._registry
        async with self._reading:
            if self._registry is None or await tables.version() != self._version:
                self._registry, self._version = await tables.registry_and_version()
            return self._registry


def _registry(rows: Sequence[asyncpg.Record], groups: Mapping[str, Group]) -> Registry:
    return Registry(_organs(rows), groups)


def _organs(rows: Sequence[asyncpg.Record]) -> tuple[Organ, ...]:
    return tuple(map(_organ, rows))


def _organ(row: asyncpg.Record) -> Organ:
    code, code102, name, email, telephone, certainty, aliases, *rest = row.values()
    known = Certainty(certainty)
    return Organ(code, code102, name, email, telephone, known, tuple(aliases), *rest)
