"""The judgement: books, pages and disk held against what the recipients recorded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoatoc.demo import search
from hoatoc.demo.scenario import RAISED, RESOLVED, Expected, Page
from hoatoc.demo.webhook import Receiver
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("demo")
SUSPECTED = "secret-suspected"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a text was found: files by the part of the data folder, tables of the database."""

    files: Mapping[str, list[Path]]
    tables: list[str]

    @property
    def everywhere(self) -> list[str]:
        """Return every place."""
        return [*(str(file) for found in self.files.values() for file in found), *self.tables]


async def places(connection: Connection, data: Path, text: str) -> Places:
    """Search the data folder and every table for a text, in each form in which it may stand."""
    wanted = search.forms(text)
    return Places(search.in_folder(data, wanted), await search.in_tables(connection, wanted))


def search_faults(secret: Places, sent: Places) -> list[str]:
    """Return where the secret was found, and where the control was not that must be there."""
    kept = {"database": sent.files["database"], "broker": sent.files["broker"]}
    return [
        *(f"the suspected secret is in {place}" for place in secret.everywhere),
        *(f"the search finds no text in {part}" for part, found in kept.items() if not found),
        *([] if sent.tables else ["the search finds no text in the tables"]),
    ]


def paged(receiver: Receiver) -> Counter[Page]:
    """Return the pages that came about deliveries."""
    about = (page["data"] for page in receiver.pages.values())
    return Counter(
        (data["subject_id"], data["kind"], RAISED if data["version"] % 2 else RESOLVED)
        for data in about
        if data["kind"] != SUSPECTED
    )


async def state_faults(connection: Connection, must: Mapping[str, Expected]) -> list[str]:
    """Return the copies whose state in the books is not what their recipient recorded."""
    rows = {str(row["delivery_id"]): row for row in await connection.fetch(SQL["states"])}
    missing = [f"{of}: received, never handed over" for of in must.keys() - rows.keys()]
    return missing + [
        f"{row['mark']} → {row['recipient']}: {row['state']} in the books, must be "
        f"{must[of].state if of in must else 'unknown: its recipient never got it'}"
        for of, row in rows.items()
        if of not in must or row["state"] != must[of].state
    ]


def due_pages(must: Mapping[str, Expected]) -> set[Page]:
    """Return the pages about deliveries that must come."""
    return {page for one in must.values() for page in one.pages}


def page_faults(due: set[Page], came: Counter[Page]) -> list[str]:
    """Return the pages that are missing, must not be, or came more than once."""
    return [
        *(f"missing page: {page}" for page in due - came.keys()),
        *(f"page that must not be: {page}" for page in came.keys() - due),
        *(f"{count} pages, must be one: {page}" for page, count in came.items() if count > 1),
    ]


def suspected(receiver: Receiver) -> list[dict[str, Any]]:
    """Return the pages about suspected secrets."""
    every = (page["data"] for page in receiver.pages.values())
    return [data for data in every if data["kind"] == SUSPECTED]


def suspected_faults(receiver: Receiver, organ: str, sha256: str) -> list[str]:
    """Return why the pages about suspected secrets are not the one that must be."""
    found = suspected(receiver)
    if [data["recipient"] or data["sender"] for data in found] != [organ]:
        return [f"{len(found)} pages of kind {SUSPECTED}, must be one about {organ}"]
    if sha256 not in found[0]["reason"]:
        return [f"the page of kind {SUSPECTED} does not name the packet {sha256}"]
    return []
