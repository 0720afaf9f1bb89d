"""The command that makes traffic, to see how an installation carries it."""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.table import Table

from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, NotRunning, database, settings_of
from hoatoc.config import Settings
from hoatoc.domain.error import PeerFault
from hoatoc.embedded.stack import running
from hoatoc.postgres.registry import RegistryTables
from hoatoc.traffic.agency import DOORS, Reach
from hoatoc.traffic.run import Plan, Tally, Traffic, credentials

_SHOWN = 10


class TooFewAgencies(PeerFault):
    """There are fewer organs to play than were asked for."""


class DoorUnknown(PeerFault):
    """No door is called that."""


def traffic(  # noqa: PLR0917 - options of a command
    agencies: Annotated[int, typer.Option(min=2, help="Số cơ quan · how many agencies.")] = 20,
    rate: Annotated[float, typer.Option(min=0.01, help="Văn bản mỗi giây · letters a second.")] = 1,
    minutes: Annotated[float, typer.Option(min=0.01, help="Bao lâu · for how long.")] = 1,
    doors: Annotated[
        str, typer.Option(help=f"Cửa, lần lượt · doors, by turns: {', '.join(DOORS)}.")
    ] = "http,vxp",
    size: Annotated[
        float, typer.Option(min=0, help="Hệ số cỡ tệp · scale of the files' sizes; 1: as in life.")
    ] = 1,
    pace: Annotated[
        float, typer.Option(min=0, help="Giây giữa hai trạng thái · seconds between two statuses.")
    ] = 5,
    settle: Annotated[
        float, typer.Option(min=0, help="Chờ tối đa cuối cùng, giây · seconds to wait at the end.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Hạt giống · the seed.")] = 1,
    gateway: Annotated[
        str, typer.Option(help="Địa chỉ cổng · address of the gateway (default: that of `up`).")
    ] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Đóng vai các cơ quan gửi, nhận thật · play agencies that send and take as real ones do.

    Never on an installation with real documents: it sends in the name of registered organs. It
    issues credentials for them and revokes these at the end. Exit status 0: every copy that a door
    has accepted was taken by its recipient, once, as it was; 1: one was not; 2: nothing was
    accepted.
    """
    named = tuple(door.strip() for door in doors.split(","))
    if unknown := [door for door in named if door not in DOORS]:
        raise DoorUnknown(
            f"--doors {unknown[0]!r}: chọn trong / choose of {', '.join(DOORS)}, by commas"
        )
    plan = Plan(
        agencies=agencies,
        rate=rate,
        seconds=minutes * 60,
        seed=seed,
        doors=named,
        scale=size,
        pace_s=pace,
        settle_s=settle,
    )
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    tally = asyncio.run(_played(settings_of(data), plan, gateway))
    if json:
        output.as_json(tally.facts())
    else:
        _show(tally, Console())
    raise typer.Exit(2 if not tally.accepted else not tally.is_kept())


async def _played(settings: Settings, plan: Plan, gateway: str) -> Tally:
    state = running(settings.data)
    url = gateway or (state.gateway if state else "")
    if not url:
        raise NotRunning(
            "không thấy cổng: chạy `hoatoc up`, hoặc ghi --gateway http://… / no gateway is known: "
            "run `hoatoc up`, or name it by --gateway"
        )
    async with database(settings) as connection:
        registry = await RegistryTables(connection).registry()
        able = [str(o.code) for o in registry.organs if o.is_ordinary() and not o.hub]
        if len(able) < plan.agencies:
            raise TooFewAgencies(
                f"--agencies {plan.agencies}: sổ đăng ký chỉ có {len(able)} cơ quan dùng được / "
                f"the registry has {len(able)} that stand, are not locked and have a connection "
                "of their own"
            )
        organs = able[: plan.agencies]
        with TemporaryDirectory(prefix="hoatoc-traffic-") as folder:
            async with credentials(connection, settings, organs, plan.seconds) as shown:
                reach = Reach(
                    url=url,
                    kafka=settings.kafka,
                    folder=Path(folder),
                    keys=shown.keys,
                    secrets=shown.secrets,
                    axis_path=settings.facade.axis_path,
                )
                return await Traffic(plan, os.urandom(3).hex().upper()).run(reach)


def _show(tally: Tally, console: Console) -> None:
    facts = tally.facts()
    table = Table("", "", show_header=False)
    for title, text in (
        ("văn bản được nhận · letters accepted", output.counted(facts["letters"])),
        ("bản gửi · copies", f"{facts['copies']:,} ({facts['content_mb']:,} MB)"),
        ("đã đến nơi · taken", f"{facts['taken']:,}"),
        ("gửi lại, không thành hai · sent again, known", str(facts["again"])),
        ("bị từ chối · refused", output.counted(facts["refused"])),
        ("không trả lời, hỏi lại · no answer, asked again", str(facts["unknown"])),
        ("trễ giờ gửi · handed over late", str(facts["late"])),
        ("trạng thái · statuses", output.counted(facts["statuses"])),
        *(
            (f"trả lời, {door} · answer", f"p50 {ms['p50']:,} ms, p99 {ms['p99']:,} ms")
            for door, ms in facts["hand_over_ms"].items()
        ),
    ):
        table.add_row(title, text)
    console.print(table)
    for title, copies in (
        ("CHƯA ĐẾN · NOT TAKEN", tally.missing()),
        ("HAI LẦN · TWICE", tally.twice()),
        ("KHÁC NỘI DUNG · ALTERED", tally.altered()),
    ):
        for document, recipient in copies[:_SHOWN]:
            console.print(f"[red]{title}[/red] {document} → {recipient}", highlight=False)
        if len(copies) > _SHOWN:
            console.print(f"… {len(copies)} tất cả · in all", highlight=False)
