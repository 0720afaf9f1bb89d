"""The proxy: stands between each program and each store, and does to their talk what it is told.

A link is one program's way to one store. In a mode other than `pass` it cuts connections, lets
nothing through (`stall`), hands the store's answers over late (`late`), drops them (`deaf`), or
breaks off just when the database says that something was committed (`lost`).

    python -m tests.chaos.proxy LINKS.json
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.actor import obey

MODES = ("pass", "cut", "stall", "late", "deaf", "lost")
_IDLE = b"Z\x00\x00\x00\x05I"
_WROTE = re.compile(rb"C\x00\x00\x00.(?:COMMIT|INSERT|UPDATE|DELETE)", re.DOTALL)
_TIE_S = 1e-6


def tells_commit(data: bytes) -> bool:
    """Tell whether PostgreSQL says here that what was written is committed, and nothing is open."""
    return data.endswith(_IDLE) and _WROTE.search(data) is not None


@dataclass(eq=False, slots=True)
class Link:
    """One program's way to one store; `address` is host:port or the path of a unix socket."""

    name: str
    listen: str
    address: str
    mode: str = "pass"
    delay_s: float = 0.0
    count: int = 0
    """what was done in this mode: connections cut, chunks withheld, late or dropped"""
    pairs: set["Pair"] = field(default_factory=set)

    def turn(self, mode: str, delay_s: float) -> int:
        """Go over to a mode and return how much was done in the one before."""
        done, before = self.count, self.mode
        self.mode, self.delay_s, self.count = mode, delay_s, 0
        for pair in list(self.pairs):
            if mode == "cut" or (before == "deaf" and pair.deafened):
                self.count += mode == "cut"
                pair.abort()
            elif mode == "stall":
                pair.hold()
            elif before == "stall":
                pair.let_go()
        return done


@dataclass(eq=False, slots=True)
class Pair:
    """One connection: the client's side and the store's."""

    link: Link
    client: asyncio.Transport
    store: asyncio.Transport | None = None
    deafened: bool = False
    held: list[tuple[asyncio.Transport, bytes]] = field(default_factory=list)

    def abort(self) -> None:
        """Break both sides off."""
        self.link.pairs.discard(self)
        for side in (self.client, self.store):
            if side is not None:
                side.abort()

    def hold(self) -> None:
        """Read nothing from either side."""
        for side in (self.client, self.store):
            if side is not None and not side.is_closing():
                side.pause_reading()

    def let_go(self) -> None:
        """Hand on what was held, and read again."""
        for to, data in self.held:
            to.write(data)
        self.held.clear()
        for side in (self.client, self.store):
            if side is not None and not side.is_closing():
                side.resume_reading()


class _Side(asyncio.Protocol):
    """One end of a connection; writes to the other end, at the other's pace."""

    def __init__(self, link: Link, pair: Pair | None = None) -> None:
        self.link, self.pair, self.is_store = link, pair, pair is not None
        self.transport: asyncio.Transport | None = None
        self.last_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.pair is not None:
            self.pair.store = transport
            return
        self.pair = Pair(self.link, transport)
        if self.link.mode == "cut":
            self.link.count += 1
            transport.abort()
            return
        self.link.pairs.add(self.pair)
        transport.pause_reading()
        _KEPT.add(task := asyncio.ensure_future(_connect(self.link, self.pair)))
        task.add_done_callback(_KEPT.discard)

    def _other(self) -> asyncio.Transport | None:
        if self.pair is None:
            return None
        return self.pair.client if self.is_store else self.pair.store

    def data_received(self, data: bytes) -> None:
        other, link = self._other(), self.link
        if other is None or self.pair is None:
            return
        if link.mode == "stall":  # read before it was held
            link.count += 1
            self.pair.held.append((other, data))
            return
        if self.is_store and link.mode == "deaf":
            link.count += 1
            self.pair.deafened = True
            return
        if self.is_store and link.mode == "lost" and tells_commit(data):
            link.count += 1
            self.pair.abort()
            return
        late = link.delay_s if self.is_store and link.mode == "late" else 0.0
        link.count += late > 0
        self._later(other.write, data, late)

    def _later(self, write: Callable[[bytes], None], data: bytes, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        at = max(now + delay_s, self.last_at + _TIE_S if self.last_at > now else now)
        if at <= now:
            write(data)
            return
        self.last_at = at
        loop.call_at(at, write, data)

    def pause_writing(self) -> None:
        other = self._other()
        if other is not None and not other.is_closing():
            other.pause_reading()

    def resume_writing(self) -> None:
        other = self._other()
        if other is not None and not other.is_closing() and self.link.mode != "stall":
            other.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        other = self._other()
        if self.pair is not None:
            self.link.pairs.discard(self.pair)
        if other is not None:
            left_s = max(self.last_at - asyncio.get_running_loop().time(), 0)
            asyncio.get_running_loop().call_later(left_s + _TIE_S, other.close)


_KEPT: set["asyncio.Future[None]"] = set()


async def _connect(link: Link, pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    try:
        if link.address.startswith("/"):
            await loop.create_unix_connection(lambda: _Side(link, pair), link.address)
        else:
            host, port = link.address.split(":")
            await loop.create_connection(lambda: _Side(link, pair), host, int(port))
    except OSError:
        pair.abort()
        return
    if link.mode == "stall":
        link.count += 1
        pair.hold()
    elif not pair.client.is_closing():
        pair.client.resume_reading()


async def _listen(link: Link) -> None:
    loop = asyncio.get_running_loop()
    if link.listen.startswith("/"):
        with suppress(FileNotFoundError):
            Path(link.listen).unlink()
        await loop.create_unix_server(lambda: _Side(link), link.listen)
    else:
        host, port = link.listen.split(":")
        await loop.create_server(lambda: _Side(link), host, int(port))


async def main(file: Path) -> None:
    """Serve the links of a file until standard input ends."""
    links = {each["name"]: Link(**each) for each in json.loads(file.read_text("utf-8"))}
    for link in links.values():
        await _listen(link)

    async def turn(order: dict[str, Any]) -> dict[str, int]:
        link = links[order["link"]]
        open_now = len(link.pairs)
        done = link.turn(order["mode"], order.get("delay_s", 0.0))
        return {"done": done, "connections": open_now}

    await obey(turn)


if __name__ == "__main__":
    os.umask(0)
    asyncio.run(main(Path(sys.argv[1])))
