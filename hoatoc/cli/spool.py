"""The command that runs a spool at a sender's side."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hoatoc import config, program
from hoatoc.config import Settings


def spool(
    folder: Annotated[
        Path,
        typer.Argument(help="Thư mục; gói tin đặt vào `outgoing` · packets go to `outgoing`."),
    ],
    gateway: Annotated[
        str, typer.Option(help="Địa chỉ cổng · the gateway (HOATOC_SPOOL_GATEWAY).")
    ] = "",
    listen: Annotated[
        str, typer.Option(help="Nhận tại host:port · takes packets here (HOATOC_SPOOL_LISTEN).")
    ] = "",
    quota_mb: Annotated[
        int, typer.Option(help="Giữ tối đa, MiB · may wait (HOATOC_SPOOL_QUOTA_MB).", min=0)
    ] = 0,
) -> None:
    """Giữ và chuyển tiếp gói tin · keep what is put into FOLDER/outgoing, and forward it."""
    from producers.spool import NAME, require_other_side
    from producers.spool import spool as body

    settings = _with(config.load(), gateway=gateway, listen=listen, quota_mb=quota_mb)
    require_other_side(settings)
    program.start(NAME, partial(body, root=folder.resolve()), settings)


def _with(settings: Settings, **given: object) -> Settings:
    changes = {name: value for name, value in given.items() if value}
    return settings.model_copy(update={"spool": settings.spool.model_copy(update=changes)})
