"""Copies: shown to their recipient or their sender, and taken."""

import re
from base64 import b64encode
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse

from hoatoc.domain.access import Action, Thing
from hoatoc.postgres.content import ContentTables
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.document import EDXML
from producers.gateway.openapi import problems
from producers.gateway.refusal import RangeUnsatisfiable
from producers.gateway.shape import Delivery
from producers.gateway.speaking import Speaks
from producers.gateway.state import Here
from producers.gateway.trace import note

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])


@router.get(
    "/{delivery_id}", response_model=Delivery, responses=problems(401, 403, 404, 422, 429, 503)
)
async def delivery(delivery_id: UUID, here: Here, speaks: Speaks) -> Delivery:
    """Show a copy and how it stands."""
    async with here.connection() as connection:
        copy = await InboxTables(connection).copy(delivery_id)
    speaks.find(Action.READ_DELIVERY, Thing.DELIVERY, delivery_id, parties_of(copy))
    return Delivery(**copy)  # type: ignore[arg-type]


@router.get(
    "/{delivery_id}/content",
    response_class=Response,
    responses=problems(401, 403, 404, 416, 422, 429, 503)
    | {
        200: {"description": "The packet.", "content": {EDXML: {}}},
        206: {"description": "A part of the packet.", "content": {EDXML: {}}},
        304: {"description": "The client has it: `If-None-Match`."},
    },
)
async def content(
    delivery_id: UUID,
    here: Here,
    speaks: Speaks,
    wanted: Annotated[str | None, Header(alias="Range", description="one range of bytes")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Take the packet of a copy, byte by byte as it was handed over."""
    async with here.connection() as connection:
        tables = InboxTables(connection)
        copy = await tables.copy(delivery_id)
        speaks.find(Action.TAKE_CONTENT, Thing.DELIVERY, delivery_id, parties_of(copy))
        assert copy is not None  # noqa: S101 - it was found
        digest = bytes.fromhex(copy["content_sha256"])
        etag = f'"{digest.hex()}"'
        headers = {
            "ETag": etag,
            "Content-Digest": f"sha-256=:{b64encode(digest).decode()}:",
            "Accept-Ranges": "bytes",
        }
        if if_none_match is not None and etag in if_none_match:
            return Response(status_code=304, headers=headers)
        size = copy["content_bytes"]
        part = range_of(wanted, size) if wanted and if_range in (None, etag) else None
        kept = await ContentTables(connection).of_dispatch(copy["dispatch_id"])
        assert kept is not None  # noqa: S101 - its copy was found
        await note(connection, speaks, Action.TAKE_CONTENT, delivery_id)
    begin, end = part or (0, size)
    packet = await here.contents.open(kept, begin, end - 1)
    headers["Content-Length"] = str(end - begin)
    if part is None:
        return StreamingResponse(packet, headers=headers, media_type=EDXML)
    del headers["Content-Digest"]  # it would be that of the part (RFC 9530)
    headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    return StreamingResponse(packet, 206, headers, EDXML)


def parties_of(copy: dict[str, object] | None) -> list[str]:
    """Return whose a copy is: the sender's, and its recipient's from when it has left us."""
    if copy is None:
        return []
    return [str(copy["sender"]), *([str(copy["recipient"])] if copy["left_us"] else [])]


def range_of(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the begin and the end of a range (RFC 9110, 14.1.2); None: give all of it.

    What is no single range of bytes is passed over, as the RFC has it. Raises RangeUnsatisfiable.
    """
    found = _RANGE.fullmatch(wanted.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        if not length:
            raise RangeUnsatisfiable(size)
        return size - length, size
    begin = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < begin:
        return None
    if begin >= size:
        raise RangeUnsatisfiable(size)
    return begin, end
