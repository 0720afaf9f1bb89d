"""Commands about organs and topics."""

import asyncio
from typing import Annotated

import typer

from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.domain.registry import COLUMNS, parse_organs
from hoatoc.kafka import topic
from hoatoc.postgres.handover import HandoverTables
from hoatoc.prepare import create_topics

organs = typer.Typer(help="Organs: list them, or add one with its topics.", no_args_is_help=False)


@organs.callback(invoke_without_command=True)
def list_organs(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List the organs of the registry."""
    if context.invoked_subcommand:
        return

    async def read() -> None:
        async with database(settings_of(data)) as connection:
            rows = await HandoverTables(connection).organs()
        headings = {
            "code": "Mã · code",
            "code102": "QCVN 102",
            "name": "Tên · name",
            "email": "Thư · e-mail",
            "telephone": "Điện thoại · telephone",
            "certainty": "Độ chắc · certainty",
        }
        listed = [{name: str(getattr(organ, name)) for name in COLUMNS} for organ in rows]
        for row in listed:
            row["certainty"] = {"memory": "[M] memory"}.get(row["certainty"], row["certainty"])
        output.table(listed, headings, machine=json)

    asyncio.run(read())


@organs.command()
def add(
    code: Annotated[str, typer.Argument(help="Code by QĐ 20/2020 (H16.05) or QCVN 102:2016.")],
    name: Annotated[str, typer.Argument(help="Full name.")],
    email: Annotated[str, typer.Option(help="Where a page says to write to.")] = "",
    telephone: Annotated[str, typer.Option(help="Where a page says to call.")] = "",
    code102: Annotated[str, typer.Option(help="The code by QCVN 102:2016, if known.")] = "",
    data: Data = None,
) -> None:
    """Add an organ and create its topics; an organ that is there keeps what it has."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerow((code, code102, name, email, telephone, "verified"))
    (organ,) = parse_organs(text.getvalue())

    async def write() -> None:
        settings = settings_of(data)
        async with database(settings) as connection:
            new = await HandoverTables(connection).add_organs([organ])
        created = await create_topics(settings, [organ])
        verb = "đã thêm · added" if new else "đã có · was there"
        typer.echo(f"{organ.code} {organ.name}: {verb}; topics created: {len(created)}")

    asyncio.run(write())


def topics(
    create: Annotated[
        bool, typer.Option("--create", help="Create those that are missing.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Check the topics against what they must be; exit 1 when they differ."""

    async def check() -> bool:
        settings = settings_of(data)
        async with database(settings) as connection:
            registry = await HandoverTables(connection).organs()
        if create:
            await create_topics(settings, registry)
        plans = topic.plan(settings.kafka, [organ.code for organ in registry])
        async with topic.admin(settings.kafka) as client:
            found = await topic.drift(client, plans)
        headings = {n: n for n in topic.Drift._fields}
        good = f"{len(plans)} topics, tất cả đúng · all as they must be"
        output.table((d._asdict() for d in found), headings, machine=json, empty=good)
        return bool(found)

    if asyncio.run(check()):
        raise typer.Exit(1)
