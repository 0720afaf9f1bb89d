"""Commands about the registry of organs, and about topics."""

import asyncio
from datetime import datetime
from getpass import getuser
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from hoatoc.cli import organ_view, output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.config import Settings
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry
from hoatoc.domain.registry.change import Plan, plan_change
from hoatoc.domain.registry.file import (
    Sheet,
    read_csv,
    read_json,
    sheet_of,
    text_of,
    write_csv,
    write_json,
)
from hoatoc.domain.registry.organ import Certainty
from hoatoc.kafka import topic
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.registry import Origin, RegistryTables
from hoatoc.prepare import create_topics, plan_topics

registry = typer.Typer(help="The registry of organs: read it, change it.", no_args_is_help=True)

Day = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Day in Vietnam (default: today)."),
]
By = Annotated[str, typer.Option("--by", help="Who makes the change (default: the OS user).")]
Codes = Annotated[list[str], typer.Argument(help="Codes as written, or @groups.")]


def _today() -> datetime:
    return datetime.now(VIETNAM)


async def _read(data: Path | None) -> Registry:
    async with database(settings_of(data)) as connection:
        return await RegistryTables(connection).registry()


@registry.command("list")
def list_organs(
    names: Annotated[list[str] | None, typer.Argument(help="Codes or @groups; none: all.")] = None,
    find: Annotated[str, typer.Option(help="Only those whose code or name holds this.")] = "",
    on: Day = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List organs: all, those of a group, or those that are named."""
    read = asyncio.run(_read(data))
    day = (on or _today()).date()
    listed = read.organs
    if names:
        listed = tuple(each.organ for each in read.recipients(names, day))
    wanted = find.casefold()
    organ_view.show_organs(
        [o for o in listed if any(wanted in text.casefold() for text in (*o.codes(), o.name))],
        day,
        machine=json,
    )


@registry.command()
def show(code: str, data: Data = None, json: Json = False) -> None:
    """Show all that the registry holds of one organ."""
    read = asyncio.run(_read(data))
    organ_view.show_organ(read[code], read, machine=json)


@registry.command()
def resolve(codes: Codes, on: Day = None, data: Data = None, json: Json = False) -> None:
    """Tell whom codes and groups mean on a day, and what should be known of it."""
    read = asyncio.run(_read(data))
    day = (on or _today()).date()
    found = [each for code in codes for each in read.recipients([code], day)]
    organ_view.show_resolved(found, read, machine=json)


@registry.command()
def groups(data: Data = None, json: Json = False) -> None:
    """List the groups that a list of recipients may name."""
    organ_view.show_groups(asyncio.run(_read(data)), _today().date(), machine=json)


@registry.command()
def changes(
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20,
    data: Data = None,
    json: Json = False,
) -> None:
    """List who changed the registry, when and from which file."""

    async def read() -> None:
        async with database(settings_of(data)) as connection:
            organ_view.show_changes(await RegistryTables(connection).changes(limit), machine=json)

    asyncio.run(read())


@registry.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="File to write; none: the screen.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON (a file *.json always is).")] = False,
    bom: Annotated[bool, typer.Option("--bom", help="Byte order mark, for spreadsheets.")] = False,
    data: Data = None,
) -> None:
    """Write the whole registry, as `import` reads it."""
    organs = asyncio.run(_read(data)).organs
    as_json = json or (file is not None and file.suffix == ".json")
    text = write_json(organs) if as_json else write_csv(organs)
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, "utf-8-sig" if bom else "utf-8", newline="")
    typer.echo(f"{file}: {len(organs)} cơ quan · organs")


@registry.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, or JSON (*.json).", exists=True)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes only.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="The file is whole: organs not in it end today.")
    ] = False,
    by: By = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Change the registry as a file says; a line with a fault, and nothing is changed."""
    content = file.read_bytes()
    text = text_of(content)
    sheet = read_json(text) if file.suffix == ".json" else read_csv(text)
    origin = Origin(who=by or getuser(), file=file.name, sha256=sha256(content).digest())
    settings = settings_of(data)

    async def change() -> tuple[Plan, list[str]]:
        async with database(settings) as connection:
            if dry_run:
                return await _planned(connection, sheet, complete=complete), []
            return await _changed(connection, settings, sheet, origin, complete=complete)

    plan, created = asyncio.run(change())
    organ_view.show_plan(plan, origin, created, dry_run=dry_run, machine=json)


async def _planned(connection: Connection, sheet: Sheet, *, complete: bool) -> Plan:
    there = await RegistryTables(connection).registry()
    return plan_change(there, sheet, complete=complete, today=_today().date())


async def _changed(
    connection: Connection, settings: Settings, sheet: Sheet, origin: Origin, *, complete: bool
) -> tuple[Plan, list[str]]:
    """Change the registry, then create what topics are missing; run again, it does the rest."""
    tables = RegistryTables(connection)
    plan = await tables.change(sheet, origin, complete=complete, today=_today().date())
    named = set(sheet.columns["code"])
    organs = [organ for organ in await tables.organs() if organ.code in named]
    return plan, await create_topics(settings, organs)


@registry.command()
def add(
    code: Annotated[str, typer.Argument(help="Code by QĐ 20/2020 (H16.05) or QCVN 102:2016.")],
    name: Annotated[str, typer.Argument(help="Full name.")],
    *,
    email: Annotated[str, typer.Option(help="Where a page says to write to.")] = "",
    telephone: Annotated[str, typer.Option(help="Where a page says to call.")] = "",
    code102: Annotated[str, typer.Option(help="The code by QCVN 102:2016, if known.")] = "",
    alias: Annotated[list[str] | None, typer.Option(help="Another code; may be repeated.")] = None,
    hub: Annotated[str, typer.Option(help="Code of the organ whose connection it uses.")] = "",
    parent: Annotated[str, typer.Option(help="Code of the organ that it belongs to.")] = "",
    valid_from: Annotated[str, typer.Option(help="Its first day.", metavar="DAY")] = "",
    certainty: Annotated[Certainty, typer.Option(help="How well the code is attested.")] = (
        Certainty.VERIFIED
    ),
    test: Annotated[bool, typer.Option("--test", help="It is no real organ.")] = False,
    note: Annotated[str, typer.Option(help="What else should be known.")] = "",
    by: By = "",
    data: Data = None,
) -> None:
    """Add an organ and create its topics; an organ that is there keeps what it has."""
    texts = {
        "code": code,
        "name": name,
        "email": email,
        "telephone": telephone,
        "code102": code102,
        "aliases": " ".join(alias or ()),
        "hub": hub,
        "parent": parent,
        "valid_from": valid_from,
        "certainty": certainty,
        "test": str(int(test)),
        "note": note,
    }
    sheet = sheet_of(texts)
    digest = sha256("\n".join(texts.values()).encode()).digest()
    origin = Origin(who=by or getuser(), file="hoatoc registry add", sha256=digest)
    settings = settings_of(data)

    async def write() -> None:
        async with database(settings) as connection:
            organs = await RegistryTables(connection).organs()
            there = [organ for organ in organs if organ.code == sheet.columns["code"][0]]
            if there:
                created = await create_topics(settings, there)
                organ_view.show_added(there[0], created, new=False)
                return
            plan, created = await _changed(connection, settings, sheet, origin, complete=False)
            organ_view.show_added(plan.organs()[0], created, new=True)

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
            organs = await RegistryTables(connection).organs()
        if create:
            await create_topics(settings, organs)
        plans = plan_topics(settings, organs)
        async with topic.admin(settings.kafka) as client:
            found = await topic.drift(client, plans)
        headings = {n: n for n in topic.Drift._fields}
        good = f"{len(plans)} topics, tất cả đúng · all as they must be"
        output.table((d._asdict() for d in found), headings, machine=json, empty=good)
        return bool(found)

    if asyncio.run(check()):
        raise typer.Exit(1)
