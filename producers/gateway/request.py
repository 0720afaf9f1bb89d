"""What every request gets: an id, a line in the log, a number in the metrics, a bound."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from producers.gateway.crowd import Crowd

REQUESTS = Counter("hoatoc_gateway_requests_total", "Requests", ["route", "method", "status"])
SECONDS = Histogram("hoatoc_gateway_request_seconds", "Time to the answer's head", ["route"])
LOG = structlog.get_logger("gateway")
_HEALTH = ("/healthz", "/readyz")
"""asked by what restarts a gateway that does not answer: a crowd is no reason"""
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Requests:
    """Counts requests, bounds how many are at work, and gives each an id."""

    def __init__(self, app: ASGIApp, crowd: Crowd, refuse: Callable[[Scope], ASGIApp]) -> None:
        self._app, self._crowd, self._refuse = app, crowd, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the id that its client gave it is kept."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if _GIVEN.fullmatch(given) else uuid4().hex
        crowded = self._crowd.is_full and scope["path"] not in _HEALTH
        app = self._refuse(scope) if crowded else self._app
        bound = structlog.contextvars.bound_contextvars(request_id=request_id)
        with self._crowd.entered(scope), bound:
            await app(scope, receive, _Answer(scope, send, request_id).send)


class _Answer:
    """An answer on its way out."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope, self._send, self._id = scope, send, request_id
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send a part of the answer; its head says which request this is."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *self._headers()]}
            self._count(message["status"])
        await self._send(message)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-request-id", self._id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]

    def _count(self, status: int) -> None:
        route: Any = self._scope.get("route")
        path = getattr(route, "path", "unknown")
        method = self._scope["method"]
        REQUESTS.labels(path, method, status).inc()
        SECONDS.labels(path).observe(time.perf_counter() - self._began)
        LOG.debug("answered", route=path, method=method, status=status)
