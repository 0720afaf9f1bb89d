"""The command that looks at packets as a door would, and hands nothing over."""

import asyncio
from dataclasses import replace
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from hoatoc import config
from hoatoc.admission import Admission, read
from hoatoc.cli.check_view import Checked, show
from hoatoc.cli.reach import Data, Json, NotRunning, database, settings_of
from hoatoc.config import Settings
from hoatoc.content.packet import received_file
from hoatoc.content.scratch import Scratch
from hoatoc.domain.check import Severity
from hoatoc.domain.check import check as look
from hoatoc.domain.content import Content
from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import document_key
from hoatoc.domain.packet import Packet, PacketFault
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry
from hoatoc.domain.registry.file import parse_organs, text_of
from hoatoc.domain.secret import Declaration
from hoatoc.domain.signature import legal_value
from hoatoc.examine import admission
from hoatoc.policy_file import load_policy
from hoatoc.postgres.registry import RegistryTables


class RegistryUnreadable(PeerFault):
    """The file of a registry cannot be read."""


def check(
    packets: Annotated[
        list[Path], typer.Argument(help="edXML packets.", exists=True, dir_okay=False)
    ],
    registry: Annotated[
        Path | None,
        typer.Option("--registry", help="CSV of organs (default: the stack's, else the shipped)."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Day of sending in Vietnam."),
    ] = None,
    secret: Annotated[
        bool | None, typer.Option("--secret/--not-secret", help="What the source system declares.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what a door would find in packets; nothing is sent or kept. Exit 4: one is refused."""
    settings, organs = _reached(data), _registry(registry, data)
    today = (on or datetime.now(VIETNAM)).date()
    declaration = Declaration(secret=secret)
    with admission(settings, load_policy(settings)) as admitting:
        checked = [_checked(path, organs, today, admitting, declaration) for path in packets]
    show(checked, machine=json)
    if any(each.is_refused for each in checked):
        raise typer.Exit(4)


def _reached(data: Path | None) -> Settings:
    """Return the settings of what runs on the data folder, else those of the environment."""
    try:
        return settings_of(data)
    except NotRunning:
        return config.load()


def _registry(file: Path | None, data: Path | None) -> Registry:
    if file is not None:
        try:
            return Registry(parse_organs(text_of(file.read_bytes())))
        except OSError as error:
            raise RegistryUnreadable(
                f"--registry {file}: không đọc được, hãy kiểm tra đường dẫn / cannot be read, "
                f"check the path: {error.strerror}"
            ) from error
    try:
        settings = settings_of(data)
    except NotRunning:
        return Registry(parse_organs((files("hoatoc.data") / "organs.csv").read_text("utf-8")))
    return asyncio.run(_adopted(settings))


async def _adopted(settings: Settings) -> Registry:
    async with database(settings) as connection:
        return await RegistryTables(connection).registry()


def _checked(
    path: Path, registry: Registry, today: date, admitting: Admission, declaration: Declaration
) -> Checked:
    with (
        received_file(path, path.stat().st_size, admitting.spool) as received,
        Scratch(admitting.spool) as scratch,
    ):
        data = received.in_memory() or received
        seen = Checked(name=path.name, sha256=received.sha256.hex(), size=received.size)
        try:
            packet = read(data, scratch)
        except PacketFault as fault:
            return replace(seen, fault=fault)
        return _looked(seen, data, packet, registry, today, admitting, declaration)


def _looked(
    seen: Checked,
    data: Content,
    packet: Packet,
    registry: Registry,
    today: date,
    admitting: Admission,
    declaration: Declaration,
) -> Checked:
    examination = admitting.examine(packet, data, registry, today)
    suspicions = admitting.suspect(packet, data, examination, declaration)
    if any(each.severity is Severity.REFUSE for each in suspicions):
        return replace(seen, suspicions=suspicions)
    sender = registry.get(packet.sender.code)
    key = document_key(packet)
    return replace(
        seen,
        packet=packet,
        key=replace(key, issuer=sender.code) if sender else key,
        legal_value=legal_value([each.signatures for each in examination.files]),
        suspicions=suspicions,
        findings=look(packet, registry, today, examination, admitting.policy.checks),
    )
