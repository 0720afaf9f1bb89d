"""The audit of access: who did what at which door, for which organ, and how it ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import asyncpg

from hoatoc.domain.access import Action, Caller, shown
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("credential")
_WIDTH: Final = 200
"""characters of a text that is written down, at most"""


class Outcome(StrEnum):
    """How a deed ended: done, done before and asked again, or refused."""

    DONE = "done"
    REPEATED = "repeated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did at a door, on what, for which organ; `detail` says why it was refused.

    A subject is an id, never content.
    """

    door: str
    action: Action
    organ: str
    subject: str
    outcome: Outcome = Outcome.DONE
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows are read: by or for an organ, by somebody, on a subject, older than an id."""

    organ: str = ""
    who: str = ""
    subject: str = ""
    before: int | None = None
    limit: int = 100


class AuditTables:
    """Reads and additions on one connection; nothing is ever changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def note(self, caller: Caller, deed: Deed) -> None:
        """Write down what a caller did; in the transaction of the deed, if there is one.

        The same refusal again within a minute is not written again: a client that polls in vain
        fills no disk.
        """
        await self._write(caller.credential, caller.organ, deed)

    async def note_person(self, who: str, deed: Deed) -> None:
        """Write down what a person did who came by no credential."""
        await self._write(who, "", deed)

    async def _write(self, who: str, organ: str, deed: Deed) -> None:
        query = "note_refusal" if deed.outcome is Outcome.REFUSED else "note"
        await self._connection.execute(SQL[query], *row_of(who, organ, deed))

    async def rows(self, wanted: Wanted) -> list[asyncpg.Record]:
        """Return what was done, the newest first."""
        texts = (shown(text, _WIDTH) for text in (wanted.organ, wanted.who, wanted.subject))
        return list(await self._connection.fetch(SQL["audit"], *texts, wanted.before, wanted.limit))


def row_of(who: str, organ: str, deed: Deed) -> tuple[str, ...]:
    """Return a deed as it is written down: a row of the audit, its id and instant apart."""
    texts = (who, organ, deed.door, deed.action, deed.organ, deed.subject)
    return *(shown(text, _WIDTH) for text in texts), deed.outcome, shown(deed.detail, _WIDTH)
