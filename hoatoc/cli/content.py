"""Commands about the store of large content: check it, sweep it."""

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.content.store import store_of
from hoatoc.postgres import content as tables

content = typer.Typer(
    help="The store of packets above 256 KiB: check what lies there, sweep what nothing names.",
    no_args_is_help=True,
)


@content.command()
def check(data: Data = None, json: Json = False) -> None:
    """Read through all that a hand-over names. What is missing or altered is alerted; exit 1."""
    settings = settings_of(data)

    async def read() -> tables.Checked:
        async with database(settings) as connection:
            return await tables.check(connection, store_of(settings), settings.kafka.partitions)

    found = asyncio.run(read())
    rows = [
        {
            "content": claim.name,
            "bytes": claim.size,
            "fault": type(fault).__name__,
            "detail": str(fault),
        }
        for claim, fault in found.lost
    ]
    headings = {
        "content": "Nội dung · content",
        "bytes": "Byte",
        "fault": "Lỗi · fault",
        "detail": "Chi tiết, cách xử lý · detail, remedy",
    }
    output.table(rows, headings, machine=json)
    if not json:
        sound = found.named - len(rows)
        typer.echo(f"{sound}/{found.named} nội dung nguyên vẹn · contents sound")
    if rows:
        raise typer.Exit(1)


@content.command()
def sweep(
    grace: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds since it was put there (default: the setting)."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Remove what no hand-over names any more; safe at any time, and if it is ended half-way."""
    settings = settings_of(data)
    seconds = settings.content.grace_s if grace is None else grace

    async def run() -> tables.Swept:
        async with database(settings) as connection:
            return await tables.sweep(connection, store_of(settings), timedelta(seconds=seconds))

    swept = asyncio.run(run())
    if json:
        output.as_json(_row(swept))
        return
    typer.echo(
        f"{swept.removed} nội dung đã xóa ({swept.bytes} byte), {swept.adopted} mới ghi nhận, "
        f"{swept.unfinished} tệp dở dang đã xóa · contents removed, newly known, unfinished files "
        "removed"
    )


def _row(swept: tables.Swept) -> dict[str, int]:
    return {
        "removed": swept.removed,
        "bytes": swept.bytes,
        "adopted": swept.adopted,
        "unfinished": swept.unfinished,
    }
