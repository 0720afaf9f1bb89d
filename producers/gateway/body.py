"""The body of a request, read as it comes: bounded, not waited for for ever, checked."""

import asyncio
import base64
import binascii
import re
import time
from collections.abc import AsyncIterator

from fastapi import Request

from producers.gateway.refusal import (
    BodyEmpty,
    BodyIncomplete,
    BodySlow,
    BodyTooLarge,
    DigestInvalid,
    DigestMismatch,
)

_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?:,|$)")


LEAST_BYTES_A_SECOND, AT_LEAST_S = 1_000, 30.0
"""how slow a body may come, once it has taken so long: else one line holds a place for days"""


async def pieces(request: Request, limit: int, idle_s: float) -> AsyncIterator[bytes]:
    """Yield the body piece by piece.

    Raises BodyTooLarge, BodySlow, BodyIncomplete, BodyEmpty.
    """
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > limit:
        raise BodyTooLarge(limit)
    stream, total, began = request.stream().__aiter__(), 0, time.monotonic()
    while True:
        try:
            async with asyncio.timeout(idle_s):
                piece = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            raise BodySlow(idle_s) from error
        total += len(piece)
        if total > limit:
            raise BodyTooLarge(limit)
        spent_s = time.monotonic() - began
        if spent_s > AT_LEAST_S and total < spent_s * LEAST_BYTES_A_SECOND:
            raise BodySlow(spent_s, total)
        yield piece
    if told.isdigit() and total != int(told):
        raise BodyIncomplete
    if not total:
        raise BodyEmpty


def require_digest(request: Request, digest: bytes) -> None:
    """Hold a SHA-256 against `Content-Digest`, where there is one (RFC 9530).

    Raises DigestInvalid, DigestMismatch.
    """
    told = request.headers.get("content-digest", "")
    if "sha-256" not in told.lower():  # of other algorithms we know nothing
        return
    found = _SHA256.search(told)
    if found is None:
        raise DigestInvalid(told)
    try:
        expected = base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        raise DigestInvalid(told) from error
    if expected != digest:
        raise DigestMismatch
