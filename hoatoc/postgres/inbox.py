"""What the gateway reads: dispatches, copies and numbers of the organs that ask."""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from hoatoc.domain.correlation import Meant
from hoatoc.domain.identity import folded_mark
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("gateway")
COPIES_CHANNEL = "hoatoc_copies"
"""Where a NOTIFY names the connections that something came to; none named: any."""


class InboxTables:
    """Reads on one connection; who may see what is decided by the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sender_of(self, dispatch_id: UUID) -> str | None:
        """Return who handed a dispatch over; None if there is no such dispatch."""
        found: str | None = await self._connection.fetchval(SQL["sender_of"], dispatch_id)
        return found

    async def dispatch(self, dispatch_id: UUID) -> dict[str, Any]:
        """Return a dispatch that is there, with its copies and recalls."""
        row = await self._connection.fetchrow(SQL["dispatch"], dispatch_id)
        recalls = await self._connection.fetch(SQL["recalls"], dispatch_id)
        return {
            **dict(row),
            "findings": json.loads(row["findings"]),
            "recipients": await self.copies(dispatch_id),
            "recalls": [dict(recall) for recall in recalls],
        }

    async def copies(self, dispatch_id: UUID) -> list[dict[str, Any]]:
        """Return the copies of a dispatch, and how each stands."""
        return [dict(row) for row in await self._connection.fetch(SQL["copies"], dispatch_id)]

    async def copy(self, delivery_id: UUID) -> dict[str, Any] | None:
        """Return a copy; None if there is none."""
        row = await self._connection.fetchrow(SQL["copy"], delivery_id)
        return dict(row) if row else None

    async def copy_of(self, delivery_id: UUID, event_id: UUID) -> dict[str, Any] | None:
        """Return whose a copy is, as one answers for it; None if there is none.

        `is_answered` tells whether the broker has confirmed the answer of this id; `words_sha256`
        is then of what it said.
        """
        row = await self._connection.fetchrow(SQL["copy_of"], delivery_id, event_id)
        return dict(row) if row else None

    async def answered(
        self,
        event_id: UUID,
        delivery_id: UUID,
        said: tuple[str, bytes],
        via: str,
        audited: Sequence[str],
    ) -> None:
        """Note an answer that the broker has confirmed, with the row of who gave it.

        `said`: what it is, and the SHA-256 of its words.
        """
        what, words = said
        await self._connection.execute(
            SQL["answered"], event_id, delivery_id, what, via, words, *audited
        )

    async def senders(self, dispatches: Iterable[UUID]) -> dict[UUID, str]:
        """Return whose dispatches these are, as far as they are known."""
        rows = await self._connection.fetch(SQL["senders"], list(dispatches))
        return {row["dispatch_id"]: row["sender"] for row in rows}

    async def search(
        self, sender: str, text: str, state: str | None, after: UUID | None, limit: int
    ) -> list[dict[str, Any]]:
        """Return dispatches of a sender, the newest first, behind one of them."""
        rows = await self._connection.fetch(SQL["search"], sender, text, state, after, limit)
        return [{**dict(row), "states": json.loads(row["states"] or "{}")} for row in rows]

    async def timeline(self, dispatch_id: UUID) -> list[dict[str, Any]]:
        """Return what the log says of a dispatch, in its order."""
        return [dict(row) for row in await self._connection.fetch(SQL["timeline"], dispatch_id)]

    async def counts(self, organ: str) -> list[dict[str, Any]]:
        """Return the copies of an organ by state: of what it sent, and of what was sent to it."""
        return [dict(row) for row in await self._connection.fetch(SQL["counts"], organ)]

    async def waiting(self, recipient: str, limit: int) -> list[dict[str, Any]]:
        """Return what an organ was sent and has not answered for as it must."""
        rows = await self._connection.fetch(SQL["waiting"], recipient, limit)
        return [dict(row) for row in rows]

    async def amiss(self, sender: str, limit: int) -> list[dict[str, Any]]:
        """Return what an organ sent and is not well."""
        return [dict(row) for row in await self._connection.fetch(SQL["amiss"], sender, limit)]

    async def named(self, copy: Meant, sender: str, recipient: str) -> UUID | None:
        """Return the last dispatch that a status packet may mean; None if there is none."""
        number, notation = folded_mark(copy.number, copy.notation)
        found: UUID | None = await self._connection.fetchval(
            SQL["dispatch_named"], sender, recipient, copy.document_id, number, notation, copy.year
        )
        return found


class Reserved(NamedTuple):
    """Of what request a key is, what came of that; `new` where nobody had used it before."""

    digest: bytes
    result: UUID | None
    new: bool


class KeyTables:
    """Keys of requests that may be repeated, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reserve(self, organ: str, key: str, digest: bytes) -> Reserved:
        """Take a key; inside a transaction, others that use the key wait until its end."""
        done = await self._connection.execute(SQL["reserve_key"], organ, key, digest)
        row = await self._connection.fetchrow(SQL["key"], organ, key)
        return Reserved(row["digest"], row["result"], new=done == "INSERT 0 1")

    async def keep(self, organ: str, key: str, result: UUID) -> None:
        """Keep what came of a request."""
        await self._connection.execute(SQL["keep_result"], organ, key, result)

    async def free(self, organ: str, key: str, digest: bytes) -> None:
        """Let a key be used for another request: nothing came of this one."""
        await self._connection.execute(SQL["free_key"], organ, key, digest)

    async def forget(self, age: timedelta) -> None:
        """Forget keys that are older than this."""
        await self._connection.execute(SQL["forget_keys"], age)
