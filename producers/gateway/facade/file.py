"""The file of a hand-over, as clients send it.

The official client calls it multipart and sends none: the body is the packet and a line end. Others
send the part. Which bytes were meant is told by the digest that was signed.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from hashlib import sha256

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

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


async def begun(here: Gateway, request: Request) -> tuple[int, AsyncIterator[bytes]]:
    """Begin to read a file: return the urgency that its head tells, and all of its pieces.

    The urgency chooses the lane alone. Raises DiskShort, and what `pieces` raises.
    """
    if not here.health.has_room():
        raise DiskShort
    settings = here.settings.gateway
    coming = pieces(request, settings.largest_bytes + SMALL, settings.idle_s)
    head = b""
    async for piece in coming:
        head += piece
        if len(head) >= SMALL or _PRIORITY.search(head):
            break
    found = _PRIORITY.search(head)
    return int(found[1]) if found else 0, _joined(head, coming)


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
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


async def axis_file(request: Request, coming: AsyncIterator[bytes], stated: str) -> bytes:
    """Return the packet of a hand-over to the axis; `stated` is its digest, as signed.

    Raises HashWrong, FileMissing, BodyInvalid.
    """
    body = b"".join([piece async for piece in coming])
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    if boundary and body.startswith(f"--{boundary[1]}".encode()):
        body, _ = await form(request, _once(body), "file_doc")
    return meant_by(stated, body)


async def form(
    request: Request, coming: AsyncIterator[bytes], part: str
) -> tuple[bytes, dict[str, str]]:
    """Return the file of a multipart body, and its fields; raises FileMissing, BodyInvalid."""
    try:
        parser = MultiPartParser(request.headers, _generated(coming), max_files=4, max_fields=16)
        found = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise BodyInvalid("multipart", str(error), "multipart/form-data") from error
    try:
        file = found.get(part)
        if not isinstance(file, UploadFile):
            raise FileMissing(part)
        fields = {name: value for name, value in found.items() if isinstance(value, str)}
        return await file.read(), fields
    finally:
        await found.close()


async def _generated(coming: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in coming:
        yield piece


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def meant_by(stated: str, body: bytes) -> bytes:
    """Return what a digest is of: the body, or the body without its line end; raises HashWrong."""
    digest = sha256(body).digest()
    if is_digest(stated, digest):
        return body
    if body.endswith(_LINE_END):
        bare = body[: -len(_LINE_END)]
        digest = sha256(bare).digest()
        if is_digest(stated, digest):
            return bare
    raise HashWrong(PREFIX + HASH_FILE, stated, digest.hex())
