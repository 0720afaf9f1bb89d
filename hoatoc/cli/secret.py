"""Commands about what was stopped as a suspected state secret, and what nobody understood."""

import asyncio
import getpass
import json as text
from typing import Annotated, Any
from uuid import UUID

import typer

from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.postgres.query import queries
from hoatoc.postgres.secret import SecretTables

SQL = queries("report")
secrets = typer.Typer(
    help="What was stopped as a suspected state secret: list it, close a note.",
    no_args_is_help=False,
)


@secrets.callback(invoke_without_command=True)
def list_notes(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also those dealt with.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """List what was stopped; nothing of its content is kept."""
    if context.invoked_subcommand:
        return

    async def read() -> list[dict[str, Any]]:
        async with database(settings_of(data)) as connection:
            rows = await SecretTables(connection).notes(everything=everything)
        return [dict(row) for row in rows]

    rows = asyncio.run(read())
    for row in rows:
        marks = text.loads(row.pop("marks"))
        row["marks"] = "; ".join(" ".join(filter(None, mark)) for mark in marks)
        row["deleted"] = "" if row["topic"] is None else output.instant(row["deleted_at"])
    headings = {
        "note_id": "Mã · note",
        "noted_at": "Lúc · at",
        "organ": "Nơi gửi · sender",
        "door": "Cửa · door",
        "marks": "Dấu hiệu · marks",
        "bytes": "Byte",
        "deleted": "Đã xóa khỏi topic · deleted",
        "closed_by": "Người xử lý · closed by",
    }
    output.table(rows, headings, machine=json)


@secrets.command()
def close(
    note: Annotated[UUID, typer.Argument(help="Id of the note.")],
    outcome: Annotated[str, typer.Option(help="What was done; nothing of the content.")],
    by: Annotated[str, typer.Option(help="Who dealt with it.")] = "",
    data: Data = None,
) -> None:
    """Note who dealt with a stopped document, and how; its page is resolved."""
    settings = settings_of(data)

    async def write() -> None:
        async with database(settings) as connection:
            tables = SecretTables(connection)
            who = by or getpass.getuser()
            await tables.close(note, who, outcome, settings.kafka.partitions)

    asyncio.run(write())
    typer.echo("đã ghi nhận · noted")


def quarantine(
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 200,
    data: Data = None,
    json: Json = False,
) -> None:
    """List what was reported and no state knows: unknown codes, records of unknown kinds."""

    async def read() -> list[dict[str, Any]]:
        async with database(settings_of(data)) as connection:
            rows = await connection.fetch(SQL["quarantine"], limit)
        return [dict(row) | {"at": output.instant(row["append_ms"])} for row in rows]

    headings = {
        "at": "Lúc · at",
        "recipient": "Nơi nhận · recipient",
        "document": "Số, ký hiệu · document",
        "type": "Sự kiện · event",
        "code": "Mã · code",
        "detail": "Ghi · note",
        "delivery_id": "Mã gửi nhận · delivery",
    }
    output.table(asyncio.run(read()), headings, machine=json)
