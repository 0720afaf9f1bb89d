"""The file of a hand-over, as clients send it, received as any packet is.

The official client calls it multipart and sends none: the body is the packet and a line end. Others
send the part. Which bytes were meant is told by the digest that was signed.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from hoatoc.content.packet import SpooledPacket, receive
from hoatoc.domain.vxp.digest import is_digest
from hoatoc.domain.vxp.header import HASH_FILE, PREFIX
from hoatoc.domain.vxp.refusal import BodyInvalid, FileMissing, HashWrong
from producers.gateway.body import pieces
from producers.gateway.refusal import BodyEmpty, DiskShort
from producers.gateway.state import Gateway

SMALL = 64 * 1024
_LINE_END = b"\r\n"
_BOUNDARY = re.compile(r'boundary="?([^";]{1,200})"?', re.IGNORECASE)
_PRIORITY = re.compile(rb"<(?:[\w.-]+:)?Priority>\s*([0-4])\s*<")


@dataclass(frozen=True, slots=True)
class Coming:
    """A body on its way in: its head, and all of it."""

    head: bytes
    all: AsyncGenerator[bytes, None]

    @property
    def priority(self) -> int:
        """The urgency that the head of the packet tells; it chooses the lane alone."""
        found = _PRIORITY.search(self.head)
        return int(found[1]) if found else 0


async def begun(here: Gateway, request: Request) -> Coming:
    """Begin to read a body; raises DiskShort, and what `pieces` raises."""
    if not here.health.room.is_left():
        raise DiskShort
    settings = here.settings.gateway
    coming = pieces(request, settings.largest_bytes + SMALL, settings.idle_s)
    head = b""
    async for piece in coming:
        head += piece
        if len(head) >= SMALL or _PRIORITY.search(head):
            break
    return Coming(head, _joined(head, coming))


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield head
    async for piece in rest:
        yield piece


async def small_body(here: Gateway, request: Request) -> bytes:
    """Read the body of a call that has none to speak of."""
    try:
        coming = pieces(request, SMALL, here.settings.gateway.idle_s)
        return b"".join([piece async for piece in coming])
    except BodyEmpty:
        return b""


async def axis_packet(
    here: Gateway, request: Request, coming: Coming, stated: str
) -> SpooledPacket:
    """Receive the packet of a hand-over to the axis; `stated` is its digest, as signed.

    Raises HashWrong, FileMissing, BodyInvalid, ContentTooLarge, DiskShort.
    """
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary and coming.head.startswith(f"--{boundary[1]}".encode()):
        async with form(request, coming) as found:
            return await _received(here, meant_by(stated, _of_part(found, "file_doc")))
    return await _received(here, meant_by(stated, coming.all))


async def province_packet(here: Gateway, found: FormData, part: str) -> SpooledPacket:
    """Receive the packet of a hand-over by form; raises FileMissing, ContentTooLarge."""
    return await _received(here, _of_part(found, part))


async def _received(here: Gateway, coming: AsyncGenerator[bytes, None]) -> SpooledPacket:
    settings = here.settings
    async with aclosing(coming):
        try:
            return await receive(coming, settings.gateway.largest_bytes, settings.content.spool)
        except OSError as error:
            raise DiskShort from error


@asynccontextmanager
async def form(request: Request, coming: Coming) -> AsyncIterator[FormData]:
    """Read a multipart body; raises BodyInvalid.

    A large part lies in a file without a name meanwhile.
    """
    try:
        parser = MultiPartParser(request.headers, coming.all, max_files=4, max_fields=16)
        found = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise BodyInvalid("multipart", str(error), "multipart/form-data") from error
    except OSError as error:
        raise DiskShort from error
    try:
        yield found
    finally:
        await found.close()


async def _of_part(found: FormData, part: str) -> AsyncGenerator[bytes, None]:
    file = found.get(part)
    if not isinstance(file, UploadFile):
        raise FileMissing(part)
    while piece := await file.read(SMALL):
        yield piece


async def meant_by(stated: str, coming: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield what a digest is of: all of it, or all but a line end at the end; raises HashWrong."""
    held, digest = b"", sha256()
    async for piece in coming:
        held += piece
        if out := held[: -len(_LINE_END)]:
            held = held[-len(_LINE_END) :]
            digest.update(out)
            yield out
    if held == _LINE_END and is_digest(stated, digest.digest()):
        return
    digest.update(held)
    if not is_digest(stated, digest.digest()):
        raise HashWrong(PREFIX + HASH_FILE, stated, digest.hexdigest())
    yield held
