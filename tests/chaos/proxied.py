"""A line to a gateway that can be cut, for a test of one who is at its other end."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hoatoc.embedded.port import free_ports
from tests.chaos.actor import Actor, actor


@asynccontextmanager
async def line_to(url: str, folder: Path) -> AsyncIterator[tuple[str, Actor]]:
    """Put the proxy of the chaos runs before a gateway; yield its address, and who turns it."""
    port = next(free_ports("127.0.0.1"))
    address = url.removeprefix("http://")
    links = [{"name": "line", "listen": f"127.0.0.1:{port}", "address": address}]
    file = folder / "links.json"
    file.write_text(json.dumps(links), "utf-8")
    async with actor("proxy", ("tests.chaos.proxy", file), folder / "proxy.log") as proxy:
        await proxy.ask(link="line", mode="pass")
        yield f"http://127.0.0.1:{port}", proxy
