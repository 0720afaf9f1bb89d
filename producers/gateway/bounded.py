"""Routes whose body is JSON: read whole before it is looked at, so it is bounded and timed."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from producers.gateway.body import pieces
from producers.gateway.state import gateway_of

MOST_BYTES = 1024 * 1024
BODY_STATUSES = (400, 408, 413)
"""by what a body may be refused, whatever it says"""


class Bounded(APIRoute):
    """A route that takes a body of at most `MOST_BYTES`, and does not wait for it for ever."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return what answers a request; raises what `pieces` raises."""
        handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def bounded(request: Request) -> Response:
            idle_s = gateway_of(request).settings.gateway.idle_s
            body = b"".join([piece async for piece in pieces(request, MOST_BYTES, idle_s)])
            return await handle(Request(request.scope, _Once(request, body)))

        return bounded


class _Once:
    """Gives a body that was read; whoever asks again waits for the client to go."""

    def __init__(self, request: Request, body: bytes) -> None:
        self._request, self._body = request, body
        self._given = False

    async def __call__(self) -> Message:
        if self._given:
            return await self._request.receive()
        self._given = True
        message: dict[str, Any] = {"type": "http.request", "body": self._body}
        return message | {"more_body": False}
