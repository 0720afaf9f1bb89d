"""The search for a text that must be nowhere: in the files of the data folder, in every table.

A packet carries its files in base64, so a text is searched for as it is and as it stands in base64,
at each of the three places where it can begin; a bytea column is searched by its bytes in hex.
Kafka keeps records as they came: no program of ours compresses them.
"""

from base64 import b64encode
from pathlib import Path

from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("demo")
_OFFSETS_ONLY = {".index", ".timeindex"}
"""Files of the broker that hold positions, and are mapped far larger than they are."""


def forms(text: str) -> tuple[bytes, ...]:
    """Return how a text of at least 16 bytes may stand in a file or a column."""
    plain = text.encode()
    return (plain, *(_base64(plain, place) for place in range(3)))


def _base64(plain: bytes, place: int) -> bytes:
    """Return what of a text does not depend on its neighbours, where it begins at this place."""
    whole = b64encode(bytes(place) + plain)
    return whole[4 if place else 0 : -4]


def in_folder(folder: Path, wanted: tuple[bytes, ...]) -> dict[str, list[Path]]:
    """Return the files of a data folder that hold one of these, by the part that wrote them."""
    found: dict[str, list[Path]] = {part.name: [] for part in folder.iterdir()}
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix not in _OFFSETS_ONLY and _holds(file, wanted):
            found[file.relative_to(folder).parts[0]].append(file)
    return found


def _holds(file: Path, wanted: tuple[bytes, ...]) -> bool:
    try:
        data = file.read_bytes()
    except FileNotFoundError:  # the stores remove files of their own as they run
        return False
    return any(each in data for each in wanted)


async def in_tables(connection: Connection, wanted: tuple[bytes, ...]) -> list[str]:
    """Return the tables with a row that holds one of these, in whatever column."""
    patterns = [f"%{text}%" for each in wanted for text in (each.decode(), each.hex())]
    tables = [row["name"] for row in await connection.fetch(SQL["tables"])]
    return [
        table
        for table in tables
        if await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {table} r WHERE r::text LIKE ANY ($1::text[]))",  # noqa: S608 - names out of the catalogue
            patterns,
        )
    ]
